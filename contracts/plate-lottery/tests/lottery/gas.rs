//! What methods cost, and that it grows with the logarithm of the list at most.

use super::*;

#[test]
fn gas_is_flat_or_logarithmic() {
    let mut rows: Vec<Vec<(&str, u64)>> = Vec::new();
    let large = std::env::var_os("CHANCERY_LARGE").is_some();
    let sizes: [u32; 3] = if large { [10, 1_000, 100_000] } else { [10, 100, 1_000] };
    for entries in sizes {
        let office = Office::new();
        let period = office.open(3);
        office.enter(period, 0..entries);
        let mut row = Vec::new();
        let entered = office.lottery.enter(period, new_entry(period, 1_000_000)).by(&office.anyone);
        row.push(("enter", entered.gas()));
        entered.done();
        office.chain.advance(hours(10));
        let frozen = office.lottery.freeze(period).by(&office.anyone);
        row.push(("freeze", frozen.gas()));
        let height = frozen.done();
        while office.chain.height() < height {
            office.idle();
        }
        let drawn = office.lottery.draw(period, 1).by(&office.anyone);
        row.push(("draw: a number", drawn.gas()));
        office.draw(period, 50);
        let winner = office.winners(period)[0];
        let person = if winner == entries { 1_000_000 } else { winner };
        let account = Account::named("winner").address();
        let signature = claim(office.lottery.address(), period, winner, person, account);
        let claimed = office.lottery.claim(period, winner, account, signature).by(&office.anyone);
        row.push(("claim", claimed.gas()));
        claimed.done();
        office.chain.advance(hours(24));
        row.push(("expire: a rank", office.lottery.expire(period, 1).by(&office.anyone).gas()));
        row.push(("winners", office.lottery.winners(period, None, 3).asked().gas()));
        row.push(("entry", office.lottery.entry(period, 0).asked().gas()));
        rows.push(row);
    }
    for (place, (what, least)) in rows[0].iter().enumerate() {
        let (middle, most) = (rows[1][place].1, rows[2][place].1);
        println!("{what:16} {least:>10} {middle:>10} {most:>10}");
        // So many steps of a binary search more, each time the list is a hundred or ten times as long.
        let step = if what.starts_with("draw") { if large { 7 * 60_000 } else { 4 * 60_000 } } else { 2_000 };
        assert!(middle <= least + step && most <= middle + step, "{what}: {least}, {middle}, {most}");
    }
    assert!(rows[2][0].1 < 8_000_000, "an entry costs {}", rows[2][0].1);
}
