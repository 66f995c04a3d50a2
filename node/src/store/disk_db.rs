//! Bytes and batches over RocksDB: one database a process, one column family a [`Column`], and in front of every key
//! the number of the chain it belongs to (4 bytes, big-endian).
//!
//! A chain's number comes from the database's own directory, which lies under number 0 in [`Column::Meta`] and maps a
//! chain's genesis digest to it. No two chains have one number, and one that is given again has no rows of another chain.
//! A chain that is filled anew has its rows under a number that is in no list, until one write puts them in the place of
//! those it had; what was not finished is removed when the database opens again.
//!
//! Invariants: a scan or a range never leaves its chain; a batch is one RocksDB write, so it happens whole or not at
//! all; [`Durability::Synced`] means fdatasync before the call returns, and with it everything written before.
//! A damaged record in the log is an error and never a silent return to an earlier state: only a record cut off at the
//! very end, which was never acknowledged, is dropped when the database opens, and the witness (see `witness`) says
//! whether it was.
//!
//! What bytes mean is not known here.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use chancery_abi::{Digest, Name};
use chancery_runtime::storage::{
    Column, Durability, Entry, StateBackend, StateReader, StorageError, Write, WriteBatch,
};
use rocksdb::{
    BlockBasedOptions, Cache, ColumnFamily, ColumnFamilyDescriptor, DB, DBCompressionType, DBRawIterator,
    DBRecoveryMode, ErrorKind, LogLevel, Options, Range, ReadOptions, Snapshot, WriteBufferManager, WriteOptions,
};

use super::{StoreDirectory, StoreError, disk_format, witness::Witness};

/// What one node decides about its database; no content depends on it.
#[derive(Clone, Copy, Debug)]
pub struct StoreConfig {
    /// Bytes of blocks that RocksDB keeps in memory, for all chains together.
    pub block_cache_bytes: usize,
    /// Bytes that wait in memory to be written to tables, for all chains together.
    pub write_buffer_bytes: usize,
    /// Files that RocksDB keeps open.
    pub open_files_max: i32,
}

impl Default for StoreConfig {
    fn default() -> Self {
        Self { block_cache_bytes: 256 << 20, write_buffer_bytes: 64 << 20, open_files_max: 512 }
    }
}

/// Bytes of logs after which RocksDB flushes the oldest tables, so that a start never reads more.
const LOG_BYTES_MAX: u64 = 256 << 20;
/// RocksDB's own messages: at most this many files of this size.
const MESSAGE_FILES: usize = 4;
const MESSAGE_FILE_BYTES: usize = 4 << 20;
/// Rows that are copied with one write.
const COPIED_AT_ONCE: usize = 1_000;
/// The number under which the database keeps its own entries.
const DATABASE_ITSELF: u32 = 0;

/// The process's database, with its directory's lock.
pub struct DiskDb {
    db: DB,
    directory: StoreDirectory,
    witness: Witness,
    /// Held by whoever gives a chain a number.
    numbering: Mutex<()>,
}

/// A chain that a database holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainEntry {
    /// The number in front of its keys.
    pub number: u32,
    /// Which it is.
    pub chain: ChainIdentity,
}

/// What tells a chain from every other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainIdentity {
    /// Its name.
    pub name: Name,
    /// The digest of its genesis.
    pub genesis: Digest,
}

impl std::fmt::Display for ChainIdentity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "chain {} (genesis {})", self.name, self.genesis)
    }
}

impl DiskDb {
    /// Opens the database in `directory`, or makes it there.
    ///
    /// # Errors
    /// When its files are damaged or cannot be read or written.
    pub fn open(mut directory: StoreDirectory, config: &StoreConfig) -> Result<Arc<Self>, StoreError> {
        let path = directory.database();
        let options = database_options(config, directory.is_fresh());
        let cache = Cache::new_lru_cache(config.block_cache_bytes);
        let families = Column::ALL
            .map(|column| ColumnFamilyDescriptor::new(column.name(), column_options(config, &cache, column)));
        let db = DB::open_cf_descriptors(&options, path, families)
            .map_err(|error| open_error(directory.path().to_owned(), &error))?;
        let home = directory.path().to_owned();
        let failed = |reason| StoreError::Directory { action: "open the witness in", path: home.clone(), reason };
        let (witness, acknowledged) = Witness::open(&home).map_err(failed)?;
        let found = db.latest_sequence_number();
        if found < acknowledged {
            let reason = format!(
                "it ends at write {found}, and write {acknowledged} was acknowledged: records at the log's end are gone"
            );
            return Err(StoreError::Corrupted { path: home, reason });
        }
        if directory.is_fresh() {
            directory.finish_creation()?;
        }
        let database = Self { db, directory, witness, numbering: Mutex::default() };
        for entry in database.list(disk_format::FILLING_ENTRY)? {
            tracing::warn!(chain = %entry.chain.name, "what was filled in of a chain was not finished, and is removed");
            database.forget_filling(&entry)?;
        }
        Ok(Arc::new(database))
    }

    /// The store's directory.
    pub fn directory(&self) -> &StoreDirectory {
        &self.directory
    }

    /// The chains in it.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn chains(&self) -> Result<Vec<ChainEntry>, StoreError> {
        self.list(disk_format::CHAIN_ENTRY)
    }

    fn list(&self, list: &[u8]) -> Result<Vec<ChainEntry>, StoreError> {
        let entries = self.scan_in(None, DATABASE_ITSELF, Column::Meta, list, &[], usize::MAX)?;
        entries.into_iter().map(|(key, value)| Ok(disk_format::decode_chain_entry(list, &key, &value)?)).collect()
    }

    /// The store of `chain`, which is added when the database is still empty.
    ///
    /// # Errors
    /// When the database belongs to another chain, or fails.
    pub fn open_chain(self: &Arc<Self>, chain: ChainIdentity) -> Result<ChainStore, StoreError> {
        let _numbering = self.numbering();
        let chains = self.chains()?;
        if let Some(entry) = chains.iter().find(|entry| entry.chain.genesis == chain.genesis) {
            return Ok(ChainStore { db: Arc::clone(self), number: entry.number });
        }
        match chains.into_iter().next() {
            Some(found) => Err(StoreError::OtherChain {
                path: self.directory.path().to_owned(),
                expected: chain,
                found: Box::new(found.chain),
            }),
            None => self.add_chain_at(chain, self.next_number()?),
        }
    }

    /// Opens a sidechain's rows beside those of its mainchain, or begins them.
    ///
    /// # Errors
    /// When the store cannot be read or written.
    pub fn open_sidechain(self: &Arc<Self>, chain: ChainIdentity) -> Result<ChainStore, StoreError> {
        let _numbering = self.numbering();
        let chains = self.chains()?;
        match chains.iter().find(|entry| entry.chain.genesis == chain.genesis) {
            Some(entry) => Ok(ChainStore { db: Arc::clone(self), number: entry.number }),
            None => self.add_chain_at(chain, self.next_number()?),
        }
    }

    /// Rows for a chain that is filled anew, beside those it has and under a number that is in no list. There is no such
    /// chain before [`Self::put_in_place`]; what an earlier attempt left is removed.
    ///
    /// # Errors
    /// When the store cannot be read or written.
    pub fn begin_filling(self: &Arc<Self>, chain: ChainIdentity) -> Result<ChainStore, StoreError> {
        let _numbering = self.numbering();
        if let Some(left) = self.filling(&chain)? {
            self.forget_filling(&left)?;
        }
        let entry = ChainEntry { number: self.next_number()?, chain };
        let (key, value) = disk_format::encode_chain_entry(disk_format::FILLING_ENTRY, &entry);
        let mut batch = WriteBatch::default();
        batch.put(Column::Meta, key, value);
        self.write_in(DATABASE_ITSELF, batch, Durability::Synced)?;
        Ok(ChainStore { db: Arc::clone(self), number: entry.number })
    }

    /// Puts the rows that were filled in for a chain in the place of those it had, which are removed, in one synced write.
    /// Nobody may have the chain open.
    ///
    /// # Errors
    /// When nothing was filled in, or the store cannot be written.
    pub fn put_in_place(&self, chain: &ChainIdentity) -> Result<(), StoreError> {
        let _numbering = self.numbering();
        let filled = self.filling(chain)?;
        let filled = filled.ok_or_else(|| StorageError::new("put a chain in place", "nothing of it was filled in"))?;
        let mut writes = rocksdb::WriteBatch::default();
        let before = self.chains()?.into_iter().find(|entry| entry.chain.genesis == chain.genesis);
        if let Some(before) = before {
            self.stage_removal(&mut writes, before.number);
        }
        let (key, value) = disk_format::encode_chain_entry(disk_format::CHAIN_ENTRY, &filled);
        writes.put_cf(self.family(Column::Meta), prefixed(DATABASE_ITSELF, &key), value);
        let (key, _) = disk_format::encode_chain_entry(disk_format::FILLING_ENTRY, &filled);
        writes.delete_cf(self.family(Column::Meta), prefixed(DATABASE_ITSELF, &key));
        Ok(self.write_all(writes, Durability::Synced)?)
    }

    /// Removes what was filled in for a chain, if anything was; what it had before stays.
    ///
    /// # Errors
    /// When the store cannot be read or written.
    pub fn give_up_filling(&self, chain: &ChainIdentity) -> Result<(), StoreError> {
        let _numbering = self.numbering();
        self.filling(chain)?.map_or(Ok(()), |entry| self.forget_filling(&entry))
    }

    fn filling(&self, chain: &ChainIdentity) -> Result<Option<ChainEntry>, StoreError> {
        let all = self.list(disk_format::FILLING_ENTRY)?;
        Ok(all.into_iter().find(|entry| entry.chain.genesis == chain.genesis))
    }

    fn forget_filling(&self, entry: &ChainEntry) -> Result<(), StoreError> {
        let mut writes = rocksdb::WriteBatch::default();
        self.stage_removal(&mut writes, entry.number);
        let (key, _) = disk_format::encode_chain_entry(disk_format::FILLING_ENTRY, entry);
        writes.delete_cf(self.family(Column::Meta), prefixed(DATABASE_ITSELF, &key));
        Ok(self.write_all(writes, Durability::Synced)?)
    }

    fn stage_removal(&self, writes: &mut rocksdb::WriteBatch, number: u32) {
        let (from, to) = (prefixed(number, &[]), prefixed(number + 1, &[]));
        for column in Column::ALL {
            writes.delete_range_cf(self.family(column), &from, &to);
        }
    }

    /// A number that no chain has, listed or not.
    fn next_number(&self) -> Result<u32, StoreError> {
        let all = [self.chains()?, self.list(disk_format::FILLING_ENTRY)?].concat();
        Ok(all.iter().map(|entry| entry.number).max().unwrap_or(DATABASE_ITSELF) + 1)
    }

    fn numbering(&self) -> MutexGuard<'_, ()> {
        self.numbering.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Copies all rows of a chain into another database, which lists it once they are all there. `told` hears how many there are
    /// so far. Returns how many there were.
    ///
    /// # Errors
    /// When a store cannot be read or written.
    pub fn copy_chain(
        &self,
        entry: &ChainEntry,
        into: &Arc<Self>,
        mut told: impl FnMut(u64),
    ) -> Result<u64, StoreError> {
        let number = DATABASE_ITSELF + 1;
        let mut count = 0;
        for column in Column::ALL {
            let mut from = Vec::new();
            loop {
                let entries = self.scan_in(None, entry.number, column, &[], &from, COPIED_AT_ONCE)?;
                let Some((last, _)) = entries.last() else { break };
                from.clone_from(last);
                from.push(0);
                count += entries.len() as u64;
                let mut batch = WriteBatch::default();
                entries.into_iter().for_each(|(key, value)| batch.put(column, key, value));
                into.write_in(number, batch, Durability::Buffered)?;
                told(count);
            }
        }
        into.add_chain_at(entry.chain.clone(), number)?;
        Ok(count)
    }

    /// Removes a chain with all its rows, in one synced write.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn remove_chain(&self, entry: &ChainEntry) -> Result<(), StoreError> {
        let mut writes = rocksdb::WriteBatch::default();
        self.stage_removal(&mut writes, entry.number);
        let (key, _) = disk_format::encode_chain_entry(disk_format::CHAIN_ENTRY, entry);
        writes.delete_cf(self.family(Column::Meta), prefixed(DATABASE_ITSELF, &key));
        Ok(self.write_all(writes, Durability::Synced)?)
    }

    fn add_chain_at(self: &Arc<Self>, chain: ChainIdentity, number: u32) -> Result<ChainStore, StoreError> {
        let entry = ChainEntry { number, chain };
        let (key, value) = disk_format::encode_chain_entry(disk_format::CHAIN_ENTRY, &entry);
        let mut batch = WriteBatch::default();
        batch.put(Column::Meta, key, value);
        self.write_in(DATABASE_ITSELF, batch, Durability::Synced)?;
        Ok(ChainStore { db: Arc::clone(self), number: entry.number })
    }

    fn family(&self, column: Column) -> &ColumnFamily {
        self.db.cf_handle(column.name()).expect("open made a family of every column")
    }

    fn error(&self, action: &'static str, error: &rocksdb::Error) -> StorageError {
        if error.kind() == ErrorKind::Corruption {
            let damaged = StoreError::Corrupted { path: self.directory.path().to_owned(), reason: error.to_string() };
            return StorageError::new(action, damaged);
        }
        StorageError::new(action, format_args!("{error} (store: {})", self.directory.path().display()))
    }

    fn get_in(
        &self,
        snapshot: Option<&Snapshot<'_>>,
        number: u32,
        column: Column,
        key: &[u8],
    ) -> Result<Option<Vec<u8>>, StorageError> {
        let options = read_options(snapshot);
        let value = self.db.get_cf_opt(self.family(column), prefixed(number, key), &options);
        value.map_err(|error| self.error("read", &error))
    }

    fn get_many_in(
        &self,
        snapshot: Option<&Snapshot<'_>>,
        number: u32,
        column: Column,
        keys: &[Vec<u8>],
    ) -> Result<Vec<Option<Vec<u8>>>, StorageError> {
        let keys: Vec<Vec<u8>> = keys.iter().map(|key| prefixed(number, key)).collect();
        let options = read_options(snapshot);
        let values = self.db.batched_multi_get_cf_opt(self.family(column), &keys, false, &options);
        let owned = values.into_iter().map(|value| value.map(|bytes| bytes.map(|bytes| bytes.to_vec())));
        owned.collect::<Result<_, _>>().map_err(|error| self.error("read", &error))
    }

    fn scan_in(
        &self,
        snapshot: Option<&Snapshot<'_>>,
        number: u32,
        column: Column,
        prefix: &[u8],
        from: &[u8],
        limit: usize,
    ) -> Result<Vec<Entry>, StorageError> {
        let mut options = read_options(snapshot);
        let prefix = prefixed(number, prefix);
        if let Some(end) = end_of_prefix(&prefix) {
            options.set_iterate_upper_bound(end);
        }
        let mut entries = Vec::new();
        let mut iterator = self.db.raw_iterator_cf_opt(self.family(column), options);
        iterator.seek(prefixed(number, from).max(prefix));
        while entries.len() < limit {
            let Some((key, value)) = iterator.item() else { break };
            entries.push((key[NUMBER_BYTES..].to_vec(), value.to_vec()));
            iterator.next();
        }
        self.finished(&iterator)?;
        Ok(entries)
    }

    /// An iterator that stopped may have met its end or an error; only the status tells.
    fn finished(&self, iterator: &DBRawIterator<'_>) -> Result<(), StorageError> {
        iterator.status().map_err(|error| self.error("read", &error))
    }

    fn write_in(&self, number: u32, batch: WriteBatch, durability: Durability) -> Result<(), StorageError> {
        let mut writes = rocksdb::WriteBatch::default();
        for write in batch.writes {
            match write {
                Write::Put(column, key, value) => writes.put_cf(self.family(column), prefixed(number, &key), value),
                Write::Delete(column, key) => writes.delete_cf(self.family(column), prefixed(number, &key)),
                Write::DeleteRange(column, from, to) => {
                    let (from, to) = (prefixed(number, &from), prefixed(number, &to));
                    // RocksDB refuses a range that ends before it begins; for the interface it is empty.
                    if from < to {
                        writes.delete_range_cf(self.family(column), from, to);
                    }
                }
            }
        }
        self.write_all(writes, durability)
    }

    fn write_all(&self, writes: rocksdb::WriteBatch, durability: Durability) -> Result<(), StorageError> {
        // Whoever else writes meanwhile, this batch ends at this number or later.
        let end = self.db.latest_sequence_number() + writes.len() as u64;
        let mut options = WriteOptions::default();
        options.set_sync(durability == Durability::Synced);
        self.db.write_opt(writes, &options).map_err(|error| self.error("write", &error))?;
        if durability == Durability::Synced {
            self.witness.record(end).map_err(|error| StorageError::new("write the witness", error))?;
        }
        Ok(())
    }

    /// What RocksDB says of itself for the operator's figures: bytes of tables, bytes of memory in use.
    ///
    /// # Errors
    /// When RocksDB does not answer.
    pub fn sizes(&self) -> Result<DatabaseSizes, StorageError> {
        let mut sizes = DatabaseSizes::default();
        for column in Column::ALL {
            let property = |name: &str| {
                let value = self.db.property_int_value_cf(self.family(column), name);
                value.map(Option::unwrap_or_default).map_err(|error| self.error("measure", &error))
            };
            sizes.tables_bytes += property("rocksdb.total-sst-files-size")?;
            sizes.memory_bytes += property("rocksdb.cur-size-all-mem-tables")?;
            sizes.memory_bytes += property("rocksdb.estimate-table-readers-mem")?;
        }
        Ok(sizes)
    }

    /// Rewrites all tables, so that what was deleted or overwritten takes no more room.
    pub fn compact(&self) {
        for column in Column::ALL {
            self.db.compact_range_cf(self.family(column), None::<&[u8]>, None::<&[u8]>);
        }
    }

    /// Bytes of tables of one column, for measurements; tables that a compaction replaced do not count.
    ///
    /// # Errors
    /// When RocksDB does not answer.
    pub fn column_bytes(&self, column: Column) -> Result<u64, StorageError> {
        let value = self.db.property_int_value_cf(self.family(column), "rocksdb.live-sst-files-size");
        value.map(Option::unwrap_or_default).map_err(|error| self.error("measure", &error))
    }
}

impl Drop for DiskDb {
    fn drop(&mut self) {
        self.db.cancel_all_background_work(true);
        if let Err(error) = self.witness.sync() {
            tracing::warn!(%error, "the store's witness is not durable");
        }
    }
}

/// What a database takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DatabaseSizes {
    /// Bytes of tables on disk.
    pub tables_bytes: u64,
    /// Bytes of memory for what is not in tables yet, and for finding things in them.
    pub memory_bytes: u64,
}

/// One chain's part of the database.
#[derive(Clone)]
pub struct ChainStore {
    db: Arc<DiskDb>,
    number: u32,
}

impl ChainStore {
    /// The database it is in.
    pub fn database(&self) -> &Arc<DiskDb> {
        &self.db
    }

    /// Bytes that the chain takes in tables on disk, nearly. What waits in memory to be written to tables is not in it.
    pub fn size_bytes(&self) -> u64 {
        let (from, to) = (self.number.to_be_bytes(), self.number.saturating_add(1).to_be_bytes());
        let range = [Range::new(&from, &to)];
        let sizes = Column::ALL.iter().flat_map(|column| {
            let family = self.db.family(*column);
            self.db.db.get_approximate_sizes_cf(&family, &range)
        });
        sizes.fold(0, u64::saturating_add)
    }
}

impl StateReader for ChainStore {
    fn get(&self, column: Column, key: &[u8]) -> Result<Option<Vec<u8>>, StorageError> {
        self.db.get_in(None, self.number, column, key)
    }

    fn scan(&self, column: Column, prefix: &[u8], from: &[u8], limit: usize) -> Result<Vec<Entry>, StorageError> {
        self.db.scan_in(None, self.number, column, prefix, from, limit)
    }

    fn get_many(&self, column: Column, keys: &[Vec<u8>]) -> Result<Vec<Option<Vec<u8>>>, StorageError> {
        self.db.get_many_in(None, self.number, column, keys)
    }
}

impl StateBackend for ChainStore {
    fn write(&self, batch: WriteBatch, durability: Durability) -> Result<(), StorageError> {
        self.db.write_in(self.number, batch, durability)
    }

    fn with_snapshot(&self, read: &mut dyn FnMut(&dyn StateReader)) {
        read(&ChainSnapshot { store: self, snapshot: self.db.db.snapshot() });
    }
}

/// One chain's part of the database at one moment.
struct ChainSnapshot<'a> {
    store: &'a ChainStore,
    snapshot: Snapshot<'a>,
}

impl StateReader for ChainSnapshot<'_> {
    fn get(&self, column: Column, key: &[u8]) -> Result<Option<Vec<u8>>, StorageError> {
        self.store.db.get_in(Some(&self.snapshot), self.store.number, column, key)
    }

    fn scan(&self, column: Column, prefix: &[u8], from: &[u8], limit: usize) -> Result<Vec<Entry>, StorageError> {
        self.store.db.scan_in(Some(&self.snapshot), self.store.number, column, prefix, from, limit)
    }

    fn get_many(&self, column: Column, keys: &[Vec<u8>]) -> Result<Vec<Option<Vec<u8>>>, StorageError> {
        self.store.db.get_many_in(Some(&self.snapshot), self.store.number, column, keys)
    }
}

const NUMBER_BYTES: usize = size_of::<u32>();

fn prefixed(number: u32, key: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(NUMBER_BYTES + key.len());
    bytes.extend_from_slice(&number.to_be_bytes());
    bytes.extend_from_slice(key);
    bytes
}

/// The first key after all that begin with `prefix`; none when the prefix is all ones.
fn end_of_prefix(prefix: &[u8]) -> Option<Vec<u8>> {
    let kept = prefix.iter().rposition(|&byte| byte != u8::MAX)?;
    let mut end = prefix[..=kept].to_vec();
    end[kept] += 1;
    Some(end)
}

fn read_options(snapshot: Option<&Snapshot<'_>>) -> ReadOptions {
    let mut options = ReadOptions::default();
    options.set_verify_checksums(true);
    if let Some(snapshot) = snapshot {
        options.set_snapshot(snapshot);
    }
    options
}

fn open_error(path: PathBuf, error: &rocksdb::Error) -> StoreError {
    let reason = error.to_string();
    match error.kind() {
        // A missing manifest, table or family is damage too, whatever kind RocksDB calls it.
        ErrorKind::Corruption | ErrorKind::InvalidArgument | ErrorKind::NotFound => {
            StoreError::Corrupted { path, reason }
        }
        ErrorKind::IOError if reason.contains("No such file") => StoreError::Corrupted { path, reason },
        _ => StoreError::Database { path, action: "open", reason },
    }
}

fn database_options(config: &StoreConfig, fresh: bool) -> Options {
    let mut options = Options::default();
    // A store that exists is never made anew: files that went missing are damage, not an empty database.
    options.create_if_missing(fresh);
    options.create_missing_column_families(fresh);
    options.set_error_if_exists(fresh);
    options.set_paranoid_checks(true);
    options.set_wal_recovery_mode(DBRecoveryMode::TolerateCorruptedTailRecords);
    options.set_track_and_verify_wals_in_manifest(true);
    options.set_max_total_wal_size(LOG_BYTES_MAX);
    options.set_max_open_files(config.open_files_max);
    options.set_write_buffer_manager(&WriteBufferManager::new_write_buffer_manager(config.write_buffer_bytes, false));
    options.set_bytes_per_sync(1 << 20);
    options.set_keep_log_file_num(MESSAGE_FILES);
    options.set_max_log_file_size(MESSAGE_FILE_BYTES);
    options.set_log_level(LogLevel::Warn);
    options.set_stats_dump_period_sec(0);
    options.set_stats_persist_period_sec(0);
    options
}

fn column_options(config: &StoreConfig, cache: &Cache, column: Column) -> Options {
    let mut tables = BlockBasedOptions::default();
    tables.set_format_version(6);
    tables.set_block_cache(cache);
    tables.set_cache_index_and_filter_blocks(true);
    tables.set_pin_l0_filter_and_index_blocks_in_cache(true);
    // Only columns that are asked for single keys pay for a filter.
    if matches!(column, Column::Values | Column::Nodes | Column::Leaves | Column::Index) {
        tables.set_bloom_filter(10.0, false);
    }
    let mut options = Options::default();
    options.set_compression_type(DBCompressionType::Lz4);
    options.set_level_compaction_dynamic_level_bytes(true);
    options.set_write_buffer_size(config.write_buffer_bytes / 2);
    options.set_block_based_table_factory(&tables);
    options
}
