//! Freezing an account or a contract, ending it, and appealing against it.
//!
//! Invariants: a freeze names its legal basis, was approved by two departments at least, and ends by itself. The registry
//! and its administrators are never frozen. Who is frozen can always appeal, once at a time, and the appeal stays on
//! record with its decision; at least one who approves the decision did not approve the freeze.

use chancery_sdk::prelude::*;

use crate::{
    Appeal, Approval, Decision, Freeze, Registry, RegistryError,
    events::{AppealDecided, AppealFiled, Frozen, Unfrozen},
    refusals::{check_reference, check_time},
};

/// Days that a freeze may last; another act prolongs it.
const DAYS_MAX: u32 = 366;

#[methods]
impl Registry {
    /// Appeals against a freeze: who is frozen may, and an administrator for someone who cannot. The statement stays off
    /// the chain; this is its salted digest. Returns the appeal's number.
    /// zh: 对冻结提出申诉
    #[access(anyone)]
    pub fn appeal(
        &mut self,
        cx: &Cx,
        target: Address,
        statement: Digest,
        reference: String,
    ) -> Result<u32, RegistryError> {
        self.settle(cx);
        let filed_by = cx.caller();
        let may = filed_by == target || self.administrators.contains(&filed_by);
        ensure!(may, RegistryError::NotAppellant);
        check_reference(&reference)?;
        let mut freeze = self.freeze_of(cx, &target).ok_or(RegistryError::NotFrozen)?;
        if let Some(appeal) = freeze.appeal {
            return Err(RegistryError::AppealOpen { appeal });
        }
        let number = self.appeal_count.get_or_default();
        self.appeal_count.set(&(number + 1));
        let filed_ms = cx.time_ms();
        let appeal = Appeal { target, freeze: freeze.act, filed_by, statement, reference, filed_ms, decision: None };
        self.appeals.insert(&number, &appeal);
        self.appeals_of.insert(&target, &number);
        freeze.appeal = Some(number);
        self.freezes.insert(&target, &freeze);
        cx.emit(&AppealFiled { target, appeal: number });
        Ok(number)
    }

    /// Whether an account or contract is frozen now.
    /// zh: 查询是否被冻结
    #[query]
    pub fn is_frozen(&self, cx: &Cx, target: Address) -> bool {
        self.freeze_of(cx, &target).is_some()
    }

    /// The freeze of an account or contract, when there is one now.
    /// zh: 查询冻结
    #[query]
    pub fn frozen(&self, cx: &Cx, target: Address) -> Option<Freeze> {
        self.freeze_of(cx, &target)
    }

    /// What was frozen and not ended by an act, in the order of addresses, after the one given; among them freezes that
    /// ended by themselves.
    /// zh: 查询全部冻结
    #[query]
    pub fn freezes(&self, after: Option<Address>, limit: u32) -> Vec<(Address, Freeze)> {
        self.freezes.page(after.as_ref(), limit)
    }

    /// Appeals in the order of their numbers, after the one given.
    /// zh: 查询全部申诉
    #[query]
    pub fn appeals(&self, after: Option<u32>, limit: u32) -> Vec<(u32, Appeal)> {
        self.appeals.page(after.as_ref(), limit)
    }

    /// The numbers of an account's or contract's appeals, after the one given.
    /// zh: 查询某账户的申诉
    #[query]
    pub fn appeals_of(&self, target: Address, after: Option<u32>, limit: u32) -> Vec<u32> {
        self.appeals_of.page(&target, after.as_ref(), limit)
    }

    pub(crate) fn freeze_of(&self, cx: &Cx, target: &Address) -> Option<Freeze> {
        self.freezes.get(target).filter(|freeze| cx.time_ms() < freeze.until_ms)
    }

    pub(crate) fn check_freezable(&self, cx: &Cx, target: &Address) -> Result<(), RegistryError> {
        let never = *target == cx.this() || self.administrators.contains(target);
        ensure!(!never, RegistryError::CannotFreeze);
        Ok(())
    }

    pub(crate) fn check_freeze(
        &self,
        cx: &Cx,
        target: &Address,
        legal_basis: &str,
        until_ms: u64,
    ) -> Result<(), RegistryError> {
        self.check_freezable(cx, target)?;
        check_reference(legal_basis)?;
        check_time(0, until_ms, cx.time_ms(), DAYS_MAX)
    }

    pub(crate) fn freeze(
        &mut self,
        cx: &Cx,
        act: u32,
        approvals: &[Approval],
        target: &Address,
        legal_basis: &str,
        until_ms: u64,
    ) {
        let mut departments: Vec<String> = Vec::new();
        for approval in approvals {
            if !departments.contains(&approval.department) {
                departments.push(approval.department.clone());
            }
        }
        // Prolonging a freeze does not close the appeal against it.
        let appeal = self.freeze_of(cx, target).and_then(|freeze| freeze.appeal);
        let freeze = Freeze {
            act,
            legal_basis: legal_basis.to_owned(),
            departments,
            since_ms: cx.time_ms(),
            since_height: cx.height(),
            until_ms,
            appeal,
        };
        self.freezes.insert(target, &freeze);
        cx.emit(&Frozen { target: *target, act, until_ms });
    }

    pub(crate) fn check_unfreeze(&self, cx: &Cx, target: &Address, legal_basis: &str) -> Result<(), RegistryError> {
        check_reference(legal_basis)?;
        ensure!(self.freeze_of(cx, target).is_some(), RegistryError::NotFrozen);
        Ok(())
    }

    pub(crate) fn unfreeze(&mut self, cx: &Cx, act: Option<u32>, target: &Address) {
        if self.freezes.remove(target) {
            cx.emit(&Unfrozen { target: *target, act });
        }
    }

    pub(crate) fn check_decide(
        &self,
        number: u32,
        reference: &str,
        approvals: &[Approval],
    ) -> Result<(), RegistryError> {
        check_reference(reference)?;
        let appeal = self.appeals.get(&number).filter(|appeal| appeal.decision.is_none());
        let appeal = appeal.ok_or(RegistryError::NoAppeal { appeal: number })?;
        let froze = self.act(appeal.freeze)?.approvals;
        let others = |approval: &Approval| froze.iter().all(|other| other.administrator != approval.administrator);
        ensure!(approvals.iter().any(others), RegistryError::OwnFreeze);
        Ok(())
    }

    pub(crate) fn decide(
        &mut self,
        cx: &Cx,
        act: u32,
        number: u32,
        granted: bool,
        reference: &str,
    ) -> Result<(), RegistryError> {
        let mut appeal = self.appeals.get(&number).ok_or(RegistryError::NoAppeal { appeal: number })?;
        appeal.decision = Some(Decision { granted, act, reference: reference.to_owned(), at_ms: cx.time_ms() });
        self.appeals.insert(&number, &appeal);
        let target = appeal.target;
        // The freeze that it is about may have ended, and another begun.
        let is_of_freeze = self.freezes.get(&target).is_some_and(|freeze| freeze.appeal == Some(number));
        if is_of_freeze && granted {
            self.unfreeze(cx, Some(act), &target);
        } else if is_of_freeze {
            self.freezes.update(&target, |freeze| freeze.appeal = None);
        }
        cx.emit(&AppealDecided { target, appeal: number, granted });
        Ok(())
    }
}
