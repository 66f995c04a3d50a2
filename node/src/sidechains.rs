//! Sidechains as they come and go: what the mainchain's registry founds, the nodes it names start by themselves.
//!
//! A node hosts the sidechains in whose committee its key is, now or soon, and once it hosts one it goes on to follow it, after
//! a restart too. Each has its rows in the one database, its engine over the one network and an execution thread of its own.
//! One that cannot be started is told and tried again; it holds up nothing else.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use chancery_abi::Name;
use chancery_runtime::execution::{lanes::Sidechain, registry::Registry};
use tokio::sync::watch;

use crate::{
    chain::{ChainService, ChainSet, FatalSignal},
    config::NodeConfig,
    consensus::{self, Host},
    metrics::Metrics,
    node::NodeError,
    snapshot::{BeginError, Beside, Looked, Place, begin_anew},
    store::{ChainIdentity, ChainStore, DiskDb},
};

/// How often it is looked whether there is another, at most.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// A chain that could not be started is tried again after so many looks.
const AGAIN_AFTER: u32 = 100;

/// The sidechains of one node.
pub(crate) struct Sidechains {
    pub(crate) mainchain: Arc<ChainService>,
    pub(crate) chains: ChainSet,
    pub(crate) host: Host<Arc<ChainService>, ChainStore>,
    pub(crate) database: Arc<DiskDb>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) config: NodeConfig,
    /// This node's key.
    pub(crate) key: [u8; 32],
    pub(crate) fatal: FatalSignal,
    /// Where chains that are far behind begin anew.
    pub(crate) beside: Beside,
}

/// What a look came to.
#[derive(Default)]
struct Look {
    /// What could not be started.
    failed: Vec<Name>,
    /// Whether something is being done beside that a chain waits for.
    is_under_way: bool,
}

/// Waits until it is to be looked again: a block of the mainchain may have founded a chain, and where one waits already it is
/// looked again without. No when the mainchain has ended.
async fn next_look(finals: &mut watch::Receiver<u64>, is_waiting: bool) -> bool {
    tokio::time::sleep(LOOK_EVERY).await;
    is_waiting || finals.changed().await.is_ok()
}

impl Sidechains {
    /// Hosts what there is to host, until the node stops.
    pub(crate) async fn run(self, mut stop: watch::Receiver<bool>) {
        let this = Arc::new(self);
        let mut failed: BTreeMap<Name, u32> = BTreeMap::new();
        let mut finals = this.mainchain.follow();
        loop {
            let looking = Arc::clone(&this);
            let waiting: BTreeSet<Name> = failed.keys().cloned().collect();
            let looked = tokio::task::spawn_blocking(move || looking.look(&waiting)).await.unwrap_or_default();
            failed.extend(looked.failed.into_iter().map(|name| (name, AGAIN_AFTER)));
            failed.retain(|_, looks| {
                *looks -= 1;
                *looks > 0
            });
            tokio::select! {
                _ = stop.changed() => return,
                goes_on = next_look(&mut finals, looked.is_under_way || !failed.is_empty()) => if !goes_on {
                    return;
                },
            }
        }
    }

    /// Starts what is to be hosted and is not yet.
    fn look(&self, waiting: &BTreeSet<Name>) -> Look {
        let mut look = Look::default();
        let Ok(sidechains) = self.mainchain.sidechains() else { return look };
        let Ok(stored) = self.database.chains() else { return look };
        for (name, sidechain) in sidechains {
            if waiting.contains(&name) || self.chains.get(name.as_str()).is_some() {
                continue;
            }
            let genesis = self.mainchain.sidechain_genesis(&name, &sidechain).map(|genesis| genesis.digest());
            let is_here = stored.iter().any(|entry| Some(entry.chain.genesis) == genesis);
            let is_given_up = !is_here && self.is_closed(&name);
            if is_given_up || !(is_here || self.is_to_host(&name, &sidechain)) {
                continue;
            }
            match self.looked_for_snapshot(&name, &sidechain) {
                Looked::UnderWay => {
                    look.is_under_way = true;
                    continue;
                }
                // It was told why.
                Looked::Refused => {
                    look.failed.push(name);
                    continue;
                }
                Looked::MayOpen => {}
            }
            if let Err(error) = self.begin(&name, &sidechain) {
                tracing::error!(chain = %name, %error, "the sidechain cannot be started here");
                look.failed.push(name);
            }
        }
        look
    }

    /// Whether this node's key is of a sidechain's committee, now or soon.
    fn is_to_host(&self, name: &Name, sidechain: &Sidechain) -> bool {
        let rules = self.mainchain.ledger().rules();
        let membership = self.mainchain.read_state(|view| {
            Registry::of(rules, view).map(|registry| registry.membership_of(name.as_str())).transpose()
        });
        let membership = membership.ok().flatten().flatten();
        let terms = membership.iter().flat_map(|of| of.next.iter().chain([&of.present]));
        sidechain.members.contains(&self.key) || terms.flat_map(|term| &term.members).any(|key| *key == self.key)
    }

    /// Whether a sidechain is closed. Where it is not here either, it was removed or never was here, and is not begun again.
    fn is_closed(&self, name: &Name) -> bool {
        let state = self.mainchain.anchor_state(name).ok().flatten();
        state.is_some_and(|state| state.closed.is_some())
    }

    /// Whether the chain can be opened: it does not begin anew with a snapshot, or has. That goes on beside.
    fn looked_for_snapshot(&self, name: &Name, sidechain: &Sidechain) -> Looked {
        let sources = self.config.snapshot_sources();
        let genesis = self.mainchain.sidechain_genesis(name, sidechain).filter(|_| !sources.urls.is_empty());
        let kept = self.config.sidechain_config(name).snapshots;
        let (Some(genesis), Some(kept)) = (genesis, kept) else { return Looked::MayOpen };
        let (database, engine) = (Arc::clone(&self.database), Arc::clone(self.mainchain.ledger().engine()));
        let votes = consensus::sidechain_directory(&self.config.consensus_config().directory, name);
        let (key, fatal) = (self.key, self.fatal.clone());
        self.beside.looked(name, move |turn| {
            let (database, engine, snapshots) = (&database, &engine, kept.directory);
            let place = Place { database, engine, genesis: &genesis, snapshots, votes, key };
            match begin_anew(&place, &sources, turn) {
                Ok(_) => true,
                Err(error @ BeginError::ServedBefore { .. }) => {
                    tracing::error!(chain = %genesis.chain, "the sidechain is not started here: {error}");
                    false
                }
                Err(BeginError::Store(error)) => {
                    fatal.set(&format!("chain {}: {error}", genesis.chain));
                    false
                }
            }
        })
    }

    fn begin(&self, name: &Name, sidechain: &Sidechain) -> Result<(), NodeError> {
        let genesis = self
            .mainchain
            .sidechain_genesis(name, sidechain)
            .ok_or_else(|| NodeError::Fatal(format!("the registry's committee of chain {name} is none")))?;
        let identity = ChainIdentity { name: name.clone(), genesis: genesis.digest() };
        let store = Arc::new(self.database.open_sidechain(identity)?);
        let path = Some(self.database.directory().path().to_owned());
        let (engine, metrics) = (Arc::clone(self.mainchain.ledger().engine()), self.metrics.chain(name));
        let config = self.config.sidechain_config(name);
        let opened = ChainService::open(store, path, engine, genesis, config, metrics, self.fatal.clone());
        let chain = Arc::new(opened.map_err(|reason| NodeError::Chain { chain: name.clone(), reason })?);
        chain.follow_mainchain(Arc::clone(&self.mainchain));
        chain.check_disk(None);
        let backend = Arc::clone(chain.ledger().backend());
        let participation = self.host.begin(sidechain.number, Arc::clone(&chain), backend)?;
        chain.watch_participation(participation);
        self.chains.insert(chain);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::timeout;

    use super::*;

    #[tokio::test]
    async fn a_chain_that_waits_is_looked_at_again_without_a_block_of_the_mainchain() {
        let (blocks, mut finals) = watch::channel(0);
        let soon = 20 * LOOK_EVERY;
        assert_eq!(timeout(soon, next_look(&mut finals, true)).await, Ok(true));
        assert!(timeout(3 * LOOK_EVERY, next_look(&mut finals, false)).await.is_err(), "nothing waits");
        blocks.send_replace(1);
        assert_eq!(timeout(soon, next_look(&mut finals, false)).await, Ok(true));
        drop(blocks);
        assert_eq!(timeout(soon, next_look(&mut finals, false)).await, Ok(false), "the mainchain has ended");
    }
}
