//! `chancery contract upgrade`, against a running node: what it shows, what it refuses before anything is sent, and that
//! a migration is tried out first.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::{Dev, contract};

/// A chain with the office's first release and one permit.
fn office() -> Dev {
    let dev = Dev::start();
    let v1 = contract("office_v1.wasm");
    let deploy = ["contract", "deploy", "main", &v1, "--department", "judicial", "--name", "office", "--as", "demo"];
    let deployed = dev.run(&deploy);
    assert_eq!(deployed.code, Some(0), "{}{}", deployed.out, deployed.err);
    let granted = dev.run(&["call", "main/office", "grant", "--holder", "key:demo", "--as", "demo"]);
    assert_eq!(granted.code, Some(0), "{}{}", granted.out, granted.err);
    dev
}

fn upgrade(dev: &Dev, file: &str, more: &[&str]) -> crate::Ended {
    let file = contract(file);
    dev.run(&[&["contract", "upgrade", "main/office", &file, "--as", "demo"], more].concat())
}

fn ask(dev: &Dev, method: &str, more: &[&str]) -> Value {
    let asked = dev.run(&[&["query", "main/office", method], more].concat());
    assert_eq!(asked.code, Some(0), "{}{}", asked.out, asked.err);
    asked.json()["value"].clone()
}

#[test]
fn from_one_release_to_the_next() {
    let dev = office();
    let before = ask(&dev, "permit", &["--number", "0"]);

    // Refused before anything is signed, with everything that is to blame.
    let broken = upgrade(&dev, "office_broken.wasm", &[]);
    assert_eq!(broken.code, Some(1), "{}", broken.out);
    let error = broken.json()["error"].clone();
    assert_eq!(error["code"], "incompatible_upgrade");
    let reasons = error["reasons"].to_string();
    for blamed in ["field owner gone", "field count was u32", "field permits was Permit by u32", "type Permit"] {
        assert!(reasons.contains(blamed), "{reasons} does not say {blamed}");
    }

    // A dry run shows the changes and sends nothing.
    let tried = upgrade(&dev, "office_v2.wasm", &["--dry-run"]);
    assert_eq!(tried.code, Some(0), "{}{}", tried.out, tried.err);
    let changes = tried.json();
    assert_eq!((&changes["status"], &changes["migration"]), (&Value::from("dry_run"), &Value::Null));
    let named = |what: &str, name: &str| {
        let all = changes["changes"].as_array().expect("a list");
        all.iter().find(|change| change["what"] == what && change["name"] == name).expect("it changed").clone()
    };
    assert_eq!(named("field", "reasons")["change"], "added");
    assert_eq!(named("type", "Standing")["concerns"], "readers", "a variant more can be read");
    assert_eq!(named("method", "suspend")["change"], "added");
    assert_eq!(ask(&dev, "release", &[]), 1);

    // A migration that would fail is found before it is sent.
    let early = upgrade(&dev, "office_migrated.wasm", &["--until-ms", "1"]);
    assert_eq!(early.code, Some(1), "{}", early.out);
    assert!(early.out.contains("TooEarly") && early.out.contains("nothing was sent"), "{}", early.out);
    assert_eq!(ask(&dev, "release", &[]), 1);
    assert_eq!(ask(&dev, "permit", &["--number", "0"]), before);

    // So are a migration's arguments.
    let missing = upgrade(&dev, "office_migrated.wasm", &[]);
    assert_eq!(missing.code, Some(2), "{}", missing.out);

    let done = upgrade(&dev, "office_migrated.wasm", &["--until-ms", "4000000000000"]);
    assert_eq!(done.code, Some(0), "{}{}", done.out, done.err);
    assert_eq!(done.json()["migration"], "migrate");
    assert_eq!(ask(&dev, "release", &[]), 3);
    assert_eq!(ask(&dev, "permit", &["--number", "0"])["until_ms"], 4_000_000_000_000u64);

    let again = upgrade(&dev, "office_migrated.wasm", &["--until-ms", "4000000000000"]);
    assert_eq!(again.json()["error"]["code"], "unchanged", "{}", again.out);
}

#[test]
fn the_registry_is_upgraded_once_an_act_has_approved_the_module() {
    let dev = Dev::start();
    let file = dev.folder().join("registry.wasm");
    // The registry's own module with an empty custom section, which is another code.
    std::fs::write(&file, [chancery::chain::REGISTRY_WASM, b"\0\x08\x07release"].concat())
        .expect("a folder to write to");
    let file = file.to_str().expect("the path is a text");
    let upgrade =
        |more: &[&str]| dev.run(&[&["contract", "upgrade", "main/registry", file, "--as", "demo"], more].concat());
    let early = upgrade(&[]);
    assert_eq!(early.code, Some(1), "{}", early.out);
    assert!(
        early.out.contains("no act has approved this code") && early.out.contains("nothing was sent"),
        "{}",
        early.out
    );

    let checked = dev.run(&["contract", "check", file]).json();
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970");
    let until_ms = u64::try_from(since.as_millis()).expect("a time") + 30 * 86_400_000;
    let measure = json!({ "ApproveUpgrade": { "code": checked["sha256"], "until_ms": until_ms } }).to_string();
    let act = |by: &str, words: &[&str]| {
        let called = dev.run(&[&["call", "main/registry"], words, &["--as", by]].concat());
        assert_eq!(called.code, Some(0), "{}{}", called.out, called.err);
        called.json()["outcome"]["value"].clone()
    };
    let number = act("admin-judicial", &["propose", "--measure", &measure, "--reference", "2026-9"]).to_string();
    act("admin-interior", &["approve", "--act", &number]);
    act("admin-judicial", &["carry_out", "--act", &number]);
    let approved = dev.run(&["query", "main/registry", "approved_upgrade"]).json();
    assert_eq!(approved["value"]["code"], checked["sha256"]);

    let tried = upgrade(&["--dry-run"]);
    assert_eq!((tried.code, &tried.json()["status"]), (Some(0), &Value::from("dry_run")), "{}", tried.out);
    let done = upgrade(&[]);
    assert_eq!(done.code, Some(0), "{}{}", done.out, done.err);
    let contracts = dev.run(&["contract", "list", "main"]).json();
    let contracts = contracts["contracts"].as_array().expect("a list");
    let registry = contracts.iter().find(|contract| contract["name"] == "registry").expect("it is there");
    assert_eq!((&registry["code"], &registry["revision"]), (&checked["sha256"], &Value::from(1)));
    assert_eq!(dev.run(&["query", "main/registry", "approved_upgrade"]).json()["value"], Value::Null, "it is used up");
}

#[test]
fn a_schema_is_saved_for_handles() {
    let dev = office();
    let (from_chain, from_file) = (dev.folder().join("chain.schema"), dev.folder().join("file.schema"));
    let v1 = contract("office_v1.wasm");
    for (what, path) in [("main/office", &from_chain), (v1.as_str(), &from_file)] {
        let path = path.to_str().expect("the path is a text");
        let saved = dev.run(&["contract", "schema", what, "--save", path]);
        assert_eq!(saved.code, Some(0), "{}{}", saved.out, saved.err);
    }
    let read = |path| std::fs::read(path).expect("it was saved");
    let section = read(&from_chain);
    assert_eq!(section, read(&from_file), "what the chain gives is what the module has");
    let schema = chancery_abi::schema::Schema::from_section(&section).expect("it is a schema");
    assert_eq!(schema.name, "Office");
}
