//! Upgrades of this registry itself: an act approves one code, and then anyone may hand it in.
//!
//! The runtime reads the approval by its key, lets an upgrade to that code through until it ends, and takes it away with
//! the upgrade. Invariants: there is at most one approval, that of the act carried out last; it ends by itself, and with
//! the administrators who gave it when the glass is broken. An upgrade of the registry brings no arguments, so the code
//! that was approved is all that decides what its migration does; whoever hands it in is nobody in particular.

use chancery_sdk::prelude::*;

use crate::{ApprovedUpgrade, Registry, RegistryError, events::UpgradeApproved, refusals::check_time};

/// Days for which an approval may last.
const DAYS_MAX: u32 = 90;

#[methods]
impl Registry {
    /// The code that the registry may be upgraded to now; nothing when there is none.
    /// zh: 查询已批准的登记机构升级
    #[query]
    pub fn approved_upgrade(&self, cx: &Cx) -> Option<ApprovedUpgrade> {
        self.approved_upgrade.get().filter(|approved| cx.time_ms() < approved.until_ms)
    }

    pub(crate) fn check_approve_upgrade(&self, cx: &Cx, until_ms: u64) -> Result<(), RegistryError> {
        check_time(0, until_ms, cx.time_ms(), DAYS_MAX)
    }

    pub(crate) fn approve_upgrade(&mut self, cx: &Cx, act: u32, code: &Digest, until_ms: u64) {
        self.approved_upgrade.set(&ApprovedUpgrade { code: *code, until_ms, act });
        cx.emit(&UpgradeApproved { act, code: *code, until_ms });
    }

    /// What administrators approved who are no longer in office does not outlast them.
    pub(crate) fn forget_approved_upgrade(&mut self) {
        self.approved_upgrade.remove();
    }
}
