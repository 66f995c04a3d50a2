//! A sidechain in a process of its own, with a key of its own, which follows the mainchain and hosts nothing else: no process
//! has both ends of its lanes to the other sidechain. Messages go both ways all the same, each exactly once; what does not
//! run comes back; what waits while that process is down arrives afterwards; and what a retired chain never took goes back.

use chancery_tests::name;
use serde_json::Value;

use crate::{
    finality::{Network, json, run},
    membership::{admit, join, query},
};

/// The node that hosts beta alone, and those that host alpha and not beta.
const ALONE: usize = 4;
const OTHERS: [usize; 3] = [0, 1, 2];

/// One end of a lane: a node, and the chain on it.
type End<'a> = (usize, &'a str);

impl Network {
    /// What a node's `chancery chain lanes` says of the lanes between a chain of its own and another.
    fn lane(&self, (number, chain): End<'_>, other: &str) -> Value {
        let lanes = json(&run(&["chain", "lanes", chain, "--node", &self.apis[number], "--json"]));
        lane_of(&lanes, other).unwrap_or_else(|| panic!("{chain} knows {other}"))
    }

    /// Whether all that was sent from a chain has been taken by another, which another node hosts.
    fn is_drained(&self, from: End<'_>, to: End<'_>) -> bool {
        let lanes = |(number, chain): End<'_>, other: &str| {
            self.get(number, &format!("{chain}/lanes")).and_then(|lanes| lane_of(&lanes, other))
        };
        // What was sent is asked first: nothing is taken that was not sent.
        let sent = lanes(from, to.1).and_then(|lane| lane["sent"].as_u64());
        let taken = lanes(to, from.1).and_then(|lane| lane["taken"].as_u64());
        sent.is_some() && sent == taken
    }

    /// Calls alpha's courier with points for a method of beta's.
    fn send_for(&self, method: &str, to: &str, amount: u64) -> u64 {
        let amount = amount.to_string();
        let words = ["call", "alpha/courier", "send", "--arg", "chain=beta", "--to", to, "--method", method];
        let rest = ["--amount", &amount, "--arg", "valid_for=1000", "--as", "demo"];
        let sent = self.cli(OTHERS[0], &[&words[..], &rest].concat());
        assert_eq!(sent["outcome"]["kind"], "done", "{sent}");
        sent["outcome"]["value"].as_u64().expect("its number on the lane")
    }

    /// Whether a message of alpha's to beta came back to it.
    fn came_back(&self, number: u64) -> bool {
        let number = format!("number={number}");
        let words = ["query", "alpha/courier", "fate", "--arg", "chain=beta", "--arg", &number];
        self.cli(OTHERS[0], &words)["value"][1] == true
    }
}

fn lane_of(lanes: &Value, other: &str) -> Option<Value> {
    lanes["lanes"].as_array()?.iter().find(|lane| lane["chain"] == other).cloned()
}

/// Four nodes that host alpha, but for one, and a fifth with a key of its own that hosts beta and nothing else.
fn found(network: &mut Network) {
    (0..4).for_each(|number| network.start(number));
    network.wait("a block everywhere", |network| (0..4).all(|number| network.height(number) > 0));
    let joined = join(network);
    network.start(ALONE);
    let from_height = admit(network, &joined);
    let key = joined["key"].as_str().expect("a key").to_owned();
    network.wait("the fifth node follows, and says where it is", |network| {
        network.height(ALONE) > from_height && !query(network, &["readiness_of", "--key", &key]).is_null()
    });

    network.found("alpha", "judicial", &OTHERS);
    let words = ["chain", "create", "beta", "--department", "transport", "--committee", &key, "--deployer", "key:demo"];
    let rest = ["--anchor-ms", "1000", "--wait", "0", "--as", "admin-judicial", "--as", "admin-interior"];
    network.cli(OTHERS[0], &[&words[..], &rest].concat());
    network.wait("blocks where they are to be", |network| {
        OTHERS.iter().all(|number| network.height_of(*number, "alpha") > 1) && network.height_of(ALONE, "beta") > 1
    });
    let hosted = |number: usize| -> Vec<bool> {
        let sidechains = network.get(number, "main/sidechains").expect("it answers");
        sidechains.as_array().expect("a list").iter().map(|side| side["hosted"] == true).collect()
    };
    assert_eq!((hosted(OTHERS[0]), hosted(ALONE)), (vec![true, false], vec![false, true]));
}

#[test]
fn a_chain_in_a_process_of_its_own_exchanges_messages_with_one_that_no_process_hosts_beside_it() {
    let home = tempfile::tempdir().expect("a temporary directory");
    let mut network = Network::plan(home.path());
    found(&mut network);
    let (main, alpha, beta): (End, End, End) = ((OTHERS[0], "main"), (OTHERS[0], "alpha"), (ALONE, "beta"));
    network.wait("word from the registry", |network| network.is_drained(main, alpha) && network.is_drained(main, beta));
    let alpha_courier = network.deploy_courier(OTHERS[0], "alpha", "judicial");
    let beta_courier = network.deploy_courier(ALONE, "beta", "transport");
    let main_courier = network.deploy_courier(OTHERS[1], "main", "judicial");
    let to_beta = beta_courier.to_string();

    for _ in 0..3 {
        network.send(OTHERS[0], "alpha", "beta", beta_courier, 5);
    }
    for _ in 0..2 {
        network.send(ALONE, "beta", "alpha", alpha_courier, 2);
    }
    network.send(ALONE, "beta", "main", main_courier, 3);
    network.send(OTHERS[1], "main", "beta", beta_courier, 1);
    let declined = network.send_for("decline", &to_beta, 7);
    assert_eq!(declined, 3, "the fourth on its lane");
    network.wait("everything has arrived, and what was declined is back", |network| {
        // In this order: a message that goes back is sent when it is taken.
        network.is_drained(alpha, beta)
            && network.is_drained(beta, alpha)
            && network.is_drained(beta, main)
            && network.is_drained(main, beta)
    });
    assert_eq!(network.points(OTHERS[0], "alpha", "beta"), (1_000 - 15, 4));
    assert_eq!(network.points(ALONE, "beta", "alpha"), (1_000 - 4 - 3, 15));
    assert_eq!(network.points(OTHERS[0], "main", "beta"), (1_000 - 1, 3));
    assert_eq!(network.points(ALONE, "beta", "main").1, 1);
    assert!(network.came_back(declined) && (0..3).all(|number| !network.came_back(number)));
    // As the command says it, at either end: four and what came back, each once.
    let (here, there) = (network.lane(alpha, "beta"), network.lane(beta, "alpha"));
    assert_eq!((&here["sent"], &there["taken"]), (&Value::from(4), &Value::from(4)), "{here} {there}");
    assert_eq!((&there["sent"], &here["taken"]), (&Value::from(3), &Value::from(3)), "{here} {there}");
    assert!(network.node(OTHERS[0]).chain(name("beta")).status().is_err(), "nobody else hosts beta");

    // Its process is down: the others go on, and what is for it waits.
    network.kill(ALONE);
    network.send(OTHERS[0], "alpha", "beta", beta_courier, 5);
    let height = network.height(0);
    network.wait("blocks without it", |network| {
        network.height(0) > height + 4 && network.height_of(OTHERS[0], "alpha") > 1
    });
    assert_eq!(network.lane(alpha, "beta")["sent"], 5);
    network.start(ALONE);
    network.wait("what waited arrives", |network| network.is_drained(alpha, beta));
    assert_eq!(network.points(ALONE, "beta", "alpha").1, 20);

    retire(&mut network, &to_beta);
}

/// Beta is retired while its process is down and a message is on its way there. When it is back, it takes the message or
/// learns first that it is retired. Then alpha is shown by it what it never took, and what went with that is back.
fn retire(network: &mut Network, to_beta: &str) {
    let ((own, _), (_, held)) = (network.points(OTHERS[0], "alpha", "beta"), network.points(ALONE, "beta", "alpha"));
    network.kill(ALONE);
    let number = network.send_for("credit", to_beta, 11);
    network.cli(OTHERS[0], &["chain", "retire", "beta", "--as", "admin-judicial", "--as", "admin-interior"]);
    network.start(ALONE);
    let closed = |sidechains: &Value| sidechains[1]["closed"] == "retired";
    network.wait("beta's last header is on record", |network| {
        [OTHERS[0], ALONE].iter().all(|number| network.get(*number, "main/sidechains").is_some_and(|all| closed(&all)))
    });
    let taken = network.points(ALONE, "beta", "alpha").1 - held;
    assert!([0, 11].contains(&taken), "{taken} of 11 points");
    network.wait("alpha knows what became of it", |network| {
        let lane = network.get(OTHERS[0], "alpha/lanes").and_then(|lanes| lane_of(&lanes, "beta"));
        lane.is_some_and(|lane| lane["settled"] == lane["sent"])
    });
    assert_eq!(network.came_back(number), taken == 0, "it was taken or it came back");
    assert_eq!(network.points(OTHERS[0], "alpha", "beta").0, own - taken, "11 points less when they were taken");
}
