//! Writing a lie into a store.
//!
//! A lie about the state is put on top: a block that changes nothing but the entries in question, so that the newest
//! state is the lie and its trie is whole. The journal, by which proofs of earlier heights are made, is then told that the
//! entries always were so. Up to [`Reach::Trie`] every header below that block is the true one, and the lie differs from
//! what they commit to; beyond it, the headers that proofs lead to follow the lie, and the votes are what is left.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use chancery::store::{
    ChainDb, ChainStore, DiskDb, StoreConfig, StoreDirectory,
    chain_db::{self, CommittedBlock},
    disk_format,
};
use chancery_abi::{
    Address, Block, Digest, Header, Name,
    lane::{AnchorState, Anchored, slots},
};
use chancery_runtime::{
    execution::{ChainRules, chain::ChainTip},
    state::{Changes, FinalView, State, StateConfig, StateView as _},
    storage::{Column, Durability, StateBackend as _, StateReader as _, WriteBatch},
};
use chancery_verify::roots;
use parity_scale_codec::Encode as _;

use crate::{
    Result,
    lie::{Lie, Reach, Said},
    votes,
};

/// How many of the newest certificates are altered: more than one network makes while it is tested.
const CERTIFICATES: u64 = 4_096;
/// The version in front of a row of the journal.
const JOURNAL_VERSION: u8 = 1;

/// A block's row of the journal: the root before it, and the old values of what it changed.
type JournalRow = (u8, Digest, Vec<(Vec<u8>, Option<Vec<u8>>)>);

/// The chain that is lied about, and its mainchain.
pub(crate) struct Forger {
    chain: Forged,
    mainchain: Option<Forged>,
}

/// One chain's store.
struct Forged {
    store: Arc<ChainStore>,
    rules: ChainRules,
}

impl Forger {
    /// Opens the chain `name` in the store at `path`, which no node uses.
    ///
    /// # Errors
    /// When the store cannot be opened, or has no such chain.
    pub(crate) fn open(path: &Path, name: &Name) -> Result<Self> {
        let database = DiskDb::open(StoreDirectory::open(path)?, &StoreConfig::default())?;
        let chains = database.chains()?;
        let entry = chains.iter().find(|entry| entry.chain.name == *name).ok_or("the store has no such chain")?;
        let chain = Forged::open(database.open_chain(entry.chain.clone())?)?;
        let mainchain = match &chain.rules.genesis().mainchain {
            None => None,
            Some(_) => {
                let main = chains.iter().min_by_key(|entry| entry.number).ok_or("the store has no mainchain")?;
                Some(Forged::open(database.open_chain(main.chain.clone())?)?)
            }
        };
        Ok(Self { chain, mainchain })
    }

    /// Tells `lie`, and says what is there now.
    ///
    /// # Errors
    /// When the store fails, or does not have what the lie is about.
    pub(crate) fn tell(&self, lie: &Lie) -> Result<String> {
        let (reach, department, name, entries) = match lie {
            Lie::Certificate => return self.chain.alter_certificates(|certificate, _| votes::spoil(certificate)),
            Lie::Signers => {
                let committee = self.chain.tip()?.committee;
                return self.chain.alter_certificates(|certificate, genesis| {
                    votes::sign(certificate, &committee, genesis);
                });
            }
            Lie::State { reach, department, name, entries } => (*reach, department, name, entries),
        };
        let contract = Address::of_contract(self.chain.rules.name(), department, name);
        let mut changes = BTreeMap::new();
        for (key, said) in entries {
            let value = match said {
                Said::Absent => None,
                Said::Value(value) => Some(value.clone()),
                Said::As(other) => Some(self.chain.value(&contract, other)?.ok_or("nothing stands under that key")?),
            };
            if self.chain.value(&contract, key)? == value {
                return Err("that is the truth".into());
            }
            changes.insert((contract, key.clone()), value);
        }
        if reach == Reach::Values {
            return self.chain.alter_values(changes);
        }
        let proven = self.proven_height()?;
        self.chain.put_on_top(Changes(changes.clone()))?;
        let root = self.chain.rewrite_journal(proven, &changes)?;
        if reach >= Reach::Header {
            self.forge_header(proven, root, reach == Reach::Anchor)?;
        }
        Ok(format!("height {proven} of chain {} has the root {root}", self.chain.rules.name()))
    }

    /// The height that proofs are of.
    fn proven_height(&self) -> Result<u64> {
        let Some(mainchain) = &self.mainchain else { return Ok(self.chain.tip()?.height) };
        Ok(mainchain.anchor_state(self.chain.rules.name())?.newest.height)
    }

    /// Gives the header at `height` another root and, where `anchored`, has the mainchain know it so.
    fn forge_header(&self, height: u64, state_root: Digest, anchored: bool) -> Result<()> {
        let mut header = ChainDb(&*self.chain.store).header(height)?.ok_or("the header is missing")?;
        header.state_root = state_root;
        let mut batch = WriteBatch::default();
        batch.put(Column::Blocks, disk_format::height_key(disk_format::HEADER, height), header.encode());
        self.chain.store.write(batch, Durability::Synced)?;
        let (true, Some(mainchain)) = (anchored, &self.mainchain) else { return Ok(()) };
        let name = self.chain.rules.name();
        let mut state = mainchain.anchor_state(name)?;
        let record = Anchored { header: header.digest(self.chain.rules.digest()), state_root, ..state.newest };
        state.newest = record;
        let slot = |key: Vec<u8>, value: Vec<u8>| ((Address::system(), key), Some(value));
        let entries = [slot(slots::anchor(name), state.encode()), slot(slots::anchored(name, height), record.encode())];
        mainchain.put_on_top(Changes(entries.into()))
    }
}

impl Forged {
    fn open(store: ChainStore) -> Result<Self> {
        let genesis = ChainDb(&store).genesis()?.ok_or("the chain has not begun")?;
        Ok(Self { store: Arc::new(store), rules: ChainRules::new(genesis)? })
    }

    fn tip(&self) -> Result<ChainTip> {
        Ok(ChainDb(&*self.store).tip()?.ok_or("the chain has no block")?)
    }

    fn value(&self, contract: &Address, key: &[u8]) -> Result<Option<Vec<u8>>> {
        Ok(FinalView(&*self.store).get(contract, key)?)
    }

    fn anchor_state(&self, chain: &Name) -> Result<AnchorState> {
        let value = self.value(&Address::system(), &slots::anchor(chain))?.ok_or("the chain is not anchored")?;
        Ok(disk_format::decode("read how the chain is anchored", &value)?)
    }

    /// Changes what stands in the flat values and leaves their hashes as they are.
    fn alter_values(&self, changes: BTreeMap<(Address, Vec<u8>), Option<Vec<u8>>>) -> Result<String> {
        let mut batch = WriteBatch::default();
        let count = changes.len();
        for ((contract, key), value) in changes {
            let key = [&contract.0[..], &key].concat();
            match value {
                Some(value) => batch.put(Column::Values, key, value),
                None => batch.delete(Column::Values, key),
            }
        }
        self.store.write(batch, Durability::Synced)?;
        Ok(format!("{count} values are others"))
    }

    /// Adds a block that makes `changes` and nothing else, certified by keys of nobody's.
    fn put_on_top(&self, changes: Changes) -> Result<()> {
        let db = ChainDb(&*self.store);
        let mut state = State::open(Arc::clone(&self.store), StateConfig::default())?;
        let mut tip = self.tip()?;
        let overlay = Arc::new(state.prepare(None, changes)?);
        let last = db.header(tip.height)?.ok_or("the newest header is missing")?;
        let genesis = self.rules.digest();
        let header = Header {
            height: tip.height + 1,
            epoch: tip.epoch,
            parent: tip.header,
            state_root: overlay.root(),
            transactions_root: roots::transactions_root(genesis, &[]),
            receipts_root: roots::receipts_root(genesis, &[]),
            history_root: roots::history_root(genesis, &tip.mountain),
            next_committee: None,
            gas_used: 0,
            beacons: Vec::new(),
            ..last
        };
        let before = (1..=tip.height).rev().find_map(|height| db.certificate(height).transpose());
        let before = before.ok_or("the chain has no certificate")??;
        let mut certificate = votes::after(&before, header.epoch, header.digest(genesis));
        votes::sign(&mut certificate, &tip.committee, genesis);
        let subtrees = tip.advance(&self.rules, &header, None);
        let mut batch = WriteBatch::default();
        state.stage(&overlay, &mut batch)?;
        let block = Block { header, transactions: Vec::new() };
        let committed = CommittedBlock {
            block: &block,
            receipts: &[],
            certificate: Some(&certificate),
            subtrees: &subtrees,
            tip: &tip,
        };
        chain_db::stage_block(&mut batch, &committed);
        self.store.write(batch, Durability::Synced)?;
        state.advance(overlay)?;
        state.flush()?;
        Ok(self.store.write(WriteBatch::default(), Durability::Synced)?)
    }

    /// Has the journal say that what `changes` says was so from `height` on, and returns the root that then follows for
    /// `height`.
    fn rewrite_journal(&self, height: u64, changes: &BTreeMap<(Address, Vec<u8>), Option<Vec<u8>>>) -> Result<Digest> {
        let lied: Vec<Vec<u8>> = changes.keys().map(|(contract, key)| [&contract.0[..], key].concat()).collect();
        let state = State::open(Arc::clone(&self.store), StateConfig::default())?;
        let (newest, mut root) = (self.tip()?.height, state.root());
        let mut old = BTreeMap::new();
        let mut batch = WriteBatch::default();
        for height in (height + 1..=newest).rev() {
            let key = height.to_be_bytes();
            let row = self.store.get(Column::Journal, &key)?.ok_or("a row of the journal is missing")?;
            let (version, _, mut entries): JournalRow = disk_format::decode("read a row of the journal", &row)?;
            if version != JOURNAL_VERSION {
                return Err("the journal is of another version".into());
            }
            entries.retain(|(key, _)| !lied.contains(key));
            // The values before this block: what it overwrote, over what later ones did.
            for (key, value) in &entries {
                let (contract, slot) = key.split_first_chunk::<32>().ok_or("a key without a contract")?;
                old.insert((Address(*contract), slot.to_vec()), value.clone());
            }
            root = state.prepare(None, Changes(old.clone()))?.root();
            batch.put(Column::Journal, key, (JOURNAL_VERSION, root, entries).encode());
        }
        self.store.write(batch, Durability::Synced)?;
        Ok(root)
    }

    fn alter_certificates(&self, alter: impl Fn(&mut chancery_abi::Certificate, &Digest)) -> Result<String> {
        let db = ChainDb(&*self.store);
        let newest = self.tip()?.height;
        let mut batch = WriteBatch::default();
        let heights = db.certified_heights(newest.saturating_sub(CERTIFICATES), usize::MAX)?;
        for height in &heights {
            let mut certificate = db.certificate(*height)?.ok_or("a certificate is missing")?;
            alter(&mut certificate, self.rules.digest());
            chain_db::stage_certificate(&mut batch, *height, &certificate);
        }
        self.store.write(batch, Durability::Synced)?;
        Ok(format!("{} certificates of chain {} are others", heights.len(), self.rules.name()))
    }
}
