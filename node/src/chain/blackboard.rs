//! The registry as a node's threshold layer sees it: what it reads of the newest final state, and the calls that it
//! signs with the validator's key.

use std::{collections::BTreeSet, sync::Arc};

use chancery_abi::{
    Address, Authorisation, Beacon, Call, Digest, Ident, Payload, Scheme, Transaction, TransactionBody, WIRE_VERSION,
};
use chancery_runtime::{
    execution::{
        ChainRules, beacons, lanes,
        registry::{Registry, Stage},
    },
    state::FinalView,
    storage::{StateBackend, StorageError},
};
use ed25519_zebra::{SigningKey, VerificationKey};
use tokio::sync::watch;

use super::ChainService;
use crate::consensus::{Blackboard, Board, RegisteredNode, Roll};

/// Gas of one call; a contribution of the largest size costs less.
const GAS: u64 = 200_000_000;
/// Nodes of a registry that are looked at.
const NODES_MAX: usize = 1_024;
/// Heights for which a call stays valid. What it says is soon out of date.
const VALID_FOR: u64 = 100;

/// A chain's registry, and this validator's key.
pub struct RegistryBoard<B> {
    chain: Arc<ChainService<B>>,
    key: SigningKey,
}

impl<B> Clone for RegistryBoard<B> {
    fn clone(&self) -> Self {
        Self { chain: Arc::clone(&self.chain), key: self.key }
    }
}

impl<B: StateBackend + 'static> RegistryBoard<B> {
    /// The registry of this chain, for the validator with this key.
    pub fn new(chain: Arc<ChainService<B>>, key: SigningKey) -> Self {
        Self { chain, key }
    }

    /// What `read` finds; a store that fails stops the node.
    fn read<T>(&self, read: impl FnOnce(&Registry<'_>, &FinalView<'_>) -> Result<T, StorageError>) -> Option<T> {
        self.chain.read_registry(read).inspect_err(|error| self.chain.fail(error)).ok().flatten()
    }
}

impl<B: StateBackend + 'static> ChainService<B> {
    /// What `read` finds in the registry as of the newest final block; none where the chain has none.
    pub(super) fn read_registry<T>(
        &self,
        read: impl FnOnce(&Registry<'_>, &FinalView<'_>) -> Result<T, StorageError>,
    ) -> Result<Option<T>, StorageError> {
        // Under the state's lock, so that all is read as of one block.
        let Ok(_state) = self.ledger.state() else { return Ok(None) };
        let view = FinalView(&**self.ledger.backend());
        let registry = Registry::of(self.ledger.rules(), &view);
        // What a sidechain knows of the registry is the mainchain's to tell.
        let is_sidechain = self.ledger.rules().genesis().mainchain.is_some();
        let Some(registry) = registry.filter(|_| !is_sidechain) else { return Ok(None) };
        read(&registry, &view).map(Some)
    }
}

/// Who certifies sidechains, now or soon.
fn partners(
    registry: &Registry<'_>,
    rules: &ChainRules,
    view: &FinalView<'_>,
) -> Result<BTreeSet<[u8; 32]>, StorageError> {
    let mut partners = BTreeSet::new();
    for (name, sidechain) in lanes::mirror::sidechains(rules, view)? {
        if sidechain.retired_height.is_some() {
            continue;
        }
        partners.extend(sidechain.members);
        if let Some(membership) = registry.membership_of(name.as_str())? {
            partners.extend(membership.present.members);
            partners.extend(membership.next.into_iter().flat_map(|next| next.members));
        }
    }
    Ok(partners)
}

/// What a state says of the threshold key, at whatever height it is.
pub(super) fn board_of(registry: &Registry<'_>, view: &FinalView<'_>) -> Result<Board, StorageError> {
    let successor = registry.successor()?;
    let endorsements = successor.as_ref().map(|successor| registry.endorsements(successor.round)).transpose()?;
    Ok(Board {
        height: 0,
        group: registry.group()?,
        ceremony: registry.ceremony()?,
        concluded: registry.concluded()?,
        announced: registry.announced()?,
        successor,
        rotates: registry.rotates()?,
        endorsed_by: endorsements.into_iter().flatten().map(|(node, _)| node).collect(),
        target: registry.membership()?.map(|membership| membership.next.unwrap_or(membership.present)),
        newest_beacon: beacons::newest(view)?,
    })
}

impl<B: StateBackend + 'static> Blackboard for RegistryBoard<B> {
    fn domain_of(&self) -> Digest {
        *self.chain.ledger.rules().digest()
    }

    fn board(&self) -> Option<Board> {
        self.chain.ledger.rules().genesis().registry.as_ref()?;
        let height = self.chain.ledger.tip().height;
        self.read(board_of).map(|board| Board { height, ..board })
    }

    fn roll(&self) -> Option<Roll> {
        self.chain.ledger.rules().genesis().registry.as_ref()?;
        let height = self.chain.ledger.tip().height;
        self.read(|registry, view| {
            let keys = registry.nodes(NODES_MAX)?;
            let node = |key: [u8; 32]| Ok(RegisteredNode { key, ready: registry.readiness(&key)? });
            let nodes = keys.into_iter().map(node).collect::<Result<_, StorageError>>()?;
            let next = registry.membership()?.and_then(|membership| membership.next);
            let next = next.filter(|next| next.from_height > height);
            let partners = partners(registry, self.chain.ledger.rules(), view)?;
            Ok(Roll { height, nodes, epoch_blocks: registry.epoch_blocks()?.unwrap_or(1), next, partners })
        })
    }

    fn contribution(&self, round: u32, stage: Stage, node: &[u8; 32]) -> Option<Vec<u8>> {
        self.read(|registry, _| registry.contribution(round, stage, node)).flatten()
    }

    fn output(&self, round: u32) -> Option<Vec<u8>> {
        self.read(|registry, _| registry.output(round)).flatten()
    }

    fn finals(&self) -> watch::Receiver<u64> {
        self.chain.follow()
    }

    fn call_registry(&self, method: &'static str, input: Vec<u8>) -> Result<(), String> {
        let rules = self.chain.ledger.rules();
        let public_key: [u8; 32] = VerificationKey::from(&self.key).into();
        let sender = Address::of_key(Scheme::Ed25519, &public_key);
        let (_, nonce) = self.chain.account_nonces(&sender).map_err(|error| error.to_string())?;
        let method = Ident::new(method).map_err(|error| error.to_string())?;
        let body = TransactionBody {
            version: WIRE_VERSION,
            chain: rules.name().clone(),
            sender,
            nonce,
            gas_limit: GAS,
            valid_until_height: self.chain.ledger.tip().height + VALID_FOR,
            payload: Payload::Call(Call { contract: Address::registry(rules.name()), method, input }),
            sponsor: None,
        };
        let signature = self.key.sign(&body.digest(rules.digest()).0).to_bytes();
        let authorisation = Authorisation::Ed25519 { public_key, signature };
        let submitted = self.chain.submit(Transaction { body, authorisation, sponsor_authorisation: None });
        submitted.map(drop).map_err(|error| error.to_string())
    }

    fn offer(&self, beacon: Beacon) {
        self.chain.offer_beacon(beacon);
    }

    fn header(&self, height: u64) -> Option<Digest> {
        let ledger = &self.chain.ledger;
        let header = ledger.db().header(height).inspect_err(|error| self.chain.fail(error)).ok()?;
        header.map(|header| header.digest(ledger.rules().digest()))
    }

    fn attested(&self) -> u64 {
        let attestation = self.chain.attestation().inspect_err(|error| self.chain.fail(error)).ok().flatten();
        attestation.map_or(0, |(height, _)| height)
    }

    fn attest(&self, height: u64, signature: [u8; 48]) {
        if let Err(error) = self.chain.keep_attestation(height, &signature) {
            self.chain.fail(&error);
        }
    }
}
