//! Breaking the glass: when the administrators can no longer act, the operators of a quorum of the mainchain's committee
//! replace all of them by one signed file, effective at a height.
//!
//! Invariants: a file is signed for this one registry and its number, and serves once. It is loud: filed, it stands in
//! the state and in an event before it takes effect, and again when it does. Until its height the present administrators
//! go on; a quorum may put the same number's place to another use by filing the next number before that height. From its
//! height on nothing that is done here comes before it. It changes administrators and rules, ends what was approved to
//! upgrade to, and does nothing else; they do the rest by acts. No administrator can stop it: whoever holds a quorum of the
//! operators holds the chain.

use chancery_sdk::prelude::*;

use crate::{
    Class, NewAdministrator, Registry, RegistryError, Rule,
    administration::{check_rule, check_usable},
    events::{BreakGlassFiled, BreakGlassInForce},
    nodes::faults,
    refusals::check_reference,
};

/// What the signed bytes begin with.
const DOMAIN: &[u8] = b"chancery/registry/break-glass/v1";
/// How many heights ahead the effective one may lie.
const AHEAD_MAX: u64 = 10_000_000;
/// Administrators of one file.
const ADMINISTRATORS_MAX: usize = 64;

/// What operators sign.
#[data]
#[derive(Clone)]
pub struct Order {
    /// The file's number: one more than the last.
    pub number: u32,
    /// Who is administrator from then on, and nobody else.
    pub administrators: Vec<NewAdministrator>,
    /// The rule of routine acts from then on.
    pub routine: Rule,
    /// The rule of constitutional acts from then on.
    pub constitution: Rule,
    /// The rule of freezes from then on.
    pub freeze: Rule,
    /// The height at which it takes effect.
    pub effective_height: u64,
    /// The reference of its legal basis.
    pub legal_basis: String,
}

/// An operator's signature.
#[data]
#[derive(Clone)]
pub struct OperatorSignature {
    /// The node whose operator signs.
    pub node: [u8; 32],
    /// The ed25519 signature by that operator's key.
    pub signature: [u8; 64],
}

/// A break-glass file that was filed.
#[data]
#[derive(Clone)]
pub struct BreakGlass {
    /// What was ordered.
    pub order: Order,
    /// The nodes whose operators signed.
    pub signed_by: Vec<[u8; 32]>,
    /// Who filed it, which proves nothing.
    pub filed_by: Address,
    /// At which height it was filed.
    pub filed_height: u64,
    /// At which height it was carried out.
    pub done_height: Option<u64>,
}

#[methods]
impl Registry {
    /// Files a break-glass file. Anyone may: the signatures decide.
    /// zh: 提交应急文件(须由委员会法定多数的运营方签署)
    #[access(anyone)]
    pub fn break_glass(
        &mut self,
        cx: &Cx,
        order: Order,
        signatures: Vec<OperatorSignature>,
    ) -> Result<(), RegistryError> {
        self.settle(cx);
        self.check_order(cx, &order)?;
        self.check_signatures(cx, &order, &signatures)?;
        let number = order.number;
        let (effective_height, reference) = (order.effective_height, order.legal_basis.clone());
        let file = BreakGlass {
            order,
            signed_by: signatures.into_iter().map(|signature| signature.node).collect(),
            filed_by: cx.caller(),
            filed_height: cx.height(),
            done_height: None,
        };
        self.break_glass_files.insert(&number, &file);
        self.break_glass_count.set(&(number + 1));
        self.break_glass_waiting.set(&number);
        cx.emit(&BreakGlassFiled { number, effective_height, reference });
        Ok(())
    }

    /// Lets a break-glass file take effect whose height has come. Anyone may, and every other method does it first anyway.
    /// zh: 使已到高度的应急文件生效
    #[access(anyone)]
    pub fn take_effect(&mut self, cx: &Cx) -> Result<(), RegistryError> {
        ensure!(self.settle(cx), RegistryError::NoBreakGlass);
        Ok(())
    }

    /// The bytes that an operator signs for an order.
    /// zh: 查询应急文件的待签字节
    #[query]
    pub fn break_glass_message(&self, order: Order) -> Vec<u8> {
        self.message(&order)
    }

    /// The number that the next break-glass file has, and the file that waits for its height.
    /// zh: 查询应急文件状态
    #[query]
    pub fn break_glass_status(&self) -> (u32, Option<BreakGlass>) {
        let waiting = self.break_glass_waiting.get().and_then(|number| self.break_glass_files.get(&number));
        (self.break_glass_count.get_or_default(), waiting)
    }

    /// Break-glass files in the order of their numbers, after the one given.
    /// zh: 查询全部应急文件
    #[query]
    pub fn break_glass_files(&self, after: Option<u32>, limit: u32) -> Vec<BreakGlass> {
        self.break_glass_files.page(after.as_ref(), limit).into_iter().map(|(_, file)| file).collect()
    }

    /// Carries out the break-glass file whose height has come, if there is one; whether there was.
    pub(crate) fn settle(&mut self, cx: &Cx) -> bool {
        let Some(number) = self.break_glass_waiting.get() else { return false };
        let Some(mut file) = self.break_glass_files.get(&number) else { return false };
        if file.order.effective_height > cx.height() {
            return false;
        }
        let dismissed: Vec<Address> = self.administrators.iter().map(|(account, _)| account).collect();
        for account in &dismissed {
            self.administrators.remove(account);
        }
        for administrator in &file.order.administrators {
            // An administrator is never frozen.
            self.unfreeze(cx, None, &administrator.account);
            self.appoint(cx, administrator);
        }
        self.set_rules(&file.order);
        self.forget_approved_upgrade();
        file.done_height = Some(cx.height());
        self.break_glass_files.insert(&number, &file);
        self.break_glass_waiting.remove();
        cx.emit(&BreakGlassInForce { number });
        true
    }

    /// Whether the file that waits appoints administrators of a department.
    pub(crate) fn is_in_waiting_order(&self, department: &str) -> bool {
        let (_, waiting) = self.break_glass_status();
        waiting.is_some_and(|file| file.order.administrators.iter().any(|new| new.department == department))
    }

    fn set_rules(&mut self, order: &Order) {
        for (class, rule) in rules(order) {
            self.rules.insert(&(class as u8), rule);
        }
    }

    fn check_order(&self, cx: &Cx, order: &Order) -> Result<(), RegistryError> {
        let number = self.break_glass_count.get_or_default();
        ensure!(order.number == number, RegistryError::BreakGlassNumber { number });
        check_reference(&order.legal_basis)?;
        let height = cx.height();
        ensure!(order.effective_height > height, RegistryError::HeightOver { height });
        let in_reach = order.effective_height - height <= AHEAD_MAX;
        ensure!(in_reach, RegistryError::TooFarAhead { limit: AHEAD_MAX });
        let too_many = RegistryError::TooMany { limit: ADMINISTRATORS_MAX as u32 };
        ensure!(order.administrators.len() <= ADMINISTRATORS_MAX, too_many);
        for (place, new) in order.administrators.iter().enumerate() {
            self.check_department(&new.department)?;
            let twice = order.administrators.iter().take(place).any(|other| other.account == new.account);
            ensure!(!twice, RegistryError::AlreadyAdministrator { account: new.account });
        }
        for (class, rule) in rules(order) {
            check_rule(class, rule)?;
        }
        let departments: Vec<String> = order.administrators.iter().map(|new| new.department.clone()).collect();
        check_usable(&departments, &order.routine)?;
        check_usable(&departments, &order.constitution)
    }

    /// Refuses unless the operators of a quorum of the committee that serves now signed.
    fn check_signatures(&self, cx: &Cx, order: &Order, signatures: &[OperatorSignature]) -> Result<(), RegistryError> {
        let ascending = signatures.windows(2).all(|pair| pair[0].node < pair[1].node);
        ensure!(ascending, RegistryError::BadSignature);
        let committee = self.committee(String::from(cx.chain().as_str()), cx.height())?;
        let quorum = (committee.members.len() - faults(committee.members.len())) as u32;
        let found = signatures.len() as u32;
        // Counted before any is checked, so that too few cost nobody the work.
        ensure!(found >= quorum, RegistryError::NoQuorum { found, quorum });
        let message = self.message(order);
        for OperatorSignature { node, signature } in signatures {
            ensure!(committee.members.contains(node), RegistryError::BadSignature);
            let operator = self.node(*node)?.operator;
            ensure!(cx.verify_ed25519(&operator, signature, &message), RegistryError::BadSignature);
        }
        Ok(())
    }

    fn message(&self, order: &Order) -> Vec<u8> {
        let founding = self.founding.get_or(Digest::default());
        let mut message = [DOMAIN, &founding.0].concat();
        message.extend(encoded(order));
        message
    }
}

fn encoded(order: &Order) -> Vec<u8> {
    let mut bytes = Vec::new();
    chancery_sdk::encode_to(order, &mut bytes);
    bytes
}

fn rules(order: &Order) -> [(Class, &Rule); 3] {
    [(Class::Routine, &order.routine), (Class::Constitution, &order.constitution), (Class::Freeze, &order.freeze)]
}
