//! What other chains have to say in a lottery: who is eligible, what a court withholds, and that a list was fixed in time.
//!
//! Where a period requires it, a token is signed only for a verification that the contract `identity` has on record, one for
//! each, whether word of that came by a message or is presented with its proof; and a list never has more entries than were
//! issued. Whose a token is remains unknown: what is recorded is the blinded one.

use chancery_sdk::{
    Anchored,
    prelude::*,
    slot::{SlotKey as _, push_field},
};

use crate::{
    Eligible, Issued, LotteryError, PlateLottery, Source, Stage, rsa,
    types::{ListAnchored, OrderTaken, TokenIssued},
};

/// What a record of `identity` begins with.
#[data]
struct VerificationRecord {
    /// The department that verified.
    department: Address,
    /// The salted commitment of the reason.
    reason: Digest,
    /// The digest of the sealed reason.
    sealed: Digest,
    /// At which height.
    height: u64,
    /// When, milliseconds since 1970.
    at_ms: u64,
}

#[methods]
impl PlateLottery {
    /// Says whose word counts: the contract `identity`, and the court's.
    /// zh: 设定可信来源:身份合约与法院合约
    #[access(role(lottery_officer))]
    pub fn set_sources(&mut self, identity: Source, court: Source) -> Result<(), LotteryError> {
        self.identity.set(&identity);
        self.court.set(&court);
        Ok(())
    }

    /// Has a period take as many entries only as tokens were issued for verified residents. It cannot be taken back.
    /// zh: 要求本期凭身份核验签发凭证
    #[access(role(lottery_officer))]
    pub fn require_identity(&mut self, period: u32) -> Result<(), LotteryError> {
        let open = self.period_at(period, Stage::Open)?;
        ensure!(open.entries == 0 && self.identity.get().is_some(), LotteryError::OtherStage);
        self.issued_counts.insert(&period, &0);
        Ok(())
    }

    /// A resident was verified for a period: word of that from `identity`.
    /// zh: 收到身份核验结果
    #[on_message]
    pub fn eligible(
        &mut self,
        cx: &Cx,
        period: u32,
        tag: Digest,
        commitment: Digest,
        department: Address,
    ) -> Result<(), LotteryError> {
        self.check_source(cx, self.identity.get())?;
        self.period_at(period, Stage::Open)?;
        self.eligible.insert(&(period, tag), &Eligible { department, commitment });
        Ok(())
    }

    /// Records that a blinded token was signed for a verification, one for each. The verification is known by a message, or
    /// presented: an entry of the mainchain's state with its proof.
    /// zh: 凭核验签发盲签凭证
    #[access(role(lottery_officer))]
    pub fn issue(
        &mut self,
        cx: &Cx,
        period: u32,
        tag: Digest,
        blinded: [u8; 256],
        signature: [u8; 256],
        presented: Option<Vec<u8>>,
    ) -> Result<u32, LotteryError> {
        let open = self.period_at(period, Stage::Open)?;
        let count = self.issued_counts.get(&period).ok_or(LotteryError::OtherStage)?;
        ensure!(!self.issued.contains(&(period, tag)), LotteryError::AlreadyIssued);
        let department = match &presented {
            Some(presented) => self.presented(cx, &tag, presented)?,
            None => self.eligible.get(&(period, tag)).ok_or(LotteryError::NotVerified)?.department,
        };
        ensure!(department == cx.caller(), LotteryError::NotVerified);
        ensure!(rsa::opens(&open.token_key, &signature, &blinded), LotteryError::BadToken);
        let record = Issued { blinded: cx.sha256(&blinded), height: cx.height() };
        self.issued.insert(&(period, tag), &record);
        self.issued_counts.insert(&period, &(count + 1));
        cx.emit(&TokenIssued { period, tag });
        Ok(count + 1)
    }

    /// The department whose verification is on record under a tag, by what is presented.
    fn presented(&self, cx: &Cx, tag: &Digest, presented: &[u8]) -> Result<Address, LotteryError> {
        let fact = cx.mainchain_entry(presented).ok_or(LotteryError::NotVerified)?;
        let mut slot = Vec::new();
        push_field(&mut slot, "records");
        tag.push_to(&mut slot);
        let source = self.identity.get().ok_or(LotteryError::UnknownSource)?;
        let is_it = cx.mainchain().is_some_and(|main| main.as_str() == source.chain)
            && fact.contract == source.contract
            && fact.key == slot;
        ensure!(is_it, LotteryError::NotVerified);
        let record = fact.value.and_then(|value| {
            <VerificationRecord as chancery_sdk::__private::codec::Decode>::decode(&mut &value[..]).ok()
        });
        Ok(record.ok_or(LotteryError::NotVerified)?.department)
    }

    /// A court withholds what an entry may win, by its token's hash, or gives it free again.
    /// zh: 收到法院限制或解除令
    #[on_message]
    pub fn withhold(&mut self, cx: &Cx, subject: Digest, order: String, withheld: bool) -> Result<(), LotteryError> {
        self.check_source(cx, self.court.get())?;
        match withheld {
            true => self.withheld.insert(&subject, &order),
            false => drop(self.withheld.remove(&subject)),
        }
        cx.emit(&OrderTaken { subject, order, withheld });
        Ok(())
    }

    /// Shows that a frozen list was on the mainchain's record before the beacon that draws could be known. Anyone may. On a
    /// sidechain there is no draw without it.
    /// zh: 证明名单在信标产生之前已锚定
    #[access(anyone)]
    pub fn show_anchored(&mut self, cx: &Cx, period: u32, presented: Vec<u8>) -> Result<u64, LotteryError> {
        let frozen = self.period_at(period, Stage::Frozen)?;
        let record: Anchored = cx.own_anchor(&presented).ok_or(LotteryError::NotAnchored)?;
        let (since, due) = (frozen.frozen_height.unwrap_or(u64::MAX), frozen.draw_height.unwrap_or_default());
        ensure!(record.height >= since && record.mainchain_height < due, LotteryError::NotAnchored);
        self.anchored.insert(&period, &record.mainchain_height);
        cx.emit(&ListAnchored { period, mainchain_height: record.mainchain_height });
        Ok(record.mainchain_height)
    }

    /// How many tokens were issued for a period that requires verified residents.
    /// zh: 查询已签发凭证数
    #[query]
    pub fn issued_for(&self, period: u32) -> Option<u32> {
        self.issued_counts.get(&period)
    }

    /// The order by which an entry is withheld, by its token's hash.
    /// zh: 查询限制令
    #[query]
    pub fn order_on(&self, token: Digest) -> Option<String> {
        self.withheld.get(&token)
    }

    /// Refuses a message that is not from where it must be.
    fn check_source(&self, cx: &Cx, source: Option<Source>) -> Result<(), LotteryError> {
        let arrived = cx.arrived().ok_or(LotteryError::UnknownSource)?;
        let is_it =
            source.is_some_and(|source| source.chain == arrived.chain.as_str() && source.contract == arrived.sender);
        ensure!(is_it, LotteryError::UnknownSource);
        Ok(())
    }
}
