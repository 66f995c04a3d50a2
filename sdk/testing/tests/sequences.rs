//! A contract under any sequence of calls: the evidence repository's custody beside a model of a few lines.
//!
//! Whatever the order in which custodians hand a record on and seal it and the court withholds and releases it, each
//! call ends as the model says, an error by its name included, and the record is where the model has it. A fork that is
//! taken on the way and given the same calls comes to the same root.

use chancery_sdk::Data;
use chancery_testing::{Account, Called, Chain, Deployed, Digest};
use evidence::{custody::*, *};
use proptest::{collection::vec, prelude::*};

const DIGEST: Digest = Digest([5; 32]);

/// What is done to the one record: custodians are 0 to 2.
#[derive(Clone, Copy, Debug)]
enum Act {
    HandOver { from: usize, to: usize },
    Seal { by: usize },
    Withhold,
    Release,
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        5 => (0..3usize, 0..3usize).prop_map(|(from, to)| Act::HandOver { from, to }),
        1 => (0..3usize).prop_map(|by| Act::Seal { by }),
        2 => Just(Act::Withhold),
        2 => Just(Act::Release),
    ]
}

/// What is so of the record.
#[derive(Default)]
struct Model {
    custodian: usize,
    steps: u32,
    is_sealed: bool,
    is_withheld: bool,
}

impl Model {
    /// Does it, or names the error.
    fn act(&mut self, act: Act) -> Result<(), &'static str> {
        match act {
            Act::HandOver { from: by, .. } | Act::Seal { by } => {
                let refusals = [
                    (by != self.custodian, "NotInYourHands"),
                    (self.is_sealed, "RecordSealed"),
                    (self.is_withheld, "RecordWithheld"),
                ];
                if let Some((_, name)) = refusals.into_iter().find(|(holds, _)| *holds) {
                    return Err(name);
                }
            }
            Act::Withhold if self.is_withheld => return Err("RecordWithheld"),
            Act::Release if !self.is_withheld => return Err("NotWithheld"),
            Act::Withhold | Act::Release => {}
        }
        match act {
            Act::HandOver { to, .. } => (self.custodian, self.steps) = (to, self.steps + 1),
            Act::Seal { .. } => self.is_sealed = true,
            Act::Withhold => self.is_withheld = true,
            Act::Release => self.is_withheld = false,
        }
        Ok(())
    }
}

fn custodians() -> [Account; 3] {
    ["alice", "bob", "carol"].map(Account::named)
}

/// A chain with the repository, three custodians, and one record in the first one's hands.
fn begun() -> (Chain, Deployed<Evidence>) {
    let chain = Chain::new();
    let evidence = chain.deploy::<Evidence>("evidence").init(Account::named("court").address()).done();
    for custodian in custodians() {
        evidence.appoint(custodian.address(), "registry").by(&chain.deployer()).done();
    }
    evidence.file(DIGEST, "2026-0001").by(&custodians()[0]).done();
    (chain, evidence)
}

/// The error's name, where there is one.
fn ended<T: Data>(called: Called<T>) -> Result<(), String> {
    called.result().map(|_| ()).map_err(|failure| failure.name.unwrap_or(failure.explanation))
}

fn perform(evidence: &Deployed<Evidence>, act: Act) -> Result<(), String> {
    let (custodians, court) = (custodians(), Account::named("court"));
    match act {
        Act::HandOver { from, to } => {
            ended(evidence.hand_over(DIGEST, custodians[to].address(), "transfer-7").by(&custodians[from]))
        }
        Act::Seal { by } => ended(evidence.seal(DIGEST).by(&custodians[by])),
        Act::Withhold => ended(evidence.withhold(DIGEST, "order-1").by(&court)),
        Act::Release => ended(evidence.release(DIGEST, "order-1").by(&court)),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn custody_is_what_the_calls_make_it(acts in vec(act(), 1..24)) {
        let (chain, evidence) = begun();
        let (mut model, mut fork) = (Model::default(), None);
        for (place, act) in acts.iter().enumerate() {
            if place == acts.len() / 2 {
                fork = Some(chain.fork());
            }
            prop_assert_eq!(perform(&evidence, *act), model.act(*act).map_err(str::to_owned), "{:?}", act);
        }
        let record = evidence.record(DIGEST).ask();
        prop_assert_eq!(record.custodian, custodians()[model.custodian].address());
        prop_assert_eq!((record.steps, record.status == Status::Sealed), (model.steps, model.is_sealed));
        prop_assert_eq!(record.withheld.is_some(), model.is_withheld);
        let proven: Option<Record> = evidence.prove_entry("records", &DIGEST).value();
        prop_assert_eq!(proven.map(|proven| proven.custodian), Some(record.custodian));

        let fork = fork.expect("there is a middle");
        for act in &acts[acts.len() / 2..] {
            perform(&evidence.on(&fork), *act).ok();
        }
        prop_assert_eq!(fork.root(), chain.root());
    }
}
