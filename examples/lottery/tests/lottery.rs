//! A lottery from its first entry to its winners, and whoever tries something else.

use chancery_testing::{Account, Chain, Deployed, Digest};
use lottery::*;

/// The SHA-256 of a secret of 32 times the byte 1, and of 32 times the byte 2.
const COMMITMENTS: [&str; 2] = [
    "72cd6e8422c407fb6d098690f1130b7ded7ec2f7f5e1d30bd9d521f015363793",
    "75877bb41d393b5fb8455ce60ecd8dda001d06316496b14dfa7f895656eeca4a",
];

fn judges() -> [Account; 2] {
    [Account::named("judge 1"), Account::named("judge 2")]
}

fn code(number: u8) -> Digest {
    Digest([number; 32])
}

/// A lottery for 3 winners with 20 entries and two judges.
fn lottery(chain: &Chain) -> Deployed<Lottery> {
    let (lottery, owner) = (chain.deploy::<Lottery>("lottery").init(3).done(), chain.deployer());
    for number in 0..20 {
        assert_eq!(lottery.enter(code(number)).by(&owner).done(), u64::from(number));
    }
    for (judge, commitment) in judges().iter().zip(COMMITMENTS) {
        let commitment = commitment.parse().expect("a digest");
        lottery.appoint(judge.address(), commitment).by(&owner).done();
    }
    lottery
}

fn winners(lottery: &Deployed<Lottery>) -> Vec<u8> {
    (0..20).filter(|number| lottery.has_won(code(*number)).ask()).collect()
}

#[test]
fn the_secrets_of_all_judges_decide_who_wins() {
    let chain = Chain::new();
    let (lottery, anyone, [first, second]) = (lottery(&chain), Account::named("anyone"), judges());
    lottery.freeze().by(&chain.deployer()).emitted(&Frozen { entries: 20 }).done();
    lottery.reveal([1; 32]).by(&first).done();
    lottery.draw().by(&anyone).refused_with(&LotteryError::NotRevealed { judge: second.address() });
    lottery.reveal([2; 32]).by(&second).done();
    let drawn = lottery.draw().by(&anyone);
    let won = drawn.events().iter().filter(|event| event.name.as_str() == "won").count();
    drawn.done();
    assert_eq!((winners(&lottery).len(), won), (3, 3));
    lottery.draw().by(&anyone).refused("NotFrozen");
}

#[test]
fn a_fork_draws_the_same_winners() {
    let chain = Chain::new();
    let (lottery, [first, second]) = (lottery(&chain), judges());
    lottery.freeze().by(&chain.deployer()).done();
    lottery.reveal([1; 32]).by(&first).done();
    lottery.reveal([2; 32]).by(&second).done();
    let other = lottery.on(&chain.fork());
    lottery.draw().by(&first).done();
    assert!(winners(&other).is_empty(), "nothing was drawn there yet");
    other.draw().by(&second).done();
    assert_eq!(winners(&other), winners(&lottery));
}

#[test]
fn nobody_enters_late_twice_or_with_another_secret() {
    let chain = Chain::new();
    let (lottery, owner, [judge, _]) = (lottery(&chain), chain.deployer(), judges());
    lottery.enter(code(7)).by(&owner).refused_with(&LotteryError::EnteredBefore { code: code(7) });
    lottery.enter(code(99)).by(&judge).refused("NotAllowed");
    lottery.reveal([1; 32]).by(&judge).refused("NotFrozen");
    lottery.freeze().by(&owner).done();
    lottery.enter(code(99)).by(&owner).refused("NotOpen");
    lottery.reveal([3; 32]).by(&judge).refused("OtherSecret");
    lottery.reveal([3; 32]).by(&owner).refused("NotAllowed");
}
