//! What a resident, an authority, a department and a waste office do with their commands, against a running network.

use std::{fs, path::PathBuf};

use chancery_tests::contract_file;
use serde_json::{Value, json};

use crate::finality::{Network, command, json as parse, run};

/// Time until which what is attested here holds, milliseconds since 1970.
const UNTIL_MS: &str = "4000000000000";

/// A network with a service on it, and a folder for files.
pub(crate) struct Office {
    pub(crate) network: Network,
    pub(crate) folder: PathBuf,
    /// The one that calls go to.
    contract: &'static str,
    _home: tempfile::TempDir,
}

impl Office {
    pub(crate) fn open(contract: &'static str, department: &str, init: &[&str]) -> Self {
        let home = tempfile::tempdir().expect("a temporary directory");
        let mut network = Network::plan(home.path());
        (0..4).for_each(|number| network.start(number));
        network.wait("a block everywhere", |network| (0..4).all(|number| network.height(number) > 0));
        let folder = home.path().join("files");
        fs::create_dir(&folder).expect("a folder");
        let mut office = Self { network, folder, contract, _home: home };
        office.deploy(contract, department, init);
        office
    }

    /// Deploys another contract, to which calls go from now on.
    pub(crate) fn deploy(&mut self, contract: &'static str, department: &str, init: &[&str]) {
        self.contract = contract;
        let wasm = contract_file(&format!("{}.wasm", contract.replace('-', "_")));
        let wasm = wasm.to_string_lossy();
        let mut words = vec!["contract", "deploy", "main", &wasm, "--department", department, "--name", contract];
        words.extend(init);
        words.extend(["--as", "demo"]);
        self.on_chain(&words);
    }

    pub(crate) fn file(&self, name: &str) -> String {
        self.folder.join(name).to_string_lossy().into_owned()
    }

    pub(crate) fn keys(&self) -> String {
        self.network.home.join("keys").to_string_lossy().into_owned()
    }

    pub(crate) fn new_key(&self, name: &str) {
        run(&["key", "new", name, "--insecure", "--keys", &self.keys()]);
    }

    /// Runs a command with this office's keys and node; its last line of output as JSON, and whether it was done.
    pub(crate) fn attempt(&self, words: &[&str]) -> (bool, Value) {
        let (keys, node) = (self.keys(), self.network.apis[0].clone());
        let rest = ["--keys", &keys, "--node", &node, "--json"];
        let output = command(&[words, &rest].concat()).output().expect("a process");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let last = text.lines().rfind(|line| line.contains('{')).unwrap_or("{}");
        (output.status.success(), parse(last))
    }

    pub(crate) fn on_chain(&self, words: &[&str]) -> Value {
        let (done, answer) = self.attempt(words);
        assert!(done, "{words:?}: {answer}");
        answer
    }

    pub(crate) fn call(&self, method: &str, by: &str, arguments: &[&str]) -> Value {
        let contract = format!("main/{}", self.contract);
        self.on_chain(&[&["call", &contract, method], arguments, &["--as", by]].concat())
    }

    pub(crate) fn try_each(&self, method: &str, by: &str, calls: &str) -> (bool, Value) {
        let contract = format!("main/{}", self.contract);
        self.attempt(&["call", &contract, method, "--each", calls, "--as", by])
    }

    /// Runs a command that makes files and calls, whose output goes to `name`.
    pub(crate) fn prepare(&self, name: &str, words: &[&str]) -> (bool, String) {
        let output = command(words).output().expect("a process");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        // What the test's own process says before and after is not JSON.
        let lines: Vec<&str> = text.lines().filter_map(|line| line.find('{').map(|start| &line[start..])).collect();
        fs::write(self.folder.join(name), lines.join("\n") + "\n").expect("a file");
        (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

#[test]
fn a_resident_shows_one_attribute_under_consent_and_proves_who_looked() {
    let office = Office::open("identity", "interior", &["--replacement_delay_ms", "259200000"]);
    ["authority", "desk", "resident"].into_iter().for_each(|name| office.new_key(name));
    office.call("appoint_authority", "demo", &["--account", "key:authority", "--label", "interior-1"]);
    office.call("appoint_department", "demo", &["--account", "key:desk", "--label", "desk-1"]);
    let shown = parse(&run(&["key", "show", "resident", "--keys", &office.keys(), "--json"]));
    let resident = json!({
        "subject": shown["address"], "attributes": { "name": "Li Canary", "over-18": "yes", "district": "west" },
    });
    fs::write(office.folder.join("residents"), format!("{resident}\n")).expect("a file");
    let (residents, wallets) = (office.file("residents"), office.file("wallets"));
    let words = ["identity", "prepare", &residents, "--wallets", &wallets, "--valid-from-ms", "0"];
    assert!(office.prepare("attest", &[&words[..], &["--valid-until-ms", UNTIL_MS]].concat()).0);
    assert!(office.try_each("attest", "authority", &office.file("attest")).0);
    let root = parse(&fs::read_to_string(&wallets).expect("wallets"))["root"].as_str().expect("a root").to_owned();
    let keys = office.keys();
    let words = ["identity", "present", "--wallets", &wallets, "--root", &root, "--attribute", "over-18"];
    let rest = ["--for", "desk-1", "--as", "resident", "--keys", &keys];
    assert!(office.prepare("presented", &[&words[..], &rest].concat()).0);
    let presented = fs::read_to_string(office.file("presented")).expect("a file");
    assert!(presented.contains("over-18") && !presented.contains("Canary") && !presented.contains("west"));

    let (file, keys) = (office.file("presented"), office.keys());
    let (grant, secret) = (office.file("grant"), office.file("secret"));
    let words = ["identity", "consent", &file, "--department", "key:desk", "--purpose", "licence-1", "--uses", "3"];
    let rest = ["--until-ms", UNTIL_MS, "--grant", &grant, "--secret", &secret, "--keys", &keys];
    assert!(office.prepare("consent", &[&words[..], &rest].concat()).0);
    assert!(office.try_each("give_consent", "resident", &office.file("consent")).0);
    let verify = |number: &str, sealed: &str| {
        let sealed = office.file(sealed);
        let words = ["identity", "verification", &grant, "--consent", "0", "--use", number, "--reason", "a licence"];
        assert!(office.prepare("verification", &[&words[..], &["--sealed", &sealed]].concat()).0);
        office.try_each("verify", "desk", &office.file("verification")).0
    };
    assert!(verify("0", "sealed-0"));
    assert!(!verify("0", "sealed-again"), "a tag serves once");
    assert!(!verify("2", "sealed-early"), "and in order");
    assert!(verify("1", "sealed-1"));

    let anchor = office.network.home.join("anchor").to_string_lossy().into_owned();
    let (first, second) = (office.file("sealed-0"), office.file("sealed-1"));
    let node = office.network.apis[0].clone();
    let records = |secret: &str, sealed: &[&str]| {
        let mut words =
            vec!["identity", "records", secret, "--consent", "0", "--anchor", &anchor, "--node", &node, "--json"];
        sealed.iter().for_each(|file| words.extend(["--sealed", file]));
        let output = command(&words).output().expect("a process");
        (output.status.success(), parse(&String::from_utf8_lossy(&output.stdout)))
    };
    let (done, all) = records(&secret, &[&first, &second]);
    assert!(done && all["complete"] == true && all["used"] == 2, "{all}");
    let reasons: Vec<_> = all["records"].as_array().expect("a list").iter().map(|record| &record["reason"]).collect();
    assert_eq!(reasons, ["a licence", "a licence"]);
    // Without what the department kept the records are there all the same; what it kept for another is not theirs.
    let (done, bare) = records(&secret, &[]);
    assert!(done && bare["records"][0]["reason"].is_null(), "{bare}");
    let mut changed: Value = parse(&fs::read_to_string(&secret).expect("a file"));
    changed["secret"] = "ab".repeat(32).into();
    let other = office.file("other-secret");
    fs::write(&other, changed.to_string()).expect("a file");
    let (done, refused) = records(&other, &[]);
    assert!(!done && refused["error"]["code"] == "not_proven", "{refused}");

    // The credential's proof is checked offline, and after its erasure no longer holds.
    let proof = office.file("credential.proof");
    let prove = || run(&["prove", "main/identity", "credentials", &root, "--node", &node, "--output", &proof]);
    let check_for = |audience: &str| {
        let words = ["identity", "check", &file, "--proof", &proof, "--anchor", &anchor, "--max-age", "3600"];
        let output = command(&[&words[..], &["--for", audience, "--json"]].concat()).output().expect("a process");
        (output.status.success(), parse(&String::from_utf8_lossy(&output.stdout)))
    };
    let check = || check_for("desk-1");
    prove();
    let (done, passed_on) = check_for("desk-2");
    assert!(!done && passed_on.to_string().contains("somebody else"), "{passed_on}");
    let (done, checked) = check();
    assert!(done && checked["name"] == "over-18" && checked["value"] == "yes", "{checked}");
    office.call("erase", "resident", &["--credentials", &format!("[\"{root}\"]")]);
    prove();
    let (done, erased) = check();
    assert!(!done && erased.to_string().contains("erased"), "{erased}");
    assert!(!verify("2", "sealed-2"), "nothing is verified after the erasure");
}

#[test]
fn a_csv_of_weigh_ins_becomes_points_and_wrong_rows_are_named() {
    let office = Office::open("waste-sorting", "environment", &[]);
    ["office", "inspector"].into_iter().for_each(|name| office.new_key(name));
    let seconds = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let today = (seconds + 8 * 3_600) / 86_400;
    let day = |days: i64| (today as i64 + days).to_string();
    office.call("set_district", "demo", &["--district", "7", "--office", "key:office", "--label", "west"]);
    let staff = r#"{"district":7,"weighs":true,"arbitrates":false,"redeems":true,"label":"i-1"}"#;
    office.call("appoint", "office", &["--account", "key:inspector", "--staff", staff]);
    let point = r#"{"district":7,"open":true,"label":"gate-1"}"#;
    office.call("set_point", "office", &["--number", "1", "--point", point]);
    let rule = r#"{"rates":[100,50,20,0,200,100,40,0,300,300,300,300,10,5,0,0],"reference":"W-1"}"#;
    office.call("set_rule", "office", &["--district", "7", "--from_day", &day(-30), "--rule", rule]);
    let (from, to) = (day(-30), day(60));
    let words =
        ["--district", "7", "--number", "1", "--first_day", &from, "--last_day", &to, "--redeem_until_day", &to];
    office.call("open_period", "office", &words);

    fs::write(office.folder.join("key"), "5c".repeat(32)).expect("a file");
    fs::write(office.folder.join("register"), "1-101\n1-102\n\n1-103\n").expect("a file");
    fs::write(office.folder.join("twice"), "1-101\n1-102\n1-101\n").expect("a file");
    let key = office.file("key");
    let codes = |register: &str| {
        let register = office.file(register);
        office.prepare("enrol", &["waste", "codes", &register, "--district", "7", "--period", "1", "--key-file", &key])
    };
    let (done, said) = codes("twice");
    assert!(!done && said.contains("line 3 is the household of line 1"), "{said}");
    assert!(codes("register").0);
    assert!(office.try_each("enrol", "office", &office.file("enrol")).0);
    // The date of today at UTC+8 as the calendar has it.
    let date = day_text(today);
    let csv = format!(
        "slip,household,day,category,grade,grams\n1,1-101,{date},Kitchen,A,2000\n2,9-999,{date},Kitchen,A,2000\n\
         3,1-102,{date},Recyclable,B,heavy\n4,1-103,{date},Recyclable,A,3000\n1,1-103,{date},Recyclable,A,3000\n"
    );
    fs::write(office.folder.join("csv"), csv).expect("a file");
    let file = office.file("csv");
    let (done, said) = office.prepare("weigh", &["waste", "batches", &file, "--point", "1", "--key-file", &key]);
    assert!(!done && said.contains("line 4: the weight"), "{said}");
    let weigh = office.file("weigh");
    let (done, summary) = office.try_each("weigh", "inspector", &weigh);
    assert!(done, "{summary}");
    let month = date.replace('-', "")[..6].to_owned();
    let contract = "main/waste-sorting";
    let totals = office.on_chain(&["query", contract, "month", "--district", "7", "--month", &month])["value"].clone();
    assert_eq!((&totals["weighings"], &totals["points"]), (&json!(2), &json!(8)), "{totals}");
    let rows = parse(&fs::read_to_string(&weigh).expect("calls"))["rows"].clone();
    let code = rows[0]["household"].as_str().expect("a code").to_owned();
    let household = office.on_chain(&["query", contract, "household", "--code", &code])["value"].clone();
    assert_eq!(household["points"], 2, "{household}");
    let receipt = "7a".repeat(32);
    let redeem = |points: &str| {
        let words = ["call", contract, "redeem", "--receipt", &receipt, "--code", &code, "--points", points];
        office.attempt(&[&words[..], &["--as", "inspector"]].concat())
    };
    assert!(!redeem("3").0, "never below zero");
    assert!(redeem("2").0);
    assert!(!redeem("1").0, "a receipt serves once");
}

/// A day since 1970 as YYYY-MM-DD.
pub(crate) fn day_text(day: u64) -> String {
    let output = std::process::Command::new("date").args(["-u", "-d", &format!("@{}", day * 86_400), "+%F"]).output();
    String::from_utf8(output.expect("date runs").stdout).expect("a date").trim().to_owned()
}
