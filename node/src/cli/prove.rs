//! `chancery prove`: one file that shows anyone what a chain says, or that it says nothing.
//!
//! The proof is verified before it is written, under the anchor of the node's own genesis: what a node makes up is not
//! written. Whoever receives the file verifies it under an anchor of their own.

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use chancery_abi::{
    Digest, Name, TrustAnchor,
    schema::{Collection, StorageField, TypeRef},
};
use chancery_verify::verify;
use clap::Args;
use serde_json::json;

use super::{
    anchor::with_keys,
    arguments::{self, AddressNames},
    failure::{Failure, Result, at},
    options::{Format, KeyOptions, NodeOptions},
    output::Output,
    target::ContractTarget,
    verify::read_anchor,
};
use crate::{
    chain::Word,
    client::{ChainClient, ClientError, Node},
    schema_json,
};

/// What the two forms of the command are for.
const LONG_ABOUT: &str = "\
Write a proof of what a chain says, or that it says nothing.

  chancery prove CHAIN/CONTRACT FIELD [KEY] -o FILE   an entry of a contract's storage, there or not
  chancery prove CHAIN tx DIGEST -o FILE              what a transaction did";

/// How long a sidechain's header may take to be on the mainchain's record, or a height of an idle chain to be attested.
const ANCHORED_WITHIN: Duration = Duration::from_secs(100);
/// How often it is asked again.
const ASK_EVERY: Duration = Duration::from_millis(100);

/// Write a proof of what a chain says, or that it says nothing.
#[derive(Args)]
#[command(long_about = LONG_ABOUT)]
pub(super) struct Prove {
    /// CHAIN/CONTRACT, or CHAIN for a transaction.
    target: String,
    /// The storage field, or `tx`.
    subject: String,
    /// The entry's key (JSON for a key of several parts; key:NAME for an address), or the transaction's digest.
    key: Option<String>,
    /// Where to write the proof.
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// Write it as a contract of this sidechain takes it, for an argument `@FILE`: a proof from what that
    /// chain has seen of its mainchain.
    #[arg(long, value_name = "CHAIN", conflicts_with = "at")]
    present: Option<Name>,
    /// As of this height, one of the newest [default: the newest].
    #[arg(long, value_name = "HEIGHT")]
    at: Option<u64>,
    /// End in an attestation by the committee's threshold key: shorter than a certificate with its hand-overs, and it
    /// names nobody. The reader's trust anchor must have the key (`chancery anchor export --keys`).
    #[arg(long, conflicts_with = "present")]
    attested: bool,
    /// The trust anchor that an attested proof is to lead to, when it is older than the present key
    /// [default: one with the present keys].
    #[arg(long, value_name = "FILE", requires = "attested")]
    anchor: Option<PathBuf>,
    #[command(flatten)]
    node: NodeOptions,
    #[command(flatten)]
    keys: KeyOptions,
    #[command(flatten)]
    format: Format,
}

impl Prove {
    /// Runs the command.
    ///
    /// # Errors
    /// When there is nothing to prove, or the node's proof does not hold.
    pub(super) fn run(self, output: &Output) -> Result {
        let node = self.node.open()?;
        if let Some(side) = &self.present {
            return self.present(&node, side, output);
        }
        let (_, bytes, anchor) = match self.target.parse::<ContractTarget>() {
            Ok(target) => self.prove_entry(&node, &target)?,
            Err(_) if self.subject == "tx" => self.prove_transaction(&node)?,
            Err(problem) => {
                return Err(Failure::usage(problem).help("`chancery prove CHAIN tx DIGEST` proves a transaction"));
            }
        };
        let verified = verify(&bytes, &anchor)
            .map_err(|error| Failure::new("the node's proof does not hold; nothing was written").because(error))?;
        fs::write(&self.output, &bytes).map_err(at(&self.output))?;
        let json = json!({
            "file": self.output.to_string_lossy(),
            "size_bytes": bytes.len(),
            "height": verified.as_of_height,
            "statement": schema_json::proof::statement(&verified.statement, None),
        });
        output.result(&json, || {
            let (file, size) = (self.output.display(), bytes.len());
            format!("{verified}\nwrote {file} ({size} bytes); `chancery verify {file} --anchor FILE` needs no network")
        })
    }

    /// Writes what a contract of a sidechain is to be shown of its mainchain.
    fn present(&self, node: &Node, side: &Name, output: &Output) -> Result {
        let target = self.target.parse::<ContractTarget>().map_err(Failure::usage)?;
        let chain = node.chain(target.chain.clone());
        let (contract, slot) = self.slot(&chain, &target)?;
        let contract = contract.parse().map_err(|_| Failure::new("the node gave no address"))?;
        let side = node.chain(side.clone());
        let bytes = once_anchored(|| side.present_slot(&contract, &slot))?;
        write_presented(&self.output, &bytes, output)
    }

    fn prove_transaction<'n>(&self, node: &'n Node) -> Result<(ChainClient<'n>, Vec<u8>, TrustAnchor)> {
        let chain =
            Name::new(self.target.as_str()).map_err(|error| Failure::usage(format!("`{}`: {error}", self.target)))?;
        let digest = self.key.as_deref().map(str::parse::<Digest>);
        let Some(Ok(digest)) = digest else {
            return Err(Failure::usage("which transaction?").help("give its digest, 64 hexadecimal digits"));
        };
        if self.at.is_some() {
            return Err(Failure::usage("--at is for entries; a transaction has its own height"));
        }
        let chain = node.chain(chain);
        let (anchor, word) = self.word(node, &chain)?;
        let bytes = once_anchored(|| chain.prove_transaction(&digest, word))?;
        Ok((chain, bytes, anchor))
    }

    fn prove_entry<'n>(
        &self,
        node: &'n Node,
        target: &ContractTarget,
    ) -> Result<(ChainClient<'n>, Vec<u8>, TrustAnchor)> {
        let chain = node.chain(target.chain.clone());
        let (contract, slot) = self.slot(&chain, target)?;
        let (anchor, word) = self.word(node, &chain)?;
        // What a sidechain says now is provable once its mainchain has it on record.
        let height = match self.at {
            None if anchor.chain != *chain.name() && !self.attested => Some(chain.status()?.height),
            at => at,
        };
        let bytes = once_anchored(|| {
            let proof = chain.prove_slot(&contract, &slot, height, word);
            // A closed chain's blocks beyond its last header are on nobody's record.
            let is_beyond = |error: &ClientError| self.at.is_none() && error.code() == Some("not_provable");
            if proof.as_ref().is_err_and(is_beyond) { chain.prove_slot(&contract, &slot, None, word) } else { proof }
        })?;
        Ok((chain, bytes, anchor))
    }

    /// The trust anchor that the proof is to lead to, and on whose word.
    fn word(&self, node: &Node, chain: &ChainClient<'_>) -> Result<(TrustAnchor, Word)> {
        let anchor = anchor_of(node, chain)?;
        if !self.attested {
            return Ok((anchor, Word::Certificate));
        }
        let Some(file) = &self.anchor else {
            return Ok((with_keys(node, anchor)?, Word::Attestation { known: None }));
        };
        let anchor = read_anchor(file)?;
        let serves = anchor.threshold_keys.iter().find(|key| key.to_height.is_none());
        let known = serves.ok_or_else(|| {
            Failure::new(format!("{} has no threshold key that serves", file.display()))
                .help("`chancery anchor export --keys` writes an anchor that has")
        })?;
        let known = Some(known.key);
        Ok((anchor, Word::Attestation { known }))
    }

    /// The contract's address and the entry's slot key.
    fn slot(&self, chain: &ChainClient<'_>, target: &ContractTarget) -> Result<(String, Vec<u8>)> {
        let contract = chain.contract(&target.contract)?.address.to_string();
        let schema = chain.schema(&contract)?;
        let field = schema.storage.values().find(|field| field.name.as_str() == self.subject).ok_or_else(|| {
            let fields: Vec<&str> = schema.storage.values().map(|field| field.name.as_str()).collect();
            Failure::usage(format!("contract {} has no storage field `{}`", schema.name, self.subject))
                .help(format!("there are: {}", fields.join(", ")))
        })?;
        let keys = self.keys.store()?;
        let names = AddressNames { keys: &keys, chain: chain.name() };
        let key = match &self.key {
            None => None,
            Some(text) => Some(arguments::typed(&schema, &key_type(field), text)?),
        };
        let slot = schema_json::slot_key(&schema, field, key.as_ref(), &names)
            .map_err(|error| Failure::usage(error.to_string()))?;
        Ok((contract, slot))
    }
}

/// Writes what a contract is to be shown, as its argument takes it.
pub(super) fn write_presented(file: &Path, bytes: &[u8], output: &Output) -> Result {
    fs::write(file, bytes).map_err(at(file))?;
    let json = json!({ "file": file.to_string_lossy(), "size_bytes": bytes.len() });
    output.result(&json, || format!("wrote {} ({} bytes), for an argument @{0}", file.display(), bytes.len()))
}

/// The trust anchor that proofs of a chain lead to: a sidechain's is its mainchain's.
fn anchor_of(node: &Node, chain: &ChainClient<'_>) -> Result<TrustAnchor> {
    let genesis = chain.genesis()?;
    Ok(match genesis.mainchain {
        Some(mainchain) => TrustAnchor::of_genesis(&node.chain(mainchain.name).genesis()?),
        None => TrustAnchor::of_genesis(&genesis),
    })
}

/// Asks for a proof, again for as long as its height is not anchored, which asking sees to, or not attested.
pub(super) fn once_anchored(mut prove: impl FnMut() -> std::result::Result<Vec<u8>, ClientError>) -> Result<Vec<u8>> {
    let deadline = Instant::now() + ANCHORED_WITHIN;
    loop {
        match prove() {
            Err(error)
                if matches!(error.code(), Some("not_anchored" | "not_attested" | "node_behind"))
                    && Instant::now() < deadline =>
            {
                std::thread::sleep(ASK_EVERY);
            }
            other => return Ok(other?),
        }
    }
}

/// What the key of an entry is typed as.
fn key_type(field: &StorageField) -> TypeRef {
    match &field.collection {
        // Takes no key; the slot's own error says so.
        Collection::Value(_) => TypeRef::Text,
        Collection::Map(key, _) | Collection::Set(key) => key.clone(),
        Collection::List(_) => TypeRef::Unsigned(64),
        Collection::Index(secondary, primary) => TypeRef::Tuple(vec![secondary.clone(), primary.clone()]),
    }
}
