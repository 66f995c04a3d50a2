//! Filing and looking up, on a chain of its own.

use chancery_testing::{Account, Chain, Digest, days};
use filing::*;

#[test]
fn what_is_filed_once_is_found_for_ever() {
    let (chain, digest) = (Chain::new(), Digest([7; 32]));
    let filing = chain.deploy::<Filing>("filing").init().done();
    let owner = chain.deployer();
    filing.file(digest, "2026-0001").by(&owner).emitted(&Filed { digest, case_number: "2026-0001".into() }).done();
    chain.advance(days(365));
    filing.file(digest, "2027-0001").by(&owner).refused_with(&FilingError::AlreadyFiled { digest });
    filing.file(Digest([8; 32]), "2027-0002").by(&Account::named("mallory")).refused("NotAllowed");
    assert_eq!(filing.record(digest).ask().map(|record| record.case_number).as_deref(), Some("2026-0001"));
    assert!(filing.prove_entry("records", &digest).value::<Record>().is_some());
    assert!(filing.prove_entry("records", &Digest([8; 32])).value::<Record>().is_none());
}
