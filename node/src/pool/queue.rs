//! [`Pool`]: all accounts' queues and the indexes over them.
//!
//! Invariants: every waiting transaction is in exactly one account's queue, in `places` and in `expiry`; an account is
//! in `accounts` exactly while it has one; `ready` has exactly the accounts whose due nonce waits; `shares_*` rank all
//! accounts; the totals are the sums over the accounts.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use chancery_abi::{Address, Digest, Refusal};

use super::{
    DropReason, Dropped, PoolConfig, PoolRefusal, SelectLimits, Waiting,
    account::{Account, Share},
    order,
};

/// Where a waiting transaction is.
struct Place {
    sender: Address,
    nonce: u64,
    /// The last height at which the pool keeps it for the next block.
    last_height: u64,
}

/// The pool. See the module's documentation for its rules.
pub struct Pool<T> {
    config: PoolConfig,
    accounts: BTreeMap<Address, Account<T>>,
    places: BTreeMap<Digest, Place>,
    expiry: BTreeSet<(u64, Digest)>,
    ready: BTreeSet<(u64, Address)>,
    shares_by_count: BTreeSet<(usize, Address)>,
    shares_by_bytes: BTreeSet<(usize, Address)>,
    total: Share,
    next_turn: u64,
}

impl<T> Pool<T> {
    /// An empty pool.
    pub fn new(config: PoolConfig) -> Self {
        Self {
            config,
            accounts: BTreeMap::new(),
            places: BTreeMap::new(),
            expiry: BTreeSet::new(),
            ready: BTreeSet::new(),
            shares_by_count: BTreeSet::new(),
            shares_by_bytes: BTreeSet::new(),
            total: Share::default(),
            next_turn: 0,
        }
    }

    /// How many transactions wait.
    pub fn len(&self) -> usize {
        self.total.count
    }

    /// Whether none waits.
    pub fn is_empty(&self) -> bool {
        self.total.count == 0
    }

    /// Bytes of all waiting transactions.
    pub fn size_bytes(&self) -> usize {
        self.total.bytes
    }

    /// Whether the next block may have any.
    pub fn has_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    /// Whether this transaction waits.
    pub fn contains(&self, digest: &Digest) -> bool {
        self.places.contains_key(digest)
    }

    /// The waiting transaction of this account with this nonce.
    pub fn get(&self, account: &Address, nonce: u64) -> Option<&Arc<Waiting<T>>> {
        self.accounts.get(account)?.entries.get(&nonce)
    }

    /// The nonce that a new transaction of `account` should have, when `due` is the one that the state expects.
    pub fn next_nonce(&self, account: &Address, due: u64) -> u64 {
        self.accounts.get(account).map_or(due, |account| account.next_free().max(due))
    }

    /// Takes in a transaction, at `height`, where the state expects nonce `due` of its sender. Returns what had to make
    /// room for it.
    ///
    /// # Errors
    /// When it is refused; the pool is as before.
    pub fn insert(&mut self, waiting: Waiting<T>, due: u64, height: u64) -> Result<Vec<Dropped>, PoolRefusal> {
        if self.places.contains_key(&waiting.digest) {
            return Err(PoolRefusal::Known);
        }
        self.check_validity(&waiting, due, height)?;
        let victims = self.make_plan(&waiting)?;
        let dropped = victims.into_iter().map(|digest| self.take_out(&digest, DropReason::Evicted)).collect();
        self.put_in(waiting, due, height);
        Ok(dropped)
    }

    fn check_validity(&self, waiting: &Waiting<T>, due: u64, height: u64) -> Result<(), PoolRefusal> {
        let Waiting { nonce, sender, valid_until_height: valid_until, .. } = *waiting;
        let next_height = height.saturating_add(1);
        if valid_until < next_height {
            return Err(Refusal::Expired { valid_until, height: next_height }.into());
        }
        // The caller's word can be a block older than the pool's.
        let account = self.accounts.get(&sender);
        let expected = account.map_or(due, |account| account.due.max(due));
        if nonce < expected {
            return Err(Refusal::NonceUsed { expected, found: nonce }.into());
        }
        if nonce - expected >= self.config.nonce_window {
            return Err(Refusal::NonceGap { expected, found: nonce }.into());
        }
        if account.is_some_and(|account| account.entries.contains_key(&nonce)) {
            return Err(PoolRefusal::DuplicateNonce { nonce });
        }
        let Share { count, bytes } = account.map(Account::share).unwrap_or_default();
        let has_room = count < self.config.account_count_max
            && bytes.saturating_add(waiting.size_bytes) <= self.config.account_bytes_max;
        if has_room { Ok(()) } else { Err(PoolRefusal::AccountFull { count, bytes }) }
    }

    /// Which transactions have to go to make room for `newcomer`.
    fn make_plan(&self, newcomer: &Waiting<T>) -> Result<Vec<Digest>, PoolRefusal> {
        let excess_count = (self.total.count + 1).saturating_sub(self.config.count_max);
        let excess_bytes = (self.total.bytes + newcomer.size_bytes).saturating_sub(self.config.bytes_max);
        if excess_count == 0 && excess_bytes == 0 {
            return Ok(Vec::new());
        }
        let ranking = if excess_count > 0 { &self.shares_by_count } else { &self.shares_by_bytes };
        let (_, largest) = ranking.last().ok_or(PoolRefusal::Full)?;
        let victim = &self.accounts[largest];
        let mut freed = Share::default();
        let mut victims = Vec::new();
        for waiting in victim.entries.values().rev() {
            if freed.count >= excess_count && freed.bytes >= excess_bytes {
                break;
            }
            freed = Share { count: freed.count + 1, bytes: freed.bytes + waiting.size_bytes };
            victims.push(waiting.digest);
        }
        let own = self.accounts.get(&newcomer.sender).map(Account::share).unwrap_or_default();
        let left = victim.share();
        let stays_larger = if excess_count > 0 {
            left.count - freed.count > own.count
        } else {
            left.bytes - freed.bytes >= own.bytes + newcomer.size_bytes
        };
        let fits = freed.count >= excess_count && freed.bytes >= excess_bytes;
        if fits && stays_larger && *largest != newcomer.sender { Ok(victims) } else { Err(PoolRefusal::Full) }
    }

    /// What the next block may have, in order, within `limits`. Nothing leaves the pool. `used` has the nonces that are
    /// due after blocks that are not final yet, of the accounts that are in them.
    pub fn select(&self, limits: SelectLimits, used: &BTreeMap<Address, u64>) -> Vec<Arc<Waiting<T>>> {
        order::select(self.ready_after(used), limits)
    }

    /// Whether the next block may have any, after blocks that are not final yet.
    pub fn has_ready_after(&self, used: &BTreeMap<Address, u64>) -> bool {
        self.ready_after(used).any(|(account, nonce)| account.entries.contains_key(&nonce))
    }

    fn ready_after<'a>(&'a self, used: &'a BTreeMap<Address, u64>) -> impl Iterator<Item = (&'a Account<T>, u64)> {
        self.ready.iter().map(|(_, address)| {
            let account = &self.accounts[address];
            (account, used.get(address).map_or(account.due, |nonce| account.due.max(*nonce)))
        })
    }

    /// The block at `height` is final, and after it the state expects these nonces. Returns what left the pool.
    pub fn committed(&mut self, height: u64, nonces: &[(Address, u64)]) -> Vec<Dropped> {
        let mut dropped = Vec::new();
        for (sender, due) in nonces {
            let Some(account) = self.accounts.get(sender) else { continue };
            let used: Vec<Digest> = account.entries.range(..due).map(|(_, waiting)| waiting.digest).collect();
            self.unrank(sender);
            let turn = self.take_turn();
            if let Some(account) = self.accounts.get_mut(sender) {
                account.due = account.due.max(*due);
                account.turn = turn;
            }
            self.rank(sender);
            dropped.extend(used.into_iter().map(|digest| self.take_out(&digest, DropReason::NonceUsed)));
        }
        // The next block has the next height, so what ends with this one has no block left.
        while let Some((last_height, digest)) = self.expiry.first().copied() {
            if last_height > height {
                break;
            }
            dropped.push(self.take_out(&digest, DropReason::Expired));
        }
        dropped
    }

    /// A transaction turned out not to belong in any block.
    pub fn refuse(&mut self, digest: &Digest, refusal: Refusal) -> Option<Dropped> {
        self.contains(digest).then(|| self.take_out(digest, DropReason::Refused(refusal)))
    }

    fn put_in(&mut self, waiting: Waiting<T>, due: u64, height: u64) {
        let sender = waiting.sender;
        let stay = height.saturating_add(self.config.stay_heights_max);
        let last_height = waiting.valid_until_height.min(stay);
        self.places.insert(waiting.digest, Place { sender, nonce: waiting.nonce, last_height });
        self.expiry.insert((last_height, waiting.digest));
        self.total = Share { count: self.total.count + 1, bytes: self.total.bytes + waiting.size_bytes };
        self.unrank(&sender);
        let turn = self.take_turn();
        let account = self.accounts.entry(sender).or_insert_with(|| Account::new(due, turn));
        let was_ready = account.is_ready();
        account.due = account.due.max(due);
        account.insert(Arc::new(waiting));
        if !was_ready {
            // Waiting behind a gap earns no place in the order.
            account.turn = turn;
        }
        self.rank(&sender);
    }

    /// Takes a transaction that waits out of everything.
    fn take_out(&mut self, digest: &Digest, reason: DropReason) -> Dropped {
        if let Some(place) = self.places.remove(digest) {
            self.expiry.remove(&(place.last_height, *digest));
            self.unrank(&place.sender);
            if let Some(account) = self.accounts.get_mut(&place.sender) {
                if let Some(waiting) = account.remove(place.nonce) {
                    self.total.count -= 1;
                    self.total.bytes -= waiting.size_bytes;
                }
                if account.entries.is_empty() {
                    self.accounts.remove(&place.sender);
                }
            }
            self.rank(&place.sender);
        }
        Dropped { digest: *digest, reason }
    }

    fn take_turn(&mut self) -> u64 {
        self.next_turn += 1;
        self.next_turn
    }

    /// Takes an account out of the rankings before it changes.
    fn unrank(&mut self, address: &Address) {
        if let Some(account) = self.accounts.get(address) {
            let Share { count, bytes } = account.share();
            self.shares_by_count.remove(&(count, *address));
            self.shares_by_bytes.remove(&(bytes, *address));
            self.ready.remove(&(account.turn, *address));
        }
    }

    /// Puts an account back into the rankings after it changed.
    fn rank(&mut self, address: &Address) {
        if let Some(account) = self.accounts.get(address) {
            let Share { count, bytes } = account.share();
            self.shares_by_count.insert((count, *address));
            self.shares_by_bytes.insert((bytes, *address));
            if account.is_ready() {
                self.ready.insert((account.turn, *address));
            }
        }
    }
}

#[cfg(test)]
impl<T> Pool<T> {
    /// Compares every index with what the queues say.
    pub(super) fn assert_consistent(&self) {
        let mut total = Share::default();
        for (address, account) in &self.accounts {
            assert!(!account.entries.is_empty(), "an account without transactions stays");
            assert!(account.entries.keys().all(|nonce| *nonce >= account.due), "a used nonce waits");
            assert_eq!(account.bytes, account.entries.values().map(|waiting| waiting.size_bytes).sum::<usize>());
            assert!(account.entries.len() <= self.config.account_count_max);
            assert!(account.bytes <= self.config.account_bytes_max);
            total = Share { count: total.count + account.entries.len(), bytes: total.bytes + account.bytes };
            assert_eq!(self.ready.contains(&(account.turn, *address)), account.is_ready());
            assert!(self.shares_by_count.contains(&(account.entries.len(), *address)));
            assert!(self.shares_by_bytes.contains(&(account.bytes, *address)));
            for waiting in account.entries.values() {
                let place = &self.places[&waiting.digest];
                assert_eq!((place.sender, place.nonce), (*address, waiting.nonce));
                assert!(self.expiry.contains(&(place.last_height, waiting.digest)));
            }
        }
        assert_eq!(total, self.total);
        assert!(total.count <= self.config.count_max && total.bytes <= self.config.bytes_max);
        let ready = self.accounts.values().filter(|account| account.is_ready()).count();
        let sizes = [self.places.len(), self.expiry.len(), self.shares_by_count.len(), self.shares_by_bytes.len()];
        assert_eq!(sizes, [total.count, total.count, self.accounts.len(), self.accounts.len()]);
        assert_eq!(self.ready.len(), ready);
    }
}
