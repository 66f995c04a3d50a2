//! The roots that a header commits to, made by the node that writes it and checked by whoever reads it.
//!
//! Each is a domain-separated digest over a Merkle root and the number of its entries. The number is part of it
//! because a Merkle root alone says nothing of how many leaves it has: without it, one path could be read as several
//! places in lists of several lengths. The state's root is not here: the trie has a format of its own.

use alloc::vec::Vec;

use chancery_abi::{
    Digest, Kind, Receipt, Transaction, domain,
    merkle::{self, Mountain, Path},
};

fn counted(kind: Kind, genesis: &Digest, root: &Digest, count: u64) -> Digest {
    domain::digest(kind, genesis, &[&root.0, &count.to_le_bytes()])
}

/// The leaf by which the history holds the header with the digest `header`. Its place is the header's height less one.
pub fn history_leaf(header: &Digest) -> Digest {
    merkle::leaf(&header.0)
}

/// The history root over the headers in `mountain`: all those before the header that has the root.
pub fn history_root(genesis: &Digest, mountain: &Mountain) -> Digest {
    counted(Kind::History, genesis, &mountain.root(), mountain.count())
}

/// The history root to which `path` leads from the header with the digest `header`, or `None` when it leads nowhere.
pub fn history_root_by(genesis: &Digest, header: &Digest, path: &Path) -> Option<Digest> {
    Some(counted(Kind::History, genesis, &path.root(&history_leaf(header))?, path.count))
}

/// The leaf by which a block's transactions root holds `transaction`: all its bytes, signatures included.
pub fn transaction_leaf(transaction: &Transaction) -> Digest {
    merkle::leaf(&transaction.to_bytes())
}

/// The root of a block's transactions, in their order.
pub fn transactions_root(genesis: &Digest, transactions: &[Transaction]) -> Digest {
    let leaves: Vec<Digest> = transactions.iter().map(transaction_leaf).collect();
    counted(Kind::Transactions, genesis, &merkle::root(&leaves), leaves.len() as u64)
}

/// The leaf by which a block's receipts root holds `receipt`.
pub fn receipt_leaf(genesis: &Digest, receipt: &Receipt) -> Digest {
    merkle::leaf(&receipt.digest(genesis).0)
}

/// The root of a block's receipts, in their order.
pub fn receipts_root(genesis: &Digest, receipts: &[Receipt]) -> Digest {
    let leaves = receipt_leaves(genesis, receipts);
    counted(Kind::Receipts, genesis, &merkle::root(&leaves), leaves.len() as u64)
}

/// The path of receipt `index` under the root over `receipts`, or `None` when there is no such receipt.
pub fn receipt_path(genesis: &Digest, receipts: &[Receipt], index: u32) -> Option<Path> {
    merkle::path(&receipt_leaves(genesis, receipts), u64::from(index))
}

/// The receipts root to which `path` leads from `receipt`, or `None` when it leads nowhere.
pub fn receipts_root_by(genesis: &Digest, receipt: &Receipt, path: &Path) -> Option<Digest> {
    Some(counted(Kind::Receipts, genesis, &path.root(&receipt_leaf(genesis, receipt))?, path.count))
}

fn receipt_leaves(genesis: &Digest, receipts: &[Receipt]) -> Vec<Digest> {
    receipts.iter().map(|receipt| receipt_leaf(genesis, receipt)).collect()
}
