//! The chain of custody: who has a record, who had it before, and when it stops changing hands.

use chancery_sdk::prelude::*;

use crate::{
    Evidence, EvidenceError, Record, Status, Step,
    types::{HandedOver, OrderReturned, OrderSent, Released, Sealed, Withheld, check_reference},
};

/// Gas for taking an order.
const ORDER_GAS: u64 = 20_000_000;

#[methods]
impl Evidence {
    /// Hands a record over to another custodian. Only who has it may.
    /// zh: 移交保管
    #[access(anyone)]
    pub fn hand_over(&mut self, cx: &Cx, digest: Digest, to: Address, reason: String) -> Result<u32, EvidenceError> {
        check_reference(&reason)?;
        let mut record = self.changeable(cx, &digest)?;
        ensure!(self.custodians.contains(&to), EvidenceError::NotCustodian { account: to });
        let from = record.custodian;
        let step = Step { from, to, reason, height: cx.height(), at_ms: cx.time_ms() };
        self.custody.insert(&(digest, record.steps), &step);
        record.steps += 1;
        record.custodian = to;
        self.records.insert(&digest, &record);
        cx.emit(&HandedOver { digest, from, to });
        Ok(record.steps)
    }

    /// Seals a record: it never changes hands again. Only who has it may.
    /// zh: 封存
    #[access(anyone)]
    pub fn seal(&mut self, cx: &Cx, digest: Digest) -> Result<(), EvidenceError> {
        let mut record = self.changeable(cx, &digest)?;
        record.status = Status::Sealed;
        self.records.insert(&digest, &record);
        cx.emit(&Sealed { digest });
        Ok(())
    }

    /// Withholds a record by order of the court.
    /// zh: 依裁定限制
    #[access(only(court))]
    pub fn withhold(&mut self, cx: &Cx, digest: Digest, order: String) -> Result<(), EvidenceError> {
        check_reference(&order)?;
        let mut record = self.record(digest)?;
        if let Some(order) = record.withheld {
            return Err(EvidenceError::RecordWithheld { order });
        }
        record.withheld = Some(order.clone());
        self.records.insert(&digest, &record);
        cx.emit(&Withheld { digest, order });
        Ok(())
    }

    /// Releases a withheld record by order of the court.
    /// zh: 解除限制
    #[access(only(court))]
    pub fn release(&mut self, cx: &Cx, digest: Digest, order: String) -> Result<(), EvidenceError> {
        check_reference(&order)?;
        let mut record = self.record(digest)?;
        ensure!(record.withheld.is_some(), EvidenceError::NotWithheld);
        record.withheld = None;
        self.records.insert(&digest, &record);
        cx.emit(&Released { digest, order });
        Ok(())
    }

    /// Sends an order of the court to a contract on another chain: its method `withhold` is given the subject, the order's
    /// reference and whether it is withheld from now on. Returns the message's number.
    /// zh: 将法院令送达其他链上的合约
    #[access(only(court))]
    pub fn send_order(
        &mut self,
        cx: &Cx,
        subject: Digest,
        order: String,
        withheld: bool,
        chain: String,
        contract: Address,
    ) -> Result<u64, EvidenceError> {
        check_reference(&order)?;
        let chain = Name::new(chain).map_err(|_| EvidenceError::NotSent)?;
        let sent = cx.send(&chain, &contract, "withhold", &(subject, order.clone(), withheld), ORDER_GAS);
        let number = sent.map_err(|_| EvidenceError::NotSent)?;
        cx.emit(&OrderSent { subject, order, withheld, number });
        Ok(number)
    }

    /// An order that was not taken there.
    /// zh: 法院令未被接收
    #[on_bounce]
    pub fn order_returned(&mut self, cx: &Cx) {
        if let Some(bounced) = cx.arrived().and_then(|arrived| arrived.bounce) {
            cx.emit(&OrderReturned { contract: bounced.contract, number: bounced.sequence });
        }
    }

    /// How a record changed hands, from the first time after place `after` on.
    /// zh: 查询保管链
    #[query]
    pub fn custody(&self, digest: Digest, after: Option<u32>, limit: u32) -> Vec<Step> {
        self.custody.page_of(&digest, after.as_ref(), limit).into_iter().map(|(_, step)| step).collect()
    }

    /// The record, when the caller has it and it may change hands.
    fn changeable(&self, cx: &Cx, digest: &Digest) -> Result<Record, EvidenceError> {
        let record = self.record(*digest)?;
        ensure!(record.custodian == cx.caller(), EvidenceError::NotInYourHands { custodian: record.custodian });
        ensure!(record.status == Status::Open, EvidenceError::RecordSealed);
        match record.withheld {
            Some(order) => Err(EvidenceError::RecordWithheld { order }),
            None => Ok(record),
        }
    }
}
