//! What a bundle claims, checked against its header; and the one function that checks it all.

use chancery_abi::{
    Address, Claim, Finality, Header, Origin, ProofBundle, Receipt, SidechainOrigin, StateSubject, TrustAnchor,
    WIRE_VERSION, codec, limits::PROOF_BYTES_MAX, merkle::Path,
};
use sha2::{Digest as _, Sha256};

use crate::{
    LaneError, Refused, Stage, Statement, Verified, VerifyError, chain, error::Part, lane, roots, trie,
    verified::Through,
};

/// Checks a bundle against a trust anchor and says what it proves.
///
/// # Errors
/// When the bundle's bytes are not canonical, or any one part of it is missing, too much, out of order or not what
/// the others ask for.
pub fn verify(bundle: &[u8], anchor: &TrustAnchor) -> Result<Verified, VerifyError> {
    examine(bundle, anchor).map_err(|refused| refused.error)
}

/// As [`verify`], and of a bundle that proves nothing says which step failed: those before it have held.
///
/// # Errors
/// As [`verify`].
pub fn examine(bundle: &[u8], anchor: &TrustAnchor) -> Result<Verified, Refused> {
    let unreadable = |error| Stage::Proof.refuse(error);
    if anchor.version != WIRE_VERSION {
        return Err(unreadable(VerifyError::UnknownVersion { part: Part::Anchor, found: anchor.version }));
    }
    let bundle: ProofBundle =
        codec::decode_versioned(bundle, PROOF_BYTES_MAX).map_err(|error| unreadable(error.into()))?;
    let header = bundle.header;
    let own = match &bundle.origin {
        Origin::AnchoredChain => anchor.clone(),
        Origin::Sidechain(_) if header.chain == anchor.chain => {
            let error = LaneError::OtherChain { found: header.chain };
            return Err(unreadable(VerifyError::Sidechain(error)));
        }
        Origin::Sidechain(origin) => {
            TrustAnchor { chain: header.chain.clone(), genesis: origin.record.genesis, ..anchor.clone() }
        }
    };
    chain::check_header(&header, &own).map_err(unreadable)?;
    let statement = check_claim(bundle.claim, &header, &own).map_err(|error| Stage::State.refuse(error))?;

    let unsigned = |error| Stage::Signatures.refuse(error);
    let (mainchain, through) = match bundle.origin {
        Origin::AnchoredChain => (header.clone(), None),
        Origin::Sidechain(origin) => {
            follow_sidechain(&header, &origin, &own).map_err(unsigned)?;
            let through = Through {
                mainchain: anchor.chain.clone(),
                anchored_height: origin.record.height,
                height: origin.mainchain.height,
                timestamp_ms: origin.mainchain.timestamp_ms,
            };
            (origin.mainchain, Some(through))
        }
    };
    chain::check_header(&mainchain, anchor).map_err(unsigned)?;
    let certified = chain::follow(&mainchain, &bundle.link, anchor).map_err(unsigned)?;
    let certified_height = certified.height;
    let confirmed = chain::confirm(certified, &bundle.finality, anchor)?;
    Ok(Verified {
        chain: own.chain,
        genesis: own.genesis,
        through,
        as_of_height: header.height,
        as_of_timestamp_ms: header.timestamp_ms,
        certified_height,
        confirmed,
        statement,
    })
}

/// Follows a sidechain's header to the record of an anchored one in the mainchain's state; `own` stands for the sidechain
/// in the place of an anchor. That the mainchain's header is final is not looked at here.
fn follow_sidechain(header: &Header, origin: &SidechainOrigin, own: &TrustAnchor) -> Result<(), VerifyError> {
    let SidechainOrigin { link, record, nodes, mainchain } = origin;
    let anchored = chain::follow(header, link, own)?;
    if anchored.height != record.height || anchored.digest(&record.genesis) != record.header {
        return Err(VerifyError::Sidechain(LaneError::OtherHeader));
    }
    lane::record(mainchain, &own.chain, record, nodes).map_err(VerifyError::Sidechain)
}

/// Checks that a header is final by what the anchor's committee and its successors signed, or the threshold key.
///
/// # Errors
/// When anything does not lead there.
pub fn verify_header(header: &Header, finality: &Finality, anchor: &TrustAnchor) -> Result<(), VerifyError> {
    chain::check_header(header, anchor)?;
    chain::confirm(header, finality, anchor).map(drop).map_err(|refused| refused.error)
}

fn check_claim(claim: Claim, header: &Header, anchor: &TrustAnchor) -> Result<Statement, VerifyError> {
    match claim {
        Claim::State { subject, key, value, nodes } => {
            let trie_key = trie::key(&address_of(&subject, header), &key);
            let proven = trie::verify(&header.state_root, &trie_key, &nodes)?;
            match (value, proven) {
                (Some(value), Some(proven)) if <[u8; 32]>::from(Sha256::digest(&value)) == proven => {
                    Ok(Statement::Present { subject, key, value })
                }
                (Some(_), Some(_)) => Err(VerifyError::WrongValue),
                (Some(_), None) => Err(VerifyError::ValueAbsent),
                (None, Some(_)) => Err(VerifyError::ValuePresent),
                (None, None) => Ok(Statement::Absent { subject, key }),
            }
        }
        Claim::Receipt { receipt, path } => {
            check_receipt(&receipt, &path, header, anchor)?;
            Ok(Statement::Receipt(receipt))
        }
    }
}

fn address_of(subject: &StateSubject, header: &Header) -> Address {
    match subject {
        StateSubject::Contract { department, name } => Address::of_contract(&header.chain, department, name),
        StateSubject::System => Address::system(),
    }
}

fn check_receipt(receipt: &Receipt, path: &Path, header: &Header, anchor: &TrustAnchor) -> Result<(), VerifyError> {
    if receipt.version != WIRE_VERSION {
        return Err(VerifyError::UnknownVersion { part: Part::Receipt, found: receipt.version });
    }
    if receipt.height != header.height {
        return Err(VerifyError::ReceiptOfOtherBlock { expected: header.height, found: receipt.height });
    }
    if path.index != u64::from(receipt.index) {
        return Err(VerifyError::ReceiptPlace { expected: receipt.index, found: path.index });
    }
    if roots::receipts_root_by(&anchor.genesis, receipt, path) != Some(header.receipts_root) {
        return Err(VerifyError::ReceiptRoot);
    }
    Ok(())
}
