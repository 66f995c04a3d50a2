//! Benefits against points of another chain: each voucher costs so many points, as long as there are any left.
//!
//! Points come in the books of the lane from the one contract that issues them, so there can never be more here than were
//! sent. What cannot be granted is refused, and the points go back by themselves.
#![no_std]

use chancery_sdk::prelude::*;

/// Vouchers for points.
#[contract]
pub struct Benefits {
    /// The chain that points come from.
    #[public]
    chain: Value<String>,
    /// The contract there that issues them.
    #[public]
    issuer: Value<Address>,
    /// What a voucher costs.
    #[public]
    price: Value<u64>,
    /// Vouchers that are left.
    #[public]
    stock: Value<u64>,
    /// Points that came.
    #[public]
    points: Value<u64>,
    /// Vouchers that were granted, by the receipt's number.
    #[public]
    vouchers: Map<Digest, u64>,
}

/// Why nothing is granted.
#[error]
pub enum BenefitsError {
    /// From elsewhere.
    #[code(1)]
    #[message(en = "the points are not those of the issuer", zh = "积分并非来自发行方")]
    NotIssued,
    /// Too few, or none left.
    #[code(2)]
    #[message(en = "too few points, or no vouchers left", zh = "积分不足或已发完")]
    NothingToGrant,
    /// Twice.
    #[code(3)]
    #[message(en = "a voucher was granted under this receipt", zh = "该收据已获权益")]
    Known,
}

#[methods]
impl Benefits {
    /// Whose points count, what a voucher costs and how many there are.
    #[init]
    pub fn init(&mut self, from_chain: String, issuer: Address, price: u64, stock: u64) {
        self.chain.set(&from_chain);
        self.issuer.set(&issuer);
        self.price.set(&price.max(1));
        self.stock.set(&stock);
    }

    /// Grants vouchers for the points that came with the message.
    #[on_message]
    pub fn grant(&mut self, cx: &Cx, receipt: Digest) -> Result<(), BenefitsError> {
        let arrived = cx.arrived().ok_or(BenefitsError::NotIssued)?;
        let is_issuer =
            Some(arrived.sender) == self.issuer.get() && self.chain.get().as_deref() == Some(arrived.chain.as_str());
        let quantity = arrived.quantity.filter(|quantity| is_issuer && quantity.asset.as_str() == "points");
        let amount = quantity.ok_or(BenefitsError::NotIssued)?.amount;
        ensure!(!self.vouchers.contains(&receipt), BenefitsError::Known);
        let (count, stock) = (amount / self.price.get_or(1), self.stock.get_or(0));
        ensure!(count > 0 && count <= stock, BenefitsError::NothingToGrant);
        self.stock.set(&(stock - count));
        self.points.set(&(self.points.get_or(0) + amount));
        self.vouchers.insert(&receipt, &count);
        Ok(())
    }

    /// Vouchers granted under a receipt's number.
    #[query]
    pub fn voucher(&self, receipt: Digest) -> Option<u64> {
        self.vouchers.get(&receipt)
    }

    /// Points that came, and vouchers that are left.
    #[query]
    pub fn account(&self) -> (u64, u64) {
        (self.points.get_or(0), self.stock.get_or(0))
    }
}
