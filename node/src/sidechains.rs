//! Sidechains as they come and go: what the mainchain's registry founds, the nodes it names start by themselves.
//!
//! A node hosts the sidechains in whose committee its key is, now or soon, and once it hosts one it goes on to follow it. Each
//! has its rows in the one database, its engine over the one network and an execution thread of its own. One that cannot be
//! started is told and tried again; it holds up nothing else.

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
    consensus::Host,
    metrics::Metrics,
    node::NodeError,
    store::{ChainEntry, ChainIdentity, ChainStore, DiskDb},
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
            let looked = tokio::task::spawn_blocking(move || looking.look(&waiting)).await;
            for name in looked.unwrap_or_default() {
                failed.insert(name, AGAIN_AFTER);
            }
            failed.retain(|_, looks| {
                *looks -= 1;
                *looks > 0
            });
            tokio::select! {
                _ = stop.changed() => return,
                // A block of the mainchain may have founded one; a chain that waits is tried again without.
                changed = async {
                    tokio::time::sleep(LOOK_EVERY).await;
                    if failed.is_empty() { finals.changed().await.is_ok() } else { true }
                } => if !changed {
                    return;
                },
            }
        }
    }

    /// Starts what is to be hosted and is not yet; returns what could not be started.
    fn look(&self, waiting: &BTreeSet<Name>) -> Vec<Name> {
        let Ok(sidechains) = self.mainchain.sidechains() else { return Vec::new() };
        let mut failed = Vec::new();
        for (name, sidechain) in sidechains {
            if waiting.contains(&name)
                || self.chains.get(name.as_str()).is_some()
                || !self.is_to_host(&name, &sidechain)
                || self.is_given_up(&name, &sidechain)
            {
                continue;
            }
            if let Err(error) = self.begin(&name, &sidechain) {
                tracing::error!(chain = %name, %error, "the sidechain cannot be started here");
                failed.push(name);
            }
        }
        failed
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

    /// Whether a sidechain is closed and was removed here, or never was here.
    fn is_given_up(&self, name: &Name, sidechain: &Sidechain) -> bool {
        let state = self.mainchain.anchor_state(name).ok().flatten();
        if state.is_none_or(|state| state.closed.is_none()) {
            return false;
        }
        let genesis = self.mainchain.sidechain_genesis(name, sidechain).map(|genesis| genesis.digest());
        let is_here = |entry: &ChainEntry| Some(entry.chain.genesis) == genesis;
        self.database.chains().is_ok_and(|chains| !chains.iter().any(is_here))
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
        chain.check_disk();
        let backend = Arc::clone(chain.ledger().backend());
        let participation = self.host.begin(sidechain.number, Arc::clone(&chain), backend)?;
        chain.watch_participation(participation);
        self.chains.insert(chain);
        Ok(())
    }
}
