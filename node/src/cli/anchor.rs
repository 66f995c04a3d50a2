//! `chancery anchor`: the trust anchor as a file, a fingerprint and a code to print, and what an anchor's file holds.
//!
//! An anchor that a node hands over is worth no more than that node's word: what is printed is meant to be compared.

use std::{
    fs,
    path::{Path, PathBuf},
};

use chancery_abi::{Address, Genesis, Name, StateSubject, ThresholdKey, TrustAnchor, codec, slot::push_field};
use chancery_runtime::execution::registry::ThresholdKeys;
use chancery_verify::verify;
use clap::{Args, Subcommand};
use parity_scale_codec::Decode as _;
use serde_json::{Value, json};

use super::{
    failure::{Failure, Result, at},
    node::read_genesis,
    options::{Format, NodeOptions},
    output::Output,
    replay::open_existing,
    snapshot::sidechain_genesis,
    verify::read_anchor,
};
use crate::{
    anchor::{fingerprint, grouped},
    chain::Word,
    client::Node,
    portal::qr,
    schema_json::{proof, to_hex},
};

/// Export and look at trust anchors.
#[derive(Subcommand)]
pub(super) enum Anchor {
    /// Write a chain's trust anchor to a file, and show its fingerprint.
    Export(Export),
    /// Show what a trust anchor holds.
    Show(Show),
}

/// Write a trust anchor.
#[derive(Args)]
pub(super) struct Export {
    /// From this genesis, as `network assemble` wrote it, instead of a node's word.
    #[arg(long, value_name = "FILE")]
    genesis: Option<PathBuf>,
    /// A sidechain's own, by what the mainchain in a stopped node's data says of it: its snapshots are checked with that.
    #[arg(long, value_name = "CHAIN", requires = "data", conflicts_with_all = ["genesis", "keys"])]
    chain: Option<Name>,
    /// The data directory of a stopped node.
    #[arg(long, value_name = "DIR", requires = "chain")]
    data: Option<PathBuf>,
    /// Where to write the anchor [default: CHAIN.anchor].
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// With the threshold keys that the chain has now, for attested proofs. They are proven by the anchor's own committee,
    /// so no word of the node's is taken but that they are today's; the fingerprint is another than without.
    #[arg(long)]
    keys: bool,
    /// Draw the fingerprint as a QR code; with a file, draw the whole anchor there as an SVG image.
    #[arg(long, value_name = "FILE.svg", num_args = 0..=1)]
    qr: Option<Option<PathBuf>>,
    #[command(flatten)]
    node: NodeOptions,
    #[command(flatten)]
    format: Format,
}

/// Show a trust anchor.
#[derive(Args)]
pub(super) struct Show {
    /// The anchor.
    file: PathBuf,
    #[command(flatten)]
    format: Format,
}

impl Anchor {
    /// Runs the command.
    ///
    /// # Errors
    /// When a file or node cannot be read, holds no anchor, or a file cannot be written.
    pub(super) fn run(self, output: &Output) -> Result {
        match self {
            Self::Export(export) => export.run(output),
            Self::Show(show) => {
                let anchor = read_anchor(&show.file)?;
                output.result(&view(&anchor), || text(&anchor))
            }
        }
    }
}

impl Export {
    fn run(self, output: &Output) -> Result {
        let genesis = match (&self.genesis, self.chain.as_ref().zip(self.data.as_ref())) {
            (Some(file), _) => of_mainchain(file, read_genesis(file)?)?,
            (None, Some((chain, data))) => sidechain_genesis(&open_existing(data)?, chain)?,
            (None, None) => self.mainchain_genesis()?,
        };
        let mut anchor = TrustAnchor::of_genesis(&genesis);
        if self.keys {
            anchor = with_keys(&self.node.open()?, anchor)?;
        }
        let bytes = codec::encode(&anchor);
        let file = self.output.unwrap_or_else(|| PathBuf::from(format!("{}.anchor", anchor.chain)));
        fs::write(&file, &bytes).map_err(at(&file))?;
        let mut json = view(&anchor);
        json["file"] = file.to_string_lossy().into();
        let mut drawn = String::new();
        match &self.qr {
            None => {}
            Some(None) => drawn = qr::characters(&fingerprint(&anchor).to_string()).unwrap_or_default(),
            Some(Some(image)) => {
                let name = format!("trust anchor of chain {}", anchor.chain);
                let svg = qr::svg(&to_hex(&bytes).to_ascii_uppercase(), &name).ok_or_else(|| {
                    Failure::new(format!("the anchor has {} bytes, too many for a QR code", bytes.len()))
                        .help("--qr without a file draws the fingerprint, which always fits")
                })?;
                fs::write(image, svg).map_err(at(image))?;
                json["qr"] = image.to_string_lossy().into();
            }
        }
        output.result(&json, || format!("{}\nwrote {}\n{drawn}", text(&anchor), file.display()))
    }

    /// The genesis of the chain on the node that has no mainchain above it.
    fn mainchain_genesis(&self) -> Result<Genesis> {
        let node = self.node.open()?;
        for chain in node.chains()? {
            let genesis = node.chain(chain.name).genesis()?;
            if genesis.mainchain.is_none() {
                return Ok(genesis);
            }
        }
        Err(Failure::new(format!("the node at {} hosts no mainchain", node.url())))
    }
}

/// The anchor with the threshold keys that its chain's registry has now, by a proof under the anchor itself.
///
/// # Errors
/// When the node gives none, or the chain has no threshold key yet.
pub(super) fn with_keys(node: &Node, anchor: TrustAnchor) -> Result<TrustAnchor> {
    let mut slot = Vec::new();
    push_field(&mut slot, "keys");
    let registry = Address::registry(&anchor.chain);
    let bytes = node.chain(anchor.chain.clone()).prove_slot(&registry.to_string(), &slot, None, Word::Certificate)?;
    let not_proven = |reason: &dyn std::fmt::Display| {
        Failure::new("the node does not prove the threshold keys; nothing was written").because(reason)
    };
    let verified = verify(&bytes, &anchor).map_err(|error| not_proven(&error))?;
    let name = Name::new("registry").map_err(|error| not_proven(&error))?;
    let subject = StateSubject::Contract { department: name.clone(), name };
    let statement = &verified.statement;
    if verified.chain != anchor.chain || statement.subject() != Some(&subject) || statement.key() != Some(&slot[..]) {
        return Err(not_proven(&"its proof is of something else"));
    }
    let keys = statement.value().and_then(|value| ThresholdKeys::decode(&mut &value[..]).ok());
    // A key that is only announced may be given up yet; the one before leads to it.
    let begun = |key: &ThresholdKey| key.from_height <= verified.as_of_height;
    let keys = keys.into_iter().flat_map(|keys| keys.spans).map(|span| span.key);
    let mut threshold_keys: Vec<_> = keys.filter(begun).collect();
    if let Some(last) = threshold_keys.last_mut() {
        last.to_height = None;
    }
    if threshold_keys.is_empty() {
        return Err(Failure::new(format!("chain {} has no threshold key yet", anchor.chain))
            .help("the committee makes one by itself; `chancery status` shows how far it is"));
    }
    Ok(TrustAnchor { threshold_keys, ..anchor })
}

/// A genesis that has an anchor of its own.
fn of_mainchain(file: &Path, genesis: Genesis) -> Result<Genesis> {
    match &genesis.mainchain {
        None => Ok(genesis),
        Some(mainchain) => Err(Failure::new(format!("{} is the genesis of a sidechain", file.display()))
            .help(format!("what it says is proven from the anchor of its mainchain, {}", mainchain.name))),
    }
}

fn view(anchor: &TrustAnchor) -> Value {
    let fingerprint = fingerprint(anchor);
    json!({
        "chain": anchor.chain.as_str(),
        "genesis": anchor.genesis.to_string(),
        "fingerprint": fingerprint.to_string(),
        "committee": anchor.committee.keys().iter().map(|key| to_hex(key)).collect::<Vec<_>>(),
        "quorum": anchor.committee.quorum(),
        "size_bytes": codec::encode(anchor).len(),
        "threshold_keys": anchor.threshold_keys.iter().map(proof::threshold_key).collect::<Vec<_>>(),
    })
}

fn text(anchor: &TrustAnchor) -> String {
    let mut lines = vec![
        format!("trust anchor of chain {}", anchor.chain),
        format!("fingerprint  {}", grouped(&fingerprint(anchor))),
        format!("genesis      {}", anchor.genesis),
        format!("committee    {} members, {} must sign", anchor.committee.keys().len(), anchor.committee.quorum()),
    ];
    lines.extend(anchor.committee.keys().iter().map(|key| format!("             {}", to_hex(key))));
    for key in &anchor.threshold_keys {
        let until = key.to_height.map_or("on".into(), |last| format!("to {last}"));
        let untrusted = if key.untrusted { ", UNTRUSTED GROUP (fewer than four holders)" } else { "" };
        lines.push(format!("key          for heights from {} {until}{untrusted}", key.from_height));
        lines.push(format!("             {}", to_hex(&key.key)));
    }
    lines.join("\n")
}
