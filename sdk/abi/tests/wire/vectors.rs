//! The bytes of every wire type, written out. Other implementations and twenty-year-old proofs depend on them, so a
//! test that fails here is a decision to be made, never a vector to be repaired.
//!
//! The digests were made from these bytes with another implementation of SHA-256.

use chancery_abi::{
    Address, Call, Digest, ExecutionRefusal, Kind, Outcome, Payload, Scheme, StateSubject, TrapClass, codec, domain,
    host::CallFailure,
    lane::{
        AnchorState, AnchorUpdate, Anchored, Closed, Delivery, ForkEvidence, LaneProof, MainchainEntry, ProvenMessage,
        Settlement,
    },
    merkle,
    message::{BounceReason, Bounced, Message, MessageBody, Quantity, SendFailure},
    schema::ContractRecord,
};
use parity_scale_codec::{DecodeWithMemTracking, Encode};

use crate::{
    notation::{bytes, hex},
    samples::{self, GENESIS},
};

/// `value` is written as `text` says, and what `text` says is read as `value`.
fn pin<T: Encode + DecodeWithMemTracking + PartialEq + core::fmt::Debug>(value: &T, text: &str) {
    let expected = bytes(text);
    assert_eq!(hex(&codec::encode(value)), hex(&expected));
    assert_eq!(codec::decode::<T>(&expected, expected.len()).as_ref(), Ok(value));
}

/// All of a transaction's body before its payload.
const BODY: &str = "
    01                          # version
    10 6d61696e                 # chain: main
    22*32                       # sender
    0700000000000000            # nonce
    40420f0000000000            # gas limit
    f401000000000000            # valid until height
";
const CALL: &str = "
    33*32                       # contract
    1c 66696c655f6974           # method: file_it
    0c 010203                   # input
";
const ED25519: &str = "
    00                          # ed25519
    44*32                       # public key
    55*64                       # signature
";
const HEADER: &str = "
    01                          # version
    10 6d61696e                 # chain: main
    0201000000000000            # height
    0300000000000000            # epoch
    01*32                       # parent
    687a7306a2010000            # timestamp
    02*32                       # proposer
    03*32 04*32 05*32 06*32     # roots of state, transactions, receipts, history
";
const PLAIN_HEADER_END: &str = "
    00                          # no next committee
    0010000000000000            # gas used
    01000000                    # schedule
    00                          # no beacons
    00                          # no mainchain
";
const FULL_HEADER_END: &str = "
    01 07*32                    # next committee
    0010000000000000            # gas used
    01000000                    # schedule
    04                          # one beacon
        0101000000000000 08*48  # its height and signature
    01 0001000000000000 09*32   # mainchain height and header
";
const CERTIFICATE: &str = "
    01                          # version
    0300000000000000            # epoch
    2c01000000000000            # view
    2b01000000000000            # parent view
    0a*32                       # header
    0c                          # three votes
        0000 b0*64              # member and signature
        0200 b2*64
        0300 b3*64
";
const COMMITTEE: &str = "
    10                          # four members, in order
        c1*32 c2*32 c3*32 c4*32
";
const EVENT: &str = "
    33*32                       # contract
    14 66696c6564               # name: filed
    08 04 01 08 0203            # two keys
    0c 040506                   # data
";
const RECEIPT: &str = "
    01                          # version
    11*32                       # transaction
    0201000000000000            # height
    02000000                    # index
    dc05000000000000            # gas used
";
const PATH: &str = "
    0100000000000000            # index
    0300000000000000            # count
    08 0b*32 0c*32              # two siblings
";

fn text(parts: &[&str]) -> String {
    parts.join("\n")
}

#[test]
fn transactions() {
    let call = text(&[BODY, "01 # call", CALL, "00 # no sponsor"]);
    pin(&samples::transaction().body, &call);
    pin(&samples::transaction(), &text(&[&call, ED25519, "00 # no sponsor's authorisation"]));
    let digest = samples::transaction().digest(&GENESIS);
    assert_eq!(digest.to_string(), "ebfde3b0214d06c28c2f585edd9b82f40c5569150592186cfb253e6e89c5daa3");

    let deploy = "
        00                              # deploy
        1c 61726368697665               # department: archive
        28 65766964656e63652d32         # name: evidence-2
        10 0061736d                     # code
        00                              # no input
        01 99*32                        # sponsor
        01                              # WebAuthn
            02*33                       # public key
            94 aa*37                    # authenticator data
            08 7b7d                     # client data
            66*64                       # signature
        01                              # the sponsor's authorisation
    ";
    pin(&samples::sponsored_deploy(), &text(&[BODY, deploy, ED25519]));
    let upgrade = "02 33*32 10 0061736d 04 09 # upgrade: contract, code, input";
    pin(&samples::body(samples::upgrade(), None), &text(&[BODY, upgrade, "00"]));
    pin(&samples::body(samples::batch(), None), &text(&[BODY, "03 08 # batch of two", CALL, CALL, "00"]));
    pin(&samples::body(Payload::Batch(Vec::new()), None), &text(&[BODY, "03 00 # empty batch", "00"]));
}

#[test]
fn headers_and_blocks() {
    pin(&samples::header(), &text(&[HEADER, PLAIN_HEADER_END]));
    pin(&samples::full_header(), &text(&[HEADER, FULL_HEADER_END]));
    let block = [HEADER, PLAIN_HEADER_END, "04 # one transaction", BODY, "01", CALL, "00", ED25519, "00"];
    pin(&samples::block(), &text(&block));
    assert_eq!(
        samples::header().digest(&GENESIS).to_string(),
        "312c351de12b8da963b80af70dee6f43f41031ba7c48b064630fe1cac4abb18a"
    );
    assert_eq!(
        samples::full_header().digest(&GENESIS).to_string(),
        "288d62e62a0d00c5f486c57f5a118ae83694d3bda514f53e2ef640b353adbd22"
    );
}

#[test]
fn events_and_receipts() {
    pin(&samples::event(), EVENT);
    pin(&samples::done(), &text(&[RECEIPT, "00 04 ff # done: output", "04 # one event", EVENT]));
    let contract = Address([0x33; 32]);
    let outcomes = [
        (
            Outcome::Failed { contract, code: 7, data: vec![8] },
            "01 33*32 07000000 04 08 # failed: contract, code, data",
        ),
        (Outcome::Trapped { contract, class: TrapClass::HostMisuse }, "02 33*32 09 # trapped: contract, class"),
        (Outcome::Refused { reason: ExecutionRefusal::OutOfGas }, "03 06 # refused: reason"),
    ];
    for (outcome, bytes) in outcomes {
        pin(&samples::receipt(outcome, Vec::new()), &text(&[RECEIPT, bytes, "00 # no events"]));
    }
    assert_eq!(
        samples::done().digest(&GENESIS).to_string(),
        "4b7756799f0a1f7301d9751a95932759339e9343199048f2e01ae8d28c218184"
    );
}

const ANCHORED: &str = "
    a1*32                       # genesis
    0700000000000000            # height
    a2*32                       # header
    a3*32 a4*32                 # roots of state and history
    687a7306a2010000            # timestamp
    0600000000000000            # the height it had seen
    0800000000000000            # the height it is anchored at
";
const QUANTITY: &str = "
    22*32                       # owner
    10 6d61696e                 # home: main
    18 706f696e7473             # asset: points
    0500000000000000            # amount
    0900000000000000            # in all
";
const MESSAGE_BEGINNING: &str = "
    01                          # version
    10 6d61696e                 # source: main
    18 706c61746573             # destination: plates
    0300000000000000            # number
    22*32                       # sender
    33*32                       # contract
";
const MESSAGE_END: &str = "
    40420f0000000000            # gas
    f401000000000000            # expiry
";

fn quantity() -> Quantity {
    let asset = samples::ident("points");
    Quantity { owner: Address([0x22; 32]), home: samples::name("main"), asset, amount: 5, total: 9 }
}

fn message(body: MessageBody, quantity: Option<Quantity>) -> Message {
    Message {
        version: 1,
        source: samples::name("main"),
        destination: samples::name("plates"),
        sequence: 3,
        sender: Address([0x22; 32]),
        contract: Address([0x33; 32]),
        body,
        quantity,
        gas: 1_000_000,
        expiry: 500,
    }
}

fn call_of_message() -> Message {
    let Call { method, input, .. } = samples::call();
    message(MessageBody::Call { method, input }, Some(quantity()))
}

fn anchored() -> Anchored {
    Anchored {
        genesis: Digest([0xa1; 32]),
        height: 7,
        header: Digest([0xa2; 32]),
        state_root: Digest([0xa3; 32]),
        history_root: Digest([0xa4; 32]),
        timestamp_ms: 1_795_404_561_000,
        seen_height: 6,
        mainchain_height: 8,
    }
}

#[test]
fn messages() {
    let call = "00 1c 66696c655f6974 0c 010203 # a call: method, input";
    let text_of_call = text(&[MESSAGE_BEGINNING, call, "01", QUANTITY, MESSAGE_END]);
    pin(&call_of_message(), &text_of_call);
    let Call { contract, method, input } = samples::call();
    let bounced = |reason| Bounced { sequence: 2, contract, method: method.clone(), input: input.clone(), reason };
    let beginning = "0200000000000000 33*32 1c 66696c655f6974 0c 010203 # number, contract, method, input";
    for (reason, bytes) in [
        (BounceReason::NotDone(CallFailure::Trapped(TrapClass::ReadOnly)), "00 01 0a"),
        (BounceReason::Expired, "01"),
        (BounceReason::Closed, "02"),
    ] {
        let back = message(MessageBody::Bounce(bounced(reason)), None);
        pin(&back, &text(&[MESSAGE_BEGINNING, "01", beginning, bytes, "00 # no quantity", MESSAGE_END]));
    }
    let entries = vec![(vec![1], Some(vec![2])), (vec![3], None)];
    let registry = "02 08 04 01 01 04 02 04 03 00 # the registry's entries";
    pin(&message(MessageBody::Registry(entries), None), &text(&[MESSAGE_BEGINNING, registry, "00", MESSAGE_END]));
    for (number, failure) in
        [SendFailure::UnknownChain, SendFailure::LaneFull, SendFailure::Closed, SendFailure::OutOfBounds]
            .into_iter()
            .enumerate()
    {
        pin(&failure, &hex(&[number as u8]));
    }
}

#[test]
fn what_is_carried_between_chains() {
    pin(&anchored(), ANCHORED);
    let full = text(&[HEADER, FULL_HEADER_END]);
    let update = AnchorUpdate {
        header: samples::full_header(),
        certificate: samples::certificate(),
        extends: Some(samples::path()),
        next: Some(samples::committee()),
        retired: Some(vec![vec![1]]),
    };
    let update_text = text(&[&full, CERTIFICATE, "01", PATH, "01", COMMITTEE, "01 04 04 01"]);
    let payload = |payload| samples::body(payload, None);
    pin(&payload(Payload::Anchor(vec![update])), &text(&[BODY, "04 04 # one update", &update_text, "00"]));

    let call = "00 1c 66696c655f6974 0c 010203";
    let message_text = text(&[MESSAGE_BEGINNING, call, "01", QUANTITY, MESSAGE_END]);
    let through = LaneProof::Through { header: samples::full_header(), record: anchored(), nodes: vec![vec![7]] };
    for (proof, proof_text) in [
        (LaneProof::Mainchain { header: samples::full_header() }, text(&["00", &full])),
        (LaneProof::Anchored { height: 7 }, "01 0700000000000000".to_owned()),
        (through, text(&["02", &full, ANCHORED, "04 04 07"])),
    ] {
        let messages = vec![ProvenMessage { message: call_of_message(), nodes: vec![vec![8]] }];
        let delivery = Delivery { source: samples::name("main"), proof: proof.clone(), messages };
        let parts = [BODY, "05 10 6d61696e", &proof_text, "04 # one message", &message_text, "04 04 08", "00"];
        pin(&payload(Payload::Deliver(Box::new(delivery))), &text(&parts));
        let closed = Some(Closed::Forked { height: 9, header: Digest([0xa5; 32]) });
        let state = AnchorState { epoch: 3, committee: samples::committee(), newest: anchored(), closed };
        let settlement = Settlement {
            destination: samples::name("main"),
            proof,
            next: Some(4),
            nodes: vec![vec![8]],
            closed: Some((state, vec![vec![9]])),
        };
        let next = "01 0400000000000000 04 04 08 # the next number, its nodes";
        let state = text(&["01 0300000000000000", COMMITTEE, ANCHORED, "01 01 0900000000000000 a5*32", "04 04 09"]);
        let parts = [BODY, "06 10 6d61696e", &proof_text, next, &state, "00"];
        pin(&payload(Payload::Settle(Box::new(settlement))), &text(&parts));
    }

    let evidence = ForkEvidence {
        header: samples::full_header(),
        certificate: samples::certificate(),
        instead: Some((Digest([0xa6; 32]), samples::path())),
    };
    let evidence_text = text(&["07", &full, CERTIFICATE, "01 a6*32", PATH]);
    pin(&payload(Payload::Fork(Box::new(evidence))), &text(&[BODY, &evidence_text, "00"]));
    let claim = Payload::Claim { source: samples::name("plates"), sequence: 3 };
    pin(&payload(claim), &text(&[BODY, "08 18 706c61746573 0300000000000000", "00"]));
    let beacons = Payload::Beacons(samples::full_header().beacons);
    pin(&payload(beacons), &text(&[BODY, "09 04 0101000000000000 08*48", "00"]));
    pin(&Closed::Retired { height: 9 }, "00 0900000000000000");
    let entry = MainchainEntry {
        header: samples::full_header(),
        contract: Address([0x33; 32]),
        key: vec![1],
        value: None,
        nodes: vec![vec![7]],
    };
    pin(&entry, &text(&[&full, "33*32 04 01 00 04 04 07"]));
}

#[test]
fn numbers_that_are_stable_for_ever() {
    let classes = TrapClass::ALL;
    for (number, class) in (0u8..).zip(classes) {
        pin(&class, &hex(&[number]));
    }
    let reasons = ExecutionRefusal::ALL;
    for (number, reason) in (0u8..).zip(reasons) {
        pin(&reason, &hex(&[number]));
    }
    pin(&Scheme::Ed25519, "00");
    pin(&Scheme::WebAuthn, "01");
    pin(&CallFailure::Failed { code: 7, data: vec![8] }, "00 07000000 04 08");
    pin(&CallFailure::Trapped(TrapClass::ReadOnly), "01 0a");
    pin(&CallFailure::Refused(ExecutionRefusal::UnknownMethod), "02 01");
}

#[test]
fn certificates_and_what_their_votes_sign() {
    pin(&samples::certificate(), CERTIFICATE);
    let preimage = "
        70                                                                  # the namespace has 112 bytes
        6368616e636572792f76312f                                            # chancery/v1/
        63657274696669636174652f                                            # certificate/
        7368613235362d656432353531392f                                      # sha256-ed25519/
        37*64                                                               # the genesis, in hexadecimal
        5f46494e414c495a45                                                  # _FINALIZE
        03                                                                  # epoch
        ac02                                                                # view
        ab02                                                                # parent view
        0a*32                                                               # header
    ";
    assert_eq!(hex(&samples::certificate().preimage(&GENESIS)), hex(&bytes(preimage)));
    let preimage = chancery_abi::certificate::preimage(&GENESIS, 127, 128, u64::MAX, &Digest([0x0a; 32]));
    assert_eq!(hex(&preimage[preimage.len() - 45..]), hex(&bytes("7f 8001 ffffffffffffffffff01 0a*32")));
}

#[test]
fn committees_genesis_and_anchor() {
    pin(&samples::committee(), COMMITTEE);
    assert_eq!(
        samples::committee().digest(&GENESIS).to_string(),
        "65337af0d254d2a81b793d628cd93f8dcc823b72d28169887b7b19295d93e203"
    );
    let before = "
        01                      # version
        10 6d61696e             # chain: main
        687a7306a2010000        # timestamp
    ";
    let after = "
        01000000                # schedule
        04                      # one department
            1c 61726368697665   # name: archive
            04 22*32            # one deployer
        04 dd*32                # one relying party
        00                      # no mainchain
        01 08 c0de 04 01        # a registry: its code and input
    ";
    pin(&samples::genesis(), &text(&[before, COMMITTEE, after]));
    let digest = samples::genesis().digest();
    assert_eq!(digest.to_string(), "5f114a9d9f22d1b7a8eaaf29c54b28e96e19acde7d6a80cc34877abebdad6d8f");
    let before = format!("01 10 6d61696e {digest} # version, chain, genesis");
    let after = "
        04                      # one threshold key
            ee*96               # the key
            0100000000000000    # from height
            01 e803000000000000 # to height
            01                  # of a group that is too small
    ";
    pin(&samples::anchor(), &text(&[&before, COMMITTEE, after]));
}

#[test]
fn proof_bundles() {
    let start = "01 00 # version, of the anchored chain";
    let finality = [
        "00 # by certificate",
        "04 # one hand-over: header, certificate, the committee that follows",
        HEADER,
        FULL_HEADER_END,
        CERTIFICATE,
        COMMITTEE,
        CERTIFICATE,
    ];
    let finality = text(&finality);
    let present = "
        00                      # state
        00                      # of a contract
            1c 61726368697665   # department: archive
            20 65766964656e6365 # name: evidence
        18 0566696c6573         # key
        01 08 0102              # value
        04 04 00                # one node
    ";
    let absent = "
        00                      # state
        01                      # of the runtime
        18 0566696c6573         # key
        00                      # no value
        04 04 00                # one node
    ";
    let receipt = text(&["01 # receipt", RECEIPT, "00 04 ff", "04", EVENT, PATH]);
    let claims = [
        (present, "00 # the same header"),
        (absent, &text(&["01 04 # one descendant", HEADER, FULL_HEADER_END])),
        (&receipt, &text(&["02 # history of a later header", HEADER, FULL_HEADER_END, PATH])),
    ];
    for ((claim, link), bundle) in claims.into_iter().zip(samples::bundles()) {
        pin(&bundle, &text(&[start, claim, HEADER, PLAIN_HEADER_END, link, &finality]));
    }
    let attested = "
        01                      # by attestation
        04                      # one rotation
            ee*96               # the new key
            0900000000000000    # from height
            ef*48               # the signature under the key before
        f0*48                   # the signature under the new one
    ";
    pin(&samples::attested(), &text(&[start, present, HEADER, PLAIN_HEADER_END, "00 # the same header", attested]));
    pin(&StateSubject::System, "01");
}

#[test]
fn schema_entries() {
    let entries = [
        "
            00                          # contract
            01                          # format
            20 45766964656e6365         # name: Evidence
            14 312e302e30               # version: 1.0.0
            14 302e312e30               # SDK: 0.1.0
            04 41 0c e794b2             # docs, English and Chinese
        ",
        "
            01                          # storage field
            14 66696c6573               # name: files
            01 08 0c 18 537461747573    # map of digest to the type Status
            01                          # public
            04 41 0c e794b2             # docs
        ",
        "
            02                          # method
            1c 66696c655f6974           # name: file_it
            01                          # changes the state
            02 14 66696c6573            # for members of files
            08                          # two arguments
                18 646967657374         # digest
                06 20000000             # 32 fixed bytes
                00 00                   # no docs
                10 70616972             # pair
                0b 08 02 40 09 04       # a tuple of u64 and optional text
                00 00                   # no docs
            00                          # returns nothing
            00                          # not re-entrant
            04 41 0c e794b2             # docs
        ",
        "
            03                          # type
            18 537461747573             # name: Status
            01 04                       # an enum of one variant
                10 4f70656e 03          # Open, number 3
                04 08 6279 07 00 00     # one field: by, an address
                00 00                   # no docs
            00 00                       # no docs
        ",
        "
            04                          # event
            14 66696c6564               # name: filed
            04 10 6c697374 0a 03 08 00 00   # one field: list, a list of i8
            04 10 6c697374              # one key: list
            00 00                       # no docs
        ",
        "
            05                          # error
            07000000                    # code
            18 5365616c6564             # name: Sealed
            00                          # no fields
            04 41 0c e794b2             # message
        ",
    ];
    for (text, entry) in entries.iter().zip(samples::entries()) {
        pin(&entry, text);
        let length = (bytes(text).len() as u32).to_le_bytes();
        assert_eq!(entry.to_section_bytes(), [&length[..], &bytes(text)].concat());
    }
}

#[test]
fn records_and_paths() {
    let record = ContractRecord {
        department: samples::name("archive"),
        name: samples::name("evidence"),
        code: Digest([0x0d; 32]),
        revision: 2,
        height: 258,
    };
    let text = "
        1c 61726368697665               # department: archive
        20 65766964656e6365             # name: evidence
        0d*32                           # code
        02000000                        # revision
        0201000000000000                # height
    ";
    pin(&record, text);
    pin(&samples::path(), PATH);
    let mut mountain = merkle::Mountain::default();
    for byte in [0xe1, 0xe2, 0xe3] {
        mountain.push(Digest([byte; 32]));
    }
    let peak = merkle::node(&Digest([0xe1; 32]), &Digest([0xe2; 32]));
    pin(&mountain, &format!("0300000000000000 08 {peak} e3*32 # count, two peaks"));
    assert_eq!(merkle::leaf(b"entry").to_string(), "d9c2d66b522c2522728f539ff9f67b85d40defff095fc8a528c994f4f35bb3de");
    assert_eq!(mountain.root().to_string(), "c053673fe6e921acb09c1311c1eddfaf188aab86b3b11bdb8b29018dad109cf9");
    assert_eq!(merkle::empty_root().to_string(), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

#[test]
fn addresses() {
    let key = Address::of_key(Scheme::Ed25519, &[0x44; 32]);
    assert_eq!(key.to_string(), "6807ea6cc76aa488eb63fcac406a8ef2b04e59f73966fe07a68e168fd5dfb57f");
    assert_eq!(
        Address::of_key(Scheme::WebAuthn, &[0x02; 33]).to_string(),
        "3b5c8f6b2c6ae155153a6e71bbc041c61a55ed74890d30edae9aa6b44b816029"
    );
    let (chain, department, name) = (samples::name("main"), samples::name("archive"), samples::name("evidence"));
    let contract = Address::of_contract(&chain, &department, &name);
    assert_eq!(contract.to_string(), "2c65867276f295d00e5a0a731161a3e05091e7148fcbc1732ade8191c141afa5");
    assert_eq!(Address::system().to_string(), "dbc1b4c900ffe48d575b5da5c638040125f65db0fe3e24494b76ea986457d986");
}

#[test]
fn domains() {
    let kinds = [
        (Kind::Genesis, "genesis"),
        (Kind::Transaction, "transaction"),
        (Kind::Header, "header"),
        (Kind::Transactions, "transactions"),
        (Kind::Receipt, "receipt"),
        (Kind::Receipts, "receipts"),
        (Kind::History, "history"),
        (Kind::Committee, "committee"),
        (Kind::Certificate, "certificate"),
        (Kind::Beacon, "beacon"),
        (Kind::Attestation, "attestation"),
        (Kind::Ceremony, "ceremony"),
        (Kind::KeyRotation, "key-rotation"),
    ];
    let digits = "77".repeat(32);
    for (kind, word) in kinds {
        assert_eq!(domain::domain(kind, &GENESIS), format!("chancery/v1/{word}/sha256-ed25519/{digits}"));
    }
    let digest = domain::digest(Kind::Header, &GENESIS, &[b"one", b"two"]);
    assert_eq!(digest.to_string(), "a5f9ce73838831fda5f84ecf421c4deea6dc96efbe116c95c555cadaee679fdb");
}
