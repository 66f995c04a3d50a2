//! What every store must do, as one suite over all of them: the runtime runs it over the one in memory, the node over
//! RocksDB. It panics with what is wrong, as tests do. Surviving a crash is tested by those who can make one.

use crate::storage::{Column, Durability, Entry, StateBackend, StateReader, WriteBatch};

/// Runs the suite over stores that `make` makes, each of which must be empty.
///
/// # Panics
/// When a store does not do what [`StateBackend`] says.
pub fn conformance(make: &mut dyn FnMut() -> Box<dyn StateBackend>) {
    for check in [
        what_is_written_is_read,
        columns_are_apart,
        scans_are_in_byte_order_within_the_prefix,
        scans_page,
        a_batch_is_applied_in_order,
        ranges_are_deleted_up_to_their_end,
        several_keys_are_read_in_their_order,
        a_snapshot_does_not_change,
        large_values_and_batches_pass,
    ] {
        check(make().as_ref());
    }
}

fn put(store: &dyn StateBackend, column: Column, rows: &[(&[u8], &[u8])]) {
    let mut batch = WriteBatch::default();
    for (key, value) in rows {
        batch.put(column, *key, *value);
    }
    store.write(batch, Durability::Synced).expect("a batch can be written");
}

fn get(store: &dyn StateReader, column: Column, key: &[u8]) -> Option<Vec<u8>> {
    store.get(column, key).expect("a key can be read")
}

fn scan(store: &dyn StateReader, prefix: &[u8], from: &[u8], limit: usize) -> Vec<Entry> {
    store.scan(Column::Values, prefix, from, limit).expect("a column can be scanned")
}

fn keys(store: &dyn StateReader, prefix: &[u8], from: &[u8], limit: usize) -> Vec<Vec<u8>> {
    scan(store, prefix, from, limit).into_iter().map(|(key, _)| key).collect()
}

fn what_is_written_is_read(store: &dyn StateBackend) {
    assert_eq!(get(store, Column::Values, b"a"), None, "an empty store has a value");
    for durability in [Durability::Buffered, Durability::Synced] {
        for value in [&b"1"[..], b"", b"23"] {
            let mut batch = WriteBatch::default();
            batch.put(Column::Values, *b"a", value);
            store.write(batch, durability).expect("a batch can be written");
            assert_eq!(get(store, Column::Values, b"a").as_deref(), Some(value), "a value is not what was written");
        }
        let mut batch = WriteBatch::default();
        batch.delete(Column::Values, *b"a");
        batch.delete(Column::Values, *b"never there");
        store.write(batch, durability).expect("a batch can be written");
        assert_eq!(get(store, Column::Values, b"a"), None, "a deleted value is there");
    }
    put(store, Column::Values, &[(b"", b"of the empty key")]);
    assert_eq!(get(store, Column::Values, b"").as_deref(), Some(&b"of the empty key"[..]));
    store.write(WriteBatch::default(), Durability::Synced).expect("an empty batch can be written");
}

fn columns_are_apart(store: &dyn StateBackend) {
    for column in Column::ALL {
        put(store, column, &[(b"key", column.name().as_bytes())]);
    }
    for column in Column::ALL {
        assert_eq!(get(store, column, b"key").as_deref(), Some(column.name().as_bytes()), "columns share a key");
        assert_eq!(store.scan(column, &[], &[], 10).expect("a column can be scanned").len(), 1);
    }
    let mut batch = WriteBatch::default();
    batch.delete_range(Column::Nodes, Vec::new(), vec![0xff; 40]);
    store.write(batch, Durability::Synced).expect("a batch can be written");
    for column in Column::ALL {
        assert_eq!(get(store, column, b"key").is_some(), column != Column::Nodes, "a deletion reached another column");
    }
}

fn scans_are_in_byte_order_within_the_prefix(store: &dyn StateBackend) {
    let rows: [&[u8]; 9] = [b"", b"\x00", b"a", b"a\x00", b"a\xff", b"a\xff\xff", b"b", b"\xff", b"\xff\xff\x01"];
    let mut written: Vec<(&[u8], &[u8])> = rows.iter().map(|key| (*key, *key)).collect();
    written.reverse();
    put(store, Column::Values, &written);
    assert_eq!(keys(store, b"", b"", 100), rows, "a scan is not in byte order");
    assert_eq!(keys(store, b"a", b"", 100), rows[2..6], "a scan leaves its prefix");
    assert_eq!(keys(store, b"a", b"a", 100), rows[2..6]);
    assert_eq!(keys(store, b"a", b"a\x00\x00", 100), rows[4..6], "a scan begins before its start");
    assert_eq!(keys(store, b"a\xff", b"", 100), rows[4..6], "a prefix that ends in 0xff is cut short");
    assert_eq!(keys(store, b"\xff", b"", 100), rows[7..9], "a prefix without a successor is cut short");
    assert_eq!(keys(store, b"\xff\xff", b"", 100), rows[8..9]);
    assert_eq!(keys(store, b"", b"a\xff", 100), rows[4..9], "a start without a prefix is ignored");
    assert_eq!(keys(store, b"a", b"b", 100), Vec::<Vec<u8>>::new(), "a start behind the prefix finds something");
    assert_eq!(keys(store, b"b", b"a", 100), rows[6..7], "a start before the prefix moves the scan");
    assert_eq!(keys(store, b"c", b"", 100), Vec::<Vec<u8>>::new());
    assert_eq!(scan(store, b"b", b"", 1), [(b"b".to_vec(), b"b".to_vec())], "a scan has other values");
}

fn scans_page(store: &dyn StateBackend) {
    let rows: Vec<[u8; 3]> = (0..500u16).map(|n| [b'p', n.to_be_bytes()[0], n.to_be_bytes()[1]]).collect();
    let written: Vec<(&[u8], &[u8])> = rows.iter().map(|key| (&key[..], &key[..])).collect();
    put(store, Column::Values, &written);
    put(store, Column::Values, &[(b"o", b""), (b"q", b"")]);
    for limit in [1, 7, 250, 500, 501] {
        let mut found: Vec<Vec<u8>> = Vec::new();
        loop {
            let from = found.last().map_or(Vec::new(), |last| [last, &[0][..]].concat());
            let page = keys(store, b"p", &from, limit);
            assert!(page.len() <= limit, "a scan returns more than its limit");
            if page.is_empty() {
                break;
            }
            found.extend(page);
        }
        assert_eq!(found, rows, "paging by {limit} finds other keys");
    }
    assert!(keys(store, b"p", b"", 0).is_empty(), "a scan of nothing finds something");
}

fn a_batch_is_applied_in_order(store: &dyn StateBackend) {
    let mut batch = WriteBatch::default();
    batch.put(Column::Values, *b"twice", *b"1");
    batch.put(Column::Values, *b"twice", *b"2");
    batch.put(Column::Values, *b"gone", *b"1");
    batch.delete(Column::Values, *b"gone");
    batch.delete(Column::Values, *b"back");
    batch.put(Column::Values, *b"back", *b"1");
    batch.put(Column::Values, *b"range", *b"1");
    batch.delete_range(Column::Values, *b"r", *b"s");
    batch.put(Column::Values, *b"rest", *b"1");
    store.write(batch, Durability::Synced).expect("a batch can be written");
    assert_eq!(get(store, Column::Values, b"twice").as_deref(), Some(&b"2"[..]), "the first of two writes won");
    assert_eq!(keys(store, b"", b"", 10), [&b"back"[..], b"rest", b"twice"], "a batch is not applied in order");
}

fn ranges_are_deleted_up_to_their_end(store: &dyn StateBackend) {
    put(store, Column::Values, &[(b"a", b""), (b"b", b""), (b"ba", b""), (b"c", b""), (b"d", b"")]);
    let mut batch = WriteBatch::default();
    batch.delete_range(Column::Values, *b"b", *b"c");
    batch.delete_range(Column::Values, *b"d", *b"d");
    store.write(batch, Durability::Synced).expect("a batch can be written");
    assert_eq!(keys(store, b"", b"", 10), [b"a", b"c", b"d"], "a range was not deleted up to its end");
    put(store, Column::Values, &[(b"b", b"again")]);
    assert_eq!(get(store, Column::Values, b"b").as_deref(), Some(&b"again"[..]), "a deleted range stays deleted");
}

fn several_keys_are_read_in_their_order(store: &dyn StateBackend) {
    put(store, Column::Values, &[(b"a", b"1"), (b"b", b"2"), (b"c", b"")]);
    let keys = [b"c", b"x", b"a", b"a", b"b"].map(|key| key.to_vec());
    let found = store.get_many(Column::Values, &keys).expect("several keys can be read");
    let expected = [Some(b"".to_vec()), None, Some(b"1".to_vec()), Some(b"1".to_vec()), Some(b"2".to_vec())];
    assert_eq!(found, expected, "several keys are not read in their order");
    assert_eq!(store.get_many(Column::Values, &[]), Ok(Vec::new()));
}

fn a_snapshot_does_not_change(store: &dyn StateBackend) {
    put(store, Column::Values, &[(b"a", b"1"), (b"b", b"1")]);
    let mut called = 0;
    store.with_snapshot(&mut |snapshot| {
        called += 1;
        put(store, Column::Values, &[(b"a", b"2"), (b"c", b"2")]);
        let mut batch = WriteBatch::default();
        batch.delete(Column::Values, *b"b");
        store.write(batch, Durability::Buffered).expect("a batch can be written while a snapshot is read");
        assert_eq!(get(snapshot, Column::Values, b"a").as_deref(), Some(&b"1"[..]), "a snapshot sees a later write");
        assert_eq!(keys(snapshot, b"", b"", 10), [b"a", b"b"], "a snapshot's scan sees later writes");
        let several = snapshot.get_many(Column::Values, &[b"b".to_vec(), b"c".to_vec()]);
        assert_eq!(several, Ok(vec![Some(b"1".to_vec()), None]), "a snapshot's reads of several keys see later writes");
    });
    assert_eq!(called, 1, "a snapshot is read once");
    assert_eq!(keys(store, b"", b"", 10), [b"a", b"c"]);
}

fn large_values_and_batches_pass(store: &dyn StateBackend) {
    let large = vec![0xab; 1024 * 1024];
    put(store, Column::Blocks, &[(b"large", &large)]);
    assert_eq!(get(store, Column::Blocks, b"large"), Some(large), "a large value is not what was written");
    let mut batch = WriteBatch::default();
    for n in 0..20_000u32 {
        batch.put(Column::Values, n.to_be_bytes(), n.to_le_bytes());
    }
    store.write(batch, Durability::Synced).expect("a large batch can be written");
    assert_eq!(keys(store, b"", b"", 30_000).len(), 20_000, "a large batch is not all there");
}
