//! Consents and their records: what a resident makes for a department, what the department makes of each use, and the
//! resident's proof that the records under a consent are all there are.
//!
//! A consent's tags follow from a secret that stays with the resident; the department gets the tags, and with each use
//! the next one goes on the chain. The reason of a use is sealed to a key that was made for this consent alone.

use std::{
    fs::{self, OpenOptions},
    io::Write as _,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use age::{
    secrecy::ExposeSecret as _,
    x25519::{Identity, Recipient},
};
use chancery_abi::{Digest, Name, TrustAnchor, merkle, types::from_hex};
use chancery_verify::{Statement, verify};
use clap::Args;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::tree::Presentation;
use crate::{
    chain::Word,
    cli::{
        arguments::AddressNames,
        failure::{Failure, Result, at},
        options::{Format, KeyOptions, NodeOptions},
        output::Output,
        verify::read_anchor,
    },
    client::ChainClient,
    schema_json::{self, Names as _, to_hex},
};

const TAG_DOMAIN: &[u8] = b"chancery/identity/tag/v1";
const REASON_DOMAIN: &[u8] = b"chancery/identity/reason/v1";
/// Verifications of a consent that this command makes.
const USES_MAX: u32 = 1_000;
/// Bytes of a file that is read here.
const FILE_BYTES_MAX: u64 = 16 << 20;

/// Make a consent for one department to verify one attribute, and print the call that gives it.
#[derive(Args)]
pub(in crate::cli) struct Consent {
    /// The presented attribute: chancery identity present.
    file: PathBuf,
    /// The department's account: an address, or key:NAME.
    #[arg(long, value_name = "ACCOUNT")]
    department: String,
    /// What for: the department's reference.
    #[arg(long, value_name = "REFERENCE")]
    purpose: String,
    /// How many verifications it allows.
    #[arg(long, value_name = "NUMBER", default_value_t = 12)]
    uses: u32,
    /// The first moment at which it no longer holds, milliseconds since 1970.
    #[arg(long, value_name = "MS")]
    until_ms: u64,
    /// A new file for the department: the attribute, the tags, and the key to seal reasons to.
    #[arg(long, value_name = "FILE")]
    grant: PathBuf,
    /// A new file that stays with the resident.
    #[arg(long, value_name = "FILE")]
    secret: PathBuf,
    #[command(flatten)]
    keys: KeyOptions,
    #[command(flatten)]
    format: Format,
}

/// Make the record of one verification, and print the call that files it.
#[derive(Args)]
pub(in crate::cli) struct Verification {
    /// What the resident gave.
    grant: PathBuf,
    /// The consent's number, as giving it returned.
    #[arg(long, value_name = "NUMBER")]
    consent: u32,
    /// Which of its uses this is, from 0: as many as there were before.
    #[arg(long = "use", value_name = "NUMBER")]
    number: u32,
    /// Why it is verified. Only the resident can read it, and whoever the resident shows it to.
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// A new file for the sealed reason, which the department keeps and hands to the resident.
    #[arg(long, value_name = "FILE")]
    sealed: PathBuf,
    #[command(flatten)]
    format: Format,
}

/// Show all verifications under a consent, proven to be all.
#[derive(Args)]
pub(in crate::cli) struct Records {
    /// The resident's file of the consent.
    secret: PathBuf,
    /// The consent's number.
    #[arg(long, value_name = "NUMBER")]
    consent: u32,
    /// Sealed reasons that the department handed over.
    #[arg(long = "sealed", value_name = "FILE")]
    sealed: Vec<PathBuf>,
    /// The trust anchor, from where you trust it.
    #[arg(long, value_name = "FILE")]
    anchor: PathBuf,
    /// The chain.
    #[arg(long, value_name = "CHAIN", default_value = "main")]
    chain: Name,
    #[command(flatten)]
    node: NodeOptions,
    #[command(flatten)]
    format: Format,
}

/// What the department gets.
#[derive(Serialize, Deserialize)]
struct Grant {
    presentation: Presentation,
    recipient: String,
    tags: Vec<Tag>,
}

#[derive(Serialize, Deserialize)]
struct Tag {
    tag: String,
    siblings: Vec<String>,
}

/// What the resident keeps.
#[derive(Serialize, Deserialize)]
struct Secret {
    root: String,
    secret: String,
    uses: u32,
    identity: String,
}

/// What is sealed to the resident.
#[derive(Serialize, Deserialize)]
struct Reason {
    reason: String,
    salt: String,
}

fn tags_of(secret: &[u8; 32], uses: u32) -> Vec<Digest> {
    let tag = |number: u32| {
        let hasher = Sha256::new_with_prefix(TAG_DOMAIN).chain_update(secret).chain_update(number.to_le_bytes());
        Digest(hasher.finalize().into())
    };
    (0..uses).map(tag).collect()
}

fn leaves(tags: &[Digest]) -> Vec<Digest> {
    tags.iter().map(|tag| merkle::leaf(&tag.0)).collect()
}

fn reason_commitment(salt: &[u8], reason: &str) -> Digest {
    Digest(Sha256::new_with_prefix(REASON_DOMAIN).chain_update(salt).chain_update(reason).finalize().into())
}

fn random() -> Result<[u8; 32]> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|error| Failure::new("this machine has no randomness").because(error))?;
    Ok(bytes)
}

/// Writes a new file that only its owner reads.
fn keep_new(path: &Path, bytes: &[u8]) -> Result {
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    let mut file = file.map_err(at(path))?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(at(path))
}

fn read<T: DeserializeOwned>(path: &Path, what: &str) -> Result<T> {
    let length = fs::metadata(path).map_err(at(path))?.len();
    if length > FILE_BYTES_MAX {
        return Err(Failure::new(format!("{} has {length} bytes, too many for {what}", path.display())));
    }
    let text = fs::read_to_string(path).map_err(at(path))?;
    serde_json::from_str(&text)
        .map_err(|error| Failure::new(format!("{} is not {what}", path.display())).because(error))
}

fn document<T: Serialize>(value: &T) -> Vec<u8> {
    serde_json::to_vec(value).expect("texts and numbers")
}

impl Consent {
    pub(super) fn run(self, output: &Output) -> Result {
        if !(1..=USES_MAX).contains(&self.uses) {
            return Err(Failure::usage(format!("--uses is 1 to {USES_MAX}")));
        }
        let presentation: Presentation = read(&self.file, "a presented attribute")?;
        let opened = presentation.opened().ok_or_else(|| Failure::new("the attribute is not under its root"))?;
        let keys = self.keys.store()?;
        let main = Name::new("main").map_err(|error| Failure::new(error.to_string()))?;
        let names = AddressNames { keys: &keys, chain: &main };
        let department = names.address(&self.department).map_err(Failure::usage)?;
        let (secret, identity) = (random()?, Identity::generate());
        let recipient = identity.to_public().to_string();
        let tags = tags_of(&secret, self.uses);
        let hashes = leaves(&tags);
        let tag = |(place, tag): (u64, &Digest)| {
            let path = merkle::path(&hashes, place)?;
            Some(Tag { tag: tag.to_string(), siblings: path.siblings.iter().map(Digest::to_string).collect() })
        };
        let listed = (0..).zip(&tags).map(tag).collect::<Option<Vec<_>>>().expect("every tag is in the list");
        let consent = json!({
            "root": opened.root.to_string(),
            "consent": {
                "department": department.to_string(),
                "commitment": opened.commitment.to_string(),
                "index": opened.path.index,
                "siblings": opened.path.siblings.iter().map(Digest::to_string).collect::<Vec<_>>(),
                "purpose": self.purpose,
                "recipient": Digest(Sha256::digest(&recipient).into()).to_string(),
                "tags": merkle::root(&hashes).to_string(),
                "uses_max": self.uses,
                "until_ms": self.until_ms,
            },
        });
        let kept = Secret {
            root: opened.root.to_string(),
            secret: to_hex(&secret),
            uses: self.uses,
            identity: identity.to_string().expose_secret().to_owned(),
        };
        // The secret is safe before anything leaves this machine.
        keep_new(&self.secret, &document(&kept))?;
        keep_new(&self.grant, &document(&Grant { presentation, recipient, tags: listed }))?;
        output.document(&consent)
    }
}

impl Verification {
    pub(super) fn run(self, output: &Output) -> Result {
        let grant: Grant = read(&self.grant, "a grant")?;
        let opened = grant.presentation.opened();
        let opened = opened.ok_or_else(|| Failure::new("the grant's attribute is not under its root"))?;
        let recipient: Recipient =
            grant.recipient.parse().map_err(|error: &str| Failure::new("the grant's key is none").because(error))?;
        let tag = grant.tags.get(self.number as usize).ok_or_else(|| {
            Failure::new(format!("the consent allows {} verifications, and this is another", grant.tags.len()))
        })?;
        let salt = random()?;
        let reason = Reason { reason: self.reason, salt: to_hex(&salt) };
        let commitment = reason_commitment(&salt, &reason.reason);
        let sealed = age::encrypt(&recipient, &document(&reason))
            .map_err(|error| Failure::new("the reason cannot be sealed").because(error))?;
        keep_new(&self.sealed, &sealed)?;
        output.document(&json!({
            "root": opened.root.to_string(),
            "consent": self.consent,
            "tag": tag.tag,
            "siblings": tag.siblings,
            "reason": commitment.to_string(),
            "sealed": Digest(Sha256::digest(&sealed).into()).to_string(),
        }))
    }
}

/// An entry of the contract `identity`, proven to be there or not.
struct Proven {
    value: Option<Value>,
    height: u64,
}

/// Asks a node for entries and believes only what is proven.
struct Prover<'a> {
    chain: &'a ChainClient<'a>,
    contract: String,
    schema: chancery_abi::schema::Schema,
    anchor: TrustAnchor,
}

impl<'a> Prover<'a> {
    fn new(chain: &'a ChainClient<'a>, anchor: TrustAnchor) -> Result<Self> {
        let contract = chain.contract("identity")?.address.to_string();
        let schema = chain.schema(&contract)?;
        Ok(Self { chain, contract, schema, anchor })
    }

    fn prove(&self, field: &str, key: &Value) -> Result<Proven> {
        let found = self.schema.storage.values().find(|candidate| candidate.name.as_str() == field);
        let field = found.ok_or_else(|| Failure::new(format!("the contract has no field {field}")))?;
        let slot = schema_json::slot_key(&self.schema, field, Some(key), &schema_json::DigitsOnly)
            .map_err(|error| Failure::new(error.to_string()))?;
        let bundle = self.chain.prove_slot(&self.contract, &slot, None, Word::Certificate)?;
        let verified = verify(&bundle, &self.anchor)
            .map_err(|error| Failure::new("the node's proof does not hold").because(error).code("not_proven"))?;
        if verified.statement.key() != Some(&slot[..]) {
            return Err(Failure::new("the node proves something else than was asked").code("not_proven"));
        }
        let height = verified.as_of_height;
        let Statement::Present { value, .. } = &verified.statement else { return Ok(Proven { value: None, height }) };
        let ty = schema_json::entry_type(field, true).ok_or_else(|| Failure::new("the field has no values"))?;
        let value = schema_json::decode(&self.schema, &ty, value).map_err(|error| Failure::new(error.to_string()))?;
        Ok(Proven { value: Some(value), height })
    }
}

impl Records {
    pub(super) fn run(self, output: &Output) -> Result {
        let secret: Secret = read(&self.secret, "a resident's file of a consent")?;
        let seed = from_hex(&secret.secret).and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
        let seed = seed.ok_or_else(|| Failure::new("the consent's secret is none"))?;
        let uses = secret.uses.min(USES_MAX);
        let tags = tags_of(&seed, uses);
        let identity: Identity =
            secret.identity.parse().map_err(|error: &str| Failure::new("the consent's key is none").because(error))?;
        let sealed = self.sealed.iter().map(|path| fs::read(path).map_err(at(path))).collect::<Result<Vec<_>>>()?;
        let node = self.node.open()?;
        let chain = node.chain(self.chain.clone());
        let prover = Prover::new(&chain, read_anchor(&self.anchor)?)?;

        let incomplete = |why: String| Failure::new("NOT PROVEN").because(why).code("not_proven");
        let consent = prover.prove("consents", &json!([secret.root, self.consent]))?;
        let given = consent.value.ok_or_else(|| incomplete(format!("there is no consent {}", self.consent)))?;
        if given["tags"] != merkle::root(&leaves(&tags)).to_string() {
            return Err(incomplete("the consent on the chain has other tags than this secret makes".into()));
        }
        let used = given["used"].as_u64().unwrap_or(u64::MAX);
        let mut records = Vec::new();
        for (number, tag) in (0u64..).zip(&tags) {
            let record = prover.prove("records", &json!(tag.to_string()))?;
            match record.value {
                Some(record) => records.push(shown(number, record, &sealed, &identity)?),
                None if number < used => return Err(incomplete(format!("verification {number} has no record"))),
                // One that was made while this looked would be the next.
                None => break,
            }
        }
        let json = json!({
            "complete": true, "as_of_height": consent.height, "used": used, "uses_max": given["uses_max"],
            "withdrawn_height": given["withdrawn_height"], "records": records,
        });
        output.result(&json, || {
            let lines = records.iter().map(|record| {
                let reason = record["reason"].as_str().unwrap_or("(its sealed reason was not handed over)");
                format!("  height {}  {}  {reason}", record["height"], record["department"].as_str().unwrap_or(""))
            });
            let all = format!("PROVEN: these {} are all verifications as of height {}", records.len(), consent.height);
            std::iter::once(all).chain(lines).collect::<Vec<_>>().join("\n")
        })
    }
}

/// A record, with its reason where the sealed one is at hand.
fn shown(number: u64, record: Value, sealed: &[Vec<u8>], identity: &Identity) -> Result<Value> {
    let mine = sealed.iter().find(|bytes| record["sealed"] == Digest(Sha256::digest(bytes).into()).to_string());
    let reason = match mine {
        None => Value::Null,
        Some(bytes) => {
            let wrong = |why: &str| Failure::new(format!("the sealed reason of verification {number} {why}"));
            let opened = age::decrypt(identity, bytes).map_err(|error| wrong("is not to this key").because(error))?;
            let Reason { reason, salt } = serde_json::from_slice(&opened).map_err(|_| wrong("is none"))?;
            let salt = from_hex(&salt).ok_or_else(|| wrong("has no salt"))?;
            if record["reason"] != reason_commitment(&salt, &reason).to_string() {
                return Err(wrong("is not the one that was recorded").code("not_proven"));
            }
            reason.into()
        }
    };
    Ok(json!({
        "number": number, "height": record["height"], "at_ms": record["at_ms"],
        "department": record["department"], "reason": reason,
    }))
}
