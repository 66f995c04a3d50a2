//! Four validators in a simulated world: the node's own code, executing the real evidence contract, in a runtime whose
//! time, order and network follow from a seed alone.
//!
//! A run warms up, goes through every class of fault in an order of its seed's own, heals, and is then judged: one
//! block a height everywhere with equal roots, everything that was acknowledged is there, nobody stopped, and blocks
//! come again within ten view time-outs. A seed that fails is named and runs again with `SEED=`; `SEEDS=` says how many
//! run. In some runs the committee [`changes`] all the while, and in some it holds a threshold key besides
//! ([`ceremonies`]) or has that key give way to another ([`rotations`]). In others the nodes have several chains, which
//! send each other messages ([`lanes`]). [`doubles`] are validators with a planted mistake, each of which a few seeds have
//! to find.

mod ceremonies;
mod chains;
mod changes;
mod doubles;
mod faults;
mod judge;
mod lanes;
mod liars;
mod rotations;
mod seeds;
mod world;

use self::{
    doubles::Double,
    judge::Violation,
    world::{Report, World},
};

/// Seeds that run when nothing else is said.
const SEEDS: u64 = 30;

fn run(seed: u64, double: Option<Double>) -> Result<Report, Violation> {
    World::new(seed, double, false).run()
}

#[test]
fn no_seed_finds_a_violation() {
    let seeds = seeds::asked_for(SEEDS, 1);
    let (mut blocks, mut transactions) = (0, 0);
    let reports = seeds::run_all(seeds.clone(), |seed| run(seed, None));
    for (seed, report) in seeds.clone().zip(reports) {
        assert!(report.height >= 200, "SEED={seed}: only {} blocks", report.height);
        assert!(report.faults.len() >= 6, "SEED={seed}: only {:?}", report.faults);
        blocks += report.height;
        transactions += report.acknowledged;
    }
    println!("{} seeds, {blocks} blocks, {transactions} acknowledged transactions", seeds.count());
}

/// A third as many seeds, in each of which nodes join and leave the committee under all the faults.
#[test]
fn no_seed_finds_a_violation_while_the_committee_changes() {
    let seeds = seeds::asked_for(SEEDS, 3);
    let mut terms = 0;
    let reports = seeds::run_all(seeds.clone(), |seed| World::new(seed, None, true).run());
    for (seed, report) in seeds.clone().zip(reports) {
        assert!(report.epoch >= 2, "SEED={seed}: only {} changes", report.epoch);
        terms += report.epoch;
    }
    println!("{} seeds, {terms} changes of the committee", seeds.count());
}

/// A tenth as many seeds, in each of which the threshold key is made and handed on twice while somebody loses power in
/// every stage, and all in one. A seed decides what goes wrong; the secrets are random.
#[test]
fn no_seed_doubles_or_loses_the_threshold_key() {
    let seeds = seeds::asked_for(SEEDS, 10);
    let (mut rounds, mut crashes, mut crashed_in) = (0, 0, std::collections::BTreeSet::new());
    let reports = seeds::run_all(seeds.clone(), |seed| World::with_key(seed).run_ceremonies());
    for (seed, report) in seeds.clone().zip(reports) {
        assert!(report.round >= 2 && report.crashes > 0, "SEED={seed}: {report:?}");
        rounds += report.round + 1;
        crashes += report.crashes;
        crashed_in.extend(report.crashed_in);
    }
    assert!(seeds.clone().count() < 3 || crashed_in.len() == 5, "somebody lost power in {crashed_in:?} alone");
    println!("{} seeds, {rounds} rounds, {crashes} losses of power in their stages", seeds.count());
}

/// A tenth as many seeds, in each of which the threshold key gives way to another while somebody loses power at every moment
/// of that, and all at one; in every third it is given up first.
#[test]
fn no_seed_leaves_a_height_without_its_threshold_key_or_with_two() {
    let seeds = seeds::asked_for(SEEDS, 10);
    let (mut beacons, mut given_up, mut crashes, mut moments) = (0, 0, 0, std::collections::BTreeSet::new());
    let gives_up = |seed: u64| seed.is_multiple_of(3);
    let run = |seed| World::with_rotations(seed).run_rotations(gives_up(seed));
    for (seed, report) in seeds.clone().zip(seeds::run_all(seeds.clone(), run)) {
        assert_eq!(report.given_up, u32::from(gives_up(seed)), "SEED={seed}: {report:?}");
        assert!(report.beacons > 64 && report.crashes >= 6, "SEED={seed}: {report:?}");
        beacons += report.beacons;
        given_up += report.given_up;
        crashes += report.crashes;
        moments.extend(report.moments);
    }
    let missed = rotations::MOMENTS.iter().find(|moment| !moments.contains(*moment));
    assert!(seeds.clone().count() < 3 || missed.is_none(), "nobody ever lost power at {missed:?}");
    let rotated = seeds.count();
    println!("{rotated} seeds, {given_up} rotations given up, {beacons} beacons, {crashes} losses of power in them");
}

#[test]
fn a_seed_gives_the_same_trace_twice() {
    for seed in [3, 11] {
        let runs = [run(seed, None), run(seed, None)].map(|report| report.expect("it holds").trace);
        assert_eq!(runs[0], runs[1], "SEED={seed}");
    }
}

/// Each planted mistake is found within so many seeds.
fn is_found(double: Double) {
    let found = (0..SEEDS).find_map(|seed| run(seed, Some(double)).err().map(|violation| (seed, violation)));
    let (seed, violation) = found.unwrap_or_else(|| panic!("{double:?} was not found in {SEEDS} seeds"));
    println!("{double:?} was found by seed {seed}: {violation}");
}

#[test]
fn a_store_that_acknowledges_before_it_syncs_is_found() {
    is_found(Double::SyncsTooLate);
}

#[test]
fn a_quorum_that_is_counted_short_is_found() {
    is_found(Double::CountsShort);
}

#[test]
fn a_commit_that_is_applied_twice_is_found() {
    is_found(Double::CommitsTwice);
}

#[test]
fn a_node_that_executes_differently_is_found() {
    is_found(Double::ExecutesDifferently);
}
