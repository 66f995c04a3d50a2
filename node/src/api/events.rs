//! `/events`: what contracts announced, by page and with filters. The same filters serve the stream.
//!
//! A page looks at a bounded number of blocks and says where it stopped, whether it found something or not; whoever goes on
//! from there sees everything exactly once, and may go on with the stream.

use axum::Json;
use chancery_abi::{Address, Event, Ident, Receipt, limits::EVENT_BYTES_MAX, types::from_hex};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    PAGE_MAX, Problem,
    place::Place,
    target::{Parameters, Target},
    views::EventView,
};
use crate::chain::{ChainService, ContractRef, ReadError};

/// Blocks that one page looks at.
const BLOCKS_MAX: u64 = 1_000;
/// Receipts after which a page looks at no further block.
const RECEIPTS_MAX: usize = 10_000;

/// An event with where it happened.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PlacedEvent {
    /// Its place, `height.index.n`.
    id: String,
    /// The transaction's digest.
    transaction: String,
    /// The block's height.
    height: u64,
    /// The transaction's place in the block.
    index: u32,
    #[serde(flatten)]
    event: EventView,
}

/// A receipt's events that a filter lets through, with their places.
pub(super) fn placed_events<'a>(
    receipt: &'a Receipt,
    filter: &'a EventFilter,
) -> impl Iterator<Item = (Place, PlacedEvent)> + 'a {
    let wanted = (1..).zip(&receipt.events).filter(|(_, event)| filter.matches(event));
    wanted.map(|(n, event)| {
        let place = Place { height: receipt.height, index: u64::from(receipt.index), n };
        let placed = PlacedEvent {
            id: place.to_string(),
            transaction: receipt.transaction.to_string(),
            height: receipt.height,
            index: receipt.index,
            event: EventView::new(event),
        };
        (place, placed)
    })
}

/// Which events are wanted; all of them by default.
#[derive(Clone, Debug, Default)]
pub(super) struct EventFilter {
    contract: Option<Address>,
    event: Option<Ident>,
    key: Option<Vec<u8>>,
}

impl EventFilter {
    /// The filter that a request's parameters ask for. Blocks: a contract's name is looked up.
    pub(super) fn of(
        chain: &ChainService,
        contract: Option<ContractRef>,
        event: Option<Ident>,
        key: Option<Vec<u8>>,
    ) -> Result<Self, ReadError> {
        let contract = match contract {
            None => None,
            // One that is not deployed yet can be waited for.
            Some(ContractRef::Address(address)) => Some(address),
            Some(reference) => Some(chain.find_contract(&reference)?.address),
        };
        Ok(Self { contract, event, key })
    }

    /// Whether it leaves anything out.
    pub(super) fn is_narrow(&self) -> bool {
        self.contract.is_some() || self.event.is_some() || self.key.is_some()
    }

    pub(super) fn matches(&self, event: &Event) -> bool {
        self.contract.is_none_or(|contract| contract == event.contract)
            && self.event.as_ref().is_none_or(|name| *name == event.name)
            && self.key.as_ref().is_none_or(|key| event.keys.contains(key))
    }
}

/// The parameters of a filter, read but not looked up.
pub(super) struct Wanted {
    contract: Option<ContractRef>,
    event: Option<Ident>,
    key: Option<Vec<u8>>,
}

impl Wanted {
    pub(super) fn read(contract: Option<String>, event: Option<String>, key: Option<String>) -> Result<Self, Problem> {
        let wrong = |name: &str, error: &dyn std::fmt::Display| Problem::invalid(format_args!("{name}: {error}"));
        let contract =
            contract.map(|text| text.parse()).transpose().map_err(|error: &str| wrong("contract", &error))?;
        let event = event.map(Ident::new).transpose().map_err(|error| wrong("event", &error))?;
        let key = key.map(|text| from_hex(&text).filter(|key| key.len() <= EVENT_BYTES_MAX).ok_or(()));
        let key =
            key.transpose().map_err(|()| wrong("key", &"expected hexadecimal digits, of an index field in SCALE"))?;
        Ok(Self { contract, event, key })
    }

    pub(super) fn look_up(self, chain: &ChainService) -> Result<EventFilter, ReadError> {
        EventFilter::of(chain, self.contract, self.event, self.key)
    }
}

/// Which events, and from where on.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Page {
    /// Only events of this contract: address, name, or department.name.
    contract: Option<String>,
    /// Only events of this name.
    event: Option<String>,
    /// Only events one of whose index fields is this, in SCALE and hexadecimal.
    key: Option<String>,
    /// Only what comes after this place, `height.index.n`: the `next_after` of the page before, or an event's id.
    after: Option<String>,
    /// The first height; the first that this node has without. `after` comes first.
    from: Option<u64>,
    /// At most so many, up to 100; 20 without.
    limit: Option<usize>,
}

/// Events in the order in which they happened.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct EventsView {
    /// The events.
    events: Vec<PlacedEvent>,
    /// Where this page stopped: what to give as `after` to go on, now or later, or as `Last-Event-ID` to the stream.
    next_after: String,
    /// Whether there are final blocks that were not looked at to their end yet.
    more: bool,
}

/// What contracts announced, the oldest first. A page looks at no more than 1,000 blocks, so it may be empty and still not
/// be the last: `more` says so.
#[utoipa::path(get, path = "/v1/chains/{chain}/events", operation_id = "events_list", tag = "events",
    params(("chain" = String, Path, description = "The chain's name"), Page),
    responses((status = 200, body = EventsView), (status = 400, body = Problem),
        (status = 404, body = Problem, description = "No such chain or contract, or a height that this node does not have"),
        (status = 409, body = Problem, description = "Several departments have a contract of this name")))]
pub(super) async fn list(target: Target, Parameters(page): Parameters<Page>) -> Result<Json<EventsView>, Problem> {
    let limit = page.limit.unwrap_or(20);
    if limit == 0 || limit > PAGE_MAX {
        return Err(Problem::invalid(format_args!("limit {limit}: 1 to {PAGE_MAX} are possible")));
    }
    let after = page.after.map(|text| text.parse::<Place>()).transpose();
    let after = after.map_err(|error| Problem::invalid(format_args!("after: {error}")))?;
    let wanted = Wanted::read(page.contract, page.event, page.key)?;
    let view = target.chain.ask(move |chain| {
        let filter = wanted.look_up(chain)?;
        let first = chain.first_kept_height()?;
        let from = after.map(|after| after.height).or(page.from).unwrap_or(first);
        scan(chain, &filter, after, from.max(1), limit)
    });
    Ok(Json(view.await?))
}

fn scan(
    chain: &ChainService,
    filter: &EventFilter,
    after: Option<Place>,
    from: u64,
    limit: usize,
) -> Result<EventsView, ReadError> {
    let newest = chain.ledger().tip().height;
    // Right after the newest block is a place to wait at; whatever else is not here is refused.
    if from != newest + 1 {
        chain.expect_kept(from)?;
    }
    let db = chain.ledger().db();
    let mut events = Vec::new();
    let mut receipts_seen = 0;
    let mut stopped = after.unwrap_or(end_of(chain, from - 1)?);
    for height in from..=newest.min(from.saturating_add(BLOCKS_MAX - 1)) {
        let receipts: Vec<Receipt> = db.expect_part(db.receipts(height)?, "receipts", height)?;
        let placed = receipts.iter().flat_map(|receipt| placed_events(receipt, filter));
        for (place, event) in placed.filter(|(place, _)| after.is_none_or(|after| *place > after)) {
            if events.len() == limit {
                return Ok(EventsView { events, next_after: stopped.to_string(), more: true });
            }
            events.push(event);
            stopped = place;
        }
        stopped = stopped.max(Place { height, index: receipts.len() as u64, n: 0 });
        receipts_seen += receipts.len();
        if receipts_seen > RECEIPTS_MAX {
            break;
        }
    }
    Ok(EventsView { events, next_after: stopped.to_string(), more: stopped.height < newest })
}

/// The place after everything of a height, which is none before the first block and where a store begins.
fn end_of(chain: &ChainService, height: u64) -> Result<Place, ReadError> {
    let receipts = match height < chain.first_kept_height()? {
        true => None,
        false => chain.ledger().db().receipts(height)?,
    };
    Ok(Place { height, index: receipts.map_or(0, |receipts| receipts.len() as u64), n: 0 })
}
