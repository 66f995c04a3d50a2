//! The registry itself upgraded: only to what an act approved, once, by whoever hands it in, and never so that nodes could
//! no longer read it, or nobody could call it.
//!
//! The second releases are the registry's own module with another custom section, which is another code, and small modules
//! that claim the registry's schema, have the methods that must be there, and whose migration does one thing.

use chancery::chain::REGISTRY_WASM;
use chancery_abi::{
    Address, Digest, ExecutionRefusal, Ident, Outcome, Payload, Upgrade,
    limits::TRANSACTION_GAS_MAX,
    schema::{self, Access, Collection, Docs, Entry, Field, Method, MethodKind, Schema, Shape, TypeRef, Variant},
    slot::{SlotKey, push_field},
};
use chancery_runtime::{
    execution::{accounts, registry::Registry},
    module::CheckedModule,
    state::StateView,
};
use chancery_tests::{module_with, name};
use parity_scale_codec::Encode as _;
use registry::{ApprovedUpgrade, Measure, NewAdministrator, OperatorSignature, Order, Rule};

use super::world::{MAIN, World, committee_keys, key, public};

const DAY_MS: u64 = 86_400_000;
const UNTIL_MS: u64 = 1_767_225_600_000 + 80 * DAY_MS;
const ADMINISTRATOR: u8 = 100;
const ANYONE: u8 = 70;
const NOT_APPROVED: Outcome = Outcome::Refused { reason: ExecutionRefusal::UpgradeNotApproved };
const UNREADABLE: Outcome = Outcome::Refused { reason: ExecutionRefusal::UnreadableRegistry };

fn registry() -> Address {
    Address::registry(&name(MAIN))
}

fn approve(world: &mut World, code: &[u8], until_ms: u64) {
    world.enact(Measure::ApproveUpgrade { code: Digest::of(code), until_ms });
}

fn upgrade_with(world: &mut World, by: u8, code: &[u8], input: Vec<u8>) -> Outcome {
    let upgrade = Upgrade { contract: registry(), code: code.to_vec(), input };
    let digest = world.main().hand_in(&key(by), Payload::Upgrade(upgrade), TRANSACTION_GAS_MAX);
    world.step(MAIN);
    world.at(MAIN).outcome(&digest).clone()
}

fn upgrade(world: &mut World, by: u8, code: &[u8]) -> Outcome {
    upgrade_with(world, by, code, Vec::new())
}

/// The registry's revision and code.
fn record(world: &World) -> (u32, Digest) {
    let record = accounts::contract_record(&world.at(MAIN).state.view(None), &registry()).expect("it is readable");
    record.map(|record| (record.revision, record.code)).expect("the registry is there")
}

fn approved(world: &World) -> Option<Digest> {
    let approved: Option<ApprovedUpgrade> = world.at(MAIN).ask(registry(), "approved_upgrade", &());
    approved.map(|approved| approved.code)
}

fn epoch_blocks(world: &World) -> Option<u64> {
    let (chain, view) = (world.at(MAIN), world.at(MAIN).state.view(None));
    Registry::of(&chain.rules, &view).expect("it is there").epoch_blocks().expect("it is readable")
}

/// The registry's module with one more custom section.
fn release(text: &str) -> Vec<u8> {
    const NAME: &[u8] = b"release";
    let content = [&[NAME.len() as u8], NAME, text.as_bytes()].concat();
    let length = u8::try_from(content.len()).ok().filter(|length| *length < 0x80).expect("it is short");
    [REGISTRY_WASM, &[0, length], &content].concat()
}

/// What nodes call by themselves, and what decides acts and breaks the glass.
const CALLED: [&str; 12] = [
    "begin_ceremony",
    "contribute",
    "declare",
    "press_on",
    "endorse",
    "complete_rotation",
    "declare_ready",
    "propose",
    "approve",
    "carry_out",
    "break_glass",
    "take_effect",
];

/// A module with the registry's schema, of its methods those that must be there, changed as said, and a migration that does
/// what `body` says.
fn stub(body: &str, data: &str, change: impl FnOnce(&mut Schema)) -> Vec<u8> {
    let mut schema = CheckedModule::check(REGISTRY_WASM).expect("it is a contract").schema().clone();
    schema.methods.retain(|name, _| CALLED.contains(&name.as_str()));
    change(&mut schema);
    let Schema { name, version, sdk, storage, methods, types, .. } = schema;
    let contract = Entry::Contract { format: schema::FORMAT, name, version, sdk, docs: Docs::default() };
    let migrate = Entry::Method(Method {
        name: Ident::new("migrate").expect("an identifier"),
        kind: MethodKind::Migrate,
        access: Access::Deployer,
        arguments: Vec::new(),
        returns: TypeRef::Unit,
        reentrant: false,
        docs: Docs::default(),
    });
    let types = types.into_iter().map(|(name, shape)| Entry::Type { name, shape, docs: Docs::default() });
    let exports: String = methods.keys().map(|name| format!("(func (export \"call.{name}\"))")).collect();
    let (storage, methods) = (storage.into_values().map(Entry::Storage), methods.into_values().map(Entry::Method));
    let entries = [contract, migrate].into_iter().chain(storage).chain(methods).chain(types);
    let text = format!(
        r#"(module
            (import "chancery_v1" "storage_set" (func $set (param i32 i32 i32 i32)))
            (import "chancery_v1" "storage_remove" (func $remove (param i32 i32) (result i32)))
            (memory (export "memory") 1 1)
            {data}
            {exports}
            (func (export "call.migrate") {body}))"#
    );
    module_with(&text, entries)
}

/// Where a stub's memory has the value that its migration writes.
const VALUE_AT: usize = 512;

/// A module whose migration writes an entry of the registry, or removes it.
fn writing(slot: &[u8], value: Option<&[u8]>) -> Vec<u8> {
    let text = |bytes: &[u8]| bytes.iter().map(|byte| format!("\\{byte:02x}")).collect::<String>();
    let (key, length) = (text(slot), slot.len());
    let data = format!("(data (i32.const 0) \"{key}\")");
    match value {
        Some(value) => {
            let (bytes, count) = (text(value), value.len());
            let data = format!("{data} (data (i32.const {VALUE_AT}) \"{bytes}\")");
            let constants = [0, length, VALUE_AT, count].map(|number| format!("(i32.const {number})")).concat();
            stub(&format!("(call $set {constants})"), &data, |_| {})
        }
        None => stub(&format!("(drop (call $remove (i32.const 0) (i32.const {length})))"), &data, |_| {}),
    }
}

fn slot(field: &str) -> Vec<u8> {
    let mut slot = Vec::new();
    push_field(&mut slot, field);
    slot
}

fn entry_slot(field: &str, key: &impl SlotKey) -> Vec<u8> {
    let mut slot = slot(field);
    key.push_to(&mut slot);
    slot
}

#[test]
fn it_is_upgraded_by_anyone_to_what_an_act_approved_and_once() {
    let mut world = World::bare();
    world.found("alpha", &[1, 2, 3, 4]);
    let (first, second) = (release("1"), release("2"));
    let before = record(&world);
    for by in [ANYONE, ADMINISTRATOR] {
        assert_eq!(upgrade(&mut world, by, &first), NOT_APPROVED, "there was no act");
    }
    approve(&mut world, &first, UNTIL_MS);
    assert_eq!(upgrade(&mut world, ADMINISTRATOR, &second), NOT_APPROVED, "another code");
    assert_eq!(upgrade_with(&mut world, ANYONE, &first, vec![0]), NOT_APPROVED, "with arguments");
    assert_eq!((record(&world), approved(&world)), (before, Some(Digest::of(&first))));
    let done = upgrade(&mut world, ANYONE, &first);
    assert!(done.is_done(), "{done:?}");
    assert_eq!((record(&world), approved(&world)), ((before.0 + 1, Digest::of(&first)), None));
    assert_eq!(upgrade(&mut world, ANYONE, &first), NOT_APPROVED, "it was used up");

    // The new release goes on where the old one was, with its acts and with the next upgrade.
    approve(&mut world, &second, UNTIL_MS);
    assert!(upgrade(&mut world, ANYONE, &second).is_done());
    assert_eq!(record(&world), (before.0 + 2, Digest::of(&second)));
    world.enact(Measure::FoundDepartment { name: "tax".into(), title: "税务".into() });
    world.carry_all(&[]);
    let tax = entry_slot("departments", &"tax".to_owned());
    let mirrored = world.at("alpha").state.view(None).get(&Address::registry(&name("alpha")), &tax);
    assert!(mirrored.expect("it is readable").is_some(), "sidechains hear of what it decides");
}

#[test]
fn an_approval_that_another_superseded_or_whose_time_is_over_is_none() {
    let mut world = World::bare();
    let (first, second) = (release("1"), release("2"));
    approve(&mut world, &first, UNTIL_MS);
    approve(&mut world, &second, UNTIL_MS);
    assert_eq!(upgrade(&mut world, ANYONE, &first), NOT_APPROVED);
    assert!(upgrade(&mut world, ANYONE, &second).is_done());
    assert_eq!(upgrade(&mut world, ANYONE, &first), NOT_APPROVED, "it does not come back");
    approve(&mut world, &first, UNTIL_MS);
    world.main().let_pass(80 * DAY_MS);
    assert_eq!(upgrade(&mut world, ANYONE, &first), NOT_APPROVED);
    assert_eq!(record(&world), (1, Digest::of(&second)));
}

#[test]
fn nobody_upgrades_it_as_the_deployer_of_a_department_of_its_name() {
    let mut world = World::bare();
    let account = Address::of_key(chancery_abi::Scheme::Ed25519, &public(&key(ANYONE)));
    let (chain, department) = (MAIN.to_owned(), "registry".to_owned());
    world.enact(Measure::FoundDepartment { name: department.clone(), title: "登记".into() });
    world.enact(Measure::GrantDeployment { chain, department, account, until_ms: UNTIL_MS });
    assert_eq!(upgrade(&mut world, ANYONE, &release("1")), NOT_APPROVED);
}

#[test]
fn a_release_that_would_keep_its_books_otherwise_than_nodes_read_them_changes_nothing() {
    let mut world = World::bare();
    let other = |change: fn(&mut Schema)| stub("", "", change);
    let without = other(|schema| schema.storage.retain(|name, _| name.as_str() != "freezes"));
    let otherwise = other(|schema| {
        let mut fields = schema.storage.values_mut();
        let departments = fields.find(|field| field.name.as_str() == "departments").expect("it is there");
        departments.collection = Collection::Map(TypeRef::Text, TypeRef::Unsigned(64));
    });
    let keyed_otherwise = other(|schema| {
        let mut fields = schema.storage.values_mut();
        let administrators = fields.find(|field| field.name.as_str() == "administrators").expect("it is there");
        administrators.collection = Collection::Map(TypeRef::Text, TypeRef::Named("Administrator".into()));
    });
    let longer_in_front = other(|schema| {
        let Some(Shape::Struct(fields)) = schema.types.get_mut("Freeze") else { panic!("it is a struct") };
        fields
            .insert(0, Field { name: Ident::new("since").expect("a name"), ty: TypeRef::Bool, docs: Docs::default() });
    });
    for code in [without, otherwise, keyed_otherwise, longer_in_front] {
        refused_as_unreadable(&mut world, &code);
    }
    // What stands behind all that is read is nobody's business.
    let longer = other(|schema| {
        let Some(Shape::Struct(fields)) = schema.types.get_mut("Freeze") else { panic!("it is a struct") };
        fields.push(Field { name: Ident::new("remark").expect("a name"), ty: TypeRef::Text, docs: Docs::default() });
    });
    approve(&mut world, &longer, UNTIL_MS);
    let done = upgrade(&mut world, ANYONE, &longer);
    assert!(done.is_done(), "{done:?}");
}

#[test]
fn a_migration_that_leaves_what_nodes_cannot_read_changes_nothing() {
    let mut world = World::bare();
    let members = entry_slot("memberships", &MAIN.to_owned());
    let administrator = Address::of_key(chancery_abi::Scheme::Ed25519, &public(&key(ADMINISTRATOR)));
    let epoch = slot("epoch_blocks");
    let before = epoch_blocks(&world);
    assert_eq!(before, Some(10));
    for code in [
        writing(&epoch, Some(&[7])),
        writing(&members, Some(&[1, 0, 0, 0, 4])),
        writing(&members, None),
        writing(&entry_slot("administrators", &administrator), None),
        // One that was not there before, and is no text.
        writing(&entry_slot("administrators", &Address([9; 32])), Some(&[8, 0xff, 0xff])),
    ] {
        refused_as_unreadable(&mut world, &code);
        assert_eq!(epoch_blocks(&world), before);
    }
    // What can be read may be written, and what is no node's business in any form; and whatever a migration lets the
    // registry be upgraded to next, nothing is.
    let other = writing(&slot("approved_upgrade"), Some(&(Digest::of(&release("1")), UNTIL_MS, 0u32).encode()));
    approve(&mut world, &other, UNTIL_MS);
    assert!(upgrade(&mut world, ANYONE, &other).is_done());
    assert_eq!(upgrade(&mut world, ANYONE, &release("1")), NOT_APPROVED);
    let mut world = World::bare();
    let readable = writing(&epoch, Some(&20u64.encode()));
    approve(&mut world, &readable, UNTIL_MS);
    assert!(upgrade(&mut world, ANYONE, &readable).is_done());
    assert_eq!(epoch_blocks(&world), Some(20));
}

#[test]
fn a_release_that_lacks_what_nodes_and_offices_call_changes_nothing() {
    let mut world = World::bare();
    for method in CALLED {
        let without = stub("", "", |schema| schema.methods.retain(|name, _| name.as_str() != method));
        refused_as_unreadable(&mut world, &without);
    }
    let with = |method: &str, change: fn(&mut Method)| {
        let is_it = |found: &&mut Method| found.name.as_str() == method;
        stub("", "", |schema| change(schema.methods.values_mut().find(is_it).expect("it is there")))
    };
    let measures = |change: fn(&mut Vec<Variant>)| {
        stub("", "", |schema| {
            let Some(Shape::Enum(variants)) = schema.types.get_mut("Measure") else { panic!("it is an enum") };
            change(variants);
        })
    };
    for code in [
        with("declare_ready", |method| drop(method.arguments.pop())),
        with("contribute", |method| method.arguments[1].ty = TypeRef::Unsigned(64)),
        with("contribute", |method| method.arguments[2].ty = TypeRef::Unsigned(8)),
        with("take_effect", |method| {
            method.arguments.push(Field {
                name: Ident::new("why").expect("a name"),
                ty: TypeRef::Text,
                docs: Docs::default(),
            });
        }),
        with("approve", |method| method.kind = MethodKind::Query),
        with("carry_out", |method| method.access = Access::Member(Ident::new("administrators").expect("a name"))),
        measures(|variants| variants.retain(|variant| variant.name != "ApproveUpgrade")),
        measures(|variants| variants[1].fields.clear()),
    ] {
        refused_as_unreadable(&mut world, &code);
    }
    // Acts may come to do more.
    let more = measures(|variants| {
        let (name, index) = ("Rename".to_owned(), u8::try_from(variants.len()).expect("there are few"));
        variants.push(Variant { name, index, fields: Vec::new(), docs: Docs::default() });
    });
    approve(&mut world, &more, UNTIL_MS);
    let done = upgrade(&mut world, ANYONE, &more);
    assert!(done.is_done(), "{done:?}");
}

/// Has a quorum of the operators replace the administrators at a height soon to come, which is returned.
fn break_the_glass(world: &mut World) -> u64 {
    let effective_height = world.at(MAIN).tip.height + 5;
    let rule = |approvals| Rule { approvals, departments: approvals, delay_ms: 0, open_ms: 30 * DAY_MS };
    let administrator = |seed: u8| NewAdministrator {
        account: Address::of_key(chancery_abi::Scheme::Ed25519, &public(&key(seed))),
        department: "land".into(),
    };
    let order = Order {
        number: 0,
        administrators: [110, 111].map(administrator).to_vec(),
        routine: rule(1),
        constitution: rule(1),
        freeze: rule(2),
        effective_height,
        legal_basis: "YJ-2026-1".into(),
    };
    let message: Vec<u8> = world.at(MAIN).ask(registry(), "break_glass_message", &order);
    // Each node here is its own operator.
    let operators = committee_keys(&[1, 2, 3]);
    let signed = operators
        .iter()
        .map(|operator| OperatorSignature { node: public(operator), signature: operator.sign(&message).to_bytes() });
    let signatures: Vec<OperatorSignature> = signed.collect();
    let filed = world.main().call(&key(ANYONE), registry(), "break_glass", &(order, signatures));
    world.step(MAIN);
    assert!(world.at(MAIN).outcome(&filed).is_done(), "{:?}", world.at(MAIN).outcome(&filed));
    effective_height
}

/// Makes blocks until the next one has this height.
fn until_next_is(world: &mut World, height: u64) {
    assert!(world.at(MAIN).tip.height < height, "it is past height {height}");
    while world.at(MAIN).tip.height + 1 < height {
        world.step(MAIN);
    }
}

#[test]
fn from_a_break_glass_files_height_on_no_upgrade_comes_before_what_it_ends() {
    let code = release("1");
    for early in [1, 0] {
        let mut world = World::bare();
        let before = record(&world);
        approve(&mut world, &code, UNTIL_MS);
        let height = break_the_glass(&mut world);
        until_next_is(&mut world, height - early);
        let taken = upgrade(&mut world, ANYONE, &code);
        if early > 0 {
            assert!(taken.is_done(), "until its height the present ones go on: {taken:?}");
            continue;
        }
        assert_eq!(taken, NOT_APPROVED);
        // Nobody had called the registry since, so it has not heard that its time has come.
        assert_eq!((record(&world), approved(&world)), (before, Some(Digest::of(&code))));
        let settled = world.main().call(&key(ANYONE), registry(), "take_effect", &());
        world.step(MAIN);
        assert!(world.at(MAIN).outcome(&settled).is_done() && approved(&world).is_none());
        assert_eq!(upgrade(&mut world, ANYONE, &code), NOT_APPROVED);
    }
}

/// That this code, though approved, is refused for what nodes could not read or call, and that the registry goes on as before.
#[track_caller]
fn refused_as_unreadable(world: &mut World, code: &[u8]) {
    approve(world, code, UNTIL_MS);
    let before = record(world);
    assert_eq!(upgrade(world, ANYONE, code), UNREADABLE);
    assert_eq!((record(world), approved(world)), (before, Some(Digest::of(code))), "the approval stays");
}
