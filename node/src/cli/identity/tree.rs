//! Salted trees of attributes: made by an authority, opened one leaf at a time by a resident.

use std::{
    collections::BTreeMap,
    fs::{File, OpenOptions},
    io::{BufRead as _, BufReader, BufWriter, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use chancery_abi::{Address, Digest, Scheme, merkle, types::from_hex};
use chancery_verify::signatures;
use clap::Args;
use ed25519_zebra::SigningKey;
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest as _, Sha256};

use crate::{
    cli::{
        failure::{Failure, Result, at},
        options::{Format, KeyOptions},
        output::Output,
    },
    keystore::AccountKey,
    schema_json::to_hex,
};

/// What stands in front of a leaf's preimage.
const ATTRIBUTE_DOMAIN: &[u8] = b"chancery/identity/attribute/v1";
/// What stands in front of what a holder signs.
const PRESENTATION_DOMAIN: &[u8] = b"chancery/identity/presentation/v1";
/// Leaves of one credential.
const LEAVES_MAX: usize = 64;
/// Credentials of one call.
const BATCH: usize = 1_000;

/// A resident's attributes, a line of the authority's file.
#[derive(Deserialize)]
struct Resident {
    subject: String,
    attributes: BTreeMap<String, String>,
}

/// An attribute with its salt.
#[derive(Serialize, Deserialize)]
struct Leaf {
    name: String,
    value: String,
    salt: String,
}

/// A credential with its secrets, a line of the file that the authority hands to residents.
#[derive(Serialize, Deserialize)]
struct Wallet {
    root: String,
    subject: String,
    attributes: Vec<Leaf>,
    /// Commitments that fill the tree up, so that all trees have as many leaves.
    filling: Vec<String>,
}

/// One attribute and its way to the root.
#[derive(Serialize, Deserialize)]
pub(super) struct Presentation {
    pub(super) root: String,
    pub(super) name: String,
    pub(super) value: String,
    salt: String,
    index: u64,
    count: u64,
    siblings: Vec<String>,
    /// Who presents it, and to whom.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    holder: Option<Holder>,
}

/// That the credential's own key presents an attribute, to one audience, at one moment.
#[derive(Serialize, Deserialize)]
struct Holder {
    public_key: String,
    audience: String,
    at_ms: u64,
    signature: String,
}

/// Which residents, and for how long.
#[derive(Args)]
pub(in crate::cli) struct Prepare {
    /// A line of JSON for each resident: {"subject": ADDRESS, "attributes": {"over-18": "yes"}}.
    file: PathBuf,
    /// Where the trees with their salts go: a new file that only you can read.
    #[arg(long, value_name = "FILE")]
    wallets: PathBuf,
    /// From when the credentials hold, milliseconds since 1970.
    #[arg(long, value_name = "MS")]
    valid_from_ms: u64,
    /// The first moment at which they no longer hold.
    #[arg(long, value_name = "MS")]
    valid_until_ms: u64,
    /// Leaves of every tree; those without an attribute are random.
    #[arg(long, default_value_t = 16)]
    leaves: usize,
    #[command(flatten)]
    format: Format,
}

/// Which attribute.
#[derive(Args)]
pub(in crate::cli) struct Present {
    /// The file with the credential's tree.
    #[arg(long, value_name = "FILE")]
    wallets: PathBuf,
    /// The credential's root.
    #[arg(long, value_name = "HEX")]
    root: Digest,
    /// The attribute's name.
    #[arg(long)]
    attribute: String,
    /// Sign it with the credential's key, for this audience alone: whoever gets it cannot pass it off as its own.
    #[arg(long = "for", value_name = "AUDIENCE", requires = "key")]
    audience: Option<String>,
    /// The credential's key.
    #[arg(long = "as", id = "key", value_name = "KEY", requires = "audience")]
    key: Option<String>,
    #[command(flatten)]
    keys: KeyOptions,
    #[command(flatten)]
    format: Format,
}

impl Prepare {
    pub(super) fn run(self, output: &Output) -> Result {
        if !(1..=LEAVES_MAX).contains(&self.leaves) || self.valid_from_ms >= self.valid_until_ms {
            return Err(Failure::usage(format!("a tree has 1 to {LEAVES_MAX} leaves, and begins before it ends")));
        }
        let (mut wallets, mut calls) = (Vec::new(), Vec::new());
        for (index, text) in BufReader::new(File::open(&self.file).map_err(at(&self.file))?).lines().enumerate() {
            let text = text.map_err(at(&self.file))?;
            if text.trim().is_empty() {
                continue;
            }
            let wrong = |why: String| Failure::new(format!("line {}: {why}; nothing was made", index + 1));
            let resident: Resident = serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))?;
            let subject = from_hex(&resident.subject).and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
            let subject = subject.ok_or_else(|| wrong("the subject is not an address".into()))?;
            let wallet = grow(Address(subject), resident.attributes, self.leaves).map_err(|error| match error {
                Some(why) => wrong(why),
                None => Failure::new("this machine has no randomness"),
            })?;
            calls.push(json!({
                "root": wallet.root, "leaves": self.leaves, "subject": wallet.subject,
                "valid_from_ms": self.valid_from_ms, "valid_until_ms": self.valid_until_ms,
            }));
            wallets.push(wallet);
        }
        // The salts are safe before any root leaves this machine.
        keep(&self.wallets, &wallets)?;
        calls.chunks(BATCH).try_for_each(|part| output.document(&json!({ "credentials": part })))
    }
}

/// A tree over `attributes` with new salts; a reason, or none where there is no randomness.
fn grow(
    subject: Address,
    attributes: BTreeMap<String, String>,
    leaves: usize,
) -> std::result::Result<Wallet, Option<String>> {
    if attributes.is_empty() || attributes.len() > leaves {
        return Err(Some(format!("{} attributes for {leaves} leaves", attributes.len())));
    }
    let random = || {
        let mut salt = [0u8; 32];
        getrandom::fill(&mut salt).map(|()| salt).map_err(|_| None)
    };
    let (mut entries, mut kept, mut filling) = (Vec::with_capacity(leaves), Vec::new(), Vec::new());
    for (name, value) in attributes {
        let salt = random()?;
        entries.push(commitment(&salt, &name, &value).ok_or_else(|| Some("an attribute's name is too long".into()))?);
        kept.push(Leaf { name, value, salt: to_hex(&salt) });
    }
    while entries.len() < leaves {
        let entry = Digest(random()?);
        filling.push(entry.to_string());
        entries.push(entry);
    }
    let root = merkle::root(&hashes(&entries)).to_string();
    Ok(Wallet { root, subject: to_hex(&subject.0), attributes: kept, filling })
}

/// A leaf's entry, as the contract's README defines it.
fn commitment(salt: &[u8; 32], name: &str, value: &str) -> Option<Digest> {
    let length = u16::try_from(name.len()).ok()?.to_be_bytes();
    let hasher = Sha256::new_with_prefix(ATTRIBUTE_DOMAIN).chain_update(salt).chain_update(length);
    Some(Digest(hasher.chain_update(name).chain_update(value).finalize().into()))
}

fn hashes(entries: &[Digest]) -> Vec<Digest> {
    entries.iter().map(|entry| merkle::leaf(&entry.0)).collect()
}

fn keep(path: &Path, wallets: &[Wallet]) -> Result {
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(at(path))?;
    let mut file = BufWriter::new(file);
    let written = wallets
        .iter()
        .try_for_each(|wallet| writeln!(file, "{}", serde_json::to_string(wallet).expect("a wallet is texts")));
    written.and_then(|()| file.flush()).and_then(|()| file.get_ref().sync_all()).map_err(at(path))
}

impl Present {
    pub(super) fn run(self, output: &Output) -> Result {
        let wanted = self.root.to_string();
        for text in BufReader::new(File::open(&self.wallets).map_err(at(&self.wallets))?).lines() {
            let text = text.map_err(at(&self.wallets))?;
            let malformed = || Failure::new(format!("{} is not a file of trees", self.wallets.display()));
            let wallet: Wallet = serde_json::from_str(&text).map_err(|_| malformed())?;
            if wallet.root == wanted {
                let mut presentation = open(wallet, &self.attribute).ok_or_else(|| {
                    Failure::new(format!("the credential has no attribute `{}` that holds", self.attribute))
                })?;
                if let Some((key, audience)) = self.key.as_deref().zip(self.audience) {
                    let key = self.keys.store()?.unlock(key, &self.keys.passphrases())?;
                    presentation.sign(&key, audience, crate::chain::now_ms());
                }
                return output.document(&serde_json::to_value(presentation).map_err(|_| malformed())?);
            }
        }
        Err(Failure::new(format!("{} has no tree of this root", self.wallets.display())))
    }
}

/// One attribute of a tree.
fn open(wallet: Wallet, name: &str) -> Option<Presentation> {
    let mut entries = Vec::new();
    for leaf in &wallet.attributes {
        entries.push(commitment(&from_hex(&leaf.salt)?.try_into().ok()?, &leaf.name, &leaf.value)?);
    }
    for entry in &wallet.filling {
        entries.push(entry.parse().ok()?);
    }
    let index = wallet.attributes.iter().position(|leaf| leaf.name == name)?;
    let path = merkle::path(&hashes(&entries), index as u64)?;
    let leaf = wallet.attributes.into_iter().nth(index)?;
    let siblings = path.siblings.iter().map(Digest::to_string).collect();
    let (index, count) = (path.index, path.count);
    Some(Presentation {
        root: wallet.root,
        name: leaf.name,
        value: leaf.value,
        salt: leaf.salt,
        index,
        count,
        siblings,
        holder: None,
    })
}

/// A presented attribute that is under its root.
pub(super) struct Opened {
    pub(super) root: Digest,
    /// The attribute's salted commitment.
    pub(super) commitment: Digest,
    /// From it to the root.
    pub(super) path: merkle::Path,
}

impl Presentation {
    /// What it comes to, when the attribute is under the root.
    pub(super) fn opened(&self) -> Option<Opened> {
        let salt = from_hex(&self.salt)?.try_into().ok()?;
        let siblings = self.siblings.iter().map(|text| text.parse().ok()).collect::<Option<_>>()?;
        let path = merkle::Path { index: self.index, count: self.count, siblings };
        let commitment = commitment(&salt, &self.name, &self.value)?;
        let root: Digest = self.root.parse().ok()?;
        let is_under = path.root(&merkle::leaf(&commitment.0)) == Some(root);
        is_under.then_some(Opened { root, commitment, path })
    }

    /// What the credential's key signs. Names and values may hold line breaks, so each has its length before it.
    fn signed_bytes(&self, audience: &str, at_ms: u64) -> Vec<u8> {
        let mut bytes = PRESENTATION_DOMAIN.to_vec();
        bytes.extend_from_slice(&at_ms.to_be_bytes());
        for part in [audience, &self.root, &self.name, &self.value] {
            bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
            bytes.extend_from_slice(part.as_bytes());
        }
        bytes
    }

    fn sign(&mut self, key: &AccountKey, audience: String, at_ms: u64) {
        let signature = SigningKey::from(key.seed()).sign(&self.signed_bytes(&audience, at_ms)).to_bytes();
        let (public_key, signature) = (to_hex(&key.public_key()), to_hex(&signature));
        self.holder = Some(Holder { public_key, audience, at_ms, signature });
    }

    /// When the key of `subject` presented this to `audience`, milliseconds since 1970; or why it is not shown to have.
    pub(super) fn presented_by(&self, subject: &Address, audience: &str) -> std::result::Result<u64, &'static str> {
        let holder = self.holder.as_ref().ok_or("nobody signed for presenting it")?;
        if holder.audience != audience {
            return Err("it was presented to somebody else");
        }
        let public_key = from_hex(&holder.public_key).and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
        let public_key = public_key.ok_or("the presenting key is none")?;
        if Address::of_key(Scheme::Ed25519, &public_key) != *subject {
            return Err("it was presented by another than the credential's key");
        }
        let signature = from_hex(&holder.signature).and_then(|bytes| <[u8; 64]>::try_from(bytes).ok());
        let message = self.signed_bytes(audience, holder.at_ms);
        let holds = signature.is_some_and(|signature| signatures::holds(&public_key, &signature, &message));
        if holds { Ok(holder.at_ms) } else { Err("the presenting key's signature does not hold") }
    }

    /// The root, when the attribute is under it.
    pub(super) fn root(&self) -> Option<Digest> {
        self.opened().map(|opened| opened.root)
    }

    /// Leaves of the tree.
    pub(super) fn count(&self) -> u64 {
        self.count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn presented() -> Presentation {
        let attributes = [("name", "Li Canary"), ("over-18", "yes"), ("district", "7")];
        let attributes = attributes.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        let wallet = grow(Address::default(), attributes, 16).map_err(|_| "grow").expect("three fit in sixteen");
        open(wallet, "over-18").expect("it is there")
    }

    #[test]
    fn one_attribute_is_opened_and_nothing_of_the_others_shows() {
        let presentation = presented();
        assert!(presentation.root().is_some());
        let text = serde_json::to_string(&presentation).expect("texts");
        assert!(text.contains("over-18") && !text.contains("Canary") && !text.contains("district"), "{text}");
    }

    #[test]
    fn a_changed_value_name_salt_or_place_is_not_under_the_root() {
        let changes: [fn(&mut Presentation); 5] = [
            |changed| changed.value = "no".into(),
            |changed| changed.name = "over-19".into(),
            |changed| changed.salt = "00".repeat(32),
            |changed| changed.index += 1,
            |changed| changed.siblings.truncate(3),
        ];
        for change in changes {
            let mut changed = presented();
            change(&mut changed);
            assert_eq!(changed.root(), None);
        }
    }

    #[test]
    fn a_presentation_is_its_holders_and_its_audiences_alone() {
        let (key, other) = (AccountKey::from_seed([1; 32]), AccountKey::from_seed([2; 32]));
        let signed = || {
            let mut presentation = presented();
            presentation.sign(&key, "desk-1".into(), 1_000);
            presentation
        };
        assert_eq!(signed().presented_by(&key.address(), "desk-1"), Ok(1_000));
        assert!(signed().presented_by(&key.address(), "desk-2").is_err());
        assert!(signed().presented_by(&other.address(), "desk-1").is_err());
        assert!(presented().presented_by(&key.address(), "desk-1").is_err());
        let changes: [fn(&mut Presentation); 4] = [
            |changed| changed.value = "no".into(),
            |changed| changed.holder.as_mut().expect("signed").at_ms += 1,
            |changed| changed.holder.as_mut().expect("signed").audience = "desk-2".into(),
            |changed| changed.holder.as_mut().expect("signed").signature.replace_range(..2, "00"),
        ];
        for change in changes {
            let mut changed = signed();
            change(&mut changed);
            assert!(changed.presented_by(&key.address(), "desk-1").is_err());
            assert!(changed.presented_by(&key.address(), "desk-2").is_err());
        }
    }
}
