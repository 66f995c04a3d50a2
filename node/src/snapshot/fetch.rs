//! Downloading a snapshot from nodes, none of which is trusted: each piece is checked as it comes, and whoever sent a
//! wrong one is asked no more. What is in the folder already, whole and right, is not asked for again.

use chancery_abi::{Name, TrustAnchor};

use super::{CheckedManifest, Folder, Manifest, SnapshotError};
use crate::client::{ClientError, Node};

/// What was learned of a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// It sent something wrong, and is asked no more: its address, and what.
    Liar(String, String),
    /// It did not answer, or does not have what was asked: its address, and why.
    Silent(String, String),
    /// So many chunks of all are there.
    Chunks(usize, usize),
}

/// What was downloaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// The height it is of.
    pub height: u64,
    /// How many chunks it has.
    pub chunks: usize,
    /// How many of them were there already.
    pub resumed: usize,
}

struct Source {
    node: Node,
    height: u64,
}

/// Downloads the newest snapshot of `chain` that leads to `anchor` from these nodes into `folder`, or goes on with the one
/// that was begun there. `tell` hears what happens.
///
/// # Errors
/// When no node is left that has what is needed, or a file fails.
pub fn fetch(
    nodes: Vec<Node>,
    chain: &Name,
    anchor: &TrustAnchor,
    folder: &Folder,
    mut tell: impl FnMut(Found),
) -> Result<Fetched, SnapshotError> {
    folder.make()?;
    let mut sources = offers(nodes, chain, &mut tell);
    let manifest = manifest(&mut sources, chain, anchor, folder, &mut tell)?;
    sources.retain(|source| source.height == manifest.height());
    let chunks = manifest.places().len();
    let mut resumed = 0;
    for number in 0..chunks {
        if folder.chunk(&manifest, number).is_ok() {
            resumed += 1;
        } else {
            chunk(&mut sources, chain, &manifest, number, folder, &mut tell)?;
        }
        tell(Found::Chunks(number + 1, chunks));
    }
    Ok(Fetched { height: manifest.height(), chunks, resumed })
}

fn silent(node: &Node, error: &ClientError) -> Found {
    Found::Silent(node.url().to_owned(), error.to_string())
}

/// Every snapshot that every node says it has, the newest first.
fn offers(nodes: Vec<Node>, chain: &Name, tell: &mut impl FnMut(Found)) -> Vec<Source> {
    let mut sources = Vec::new();
    for node in nodes {
        match node.chain(chain.clone()).snapshots() {
            Ok(heights) => {
                sources.extend(heights.into_iter().map(|height| Source { node: node.clone(), height }));
            }
            Err(error) => tell(silent(&node, &error)),
        }
    }
    sources.sort_by_key(|source| std::cmp::Reverse(source.height));
    sources
}

/// The manifest that is there, when anybody still has its chunks or they are there too; else the newest one.
fn manifest(
    sources: &mut Vec<Source>,
    chain: &Name,
    anchor: &TrustAnchor,
    folder: &Folder,
    tell: &mut impl FnMut(Found),
) -> Result<CheckedManifest, SnapshotError> {
    if folder.has_manifest()
        && let Ok(begun) = folder.manifest(anchor)
    {
        let is_offered = sources.iter().any(|source| source.height == begun.height());
        let is_whole = (0..begun.places().len()).all(|number| folder.chunk(&begun, number).is_ok());
        if is_offered || is_whole {
            return Ok(begun);
        }
    }
    while let Some(Source { node, height }) = sources.first() {
        let bytes = match node.chain(chain.clone()).snapshot_manifest(*height) {
            Ok(bytes) => bytes,
            Err(error) => {
                tell(silent(node, &error));
                sources.remove(0);
                continue;
            }
        };
        match Manifest::from_bytes(&bytes).and_then(|manifest| manifest.check(anchor)) {
            Ok(manifest) if manifest.height() == *height => {
                folder.keep_manifest(&bytes)?;
                return Ok(manifest);
            }
            Ok(_) => drop_liar(sources, 0, "its manifest is of another height", tell),
            Err(error) => drop_liar(sources, 0, &error.to_string(), tell),
        }
    }
    Err(SnapshotError::NoSource("no node has a snapshot that leads to the trust anchor".into()))
}

/// Whoever lied once is asked for nothing more.
fn drop_liar(sources: &mut Vec<Source>, place: usize, what: &str, tell: &mut impl FnMut(Found)) {
    let url = sources[place].node.url().to_owned();
    sources.retain(|source| source.node.url() != url);
    tell(Found::Liar(url, what.to_owned()));
}

fn chunk(
    sources: &mut Vec<Source>,
    chain: &Name,
    manifest: &CheckedManifest,
    number: usize,
    folder: &Folder,
    tell: &mut impl FnMut(Found),
) -> Result<(), SnapshotError> {
    while !sources.is_empty() {
        // In turns, so that no one node carries it all.
        let place = number % sources.len();
        let Source { node, height } = &sources[place];
        let bytes = match node.chain(chain.clone()).snapshot_chunk(*height, number, manifest.chunk_bytes(number)) {
            Ok(bytes) => bytes,
            Err(error) => {
                tell(silent(node, &error));
                sources.remove(place);
                continue;
            }
        };
        match manifest.places()[number].check(&bytes) {
            Ok(_) => return folder.keep_chunk(number, &bytes),
            Err(error) => drop_liar(sources, place, &error.to_string(), tell),
        }
    }
    Err(SnapshotError::NoSource(format!(
        "no node is left that has chunk {number} of the snapshot at height {}; what is there already is kept",
        manifest.height(),
    )))
}
