//! From a measure to what it does: every measure is checked whole before anything of it is written.

use chancery_sdk::prelude::*;

use crate::{Act, Approval, Measure, Registry, RegistryError};

impl Registry {
    /// Refuses a measure that cannot be carried out as things stand now.
    pub(crate) fn check(&self, cx: &Cx, measure: &Measure, approvals: &[Approval]) -> Result<(), RegistryError> {
        match measure {
            Measure::FoundDepartment { name, title } => self.check_found(name, title),
            Measure::DissolveDepartment { name } => self.check_dissolve(name),
            Measure::AppointAdministrator { administrator } => self.check_appoint(cx, administrator),
            Measure::DismissAdministrator { account } => self.check_dismiss(account),
            Measure::ReplaceAdministrator { old, new } => self.check_replace(cx, old, new),
            Measure::SetRule { class, rule } => self.check_set_rule(*class, rule),
            Measure::AddNode { node, from_height } => self.check_add_node(cx, node, *from_height),
            Measure::RotateNodeKey { old, new, at_height, .. } => self.check_rotate(cx, old, new, *at_height),
            Measure::RevokeNode { key, at_height } => self.check_revoke(cx, key, *at_height),
            Measure::SetCommittee { chain, members, from_height } => {
                self.plan(cx, chain, members, *from_height, None).map(|_| ())
            }
            Measure::GrantRole { department, role, from_ms, until_ms, .. } => {
                self.check_grant_role(cx, department, role, *from_ms, *until_ms)
            }
            Measure::RevokeRole { department, role, account } => self.check_revoke_role(department, role, account),
            Measure::GrantDeployment { chain, department, until_ms, .. } => {
                self.check_grant_deployment(cx, chain, department, *until_ms)
            }
            Measure::RevokeDeployment { chain, department, account } => {
                self.check_revoke_deployment(chain, department, account)
            }
            Measure::AppointMeter { .. } => Ok(()),
            Measure::DismissMeter { account } => self.check_meter(account),
            Measure::SetQuota { department, quota } => self.check_set_quota(department, quota),
            Measure::GrantExtra { department, gas, storage } => self.check_extra(department, *gas, *storage),
            Measure::Freeze { target, legal_basis, until_ms } => self.check_freeze(cx, target, legal_basis, *until_ms),
            Measure::Unfreeze { target, legal_basis } => self.check_unfreeze(cx, target, legal_basis),
            Measure::DecideAppeal { appeal, reference, .. } => self.check_decide(*appeal, reference, approvals),
            Measure::FoundChain { chain, department, members, anchor_ms, deployers_until_ms, .. } => {
                self.check_found_chain(cx, chain, department, members, *anchor_ms)?;
                self.check_grant_deployment(cx, chain, department, *deployers_until_ms)
            }
            Measure::RetireChain { chain } => self.check_retire_chain(chain),
            Measure::RotateThresholdKey { from_height } => self.check_rotate_threshold_key(cx, *from_height),
            Measure::GiveUpRotation => self.check_give_up_rotation(cx),
            Measure::ApproveUpgrade { until_ms, .. } => self.check_approve_upgrade(cx, *until_ms),
            Measure::AppointSponsor { department, until_ms, .. } => {
                self.check_appoint_sponsor(cx, department, *until_ms)
            }
            Measure::DismissSponsor { account } => self.check_dismiss_sponsor(account),
        }
    }

    /// Does what a measure says that [`Self::check`] let pass.
    pub(crate) fn apply(&mut self, cx: &Cx, number: u32, act: &Act) -> Result<(), RegistryError> {
        match &act.measure {
            Measure::FoundDepartment { name, title } => self.found(cx, name, title),
            Measure::DissolveDepartment { name } => self.dissolve(cx, name),
            Measure::AppointAdministrator { administrator } => self.appoint(cx, administrator),
            Measure::DismissAdministrator { account } => self.dismiss(account),
            Measure::ReplaceAdministrator { old, new } => self.replace(cx, old, new),
            Measure::SetRule { class, rule } => self.rules.insert(&(*class as u8), rule),
            Measure::AddNode { node, from_height } => self.add_node(node, *from_height),
            Measure::RotateNodeKey { old, new, operator, at_height } => {
                return self.rotate(cx, old, new, operator, *at_height);
            }
            Measure::RevokeNode { key, at_height } => self.revoke(key, *at_height, None),
            Measure::SetCommittee { chain, members, from_height } => {
                self.set_committee(cx, chain, members.clone(), *from_height);
            }
            Measure::GrantRole { department, role, account, from_ms, until_ms } => {
                self.grant_role(number, department, role, account, *from_ms, *until_ms);
            }
            Measure::RevokeRole { department, role, account } => self.revoke_role(department, role, account),
            Measure::GrantDeployment { chain, department, account, until_ms } => {
                self.grant_deployment(Some(number), chain, department, account, *until_ms);
            }
            Measure::RevokeDeployment { chain, department, account } => {
                self.revoke_deployment(chain, department, account);
            }
            Measure::AppointMeter { account } => self.meters.insert(account),
            Measure::DismissMeter { account } => {
                self.meters.remove(account);
            }
            Measure::SetQuota { department, quota } => self.set_quota(cx, department, quota),
            Measure::GrantExtra { department, gas, storage } => self.grant_extra(cx, department, *gas, *storage),
            Measure::Freeze { target, legal_basis, until_ms } => {
                self.freeze(cx, number, &act.approvals, target, legal_basis, *until_ms);
            }
            Measure::Unfreeze { target, .. } => self.unfreeze(cx, Some(number), target),
            Measure::DecideAppeal { appeal, granted, reference } => {
                return self.decide(cx, number, *appeal, *granted, reference);
            }
            Measure::FoundChain { chain, department, members, anchor_ms, deployers, deployers_until_ms } => {
                self.found_chain(cx, chain, department, members, *anchor_ms);
                for account in deployers {
                    self.grant_deployment(Some(number), chain, department, account, *deployers_until_ms);
                }
            }
            Measure::RetireChain { chain } => self.retire_chain(cx, chain),
            Measure::RotateThresholdKey { from_height } => self.rotate_threshold_key(number, *from_height),
            Measure::GiveUpRotation => self.give_up_rotation(cx),
            Measure::ApproveUpgrade { code, until_ms } => self.approve_upgrade(cx, number, code, *until_ms),
            Measure::AppointSponsor { account, department, until_ms } => {
                self.appoint_sponsor(number, account, department, *until_ms);
            }
            Measure::DismissSponsor { account } => self.dismiss_sponsor(account),
        }
        Ok(())
    }
}
