//! Departments across chains, with their real contracts: eligibility from `identity` on the mainchain in the lottery on
//! `plates`, a court's order on `evidence` that reaches it, and points on `waste` that buy what the mainchain grants.

use chancery_abi::{
    Address, Deploy, Digest, Outcome, Payload, Scheme, codec,
    lane::{MainchainEntry, slots},
    merkle,
    slot::{SlotKey, push_field},
};
use chancery_tests::{contract, error_code, name};
use crypto_bigint::{
    Odd, U2048,
    modular::{FixedMontyForm, FixedMontyParams},
};
use parity_scale_codec::{Decode, Encode};
use plate_lottery::{NewEntry, Rules, Source};
use registry::Measure;

use super::world::{MAIN, PLENTY, World, key, public};
use crate::plate_lottery_tests::{claim, key as entry_key, new_entry, token, token_key};

const HOUR_MS: u64 = 3_600_000;
const DEPLOYER: u8 = 100;
const OFFICER: u8 = 60;
const COURT: u8 = 61;
const RESIDENT: u8 = 62;
const ANYONE: u8 = 63;

fn account(seed: u8) -> Address {
    Address::of_key(Scheme::Ed25519, &public(&key(seed)))
}

fn deploy(world: &mut World, chain: &str, contract_name: &str, file: &str, input: Vec<u8>) -> Address {
    let deploy = Deploy { department: name("land"), name: name(contract_name), code: contract(file), input };
    let deployed = world.chain(chain).hand_in(&key(DEPLOYER), Payload::Deploy(deploy), PLENTY);
    world.step(chain);
    assert!(world.at(chain).outcome(&deployed).is_done(), "{:?}", world.at(chain).outcome(&deployed));
    Address::of_contract(&name(chain), &name("land"), &name(contract_name))
}

fn call(world: &mut World, chain: &str, by: u8, contract: Address, method: &str, arguments: &impl Encode) -> Outcome {
    let called = world.chain(chain).call(&key(by), contract, method, arguments);
    world.step(chain);
    world.at(chain).outcome(&called).clone()
}

#[track_caller]
fn done(world: &mut World, chain: &str, by: u8, contract: Address, method: &str, arguments: &impl Encode) -> Vec<u8> {
    match call(world, chain, by, contract, method, arguments) {
        Outcome::Done { output } => output,
        other => panic!("{method}: {other:?}"),
    }
}

/// A world with `identity` on the mainchain, a court's `evidence`, and a lottery that is opened and asks for identities.
struct City {
    world: World,
    identity: Address,
    evidence: Address,
    lottery: Address,
}

impl City {
    fn new() -> Self {
        let mut world = World::new(&["evidence", "plates"]);
        let identity = deploy(&mut world, MAIN, "identity", "identity.wasm", HOUR_MS.encode());
        let evidence = deploy(&mut world, "evidence", "evidence", "evidence.wasm", account(COURT).encode());
        let lottery = deploy(&mut world, "plates", "plate-lottery", "plate_lottery.wasm", Vec::new());
        let until_ms = 1_767_225_600_000 + 30 * 86_400_000;
        let (department, role) = ("land".to_owned(), "lottery-officer".to_owned());
        world.enact(Measure::GrantRole { department, role, account: account(OFFICER), from_ms: 0, until_ms });
        world.carry_all(&[]);
        for (method, who) in [("appoint_authority", DEPLOYER), ("appoint_department", OFFICER)] {
            done(&mut world, MAIN, DEPLOYER, identity, method, &(account(who), "office-1"));
        }
        let sources = (
            Source { chain: MAIN.into(), contract: identity },
            Source { chain: "evidence".into(), contract: evidence },
        );
        done(&mut world, "plates", OFFICER, lottery, "set_sources", &sources);
        let rules = Rules {
            quota: 1,
            extra_tickets_max: 0,
            entries_until_ms: 1_767_225_600_000 + 2 * HOUR_MS,
            draw_after_blocks: 6,
            claim_within_ms: 24 * HOUR_MS,
        };
        done(&mut world, "plates", OFFICER, lottery, "open", &(rules, token_key()));
        done(&mut world, "plates", OFFICER, lottery, "require_identity", &0u32);
        Self { world, identity, evidence, lottery }
    }

    /// A resident's credential with one attribute, and consent for the office to verify it once; its tag.
    fn consent(&mut self, person: u8) -> (Digest, Digest) {
        let (world, identity) = (&mut self.world, self.identity);
        let commitment = Digest::of(&[b"attribute", &[person][..]].concat());
        let root = merkle::leaf(&commitment.0);
        let times = (0u64, 1_767_225_600_000 + 300 * HOUR_MS);
        let credential = (root, 1u32, account(RESIDENT), times.0, times.1);
        done(world, MAIN, DEPLOYER, identity, "attest", &vec![credential]);
        let tag = Digest::of(&[b"tag", &[person][..]].concat());
        let consent = (account(OFFICER), commitment, 0u64, Vec::<Digest>::new(), "plates-2026", Digest([1; 32]));
        let consent = (consent, merkle::leaf(&tag.0), 1u32, 1_767_225_600_000 + 200 * HOUR_MS);
        done(world, MAIN, RESIDENT, identity, "give_consent", &(root, consent));
        (root, tag)
    }

    fn verification(&self, root: Digest, tag: Digest) -> (Digest, u32, Digest, Vec<Digest>, Digest, Digest) {
        (root, 0, tag, Vec::new(), Digest([2; 32]), Digest([3; 32]))
    }

    fn issue(&mut self, person: u8, tag: Digest, presented: Option<Vec<u8>>) -> Outcome {
        let signature = new_entry(0, u32::from(person)).signature;
        let issue = (0u32, tag, power(&signature), signature, presented);
        call(&mut self.world, "plates", OFFICER, self.lottery, "issue", &issue)
    }

    fn enter(&mut self, person: u8) -> Outcome {
        let entry: NewEntry = new_entry(0, u32::from(person));
        call(&mut self.world, "plates", ANYONE, self.lottery, "enter", &(0u32, entry))
    }

    /// An entry of the mainchain's state as `plates` can be shown it.
    fn presented(&mut self, contract: Address, slot: Vec<u8>) -> Vec<u8> {
        self.world.step("plates");
        let seen: u64 = self.world.at("plates").entry(&slots::newest_seen()).expect("it saw one");
        let main = self.world.at(MAIN);
        let proof = main.state.prove(seen, &contract, &slot).expect("it is not long ago");
        let header = main.header(seen).clone();
        codec::encode(&MainchainEntry { header, contract, key: slot, value: proof.value, nodes: proof.nodes })
    }
}

/// What a signature is of, by the key of the lottery's tests.
fn power(signature: &[u8; 256]) -> [u8; 256] {
    let modulus = Odd::new(U2048::from_be_slice(&token_key())).expect("it is odd");
    let base = FixedMontyForm::new(&U2048::from_be_slice(signature), &FixedMontyParams::new_vartime(modulus));
    let power = (0..16).fold(base, |power, _| power.square()) * base;
    power.retrieve().to_be_bytes().as_ref().try_into().expect("256 bytes")
}

fn record_slot(tag: &Digest) -> Vec<u8> {
    let mut slot = Vec::new();
    push_field(&mut slot, "records");
    tag.push_to(&mut slot);
    slot
}

#[test]
fn eligibility_comes_from_identity_by_a_message_and_by_a_presented_proof() {
    let mut city = City::new();
    assert_eq!(error_code(&city.enter(1)), 21, "no token was issued");
    let (root, tag) = city.consent(1);
    assert_eq!(error_code(&city.issue(1, tag, None)), 19, "nobody was verified");

    // By a message: the department verifies on the mainchain, and word of that goes to the lottery.
    let (identity, lottery) = (city.identity, city.lottery);
    let verification = (city.verification(root, tag), "plates", lottery, 0u32);
    done(&mut city.world, MAIN, OFFICER, identity, "verify_for", &verification);
    assert_eq!(error_code(&city.issue(1, tag, None)), 19, "word of it has not come");
    city.world.carry_all(&[]);
    assert!(city.issue(1, tag, None).is_done());
    assert_eq!(error_code(&city.issue(1, tag, None)), 20, "one token for a verification");
    assert!(city.enter(1).is_done());
    assert_eq!(error_code(&city.enter(2)), 21, "more entries than tokens");

    // By a proof that is presented: of the record that the verification left.
    let (root, tag) = city.consent(2);
    let missing = city.presented(identity, record_slot(&tag));
    assert_eq!(error_code(&city.issue(2, tag, Some(missing))), 19, "there is no record yet");
    let verification = city.verification(root, tag);
    done(&mut city.world, MAIN, OFFICER, identity, "verify", &verification);
    let shown = city.presented(identity, record_slot(&tag));
    assert_eq!(error_code(&city.issue(2, Digest([9; 32]), Some(shown.clone()))), 19, "a record of another tag");
    let mut forged = shown.clone();
    *forged.last_mut().expect("it has bytes") ^= 1;
    assert_eq!(error_code(&city.issue(2, tag, Some(forged))), 19);
    assert!(city.issue(2, tag, Some(shown)).is_done());
    assert!(city.enter(2).is_done());
    let issued: Option<u32> = city.world.at("plates").ask(lottery, "issued_for", &0u32);
    assert_eq!(issued, Some(2));
}

#[test]
fn a_stranger_contract_makes_nobody_eligible_and_withholds_nothing() {
    let mut city = City::new();
    let lottery = city.lottery;
    // A courier on evidence, and one on the mainchain, say so too.
    for chain in ["evidence", MAIN] {
        let courier = city.world.courier(chain);
        let sent = city.world.chain(chain).call(
            &key(ANYONE),
            courier,
            "send",
            &("plates", lottery, "withhold", 0u64, 1_000u64),
        );
        city.world.step(chain);
        assert!(city.world.at(chain).outcome(&sent).is_done());
    }
    city.world.carry_all(&[]);
    let fate: (bool, bool) = city.world.at("evidence").ask(city.world.courier("evidence"), "fate", &("plates", 0u64));
    assert!(fate.1, "it comes back");
    let order: Option<String> = city.world.at("plates").ask(lottery, "order_on", &Digest::default());
    assert_eq!(order, None);
}

#[test]
fn a_court_on_one_chain_withholds_a_win_on_another_and_releases_it() {
    let mut city = City::new();
    let lottery = city.lottery;
    for person in [1, 2] {
        let (root, tag) = city.consent(person);
        let verification = city.verification(root, tag);
        let identity = city.identity;
        done(&mut city.world, MAIN, OFFICER, identity, "verify", &verification);
        let shown = city.presented(identity, record_slot(&tag));
        assert!(city.issue(person, tag, Some(shown)).is_done() && city.enter(person).is_done());
    }
    let winner = city.draw();
    let person = winner + 1;
    let subject = Digest::of(&token(0, person));
    let evidence = city.evidence;
    let order = |city: &mut City, withheld: bool| {
        let order = (subject, "2026-7", withheld, "plates", lottery);
        done(&mut city.world, "evidence", COURT, evidence, "send_order", &order);
        city.world.carry_all(&[]);
    };
    let stranger = (subject, "2026-7", true, "plates", lottery);
    assert!(!call(&mut city.world, "evidence", ANYONE, evidence, "send_order", &stranger).is_done());
    order(&mut city, true);
    let claimed = |city: &mut City| {
        let signature = claim(lottery, 0, winner, person, account(RESIDENT));
        call(&mut city.world, "plates", RESIDENT, lottery, "claim", &(0u32, winner, account(RESIDENT), signature))
    };
    assert_eq!(error_code(&claimed(&mut city)), 22);
    order(&mut city, false);
    assert!(claimed(&mut city).is_done());
    assert_ne!(entry_key(0, person).to_bytes(), [0; 32]);
}

impl City {
    /// Freezes the list, shows that it is anchored, and draws by the beacon of a mainchain height; the winning entry.
    fn draw(&mut self) -> u32 {
        let lottery = self.lottery;
        self.world.chain("plates").let_pass(3 * HOUR_MS);
        let frozen = done(&mut self.world, "plates", ANYONE, lottery, "freeze", &0u32);
        let height = u64::decode(&mut &frozen[..]).expect("the height that draws");
        let frozen_at = self.world.at("plates").tip.height;
        let draw = |city: &mut City| call(&mut city.world, "plates", ANYONE, lottery, "draw", &(0u32, 100u32));
        assert_eq!(error_code(&draw(self)), 23, "it is not shown that the list is anchored");
        // Anchored before the freeze is not enough.
        self.world.anchor("plates");
        self.world.step(MAIN);
        let anchored = self.world.anchors("plates").newest;
        let early = slots::anchored(&name("plates"), 1);
        let shown = self.presented(Address::system(), early);
        assert_eq!(error_code(&call(&mut self.world, "plates", ANYONE, lottery, "show_anchored", &(0u32, shown))), 23);
        assert!(anchored.height >= frozen_at && anchored.mainchain_height < height, "{anchored:?}, {height}");
        let shown = self.presented(Address::system(), slots::anchored(&name("plates"), anchored.height));
        done(&mut self.world, "plates", ANYONE, lottery, "show_anchored", &(0u32, shown));
        assert_eq!(error_code(&draw(self)), 12, "its beacon does not exist yet");
        self.world.bring_beacon("plates", height);
        assert!(draw(self).is_done());
        let winners: Vec<(u32, u32)> = self.world.at("plates").ask(lottery, "winners", &(0u32, None::<u32>, 10u32));
        assert_eq!(winners.len(), 1);
        winners[0].1
    }
}

#[test]
fn a_list_that_was_anchored_too_late_is_not_drawn() {
    let mut city = City::new();
    let lottery = city.lottery;
    city.world.chain("plates").let_pass(3 * HOUR_MS);
    let frozen = done(&mut city.world, "plates", ANYONE, lottery, "freeze", &0u32);
    let height = u64::decode(&mut &frozen[..]).expect("the height that draws");
    while city.world.at(MAIN).tip.height + 1 < height {
        city.world.step(MAIN);
    }
    city.world.anchor("plates");
    city.world.step(MAIN);
    let anchored = city.world.anchors("plates").newest;
    assert_eq!(anchored.mainchain_height, height, "its beacon may be known as soon as this block is final");
    let shown = city.presented(Address::system(), slots::anchored(&name("plates"), anchored.height));
    assert_eq!(error_code(&call(&mut city.world, "plates", ANYONE, lottery, "show_anchored", &(0u32, shown))), 23);
    // It can be put off only before its height, which this chain has seen by now.
    let delay = (0u32, height + 10, "not anchored in time");
    assert_eq!(error_code(&call(&mut city.world, "plates", OFFICER, lottery, "delay", &delay)), 13);
}

type Row = (u32, u64, [u8; 16], u16, u8, u8, u32);

#[test]
fn points_of_one_chain_buy_what_another_grants_and_come_back_where_it_grants_nothing() {
    let mut world = World::new(&["waste"]);
    let waste = deploy(&mut world, "waste", "waste-sorting", "waste_sorting.wasm", Vec::new());
    let benefits = deploy(&mut world, MAIN, "benefits", "benefits.wasm", ("waste", waste, 100u64, 3u64).encode());
    let (office, worker, code) = (account(70), account(71), [7u8; 16]);
    let today = ((1_767_225_600_000u64 + 8 * HOUR_MS) / (24 * HOUR_MS)) as u16;
    let district = 1u16;
    done(&mut world, "waste", DEPLOYER, waste, "set_district", &(district, office, "district-1"));
    done(&mut world, "waste", 70, waste, "appoint", &(worker, (district, true, true, true, "staff-1")));
    done(&mut world, "waste", 70, waste, "set_point", &(1u32, (district, true, "point-1")));
    done(&mut world, "waste", 70, waste, "set_rule", &(district, today + 1, (vec![100_000u32; 16], "rule-1")));
    done(&mut world, "waste", 70, waste, "open_period", &(district, 1u32, today, today + 60, today + 90));
    done(&mut world, "waste", 70, waste, "enrol", &(district, 1u32, vec![code]));
    world.chain("waste").let_pass(30 * HOUR_MS);
    let rows: Vec<Row> = vec![(1, 1, code, today + 1, 0, 0, 1_000)];
    done(&mut world, "waste", 71, waste, "weigh", &(1u32, rows));
    let points = |world: &World| world.at("waste").ask::<(u16, u32, u64, u64, u32)>(waste, "household", &code).2;
    assert_eq!(points(&world), 1_000);

    let redeem = |world: &mut World, receipt: u8, points: u64, contract: Address| {
        let redemption = (Digest([receipt; 32]), code, points, MAIN, contract);
        done(world, "waste", 71, waste, "redeem_for", &redemption);
        world.carry_all(&[]);
    };
    let account_of = |world: &World| world.at(MAIN).ask::<(u64, u64)>(benefits, "account", &());
    redeem(&mut world, 1, 200, benefits);
    assert_eq!((points(&world), account_of(&world)), (800, (200, 1)));
    // Two more than there are, less than one costs, and to a contract that takes no points: all come back.
    redeem(&mut world, 2, 200, benefits);
    redeem(&mut world, 3, 50, benefits);
    let courier = world.courier(MAIN);
    redeem(&mut world, 4, 100, courier);
    assert_eq!((points(&world), account_of(&world)), (800, (200, 1)));
    redeem(&mut world, 5, 100, benefits);
    assert_eq!((points(&world), account_of(&world)), (700, (300, 0)));
    // What there is on both ends is what was earned.
    assert_eq!(points(&world) + account_of(&world).0, 1_000);
    // A receipt stands for one redemption, whatever became of it.
    let again = (Digest([2; 32]), code, 100u64, MAIN, benefits);
    assert!(!call(&mut world, "waste", 71, waste, "redeem_for", &again).is_done());
}
