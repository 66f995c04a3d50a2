//! Who is connected to whom: the committee and those who are about to serve dial one another; nodes that are registered
//! and do not serve are let in and follow. And this node's own word, on the chain, that it could serve and where it is.
//!
//! A configured address goes before what a node says of itself on the chain, because its operator wrote it down here.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, SystemTime},
};

use commonware_cryptography::ed25519::PublicKey;
use commonware_p2p::{Address, AddressableManager, AddressableTrackedPeers};
use commonware_runtime::{Clock, Spawner};
use commonware_utils::ordered::Map;
use parity_scale_codec::Encode as _;

use super::{Blackboard, Participation, Peer, Roll, Terms, audience::Audience, certificate::public_key};

/// How often it is looked whether anything has changed.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// A word that shows no effect is said again after this.
const AGAIN_AFTER: Duration = Duration::from_secs(10);
/// Whose newest block was final here so late, or who knows of so many more, is still catching up.
const LAG_MAX_MS: u64 = 10_000;
const BEHIND_MAX: u64 = 8;

/// Keys and addresses, where they are known.
type Addresses = BTreeMap<[u8; 32], Option<Address>>;

/// Whom a node is to be connected to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Wanted {
    /// Those who agree on blocks, now or soon, and whoever the operator named: they are dialled.
    primary: Addresses,
    /// Those who follow: they are let in.
    secondary: Addresses,
}

impl Wanted {
    fn keys(&self) -> impl Iterator<Item = (&[u8; 32], bool)> {
        let primary = self.primary.keys().map(|key| (key, true));
        primary.chain(self.secondary.keys().map(|key| (key, false)))
    }

    /// How many they are.
    pub(super) fn len(&self) -> usize {
        self.primary.len() + self.secondary.len()
    }

    /// Members of the present committee without an address, other than this node.
    pub(super) fn without_address(&self) -> impl Iterator<Item = &[u8; 32]> {
        self.primary.iter().filter(|(_, address)| address.is_none()).map(|(key, _)| key)
    }

    /// Their keys, as the network knows them.
    pub(super) fn nodes(&self) -> impl Iterator<Item = PublicKey> {
        self.keys().filter_map(|(key, _)| public_key(key))
    }

    pub(super) fn peers(&self) -> AddressableTrackedPeers<PublicKey> {
        // Who has no address dials; nobody answers at this one.
        let nowhere = Address::Symmetric(SocketAddr::from(([0, 0, 0, 0], 0)));
        let peers = |of: &Addresses| -> Map<PublicKey, Address> {
            let known = of.iter().filter_map(|(key, address)| {
                Some((public_key(key)?, address.clone().unwrap_or_else(|| nowhere.clone())))
            });
            Map::from_iter_dedup(known)
        };
        AddressableTrackedPeers::new(peers(&self.primary), peers(&self.secondary))
    }
}

/// What decides whom a node is connected to.
pub(super) struct Members<T> {
    pub(super) board: T,
    pub(super) terms: Arc<Terms>,
    pub(super) participation: Arc<Participation>,
    pub(super) me: [u8; 32],
    /// What the operator wrote down.
    pub(super) configured: Vec<Peer>,
    /// Where this node listens.
    pub(super) listen: SocketAddr,
    /// Whose messages the chain takes.
    pub(super) audience: Audience,
}

impl<T: Blackboard> Members<T> {
    /// Whom this node is to be connected to now, at most `limit`.
    pub(super) fn wanted(&self, roll: Option<&Roll>, limit: usize) -> Wanted {
        let registered = |key: &[u8; 32]| roll?.nodes.iter().find(|node| node.key == *key);
        let address = |key: &[u8; 32]| {
            if key == &self.me {
                // Nobody dials oneself, so where this node listens is as good as any.
                return Some(Address::Symmetric(self.listen));
            }
            let configured = self.configured.iter().find(|peer| peer.key == *key).and_then(Peer::address);
            configured.or_else(|| parse(key, &registered(key)?.ready.as_ref()?.address))
        };
        let mut wanted = Wanted::default();
        let present = self.terms.present().committee;
        let next = roll.iter().flat_map(|roll| roll.next.iter().flat_map(|next| &next.members));
        let configured = self.configured.iter().map(|peer| &peer.key);
        let partners = roll.iter().flat_map(|roll| &roll.partners);
        for key in present.keys().iter().chain(next).chain(configured).chain(partners).take(limit) {
            wanted.primary.insert(*key, address(key));
        }
        for node in roll.iter().flat_map(|roll| &roll.nodes) {
            if wanted.len() < limit && !wanted.primary.contains_key(&node.key) {
                wanted.secondary.insert(node.key, address(&node.key));
            }
        }
        wanted
    }

    /// Keeps connections as they are to be, and says what this node has to say of itself, for as long as the node runs.
    pub(super) async fn run<E, O>(self, context: E, mut oracle: O, limit: usize, mut tracked: Wanted)
    where
        E: Clock + Spawner,
        O: AddressableManager<PublicKey = PublicKey>,
    {
        let (mut set, mut said) = (0, None);
        loop {
            context.sleep(LOOK_EVERY).await;
            let Some(roll) = self.board.roll() else { continue };
            let wanted = self.wanted(Some(&roll), limit);
            if wanted != tracked {
                if wanted.keys().eq(tracked.keys()) {
                    let AddressableTrackedPeers { primary, secondary } = wanted.peers();
                    oracle.overwrite(primary);
                    oracle.overwrite(secondary);
                } else {
                    set += 1;
                    oracle.track(set, wanted.peers());
                }
                self.audience.set(wanted.nodes());
                let (primary, secondary) = (wanted.primary.len(), wanted.secondary.len());
                tracing::info!(primary, secondary, "the nodes to be connected to have changed");
                tracked = wanted;
            }
            self.say(&context, &roll, &mut said);
        }
    }

    /// Says on the chain that this node could serve, when that is due.
    fn say(&self, context: &impl Clock, roll: &Roll, said: &mut Option<SystemTime>) {
        let Some(node) = roll.nodes.iter().find(|node| node.key == self.me) else { return };
        let own = self.configured.iter().find(|peer| peer.key == self.me);
        let address = own.map_or_else(|| self.listen.to_string(), Peer::host_and_port);
        let next = roll.next.iter().flat_map(|next| &next.members);
        let serves = self.terms.present().committee.keys().iter().chain(next).any(|key| *key == self.me);
        let is_due = node.ready.as_ref().is_none_or(|ready| {
            ready.address != address || !serves && roll.height >= ready.height.saturating_add(roll.epoch_blocks)
        });
        let view = self.participation.view();
        let follows = view.finality_lag_ms.is_some_and(|lag| lag <= LAG_MAX_MS)
            && view.certified_height <= roll.height.saturating_add(BEHIND_MAX);
        let now = context.current();
        let waits = said.is_some_and(|at| now.duration_since(at).unwrap_or_default() < AGAIN_AFTER);
        if is_due && follows && !waits {
            *said = Some(now);
            if let Err(reason) = self.board.call_registry("declare_ready", (self.me, &address).encode()) {
                tracing::warn!(reason, "the registry was not told that this node is ready");
            }
        }
    }
}

fn parse(key: &[u8; 32], address: &str) -> Option<Address> {
    let peer: Peer = format!("{}@{address}", chancery_abi::Digest(*key)).parse().ok()?;
    peer.address()
}
