//! `/stream`: blocks, receipts and events as server-sent events, from any height on, with filters and resume.
//!
//! The order is fixed: at each height the transactions in order, for each its `receipt` and then its `event`s, and at
//! last the `block`, which says that the height is complete. Ids are places ([`Place`]). Resuming after an id gives exactly
//! what follows it, through whatever filter.
//!
//! A stream reads the store, so it cannot miss anything; a client that takes nothing for a while is cut off and resumes.

use std::{convert::Infallible, str::FromStr, sync::Arc, time::Duration};

use axum::{
    extract::State,
    http::HeaderMap,
    response::{
        IntoResponse as _, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use chancery_abi::Receipt;
use serde::{Deserialize, Serialize};
use tokio::sync::{OwnedSemaphorePermit, mpsc, watch};
use tokio_stream::wrappers::ReceiverStream;
use utoipa::IntoParams;

use super::{
    Problem, Shared,
    events::{EventFilter, Wanted, placed_events},
    place::Place,
    target::{Parameters, Target},
    until_stopped,
    views::{HeaderView, ReceiptView, receipt_view},
};
use crate::chain::{ChainService, ReadError};

/// Events on their way to one client.
const QUEUE: usize = 64;
/// How long a client may take nothing before it is cut off.
const SLOW_CLIENT: Duration = Duration::from_secs(30);

/// Where to begin.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Start {
    /// The first height; the next one without. The header `Last-Event-ID` comes first.
    from: Option<u64>,
    /// What to send: some of `block`, `receipt` and `event`, with commas between; all of them without.
    kinds: Option<String>,
    /// Only events of this contract (address, name, or department.name), and receipts with such an event.
    contract: Option<String>,
    /// Only events of this name, and receipts with such an event.
    event: Option<String>,
    /// Only events one of whose index fields is this, in SCALE and hexadecimal, and receipts with such an event.
    key: Option<String>,
}

/// What a stream sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Kinds {
    block: bool,
    receipt: bool,
    event: bool,
}

impl FromStr for Kinds {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut kinds = Self { block: false, receipt: false, event: false };
        for kind in text.split(',') {
            match kind {
                "block" => kinds.block = true,
                "receipt" => kinds.receipt = true,
                "event" => kinds.event = true,
                _ => return Err("some of block, receipt and event, with commas between"),
            }
        }
        Ok(kinds)
    }
}

/// What of a height is sent.
#[derive(Clone, Debug)]
struct Selection {
    kinds: Kinds,
    filter: EventFilter,
    last: Option<Place>,
}

/// Blocks, receipts and events as they become final: `receipt`, `event` and `block` events with ids `height.index.n`.
/// A block comes after all of its receipts, and is sent whatever is filtered, unless `kinds` leaves it out. Resume with
/// `Last-Event-ID`, or from a height with `from`.
#[utoipa::path(get, path = "/v1/chains/{chain}/stream", operation_id = "stream_follow", tag = "stream",
    params(("chain" = String, Path, description = "The chain's name"), Start,
        ("Last-Event-ID" = Option<String>, Header, description = "The last event that was received")),
    responses((status = 200, body = String, content_type = "text/event-stream"),
        (status = 400, body = Problem), (status = 409, body = Problem, description = "Several departments have a contract of this name"),
        (status = 404, body = Problem, description = "No such chain or contract, or a height that this node does not have")))]
pub(super) async fn follow(
    State(api): State<Shared>,
    target: Target,
    Parameters(start): Parameters<Start>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let last = headers.get("last-event-id").map(|value| value.to_str().unwrap_or_default().parse::<Place>());
    let last = last.transpose().map_err(|error| Problem::invalid(format_args!("Last-Event-ID: {error}")))?;
    let kinds = start.kinds.as_deref().unwrap_or("block,receipt,event").parse();
    let kinds = kinds.map_err(|error: &str| Problem::invalid(format_args!("kinds: {error}")))?;
    let wanted = Wanted::read(start.contract, start.event, start.key)?;
    let newest = target.chain.ledger().tip().height;
    let from = match (last, start.from) {
        (Some(last), _) => last.height,
        (None, Some(from)) => from,
        (None, None) => newest + 1,
    };
    if from > newest + 1 {
        return Err(Problem::invalid(format_args!("height {from} is not known yet; the newest is {newest}")));
    }
    let from = from.max(1);
    let filter = target.look_up(move |chain| {
        // Of the height after the newest, nothing can be missing.
        if from <= newest {
            chain.expect_kept(from)?;
        }
        wanted.look_up(chain)
    });
    let selection = Selection { kinds, filter: filter.await?, last };
    let Ok(permit) = Arc::clone(&api.streams).try_acquire_owned() else {
        return Err(Problem::new(503, "too_many_streams", "as many streams as this node allows are open"));
    };
    let (sender, receiver) = mpsc::channel(QUEUE);
    let feed = Feed { chain: Arc::clone(&target.chain), sender, selection, _permit: permit };
    // Ends with the client, which closes the channel, with the node, or with the store.
    tokio::spawn(feed.run(from, api.stopping.clone()));
    let events = Sse::new(ReceiverStream::new(receiver)).keep_alive(KeepAlive::default());
    Ok(events.into_response())
}

struct Feed {
    chain: Arc<ChainService>,
    sender: mpsc::Sender<Result<Event, Infallible>>,
    selection: Selection,
    _permit: OwnedSemaphorePermit,
}

impl Feed {
    async fn run(self, mut height: u64, mut stopping: watch::Receiver<bool>) {
        let mut finalised = self.chain.follow();
        loop {
            while height <= *finalised.borrow_and_update() {
                if self.send_height(height).await.is_none() {
                    return;
                }
                height += 1;
            }
            tokio::select! {
                changed = finalised.changed() => if changed.is_err() { return },
                () = until_stopped(&mut stopping) => return,
                () = self.sender.closed() => return,
            }
        }
    }

    /// Sends what happened at `height`; none when there is nobody to send to any more.
    async fn send_height(&self, height: u64) -> Option<()> {
        let selection = self.selection.clone();
        let events = match self.chain.look_up(move |chain| events_of(chain, height, &selection)).await {
            Ok(events) => events,
            Err(error) => {
                tracing::warn!(%error, height, "a stream ends");
                return None;
            }
        };
        for event in events {
            match tokio::time::timeout(SLOW_CLIENT, self.sender.send(Ok(event))).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) | Err(_) => return None,
            }
        }
        Some(())
    }
}

/// What happened at `height`, as far as it is selected.
fn events_of(chain: &ChainService, height: u64, selection: &Selection) -> Result<Vec<Event>, ReadError> {
    let Selection { kinds, filter, last } = selection;
    let db = chain.ledger().db();
    let receipts: Vec<Receipt> = db.expect_part(db.receipts(height)?, "receipts", height)?;
    let header = db.expect_part(db.header(height)?, "header", height)?;
    let mut events = Vec::with_capacity(receipts.len() + 1);
    let mut push = |place: Place, name: &str, data: String| {
        if last.is_none_or(|last| place > last) {
            events.push(Event::default().id(place.to_string()).event(name).data(data));
        }
    };
    for receipt in &receipts {
        let concerned = !filter.is_narrow() || receipt.events.iter().any(|event| filter.matches(event));
        if kinds.receipt && concerned {
            let view: ReceiptView = receipt_view(chain, receipt);
            push(Place { height, index: u64::from(receipt.index), n: 0 }, "receipt", json(&view));
        }
        if kinds.event {
            for (place, event) in placed_events(receipt, filter) {
                push(place, "event", json(&event));
            }
        }
    }
    if kinds.block {
        let view = HeaderView::new(&header, &header.digest(chain.ledger().rules().digest()));
        push(Place { height, index: receipts.len() as u64, n: 0 }, "block", json(&view));
    }
    Ok(events)
}

fn json(view: &impl Serialize) -> String {
    // Strings, numbers and lists of them always serialise.
    serde_json::to_string(view).unwrap_or_default()
}
