//! What a running node answers to bodies that no client would send: a typed problem, and it goes on as before.

use std::io::Write as _;

use chancery_abi::{Call, Ident, Payload, limits::TRANSACTION_BYTES_MAX};
use chancery_tests::{Account, genesis, running_node::RunningNode};

fn code(answer: &chancery_tests::running_node::Answer) -> &str {
    let (_, rest) = answer.body.split_once(r#""code":""#).unwrap_or_else(|| panic!("no code in {answer:?}"));
    rest.split('"').next().unwrap_or_default()
}

#[test]
fn malformed_and_oversize_bodies_are_refused_and_the_next_transaction_is_served() {
    let home = tempfile::tempdir().expect("a temporary directory");
    let node = RunningNode::start(home.path(), genesis()).expect("the node starts");
    for malformed in [&b""[..], b"\x01", b"{}", &[0xff; 300], &[0; TRANSACTION_BYTES_MAX]] {
        let answer = node.submit_bytes(malformed);
        assert_eq!((answer.status, code(&answer)), (400, "malformed"), "{} bytes: {answer:?}", malformed.len());
    }
    let oversize = node.submit_bytes(&vec![0; TRANSACTION_BYTES_MAX + 1]);
    assert_eq!((oversize.status, code(&oversize)), (413, "too_large"));
    // A length far beyond what comes, which must not be waited for.
    let claimed = node.post("Content-Length: 999999999999\r\n", |_| Ok(()));
    assert_eq!((claimed.status, code(&claimed)), (413, "too_large"));
    // Chunks of no announced length, until the node has had enough.
    let endless = node.post("Transfer-Encoding: chunked\r\n", |stream| {
        let chunk = [&b"10000\r\n"[..], &vec![0; 0x10000], b"\r\n"].concat();
        (0..TRANSACTION_BYTES_MAX / 0x10000 + 2).try_for_each(|_| stream.write_all(&chunk))
    });
    assert_eq!((endless.status, code(&endless)), (413, "too_large"));

    let sender = Account::new(9);
    let rules = chancery_runtime::execution::ChainRules::new(genesis()).expect("sound");
    let call = Call { contract: sender.address, method: Ident::new("go").expect("ok"), input: Vec::new() };
    let answer = node.submit(&sender.sign(&rules, sender.body(Payload::Call(call))));
    assert_eq!(answer.status, 200, "{answer:?}");
    assert!(answer.body.contains("unknown_contract"), "{answer:?}");
    node.stop();
}
