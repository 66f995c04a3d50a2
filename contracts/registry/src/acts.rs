//! Acts: proposed, approved by m of n, carried out after their delay and before they expire.
//!
//! Invariants: an act's measure never changes after it was proposed. Whether it has what it takes is never stored but
//! counted when it is carried out, by the rule in force then and from the approvals of those who are administrators
//! then, in the same term of office; so nobody who was dismissed still counts, and dismissing someone can only delay.
//! The delay runs from the approval with which that count was reached. An act is carried out once, whole, or not at all.

use chancery_sdk::prelude::*;

use crate::{
    Class, Measure, Registry, RegistryError, Rule,
    events::{ActApproved, ActDone, ActProposed, ActWithdrawn, ApprovalWithdrawn},
    refusals::check_reference,
};

/// An administrator's approval.
#[data]
#[derive(Clone)]
pub struct Approval {
    /// Whose.
    pub administrator: Address,
    /// The department for which it was given.
    pub department: String,
    /// The term of office in which it was given.
    pub term: u32,
    /// When, milliseconds since 1970.
    pub at_ms: u64,
}

/// How an act stands.
#[data]
#[derive(Clone, PartialEq, Eq)]
pub enum ActStatus {
    /// It can be approved and carried out until it expires.
    Open,
    /// It was carried out.
    Done {
        /// At which height.
        height: u64,
        /// When, milliseconds since 1970.
        at_ms: u64,
        /// By whom.
        by: Address,
    },
    /// Who proposed it withdrew it.
    Withdrawn {
        /// At which height.
        height: u64,
    },
}

/// An administrative act.
#[data]
#[derive(Clone)]
pub struct Act {
    /// What it does.
    pub measure: Measure,
    /// Under which class's rule.
    pub class: Class,
    /// The reference under which the offices handle it.
    pub reference: String,
    /// Who proposed it.
    pub proposer: Address,
    /// When it was proposed, milliseconds since 1970.
    pub proposed_ms: u64,
    /// The first moment at which it can no longer be carried out.
    pub expires_ms: u64,
    /// Who approved, in order.
    pub approvals: Vec<Approval>,
    /// How it stands.
    pub status: ActStatus,
}

/// How far an act has come, counted now.
#[data]
#[derive(Debug, PartialEq, Eq)]
pub struct Progress {
    /// Approvals that count.
    pub approvals: u32,
    /// Different departments among them.
    pub departments: u32,
    /// From when it may be carried out; nothing while approvals are missing.
    pub ready_ms: Option<u64>,
    /// The rule in force.
    pub rule: Rule,
}

#[methods]
impl Registry {
    /// Proposes an act, which is the proposer's approval too. The reference is the offices' own, never a name. Returns
    /// the act's number.
    /// zh: 提出行政事项(同时视为提案人批准)
    #[access(anyone)]
    pub fn propose(&mut self, cx: &Cx, measure: Measure, reference: String) -> Result<u32, RegistryError> {
        self.settle(cx);
        let administrator = self.administrator(cx)?;
        check_reference(&reference)?;
        // A freeze of what can never be frozen is not even put up for approval.
        if let Measure::Freeze { target, .. } = &measure {
            self.check_freezable(cx, target)?;
        }
        let class = measure.class();
        let (number, now_ms) = (self.act_count.get_or_default(), cx.time_ms());
        let expires_ms = now_ms + self.rule_of(class).open_ms;
        let approval = Approval {
            administrator: cx.caller(),
            department: administrator.department,
            term: administrator.term,
            at_ms: now_ms,
        };
        let act = Act {
            measure,
            class,
            reference,
            proposer: cx.caller(),
            proposed_ms: now_ms,
            expires_ms,
            approvals: vec![approval],
            status: ActStatus::Open,
        };
        self.acts.insert(&number, &act);
        self.act_count.set(&(number + 1));
        cx.emit(&ActProposed { act: number, by: cx.caller() });
        Ok(number)
    }

    /// Approves an act. Returns from when it may be carried out, once it has what it takes.
    /// zh: 批准事项
    #[access(anyone)]
    pub fn approve(&mut self, cx: &Cx, act: u32) -> Result<Option<u64>, RegistryError> {
        self.settle(cx);
        let administrator = self.administrator(cx)?;
        let mut open = self.open_act(cx, act)?;
        let caller = cx.caller();
        // Those who are no longer in office make room; so there are never more approvals than administrators.
        open.approvals.retain(|approval| self.counts(approval));
        ensure!(open.approvals.iter().all(|approval| approval.administrator != caller), RegistryError::ApprovedBefore);
        let department = administrator.department;
        open.approvals.push(Approval {
            administrator: caller,
            department,
            term: administrator.term,
            at_ms: cx.time_ms(),
        });
        self.acts.insert(&act, &open);
        let Progress { approvals, ready_ms, .. } = self.progress_of(&open);
        cx.emit(&ActApproved { act, by: caller, approvals, ready_ms });
        Ok(ready_ms)
    }

    /// Takes one's approval back.
    /// zh: 撤回批准
    #[access(anyone)]
    pub fn withdraw_approval(&mut self, cx: &Cx, act: u32) -> Result<(), RegistryError> {
        self.settle(cx);
        self.administrator(cx)?;
        let mut open = self.open_act(cx, act)?;
        let (caller, before) = (cx.caller(), open.approvals.len());
        open.approvals.retain(|approval| approval.administrator != caller);
        ensure!(open.approvals.len() < before, RegistryError::NotApprovedByYou);
        self.acts.insert(&act, &open);
        cx.emit(&ApprovalWithdrawn { act, by: caller });
        Ok(())
    }

    /// Withdraws an act for good. Who proposed it may, while an administrator.
    /// zh: 撤回事项(仅提案人)
    #[access(anyone)]
    pub fn withdraw(&mut self, cx: &Cx, act: u32) -> Result<(), RegistryError> {
        self.settle(cx);
        self.administrator(cx)?;
        let mut open = self.open_act(cx, act)?;
        ensure!(open.proposer == cx.caller(), RegistryError::NotProposer);
        open.status = ActStatus::Withdrawn { height: cx.height() };
        self.acts.insert(&act, &open);
        cx.emit(&ActWithdrawn { act });
        Ok(())
    }

    /// Carries out an act that is approved, whose delay is over and which has not expired. Any administrator may.
    /// zh: 执行已获批准且等待期已过的事项
    #[access(anyone)]
    pub fn carry_out(&mut self, cx: &Cx, act: u32) -> Result<(), RegistryError> {
        self.settle(cx);
        self.administrator(cx)?;
        let mut open = self.open_act(cx, act)?;
        let progress = self.progress_of(&open);
        let Some(ready_ms) = progress.ready_ms else {
            return Err(RegistryError::NotApproved {
                approvals: progress.approvals,
                departments: progress.departments,
                approvals_needed: progress.rule.approvals,
                departments_needed: progress.rule.departments,
            });
        };
        ensure!(cx.time_ms() >= ready_ms, RegistryError::TooEarly { ready_ms });
        open.approvals.retain(|approval| self.counts(approval));
        self.check(cx, &open.measure, &open.approvals)?;
        self.apply(cx, act, &open)?;
        open.status = ActStatus::Done { height: cx.height(), at_ms: cx.time_ms(), by: cx.caller() };
        self.acts.insert(&act, &open);
        cx.emit(&ActDone { act, by: cx.caller() });
        Ok(())
    }

    /// An act.
    /// zh: 查询事项
    #[query]
    pub fn act(&self, act: u32) -> Result<Act, RegistryError> {
        self.acts.get(&act).ok_or(RegistryError::NoAct { act })
    }

    /// Acts in the order of their numbers, after the one given.
    /// zh: 查询全部事项
    #[query]
    pub fn acts(&self, after: Option<u32>, limit: u32) -> Vec<(u32, Act)> {
        self.acts.page(after.as_ref(), limit)
    }

    /// How far an act has come.
    /// zh: 查询事项进度
    #[query]
    pub fn progress(&self, act: u32) -> Result<Progress, RegistryError> {
        self.act(act).map(|act| self.progress_of(&act))
    }

    /// Whether an act could be carried out as things stand now, approvals and delay aside: refuses with what would stop
    /// it.
    /// zh: 试行:事项现在能否执行(不计批准和等待期)
    #[query]
    pub fn rehearse(&self, cx: &Cx, act: u32) -> Result<(), RegistryError> {
        let open = self.open_act(cx, act)?;
        self.check(cx, &open.measure, &open.approvals)
    }

    /// What acts of a class take.
    /// zh: 查询某类事项的规则
    #[query]
    pub fn rule(&self, class: Class) -> Rule {
        self.rule_of(class)
    }

    fn open_act(&self, cx: &Cx, act: u32) -> Result<Act, RegistryError> {
        let found = self.act(act)?;
        ensure!(found.status == ActStatus::Open, RegistryError::ActClosed { act });
        ensure!(cx.time_ms() < found.expires_ms, RegistryError::ActExpired { act });
        Ok(found)
    }

    /// Whether an approval still counts: its administrator is in office, for the same department and in the same term.
    fn counts(&self, approval: &Approval) -> bool {
        let administrator = self.administrators.get(&approval.administrator);
        administrator.is_some_and(|found| found.term == approval.term && found.department == approval.department)
    }

    fn progress_of(&self, act: &Act) -> Progress {
        let rule = self.rule_of(act.class);
        let mut departments: Vec<&str> = Vec::new();
        let (mut approvals, mut ready_ms) = (0, None);
        for approval in act.approvals.iter().filter(|approval| self.counts(approval)) {
            approvals += 1;
            if !departments.contains(&approval.department.as_str()) {
                departments.push(&approval.department);
            }
            if ready_ms.is_none() && approvals >= rule.approvals && departments.len() as u32 >= rule.departments {
                ready_ms = Some(approval.at_ms.saturating_add(rule.delay_ms));
            }
        }
        Progress { approvals, departments: departments.len() as u32, ready_ms, rule }
    }
}
