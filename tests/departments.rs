//! A network as departments make it: each makes its own keys, the genesis is put together from public requests by two of
//! them independently, four nodes start from it and finalise a department's call, and hold a threshold key; and the
//! operators break the glass.

use std::{
    collections::BTreeSet,
    path::Path,
    process::{Child, Stdio},
    time::{Duration, Instant},
};

use chancery::client::Node;
use chancery_tests::name;

use crate::finality::{command, free_ports, json, run};

const DEPARTMENTS: [&str; 4] = ["judicial", "interior", "environment", "transport"];
const PATIENCE: Duration = Duration::from_secs(120);

/// Nodes that end with the test, however it ends.
struct Nodes(Vec<Child>);

impl Drop for Nodes {
    fn drop(&mut self) {
        for child in &mut self.0 {
            child.kill().ok();
            child.wait().ok();
        }
    }
}

fn assemble(requests: &[String], out: &Path, api: u16) -> String {
    let (out, api) = (out.to_string_lossy(), format!("127.0.0.1:{api}"));
    let mut words = vec!["network", "assemble"];
    words.extend(requests.iter().map(String::as_str));
    words.extend(["--out", &out, "--timestamp-ms", "1790000000000", "--heartbeat-ms", "500", "--api", &api]);
    let deployer = format!("judicial={}", "7".repeat(64));
    words.extend(["--deployer", &deployer, "--json"]);
    json(&run(&words))["genesis"].as_str().expect("a digest").to_owned()
}

/// That no file under `folder` holds what is in any private key file.
fn no_private_key_in(folder: &Path, secrets: &BTreeSet<Vec<u8>>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let bytes = std::fs::read(&path).expect("a file");
        let leaks = secrets.iter().any(|secret| bytes.windows(secret.len()).any(|window| window == secret));
        assert!(!leaks, "{} holds a private key", path.display());
    }
}

#[test]
fn departments_make_their_keys_assemble_one_genesis_and_run() {
    let home = tempfile::tempdir().expect("a temporary directory");
    let first = free_ports();
    let folder = |department: &str| home.path().join(department);
    let (mut requests, mut validators) = (Vec::new(), Vec::new());
    for (place, department) in (0..).zip(DEPARTMENTS) {
        let (address, out) = (format!("127.0.0.1:{}", first + place), folder(department));
        let out = out.to_string_lossy();
        let words = ["network", "join", "--department", department, "--address", &address, "--out", &out, "--insecure"];
        let joined = json(&run(&[&words[..], &["--json"]].concat()));
        requests.push(joined["request"].as_str().expect("a file").to_owned());
        validators.push(joined["validator"].as_str().expect("a key")[..64].to_owned());
    }
    // Whoever assembles from the same requests comes to the same genesis, in whatever order they lie.
    let (one, other) = (home.path().join("one"), home.path().join("other"));
    let genesis = assemble(&requests, &one, first + 4);
    let mut turned = requests.clone();
    turned.reverse();
    assert_eq!(assemble(&turned, &other, first + 4), genesis);
    let key = |department: &&str| {
        let folder = folder(department).join("keys");
        let file = std::fs::read_dir(folder).expect("keys").next().expect("a key").expect("an entry").path();
        let text = std::fs::read_to_string(file).expect("a key file");
        let secret = text.lines().max_by_key(|line| line.len()).expect("a line");
        secret.trim().as_bytes().to_vec()
    };
    no_private_key_in(&one, &DEPARTMENTS.iter().map(key).collect());

    // A request that was changed on its way is refused.
    let changed = home.path().join("changed.json");
    let text = std::fs::read_to_string(&requests[1]).expect("a request").replace("interior", "judicial");
    std::fs::write(&changed, text).expect("a file");
    let (changed, out) = (changed.to_string_lossy(), home.path().join("third"));
    let refused = command(&["network", "assemble", &changed, "--timestamp-ms", "1", "--out", &out.to_string_lossy()]);
    let refused = { refused }.output().expect("a process");
    assert!(!refused.status.success() && String::from_utf8_lossy(&refused.stderr).contains("signature does not hold"));

    let mut nodes = Nodes(Vec::new());
    for (place, department) in (0u16..).zip(DEPARTMENTS) {
        let folder = folder(department);
        let toml = format!("{department}-{}.toml", place + 1);
        for file in ["genesis.scale", &toml] {
            std::fs::copy(one.join(file), folder.join(file)).expect("a public file");
        }
        let log = std::fs::File::create(folder.join("log")).expect("a log");
        let mut node = command(&["node", "--config", &toml]);
        node.current_dir(&folder).env("CHANCERY_STORE_DISK_RESERVE_MIB", "1");
        node.env("CHANCERY_API_LISTEN", format!("127.0.0.1:{}", first + 4 + place));
        nodes.0.push(node.stdout(Stdio::null()).stderr(log).spawn().expect("a process"));
    }
    let status = |place: u16| {
        let node = Node::at(&format!("http://127.0.0.1:{}", first + 4 + place)).expect("an address");
        node.chain(name("main")).status().ok()
    };
    let began = Instant::now();
    let holds = |place: u16| status(place).is_some_and(|status| status.threshold["newest_beacon"].as_u64() > Some(3));
    while !(0..4).all(holds) {
        assert!(
            began.elapsed() < PATIENCE,
            "no beacons: {}",
            std::fs::read_to_string(folder("judicial").join("log")).unwrap_or_default()
        );
        std::thread::sleep(Duration::from_millis(100));
    }
    // The registry is found by its name, and says who is who.
    let url = format!("http://127.0.0.1:{}", first + 4);
    let asked = run(&["query", "main/registry", "department", "--name", "interior", "--node", &url, "--json"]);
    assert_eq!(json(&asked)["value"]["title"], "interior", "{asked}");
    let statuses: Vec<_> = (0..4).map(|place| status(place).expect("it answers")).collect();
    assert!(statuses.iter().all(|status| status.genesis.to_string() == genesis));
    assert!(statuses.iter().all(|status| status.threshold["holders"] == 4 && status.threshold["untrusted"] == false));
    break_the_glass(home.path(), &url, &validators);
}

/// The operators of three nodes replace all administrators by one file, each signing where the key is.
fn break_the_glass(home: &Path, url: &str, validators: &[String]) {
    let office = |department: &str| home.join(department).join("office").to_string_lossy().into_owned();
    let height = || Node::at(url).expect("an address").chain(name("main")).status().expect("it answers").height;
    let administrators = || {
        let words = ["query", "main/registry", "administrators", "--limit", "9", "--node", url, "--json"];
        json(&run(&words))["value"].clone()
    };
    let effective_height = height() + 20;
    let rule = |departments: u32| serde_json::json!({ "approvals": 2, "departments": departments, "delay_ms": 0, "open_ms": 864_000_000 });
    let new = DEPARTMENTS.map(|department| {
        let keys = office(department);
        run(&["key", "new", "successor", "--insecure", "--keys", &keys]);
        let shown = json(&run(&["key", "show", "successor", "--keys", &keys, "--json"]));
        serde_json::json!({ "account": shown["address"], "department": department })
    });
    let order = serde_json::json!({
        "number": 0, "administrators": new, "routine": rule(1), "constitution": rule(2), "freeze": rule(2),
        "effective_height": effective_height, "legal_basis": "YJ-2026-1",
    });
    let file = home.join("order.json");
    std::fs::write(&file, order.to_string()).expect("a file");
    let file = file.to_string_lossy();
    let sign = |department: &str, validator: &str| {
        let (keys, out) = (office(department), home.join(format!("{department}.signature")));
        let out = out.to_string_lossy();
        let words = ["network", "break-glass", "--order", &file, "--validator", validator, "--keys", &keys];
        json(&run(&[&words[..], &["--out", &out, "--node", url, "--json"]].concat()))
    };
    let mut signatures: Vec<_> = DEPARTMENTS.iter().zip(validators).map(|(of, key)| sign(of, key)).collect();
    signatures.sort_by_key(|signature| signature["node"].to_string());
    let file_it = |signatures: &[serde_json::Value]| {
        let (order, keys) = (format!("@{file}"), office("transport"));
        let signatures = serde_json::Value::from(signatures).to_string();
        let words = ["call", "main/registry", "break_glass", "--order", &order, "--signatures", &signatures];
        let rest = ["--as", "administrator", "--keys", &keys, "--node", url, "--json"];
        let output = command(&[&words[..], &rest].concat()).output().expect("a process");
        (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let (filed, refused) = file_it(&signatures[..2]);
    assert!(!filed && refused.contains("NoQuorum"), "two of four are no quorum: {refused}");
    let before = administrators();
    let (filed, answer) = file_it(&signatures[..3]);
    assert!(filed, "{answer}");
    assert_eq!(administrators(), before, "until its height nothing has changed");
    let began = Instant::now();
    while height() < effective_height {
        assert!(began.elapsed() < PATIENCE, "height {effective_height} is not reached");
        std::thread::sleep(Duration::from_millis(100));
    }
    run(&["call", "main/registry", "take_effect", "--as", "successor", "--keys", &office("judicial"), "--node", url]);
    let after = administrators().to_string();
    assert_eq!(administrators().as_array().map(Vec::len), Some(4), "{after}");
    assert!(new.iter().all(|new| after.contains(new["account"].as_str().expect("an address"))), "{after}");
}
