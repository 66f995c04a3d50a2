//! `/stream`: blocks, receipts and events as server-sent events, from any height on, with resume.
//!
//! The order is fixed: at each height the transactions in order, for each its `receipt` and then its `event`s, and at
//! last the `block`, which says that the height is complete. Ids are `height.index.n`: the transaction's place, and 0 for
//! its receipt or the event's place from 1; a block's index is the number of its transactions. Resuming after an id
//! gives exactly what follows it.
//!
//! A stream reads the store, so it cannot miss anything; a client that takes nothing for a while is cut off and resumes.

use std::{convert::Infallible, fmt, str::FromStr, sync::Arc, time::Duration};

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
use utoipa::{IntoParams, ToSchema};

use super::{
    Problem, Shared,
    target::{Parameters, Target},
    until_stopped,
    views::{EventView, HeaderView, ReceiptView, receipt_view},
};
use crate::chain::{ChainService, ReadError};

/// Events on their way to one client.
const QUEUE: usize = 64;
/// How long a client may take nothing before it is cut off.
const SLOW_CLIENT: Duration = Duration::from_secs(30);

/// A place in the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    height: u64,
    index: u64,
    n: u64,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.height, self.index, self.n)
    }
}

impl FromStr for Place {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut parts = text.split('.').map(|part| part.parse::<u64>().ok());
        match (parts.next().flatten(), parts.next().flatten(), parts.next().flatten(), parts.next()) {
            (Some(height), Some(index), Some(n), None) => Ok(Self { height, index, n }),
            _ => Err("an event's id is height.index.n"),
        }
    }
}

/// Where to begin.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Start {
    /// The first height; the next one without. The header `Last-Event-ID` comes first.
    from: Option<u64>,
}

/// An event with where it happened.
#[derive(Debug, Serialize, ToSchema)]
struct PlacedEvent {
    /// The transaction's digest.
    transaction: String,
    /// The block's height.
    height: u64,
    /// The transaction's place in the block.
    index: u32,
    #[serde(flatten)]
    event: EventView,
}

/// Blocks, receipts and events as they become final: `receipt`, `event` and `block` events with ids `height.index.n`.
/// A block comes after all of its receipts. Resume with `Last-Event-ID`, or from a height with `from`.
#[utoipa::path(get, path = "/v1/chains/{chain}/stream", operation_id = "stream_follow", tag = "stream",
    params(("chain" = String, Path, description = "The chain's name"), Start,
        ("Last-Event-ID" = Option<String>, Header, description = "The last event that was received")),
    responses((status = 200, body = String, content_type = "text/event-stream"),
        (status = 400, body = Problem), (status = 404, body = Problem), (status = 503, body = Problem)))]
pub(super) async fn follow(
    State(api): State<Shared>,
    target: Target,
    Parameters(start): Parameters<Start>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let last = headers.get("last-event-id").map(|value| value.to_str().unwrap_or_default().parse::<Place>());
    let last = last.transpose().map_err(|error| Problem::invalid(format_args!("Last-Event-ID: {error}")))?;
    let newest = target.chain.ledger().tip().height;
    let from = match (last, start.from) {
        (Some(last), _) => last.height,
        (None, Some(from)) => from,
        (None, None) => newest + 1,
    };
    if from > newest + 1 {
        return Err(Problem::invalid(format_args!("height {from} is not known yet; the newest is {newest}")));
    }
    let Ok(permit) = Arc::clone(&api.streams).try_acquire_owned() else {
        return Err(Problem::new(503, "too_many_streams", "as many streams as this node allows are open"));
    };
    let (sender, receiver) = mpsc::channel(QUEUE);
    let feed = Feed { chain: Arc::clone(&target.chain), sender, last, _permit: permit };
    // Ends with the client, which closes the channel, with the node, or with the store.
    tokio::spawn(feed.run(from.max(1), api.stopping.clone()));
    let events = Sse::new(ReceiverStream::new(receiver)).keep_alive(KeepAlive::default());
    Ok(events.into_response())
}

struct Feed {
    chain: Arc<ChainService>,
    sender: mpsc::Sender<Result<Event, Infallible>>,
    last: Option<Place>,
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
        let last = self.last;
        let events = match self.chain.look_up(move |chain| events_of(chain, height, last)).await {
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

/// What happened at `height`, after `last`.
fn events_of(chain: &ChainService, height: u64, last: Option<Place>) -> Result<Vec<Event>, ReadError> {
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
        let index = u64::from(receipt.index);
        let view: ReceiptView = receipt_view(chain, receipt);
        push(Place { height, index, n: 0 }, "receipt", json(&view));
        for (n, event) in (1..).zip(&receipt.events) {
            let placed = PlacedEvent {
                transaction: receipt.transaction.to_string(),
                height,
                index: receipt.index,
                event: EventView::new(event),
            };
            push(Place { height, index, n }, "event", json(&placed));
        }
    }
    let view = HeaderView::new(&header, &header.digest(chain.ledger().rules().digest()));
    push(Place { height, index: receipts.len() as u64, n: 0 }, "block", json(&view));
    Ok(events)
}

fn json(view: &impl Serialize) -> String {
    // Strings, numbers and lists of them always serialise.
    serde_json::to_string(view).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_read_back_and_ordered() {
        let place = Place { height: 12, index: 3, n: 1 };
        assert_eq!(place.to_string().parse(), Ok(place));
        for wrong in ["", "1", "1.2", "1.2.3.4", "a.b.c", "1.2.-3"] {
            assert!(wrong.parse::<Place>().is_err(), "{wrong:?}");
        }
        assert!(place < Place { height: 12, index: 4, n: 0 });
    }
}
