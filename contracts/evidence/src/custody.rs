//! The chain of custody: who has a record, who had it before, and when it stops changing hands.

use chancery_sdk::prelude::*;

use crate::{
    Evidence, EvidenceError, Record, Status, Step,
    types::{HandedOver, Released, Sealed, Withheld, check_reference},
};

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
