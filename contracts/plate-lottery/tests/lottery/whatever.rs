//! What holds whatever anyone calls, in any order: nobody wins twice, entries are winners and losers, a token makes one
//! entry, what was drawn stays drawn.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Step {
    Enter(u32),
    Freeze,
    Delay(u64),
    Draw(u32),
    Claim(u32, u32),
    Expire(u32),
    Wait(u64),
    Idle,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..12u32).prop_map(Step::Enter),
        1 => Just(Step::Freeze),
        1 => (0..40u64).prop_map(Step::Delay),
        3 => (1..6u32).prop_map(Step::Draw),
        3 => (0..12u32, 0..12u32).prop_map(|(entry, person)| Step::Claim(entry, person)),
        2 => (1..4u32).prop_map(Step::Expire),
        2 => (1..12u64).prop_map(Step::Wait),
        2 => Just(Step::Idle),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn the_books_hold(steps in prop::collection::vec(step(), 1..60), quota in 1..4u32) {
        let office = Office::new();
        let period = office.open(quota);
        let mut drawn: Vec<u32> = Vec::new();
        let mut beacon = None;
        for step in steps {
            let by = &office.anyone;
            // Whatever is refused changes nothing, so no outcome is asked for.
            match step {
                Step::Enter(person) => drop(office.lottery.enter(period, new_entry(period, person)).by(by)),
                Step::Freeze => drop(office.lottery.freeze(period).by(by)),
                Step::Delay(height) => drop(office.lottery.delay(period, height, "later").by(&office.officer)),
                Step::Draw(numbers) => drop(office.lottery.draw(period, numbers).by(by)),
                Step::Claim(entry, person) => {
                    let account = Account::named("winner").address();
                    let signature = claim(office.lottery.address(), period, entry, person, account);
                    drop(office.lottery.claim(period, entry, account, signature).by(by));
                }
                Step::Expire(ranks) => drop(office.lottery.expire(period, ranks).by(by)),
                Step::Wait(span) => office.chain.advance(hours(span)),
                Step::Idle => office.idle(),
            }
            let (found, winners) = (office.lottery.period(period).ask(), office.winners(period));
            prop_assert_eq!(&winners[..drawn.len()], &drawn[..], "what was drawn stays drawn");
            prop_assert_eq!(winners.len(), found.drawn as usize);
            prop_assert_eq!(winners.iter().collect::<BTreeSet<_>>().len(), winners.len(), "somebody won twice");
            prop_assert!(winners.iter().all(|winner| *winner < found.entries));
            prop_assert!(found.claimed <= quota);
            let losers = (0..found.entries).filter(|entry| office.lottery.win_of(period, *entry).ask().is_none()).count();
            prop_assert_eq!(losers + winners.len(), found.entries as usize);
            let tokens: BTreeSet<_> = office.lottery.entries(period, None, 200).ask().into_iter().map(|(_, entry)| entry.token).collect();
            prop_assert_eq!(tokens.len(), found.entries as usize);
            if beacon.is_some() {
                prop_assert_eq!(found.beacon, beacon, "a draw is never done again");
            }
            if let (Some(frozen), Some(draw)) = (found.frozen_height, found.draw_height) {
                prop_assert!(frozen < draw);
            }
            (drawn, beacon) = (winners, found.beacon);
        }
    }
}
