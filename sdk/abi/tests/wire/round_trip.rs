//! Random values of every wire type come back as what they were, and slot keys keep their order.

use chancery_abi::{
    Address, Authorisation, Beacon, Block, Call, Certificate, Claim, Committee, Department, Deploy, Digest, Event,
    ExecutionRefusal, Finality, Genesis, HandOver, Header, Ident, KeyRotation, Link, Mainchain, MainchainSeen, Name,
    Origin, Outcome, Payload, ProofBundle, Receipt, RegistrySetup, StateSubject, ThresholdKey, Transaction,
    TransactionBody, TrapClass, TrustAnchor, Upgrade, VoteSignature, codec, merkle::Path, schema::TypeRef,
    slot::SlotKey,
};
use parity_scale_codec::{DecodeWithMemTracking, Encode};
use proptest::{array, collection::vec, option, prelude::*};

fn returns<T: Encode + DecodeWithMemTracking + PartialEq + core::fmt::Debug>(value: &T) -> Result<(), TestCaseError> {
    let bytes = codec::encode(value);
    prop_assert_eq!(&codec::decode::<T>(&bytes, bytes.len()).expect("these are a value's bytes"), value);
    Ok(())
}

fn name() -> impl Strategy<Value = Name> {
    "[a-z][a-z0-9-]{0,31}".prop_map(|text| Name::new(text).expect("the pattern is the rule"))
}

fn ident() -> impl Strategy<Value = Ident> {
    "[a-z][a-z0-9_]{0,63}".prop_map(|text| Ident::new(text).expect("the pattern is the rule"))
}

fn digest() -> impl Strategy<Value = Digest> {
    any::<[u8; 32]>().prop_map(Digest)
}

fn address() -> impl Strategy<Value = Address> {
    any::<[u8; 32]>().prop_map(Address)
}

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    // Lengths on both sides of the compact form's first limits.
    prop_oneof![4 => vec(any::<u8>(), 0..70), 1 => vec(any::<u8>(), 16_380..16_390)]
}

fn long<const N: usize>() -> impl Strategy<Value = [u8; N]> {
    vec(any::<u8>(), N).prop_map(|bytes| bytes.try_into().expect("there are as many"))
}

fn call() -> impl Strategy<Value = Call> {
    (address(), ident(), bytes()).prop_map(|(contract, method, input)| Call { contract, method, input })
}

fn payload() -> impl Strategy<Value = Payload> {
    prop_oneof![
        (name(), name(), bytes(), bytes()).prop_map(|(department, name, code, input)| Payload::Deploy(Deploy {
            department,
            name,
            code,
            input
        })),
        call().prop_map(Payload::Call),
        (address(), bytes(), bytes()).prop_map(|(contract, code, input)| Payload::Upgrade(Upgrade {
            contract,
            code,
            input
        })),
        vec(call(), 0..5).prop_map(Payload::Batch),
    ]
}

fn authorisation() -> impl Strategy<Value = Authorisation> {
    prop_oneof![
        (any::<[u8; 32]>(), long::<64>())
            .prop_map(|(public_key, signature)| Authorisation::Ed25519 { public_key, signature }),
        (long::<33>(), bytes(), bytes(), long::<64>()).prop_map(
            |(public_key, authenticator_data, client_data, signature)| Authorisation::WebAuthn {
                public_key,
                authenticator_data,
                client_data,
                signature,
            }
        ),
    ]
}

prop_compose! {
    fn body()(
        (version, chain, sender, nonce) in (any::<u8>(), name(), address(), any::<u64>()),
        (gas_limit, valid_until_height) in any::<(u64, u64)>(),
        payload in payload(),
        sponsor in option::of(address()),
    ) -> TransactionBody {
        TransactionBody { version, chain, sender, nonce, gas_limit, valid_until_height, payload, sponsor }
    }
}

prop_compose! {
    fn transaction()(
        body in body(),
        authorisation in authorisation(),
        sponsor in option::of(authorisation()),
    ) -> Transaction {
        Transaction { body, authorisation, sponsor_authorisation: sponsor.map(Box::new) }
    }
}

prop_compose! {
    fn header()(
        (version, chain, schedule) in (any::<u8>(), name(), any::<u32>()),
        [height, epoch, timestamp_ms, gas_used] in any::<[u64; 4]>(),
        [parent, state_root, transactions_root, receipts_root, history_root] in array::uniform5(digest()),
        proposer in any::<[u8; 32]>(),
        next_committee in option::of(digest()),
        beacons in vec((any::<u64>(), long::<48>()).prop_map(|(height, signature)| Beacon { height, signature }), 0..3),
        mainchain in option::of((any::<u64>(), digest()).prop_map(|(height, header)| MainchainSeen { height, header })),
    ) -> Header {
        Header {
            version, chain, height, epoch, parent, timestamp_ms, proposer, state_root, transactions_root,
            receipts_root, history_root, next_committee, gas_used, schedule, beacons, mainchain,
        }
    }
}

fn outcome() -> impl Strategy<Value = Outcome> {
    let classes = vec![TrapClass::OutOfGas, TrapClass::Unreachable, TrapClass::Reentrancy];
    let reasons = vec![ExecutionRefusal::UnknownContract, ExecutionRefusal::IncompatibleUpgrade];
    prop_oneof![
        bytes().prop_map(|output| Outcome::Done { output }),
        (address(), any::<u32>(), bytes()).prop_map(|(contract, code, data)| Outcome::Failed { contract, code, data }),
        (address(), prop::sample::select(classes)).prop_map(|(contract, class)| Outcome::Trapped { contract, class }),
        prop::sample::select(reasons).prop_map(|reason| Outcome::Refused { reason }),
    ]
}

prop_compose! {
    fn event()(contract in address(), name in ident(), keys in vec(bytes(), 0..4), data in bytes()) -> Event {
        Event { contract, name, keys, data }
    }
}

prop_compose! {
    fn receipt()(
        version in any::<u8>(),
        transaction in digest(),
        (height, index, gas_used) in any::<(u64, u32, u64)>(),
        outcome in outcome(),
        events in vec(event(), 0..3),
    ) -> Receipt {
        Receipt { version, transaction, height, index, gas_used, outcome, events }
    }
}

prop_compose! {
    fn certificate()(
        (version, epoch, view, parent_view) in any::<(u8, u64, u64, u64)>(),
        header in digest(),
        votes in vec((any::<u16>(), long::<64>()), 0..6),
    ) -> Certificate {
        let votes = votes.into_iter().map(|(member, signature)| VoteSignature { member, signature }).collect();
        Certificate { version, epoch, view, parent_view, header, votes }
    }
}

fn committee() -> impl Strategy<Value = Committee> {
    prop::collection::btree_set(any::<[u8; 32]>(), 1..10)
        .prop_map(|keys| Committee::new(keys.into_iter().collect()).expect("the keys are different"))
}

prop_compose! {
    fn genesis()(
        (version, chain, timestamp_ms, schedule) in (any::<u8>(), name(), any::<u64>(), any::<u32>()),
        committee in committee(),
        departments in vec((name(), vec(address(), 0..4)), 0..4),
        relying_parties in vec(digest(), 0..3),
        mainchain in option::of((name(), digest()).prop_map(|(name, genesis)| Mainchain { name, genesis })),
        registry in option::of((vec(any::<u8>(), 0..9), vec(any::<u8>(), 0..9)).prop_map(|(code, input)| RegistrySetup { code, input })),
    ) -> Genesis {
        let departments = departments.into_iter().map(|(name, deployers)| Department { name, deployers }).collect();
        Genesis { version, chain, timestamp_ms, committee, schedule, departments, relying_parties, mainchain, registry }
    }
}

prop_compose! {
    fn anchor()(
        genesis in genesis(),
        keys in vec((long::<96>(), any::<u64>(), any::<Option<u64>>(), any::<bool>()), 0..3),
    ) -> TrustAnchor {
        let key =
            |(key, from_height, to_height, untrusted)| ThresholdKey { key, from_height, to_height, untrusted };
        TrustAnchor { threshold_keys: keys.into_iter().map(key).collect(), ..TrustAnchor::of_genesis(&genesis) }
    }
}

prop_compose! {
    fn path()((index, count) in any::<(u64, u64)>(), siblings in vec(digest(), 0..5)) -> Path {
        Path { index, count, siblings }
    }
}

fn claim() -> impl Strategy<Value = Claim> {
    let subject = prop_oneof![
        (name(), name()).prop_map(|(department, name)| StateSubject::Contract { department, name }),
        Just(StateSubject::System),
    ];
    prop_oneof![
        (subject, bytes(), option::of(bytes()), vec(bytes(), 0..5))
            .prop_map(|(subject, key, value, nodes)| Claim::State { subject, key, value, nodes }),
        (receipt(), path()).prop_map(|(receipt, path)| Claim::Receipt { receipt, path }),
    ]
}

fn link() -> impl Strategy<Value = Link> {
    prop_oneof![
        Just(Link::Same),
        vec(header(), 0..3).prop_map(Link::Descendants),
        (header(), path()).prop_map(|(header, path)| Link::History { header, path }),
    ]
}

prop_compose! {
    fn bundle()(
        version in any::<u8>(),
        claim in claim(),
        header in header(),
        link in link(),
        hand_overs in vec((self::header(), self::certificate(), committee()), 0..3),
        certificate in certificate(),
        attested in option::of((vec((long::<96>(), any::<u64>(), long::<48>()), 0..3), long::<48>())),
    ) -> ProofBundle {
        let hand_over = |(header, certificate, next)| HandOver { header, certificate, next };
        let rotation = |(key, from_height, signature)| KeyRotation { key, from_height, signature };
        let finality = match attested {
            Some((rotations, signature)) => {
                Finality::Attestation { rotations: rotations.into_iter().map(rotation).collect(), signature }
            }
            None => {
                Finality::Certificate { hand_overs: hand_overs.into_iter().map(hand_over).collect(), certificate }
            }
        };
        ProofBundle { version, origin: Origin::AnchoredChain, claim, header, link, finality }
    }
}

fn type_ref() -> impl Strategy<Value = TypeRef> {
    let leaf = prop_oneof![
        prop::sample::select(vec![TypeRef::Unit, TypeRef::Bool, TypeRef::Text, TypeRef::Bytes, TypeRef::Digest]),
        any::<u8>().prop_map(TypeRef::Unsigned),
        any::<u32>().prop_map(TypeRef::FixedBytes),
        "\\PC{0,12}".prop_map(TypeRef::Named),
    ];
    leaf.prop_recursive(8, 40, 4, |inner| {
        prop_oneof![
            inner.clone().prop_map(|ty| TypeRef::Optional(Box::new(ty))),
            inner.clone().prop_map(|ty| TypeRef::List(Box::new(ty))),
            vec(inner, 0..4).prop_map(TypeRef::Tuple),
        ]
    })
}

fn keys_of<K: SlotKey + PartialEq + core::fmt::Debug>(key: K) -> Result<Vec<u8>, TestCaseError> {
    let mut bytes = Vec::new();
    key.push_to(&mut bytes);
    let mut rest = &bytes[..];
    prop_assert_eq!(K::take_from(&mut rest), Some(key));
    prop_assert!(rest.is_empty());
    Ok(bytes)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..Default::default() })]

    #[test]
    fn transactions_and_blocks(header in header(), transactions in vec(transaction(), 1..4)) {
        returns(&transactions[0])?;
        returns(&Block { header, transactions })?;
    }

    #[test]
    fn receipts(receipt in receipt()) {
        returns(&receipt)?;
    }

    #[test]
    fn genesis_and_anchor(genesis in genesis(), anchor in anchor()) {
        returns(&genesis)?;
        returns(&anchor)?;
    }

    #[test]
    fn bundles(bundle in bundle()) {
        returns(&bundle)?;
    }

    #[test]
    fn types(ty in type_ref()) {
        returns(&ty)?;
    }

    /// No key is the beginning of another, and those of numbers are in the numbers' order.
    #[test]
    fn slot_keys(one in any::<(i64, u16, bool)>(), other in any::<(i64, u16, bool)>(), text in "\\PC{0,20}", more in "\\PC{0,20}") {
        let (a, b) = (keys_of(one)?, keys_of(other)?);
        prop_assert_eq!(a.cmp(&b), one.cmp(&other));
        let (a, b) = (keys_of(text.clone())?, keys_of(more.clone())?);
        prop_assert_eq!(a.starts_with(&b), text == more);
        keys_of((text, more, one.0, Digest([7; 32])))?;
    }

    #[test]
    fn random_bytes_never_panic(mut bytes in vec(prop_oneof![0u8..8, any::<u8>()], 0..300)) {
        fn read<T: Encode + DecodeWithMemTracking>(bytes: &[u8]) {
            if let Ok(value) = codec::decode::<T>(bytes, bytes.len()) {
                assert_eq!(codec::encode(&value), bytes);
            }
        }
        read::<Transaction>(&bytes);
        read::<Receipt>(&bytes);
        read::<Genesis>(&bytes);
        read::<TypeRef>(&bytes);
        read::<chancery_abi::schema::Entry>(&bytes);
        if let Some(version) = bytes.first_mut() {
            *version = 1;
        }
        read::<ProofBundle>(&bytes);
    }
}
