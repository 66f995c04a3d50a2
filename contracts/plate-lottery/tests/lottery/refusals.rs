//! Every refusal, each of which changes nothing.

use super::*;

#[test]
fn rules_keys_and_officers() {
    let office = Office::new();
    let open = |rules: Rules| office.lottery.open(rules, authority::modulus()).by(&office.officer);
    office.lottery.open(office.rules(1), authority::modulus()).by(&office.anyone).refused("NotAllowed");
    open(Rules { quota: 0, ..office.rules(1) }).refused("BadRules");
    open(Rules { entries_until_ms: office.chain.now_ms(), ..office.rules(1) }).refused("BadRules");
    open(Rules { entries_until_ms: u64::MAX, ..office.rules(1) }).refused("BadRules");
    open(Rules { draw_after_blocks: 0, ..office.rules(1) }).refused("BadRules");
    open(Rules { draw_after_blocks: 100_001, ..office.rules(1) }).refused("BadRules");
    open(Rules { claim_within_ms: HOUR_MS - 1, ..office.rules(1) }).refused("BadRules");
    for byte in [0, 255] {
        let mut weak = authority::modulus();
        weak[byte] = 0;
        office.lottery.open(office.rules(1), weak).by(&office.officer).refused("BadKey");
    }
    assert!(office.lottery.period(0).try_ask().is_err());
}

#[test]
fn entries() {
    let office = Office::new();
    let (period, other) = (office.open(1), office.open(1));
    let enter = |period, entry| office.lottery.enter(period, entry).by(&office.anyone);
    enter(9, new_entry(9, 1)).refused("NoPeriod");
    let good = new_entry(period, 1);
    let mut unsigned = good.clone();
    unsigned.signature[9] ^= 1;
    enter(period, unsigned).refused("BadToken");
    enter(period, NewEntry { token: [1; 32], ..good.clone() }).refused("BadToken");
    enter(period, good.clone()).done();
    enter(period, good.clone()).refused_with(&LotteryError::TokenUsed { entry: 0 });
    // The token is the person's, whoever's key it comes with.
    enter(period, NewEntry { key: [9; 32], ..good.clone() }).refused_with(&LotteryError::TokenUsed { entry: 0 });
    office.lottery.enter_many(period, Vec::new()).by(&office.anyone).refused("BadPage");
    // All of many, or none.
    let many = vec![new_entry(period, 2), good.clone()];
    office.lottery.enter_many(period, many).by(&office.anyone).refused("TokenUsed");
    assert_eq!(office.lottery.period(period).ask().entries, 1);

    let lottery = office.lottery.address();
    enter(other, opened(new_entry(other, 1), lottery, other, 1, (period, 0))).refused("NoLoss");
    enter(other, opened(new_entry(other, 1), lottery, other, 1, (period, 7))).refused("NoLoss");
    office.chain.advance(hours(10));
    enter(period, new_entry(period, 3)).refused("EntriesOver");
    assert!(office.lottery.entry(period, 7).try_ask().is_err());
}

#[test]
fn losses() {
    let office = Office::new();
    let first = office.open(1);
    office.enter(first, 0..3);
    office.freeze(first);
    office.draw(first, 100);
    let winner = office.winners(first)[0];
    let losers: Vec<u32> = (0..3).filter(|entry| *entry != winner).collect();
    let lottery = office.lottery.address();
    let second = office.open(1);
    let enter = |entry| office.lottery.enter(second, entry).by(&office.anyone);
    let of = |person, entry| opened(new_entry(second, person), lottery, second, person, (first, entry));
    enter(of(losers[0], losers[0])).refused("NoLoss");
    office.close(first);
    let everyone_won = office.winners(first).len() == 3;
    assert!(everyone_won, "nobody claimed, so everyone had a turn");
    let later = office.open(1);
    let entry = opened(new_entry(later, losers[0]), lottery, later, losers[0], (first, losers[0]));
    office.lottery.enter(later, entry).by(&office.anyone).refused("NoLoss");

    // A period in which the winner claims leaves losers.
    let third = office.open(1);
    office.enter(third, 0..3);
    office.freeze(third);
    office.draw(third, 100);
    let winner = office.winners(third)[0];
    office.claim_all(third);
    office.close(third);
    let loser = (winner + 1) % 3;
    let fourth = office.open(1);
    let enter = |entry| office.lottery.enter(fourth, entry).by(&office.anyone);
    let of = |person, entry| opened(new_entry(fourth, person), lottery, fourth, person, (third, entry));
    enter(of(winner, winner)).refused("NoLoss");
    enter(of(winner, loser)).refused("BadSignature");
    // What was signed for one entry opens nothing for another.
    let mut stolen = of(loser, loser);
    stolen.key = [8; 32];
    enter(stolen).refused("BadSignature");
    enter(of(loser, loser)).done();
    enter(opened(new_entry(fourth, 9), lottery, fourth, loser, (third, loser))).refused("NoLoss");
}

#[test]
fn freezing_delaying_and_drawing() {
    let office = Office::new();
    let rules = Rules { draw_after_blocks: 40, ..office.rules(1) };
    let period = office.lottery.open(rules, authority::modulus()).by(&office.officer).done();
    office.enter(period, 0..3);
    let until_ms = office.lottery.period(period).ask().rules.entries_until_ms;
    let freeze = || office.lottery.freeze(period).by(&office.anyone);
    let draw = |numbers| office.lottery.draw(period, numbers).by(&office.anyone);
    let delay = |height, reason: &str| office.lottery.delay(period, height, reason).by(&office.officer);
    freeze().refused_with(&LotteryError::EntriesOpen { until_ms });
    draw(1).refused("OtherStage");
    delay(1_000, "storm").refused("OtherStage");
    office.chain.advance(hours(10));
    let height = freeze().done();
    freeze().refused("OtherStage");
    draw(1).refused_with(&LotteryError::NoBeacon { height });
    draw(0).refused("BadPage");
    draw(2_001).refused("BadPage");

    office.lottery.delay(period, height + 5, "storm").by(&office.anyone).refused("NotAllowed");
    delay(height, "storm").refused("NoDelay");
    delay(height - 1, "storm").refused("NoDelay");
    delay(height + 20, "").refused("NoDelay");
    delay(height + 20, "storm").done();
    while office.chain.height() < height + 20 {
        office.idle();
    }
    // Its height has come: from now on it is what it is.
    delay(height + 40, "a better number").refused("NoDelay");
    draw(100).done();
    delay(height + 40, "a better number").refused("OtherStage");
    draw(1).refused("OtherStage");
}

#[test]
fn without_a_beacon_a_draw_waits() {
    let office = Office::new();
    let period = office.open(1);
    office.enter(period, 0..3);
    office.chain.withhold_beacons(true);
    let height = office.freeze(period);
    office.idle();
    office.lottery.draw(period, 10).by(&office.anyone).refused_with(&LotteryError::NoBeacon { height });
    office.chain.withhold_beacons(false);
    office.draw(period, 10);
}

#[test]
fn claims() {
    let office = Office::new();
    let period = office.open(1);
    office.enter(period, 0..3);
    office.freeze(period);
    let (lottery, account) = (office.lottery.address(), Account::named("winner").address());
    let claims = |entry: u32, signed: [u8; 64]| office.lottery.claim(period, entry, account, signed).by(&office.anyone);
    claims(0, [0; 64]).refused("OtherStage");
    office.draw(period, 100);
    let winner = office.winners(period)[0];
    let loser = (winner + 1) % 3;
    claims(loser, claim(lottery, period, loser, loser, account)).refused("NothingToClaim");
    claims(winner, claim(lottery, period, winner, loser, account)).refused("BadSignature");
    claims(winner, claim(lottery, period, winner, winner, office.officer.address())).refused("BadSignature");
    let until_ms = office.lottery.period(period).ask().claims_until_ms;
    office.lottery.expire(period, 1).by(&office.anyone).refused_with(&LotteryError::ClaimsOpen { until_ms });
    office.lottery.expire(period, 0).by(&office.anyone).refused("BadPage");
    office.lottery.expire(period, 501).by(&office.anyone).refused("BadPage");
    let late = office.chain.fork();
    late.advance(hours(24));
    let signature = claim(lottery, period, winner, winner, account);
    office.lottery.on(&late).claim(period, winner, account, signature).by(&office.anyone).refused("NothingToClaim");
    claims(winner, signature).done();
    claims(winner, signature).refused("NothingToClaim");
}
