//! What a lottery of very many entries costs: as many as `ENTRIES` says, for the figures in docs/performance.md, and two
//! thousand where it says nothing.

use std::{sync::mpsc::sync_channel, thread, time::Instant};

use chancery_testing::{Allowance, DEPARTMENT, Quota};
use parity_scale_codec::Encode as _;

use super::*;

/// Entries of one call.
const PAGE: u32 = 256;
/// Numbers of one call of the draw.
const NUMBERS: u32 = 2_000;

#[test]
fn very_many_entries_are_drawn_and_the_program_draws_the_same() {
    let entries: u32 = std::env::var("ENTRIES").ok().and_then(|entries| entries.parse().ok()).unwrap_or(2_000);
    let quota = entries.div_ceil(100);
    let office = Office::new();
    let period = office.open(quota);
    // So that what is held is counted.
    let unbounded = Allowance { per_period: u64::MAX / 4, carry_max: 0, reserve: 0 };
    let first_ms = office.chain.now_ms();
    office
        .chain
        .set_quota(DEPARTMENT, Some(Quota { first_ms, period_ms: u64::MAX, gas: unbounded, storage: unbounded }));
    let held = || office.chain.usage(DEPARTMENT).storage.used;

    // Somebody signs while somebody enters.
    let (sender, receiver) = sync_channel::<Vec<NewEntry>>(16);
    let signing = thread::spawn(move || {
        for first in (0..entries).step_by(PAGE as usize) {
            let page = first..entries.min(first + PAGE);
            sender.send(page.map(|person| new_entry(period, person)).collect()).expect("somebody enters");
        }
    });
    let (mut calls, mut gas, mut bytes, mut time) = (0u64, 0, 0, std::time::Duration::ZERO);
    for page in receiver {
        bytes += page.encoded_size();
        let began = Instant::now();
        let entered = office.lottery.enter_many(period, page).by(&office.anyone);
        time += began.elapsed();
        gas += entered.gas();
        calls += 1;
        entered.done();
    }
    signing.join().expect("all are signed");
    let each = |whole: u64| whole / u64::from(entries);
    println!("enter: {entries} in {calls} calls, {gas} gas ({} each), {time:.1?}", each(gas));
    println!("  {} bytes sent each, {} held each", each(bytes as u64), each(held()));

    office.chain.advance(hours(10));
    let began = Instant::now();
    let frozen = office.lottery.freeze(period).by(&office.anyone);
    println!("freeze: {} gas, {:.1?}", frozen.gas(), began.elapsed());
    let height = frozen.done();
    while office.chain.height() < height {
        office.idle();
    }
    let (mut calls, mut gas, before, began) = (0, 0, held(), Instant::now());
    loop {
        let drawn = office.lottery.draw(period, NUMBERS).by(&office.anyone);
        calls += 1;
        gas += drawn.gas();
        if drawn.done() {
            break;
        }
    }
    println!(
        "draw: {quota} of them in {calls} calls, {gas} gas, {:.1?}, {} bytes held",
        began.elapsed(),
        held() - before
    );
    let winners = office.winners(period);
    assert_eq!(winners.len(), quota as usize);
    let published = redraw::published(&office, period);
    let began = Instant::now();
    assert_eq!(redraw::program::redraw(&published), Ok(winners));
    println!("the program: {:.1?}", began.elapsed());
}
