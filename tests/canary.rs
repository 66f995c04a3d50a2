//! Ten thousand citizens who do not exist go through every service, and then everything that the nodes have kept is
//! searched for their names, numbers and addresses: every decoded column of the database, every file as it lies on the
//! disk, logs and metrics. What is planted on purpose is found, so the search is one.

use std::{
    fs,
    path::{Path, PathBuf},
};

use aho_corasick::AhoCorasick;
use chancery::store::{DiskDb, StoreConfig, StoreDirectory};
use chancery_abi::Digest;
use chancery_runtime::storage::{Column, StateReader as _};
use serde_json::{Value, json};

use crate::{
    finality::{Network, json as parse, run},
    services::{Office, day_text},
};

const CITIZENS: usize = 10_000;
/// Rows that are read of a column at once.
const ROWS: usize = 1_000;

/// What nobody but the offices may know of a citizen.
struct Citizen {
    name: String,
    number: String,
    street: String,
    household: String,
}

impl Citizen {
    fn of(place: usize) -> Self {
        // Far enough apart that no number is another's, and long enough that none comes about by chance.
        let mixed = (place as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        Self {
            name: format!("Canary-{:06x}-{place:05}", mixed >> 40),
            number: format!("33010619{:05}{place:05}", mixed % 100_000),
            street: format!("{place} Kanarienweg {:04}", mixed % 10_000),
            household: format!("hh-{:08x}-{place:05}", mixed >> 32),
        }
    }

    fn words(self) -> [String; 4] {
        [self.name, self.number, self.street, self.household]
    }
}

fn citizens() -> impl Iterator<Item = Citizen> {
    (0..CITIZENS).map(Citizen::of)
}

/// What is looked for: every word as it is, and as it would stand in hexadecimal.
struct Search {
    words: Vec<String>,
    finder: AhoCorasick,
}

impl Search {
    fn new() -> Self {
        let hexadecimal = |word: &String| word.bytes().map(|byte| format!("{byte:02x}")).collect::<String>();
        let words: Vec<String> =
            citizens().flat_map(Citizen::words).flat_map(|word| [hexadecimal(&word), word]).collect();
        let finder = AhoCorasick::new(&words).expect("words are words");
        Self { words, finder }
    }

    fn note(&self, place: &str, bytes: &[u8], found: &mut Vec<String>) {
        if let Some(hit) = self.finder.find(bytes) {
            found.push(format!("{} in {place}", self.words[hit.pattern().as_usize()]));
        }
    }

    /// All files under a folder, as they lie there.
    fn files(&self, folder: &Path, found: &mut Vec<String>) -> u64 {
        let mut read = 0;
        for entry in fs::read_dir(folder).expect("a folder").flatten() {
            let path = entry.path();
            if path.is_dir() {
                read += self.files(&path, found);
            } else {
                let bytes = fs::read(&path).expect("a file");
                read += bytes.len() as u64;
                self.note(&path.display().to_string(), &bytes, found);
            }
        }
        read
    }

    /// Every key and value of a stopped node's database, decoded.
    fn database(&self, data: &Path, found: &mut Vec<String>) -> u64 {
        let directory = StoreDirectory::open(&data.join("store")).expect("a store");
        let database = DiskDb::open(directory, &StoreConfig::default()).expect("a database");
        let chain = database.chains().expect("readable").remove(0).chain;
        let store = database.open_chain(chain).expect("the chain");
        let mut rows = 0;
        for column in Column::ALL {
            let mut from = Vec::new();
            loop {
                let page = store.scan(column, &[], &from, ROWS).expect("readable");
                for (key, value) in &page {
                    self.note(column.name(), key, found);
                    self.note(column.name(), value, found);
                }
                rows += page.len() as u64;
                match page.last() {
                    Some((last, _)) if page.len() == ROWS => from = [&last[..], &[0]].concat(),
                    _ => break,
                }
            }
        }
        rows
    }

    /// Everything that a node has.
    fn node(&self, network: &Network, number: usize) -> (Vec<String>, u64, u64) {
        let mut found = Vec::new();
        let bytes = self.files(&network.node_dir(number), &mut found);
        let rows = self.database(&network.node_dir(number), &mut found);
        (found, rows, bytes)
    }
}

fn write(office: &Office, name: &str, lines: impl Iterator<Item = String>) -> PathBuf {
    let path = office.folder.join(name);
    fs::write(&path, lines.collect::<Vec<_>>().join("\n") + "\n").expect("a file");
    path
}

/// All are attested; the first few show an attribute, and it is verified for a reason that names them.
fn identities(office: &mut Office) {
    office.deploy("identity", "interior", &["--replacement_delay_ms", "259200000"]);
    ["authority", "desk", "resident"].into_iter().for_each(|name| office.new_key(name));
    office.call("appoint_authority", "demo", &["--account", "key:authority", "--label", "interior-1"]);
    office.call("appoint_department", "demo", &["--account", "key:desk", "--label", "desk-1"]);
    let shown = parse(&run(&["key", "show", "resident", "--keys", &office.keys(), "--json"]));
    let resident = |(place, citizen): (usize, Citizen)| {
        let subject = match place {
            0..5 => shown["address"].clone(),
            _ => Digest::of(&place.to_le_bytes()).to_string().into(),
        };
        let attributes = json!({ "name": citizen.name, "number": citizen.number, "street": citizen.street });
        json!({ "subject": subject, "attributes": attributes }).to_string()
    };
    let residents = write(office, "residents", citizens().enumerate().map(resident));
    let (residents, wallets) = (residents.to_string_lossy().into_owned(), office.file("wallets"));
    let words = ["identity", "prepare", &residents, "--wallets", &wallets, "--valid-from-ms", "0"];
    assert!(office.prepare("attest", &[&words[..], &["--valid-until-ms", "4000000000000"]].concat()).0);
    assert!(office.try_each("attest", "authority", &office.file("attest")).0);
    let roots = fs::read_to_string(&wallets).expect("wallets");
    let roots = roots.lines().take(5).map(|line| parse(line)["root"].as_str().expect("a root").to_owned());
    for (place, (root, citizen)) in roots.zip(citizens()).enumerate() {
        let file = |name: &str| office.file(&format!("{name}-{place}"));
        let (presented, grant, secret, sealed) = (file("presented"), file("grant"), file("secret"), file("sealed"));
        let words = ["identity", "present", "--wallets", &wallets, "--root", &root, "--attribute", "number"];
        assert!(office.prepare(&format!("presented-{place}"), &words).0);
        let keys = office.keys();
        let words = ["identity", "consent", &presented, "--department", "key:desk", "--purpose", "licence-1"];
        let rest = ["--until-ms", "3900000000000", "--grant", &grant, "--secret", &secret, "--keys", &keys];
        assert!(office.prepare("consent", &[&words[..], &rest].concat()).0);
        assert!(office.try_each("give_consent", "resident", &office.file("consent")).0);
        let reason = format!("a licence for {} of {}", citizen.name, citizen.street);
        let words = ["identity", "verification", &grant, "--consent", "0", "--use", "0", "--reason", &reason];
        assert!(office.prepare("verification", &[&words[..], &["--sealed", &sealed]].concat()).0);
        assert!(office.try_each("verify", "desk", &office.file("verification")).0);
    }
}

/// All households are enrolled and weighed in by the office's own numbers.
fn weigh_ins(office: &mut Office) {
    office.deploy("waste-sorting", "environment", &[]);
    ["office", "inspector"].into_iter().for_each(|name| office.new_key(name));
    let seconds = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let today = (seconds + 8 * 3_600) / 86_400;
    let (from, to) = ((today - 30).to_string(), (today + 60).to_string());
    office.call("set_district", "demo", &["--district", "7", "--office", "key:office", "--label", "west"]);
    let staff = r#"{"district":7,"weighs":true,"arbitrates":false,"redeems":true,"label":"i-1"}"#;
    office.call("appoint", "office", &["--account", "key:inspector", "--staff", staff]);
    let point = r#"{"district":7,"open":true,"label":"gate-1"}"#;
    office.call("set_point", "office", &["--number", "1", "--point", point]);
    let rule = r#"{"rates":[100,50,20,0,200,100,40,0,300,300,300,300,10,5,0,0],"reference":"W-1"}"#;
    office.call("set_rule", "office", &["--district", "7", "--from_day", &from, "--rule", rule]);
    let words =
        ["--district", "7", "--number", "1", "--first_day", &from, "--last_day", &to, "--redeem_until_day", &to];
    office.call("open_period", "office", &words);
    fs::write(office.folder.join("key"), "5c".repeat(32)).expect("a file");
    let key = office.file("key");
    let register = write(office, "register", citizens().map(|citizen| citizen.household));
    let register = register.to_string_lossy();
    let words = ["waste", "codes", &register, "--district", "7", "--period", "1", "--key-file", &key];
    assert!(office.prepare("enrol", &words).0);
    assert!(office.try_each("enrol", "office", &office.file("enrol")).0);
    let date = day_text(today);
    let row = |(slip, citizen): (usize, Citizen)| format!("{slip},{},{date},Kitchen,A,1500", citizen.household);
    let heading = std::iter::once("slip,household,day,category,grade,grams".to_owned());
    let csv = write(office, "csv", heading.chain(citizens().enumerate().map(row)));
    let csv = csv.to_string_lossy();
    assert!(office.prepare("weigh", &["waste", "batches", &csv, "--point", "1", "--key-file", &key]).0);
    assert!(office.try_each("weigh", "inspector", &office.file("weigh")).0);
}

/// A register of all of them is filed as a batch of salted digests.
fn evidence(office: &Office) {
    office.call("appoint", "demo", &["--custodian", "key:demo", "--label", "registry-1"]);
    let lines = write(office, "people", citizens().map(|citizen| citizen.words().join(";")));
    let (lines, salts, paths) = (lines.to_string_lossy().into_owned(), office.file("salts"), office.file("paths"));
    let batch = run(&["digest", "batch", "--lines", &lines, "--salt-file", &salts, "--paths", &paths, "--json"]);
    let root = parse(&batch)["root"].as_str().expect("a root").to_owned();
    let count = CITIZENS.to_string();
    office.call("file_batch", "demo", &["--root", &root, "--count", &count, "--case_number", "2026-0001"]);
}

#[test]
fn nothing_of_ten_thousand_citizens_is_in_anything_that_nodes_keep() {
    let mut office = Office::open("evidence", "judicial", &["--court", "key:demo"]);
    evidence(&office);
    identities(&mut office);
    weigh_ins(&mut office);
    let search = Search::new();
    let mut found = Vec::new();
    for number in 0..4 {
        let metrics = crate::snapshot::get(&office.network.apis[number], "/metrics");
        assert!(metrics.contains("chancery_transactions_total"));
        search.note("metrics", metrics.as_bytes(), &mut found);
    }
    let reached = office.network.height(0);
    office.network.wait("all are as far", |network| (0..4).all(|number| network.height(number) >= reached));
    office.network.kill(3);
    let (kept, rows, bytes) = search.node(&office.network, 3);
    found.extend(kept);
    assert!(rows > 30_000 && bytes > 1_000_000, "only {rows} rows and {bytes} bytes were searched");
    assert!(found.is_empty(), "{} of {}: {:?}", found.len(), search.words.len(), &found[..found.len().min(5)]);

    // An official who writes somebody's number into a label, which no contract can know for one, is found.
    let planted = Citizen::of(4_711).number;
    office.call("set_point", "office", &["--number", "2", "--point", &label(&planted).to_string()]);
    let reached = office.network.height(0);
    office.network.wait("it is final", |network| network.height(0) > reached);
    office.network.kill(0);
    let (kept, ..) = search.node(&office.network, 0);
    assert!(kept.iter().any(|hit| hit.starts_with(&planted)), "what was planted was not found: {kept:?}");
}

fn label(text: &str) -> Value {
    json!({ "district": 7, "open": true, "label": text })
}
