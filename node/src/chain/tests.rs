//! The ledger's three steps over both stores, what breaks them, and recovery from a crash at every write.

use chancery_abi::{Digest, Mainchain, MainchainSeen, Refusal, Transaction};
use chancery_runtime::{
    execution::{
        ExecutionStack, VerifiedTransaction,
        chain::{BlockError, Proposal},
        on_execution_stack,
    },
    state::{Fault, MemoryBackend, StateConfig},
    storage::{Durability, StateBackend, WriteBatch},
};
use std::{collections::BTreeMap, sync::Arc};

use super::*;
use crate::{
    fixture::{self, GENESIS_TIME_MS, call, certify, contract, deploy, deployer, engine, genesis, verified},
    metrics::Metrics,
    store::{
        ChainIdentity, ChainStore, DiskDb, StoreConfig, StoreDirectory,
        disk_space::{self, Held},
    },
};

fn ledger<B: StateBackend>(backend: &Arc<B>) -> Ledger<B> {
    try_ledger(backend).expect("the ledger opens")
}

fn try_ledger<B: StateBackend>(backend: &Arc<B>) -> Result<Ledger<B>, ChainError> {
    Ledger::open(Arc::clone(backend), engine(), genesis(), StateConfig::default())
}

fn proposal(height: u64) -> Proposal {
    Proposal {
        proposer: fixture::validator_public_key(),
        timestamp_ms: GENESIS_TIME_MS + height,
        beacons: Vec::new(),
        mainchain: None,
    }
}

fn build<B: StateBackend>(
    stack: &ExecutionStack,
    ledger: &Ledger<B>,
    parent: Option<&Candidate>,
    transactions: &[Transaction],
) -> Built {
    let height = parent.map_or(ledger.tip().height, Candidate::height) + 1;
    let verified: Vec<_> = transactions.iter().cloned().map(verified).collect();
    ledger.build(stack, parent, proposal(height), &BTreeMap::new(), &verified).expect("the block builds")
}

fn extend<B: StateBackend>(stack: &ExecutionStack, ledger: &Ledger<B>, transactions: &[Transaction]) -> Candidate {
    let Built { candidate, refused } = build(stack, ledger, None, transactions);
    assert!(refused.is_empty(), "{refused:?}");
    assert_eq!(ledger.commit(&candidate, &certify(&candidate)).expect("it commits"), Commit::Done);
    candidate
}

fn story() -> Vec<Vec<Transaction>> {
    let account = deployer();
    vec![
        vec![account.send(0, deploy("land"))],
        vec![account.send(1, call("put", b"\x0cone")), account.send(2, call("put", b"\x0ctwo"))],
        vec![],
        vec![account.send(3, call("put", b"\x14three"))],
    ]
}

fn chain_store(home: &std::path::Path) -> Arc<ChainStore> {
    let directory = StoreDirectory::open(&home.join("store")).expect("a directory");
    let config = StoreConfig { block_cache_bytes: 8 << 20, write_buffer_bytes: 4 << 20, open_files_max: 64 };
    let database = DiskDb::open(directory, &config).expect("a database");
    let identity = ChainIdentity { name: fixture::name("main"), genesis: genesis().digest() };
    Arc::new(database.open_chain(identity).expect("the chain's store"))
}

#[test]
fn what_one_ledger_builds_another_checks_and_both_agree_after_opening_again() {
    let home = tempfile::tempdir().expect("a temporary directory");
    on_execution_stack(|stack| {
        let memory = Arc::new(MemoryBackend::new());
        let (proposer, follower) = (ledger(&chain_store(home.path())), ledger(&memory));
        for transactions in story() {
            let candidate = extend(stack, &proposer, &transactions);
            let checked = follower.check(stack, None, candidate.block().clone()).expect("the block is right");
            assert_eq!((checked.digest(), checked.receipts()), (candidate.digest(), candidate.receipts()));
            assert!(checked.receipts().iter().all(|receipt| receipt.outcome.is_done()), "{:?}", checked.receipts());
            assert_eq!(follower.commit(&checked, &certify(&candidate)).expect("it commits"), Commit::Done);
        }
        let tip = proposer.tip();
        assert_eq!((tip.height, &tip), (4, &follower.tip()));
        drop(proposer);
        let reopened = ledger(&chain_store(home.path()));
        assert_eq!(reopened.tip(), tip);
        let receipts = reopened.db().receipts(2).expect("readable").expect("there");
        assert_eq!(receipts.len(), 2);
        let place = reopened.db().transaction_place(&receipts[1].transaction).expect("readable").expect("there");
        assert_eq!((place.height, place.index), (2, 1));
        assert_eq!(reopened.db().receipt(&receipts[1].transaction).expect("readable"), Some(receipts[1].clone()));
        assert_eq!(reopened.db().header_height(&tip.header).expect("readable"), Some(4));
        let named = reopened.db().contracts_named(&fixture::name("box")).expect("readable");
        assert_eq!(named, [(fixture::name("land"), contract("land"))]);
        let block = reopened.db().block(2).expect("readable").expect("there");
        assert_eq!(block.transactions, story()[1]);
    });
}

#[test]
fn whoever_is_behind_with_the_mainchain_names_nothing_of_it_on_a_block_that_has_seen_more() {
    let mainchain = Some(Mainchain { name: fixture::name("over"), genesis: Digest([3; 32]) });
    let genesis = chancery_abi::Genesis { mainchain, departments: Vec::new(), ..genesis() };
    let backend = Arc::new(MemoryBackend::new());
    let ledger = Ledger::open(backend, engine(), genesis, StateConfig::default()).expect("the ledger opens");
    on_execution_stack(|stack| {
        let build = |parent: Option<&Candidate>, seen: u64| {
            let mainchain = Some(MainchainSeen { height: seen, header: Digest([seen as u8; 32]) });
            let proposal = Proposal { mainchain, ..proposal(parent.map_or(0, Candidate::height) + 1) };
            let built = ledger.build(stack, parent, proposal, &BTreeMap::new(), &[]).expect("the block builds");
            let named = built.candidate.block().header.mainchain.map(|seen| seen.height);
            (built.candidate, named)
        };
        let (first, named) = build(None, 171);
        assert_eq!(named, Some(171));
        // On the block itself, and on one that named nothing after it.
        let (second, named) = build(Some(&first), 163);
        assert_eq!(named, None);
        let (third, named) = build(Some(&second), 170);
        assert_eq!(named, None);
        assert_eq!(build(Some(&third), 171).1, Some(171));
        assert_eq!(build(Some(&third), 172).1, Some(172));
    });
}

#[test]
fn a_sidechain_that_holds_more_than_its_part_of_a_disk_with_little_room_takes_nothing_and_others_do() {
    let home = tempfile::tempdir().expect("a temporary directory");
    let free = disk_space::free_bytes(home.path()).expect("it has room");
    let mainchain = Some(Mainchain { name: fixture::name("over"), genesis: Digest([3; 32]) });
    let problem = |mainchain: &Option<Mainchain>, disk_reserve_bytes: u64, held: Held| {
        let genesis = chancery_abi::Genesis { mainchain: mainchain.clone(), departments: Vec::new(), ..genesis() };
        let config = ChainConfig { disk_reserve_bytes, ..ChainConfig::default() };
        let (store, path) = (Arc::new(MemoryBackend::new()), Some(home.path().to_owned()));
        let metrics = Metrics::new().chain(&genesis.chain);
        let opened = ChainService::open(store, path, engine(), genesis, config, metrics, FatalSignal::new());
        let chain = opened.expect("it opens");
        chain.check_disk(Some(held));
        chain.part().problem.unwrap_or_default()
    };
    // Equal parts are twice what is left, and half as much again is more.
    let within = Held { bytes: free, by_all: 3 * free, chains: 2 };
    let beyond = Held { bytes: 3 * free, ..within };
    let (some, little, none) = (free / 4, free / 3 * 2, free * 2);
    assert_eq!(problem(&mainchain, little, within), "");
    let told = problem(&mainchain, little, beyond);
    assert!(told.contains("more than its part"), "{told}");
    assert_eq!(problem(&mainchain, some, beyond), "", "there is room");
    assert_eq!(problem(&None, little, beyond), "", "no other goes on without the mainchain");
    for chain in [&mainchain, &None] {
        let told = problem(chain, none, within);
        assert!(told.contains("in reserve"), "{told}");
    }
}

#[test]
fn every_false_word_in_a_header_is_named() {
    on_execution_stack(|stack| {
        let ledger = ledger(&Arc::new(MemoryBackend::new()));
        let block = build(stack, &ledger, None, &story()[0]).candidate.block().clone();
        let check = |change: &dyn Fn(&mut chancery_abi::Block)| {
            let mut changed = block.clone();
            change(&mut changed);
            match ledger.check(stack, None, changed) {
                Err(CheckError::Invalid(error)) => error.to_string(),
                other => panic!("a false block is not refused: {other:?}"),
            }
        };
        let wrong = Digest([3; 32]);
        assert!(check(&|block| block.header.state_root = wrong).contains("state root"));
        assert!(check(&|block| block.header.receipts_root = wrong).contains("receipts root"));
        assert!(check(&|block| block.header.transactions_root = wrong).contains("transactions root"));
        assert!(check(&|block| block.header.history_root = wrong).contains("history root"));
        assert!(check(&|block| block.header.parent = wrong).contains("parent"));
        assert!(check(&|block| block.header.height = 2).contains("height"));
        assert!(check(&|block| block.header.gas_used += 1).contains("header"));
        assert!(check(&|block| block.header.proposer = [0; 32]).contains("proposer"));
        assert!(check(&|block| block.header.timestamp_ms = 1).contains("time"));
        let twice = check(&|block| block.transactions.push(block.transactions[0].clone()));
        assert!(twice.contains("transaction 1"), "{twice}");
        let mut forged = block.clone();
        forged.transactions[0].body.gas_limit += 1;
        let refused = ledger.check(stack, None, forged);
        let bad_signature = BlockError::Transaction { index: 0, refusal: Refusal::BadSignature };
        assert!(matches!(refused, Err(CheckError::Invalid(error)) if error == bad_signature));
        assert!(ledger.check(stack, None, block).is_ok());
    });
}

#[test]
fn blocks_are_skipped_when_known_and_refused_at_gaps_conflicts_and_false_certificates() {
    on_execution_stack(|stack| {
        let ledger = ledger(&Arc::new(MemoryBackend::new()));
        let first = build(stack, &ledger, None, &story()[0]).candidate;
        let rival = build(stack, &ledger, None, &[]).candidate;
        let second = build(stack, &ledger, Some(&first), &story()[1]).candidate;
        let third = build(stack, &ledger, Some(&second), &[]).candidate;
        let error = |candidate: &Candidate, proof: &FinalityProof| {
            ledger.commit(candidate, proof).expect_err("it must not commit")
        };
        assert!(matches!(error(&second, &certify(&second)), ChainError::Gap { expected: 1, found: 2 }));
        assert!(matches!(error(&first, &certify(&rival)), ChainError::Certificate { height: 1, .. }));
        let mut forged = certify(&first);
        forged.certificate.votes[0].signature[0] ^= 1;
        assert!(matches!(error(&first, &forged), ChainError::Certificate { .. }));
        forged.certificate.votes.clear();
        assert!(matches!(error(&first, &forged), ChainError::Certificate { .. }));
        assert_eq!(ledger.tip().height, 0, "nothing happened");

        assert_eq!(ledger.commit(&first, &certify(&first)).expect("it commits"), Commit::Done);
        assert_eq!(ledger.commit(&first, &certify(&first)).expect("it is known"), Commit::Skipped);
        assert!(matches!(error(&rival, &certify(&rival)), ChainError::Conflict { height: 1, .. }));
        for overlay in [&second, &third] {
            assert_eq!(ledger.commit(overlay, &certify(overlay)).expect("it commits"), Commit::Done);
        }
    });
}

#[test]
fn a_block_leaves_out_what_may_not_be_in_it() {
    on_execution_stack(|stack| {
        let ledger = ledger(&Arc::new(MemoryBackend::new()));
        let account = deployer();
        let transactions =
            [account.send(0, deploy("land")), account.send(5, call("get", b"")), account.send(1, call("put", b"\0"))];
        let Built { candidate, refused } = build(stack, &ledger, None, &transactions);
        assert_eq!(candidate.receipts().len(), 2);
        let gap = Refusal::NonceGap { expected: 1, found: 5 };
        assert_eq!(refused, [(transactions[1].digest(&genesis().digest()), gap)]);
        assert!(ledger.check(stack, None, candidate.block().clone()).is_ok());
    });
}

#[test]
fn a_transaction_that_was_verified_is_used_only_for_its_equal() {
    on_execution_stack(|stack| {
        let ledger = ledger(&Arc::new(MemoryBackend::new()));
        let transaction = deployer().send(0, deploy("land"));
        let block = build(stack, &ledger, None, std::slice::from_ref(&transaction)).candidate.block().clone();
        let known = verified(transaction);
        assert!(ledger.check_with(stack, None, block.clone(), &BTreeMap::new(), |_, _| Some(&known)).is_ok());
        // The same body, and so the same digest, under a signature that does not hold.
        let mut forged = block;
        if let chancery_abi::Authorisation::Ed25519 { signature, .. } = &mut forged.transactions[0].authorisation {
            signature[0] ^= 1;
        }
        let refused = ledger.check_with(stack, None, forged, &BTreeMap::new(), |_, _| Some(&known));
        let bad_signature = BlockError::Transaction { index: 0, refusal: Refusal::BadSignature };
        assert!(matches!(refused, Err(CheckError::Invalid(error)) if error == bad_signature));
    });
}

#[test]
fn a_parent_that_final_blocks_have_left_behind_is_no_fault_of_the_node() {
    on_execution_stack(|stack| {
        let ledger = ledger(&Arc::new(MemoryBackend::new()));
        let account = deployer();
        let verified = [verified(account.send(0, deploy("land")))];
        let none = BTreeMap::new();
        let of = |parent: Option<&Candidate>, later_ms: u64, transactions: &[VerifiedTransaction]| {
            let mut proposal = proposal(parent.map_or(0, Candidate::height) + 1);
            proposal.timestamp_ms += later_ms;
            ledger.build(stack, parent, proposal, &none, transactions).map(|built| built.candidate)
        };
        let (first, other) = (of(None, 0, &verified).expect("it builds"), of(None, 1, &[]).expect("it builds"));
        let next = of(Some(&other), 2, &[]).expect("it builds on what is not final");
        ledger.commit(&first, &certify(&first)).expect("it commits");
        for parent in [&other, &next] {
            let built = of(Some(parent), 3, &[]);
            assert!(matches!(built, Err(ChainError::Overtaken { height: 1, .. })), "{built:?}");
            let checked = ledger.check(stack, Some(parent), next.block().clone());
            assert!(matches!(checked, Err(CheckError::Chain(ChainError::Overtaken { .. }))), "{checked:?}");
        }
        assert!(of(Some(&first), 3, &[]).is_ok(), "the final block itself can be built on");
    });
}

/// At every write in turn the machine stops, before or after it, and whatever was not synced is lost or kept.
#[test]
fn a_crash_at_any_write_loses_nothing_that_was_acknowledged() {
    on_execution_stack(|stack| {
        for fault in [Fault::StopBefore, Fault::StopAfter] {
            for after in 0..6 {
                for keep in [0, usize::MAX] {
                    let backend = Arc::new(MemoryBackend::new());
                    backend.inject(after, fault);
                    let acknowledged = run_until_crash(stack, &backend);
                    backend.crash(keep);
                    let recovered = ledger(&backend);
                    let case = format!("{fault:?} at write {after}, keeping {keep}");
                    assert!(recovered.tip().height >= acknowledged, "{case}: an acknowledged block is gone");
                    assert!(recovered.tip().height <= acknowledged + 1, "{case}");
                    for transactions in &story()[recovered.tip().height as usize..] {
                        extend(stack, &recovered, transactions);
                    }
                    let whole = Arc::new(MemoryBackend::new());
                    assert_eq!(run_until_crash(stack, &whole), 4);
                    assert_eq!(recovered.tip(), ledger(&whole).tip(), "{case}: another history");
                }
            }
        }
    });
}

/// Commits the story until a write fails; returns the height of the last commit that returned.
fn run_until_crash(stack: &ExecutionStack, backend: &Arc<MemoryBackend>) -> u64 {
    let Ok(ledger) = try_ledger(backend) else { return 0 };
    for transactions in story() {
        let verified: Vec<_> = transactions.iter().cloned().map(verified).collect();
        let Ok(built) = ledger.build(stack, None, proposal(ledger.tip().height + 1), &BTreeMap::new(), &verified)
        else {
            break;
        };
        match ledger.commit(&built.candidate, &certify(&built.candidate)) {
            Ok(_) => {}
            Err(error) => {
                assert!(error.is_storage(), "{error}");
                break;
            }
        }
    }
    ledger.tip().height
}

#[test]
fn a_failed_write_is_an_error_of_the_store_and_moves_nothing() {
    on_execution_stack(|stack| {
        let backend = Arc::new(MemoryBackend::new());
        let ledger = ledger(&backend);
        let candidate = build(stack, &ledger, None, &story()[0]).candidate;
        backend.inject(0, Fault::Fail);
        let error = ledger.commit(&candidate, &certify(&candidate)).expect_err("the write fails");
        assert!(error.is_storage());
        assert_eq!((ledger.tip().height, ledger.db().header(1).expect("readable")), (0, None));
    });
}

#[test]
fn a_store_whose_parts_disagree_or_with_another_genesis_does_not_open() {
    use chancery_runtime::storage::Column;
    on_execution_stack(|stack| {
        let backend = Arc::new(MemoryBackend::new());
        extend(stack, &ledger(&backend), &story()[0]);
        let mut other = genesis();
        other.timestamp_ms += 1;
        let opened = Ledger::open(Arc::clone(&backend), engine(), other, StateConfig::default());
        assert!(matches!(opened.err(), Some(ChainError::OtherGenesis { .. })));
        let mut batch = WriteBatch::default();
        batch.delete(Column::Meta, crate::store::disk_format::TIP);
        backend.write(batch, Durability::Synced).expect("a write");
        assert!(matches!(try_ledger(&backend).err(), Some(ChainError::Inconsistent(_))));
    });
}

#[test]
fn a_descendants_certificate_and_the_headers_between_make_a_block_final_and_nothing_else_does() {
    on_execution_stack(|stack| {
        let ledger = ledger(&Arc::new(MemoryBackend::new()));
        let first = build(stack, &ledger, None, &story()[0]).candidate;
        let second = build(stack, &ledger, Some(&first), &story()[1]).candidate;
        let third = build(stack, &ledger, Some(&second), &[]).candidate;
        let rival = build(stack, &ledger, Some(&first), &[]).candidate;
        let header = |candidate: &Candidate| candidate.block().header.clone();
        let whole = FinalityProof { descendants: vec![header(&second), header(&third)], ..certify(&third) };
        let refused = |proof: FinalityProof| {
            let refused = ledger.commit(&first, &proof);
            assert!(matches!(refused, Err(ChainError::Certificate { height: 1, .. })), "{refused:?}");
        };
        refused(FinalityProof { descendants: vec![header(&third)], ..whole.clone() });
        refused(FinalityProof { descendants: vec![header(&second)], ..whole.clone() });
        refused(FinalityProof { descendants: vec![header(&rival), header(&third)], ..whole.clone() });
        refused(FinalityProof { descendants: Vec::new(), ..whole.clone() });
        refused(FinalityProof { descendants: whole.descendants.clone(), ..certify(&second) });
        assert_eq!(ledger.commit(&first, &whole).expect("it commits"), Commit::Done);
        assert_eq!(ledger.db().certificate(1).expect("readable"), None, "a later height's votes stay with it");
        assert_eq!(ledger.commit(&second, &certify(&second)).expect("it commits"), Commit::Done);
        assert_eq!(ledger.db().finality(1).expect("readable").expect("there").descendants, [header(&second)]);
    });
}
