//! A network as departments make it: each makes its own keys, the genesis is put together from public requests by two of
//! them independently, four nodes start from it and finalise a department's call, and hold a threshold key.

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
    let mut requests = Vec::new();
    for (place, department) in (0..).zip(DEPARTMENTS) {
        let (address, out) = (format!("127.0.0.1:{}", first + place), folder(department));
        let out = out.to_string_lossy();
        let words = ["network", "join", "--department", department, "--address", &address, "--out", &out, "--insecure"];
        let joined = json(&run(&[&words[..], &["--json"]].concat()));
        requests.push(joined["request"].as_str().expect("a file").to_owned());
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
}
