//! The API of a node whose store was filled from a snapshot: what it does not have it says, and it goes on.

use std::sync::Arc;

use chancery_runtime::{execution::on_execution_stack, state::StateConfig, storage::StateBackend as _};
use tokio::sync::{Semaphore, watch};

use super::{
    Api, ApiServer,
    test_node::{CHAIN, request},
};
use crate::{
    chain::{ChainService, ChainSet, FatalSignal, Ledger},
    config::NodeConfig,
    fixture::{call, certify, deploy, deployer, engine, genesis, name, validator_public_key, verified},
    metrics::Metrics,
    portal::Portal,
    snapshot::{Folder, create, restore},
    store::{ChainIdentity, ChainStore, DiskDb, StoreDirectory},
};

const BLOCKS: u64 = 5;

fn store(home: &std::path::Path, config: &NodeConfig) -> (Arc<DiskDb>, Arc<ChainStore>) {
    let directory = StoreDirectory::open(&home.join("store")).expect("a directory");
    let database = DiskDb::open(directory, &config.store_config()).expect("a database");
    let identity = ChainIdentity { name: name("main"), genesis: genesis().digest() };
    let store = Arc::new(database.open_chain(identity).expect("the chain's store"));
    (database, store)
}

/// Makes a chain of some blocks in a store of its own, and a snapshot of it.
fn snapshot(home: &std::path::Path, config: &NodeConfig) -> Folder {
    let (_, backend) = store(&home.join("original"), config);
    let folder = Folder::at(home.join("snapshot"));
    on_execution_stack(|stack| {
        let ledger = Ledger::open(Arc::clone(&backend), engine(), genesis(), StateConfig::default()).expect("a ledger");
        for height in 1..=BLOCKS {
            let payload = if height == 1 { deploy("land") } else { call("put", b"\0") };
            let transactions = [verified(deployer().send(height - 1, payload))];
            let proposal = chancery_runtime::execution::chain::Proposal {
                proposer: validator_public_key(),
                timestamp_ms: crate::fixture::GENESIS_TIME_MS + height,
                beacons: Vec::new(),
                mainchain: None,
            };
            let built = ledger.build(stack, None, proposal, &Default::default(), &transactions).expect("a block");
            ledger.commit(&built.candidate, &certify(&built.candidate)).expect("it commits");
        }
        backend.with_snapshot(&mut |reader| {
            create(reader, &folder).expect("a snapshot");
        });
    });
    folder
}

#[test]
fn blocks_from_before_the_snapshot_are_unknown_and_asking_for_them_stops_nothing() {
    let home = tempfile::tempdir().expect("a temporary directory");
    let mut config = NodeConfig::defaults();
    config.api.listen = "127.0.0.1:0".parse().expect("an address");
    let folder = snapshot(home.path(), &config);
    let (database, backend) = store(&home.path().join("restored"), &config);
    restore(&folder, &genesis(), engine(), Arc::clone(&backend), |_| {}).expect("it is restored");
    let (metrics, fatal) = (Arc::new(Metrics::new()), FatalSignal::new());
    let of_chain = metrics.chain(&name("main"));
    let chain = ChainService::open(backend, None, engine(), genesis(), config.chain_config(), of_chain, fatal.clone());
    let chain = Arc::new(chain.expect("the chain opens"));
    let (stopping, stop) = watch::channel(false);
    let api = Api {
        config: config.api_config(),
        chains: ChainSet::of(chain),
        database,
        metrics,
        fatal: fatal.clone(),
        streams: Arc::new(Semaphore::new(1)),
        portal: Portal::new(config.portal_config().expect("the template's contracts")),
        stopping: stop,
    };
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let server = runtime.block_on(ApiServer::bind(api)).expect("it listens");
    let address = server.address();
    let running = runtime.spawn(server.run(std::time::Duration::from_secs(1)));
    let get = |path: &str| request(address, "GET", &format!("{CHAIN}{path}"), None);
    assert_eq!(get("").json()["height"], BLOCKS);
    let headers = get("/blocks").json();
    assert_eq!(headers["blocks"].as_array().map(Vec::len), Some(0), "none is here with everything in it");
    assert!(headers["next_before"].is_null());
    for path in ["/blocks/1", "/blocks/5", "/stream?from=1", "/stream?from=5", "/events?from=1", "/events?after=5.0.0"]
    {
        let answer = get(path);
        assert_eq!((answer.status, answer.code().as_str()), (404, "unknown_block"), "{path}: {}", answer.text());
    }
    assert!(get("/blocks/1").text().contains("from 6 on"));
    assert_eq!(get("/blocks?before=3").status, 200);
    let events = get("/events").json();
    assert_eq!((&events["more"], &events["next_after"]), (&false.into(), &"5.0.0".into()));
    assert_eq!(fatal.get(), None, "what is not there is no failure of the store");
    stopping.send_replace(true);
    runtime.block_on(running).expect("the API ends");
}
