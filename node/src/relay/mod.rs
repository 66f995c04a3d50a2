//! Carries between the chains of this process: headers of sidechains to the mainchain, messages to their destinations,
//! word of what was taken back to their sources, beacons to the sidechains that expect them.
//!
//! Nobody has to trust it, and it needs no setting up: every node has one, what one carries another may have carried
//! before, and the chains take only what is proven. It keeps nothing but what it handed in a moment ago; all it does follows
//! from the chains' final states, which are read again only after blocks in which something was done. Nodes take turns, so
//! that they do not all carry the same.
//!
//! What is deliberately absent: carrying between chains that this process does not host.

mod carry;
mod known;
mod proofs;

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use chancery_abi::{Address, Authorisation, Name, Payload, Scheme, Transaction, TransactionBody, WIRE_VERSION, limits};
use ed25519_zebra::{SigningKey, VerificationKey};
use tokio::{sync::watch, task::JoinHandle};

use self::known::Known;
use crate::chain::{ChainService, ChainSet, now_ms};

/// How often it is looked whether a chain has moved.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// How long one node has its turn.
const TURN_MS: u64 = 1_500;
/// What was handed in and shows no effect is handed in again after this.
const AGAIN_AFTER: Duration = Duration::from_secs(4);
/// Heights for which what is handed in stays valid. It is soon out of date.
const VALID_FOR: u64 = 50;
/// A pass is made this often even if no chain has moved.
const PASS_EVERY: Duration = Duration::from_millis(500);

type Chain = Arc<ChainService>;

/// What a node has handed in on a chain, by what it is about.
type HandedIn = BTreeMap<(Name, About), (u64, Instant)>;

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
pub(crate) struct Relay {
    mainchain: Chain,
    chains: ChainSet,
    key: SigningKey,
    public_key: [u8; 32],
    handed_in: HandedIn,
    known: BTreeMap<Name, Known>,
}

/// Starts the relay of a node that hosts `chains` beside `mainchain`.
pub(crate) fn start(
    mainchain: Chain,
    chains: ChainSet,
    key: SigningKey,
    mut stop: watch::Receiver<bool>,
) -> JoinHandle<()> {
    let public_key = VerificationKey::from(&key).into();
    let (handed_in, known) = (HandedIn::new(), BTreeMap::new());
    let mut relay = Relay { mainchain, chains, key, public_key, handed_in, known };
    tokio::spawn(async move {
        let mut seen: Vec<u64> = Vec::new();
        let mut passed = Instant::now();
        loop {
            tokio::select! {
                _ = stop.changed() => return,
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
            let heights: Vec<u64> = relay.chains.all().iter().map(|chain| chain.ledger().tip().height).collect();
            if heights == seen && passed.elapsed() < PASS_EVERY || heights.len() < 2 {
                continue;
            }
            (seen, passed) = (heights, Instant::now());
            let pass = tokio::task::spawn_blocking(move || {
                relay.pass();
                relay
            });
            match pass.await {
                Ok(back) => relay = back,
                Err(error) => return tracing::error!(%error, "the relay panicked; other nodes carry on"),
            }
        }
    })
}

impl Relay {
    /// Looks at everything once.
    fn pass(&mut self) {
        let passed = self.refresh().and_then(|()| self.anchors()).and_then(|()| self.lanes());
        if let Err(error) = passed {
            // The chain that it came from has stopped by itself where it had to.
            tracing::debug!(%error, "the relay left something for later");
        }
    }

    /// Whether it is this node's turn among those who certify a chain. Who does not leaves it to those.
    fn has_turn(&self, chain: &Chain) -> bool {
        let committee = chain.ledger().terms().present().committee;
        let place = committee.keys().iter().position(|key| *key == self.public_key);
        let turn = now_ms() / TURN_MS % committee.len() as u64;
        place.is_some_and(|place| place as u64 == turn)
    }

    /// Whether something that was handed in at this state of affairs may still have an effect.
    fn waits(&mut self, chain: &Chain, about: &About, state: u64) -> bool {
        let key = (chain.ledger().rules().name().clone(), about.clone());
        let waits = self.handed_in.get(&key).is_some_and(|(at, when)| *at == state && when.elapsed() < AGAIN_AFTER);
        if !waits {
            self.handed_in.remove(&key);
        }
        waits
    }

    /// Hands a transaction in, which is about something that stands at `state`.
    fn hand_in(&mut self, chain: &Chain, about: About, state: u64, payload: Payload, gas: u64) {
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
        self.handed_in.insert((rules.name().clone(), about), (state, Instant::now()));
    }
}
