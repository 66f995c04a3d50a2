//! The lottery on a sidechain, where a draw waits for the mainchain twice: for its record of the list, and for its beacon.

use chancery_testing::Chains;
use plate_lottery::neighbours::*;

use super::{
    redraw::{program, published},
    *,
};

#[test]
fn a_draw_waits_for_the_record_of_its_list_and_for_the_beacon_that_is_brought() {
    let chains = Chains::new(&["plates"]);
    let (chain, officer, anyone) = (chains.on("plates").clone(), Account::named("officer"), Account::named("anyone"));
    let lottery = chain.deploy::<PlateLottery>("plate-lottery").done();
    chain.grant_role("lottery-officer", &officer);
    let office = Office { chain, lottery, officer, anyone };
    let period = office.open(2);
    office.enter(period, 0..5);
    office.chain.advance(hours(10));
    let height = office.lottery.freeze(period).by(&office.anyone).done();
    let draw = || office.lottery.draw(period, 100).by(&office.anyone);
    draw().refused("NotAnchored");
    let recorded = office.lottery.show_anchored(period, chains.show_anchor("plates")).by(&office.anyone).done();
    assert!(recorded < height, "the record was made before the beacon could be known");
    assert_eq!(chains.main().height(), height - 1);

    // Nothing is brought before the height has passed, nor while the key's holders are away.
    let no_beacon = || {
        draw().refused_with(&LotteryError::NoBeacon { height });
    };
    assert_eq!(chains.carry(), 0);
    no_beacon();
    chains.main().withhold_beacons(true);
    chains.main().make_blocks(2);
    chains.carry();
    no_beacon();
    chains.main().withhold_beacons(false);
    chains.main().make_blocks(1);
    no_beacon();
    chains.carry();
    assert!(draw().done(), "it is complete");
    assert_eq!(program::redraw(&published(&office, period)), Ok(office.winners(period)));
    // It is brought once.
    let after = office.chain.height();
    chains.carry();
    assert_eq!(office.chain.height(), after);
}
