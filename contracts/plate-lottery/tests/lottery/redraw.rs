//! The draw done again from public data by `examples/redraw`, which shares no code with the contract.

use super::*;

#[path = "../../../../examples/redraw/src/lib.rs"]
#[expect(unreachable_pub, reason = "it is a file of that program")]
pub(crate) mod program;

/// What the program needs, as anyone can ask for it.
pub(crate) fn published(office: &Office, period: u32) -> program::Published {
    let found = office.lottery.period(period).ask();
    let mut entries = Vec::new();
    loop {
        let after = u32::try_from(entries.len()).expect("few").checked_sub(1);
        let page = office.lottery.entries(period, after, 200).ask();
        if page.is_empty() {
            break;
        }
        entries.extend(page.into_iter().map(|(_, entry)| program::Entry {
            token: entry.token.0,
            key: entry.key,
            tickets: entry.tickets,
            losses: entry.losses,
        }));
    }
    program::Published {
        period,
        list: found.list.0,
        beacon: found.beacon.expect("it was drawn").0,
        quota: found.rules.quota,
        winners: found.drawn,
        entries,
    }
}

#[test]
fn the_program_draws_the_same_whatever_the_pages() {
    let office = Office::new();
    let period = office.open(7);
    office.enter(period, 0..40);
    office.freeze(period);
    let other = Office { chain: office.chain.fork(), ..Office::new() };
    let other = Office { lottery: office.lottery.on(&other.chain), ..other };
    office.draw(period, 3);
    other.draw(period, 2_000);
    let winners = office.winners(period);
    assert_eq!(other.winners(period), winners);
    assert_eq!(program::redraw(&published(&office, period)), Ok(winners));
}

#[test]
fn plates_that_nobody_claims_are_drawn_until_nobody_is_left() {
    let office = Office::new();
    let period = office.open(3);
    office.enter(period, 0..5);
    office.freeze(period);
    office.draw(period, 100);
    office.close(period);
    let mut winners = office.winners(period);
    assert_eq!(program::redraw(&published(&office, period)), Ok(winners.clone()));
    winners.sort_unstable();
    assert_eq!(winners, [0, 1, 2, 3, 4], "everyone had a turn, and nobody two");
}

#[test]
fn tickets_of_earlier_losses_count_in_both() {
    let office = Office::new();
    let first = office.open(1);
    office.enter(first, 0..6);
    office.freeze(first);
    office.draw(first, 100);
    office.claim_all(first);
    office.close(first);
    let won = office.winners(first);
    let second = office.open(3);
    for person in (0..6).filter(|person| !won.contains(person)) {
        let entry = opened(new_entry(second, person), office.lottery.address(), second, person, (first, person));
        office.lottery.enter(second, entry).by(&office.anyone).done();
    }
    office.enter(second, 10..20);
    office.freeze(second);
    office.draw(second, 100);
    let data = published(&office, second);
    assert!(data.entries.iter().any(|entry| entry.tickets == 2));
    assert_eq!(program::redraw(&data), Ok(office.winners(second)));

    // A list that was swapped is not the one that was committed to.
    let mut swapped = published(&office, second);
    swapped.entries.swap(0, 1);
    assert_eq!(program::redraw(&swapped), Err(program::Problem::OtherList));
    let mut beacon = published(&office, second);
    beacon.beacon[0] ^= 1;
    assert_ne!(program::redraw(&beacon), Ok(office.winners(second)));
}
