//! `/sidechains` and `/lanes`: how a chain stands to others.

use axum::{Json, response::Response};
use chancery_abi::{
    Address, Digest, Name, codec,
    lane::{Anchored, Closed},
    limits::SLOT_KEY_BYTES_MAX,
    message::{Message, MessageBody},
    types::from_hex,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    Problem,
    target::{Parameters, Target, octets},
};
use crate::{
    chain::{ChainService, Lane, ReadError, SidechainFound},
    schema_json::to_hex,
};

/// Messages of one answer.
const PAGE_MAX: u64 = 256;

/// A sidechain's header that the mainchain has on record.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct AnchoredView {
    /// The sidechain's height; 0 before the first anchor.
    height: u64,
    /// The header's digest; the genesis' before the first.
    header: String,
    /// The sidechain's state root after it.
    state_root: String,
    /// The time of its block, milliseconds since 1970.
    timestamp_ms: u64,
    /// The newest mainchain height that it had seen.
    seen_height: u64,
    /// The mainchain height at which it was anchored.
    mainchain_height: u64,
}

/// A sidechain.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct SidechainView {
    /// Its name.
    name: String,
    /// The digest of its genesis.
    genesis: String,
    /// The department whose services it hosts.
    department: String,
    /// Its number.
    number: u32,
    /// The keys of its first committee.
    members: Vec<String>,
    /// When it was founded, milliseconds since 1970.
    founded_ms: u64,
    /// The mainchain height at which it was founded.
    founded_height: u64,
    /// How long a header may wait for its anchor, in milliseconds.
    anchor_ms: u64,
    /// The mainchain height at which the registry retired it.
    #[serde(skip_serializing_if = "Option::is_none")]
    retired_height: Option<u64>,
    /// The newest anchor; absent on a sidechain, which has none of others.
    #[serde(skip_serializing_if = "Option::is_none")]
    anchored: Option<AnchoredView>,
    /// The term of the committee that certifies its next header.
    #[serde(skip_serializing_if = "Option::is_none")]
    epoch: Option<u64>,
    /// `retired` or `forked`, once it has no more anchors.
    #[serde(skip_serializing_if = "Option::is_none")]
    closed: Option<String>,
    /// Of a forked one, the header that contradicts what is anchored.
    #[serde(skip_serializing_if = "Option::is_none")]
    evidence: Option<String>,
    /// Whether this node hosts it.
    hosted: bool,
}

/// The lanes between a chain and another.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct LaneView {
    /// The other chain.
    chain: String,
    /// Messages that were sent to it.
    sent: u64,
    /// How many of them are known here to have been taken there.
    settled: u64,
    /// Messages that came from it.
    taken: u64,
    /// How many the other chain has taken, where this node hosts it.
    #[serde(skip_serializing_if = "Option::is_none")]
    taken_there: Option<u64>,
}

/// All lanes of a chain.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct LanesView {
    /// By the other chain's name.
    lanes: Vec<LaneView>,
    /// Messages that came back and wait to be claimed.
    claims: u64,
}

/// A message that may still be on its way.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct MessageView {
    /// Its number on the lane.
    sequence: u64,
    /// The contract that sent it.
    sender: String,
    /// The contract it is for.
    contract: String,
    /// `call`, `bounce` or `registry`.
    kind: &'static str,
    /// The method, of a call or of one that comes back.
    #[serde(skip_serializing_if = "Option::is_none")]
    method: Option<String>,
    /// What goes with it: what it is called.
    #[serde(skip_serializing_if = "Option::is_none")]
    asset: Option<String>,
    /// And how much.
    #[serde(skip_serializing_if = "Option::is_none")]
    amount: Option<u64>,
    /// The most gas it may use.
    gas: u64,
    /// It runs only below this mainchain height.
    expiry: u64,
}

/// Which page.
#[derive(Deserialize)]
pub(super) struct Page {
    from: Option<u64>,
    limit: Option<u64>,
}

/// The sidechains that the registry has, by name.
#[utoipa::path(get, path = "/v1/chains/{chain}/sidechains", operation_id = "sidechains_list", tag = "chains",
    params(("chain" = String, Path, description = "The chain's name")),
    responses((status = 200, body = Vec<SidechainView>), (status = 404, body = Problem)))]
pub(super) async fn sidechains(
    axum::extract::State(api): axum::extract::State<super::Shared>,
    target: Target,
) -> Result<Json<Vec<SidechainView>>, Problem> {
    let found = target.look_up(ChainService::list_sidechains).await?;
    let view = |found: SidechainFound| {
        let hosted = api.chains.get(found.name.as_str()).is_some();
        sidechain_view(found, hosted)
    };
    Ok(Json(found.into_iter().map(view).collect()))
}

fn sidechain_view(found: SidechainFound, hosted: bool) -> SidechainView {
    let SidechainFound { name, genesis, sidechain, anchors } = found;
    let closed = anchors.as_ref().and_then(|state| state.closed);
    SidechainView {
        name: name.to_string(),
        genesis: genesis.to_string(),
        department: sidechain.department,
        number: sidechain.number,
        members: sidechain.members.iter().map(|key| to_hex(key)).collect(),
        founded_ms: sidechain.founded_ms,
        founded_height: sidechain.founded_height,
        anchor_ms: sidechain.anchor_ms,
        retired_height: sidechain.retired_height,
        epoch: anchors.as_ref().map(|state| state.epoch),
        anchored: anchors.map(|state| anchored_view(&state.newest)),
        closed: closed.map(|closed| match closed {
            Closed::Retired { .. } => "retired".into(),
            Closed::Forked { .. } => "forked".into(),
        }),
        evidence: closed.and_then(|closed| match closed {
            Closed::Forked { header, .. } => Some(Digest::to_string(&header)),
            Closed::Retired { .. } => None,
        }),
        hosted,
    }
}

fn anchored_view(anchored: &Anchored) -> AnchoredView {
    AnchoredView {
        height: anchored.height,
        header: anchored.header.to_string(),
        state_root: anchored.state_root.to_string(),
        timestamp_ms: anchored.timestamp_ms,
        seen_height: anchored.seen_height,
        mainchain_height: anchored.mainchain_height,
    }
}

/// The lanes between this chain and others, and what waits to be claimed.
#[utoipa::path(get, path = "/v1/chains/{chain}/lanes", operation_id = "lanes_list", tag = "chains",
    params(("chain" = String, Path, description = "The chain's name")),
    responses((status = 200, body = LanesView), (status = 404, body = Problem)))]
pub(super) async fn lanes(
    axum::extract::State(api): axum::extract::State<super::Shared>,
    target: Target,
) -> Result<Json<LanesView>, Problem> {
    let own = target.chain.ledger().rules().name().clone();
    let (found, claims) = target.look_up(ChainService::list_lanes).await?;
    let mut lanes = Vec::new();
    for Lane { other, counts } in found {
        let taken_there = match api.chains.get(other.as_str()) {
            Some(chain) => {
                let own = own.clone();
                Some(chain.look_up(move |chain| chain.taken_from(&own)).await?)
            }
            None => None,
        };
        let (sent, settled, taken) = (counts.sent, counts.settled.min(counts.sent), counts.taken);
        lanes.push(LaneView { chain: other.to_string(), sent, settled, taken, taken_there });
    }
    Ok(Json(LanesView { lanes, claims }))
}

/// The messages of a lane that are still in this chain's outbox, from a number on.
#[utoipa::path(get, path = "/v1/chains/{chain}/lanes/{other}", operation_id = "lanes_messages", tag = "chains",
    params(("chain" = String, Path, description = "The chain's name"), ("other" = String, Path, description = "The chain that they go to"),
        ("from" = Option<u64>, Query, description = "The first number; the oldest that is kept without"),
        ("limit" = Option<u64>, Query, description = "At most 256; 20 without")),
    responses((status = 200, body = Vec<MessageView>), (status = 400, body = Problem), (status = 404, body = Problem)))]
pub(super) async fn messages(
    target: Target,
    Parameters(page): Parameters<Page>,
) -> Result<Json<Vec<MessageView>>, Problem> {
    let other: Name = target.parameter("other")?;
    let limit = page.limit.unwrap_or(20);
    if limit == 0 || limit > PAGE_MAX {
        return Err(Problem::invalid(format_args!("limit {limit}: 1 to {PAGE_MAX} are possible")));
    }
    let found = target
        .look_up(move |chain| -> Result<Vec<Message>, ReadError> { chain.list_messages(&other, page.from, limit) });
    Ok(Json(found.await?.into_iter().map(message_view).collect()))
}

/// What is to be presented.
#[derive(Deserialize)]
pub(super) struct Presented {
    contract: Option<String>,
    key: Option<String>,
    anchored_from: Option<u64>,
}

/// An entry of the mainchain's state with its proof, for a contract of this sidechain to be shown: of a contract, by its
/// address and slot key; or the first record of this chain's own header from a height on.
#[utoipa::path(get, path = "/v1/chains/{chain}/presented", operation_id = "presented", tag = "chains",
    params(("chain" = String, Path, description = "The sidechain's name"),
        ("contract" = Option<String>, Query, description = "The address of a contract on the mainchain"),
        ("key" = Option<String>, Query, description = "A slot key of its state, in hexadecimal"),
        ("anchored_from" = Option<u64>, Query, description = "A height of this chain, in the place of the other two")),
    responses((status = 200, body = Vec<u8>, content_type = "application/octet-stream"), (status = 400, body = Problem),
        (status = 404, body = Problem), (status = 422, body = Problem), (status = 503, body = Problem)))]
pub(super) async fn presented(target: Target, Parameters(asked): Parameters<Presented>) -> Result<Response, Problem> {
    let found = match (asked.anchored_from, asked.contract, asked.key) {
        (Some(height), None, None) => target.look_up(move |chain| chain.present_own_anchor(height)).await?,
        (None, Some(contract), Some(key)) => {
            let contract: Address =
                contract.parse().map_err(|error| Problem::invalid(format_args!("contract: {error}")))?;
            let key = from_hex(&key).filter(|key| !key.is_empty() && key.len() <= SLOT_KEY_BYTES_MAX);
            let key = key.ok_or_else(|| Problem::invalid(format_args!("key: 1 to 128 bytes in hexadecimal")))?;
            target.look_up(move |chain| chain.present_entry(contract, key)).await?
        }
        _ => return Err(Problem::invalid(format_args!("either anchored_from, or contract and key"))),
    };
    Ok(octets(codec::encode(&found)))
}

fn message_view(message: Message) -> MessageView {
    let (kind, method) = match &message.body {
        MessageBody::Call { method, .. } => ("call", Some(method.to_string())),
        MessageBody::Bounce(bounced) => ("bounce", Some(bounced.method.to_string())),
        MessageBody::Registry(_) => ("registry", None),
    };
    MessageView {
        sequence: message.sequence,
        sender: message.sender.to_string(),
        contract: message.contract.to_string(),
        kind,
        method,
        asset: message.quantity.as_ref().map(|quantity| quantity.asset.to_string()),
        amount: message.quantity.as_ref().map(|quantity| quantity.amount),
        gas: message.gas,
        expiry: message.expiry,
    }
}
