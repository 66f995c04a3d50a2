//! `chancery anchor`: the trust anchor as a file, a fingerprint and a code to print, and what an anchor's file holds.
//!
//! An anchor that a node hands over is worth no more than that node's word: what is printed is meant to be compared.

use std::{
    fs,
    path::{Path, PathBuf},
};

use chancery_abi::{Genesis, TrustAnchor, codec};
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::{
    failure::{Failure, Result, at},
    node::read_genesis,
    options::{Format, NodeOptions},
    output::Output,
    verify::read_anchor,
};
use crate::{
    anchor::{fingerprint, grouped},
    portal::qr,
    schema_json::to_hex,
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
    /// Where to write the anchor [default: CHAIN.anchor].
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
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
        let genesis = match &self.genesis {
            Some(file) => of_mainchain(file, read_genesis(file)?)?,
            None => self.mainchain_genesis()?,
        };
        let anchor = TrustAnchor::of_genesis(&genesis);
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
    lines.join("\n")
}
