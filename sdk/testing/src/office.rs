//! What a mainchain's registry says, as far as contracts can ask: roles, freezes, and the threshold key with its beacons.
//!
//! There is no registry contract on a test's chain. Its entries are written beside the block's own, where the runtime
//! reads them as it reads a registry's; the key has one holder, and its beacons are signed and checked as on any chain.

use std::mem;

use bls12_381::{G1Affine, G2Affine, G2Projective, Scalar};
use chancery_abi::{
    Address, Beacon, Digest, Name,
    limits::BEACONS_MAX,
    quota::Quota,
    slot::{SlotKey, push_field},
};
use chancery_runtime::{
    execution::{ChainRules, beacons, lanes::Sidechain, registry::Group},
    state::{Changes, StateView},
};
use chancery_verify::threshold::hash_to_point;
use parity_scale_codec::Encode;

/// An entry of the registry: its slot key and value.
type Entry = (Vec<u8>, Option<Vec<u8>>);

/// The registry's entries that the next block writes.
#[derive(Clone)]
pub(crate) struct Office {
    due: Vec<Entry>,
    /// Whether blocks bring beacons.
    pub(crate) withholds: bool,
}

impl Office {
    pub(crate) fn new() -> Self {
        let key = G2Affine::from(G2Projective::generator() * secret()).to_compressed();
        let group = Group {
            round: 0,
            key,
            from_height: 1,
            holders: 1,
            output: Digest::default(),
            committee: 0,
            members: Vec::new(),
            untrusted: true,
        };
        let mut slot = Vec::new();
        push_field(&mut slot, "group");
        Self { due: vec![(slot, Some(group.encode()))], withholds: false }
    }

    /// Gives an account a role in a department, or takes it away.
    pub(crate) fn role(&mut self, department: &str, role: &str, account: &Address, holds: bool) {
        let title = (department.to_owned(), 0u64, None::<u64>);
        self.due.push((slot("departments", &department.to_owned()), Some(title.encode())));
        let key = (department.to_owned(), role.replace('_', "-"), *account);
        self.due.push((slot("roles", &key), holds.then(|| (0u64, u64::MAX, 0u32).encode())));
    }

    /// Freezes an account or a contract, or ends that.
    pub(crate) fn freeze(&mut self, target: &Address, frozen: bool) {
        let entry = (0u32, String::new(), Vec::<String>::new(), 0u64, 0u64, u64::MAX, None::<u32>);
        self.due.push((slot("freezes", target), frozen.then(|| entry.encode())));
    }

    /// Makes an account a department's sponsor, or no department's.
    pub(crate) fn sponsor(&mut self, account: &Address, department: Option<&str>) {
        if let Some(department) = department {
            let title = (department.to_owned(), 0u64, None::<u64>);
            self.due.push((slot("departments", &department.to_owned()), Some(title.encode())));
        }
        let sponsor = department.map(|department| (department.to_owned(), u64::MAX, 0u32).encode());
        self.due.push((slot("sponsors", account), sponsor));
    }

    /// Grants a department a quota, or takes it away.
    pub(crate) fn set_quota(&mut self, department: &str, quota: Option<&Quota>) {
        self.due.push((slot("quotas", &department.to_owned()), quota.map(Encode::encode)));
    }

    /// Lets an account deploy for a department on a chain.
    pub(crate) fn deployer(&mut self, chain: &str, department: &str, account: &Address) {
        let title = (department.to_owned(), 0u64, None::<u64>);
        self.due.push((slot("departments", &department.to_owned()), Some(title.encode())));
        let key = (chain.to_owned(), department.to_owned(), *account);
        self.due.push((slot("deployers", &key), Some((u64::MAX, None::<u32>).encode())));
    }

    /// Has a sidechain known.
    pub(crate) fn sidechain(&mut self, chain: &Name, sidechain: &Sidechain) {
        self.due.push((slot("sidechains", &chain.as_str().to_owned()), Some(sidechain.encode())));
    }

    /// Writes what is due beside a block's own changes.
    pub(crate) fn enter(&mut self, rules: &ChainRules, changes: &mut Changes) {
        let registry = Address::registry(rules.name());
        let entry = |(key, value)| ((registry, key), value);
        changes.0.extend(mem::take(&mut self.due).into_iter().map(entry));
    }

    /// The beacons of the heights up to `height` that no block has brought yet, as many as one may bring.
    pub(crate) fn beacons(&self, rules: &ChainRules, view: &dyn StateView, height: u64) -> Vec<Beacon> {
        if self.withholds || height == 0 {
            return Vec::new();
        }
        let newest = beacons::newest(view).expect("memory can be read").unwrap_or(0);
        let sign = |height| {
            let point = hash_to_point(&Beacon::preimage(rules.digest(), height)) * secret();
            Beacon { height, signature: G1Affine::from(point).to_compressed() }
        };
        (newest + 1..=height).take(BEACONS_MAX).map(sign).collect()
    }
}

/// The key of every test's chain.
fn secret() -> Scalar {
    Scalar::from(0x6368_616e_6365_7279)
}

fn slot(field: &str, key: &impl SlotKey) -> Vec<u8> {
    let mut slot = Vec::new();
    push_field(&mut slot, field);
    key.push_to(&mut slot);
    slot
}
