//! Carries between chains: headers of sidechains to the mainchain, messages to their destinations, word of what was taken
//! back to their sources, beacons to the sidechains that expect them. Each node carries to the chains that it has; what it
//! needs of a chain that it does not have, it asks of those who do ([`exchange`]).
//!
//! Nobody has to trust it, and it needs no setting up: every node has one, what one carries another may have carried
//! before, and the chains take only what is proven. It keeps nothing but what it handed in a moment ago; all it does follows
//! from the chains' final states, which are read again only after blocks in which something was done. Nodes take turns, so
//! that they do not all carry the same.
//!
//! What is deliberately absent: anything that is taken on another node's word.

mod carry;
mod exchange;
mod known;
mod other;
mod proofs;
#[cfg(test)]
mod tests;

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use chancery_abi::{Address, Authorisation, Name, Payload, Scheme, Transaction, TransactionBody, WIRE_VERSION, limits};
use chancery_runtime::storage::StateBackend;
use ed25519_zebra::{SigningKey, VerificationKey};
use tokio::{sync::watch, task::JoinHandle};

use self::{
    exchange::{Askers, Exchange},
    known::Known,
    other::View,
};
use crate::{
    chain::{ChainError, ChainService, ChainSet, now_ms},
    consensus::{Letter, Letters},
    store::ChainStore,
};

/// How often it is looked whether a chain has moved.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// How long one node has its turn.
const TURN_MS: u64 = 1_500;
/// What was handed in and shows no effect is handed in again after this.
const AGAIN_AFTER_MS: u64 = 4_000;
/// Heights for which what is handed in stays valid. It is soon out of date.
const VALID_FOR: u64 = 50;
/// A pass is made this often even if no chain has moved.
const PASS_EVERY: Duration = Duration::from_millis(500);
/// Letters that wait for a pass, and their bytes; and those of one node, which asks few things at once and is asked few.
const HEARD_MAX: usize = 512;
const HEARD_BYTES_MAX: usize = 16 << 20;
const HEARD_OF_ONE_MAX: usize = 16;
const HEARD_OF_ONE_BYTES_MAX: usize = 4 << 20;

type Chain<B> = Arc<ChainService<B>>;

/// What a node has handed in on a chain, by what it is about: the state of affairs, and when.
type HandedIn = BTreeMap<(Name, About), (u64, u64)>;

/// What a transaction of the relay is about. Of each there is one at a time.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum About {
    /// Headers of sidechains.
    Anchors,
    /// Messages from a chain.
    Delivery(Name),
    /// Word of what a chain has taken.
    Settlement(Name),
    /// Beacons.
    Beacons,
}

/// The relay of one node.
pub(crate) struct Relay<B = ChainStore> {
    mainchain: Chain<B>,
    chains: ChainSet<B>,
    key: SigningKey,
    public_key: [u8; 32],
    handed_in: HandedIn,
    known: BTreeMap<Name, Known>,
    /// Of lanes whose other end is elsewhere, by that chain and the one here.
    views: BTreeMap<(Name, Name), View>,
    exchange: Exchange,
    askers: Askers,
    /// Letters that wait for a pass, and those that are to go.
    heard: Vec<Letter>,
    outgoing: Vec<Letter>,
    /// The time of the pass at hand.
    now_ms: u64,
}

/// Starts the relay of a node that hosts `chains` beside `mainchain`, and has `letters` to and from other nodes.
pub(crate) fn start(
    mainchain: Chain<ChainStore>,
    chains: ChainSet,
    key: SigningKey,
    mut letters: Letters,
    mut stop: watch::Receiver<bool>,
) -> JoinHandle<()> {
    let mut relay = Relay::new(mainchain, chains, key);
    tokio::spawn(async move {
        let mut seen: Vec<u64> = Vec::new();
        let mut passed = Instant::now();
        loop {
            tokio::select! {
                _ = stop.changed() => return,
                () = tokio::time::sleep(LOOK_EVERY) => {}
                Some(letter) = letters.next() => relay.hear(letter),
            }
            while let Some(letter) = letters.ready() {
                relay.hear(letter);
            }
            let heights: Vec<u64> = relay.chains.all().iter().map(|chain| chain.ledger().tip().height).collect();
            if heights == seen && passed.elapsed() < PASS_EVERY && relay.heard.is_empty() {
                continue;
            }
            (seen, passed) = (heights, Instant::now());
            let pass = tokio::task::spawn_blocking(move || {
                relay.pass(now_ms());
                relay
            });
            match pass.await {
                Ok(back) => relay = back,
                Err(error) => return tracing::error!(%error, "the relay panicked; other nodes carry on"),
            }
            relay.take_letters().into_iter().for_each(|letter| letters.send(letter));
        }
    })
}

impl<B: StateBackend + 'static> Relay<B> {
    /// The relay of the node with this key, which hosts `chains`, of which `mainchain` is one.
    pub(crate) fn new(mainchain: Chain<B>, chains: ChainSet<B>, key: SigningKey) -> Self {
        let public_key = VerificationKey::from(&key).into();
        Self {
            mainchain,
            chains,
            key,
            public_key,
            handed_in: HandedIn::new(),
            known: BTreeMap::new(),
            views: BTreeMap::new(),
            exchange: Exchange::default(),
            askers: Askers::default(),
            heard: Vec::new(),
            outgoing: Vec::new(),
            now_ms: 0,
        }
    }

    /// A letter has come. It is read in one of the next passes; whoever sends too many is not heard, and others are.
    pub(crate) fn hear(&mut self, letter: Letter) {
        let (mut bytes, mut of_one, mut bytes_of_one) = (letter.bytes.len(), 0, letter.bytes.len());
        for waiting in &self.heard {
            bytes += waiting.bytes.len();
            if waiting.peer == letter.peer {
                of_one += 1;
                bytes_of_one += waiting.bytes.len();
            }
        }
        let fits = self.heard.len() < HEARD_MAX && bytes <= HEARD_BYTES_MAX;
        if fits && of_one < HEARD_OF_ONE_MAX && bytes_of_one <= HEARD_OF_ONE_BYTES_MAX {
            self.heard.push(letter);
        }
    }

    /// The letters that are to go to other nodes after a pass.
    pub(crate) fn take_letters(&mut self) -> Vec<Letter> {
        let mut letters = std::mem::take(&mut self.outgoing);
        letters.extend(self.exchange.due(self.now_ms));
        letters
    }

    /// Looks at everything once, at this time. Blocks for as long as reading the stores takes. What fails for one chain or
    /// lane holds up no other.
    pub(crate) fn pass(&mut self, now_ms: u64) {
        self.now_ms = now_ms;
        self.read_letters();
        self.exchange.forget(now_ms);
        // What is known of before will do: the chains look at all that comes of it.
        let refreshed = self.refresh();
        or_later(self.mainchain.ledger().rules().name(), refreshed);
        self.anchors();
        self.lanes();
    }

    /// This node's place among those who certify a chain, and how many they are.
    fn place(&self, chain: &Chain<B>) -> Option<(u64, u64)> {
        let committee = chain.ledger().terms().present().committee;
        let place = committee.keys().iter().position(|key| *key == self.public_key)?;
        Some((place as u64, committee.len() as u64))
    }

    /// Whether it is this node's turn among those who certify a chain. Who does not leaves it to those.
    fn has_turn(&self, chain: &Chain<B>) -> bool {
        self.place(chain).is_some_and(|(place, of)| self.now_ms / TURN_MS % of == place)
    }

    /// Whether something that was handed in at this state of affairs may still have an effect.
    fn waits(&mut self, chain: &Chain<B>, about: &About, state: u64) -> bool {
        let key = (chain.ledger().rules().name().clone(), about.clone());
        let is_recent = |when: u64| self.now_ms.abs_diff(when) < AGAIN_AFTER_MS;
        let waits = self.handed_in.get(&key).is_some_and(|(at, when)| *at == state && is_recent(*when));
        if !waits {
            self.handed_in.remove(&key);
        }
        waits
    }

    /// Hands a transaction in, which is about something that stands at `state`.
    fn hand_in(&mut self, chain: &Chain<B>, about: About, state: u64, payload: Payload, gas: u64) {
        let rules = chain.ledger().rules();
        let sender = Address::of_key(Scheme::Ed25519, &self.public_key);
        let Ok((_, nonce)) = chain.account_nonces(&sender) else { return };
        let body = TransactionBody {
            version: WIRE_VERSION,
            chain: rules.name().clone(),
            sender,
            nonce,
            gas_limit: gas.min(limits::TRANSACTION_GAS_MAX),
            valid_until_height: chain.ledger().tip().height + VALID_FOR,
            payload,
            sponsor: None,
        };
        let signature = self.key.sign(&body.digest(rules.digest()).0).to_bytes();
        let authorisation = Authorisation::Ed25519 { public_key: self.public_key, signature };
        let submitted = chain.submit(Transaction { body, authorisation, sponsor_authorisation: None });
        if let Err(error) = submitted {
            tracing::debug!(chain = %rules.name(), ?about, %error, "what was carried is not taken");
        }
        self.handed_in.insert((rules.name().clone(), about), (state, self.now_ms));
    }
}

/// What was done for a chain; nothing where that failed. The chain that the failure came from has stopped by itself where it
/// had to.
fn or_later<T>(chain: &Name, done: Result<T, ChainError>) -> Option<T> {
    done.inspect_err(|error| tracing::debug!(%chain, %error, "the relay left something for later")).ok()
}
