//! The evidence repository as its court and custodians use it, on a chain of its own.

use chancery_testing::{Account, Chain, Deployed, Digest, days};
use evidence::{custody::*, *};

const CASE: &str = "2026-0001";
const EXHIBIT: Digest = Digest([5; 32]);

struct Court {
    chain: Chain,
    evidence: Deployed<Evidence>,
    court: Account,
    custodian: Account,
}

impl Court {
    fn new() -> Self {
        let (chain, court, custodian) = (Chain::new(), Account::named("court"), Account::named("custodian"));
        let evidence = chain.deploy::<Evidence>("evidence").init(court.address()).done();
        evidence.appoint(custodian.address(), "registry-1").by(&chain.deployer()).done();
        Self { chain, evidence, court, custodian }
    }

    fn filed() -> Self {
        let new = Self::new();
        new.evidence.file(EXHIBIT, CASE).by(&new.custodian).done();
        new
    }
}

#[test]
fn a_digest_is_filed_once_found_by_its_case_and_proven() {
    let Court { chain, evidence, custodian, .. } = Court::new();
    let filed = Filed { digest: EXHIBIT, case_number: CASE.into(), custodian: custodian.address() };
    evidence.file(EXHIBIT, CASE).by(&custodian).emitted(&filed).done();
    chain.advance(days(365));
    evidence.file(EXHIBIT, "2027-1").by(&custodian).refused_with(&EvidenceError::AlreadyFiled { digest: EXHIBIT });
    assert_eq!(evidence.case(CASE, None, 10).ask(), vec![EXHIBIT]);
    let record: Record = evidence.prove_entry("records", &EXHIBIT).value().expect("it is in the state");
    assert_eq!((record.case_number.as_str(), record.filed_by), (CASE, custodian.address()));
    assert!(evidence.prove_entry("records", &Digest([6; 32])).value::<Record>().is_none());
}

#[test]
fn custody_goes_from_hand_to_hand_and_ends_with_a_seal() {
    let Court { chain, evidence, custodian, .. } = Court::filed();
    let second = Account::named("second custodian");
    let hand_over = |by: &Account| evidence.hand_over(EXHIBIT, second.address(), "transfer-1").by(by);
    hand_over(&custodian).refused_with(&EvidenceError::NotCustodian { account: second.address() });
    evidence.appoint(second.address(), "registry-2").by(&chain.deployer()).done();
    hand_over(&Account::named("stranger")).refused("NotInYourHands");
    hand_over(&custodian).done();
    evidence.seal(EXHIBIT).by(&custodian).refused("NotInYourHands");
    evidence.seal(EXHIBIT).by(&second).emitted(&Sealed { digest: EXHIBIT }).done();
    evidence.hand_over(EXHIBIT, custodian.address(), "transfer-2").by(&second).refused("RecordSealed");
    let steps = evidence.custody(EXHIBIT, None, 10).ask();
    assert_eq!(steps.last().map(|step| (step.from, step.to)), Some((custodian.address(), second.address())));
}

#[test]
fn only_the_court_withholds_and_releases() {
    let Court { evidence, court, custodian, .. } = Court::filed();
    evidence.withhold(EXHIBIT, "order-9").by(&custodian).refused("NotAllowed");
    evidence.release(EXHIBIT, "order-9").by(&court).refused("NotWithheld");
    evidence.withhold(EXHIBIT, "order-9").by(&court).done();
    evidence.seal(EXHIBIT).by(&custodian).refused("RecordWithheld");
    evidence.release(EXHIBIT, "order-10").by(&court).done();
    evidence.seal(EXHIBIT).by(&custodian).done();
}
