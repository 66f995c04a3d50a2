//! A small chain made by hand: headers, tries made by sp-trie, committees of four that sign with ed25519-zebra. It
//! uses the verifier's own roots, which have tests of their own, and nothing else of it.

use std::collections::BTreeMap;

use chancery_abi::{
    Address, Certificate, Claim, Committee, Digest, ExecutionRefusal, Finality, HandOver, Header, Link, Name, Origin,
    Outcome, ProofBundle, Receipt, StateSubject, TrapClass, TrustAnchor, VoteSignature, WIRE_VERSION, codec,
    merkle::{self, Mountain},
};
use chancery_verify::{roots, trie};
use ed25519_zebra::{SigningKey, VerificationKey};
use hash_db::Hasher;
use hash256_std_hasher::Hash256StdHasher;
use sha2::{Digest as _, Sha256};
use sp_trie::{LayoutV1, MemoryDB, Recorder, Trie, TrieDBBuilder, TrieDBMutBuilder, TrieMut};

/// SHA-256 for sp-trie.
pub(crate) struct Sha256Hasher;

impl Hasher for Sha256Hasher {
    type Out = [u8; 32];
    type StdHasher = Hash256StdHasher;
    const LENGTH: usize = 32;

    fn hash(bytes: &[u8]) -> [u8; 32] {
        Sha256::digest(bytes).into()
    }
}

pub(crate) type Layout = LayoutV1<Sha256Hasher>;

/// A value, if there is one, and the nodes on the way to it.
pub(crate) type Found = (Option<Vec<u8>>, Vec<Vec<u8>>);

/// A trie as sp-trie makes it.
pub(crate) struct ReferenceTrie {
    db: MemoryDB<Sha256Hasher>,
    pub(crate) root: [u8; 32],
}

impl ReferenceTrie {
    pub(crate) fn new(entries: &BTreeMap<[u8; 32], [u8; 32]>) -> Self {
        let mut db = MemoryDB::<Sha256Hasher>::new(&trie::EMPTY_NODE);
        let mut root = Default::default();
        let mut trie = TrieDBMutBuilder::<Layout>::new(&mut db, &mut root).build();
        for (key, value) in entries {
            trie.insert(key, value).expect("a database in memory has all nodes");
        }
        drop(trie);
        Self { db, root }
    }

    /// A trie of the nodes given, whether or not they are one.
    pub(crate) fn of_nodes(nodes: &[Vec<u8>]) -> Self {
        let mut db = MemoryDB::<Sha256Hasher>::new(&trie::EMPTY_NODE);
        for node in nodes {
            hash_db::HashDB::insert(&mut db, hash_db::EMPTY_PREFIX, node);
        }
        Self { db, root: nodes.first().map(|node| Sha256Hasher::hash(node)).unwrap_or_default() }
    }

    /// What sp-trie finds, and the nodes it looked at; `None` when it cannot read them.
    pub(crate) fn look_up(&self, key: &[u8; 32]) -> Option<Found> {
        let mut recorder = Recorder::<Layout>::new();
        let value =
            TrieDBBuilder::<Layout>::new(&self.db, &self.root).with_recorder(&mut recorder).build().get(key).ok()?;
        Some((value, recorder.drain().into_iter().map(|record| record.data).collect()))
    }
}

pub(crate) type Slots = BTreeMap<(Address, Vec<u8>), Vec<u8>>;

pub(crate) fn name(text: &str) -> Name {
    Name::new(text).expect("the tests' names are valid")
}

/// The slot key of an entry of a field.
pub(crate) fn slot(field: &str, entry: &[u8]) -> Vec<u8> {
    let mut slot = Vec::new();
    chancery_abi::slot::push_field(&mut slot, field);
    slot.extend_from_slice(entry);
    slot
}

pub(crate) fn subject() -> StateSubject {
    StateSubject::Contract { department: name("archive"), name: name("evidence") }
}

pub(crate) fn contract() -> Address {
    Address::of_contract(&name("main"), &name("archive"), &name("evidence"))
}

fn address(subject: &StateSubject) -> Address {
    match subject {
        StateSubject::System => Address::system(),
        StateSubject::Contract { department, name } => Address::of_contract(&self::name("main"), department, name),
    }
}

/// Four validators in their committee's order.
pub(crate) fn signers(seed: u8) -> Vec<SigningKey> {
    let mut keys: Vec<SigningKey> = (0..4).map(|i| SigningKey::from([seed * 8 + i + 1; 32])).collect();
    keys.sort_by_key(public);
    keys
}

pub(crate) fn public(key: &SigningKey) -> [u8; 32] {
    VerificationKey::from(key).into()
}

pub(crate) fn committee(keys: &[SigningKey]) -> Committee {
    Committee::new(keys.iter().map(public).collect()).expect("the keys are different")
}

/// A chain of `Chain::HEIGHTS` blocks, whose epochs end at the heights in `Chain::EPOCH_ENDS`.
pub(crate) struct Chain {
    pub(crate) anchor: TrustAnchor,
    pub(crate) epochs: Vec<Vec<SigningKey>>,
    headers: Vec<Header>,
    states: Vec<Slots>,
    leaves: Vec<Digest>,
}

impl Chain {
    pub(crate) const HEIGHTS: u64 = 24;
    pub(crate) const EPOCH_ENDS: [u64; 3] = [7, 14, 21];

    pub(crate) fn new() -> Self {
        let epochs: Vec<_> = (0..=3).map(signers).collect();
        let anchor = TrustAnchor {
            version: WIRE_VERSION,
            chain: name("main"),
            genesis: Digest([7; 32]),
            committee: committee(&epochs[0]),
            threshold_keys: Vec::new(),
        };
        let mut chain = Self { anchor, epochs, headers: Vec::new(), states: Vec::new(), leaves: Vec::new() };
        let (mut state, mut mountain) = (Slots::new(), Mountain::default());
        for height in 1..=Self::HEIGHTS {
            // Height 1 leaves the state empty.
            if height > 1 {
                state.insert((contract(), slot("files", &height.to_be_bytes())), format!("file {height}").into_bytes());
                state.insert((Address::system(), slot("nonce", &[height as u8; 32])), height.to_le_bytes().to_vec());
            }
            chain.extend(height, &state, &mountain);
            let leaf = roots::history_leaf(&chain.digest(height));
            chain.leaves.push(leaf);
            mountain.push(leaf);
        }
        chain
    }

    fn extend(&mut self, height: u64, state: &Slots, mountain: &Mountain) {
        let genesis = self.anchor.genesis;
        let epoch = Self::EPOCH_ENDS.iter().filter(|end| height > **end).count();
        let next = Self::EPOCH_ENDS.contains(&height).then(|| committee(&self.epochs[epoch + 1]).digest(&genesis));
        self.headers.push(Header {
            version: WIRE_VERSION,
            chain: name("main"),
            height,
            epoch: epoch as u64,
            parent: if height == 1 { genesis } else { self.digest(height - 1) },
            timestamp_ms: 1_795_404_561_000 + height,
            proposer: public(&self.epochs[epoch][0]),
            state_root: Digest(reference(state).root),
            transactions_root: roots::transactions_root(&genesis, &[]),
            receipts_root: roots::receipts_root(&genesis, &receipts(height)),
            history_root: roots::history_root(&genesis, mountain),
            next_committee: next,
            gas_used: 1_000 * height,
            schedule: 1,
            beacons: Vec::new(),
            mainchain: None,
        });
        self.states.push(state.clone());
    }

    pub(crate) fn header(&self, height: u64) -> &Header {
        &self.headers[height as usize - 1]
    }

    pub(crate) fn digest(&self, height: u64) -> Digest {
        self.header(height).digest(&self.anchor.genesis)
    }

    /// The votes of `members` for the header at `height`.
    pub(crate) fn certificate(&self, height: u64, members: &[u16]) -> Certificate {
        let header = self.header(height);
        let mut certificate = Certificate {
            version: WIRE_VERSION,
            epoch: header.epoch,
            view: height * 3,
            parent_view: height * 3 - 1,
            header: self.digest(height),
            votes: Vec::new(),
        };
        let preimage = certificate.preimage(&self.anchor.genesis);
        let keys = &self.epochs[header.epoch as usize];
        certificate.votes = members.iter().map(|&member| vote(&keys[usize::from(member)], member, &preimage)).collect();
        certificate
    }

    /// A quorum's certificate for the header at `height`, and the hand-overs to its epoch.
    pub(crate) fn finality(&self, height: u64) -> Finality {
        let hand_over = |epoch: u64| {
            let height = Self::EPOCH_ENDS[epoch as usize];
            HandOver {
                header: self.header(height).clone(),
                certificate: self.certificate(height, &[0, 1, 3]),
                next: committee(&self.epochs[epoch as usize + 1]),
            }
        };
        Finality::Certificate {
            hand_overs: (0..self.header(height).epoch).map(hand_over).collect(),
            certificate: self.certificate(height, &[0, 2, 3]),
        }
    }

    /// Whether the state after `height` has an entry.
    pub(crate) fn has(&self, height: u64, subject: &StateSubject, key: &[u8]) -> bool {
        self.states[height as usize - 1].contains_key(&(address(subject), key.to_vec()))
    }

    pub(crate) fn state_claim(&self, height: u64, subject: StateSubject, key: &[u8]) -> Claim {
        let address = address(&subject);
        let state = &self.states[height as usize - 1];
        let (_, nodes) =
            reference(state).look_up(&trie::key(&address, key)).expect("a database in memory has all nodes");
        Claim::State { subject, key: key.to_vec(), value: state.get(&(address, key.to_vec())).cloned(), nodes }
    }

    pub(crate) fn receipt_claim(&self, height: u64, index: u32) -> Claim {
        let receipts = receipts(height);
        let path = roots::receipt_path(&self.anchor.genesis, &receipts, index).expect("there is such a receipt");
        Claim::Receipt { receipt: receipts[index as usize].clone(), path }
    }

    pub(crate) fn descendants(&self, from: u64, to: u64) -> Link {
        Link::Descendants((from + 1..=to).map(|height| self.header(height).clone()).collect())
    }

    pub(crate) fn history(&self, from: u64, to: u64) -> Link {
        let leaves = &self.leaves[..to as usize - 1];
        let path = merkle::path(leaves, from - 1).expect("the header is earlier");
        Link::History { header: self.header(to).clone(), path }
    }

    /// A bundle about the block at `height`, whose link leads to the header at `certified`.
    pub(crate) fn bundle(&self, claim: Claim, height: u64, link: Link, certified: u64) -> ProofBundle {
        ProofBundle {
            version: WIRE_VERSION,
            origin: Origin::AnchoredChain,
            claim,
            header: self.header(height).clone(),
            link,
            finality: self.finality(certified),
        }
    }

    /// Valid bundles of every kind, no two about the same block or certified by the same certificate.
    pub(crate) fn bundles(&self) -> Vec<ProofBundle> {
        let file = |height: u64| slot("files", &height.to_be_bytes());
        vec![
            self.bundle(self.state_claim(6, subject(), &file(4)), 6, Link::Same, 6),
            self.bundle(self.state_claim(5, subject(), &file(9)), 5, self.descendants(5, 7), 7),
            self.bundle(self.state_claim(1, subject(), &file(2)), 1, self.history(1, 10), 10),
            self.bundle(self.receipt_claim(8, 4), 8, self.history(8, 13), 13),
            self.bundle(
                self.state_claim(12, StateSubject::System, &slot("nonce", &[3; 32])),
                12,
                self.descendants(12, 17),
                17,
            ),
            self.bundle(self.receipt_claim(19, 0), 19, Link::Same, 19),
            self.bundle(self.state_claim(22, subject(), &file(23)), 22, self.history(22, 24), 24),
        ]
    }
}

pub(crate) fn vote(key: &SigningKey, member: u16, preimage: &[u8]) -> VoteSignature {
    VoteSignature { member, signature: key.sign(preimage).to_bytes() }
}

/// The bundle's hand-overs and its certificate.
pub(crate) fn finality(bundle: &mut ProofBundle) -> (&mut Vec<HandOver>, &mut Certificate) {
    let Finality::Certificate { hand_overs, certificate } = &mut bundle.finality else {
        panic!("the bundle is attested and has no certificate")
    };
    (hand_overs, certificate)
}

pub(crate) fn bytes(bundle: &ProofBundle) -> Vec<u8> {
    codec::encode(bundle)
}

fn reference(state: &Slots) -> ReferenceTrie {
    let entry = |((address, key), value): (&(Address, Vec<u8>), &Vec<u8>)| {
        (trie::key(address, key), Sha256::digest(value).into())
    };
    ReferenceTrie::new(&state.iter().map(entry).collect())
}

/// Seven receipts, with every kind of outcome.
fn receipts(height: u64) -> Vec<Receipt> {
    let outcomes = [
        Outcome::Done { output: vec![1, 2, 3] },
        Outcome::Failed { contract: contract(), code: 7, data: vec![9] },
        Outcome::Trapped { contract: contract(), class: TrapClass::OutOfGas },
        Outcome::Refused { reason: ExecutionRefusal::UnknownContract },
    ];
    let receipt = |(index, outcome): (u32, &Outcome)| Receipt {
        version: WIRE_VERSION,
        transaction: Digest([index as u8; 32]),
        height,
        index,
        gas_used: 100 + u64::from(index),
        outcome: outcome.clone(),
        events: Vec::new(),
    };
    (0..7).zip(outcomes.iter().cycle()).map(receipt).collect()
}
