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

    /// Who is to be dialled and has no address.
    pub(super) fn without_address(&self) -> impl Iterator<Item = &[u8; 32]> {
        self.primary.iter().filter(|(_, address)| address.is_none()).map(|(key, _)| key)
    }

    /// One of those without an address, when nobody but `me` has one: then this node reaches nobody.
    pub(super) fn unreached(&self, me: &[u8; 32]) -> Option<&[u8; 32]> {
        let reaches_one = self.primary.iter().any(|(key, address)| key != me && address.is_some());
        self.without_address().next().filter(|_| !reaches_one)
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
        // Who has not said where it is can only be let in, as any other node is.
        let partners = roll.iter().flat_map(|roll| &roll.partners).filter(|key| address(key).is_some());
        for key in present.keys().iter().chain(next).chain(configured).chain(partners) {
            // Many are of several of these, and take one place.
            if wanted.primary.len() == limit {
                break;
            }
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
            ready.address != address || is_old(ready.height, roll.height, roll.epoch_blocks, serves)
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

/// Whether a word that was given at a height has to be given again: in every epoch by a node that does not serve, in every
/// second one by a node that does. The registry holds a word good for two epochs and a notice, and a node of the
/// mainchain's committee may be called into a sidechain's at any time.
fn is_old(given: u64, now: u64, epoch_blocks: u64, serves: bool) -> bool {
    let epochs = if serves { 2 } else { 1 };
    now >= given.saturating_add(epoch_blocks.saturating_mul(epochs))
}

fn parse(key: &[u8; 32], address: &str) -> Option<Address> {
    let peer: Peer = format!("{}@{address}", chancery_abi::Digest(*key)).parse().ok()?;
    peer.address()
}

#[cfg(test)]
mod tests {
    use chancery_abi::limits::COMMITTEE_NOTICE_BLOCKS;
    use chancery_runtime::{execution::registry::Readiness, state::MemoryBackend};
    use ed25519_zebra::{SigningKey, VerificationKey};

    use super::*;
    use crate::{
        chain::{ChainConfig, ChainService, FatalSignal, RegistryBoard},
        consensus::RegisteredNode,
        fixture::{engine, genesis_with_registry, name},
        metrics::Metrics,
    };

    fn of(key: &SigningKey) -> [u8; 32] {
        VerificationKey::from(key).into()
    }

    /// What decides about the first of these, which are the committee, and each of which has the others in its configuration.
    fn members_of(keys: &[SigningKey]) -> Members<RegistryBoard<MemoryBackend>> {
        let (store, metrics) = (Arc::new(MemoryBackend::new()), Metrics::new().chain(&name("main")));
        let (genesis, config) = (genesis_with_registry(keys), ChainConfig::default());
        let chain = ChainService::open(store, None, engine(), genesis, config, metrics, FatalSignal::new());
        let chain = Arc::new(chain.expect("it opens"));
        let (present, me) = (chain.ledger().terms().present().committee, of(&keys[0]));
        let listen = SocketAddr::from(([127, 0, 0, 1], 7_170));
        let peer = |key: &SigningKey| Peer { key: of(key), host: "127.0.0.1".into(), port: 7_171 };
        Members {
            board: RegistryBoard::new(Arc::clone(&chain), keys[0]),
            terms: Arc::clone(chain.ledger().terms()),
            participation: Arc::new(Participation::new(&present, me, 0)),
            me,
            configured: keys.iter().map(peer).collect(),
            listen,
            audience: Audience::default(),
        }
    }

    fn four() -> Vec<SigningKey> {
        (1..=4).map(|seed| SigningKey::from([seed; 32])).collect()
    }

    fn says(key: [u8; 32], address: &str) -> RegisteredNode {
        RegisteredNode { key, ready: Some(Readiness { height: 1, address: address.into() }) }
    }

    fn roll(nodes: Vec<RegisteredNode>, partners: &[[u8; 32]]) -> Roll {
        Roll { height: 1, nodes, epoch_blocks: 100, next: None, partners: partners.iter().copied().collect() }
    }

    #[test]
    fn a_partner_that_has_not_said_where_it_is_is_let_in_and_nobody_waits_for_its_address() {
        let members = members_of(&four());
        let (placed, lost) = ([50; 32], [51; 32]);
        let nodes = vec![says(placed, "127.0.0.1:7172"), RegisteredNode { key: lost, ready: None }];
        let roll = roll(nodes, &[placed, lost]);
        let wanted = members.wanted(Some(&roll), 24);
        assert!(wanted.primary.contains_key(&placed) && !wanted.primary.contains_key(&lost));
        assert!(wanted.secondary.contains_key(&lost));
        assert_eq!(wanted.without_address().count(), 0, "a validator would be warned of it");
    }

    #[test]
    fn who_is_of_several_lists_takes_one_place() {
        let members = members_of(&four());
        let placed = [50; 32];
        let roll = roll(vec![says(placed, "127.0.0.1:7172")], &[placed]);
        let wanted = |limit| members.wanted(Some(&roll), limit);
        // The committee is configured as well, and there is room for one more.
        assert!(wanted(5).primary.contains_key(&placed));
        for limit in 0..=5 {
            assert_eq!(wanted(limit).len(), limit);
        }
        assert_eq!(wanted(4).primary.len(), 4, "the committee comes first");
    }

    #[test]
    fn a_member_with_an_address_that_is_none_keeps_no_other_from_starting() {
        let keys = four();
        let mut members = members_of(&keys);
        let roll = roll(vec![says(of(&keys[2]), "a_b:1"), says(of(&keys[3]), "10.0.0.4")], &[]);
        members.configured.truncate(2);
        let wanted = members.wanted(Some(&roll), 24);
        let mut lacking: Vec<[u8; 32]> = wanted.without_address().copied().collect();
        lacking.sort_unstable_by_key(|key| *key != of(&keys[2]));
        assert_eq!((lacking, wanted.unreached(&members.me)), (vec![of(&keys[2]), of(&keys[3])], None));
        // One that knows where nobody is has to be told.
        members.configured.truncate(1);
        let wanted = members.wanted(Some(&roll), 24);
        assert!(wanted.unreached(&members.me).is_some());
        let alone = members_of(&keys[..1]);
        assert_eq!(alone.wanted(None, 24).unreached(&alone.me), None, "there is nobody else");
    }

    #[test]
    fn a_word_is_given_again_before_the_registry_holds_it_out_of_date() {
        // As `contracts/registry` counts: so many epochs, and a notice.
        for epoch in [1, 8, 100] {
            let good_until = 40 + 2 * epoch + COMMITTEE_NOTICE_BLOCKS;
            for serves in [false, true] {
                let again = (40..).find(|now| is_old(40, *now, epoch, serves)).expect("it ages");
                assert!(
                    again > 40 && again < good_until,
                    "{epoch} {serves}: again at {again}, good until {good_until}"
                );
            }
            assert!(!is_old(40, 40 + epoch, epoch, true), "who serves does not say so in every epoch");
        }
    }
}
