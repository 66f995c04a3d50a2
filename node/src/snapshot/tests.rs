//! Snapshots of a ledger: of the same size however long the chain, the same chain after, and nothing false in them.

use std::{path::Path, time::Instant};

use chancery_abi::{Digest, TrustAnchor, codec};
use chancery_runtime::{
    execution::{ExecutionStack, chain::Proposal, on_execution_stack},
    state::{MemoryBackend, StateConfig},
    storage::StateBackend,
};
use std::{collections::BTreeMap, sync::Arc};

use super::*;
use crate::{
    chain::{Candidate, Commit, Ledger},
    fixture::{self, GENESIS_TIME_MS, call, certify, deploy, deployer, engine, genesis, verified},
};

fn ledger(backend: &Arc<MemoryBackend>) -> Ledger<MemoryBackend> {
    Ledger::open(Arc::clone(backend), engine(), genesis(), StateConfig::default()).expect("the ledger opens")
}

fn build(stack: &ExecutionStack, ledger: &Ledger<MemoryBackend>) -> Candidate {
    let height = ledger.tip().height + 1;
    let account = deployer();
    let payload = match height {
        1 => Some(deploy("land")),
        2 => Some(call("put", b"\x0cone")),
        _ => None,
    };
    let transactions: Vec<_> = payload.map(|payload| verified(account.send(height - 1, payload))).into_iter().collect();
    let proposer = fixture::validator_public_key();
    let proposal = Proposal { proposer, timestamp_ms: GENESIS_TIME_MS + height, beacons: Vec::new(), mainchain: None };
    let built = ledger.build(stack, None, proposal, &BTreeMap::new(), &transactions).expect("the block builds");
    assert!(built.refused.is_empty(), "{:?}", built.refused);
    built.candidate
}

/// A chain of so many blocks.
fn chain(stack: &ExecutionStack, blocks: u64) -> (Arc<MemoryBackend>, Ledger<MemoryBackend>) {
    let backend = Arc::new(MemoryBackend::new());
    let ledger = ledger(&backend);
    for _ in 0..blocks {
        let candidate = build(stack, &ledger);
        assert_eq!(ledger.commit(&candidate, &certify(&candidate)).expect("it commits"), Commit::Done);
    }
    (backend, ledger)
}

fn made(backend: &MemoryBackend, path: &Path) -> (Folder, Created) {
    let folder = Folder::at(path);
    let mut created = None;
    backend.with_snapshot(&mut |reader| created = Some(create(reader, &folder)));
    (folder, created.expect("there is a moment").expect("a snapshot is made"))
}

fn anchor() -> TrustAnchor {
    TrustAnchor::of_genesis(&genesis())
}

#[test]
fn a_snapshot_is_as_large_as_the_state_and_the_restored_chain_is_the_same() {
    // `BLOCKS=100000` for the figures in docs/performance.md.
    let many = std::env::var("BLOCKS").ok().and_then(|blocks| blocks.parse().ok()).unwrap_or(1_000);
    let home = tempfile::tempdir().expect("a temporary directory");
    on_execution_stack(|stack| {
        let mut sizes = Vec::new();
        for blocks in [20, many] {
            let (backend, original) = chain(stack, blocks);
            let began = Instant::now();
            let (folder, created) = made(&backend, &home.path().join(blocks.to_string()));
            let made_in = began.elapsed();
            assert_eq!((created.height, created.root), (blocks, original.state().expect("whole").root()));
            let began = Instant::now();
            let restored = Arc::new(MemoryBackend::new());
            let mut chunks = 0;
            let report = restore(&folder, &genesis(), engine(), Arc::clone(&restored), |done| chunks = done);
            let report = report.expect("it is restored");
            println!(
                "{blocks} blocks: {} bytes, made in {made_in:?}, restored in {:?}",
                created.bytes,
                began.elapsed()
            );
            assert_eq!((report.height, report.entries, chunks), (blocks, created.entries, created.chunks));
            sizes.push(created.bytes);

            let restored = ledger(&restored);
            assert_eq!(restored.tip(), original.tip());
            assert_eq!(restored.db().base().expect("readable"), Some(blocks));
            let named = |ledger: &Ledger<MemoryBackend>| ledger.db().contracts_named(&fixture::name("box"));
            assert_eq!(named(&restored).expect("readable"), named(&original).expect("readable"));
            assert_eq!(named(&restored).expect("readable").len(), 1);
            for _ in 0..5 {
                let candidate = build(stack, &original);
                let again = restored.check(stack, None, candidate.block().clone()).expect("the same block");
                for (ledger, candidate) in [(&original, &candidate), (&restored, &again)] {
                    ledger.commit(candidate, &certify(candidate)).expect("it commits");
                }
            }
            assert_eq!(restored.tip(), original.tip());
        }
        // What grows is the number of the history's peaks.
        assert!(sizes[1] <= sizes[0] + 64 * 33, "{sizes:?}");
    });
}

#[test]
fn a_store_that_has_a_chain_is_not_overwritten_and_a_folder_neither() {
    let home = tempfile::tempdir().expect("a temporary directory");
    on_execution_stack(|stack| {
        let (backend, _) = chain(stack, 3);
        let (folder, _) = made(&backend, home.path());
        let again = restore(&folder, &genesis(), engine(), Arc::clone(&backend), |_| {});
        assert!(matches!(again, Err(SnapshotError::Unfit(_))), "{again:?}");
        backend.with_snapshot(&mut |reader| {
            assert!(matches!(create(reader, &folder), Err(SnapshotError::Exists { .. })));
        });
    });
    let empty = MemoryBackend::new();
    empty.with_snapshot(&mut |reader| {
        let made = create(reader, &Folder::at(home.path().join("empty")));
        assert!(matches!(made, Err(SnapshotError::NotNow { height: 0, .. })), "{made:?}");
    });
}

#[test]
fn no_manifest_that_was_changed_is_believed() {
    let home = tempfile::tempdir().expect("a temporary directory");
    let bytes = on_execution_stack(|stack| {
        let (backend, _) = chain(stack, 13);
        made(&backend, home.path()).0.manifest_bytes().expect("it is there")
    });
    let sound = Manifest::from_bytes(&bytes).expect("it can be read");
    assert!(sound.clone().check(&anchor()).is_ok());
    type Change = fn(&mut Manifest);
    let changes: [(&str, Change); 9] = [
        ("version", |manifest| manifest.version += 1),
        ("genesis", |manifest| manifest.genesis = Digest([7; 32])),
        ("state root", |manifest| manifest.block.header.state_root = Digest([7; 32])),
        ("transactions", |manifest| manifest.block.transactions.clear()),
        ("votes", |manifest| manifest.certificate.votes.clear()),
        ("history", |manifest| manifest.mountain = Mountain::default()),
        ("peaks", |manifest| {
            let peaks: Vec<_> = manifest.mountain.peaks().collect();
            let root = manifest.mountain.root();
            let one = Mountain::of_subtrees(1 << peaks[0].0, |_, _| Ok::<_, ()>(root)).expect("one peak");
            manifest.mountain = one;
        }),
        ("spine", |manifest| manifest.spine.push(vec![1, 2, 3])),
        ("chunks", |manifest| manifest.chunk_bytes.push(1)),
    ];
    for (what, change) in changes {
        let mut changed = sound.clone();
        change(&mut changed);
        // The block at height 13 has no transactions to lose.
        assert!(changed.clone().check(&anchor()).is_err() || changed == sound, "{what}");
    }
    for place in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[place] ^= 1 << (place % 8);
        let Ok(manifest) = Manifest::from_bytes(&changed) else { continue };
        let lengths_alone = Manifest { chunk_bytes: sound.chunk_bytes.clone(), ..manifest.clone() } == sound;
        assert!(lengths_alone || manifest.check(&anchor()).is_err(), "byte {place} of {}", bytes.len());
    }
    assert!(Manifest::from_bytes(&bytes[..bytes.len() - 1]).is_err());
    assert!(codec::decode::<Manifest>(&[bytes, vec![0]].concat(), MANIFEST_BYTES_MAX).is_err());
}
