//! Checking a presented attribute offline: it says as of which height and time it holds, and refuses beyond the caller's
//! maximum age.

use std::{
    fs,
    path::PathBuf,
    time::{SystemTime, UNIX_EPOCH},
};

use chancery_abi::{Address, Digest, StateSubject, limits::PROOF_BYTES_MAX, slot};
use chancery_verify::verify;
use clap::Args;
use parity_scale_codec::Decode;
use serde_json::json;

use super::tree::Presentation;
use crate::cli::{
    failure::{Failure, Result, at},
    options::Format,
    output::Output,
    verify::read_anchor,
};

/// A presentation, a proof and how old it may be.
#[derive(Args)]
pub(in crate::cli) struct Check {
    /// The presented attribute.
    file: PathBuf,
    /// The proof of its credential: chancery prove main/identity credentials ROOT -o FILE.
    #[arg(long, value_name = "FILE")]
    proof: PathBuf,
    /// The trust anchor, from a source you trust.
    #[arg(long, value_name = "FILE")]
    anchor: PathBuf,
    /// How old the proof may be.
    #[arg(long, value_name = "SECONDS")]
    max_age: u64,
    /// Ask that the credential's key presented it to this audience, within the same age.
    #[arg(long = "for", value_name = "AUDIENCE")]
    audience: Option<String>,
    #[command(flatten)]
    format: Format,
}

/// A credential as the contract stores it.
#[derive(Decode)]
struct Credential {
    authority: Address,
    subject: Address,
    leaves: u32,
    valid_from_ms: u64,
    valid_until_ms: u64,
    _attested_height: u64,
    _key_epoch: u32,
    status: Status,
}

#[derive(Decode)]
enum Status {
    Attested,
    Revoked { height: u64, _reason: String },
    Erased { height: u64 },
}

impl Check {
    pub(super) fn run(self, output: &Output) -> Result {
        let refused = |why: String| Failure::new("NOT PROVEN").because(why).code("not_proven");
        let text = fs::read_to_string(&self.file).map_err(at(&self.file))?;
        let presentation: Presentation =
            serde_json::from_str(&text).map_err(|error| refused(format!("not a presentation: {error}")))?;
        let root = presentation.root().ok_or_else(|| refused("the attribute is not under the root".into()))?;
        let anchor = read_anchor(&self.anchor)?;
        let length = fs::metadata(&self.proof).map_err(at(&self.proof))?.len();
        if length > PROOF_BYTES_MAX as u64 {
            return Err(refused(format!("the proof has {length} bytes")));
        }
        let bundle = fs::read(&self.proof).map_err(at(&self.proof))?;
        let verified = verify(&bundle, &anchor).map_err(|error| refused(error.to_string()))?;
        let is_identity = matches!(verified.statement.subject(),
            Some(StateSubject::Contract { name, .. }) if name.as_str() == "identity");
        if !is_identity || verified.statement.key() != Some(&slot_of(&root)[..]) {
            return Err(refused("the proof is not about this credential".into()));
        }
        let value = verified.statement.value().ok_or_else(|| refused("nothing was attested under this root".into()))?;
        let credential = Credential::decode(&mut &value[..])
            .map_err(|_| refused("the contract stores credentials in another form".into()))?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64);
        let (height, at_ms) = (verified.as_of_height, verified.as_of_timestamp_ms);
        judge(&credential, presentation.count(), at_ms, now, self.max_age).map_err(refused)?;
        if let Some(audience) = &self.audience {
            let presented_ms = presentation.presented_by(&credential.subject, audience);
            let presented_ms = presented_ms.map_err(|why| refused(why.into()))?;
            if now.abs_diff(presented_ms) / 1_000 > self.max_age {
                return Err(refused("it was presented too long ago, or in the future".into()));
            }
        }
        let json = json!({
            "verified": true, "name": presentation.name, "value": presentation.value, "height": height,
            "timestamp_ms": at_ms, "age_ms": now.saturating_sub(at_ms),
            "authority": crate::schema_json::to_hex(&credential.authority.0),
            "subject": crate::schema_json::to_hex(&credential.subject.0), "presented_to": self.audience,
        });
        output.result(&json, || {
            let age = now.saturating_sub(at_ms) / 1_000;
            format!("PROVEN\n{} = {}\nas of height {height}, {age} s ago", presentation.name, presentation.value)
        })
    }
}

fn slot_of(root: &Digest) -> Vec<u8> {
    let mut key = Vec::new();
    slot::push_field(&mut key, "credentials");
    slot::SlotKey::push_to(root, &mut key);
    key
}

/// Refuses a credential that did not hold as of the proof, does not hold now by its own dates, or whose proof is too
/// old.
fn judge(credential: &Credential, count: u64, at_ms: u64, now: u64, max_age: u64) -> std::result::Result<(), String> {
    match credential.status {
        Status::Attested => {}
        Status::Revoked { height, .. } => return Err(format!("the credential was revoked at height {height}")),
        Status::Erased { height } => return Err(format!("the credential was erased at height {height}")),
    }
    if u64::from(credential.leaves) != count {
        return Err(format!("the credential has {} leaves", credential.leaves));
    }
    let age = now.saturating_sub(at_ms) / 1_000;
    if age > max_age {
        return Err(format!("the proof is {age} s old, of which {max_age} s are allowed"));
    }
    if now < credential.valid_from_ms || now >= credential.valid_until_ms {
        return Err("the credential does not hold at this time".into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn credential(status: Status) -> Credential {
        let (authority, subject) = (Address::default(), Address::default());
        let (valid_from_ms, valid_until_ms) = (1_000, 9_000_000);
        Credential {
            authority,
            subject,
            leaves: 16,
            valid_from_ms,
            valid_until_ms,
            _attested_height: 1,
            _key_epoch: 0,
            status,
        }
    }

    #[test]
    fn only_what_holds_and_is_fresh_is_proven() {
        let good = credential(Status::Attested);
        assert_eq!(judge(&good, 16, 5_000, 65_000, 60), Ok(()));
        assert!(judge(&good, 16, 5_000, 66_000, 60).is_err(), "61 s old");
        assert!(judge(&good, 15, 5_000, 65_000, 60).is_err(), "another tree");
        assert!(judge(&good, 16, 500, 999, 60).is_err(), "not yet");
        assert!(judge(&good, 16, 9_000_000, 9_000_000, 60).is_err(), "no longer");
        let revoked = credential(Status::Revoked { height: 7, _reason: "r".into() });
        assert!(judge(&revoked, 16, 5_000, 5_000, 60).is_err());
        let erased = credential(Status::Erased { height: 7 });
        assert!(judge(&erased, 16, 5_000, 5_000, 60).is_err());
    }
}
