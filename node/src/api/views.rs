//! What the API's JSON looks like. Bytes are lower-case hexadecimal without a prefix.

use chancery_abi::{Address, Beacon, Certificate, Digest, Event, Header, Outcome, Receipt, schema::ContractRecord};
use chancery_runtime::execution::registry::{Ceremony, Group};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    chain::{ChainService, ContractFound, ContractRef},
    consensus::{Board, MemberStatus, ParticipationView},
    schema_json::to_hex,
};

/// A chain of this node.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct ChainView {
    /// Its name.
    pub(super) name: String,
    /// The digest of its genesis.
    pub(super) genesis: String,
}

/// A chain and its newest block.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct StatusView {
    /// Its name.
    pub(super) name: String,
    /// The digest of its genesis.
    pub(super) genesis: String,
    /// The newest final height; 0 before the first block.
    pub(super) height: u64,
    /// The newest header's digest; the genesis' before the first block.
    pub(super) header: String,
    /// The state's root after it.
    pub(super) state_root: String,
    /// Its time, milliseconds since 1970.
    pub(super) timestamp_ms: u64,
    /// The mempool.
    pub(super) pool: PoolView,
    /// Who takes part; absent while this node does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) consensus: Option<ConsensusView>,
    /// The threshold key in force; absent where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) threshold: Option<ThresholdView>,
    /// Why the chain halted, if it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) halted: Option<String>,
}

/// How the committee is doing, as this node sees it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct ConsensusView {
    /// The newest view that was decided.
    pub(super) view: u64,
    /// The newest height that is final, executed here or not.
    pub(super) certified_height: u64,
    /// Milliseconds from the newest block's time to its commit here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) finality_lag_ms: Option<u64>,
    /// Views that were given up since this node started.
    pub(super) skipped_views: u64,
    /// How many must agree.
    pub(super) quorum: usize,
    /// The members in the committee's order.
    pub(super) members: Vec<MemberView>,
}

/// A member of the committee, as this node sees it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct MemberView {
    /// Its key.
    pub(super) key: String,
    /// Whether it is this node.
    pub(super) own: bool,
    /// The view of its last vote; 0 when none was seen.
    pub(super) voted_view: u64,
    /// Milliseconds since its last vote; absent when none was seen since this node started.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) voted_ms_ago: Option<u64>,
    /// Whether its vote is in the newest certificate.
    pub(super) in_certificate: bool,
    /// Milliseconds since this node heard from it directly; absent when it did not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) heard_ms_ago: Option<u64>,
    /// How far its clock is ahead of this node's, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) clock_ahead_ms: Option<i64>,
}

impl ConsensusView {
    pub(super) fn new(view: &ParticipationView, quorum: usize, now_ms: u64) -> Self {
        let ago = |then: Option<u64>| then.map(|then| now_ms.saturating_sub(then));
        let member = |member: &MemberStatus| MemberView {
            key: to_hex(&member.key),
            own: member.key == view.own_key,
            voted_view: member.voted_view,
            voted_ms_ago: ago(member.voted_ms),
            in_certificate: member.in_certificate,
            heard_ms_ago: ago(member.heard_ms),
            clock_ahead_ms: member.clock_ahead_ms,
        };
        Self {
            view: view.view,
            certified_height: view.certified_height,
            finality_lag_ms: view.finality_lag_ms,
            skipped_views: view.skipped_views,
            quorum,
            members: view.members.iter().map(member).collect(),
        }
    }
}

/// What waits for a block.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct PoolView {
    /// How many transactions.
    pub(super) transactions: usize,
    /// Their bytes.
    pub(super) bytes: usize,
}

/// A header with its digest.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct HeaderView {
    /// The header's digest.
    pub(super) digest: String,
    /// The format's version.
    pub(super) version: u8,
    /// The chain's name.
    pub(super) chain: String,
    /// The height, from 1.
    pub(super) height: u64,
    /// The committee's term.
    pub(super) epoch: u64,
    /// The digest of the header before; the genesis' at height 1.
    pub(super) parent: String,
    /// Milliseconds since 1970.
    pub(super) timestamp_ms: u64,
    /// The proposer's key.
    pub(super) proposer: String,
    /// The state's root after the block.
    pub(super) state_root: String,
    /// The root over the transactions.
    pub(super) transactions_root: String,
    /// The root over the receipts.
    pub(super) receipts_root: String,
    /// The root over all earlier headers.
    pub(super) history_root: String,
    /// Gas used.
    pub(super) gas_used: u64,
    /// The gas schedule's number.
    pub(super) schedule: u32,
    /// Beacons of earlier heights that became known.
    pub(super) beacons: Vec<BeaconView>,
}

/// A beacon in a header.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct BeaconView {
    /// Its height.
    pub(super) height: u64,
    /// The threshold signature, 48 bytes.
    pub(super) signature: String,
    /// What contracts are given.
    pub(super) value: String,
}

impl BeaconView {
    fn new(beacon: &Beacon) -> Self {
        let signature = beacon.signature.iter().map(|byte| format!("{byte:02x}")).collect();
        Self { height: beacon.height, signature, value: beacon.value().to_string() }
    }
}

/// A beacon that is known.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct KnownBeaconView {
    /// Its height.
    pub(super) height: u64,
    /// What contracts are given.
    pub(super) value: String,
}

/// The threshold key and its beacons.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct ThresholdView {
    /// The round of the ceremony that made its shares.
    pub(super) round: u32,
    /// The key, 96 bytes.
    pub(super) key: String,
    /// The first height whose beacon it makes.
    pub(super) from_height: u64,
    /// How many hold a share.
    pub(super) holders: u32,
    /// Whether they are too few to bear one that lies.
    pub(super) untrusted: bool,
    /// The newest height whose beacon is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) newest_beacon: Option<u64>,
    /// The newest height that the key attested, as far as this node knows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) attested_height: Option<u64>,
    /// The key that takes its place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) successor: Option<SuccessorView>,
    /// The ceremony under way.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) ceremony: Option<CeremonyView>,
}

/// A threshold key that was announced.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct SuccessorView {
    /// The round of the ceremony that made it.
    pub(super) round: u32,
    /// The key, 96 bytes.
    pub(super) key: String,
    /// The first height that it speaks for.
    pub(super) from_height: u64,
    /// How many of the present key's holders have signed it.
    pub(super) endorsed_by: usize,
}

/// A ceremony under way.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct CeremonyView {
    /// Its number.
    pub(super) round: u32,
    /// What it waits for.
    pub(super) stage: String,
    /// How many have contributed to that.
    pub(super) given: usize,
    /// Since when, milliseconds since 1970.
    pub(super) since_ms: u64,
}

impl CeremonyView {
    pub(super) fn new(ceremony: &Ceremony) -> Self {
        let stage = format!("{:?}", ceremony.stage).to_lowercase();
        Self { round: ceremony.round, stage, given: ceremony.given.len(), since_ms: ceremony.since_ms }
    }
}

impl ThresholdView {
    pub(super) fn new(group: &Group, board: &Board, attested_height: Option<u64>) -> Self {
        let successor = board.successor.as_ref().map(|successor| SuccessorView {
            round: successor.round,
            key: to_hex(&successor.key),
            from_height: successor.from_height,
            endorsed_by: board.endorsed_by.len(),
        });
        Self {
            round: group.round,
            key: to_hex(&group.key),
            from_height: group.from_height,
            holders: group.holders,
            untrusted: group.untrusted,
            newest_beacon: board.newest_beacon,
            attested_height,
            successor,
            ceremony: board.ceremony.as_ref().map(CeremonyView::new),
        }
    }
}

impl HeaderView {
    pub(super) fn new(header: &Header, digest: &Digest) -> Self {
        Self {
            digest: digest.to_string(),
            version: header.version,
            chain: header.chain.to_string(),
            height: header.height,
            epoch: header.epoch,
            parent: header.parent.to_string(),
            timestamp_ms: header.timestamp_ms,
            proposer: to_hex(&header.proposer),
            state_root: header.state_root.to_string(),
            transactions_root: header.transactions_root.to_string(),
            receipts_root: header.receipts_root.to_string(),
            history_root: header.history_root.to_string(),
            gas_used: header.gas_used,
            schedule: header.schedule,
            beacons: header.beacons.iter().map(BeaconView::new).collect(),
        }
    }
}

/// Headers, the newest first.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct HeadersView {
    /// The headers.
    pub(super) blocks: Vec<HeaderView>,
    /// What to give as `before` for the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) next_before: Option<u64>,
}

/// A block.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct BlockView {
    /// The header.
    #[serde(flatten)]
    pub(super) header: HeaderView,
    /// The votes for it.
    pub(super) certificate: CertificateView,
    /// The transactions' digests, in order.
    pub(super) transactions: Vec<String>,
}

/// The votes that made a block final.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct CertificateView {
    /// The height of the block that the votes are for: this one or one that builds on it.
    pub(super) height: u64,
    /// The committee's term.
    pub(super) epoch: u64,
    /// The view in which the block was proposed.
    pub(super) view: u64,
    /// The view of the block it builds on.
    pub(super) parent_view: u64,
    /// The votes.
    pub(super) votes: Vec<VoteView>,
}

/// A vote.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct VoteView {
    /// The member's place in the committee.
    pub(super) member: u16,
    /// Its signature.
    pub(super) signature: String,
}

impl CertificateView {
    pub(super) fn new(height: u64, certificate: &Certificate) -> Self {
        let votes = certificate.votes.iter();
        Self {
            height,
            epoch: certificate.epoch,
            view: certificate.view,
            parent_view: certificate.parent_view,
            votes: votes.map(|vote| VoteView { member: vote.member, signature: to_hex(&vote.signature) }).collect(),
        }
    }
}

/// What a transaction did.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ReceiptView {
    /// The transaction's digest.
    pub transaction: String,
    /// The block's height.
    pub height: u64,
    /// The transaction's place in the block.
    pub index: u32,
    /// Gas it used.
    pub gas_used: u64,
    /// How it ended.
    pub outcome: OutcomeView,
    /// What contracts announced.
    pub events: Vec<EventView>,
}

/// How a call ended. Which fields there are depends on `kind`.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub struct OutcomeView {
    /// `done`, `failed` (the contract refused), `trapped` (the sandbox stopped it) or `refused` (no contract ran).
    pub kind: &'static str,
    /// What the method returned, in SCALE.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output: Option<String>,
    /// The contract that refused or was stopped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contract: Option<String>,
    /// The number of the contract's error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<u32>,
    /// The error's fields in SCALE.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<String>,
    /// Why the sandbox stopped it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class: Option<&'static str>,
    /// Why no contract ran.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'static str>,
    /// The same for people.
    pub message: String,
}

/// What a transaction needs.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct EstimateView {
    /// Gas it uses with the most gas there is.
    pub(super) gas_used: u64,
    /// The smallest limit that was found to do.
    pub(super) gas_limit: u64,
    /// How it ends with either.
    pub(super) outcome: OutcomeView,
    /// The height whose state it was tried out on.
    pub(super) height: u64,
}

/// What a contract announced.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct EventView {
    /// The contract.
    pub contract: String,
    /// The event's name in the contract's schema.
    pub name: String,
    /// Its index fields, each in SCALE.
    pub keys: Vec<String>,
    /// All its fields in SCALE.
    pub data: String,
}

impl EventView {
    pub(super) fn new(event: &Event) -> Self {
        Self {
            contract: event.contract.to_string(),
            name: event.name.to_string(),
            keys: event.keys.iter().map(|key| to_hex(key)).collect(),
            data: to_hex(&event.data),
        }
    }
}

impl OutcomeView {
    /// The outcome, with the sentence that the contract's own schema has for its error.
    pub(super) fn new(chain: &ChainService, outcome: &Outcome) -> Self {
        match outcome {
            Outcome::Done { output } => {
                Self { kind: "done", output: Some(to_hex(output)), message: "done".into(), ..Self::default() }
            }
            Outcome::Failed { contract, code, data } => Self {
                kind: "failed",
                contract: Some(contract.to_string()),
                code: Some(*code),
                data: Some(to_hex(data)),
                message: error_message(chain, contract, *code),
                ..Self::default()
            },
            Outcome::Trapped { contract, class } => Self {
                kind: "trapped",
                contract: Some(contract.to_string()),
                class: Some(class.code()),
                message: class.to_string(),
                ..Self::default()
            },
            Outcome::Refused { reason } => {
                Self { kind: "refused", reason: Some(reason.code()), message: reason.to_string(), ..Self::default() }
            }
        }
    }
}

/// The sentence for a contract's error; its number alone when the schema has none. A contract that was replaced since
/// speaks through its new schema: numbers keep their meaning.
fn error_message(chain: &ChainService, contract: &Address, code: u32) -> String {
    let bare = || format!("the contract refused with error {code}");
    let Ok(found) = chain.find_contract(&ContractRef::Address(*contract)) else { return bare() };
    let Ok(schema) = chain.contract_schema(&found.record.code) else { return bare() };
    let Some(error) = schema.errors.get(&code) else { return bare() };
    let sentence = if error.message.en.is_empty() { &error.message.zh } else { &error.message.en };
    if sentence.is_empty() { error.name.clone() } else { format!("{}: {sentence}", error.name) }
}

/// A receipt as the API shows it.
pub fn receipt_view(chain: &ChainService, receipt: &Receipt) -> ReceiptView {
    ReceiptView {
        transaction: receipt.transaction.to_string(),
        height: receipt.height,
        index: receipt.index,
        gas_used: receipt.gas_used,
        outcome: OutcomeView::new(chain, &receipt.outcome),
        events: receipt.events.iter().map(EventView::new).collect(),
    }
}

/// Where a transaction stands.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct TransactionView {
    /// `pending` or `final`.
    pub(super) status: &'static str,
    /// What it did, once final.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) receipt: Option<ReceiptView>,
}

/// A transaction that was taken in.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct AcceptedView {
    /// Its digest.
    pub(super) transaction: String,
}

/// An account.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct AccountView {
    /// Its address.
    pub(super) address: String,
    /// How many of its transactions are final.
    pub(super) nonce: u64,
    /// The nonce that its next transaction should have, after those that wait.
    pub(super) next_nonce: u64,
}

/// A contract.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct ContractView {
    /// Its address.
    pub(super) address: String,
    /// Whose it is.
    pub(super) department: String,
    /// Its name in the department.
    pub(super) name: String,
    /// SHA-256 of its source Wasm.
    pub(super) code: String,
    /// How often its code was replaced.
    pub(super) revision: u32,
    /// The height of the deploy or the last upgrade.
    pub(super) height: u64,
    /// What it offers; not in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub(super) schema: Option<serde_json::Value>,
}

impl ContractView {
    pub(super) fn new(found: &ContractFound, schema: Option<serde_json::Value>) -> Self {
        let ContractRecord { department, name, code, revision, height } = &found.record;
        Self {
            address: found.address.to_string(),
            department: department.to_string(),
            name: name.to_string(),
            code: code.to_string(),
            revision: *revision,
            height: *height,
            schema,
        }
    }
}

/// Contracts in the order of their addresses.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct ContractsView {
    /// The contracts.
    pub(super) contracts: Vec<ContractView>,
    /// What to give as `after` for the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) next_after: Option<String>,
}

/// What a query gave.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct QueryView {
    /// What the method returned, in SCALE.
    pub(super) output: String,
    /// Gas it used.
    pub(super) gas_used: u64,
    /// The height whose state it saw.
    pub(super) height: u64,
}

/// Whether the node commits.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct ReadyView {
    /// Always true; a node that is not ready answers 503.
    pub(super) ready: bool,
    /// The parts that were looked at.
    pub(super) parts: Vec<String>,
    /// What is wrong and keeps the node from nothing it must do: a threshold key that is late, beacons that are missing.
    pub(super) warnings: Vec<String>,
}

/// The state snapshots of a node.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct SnapshotsView {
    /// Their heights, in ascending order.
    pub(super) heights: Vec<u64>,
}
