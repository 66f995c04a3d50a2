//! What the runtime itself reads of a mainchain's registry: who may deploy, what is frozen, who holds a role, what a
//! department may use and who pays for it, the committees' threshold key, and what the registry may be upgraded to.
//!
//! The entries are read by their keys, without calling the contract, so an answer costs one look-up; their layout is
//! part of the protocol, and the tests compare it with what the contract writes. A chain without a registry has none of
//! these rules. Invariants: neither the registry nor an administrator counts as frozen; an entry that cannot be decoded
//! is as good as none, which leaves everything as it was before.

mod upgrade;

use ed25519_zebra::VerificationKey;
use parity_scale_codec::{Decode, Encode};

pub use self::upgrade::{uncallable_method, unreadable_field};
use super::rules::ChainRules;
use crate::{
    abi::{
        Address, Committee, Digest, Name, ThresholdKey,
        limits::{COMMITTEE_MAX, COMMITTEE_NOTICE_BLOCKS},
        quota::{Quota, Usage},
        slot::{SlotKey, push_field},
    },
    state::StateView,
    storage::StorageError,
};

/// The committees' threshold key, as it came out of a ceremony.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Group {
    /// The ceremony's round, from 0.
    pub round: u32,
    /// A compressed point of G2.
    pub key: [u8; 96],
    /// The first height whose beacon it makes.
    pub from_height: u64,
    /// How many hold a share of it.
    pub holders: u32,
    /// The digest of everything public about it.
    pub output: Digest,
    /// The number of the committee that holds it.
    pub committee: u32,
    /// Its members.
    pub members: Vec<[u8; 32]>,
    /// Whether they are too few to bear one that lies.
    pub untrusted: bool,
}

/// A threshold key, the heights that it speaks for, and the round of the ceremony that made it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct KeySpan {
    /// The key.
    pub key: ThresholdKey,
    /// The round.
    pub round: u32,
}

/// A holder, and what it put up as the key's signature over the one to come.
pub type Endorsement = ([u8; 32], [u8; 48]);

/// All threshold keys by height, and how far ahead a beacon may be promised.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct ThresholdKeys {
    /// How many heights ahead a contract may promise to use a beacon.
    pub lead_blocks: u64,
    /// The keys, in order.
    pub spans: Vec<KeySpan>,
}

impl ThresholdKeys {
    /// The key that speaks for a height.
    pub fn at(&self, height: u64) -> Option<&ThresholdKey> {
        self.spans.iter().rev().map(|span| &span.key).find(|key| key.speaks_for(height))
    }

    /// The furthest height whose beacon can be promised at a height of the mainchain: near enough, and made by the key that
    /// speaks now. 0 where none does.
    pub fn horizon(&self, now: u64) -> u64 {
        let last = |key: &ThresholdKey| key.to_height.unwrap_or(u64::MAX).min(now.saturating_add(self.lead_blocks));
        self.at(now.saturating_add(1)).map_or(0, last)
    }
}

/// What a ceremony waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
pub enum Stage {
    /// Keys of those who are to hold shares.
    Keys,
    /// The dealers' commitments, with a share sealed to each key.
    Dealings,
    /// The holders' acknowledgements.
    Acknowledgements,
    /// The dealers' logs.
    Logs,
    /// What the holders made of it.
    Declarations,
}

/// A ceremony under way.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Ceremony {
    /// Its number, from 0.
    pub round: u32,
    /// What it waits for.
    pub stage: Stage,
    /// Since when, milliseconds since 1970.
    pub since_ms: u64,
    /// The number of the committee that is to hold the key.
    pub committee: u32,
    /// Its members.
    pub players: Vec<[u8; 32]>,
    /// Who deals.
    pub dealers: Vec<[u8; 32]>,
    /// The round that made the key which is handed on.
    pub previous: Option<u32>,
    /// Who has contributed to this stage.
    pub given: Vec<[u8; 32]>,
}

/// Who certifies a chain's blocks.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct CommitteeTerm {
    /// Its number among the chain's committees, from 0.
    pub number: u32,
    /// The nodes' keys, in ascending order.
    pub members: Vec<[u8; 32]>,
    /// The first height of the mainchain at which it serves.
    pub from_height: u64,
}

/// A chain's committees.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Membership {
    /// The committee that serves until the next one does.
    pub present: CommitteeTerm,
    /// The committee that follows, from its height on.
    pub next: Option<CommitteeTerm>,
}

impl CommitteeTerm {
    /// Its members as a committee; none when they are not one, or a key is none.
    pub fn committee(&self) -> Option<Committee> {
        let are_keys = self.members.iter().all(|key| VerificationKey::try_from(*key).is_ok());
        Committee::new(self.members.clone()).filter(|_| are_keys)
    }
}

impl Membership {
    /// The committee whose first height is to come after the next and can no longer be changed by any block after `height`.
    pub fn settled(&self, height: u64) -> Option<&CommitteeTerm> {
        let to_come = height + 2..=height + COMMITTEE_NOTICE_BLOCKS;
        let settled = |next: &&CommitteeTerm| to_come.contains(&next.from_height);
        self.next.as_ref().filter(settled)
    }
}

/// A node that says it could serve.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Readiness {
    /// When it last said so.
    pub height: u64,
    /// Where it listens for other nodes: `HOST:PORT`.
    pub address: String,
}

#[derive(Decode)]
struct Node {
    _department: String,
    _operator: [u8; 32],
    _from_height: u64,
    until_height: Option<u64>,
}

/// When a right or role ends.
#[derive(Decode)]
struct Role {
    from_ms: u64,
    until_ms: u64,
}

#[derive(Decode)]
struct Deployer {
    until_ms: u64,
}

#[derive(Decode)]
struct Sponsor {
    department: String,
    until_ms: u64,
}

#[derive(Decode)]
struct Department {
    _title: String,
    _since_ms: u64,
    dissolved_ms: Option<u64>,
}

#[derive(Decode)]
struct Freeze {
    _act: u32,
    _legal_basis: String,
    _departments: Vec<String>,
    _since_ms: u64,
    _since_height: u64,
    until_ms: u64,
}

/// Reads a registry's entries from a state.
pub struct Registry<'a> {
    address: Address,
    chain: &'a Name,
    view: &'a dyn StateView,
}

impl<'a> Registry<'a> {
    /// The registry of the chain with these rules; none when it has none.
    pub fn of(rules: &'a ChainRules, view: &'a dyn StateView) -> Option<Self> {
        Self::at(rules.registry().copied(), rules.name(), view)
    }

    /// The registry at an address on a chain, when there is one.
    pub(crate) fn at(address: Option<Address>, chain: &'a Name, view: &'a dyn StateView) -> Option<Self> {
        address.map(|address| Self { address, chain, view })
    }

    fn get<T: Decode>(&self, field: &str, key: &impl SlotKey) -> Result<Option<T>, StorageError> {
        let mut slot = Vec::with_capacity(128);
        push_field(&mut slot, field);
        key.push_to(&mut slot);
        // What follows the fields that are read here does not matter.
        let bytes = self.view.get(&self.address, &slot)?;
        Ok(bytes.and_then(|bytes| T::decode(&mut &bytes[..]).ok()))
    }

    fn department_is_live(&self, department: &str) -> Result<bool, StorageError> {
        let found: Option<Department> = self.get("departments", &department.to_owned())?;
        Ok(found.is_some_and(|department| department.dissolved_ms.is_none()))
    }

    /// Whether an account may deploy for a department at this moment.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn may_deploy(&self, department: &Name, account: &Address, now_ms: u64) -> Result<bool, StorageError> {
        let key = (self.chain.as_str().to_owned(), department.as_str().to_owned(), *account);
        let found: Option<Deployer> = self.get("deployers", &key)?;
        Ok(found.is_some_and(|deployer| now_ms < deployer.until_ms) && self.department_is_live(department.as_str())?)
    }

    /// Whether an account holds a role in a department at this moment.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn has_role(
        &self,
        department: &Name,
        role: &str,
        account: &Address,
        now_ms: u64,
    ) -> Result<bool, StorageError> {
        let key = (department.as_str().to_owned(), role.to_owned(), *account);
        let found: Option<Role> = self.get("roles", &key)?;
        let holds = found.is_some_and(|role| (role.from_ms..role.until_ms).contains(&now_ms));
        Ok(holds && self.department_is_live(department.as_str())?)
    }

    /// Whether an account or contract is frozen at this moment.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn is_frozen(&self, target: &Address, now_ms: u64) -> Result<bool, StorageError> {
        let found: Option<Freeze> = self.get("freezes", target)?;
        let frozen = found.is_some_and(|freeze| now_ms < freeze.until_ms);
        Ok(frozen && *target != self.address && !self.is_administrator(target)?)
    }

    fn is_administrator(&self, account: &Address) -> Result<bool, StorageError> {
        Ok(self.department_of_administrator(account)?.is_some())
    }

    /// The department that an administrator is of; none for everybody else.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn department_of_administrator(&self, account: &Address) -> Result<Option<String>, StorageError> {
        self.get("administrators", account)
    }

    /// The department that an account pays for when it sponsors a transaction: an administrator's own, or the one that
    /// appointed it. None for everybody else, for who is frozen, and for a department that was dissolved.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn department_of_sponsor(&self, account: &Address, now_ms: u64) -> Result<Option<String>, StorageError> {
        if let Some(department) = self.department_of_administrator(account)? {
            return Ok(Some(department));
        }
        let found: Option<Sponsor> = self.get("sponsors", account)?;
        let Some(Sponsor { department, .. }) = found.filter(|sponsor| now_ms < sponsor.until_ms) else {
            return Ok(None);
        };
        let pays = self.department_is_live(&department)? && !self.is_frozen(account, now_ms)?;
        Ok(pays.then_some(department))
    }

    /// What a department may use; none when it was granted no quota, and then it uses what it likes.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn quota(&self, department: &str) -> Result<Option<Quota>, StorageError> {
        self.get("quotas", &department.to_owned())
    }

    /// What a department used, as it was last counted.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn usage(&self, department: &str) -> Result<Usage, StorageError> {
        Ok(self.get("usages", &department.to_owned())?.unwrap_or_default())
    }

    /// The entry that says what a department used: whose it is, its key and its value.
    pub(super) fn usage_entry(&self, department: &str, usage: &Usage) -> (Address, Vec<u8>, Vec<u8>) {
        let mut slot = Vec::with_capacity(64);
        push_field(&mut slot, "usages");
        department.to_owned().push_to(&mut slot);
        (self.address, slot, usage.encode())
    }

    /// The threshold key in force.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn group(&self) -> Result<Option<Group>, StorageError> {
        self.value("group")
    }

    /// The key that was announced and is not in force yet.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn successor(&self) -> Result<Option<Group>, StorageError> {
        self.value("successor")
    }

    /// All threshold keys by height; where nothing can be read of that, the one in force is the only one.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn threshold_keys(&self) -> Result<ThresholdKeys, StorageError> {
        let known = self.value::<ThresholdKeys>("keys")?;
        let lead_blocks = known.as_ref().map_or(u64::MAX, |keys| keys.lead_blocks);
        if let Some(keys) = known.filter(|keys| !keys.spans.is_empty()) {
            return Ok(keys);
        }
        let span = |Group { round, key, from_height, untrusted, .. }| KeySpan {
            key: ThresholdKey { key, from_height, to_height: None, untrusted },
            round,
        };
        Ok(ThresholdKeys { lead_blocks, spans: self.group()?.map(span).into_iter().collect() })
    }

    /// Whether a rotation of the threshold key was decided whose new key is not known yet.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn rotates(&self) -> Result<bool, StorageError> {
        Ok(self.value::<(u32, u64)>("rotation")?.is_some() && self.successor()?.is_none())
    }

    /// What holders of the key before put up as its signature over the key of a round, each with the holder.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn endorsements(&self, round: u32) -> Result<Vec<Endorsement>, StorageError> {
        let mut prefix = Vec::new();
        push_field(&mut prefix, "endorsements");
        round.push_to(&mut prefix);
        let entries = self.view.page(&self.address, &prefix, &[], COMMITTEE_MAX)?;
        let endorsement = |(key, value): (Vec<u8>, Vec<u8>)| {
            let node = key.get(prefix.len()..)?.try_into().ok()?;
            Some((node, Decode::decode(&mut &value[..]).ok()?))
        };
        Ok(entries.into_iter().filter_map(endorsement).collect())
    }

    /// The ceremony under way.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn ceremony(&self) -> Result<Option<Ceremony>, StorageError> {
        self.value("ceremony")
    }

    /// The ceremony that made the key in force.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn concluded(&self) -> Result<Option<Ceremony>, StorageError> {
        self.value("concluded")
    }

    /// The ceremony that made the announced key.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn announced(&self) -> Result<Option<Ceremony>, StorageError> {
        self.value("announced")
    }

    /// The committees of this chain.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn membership(&self) -> Result<Option<Membership>, StorageError> {
        self.membership_of(self.chain.as_str())
    }

    /// The committees of a chain.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn membership_of(&self, chain: &str) -> Result<Option<Membership>, StorageError> {
        self.get("memberships", &chain.to_owned())
    }

    /// The committee that begins to serve at `height`; none when the one before goes on, as it does when what stands there
    /// is no committee of ed25519 keys.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn committee_from(&self, height: u64) -> Result<Option<Committee>, StorageError> {
        let next = self.membership()?.and_then(|membership| membership.next);
        Ok(next.filter(|next| next.from_height == height).and_then(|next| next.committee()))
    }

    /// A node that is to take part, as it says of itself; none when it has not.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn readiness(&self, node: &[u8; 32]) -> Result<Option<Readiness>, StorageError> {
        self.get("readiness", node)
    }

    /// The keys of nodes that are registered and not revoked, at most `limit`, in their order.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn nodes(&self, limit: usize) -> Result<Vec<[u8; 32]>, StorageError> {
        let mut prefix = Vec::new();
        push_field(&mut prefix, "nodes");
        let entries = self.view.page(&self.address, &prefix, &[], limit)?;
        let node = |(key, value): (Vec<u8>, Vec<u8>)| {
            let key: [u8; 32] = key.get(prefix.len()..)?.try_into().ok()?;
            let node = Node::decode(&mut &value[..]).ok()?;
            node.until_height.is_none().then_some(key)
        };
        Ok(entries.into_iter().filter_map(node).collect())
    }

    /// Committees change at multiples of this height only.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn epoch_blocks(&self) -> Result<Option<u64>, StorageError> {
        self.value("epoch_blocks")
    }

    /// What a node contributed to a stage of a ceremony.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn contribution(&self, round: u32, stage: Stage, node: &[u8; 32]) -> Result<Option<Vec<u8>>, StorageError> {
        self.get("contributions", &(round, stage as u8, *node))
    }

    /// Everything public about the key of a round.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn output(&self, round: u32) -> Result<Option<Vec<u8>>, StorageError> {
        self.get("outputs", &round)
    }

    fn value<T: Decode>(&self, field: &str) -> Result<Option<T>, StorageError> {
        let mut slot = Vec::new();
        push_field(&mut slot, field);
        let bytes = self.view.get(&self.address, &slot)?;
        Ok(bytes.and_then(|bytes| T::decode(&mut &bytes[..]).ok()))
    }
}
