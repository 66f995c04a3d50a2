//! The registry: who is who on a mainchain, decided by the departments together.
//!
//! Everything that changes here changes by an act: proposed by an administrator, approved by m of n from several
//! departments, carried out after a delay and before it expires (`acts`). Invariants: nothing changes without the
//! approvals its class's rule takes; whatever is carried out leaves enough administrators that one lost key locks nobody
//! out; neither the registry nor an administrator is ever frozen; a committee changes by at most f members an epoch, and
//! never below its quorum; no quota is overdrawn. Only two things happen without an act: who is frozen appeals, and a
//! quorum of the nodes' operators breaks the glass (`break_glass`).
//!
//! Nodes and other contracts read some entries by their keys; those are listed in this contract's README and never
//! change. What is deliberately absent: names of people, reasons in words, and anything that enforces: the runtime does.
#![no_std]

pub mod acts;
pub mod administration;
pub mod break_glass;
pub mod ceremonies;
pub mod chains;
mod events;
pub mod freezes;
mod measure;
mod measures;
pub mod nodes;
mod period;
pub mod quotas;
mod refusals;
pub mod roles;
pub mod rotation;
pub mod sponsors;
mod types;
pub mod upgrades;

use chancery_sdk::prelude::*;

pub use acts::{Act, ActStatus, Approval, Progress};
pub use break_glass::{BreakGlass, OperatorSignature, Order};
pub use ceremonies::{Ceremony, Declaration, Group, Stage};
pub use events::{
    ActApproved, ActDone, ActProposed, ActWithdrawn, AppealDecided, AppealFiled, ApprovalWithdrawn, BreakGlassFiled,
    BreakGlassInForce, CeremonyBegun, CommitteeSet, Frozen, GroupInForce, KeyAnnounced, RotationGivenUp, Unfrozen,
    UpgradeApproved,
};
pub use measure::Measure;
pub use refusals::RegistryError;
pub use rotation::{KeySpan, Rotation, ThresholdKeys};
pub use types::{
    Administrator, Allowance, Appeal, ApprovedUpgrade, Balance, Class, Committee, CommitteePlan, Decision, Department,
    Deployer, Freeze, Membership, Meter, NewAdministrator, NewDepartment, NewDeployer, NewNode, Node, Quota, Readiness,
    Role, Rule, Setup, Sidechain, Sponsor, Usage,
};

/// The mainchain's registry.
///
/// zh: 登记机构:部门、节点、委员会、职责、配额与行政事项
#[contract]
pub struct Registry {
    /// What tells this registry from every other, also of a network of the same name: break-glass files name it.
    /// zh: 本登记机构的唯一标识
    #[public]
    founding: Value<Digest>,
    /// Committees change only at multiples of this height.
    /// zh: 委员会变更周期(区块数)
    #[public]
    epoch_blocks: Value<u64>,
    /// Departments, by name.
    /// zh: 部门
    #[public]
    departments: Map<String, Department>,
    /// How many departments there ever were.
    /// zh: 部门数量
    #[public]
    department_count: Value<u32>,
    /// Who decides about acts.
    /// zh: 管理员
    #[public]
    administrators: Map<Address, Administrator>,
    /// How many terms of office there were.
    /// zh: 任期数
    #[public]
    terms: Value<u32>,
    /// What acts take, by class: 0 routine, 1 constitution, 2 freeze.
    /// zh: 各类事项的批准规则
    #[public]
    rules: Map<u8, Rule>,
    /// How many acts were proposed.
    /// zh: 事项数量
    #[public]
    act_count: Value<u32>,
    /// Acts, by number.
    /// zh: 行政事项
    #[public]
    acts: Map<u32, Act>,
    /// Nodes, by ed25519 key.
    /// zh: 节点
    #[public]
    nodes: Map<[u8; 32], Node>,
    /// The keys of each department's nodes that are not revoked.
    /// zh: 各部门的节点
    #[public]
    nodes_of: Index<String, [u8; 32]>,
    /// Committees, by chain.
    /// zh: 各链委员会
    #[public]
    memberships: Map<String, Membership>,
    /// All committees there were, by chain and number. Of two with one height the later one counts: the other was put
    /// right before it served.
    /// zh: 历届委员会
    #[public]
    committees: Map<(String, u32), Committee>,
    /// The chains in whose present or next committee a node is.
    /// zh: 节点所在的链
    #[public]
    serving: Index<[u8; 32], String>,
    /// Roles, by department, role and account.
    /// zh: 职责
    #[public]
    roles: Map<(String, String, Address), Role>,
    /// Who may deploy, by chain, department and account.
    /// zh: 部署权限
    #[public]
    deployers: Map<(String, String, Address), Deployer>,
    /// What is frozen.
    /// zh: 冻结
    #[public]
    freezes: Map<Address, Freeze>,
    /// How many appeals were filed.
    /// zh: 申诉数量
    #[public]
    appeal_count: Value<u32>,
    /// Appeals, by number.
    /// zh: 申诉
    #[public]
    appeals: Map<u32, Appeal>,
    /// The numbers of the appeals of each account or contract.
    /// zh: 各账户的申诉
    #[public]
    appeals_of: Index<Address, u32>,
    /// Who reports what departments use.
    /// zh: 计量方
    #[public]
    meters: Set<Address>,
    /// What departments may use.
    /// zh: 配额
    #[public]
    quotas: Map<String, Quota>,
    /// What departments used, in the period of their last use.
    /// zh: 用量
    #[public]
    usages: Map<String, Usage>,
    /// How many break-glass files took their turn.
    /// zh: 应急文件数量
    #[public]
    break_glass_count: Value<u32>,
    /// Break-glass files, by number: the last may still wait for its height.
    /// zh: 应急文件
    #[public]
    break_glass_files: Map<u32, BreakGlass>,
    /// The break-glass file that waits, by number.
    /// zh: 等待生效的应急文件
    #[public]
    break_glass_waiting: Value<u32>,
    /// How many rounds of ceremonies there were.
    /// zh: 仪式轮次
    #[public]
    rounds: Value<u32>,
    /// The ceremony under way.
    /// zh: 进行中的仪式
    #[public]
    ceremony: Value<Ceremony>,
    /// The ceremony that made the key in force.
    /// zh: 形成现行密钥的仪式
    #[public]
    concluded: Value<Ceremony>,
    /// What nodes contributed, by round, stage and node.
    /// zh: 仪式材料
    #[public]
    contributions: Map<(u32, u8, [u8; 32]), Vec<u8>>,
    /// What holders made of ceremonies, by round and node; nothing where it failed.
    /// zh: 仪式结果申报
    #[public]
    declarations: Map<(u32, [u8; 32]), Option<Declaration>>,
    /// The threshold key in force.
    /// zh: 现行门限密钥
    #[public]
    group: Value<Group>,
    /// All threshold keys there were, by round.
    /// zh: 历次门限密钥
    #[public]
    groups: Map<u32, Group>,
    /// Everything public about them, by round.
    /// zh: 门限密钥的公开数据
    #[public]
    outputs: Map<u32, Vec<u8>>,
    /// What nodes last said of themselves.
    /// zh: 节点就绪声明
    #[public]
    readiness: Map<[u8; 32], Readiness>,
    /// How many sidechains there ever were.
    /// zh: 侧链数量
    #[public]
    sidechain_count: Value<u32>,
    /// Sidechains, by name.
    /// zh: 侧链
    #[public]
    sidechains: Map<String, Sidechain>,
    /// All threshold keys by height.
    /// zh: 各高度的门限密钥
    #[public]
    keys: Value<ThresholdKeys>,
    /// The rotation of the threshold key under way.
    /// zh: 进行中的密钥轮换
    #[public]
    rotation: Value<Rotation>,
    /// The threshold key that was announced and is not in force yet.
    /// zh: 已公布、尚未生效的门限密钥
    #[public]
    successor: Value<Group>,
    /// The ceremony that made it.
    /// zh: 形成该密钥的仪式
    #[public]
    announced: Value<Ceremony>,
    /// The signatures of the keys before over the announced ones, by round and node.
    /// zh: 前一密钥对新密钥的签名
    #[public]
    endorsements: Map<(u32, [u8; 32]), [u8; 48]>,
    /// The code that the registry itself may be upgraded to.
    /// zh: 已批准的登记机构升级
    #[public]
    approved_upgrade: Value<ApprovedUpgrade>,
    /// Who pays for others' transactions out of a department's quota.
    /// zh: 代付账户
    #[public]
    sponsors: Map<Address, Sponsor>,
}

#[methods]
impl Registry {
    /// Sets the registry up with the first departments, administrators and nodes, whose nodes are the first committee.
    /// zh: 初始化:首批部门、管理员和节点
    #[init]
    pub fn init(&mut self, cx: &Cx, setup: Setup) -> Result<(), RegistryError> {
        let nothing = setup.departments.is_empty() || setup.administrators.is_empty();
        ensure!(!nothing, RegistryError::NothingToBeginWith);
        ensure!((1..=10_000_000).contains(&setup.epoch_blocks), RegistryError::BadEpoch);
        self.epoch_blocks.set(&setup.epoch_blocks);
        ensure!((1..=1_000_000).contains(&setup.beacon_lead_blocks), RegistryError::BadLead);
        self.keys.set(&ThresholdKeys { lead_blocks: setup.beacon_lead_blocks, spans: Vec::new() });
        self.set_founding(cx);
        for (class, rule) in [
            (Class::Routine, &setup.routine),
            (Class::Constitution, &setup.constitution),
            (Class::Freeze, &setup.freeze),
        ] {
            administration::check_rule(class, rule)?;
            self.rules.insert(&(class as u8), rule);
        }
        for NewDepartment { name, title } in &setup.departments {
            self.check_found(name, title)?;
            self.found(cx, name, title);
        }
        for administrator in &setup.administrators {
            self.check_appoint(cx, administrator)?;
            self.appoint(cx, administrator);
        }
        self.check_usable()?;
        for NewDeployer { chain, department, account, until_ms } in &setup.deployers {
            self.check_grant_deployment(cx, chain, department, *until_ms)?;
            self.grant_deployment(None, chain, department, account, *until_ms);
        }
        for meter in &setup.meters {
            self.meters.insert(meter);
        }
        self.set_first_committee(cx, setup.nodes)
    }

    /// Refuses who is no administrator.
    pub(crate) fn administrator(&self, cx: &Cx) -> Result<Administrator, RegistryError> {
        self.administrators.get(&cx.caller()).ok_or(RegistryError::NotAdministrator)
    }

    pub(crate) fn rule_of(&self, class: Class) -> Rule {
        self.rules.get(&(class as u8)).expect("every class was given its rule when the registry was set up")
    }

    /// Refuses a department that is not there or was dissolved.
    pub(crate) fn check_department(&self, name: &str) -> Result<(), RegistryError> {
        let found = self.departments.get(&name.to_owned());
        let there = found.is_some_and(|department| department.dissolved_ms.is_none());
        ensure!(there, RegistryError::NoDepartment { name: name.to_owned() });
        Ok(())
    }

    /// Nothing of another registry is the same: address, time, and the transaction that deployed it.
    fn set_founding(&mut self, cx: &Cx) {
        let facts = [&cx.this().0[..], &cx.transaction().0, &cx.time_ms().to_le_bytes()].concat();
        self.founding.set(&cx.sha256(&facts));
    }
}
