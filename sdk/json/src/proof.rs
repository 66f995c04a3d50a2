//! What a proof bundle proves, or why it proves nothing, as JSON: the same in the command line and in the browser.

use chancery_abi::{StateSubject, ThresholdKey, TrustAnchor, codec, schema::Schema};
use chancery_verify::{Confirmed, Refused, Statement, Verified};
use serde_json::{Value, json};

use super::{decode, entry_type, read_slot, to_hex};

/// All that a bundle proves; with what the bytes mean where a schema says so.
pub fn verified(verified: &Verified, schema: Option<&Schema>) -> Value {
    let mut json = json!({
        "verified": true,
        "chain": verified.chain.as_str(),
        "genesis": verified.genesis.to_string(),
        "height": verified.as_of_height,
        "timestamp_ms": verified.as_of_timestamp_ms,
        "certified_height": verified.certified_height,
        "signers": verified.signers().iter().map(|key| to_hex(key)).collect::<Vec<_>>(),
        "statement": statement(&verified.statement, schema),
    });
    match &verified.confirmed {
        Confirmed::Certificate { epoch, .. } => json["epoch"] = (*epoch).into(),
        Confirmed::Attestation { key, rotations, untrusted } => {
            json["attestation"] = json!({ "key": to_hex(key), "rotations": rotations, "untrusted": untrusted });
        }
    }
    if let Some(through) = &verified.through {
        json["mainchain"] = json!({
            "chain": through.mainchain.as_str(),
            "height": through.height,
            "timestamp_ms": through.timestamp_ms,
            "anchored_height": through.anchored_height,
        });
    }
    json
}

/// Why a bundle proves nothing: the step that failed (those before it held), a stable code, and a sentence.
pub fn refused(refused: &Refused) -> Value {
    json!({
        "verified": false,
        "stage": refused.stage.code(),
        "code": refused.error.code(),
        "message": refused.error.to_string(),
    })
}

/// What a statement says; with what it means where a schema says so.
pub fn statement(statement: &Statement, schema: Option<&Schema>) -> Value {
    let mut json = json!({ "kind": statement.kind() });
    if let Some(subject) = statement.subject() {
        json["subject"] = match subject {
            StateSubject::Contract { department, name } => {
                json!({ "department": department.as_str(), "contract": name.as_str() })
            }
            StateSubject::System => "system".into(),
        };
    }
    if let Some(key) = statement.key() {
        json["key"] = to_hex(key).into();
    }
    if let Some(value) = statement.value() {
        json["value"] = to_hex(value).into();
    }
    if let Some((field, key, value)) = schema.and_then(|schema| meaning(statement, schema)) {
        json["meaning"] = json!({ "field": field, "key": key, "value": value });
    }
    if let Some(receipt) = statement.receipt() {
        json["receipt"] = json!({
            "transaction": receipt.transaction.to_string(),
            "height": receipt.height,
            "index": receipt.index,
            "gas_used": receipt.gas_used,
            "done": receipt.outcome.is_done(),
            "events": receipt.events.len(),
        });
    }
    json
}

/// The field, key and value that a state's entry is by a schema.
pub fn meaning(statement: &Statement, schema: &Schema) -> Option<(String, Option<Value>, Option<Value>)> {
    let (field, key) = read_slot(schema, statement.key()?)?;
    let ty = entry_type(field, key.is_some());
    let value = statement.value().zip(ty).and_then(|(bytes, ty)| decode(schema, &ty, bytes).ok());
    Some((field.name.to_string(), key, value))
}

/// A trust anchor: what it is of, who its first committee is, and its fingerprint, the SHA-256 of its bytes.
pub fn anchor(anchor: &TrustAnchor) -> Value {
    json!({
        "chain": anchor.chain.as_str(),
        "genesis": anchor.genesis.to_string(),
        "fingerprint": fingerprint(anchor),
        "committee": anchor.committee.keys().iter().map(|key| to_hex(key)).collect::<Vec<_>>(),
        "quorum": anchor.committee.quorum(),
        "threshold_keys": anchor.threshold_keys.iter().map(threshold_key).collect::<Vec<_>>(),
    })
}

/// A threshold key of an anchor, and the heights that it speaks for.
pub fn threshold_key(key: &ThresholdKey) -> Value {
    json!({
        "key": to_hex(&key.key),
        "from_height": key.from_height,
        "to_height": key.to_height,
        "untrusted": key.untrusted,
    })
}

/// The SHA-256 of an anchor's bytes, in hexadecimal: what people compare.
pub fn fingerprint(anchor: &TrustAnchor) -> String {
    chancery_abi::Digest::of(&codec::encode(anchor)).to_string()
}
