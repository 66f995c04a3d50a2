//! Crashes and damaged disks, over the whole ledger with a real contract: at every write the machine stops; the files of
//! a real database are torn, flipped and removed; the data directory is another chain's or another release's. What was
//! acknowledged is there afterwards, or the node refuses to start and says why. It never starts with less.
//!
//! The command line's own process under SIGKILL is in `kill9`.

mod damage;
mod directory;
mod kill9;

use std::{collections::BTreeMap, sync::Arc};

use chancery::chain::{Candidate, ChainError, Commit, FinalityProof, Ledger};
use chancery_abi::{Call, Certificate, Deploy, Ident, Payload, Transaction, VoteSignature, WIRE_VERSION};
use chancery_runtime::{
    engine::{Engine, EngineConfig},
    execution::{ChainRules, ExecutionStack, VerifiedTransaction, chain::Proposal, on_execution_stack},
    state::{Fault, MemoryBackend, StateConfig},
    storage::{Column, Durability, Entry, StateBackend, StateReader, StorageError, WriteBatch},
};
use chancery_tests::{Account, contract, genesis, name, validator_key};
use ed25519_zebra::VerificationKeyBytes;
use parity_scale_codec::Encode;

/// Blocks of the story.
const BLOCKS: u64 = 6;

fn rules() -> ChainRules {
    ChainRules::new(genesis()).expect("the genesis is sound")
}

/// What shows that a block of the tests' one validator is final.
fn certify(candidate: &Candidate) -> FinalityProof {
    let header = &candidate.block().header;
    let mut certificate = Certificate {
        version: WIRE_VERSION,
        epoch: header.epoch,
        view: header.height,
        parent_view: header.height - 1,
        header: *candidate.digest(),
        votes: Vec::new(),
    };
    let signature = validator_key().sign(&certificate.preimage(&genesis().digest())).to_bytes();
    certificate.votes.push(VoteSignature { member: 0, signature });
    certificate.into()
}

fn engine() -> Arc<Engine> {
    Arc::new(Engine::new(EngineConfig::default()).expect("this machine runs the sandbox"))
}

/// A counter is deployed and then counts, twice in each block. The transactions of each height, from 1 on.
fn story(rules: &ChainRules) -> Vec<Vec<Transaction>> {
    let mut account = Account::new(1);
    let address = chancery_abi::Address::of_contract(rules.name(), &name("judicial"), &name("counter"));
    let deploy = Deploy {
        department: name("judicial"),
        name: name("counter"),
        code: contract("counter.wasm"),
        input: Vec::new(),
    };
    let mut sign = |payload| {
        let transaction = account.sign(rules, account.body(payload));
        account.nonce += 1;
        transaction
    };
    let mut blocks = vec![vec![sign(Payload::Deploy(deploy))]];
    for height in 2..=BLOCKS {
        let mut add = |amount: u64| {
            let method = Ident::new("add").expect("an identifier");
            sign(Payload::Call(Call { contract: address, method, input: amount.encode() }))
        };
        blocks.push(vec![add(height), add(height * 1_000)]);
    }
    blocks
}

/// A chain over some store, that can be taken on through the story.
struct Chain<B> {
    ledger: Ledger<B>,
    story: Vec<Vec<Transaction>>,
}

/// The state flushes its nodes every few hundred bytes, so that the story meets every kind of write.
fn state_config() -> StateConfig {
    StateConfig { flush_bytes: 300, provable_heights: 2, ..StateConfig::default() }
}

impl<B: StateBackend> Chain<B> {
    fn open(store: &Arc<B>, engine: &Arc<Engine>) -> Result<Self, ChainError> {
        let ledger = Ledger::open(Arc::clone(store), Arc::clone(engine), genesis(), state_config())?;
        Ok(Self { ledger, story: story(&rules()) })
    }

    fn height(&self) -> u64 {
        self.ledger.tip().height
    }

    /// The next block of the story.
    fn next(&self, stack: &ExecutionStack) -> Result<Candidate, ChainError> {
        let height = self.height() + 1;
        let transactions = self.story[height as usize - 1].iter().cloned();
        let verified: Vec<_> = transactions
            .map(|transaction| {
                VerifiedTransaction::verify(transaction, self.ledger.rules()).expect("the story is signed")
            })
            .collect();
        let proposal = Proposal {
            proposer: VerificationKeyBytes::from(&validator_key()).into(),
            timestamp_ms: 1_000 + height,
            beacons: Vec::new(),
            mainchain: None,
        };
        let built = self.ledger.build(stack, None, proposal, &BTreeMap::new(), &verified)?;
        assert!(built.refused.is_empty(), "{:?}", built.refused);
        assert!(built.candidate.receipts().iter().all(|receipt| receipt.outcome.is_done()));
        Ok(built.candidate)
    }

    /// Goes on to the story's end, or to the first write that fails. The height of the last block that was acknowledged.
    fn run(&self, stack: &ExecutionStack) -> u64 {
        let mut acknowledged = self.height();
        while acknowledged < BLOCKS {
            let Ok(candidate) = self.next(stack) else { break };
            match self.ledger.commit(&candidate, &certify(&candidate)) {
                Ok(Commit::Done) => acknowledged = candidate.height(),
                Ok(Commit::Skipped) => panic!("the story has no block twice"),
                Err(error) => {
                    assert!(error.is_storage(), "{error}");
                    break;
                }
            }
        }
        acknowledged
    }
}

/// A crash at one write, what was not synced being lost but for the first `keep` batches; then the chain is opened again,
/// has all that was acknowledged, and goes on to the same end.
fn crash_at<B: StateBackend>(
    stack: &ExecutionStack,
    engine: &Arc<Engine>,
    (memory, store): (&MemoryBackend, &Arc<B>),
    (at, fault, keep): (u64, Fault, usize),
) -> Result<(), String> {
    memory.inject(at, fault);
    let acknowledged = Chain::open(store, engine).map_or(0, |chain| chain.run(stack));
    memory.crash(keep);
    let chain = Chain::open(store, engine).map_err(|error| format!("it does not open: {error}"))?;
    if chain.height() < acknowledged {
        return Err(format!("block {acknowledged} was acknowledged and the tip is {}", chain.height()));
    }
    let undisturbed = Chain::open(&Arc::new(MemoryBackend::new()), engine).expect("an empty store opens");
    assert_eq!((chain.run(stack), undisturbed.run(stack)), (BLOCKS, BLOCKS));
    assert_eq!(chain.ledger.tip(), undisturbed.ledger.tip(), "another history");
    let (ours, theirs) = (chain.ledger.db(), undisturbed.ledger.db());
    for height in 1..=BLOCKS {
        let receipts = theirs.receipts(height).expect("readable");
        assert!(receipts.is_some() && ours.receipts(height).expect("readable") == receipts, "receipts of {height}");
        assert_eq!(ours.block(height).expect("readable"), theirs.block(height).expect("readable"));
    }
    Ok(())
}

/// How many writes the whole story takes.
fn writes_of_the_story(stack: &ExecutionStack, engine: &Arc<Engine>) -> u64 {
    let memory = Arc::new(MemoryBackend::new());
    let chain = Chain::open(&memory, engine).expect("an empty store opens");
    assert_eq!(chain.run(stack), BLOCKS);
    assert!(memory.writes() > BLOCKS + 2, "the story never wrote nodes");
    memory.writes()
}

#[test]
fn a_crash_at_any_write_loses_nothing_acknowledged() {
    let engine = engine();
    on_execution_stack(|stack| {
        for at in 0..writes_of_the_story(stack, &engine) {
            for fault in [Fault::Fail, Fault::StopBefore, Fault::StopAfter] {
                for keep in [0, 1, usize::MAX] {
                    let memory = Arc::new(MemoryBackend::new());
                    let case = (at, fault, keep);
                    crash_at(stack, &engine, (&memory, &memory), case).unwrap_or_else(|why| panic!("{case:?}: {why}"));
                }
            }
        }
    });
}

/// A store that syncs nothing, whatever it is asked.
struct WithoutSync(Arc<MemoryBackend>);

impl StateReader for WithoutSync {
    fn get(&self, column: Column, key: &[u8]) -> Result<Option<Vec<u8>>, StorageError> {
        self.0.get(column, key)
    }

    fn scan(&self, column: Column, prefix: &[u8], from: &[u8], limit: usize) -> Result<Vec<Entry>, StorageError> {
        self.0.scan(column, prefix, from, limit)
    }
}

impl StateBackend for WithoutSync {
    fn write(&self, batch: WriteBatch, _: Durability) -> Result<(), StorageError> {
        self.0.write(batch, Durability::Buffered)
    }

    fn with_snapshot(&self, read: &mut dyn FnMut(&dyn StateReader)) {
        self.0.with_snapshot(read);
    }
}

/// The test above is worth something: with the sync taken out it fails, at every write after the first block's.
#[test]
fn with_the_sync_taken_out_the_crash_test_fails() {
    let engine = engine();
    on_execution_stack(|stack| {
        let writes = writes_of_the_story(stack, &engine);
        let lost = (0..writes).filter(|at| {
            let memory = Arc::new(MemoryBackend::new());
            let store = Arc::new(WithoutSync(Arc::clone(&memory)));
            crash_at(stack, &engine, (&memory, &store), (*at, Fault::StopBefore, 0)).is_err()
        });
        let lost = lost.count() as u64;
        assert!(lost >= BLOCKS - 1, "a store that syncs nothing passes the crash test but {lost} times of {writes}");
    });
}
