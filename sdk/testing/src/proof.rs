//! Proofs of a contract's state: the file a citizen would hold, judged by the verifier that a citizen would use.

use chancery_abi::{
    Address, Claim, Finality, Ident, Link, Origin, ProofBundle, StateSubject, TrustAnchor, WIRE_VERSION,
    slot::push_field,
};
use chancery_sdk::Data;
use chancery_verify::{Verified, VerifyError, verify};
use parity_scale_codec::Encode;

use crate::world::World;

/// A proof bundle and the anchor it is judged by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// The file's bytes.
    pub bytes: Vec<u8>,
    /// The chain's trust anchor.
    pub anchor: TrustAnchor,
}

impl Proof {
    /// What it proves.
    ///
    /// # Errors
    /// When it does not hold, which a proof that nobody changed always does.
    pub fn verify(&self) -> Result<Verified, VerifyError> {
        verify(&self.bytes, &self.anchor)
    }

    /// The value that it proves is there, none when it proves that there is none.
    ///
    /// # Panics
    /// When it does not hold, or the value is not of this type.
    #[track_caller]
    pub fn value<T: Data>(&self) -> Option<T> {
        let verified = self.verify().unwrap_or_else(|error| panic!("the proof does not hold: {error}"));
        verified.statement.value().map(|mut bytes| {
            let value = T::decode(&mut bytes).ok().filter(|_| bytes.is_empty());
            value.unwrap_or_else(|| panic!("the proven value is not of this type"))
        })
    }
}

/// Proves the slot of a field, or of an entry of it whose key `push_key` appends.
pub(crate) fn prove(world: &World, contract: &Address, field: &str, push_key: impl FnOnce(&mut Vec<u8>)) -> Proof {
    let header = world.header.clone().expect("before the first block there is nothing to prove");
    let (_, known) = world.contracts.get(contract).expect("the contract was deployed on this chain");
    let is_field = Ident::new(field).is_ok_and(|field| known.schema.storage.contains_key(&field));
    assert!(is_field, "the contract has no field {field}");
    let mut slot = Vec::new();
    push_field(&mut slot, field);
    push_key(&mut slot);
    let proof = world.state.prove(header.height, contract, &slot).expect("the newest root is provable");
    let name = world.contracts[contract].0.as_str();
    let subject = StateSubject::Contract { department: world.department(), name: crate::world::name(name) };
    let certificate = world.certify(&header);
    let bundle = ProofBundle {
        version: WIRE_VERSION,
        origin: Origin::AnchoredChain,
        claim: Claim::State { subject, key: slot, value: proof.value, nodes: proof.nodes },
        header,
        link: Link::Same,
        finality: Finality::Certificate { hand_overs: Vec::new(), certificate },
    };
    Proof { bytes: bundle.encode(), anchor: TrustAnchor::of_genesis(world.rules.genesis()) }
}
