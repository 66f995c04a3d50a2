//! Downloading a snapshot from nodes, none of which is trusted: each piece is checked as it comes, and whoever sent a
//! wrong one is asked no more. What is in the folder already, whole and right, is not asked for again.
//!
//! What a source says of lengths and heights is only its word: nothing is refused by it that others send. Its time is bounded
//! too: for saying what it has, for every piece, and, where a node's start waits for it, for all pieces by their bytes.

use std::{
    collections::BTreeMap,
    thread,
    time::{Duration, Instant},
};

use chancery_abi::{Name, TrustAnchor};

use super::{CheckedManifest, Folder, Manifest, SnapshotError};
use crate::client::{ClientError, Node};

/// Snapshots of one node that are looked at, the newest first.
const OFFERS_MAX: usize = 16;
/// So long all sources together have to say what they have.
const OFFERS_WITHIN: Duration = Duration::from_secs(5);
/// So long a source has for a manifest or chunk, however often it puts one off.
const PIECE_WITHIN: Duration = Duration::from_secs(30);
/// Who takes longer over a chunk is asked for no more, while there are others.
const CHUNK_SLOW: Duration = Duration::from_secs(10);
/// Bytes a second that a source must give in the long run where a node's start waits for it.
const BYTES_PER_SECOND_MIN: u64 = 128 << 10;
/// What it may take beyond that in all.
const GRACE: Duration = Duration::from_secs(30);

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

/// A download that has begun: its manifest leads to the anchor.
pub(super) struct Download {
    manifest: CheckedManifest,
    /// Who gave the manifest, where it was not there already.
    source: Option<String>,
    sources: Vec<Source>,
    pace: Pace,
    chain: Name,
    folder: Folder,
}

/// A snapshot that a node says it has.
pub(super) struct Source {
    node: Node,
    height: u64,
}

/// How long each source took, and over how many bytes.
pub(super) struct Pace {
    is_bounded: bool,
    taken: BTreeMap<String, (Duration, u64)>,
}

impl Pace {
    /// Whoever asked waits as long as it takes.
    fn of_a_person() -> Self {
        Self { is_bounded: false, taken: BTreeMap::new() }
    }

    /// A node's start waits.
    pub(super) fn of_a_start() -> Self {
        Self { is_bounded: true, taken: BTreeMap::new() }
    }

    /// Notes what a source took over an answer. Whether it is too slow.
    fn is_too_slow(&mut self, url: &str, took: Duration, bytes: usize) -> bool {
        let (time, all) = self.taken.entry(url.to_owned()).or_default();
        *time = time.saturating_add(took);
        *all = all.saturating_add(bytes as u64);
        self.is_bounded && *time > GRACE + Duration::from_secs(*all / BYTES_PER_SECOND_MIN)
    }
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
    let offers = offers(&nodes, chain, 0, &mut tell);
    let download = Download::of(offers, Pace::of_a_person(), chain, anchor, folder, 0, &mut tell)?;
    let none = || SnapshotError::NoSource("no node has a snapshot that leads to the trust anchor".into());
    download.ok_or_else(none)?.finish(&mut tell, &mut || Ok(()))
}

impl Download {
    /// Begins with the newest snapshot of those that are offered, or goes on with the one in `folder`, which must be above
    /// height `above`; none where there is none.
    ///
    /// # Errors
    /// When a file fails.
    pub(super) fn of(
        mut offers: Vec<Source>,
        mut pace: Pace,
        chain: &Name,
        anchor: &TrustAnchor,
        folder: &Folder,
        above: u64,
        tell: &mut impl FnMut(Found),
    ) -> Result<Option<Self>, SnapshotError> {
        let begun = begun(&offers, anchor, folder, above);
        let is_begun = begun.is_some();
        let manifest = match begun {
            None => newest(&mut offers, &mut pace, chain, anchor, folder, tell)?,
            begun => begun,
        };
        let Some(manifest) = manifest else { return Ok(None) };
        // The first is the one that the newest is of.
        let source = offers.first().filter(|_| !is_begun).map(|source| source.node.url().to_owned());
        offers.retain(|source| source.height == manifest.height());
        let (chain, folder) = (chain.clone(), folder.clone());
        Ok(Some(Self { manifest, source, sources: offers, pace, chain, folder }))
    }

    /// Who gave the manifest; nobody where it was there already.
    pub(super) fn source(&self) -> Option<&str> {
        self.source.as_deref()
    }

    /// What leads to the anchor.
    pub(super) fn manifest(&self) -> &CheckedManifest {
        &self.manifest
    }

    /// Downloads what is missing. `may_go_on` is asked before each chunk.
    ///
    /// # Errors
    /// When no source is left that has a chunk, a file fails, or it may not go on. What is there is kept.
    pub(super) fn finish(
        mut self,
        tell: &mut impl FnMut(Found),
        may_go_on: &mut dyn FnMut() -> Result<(), SnapshotError>,
    ) -> Result<Fetched, SnapshotError> {
        let chunks = self.manifest.places().len();
        let mut resumed = 0;
        for number in 0..chunks {
            may_go_on()?;
            if self.folder.chunk(&self.manifest, number).is_ok() {
                resumed += 1;
            } else {
                self.chunk(number, tell)?;
            }
            tell(Found::Chunks(number + 1, chunks));
        }
        Ok(Fetched { height: self.manifest.height(), chunks, resumed })
    }

    fn chunk(&mut self, number: usize, tell: &mut impl FnMut(Found)) -> Result<(), SnapshotError> {
        while !self.sources.is_empty() {
            // In turns, so that no one node carries it all.
            let place = number % self.sources.len();
            let Source { node, height } = &self.sources[place];
            let began = Instant::now();
            let answer = node.chain(self.chain.clone()).snapshot_chunk(*height, number);
            let took = began.elapsed();
            let is_too_slow = self.pace.is_too_slow(node.url(), took, answer.as_ref().map_or(0, Vec::len));
            let bytes = match answer {
                Ok(bytes) => bytes,
                Err(error) => {
                    tell(silent(node, &error));
                    self.sources.remove(place);
                    continue;
                }
            };
            match self.manifest.places()[number].check(&bytes) {
                Ok(_) => {
                    if is_too_slow || took > CHUNK_SLOW && self.sources.len() > 1 {
                        let slow = self.sources.remove(place);
                        tell(Found::Silent(slow.node.url().to_owned(), "it is slow".into()));
                    }
                    return self.folder.keep_chunk(number, &bytes);
                }
                Err(error) => drop_liar(&mut self.sources, place, &error.to_string(), tell),
            }
        }
        Err(SnapshotError::NoSource(format!(
            "no node is left that has chunk {number} of the snapshot at height {}; what is there already is kept",
            self.manifest.height(),
        )))
    }
}

fn silent(node: &Node, error: &ClientError) -> Found {
    Found::Silent(node.url().to_owned(), error.to_string())
}

/// The newest snapshots above height `above` that every node says it has, the newest of all first. All nodes are asked at once.
pub(super) fn offers(nodes: &[Node], chain: &Name, above: u64, tell: &mut impl FnMut(Found)) -> Vec<Source> {
    let ask = |node: &Node| {
        let answer = node.within(OFFERS_WITHIN).chain(chain.clone()).snapshots();
        answer.map_err(|error| error.to_string())
    };
    let ask = &ask;
    let answers: Vec<_> = thread::scope(|scope| {
        let begin = |node| thread::Builder::new().name("offers".into()).spawn_scoped(scope, move || ask(node));
        let asked: Vec<_> = nodes.iter().map(begin).collect();
        let answer = |asked: std::io::Result<thread::ScopedJoinHandle<'_, Result<Vec<u64>, String>>>| {
            let joined = asked.map_err(|error| error.to_string())?.join();
            joined.unwrap_or_else(|_| Err("asking it panicked".into()))
        };
        asked.into_iter().map(answer).collect()
    });
    let mut sources = Vec::new();
    for (node, answer) in nodes.iter().zip(answers) {
        match answer {
            Ok(mut heights) => {
                heights.sort_unstable();
                heights.dedup();
                let newest = heights.into_iter().rev().take(OFFERS_MAX).filter(|height| *height > above);
                sources.extend(newest.map(|height| Source { node: node.within(PIECE_WITHIN), height }));
            }
            Err(why) => tell(Found::Silent(node.url().to_owned(), why)),
        }
    }
    sources.sort_by_key(|source| std::cmp::Reverse(source.height));
    sources
}

/// The manifest that is there, when anybody still has its chunks or they are there too.
fn begun(offers: &[Source], anchor: &TrustAnchor, folder: &Folder, above: u64) -> Option<CheckedManifest> {
    let begun = folder.has_manifest().then(|| folder.manifest(anchor).ok()).flatten()?;
    let is_offered = || offers.iter().any(|source| source.height == begun.height());
    // Every chunk is read for this, so only where it decides.
    let is_whole = || (0..begun.places().len()).all(|number| folder.chunk(&begun, number).is_ok());
    (begun.height() > above && (is_offered() || is_whole())).then_some(begun)
}

/// The newest manifest, of the source that is the first then.
fn newest(
    sources: &mut Vec<Source>,
    pace: &mut Pace,
    chain: &Name,
    anchor: &TrustAnchor,
    folder: &Folder,
    tell: &mut impl FnMut(Found),
) -> Result<Option<CheckedManifest>, SnapshotError> {
    while let Some(Source { node, height }) = sources.first() {
        let began = Instant::now();
        let answer = node.chain(chain.clone()).snapshot_manifest(*height);
        let is_too_slow = pace.is_too_slow(node.url(), began.elapsed(), answer.as_ref().map_or(0, Vec::len));
        let bytes = match answer {
            Ok(bytes) => bytes,
            Err(error) => {
                tell(silent(node, &error));
                let url = node.url().to_owned();
                match error.code() {
                    // It is gone; others that this node has may still be there.
                    Some("unknown_snapshot") if !is_too_slow => drop(sources.remove(0)),
                    _ => sources.retain(|source| source.node.url() != url),
                }
                continue;
            }
        };
        match Manifest::from_bytes(&bytes).and_then(|manifest| manifest.check(anchor)) {
            Ok(manifest) if manifest.height() == *height => {
                folder.make()?;
                folder.keep_manifest(&bytes)?;
                return Ok(Some(manifest));
            }
            Ok(_) => drop_liar(sources, 0, "its manifest is of another height", tell),
            Err(error) => drop_liar(sources, 0, &error.to_string(), tell),
        }
    }
    Ok(None)
}

/// Whoever lied once is asked for nothing more.
fn drop_liar(sources: &mut Vec<Source>, place: usize, what: &str, tell: &mut impl FnMut(Found)) {
    let url = sources[place].node.url().to_owned();
    sources.retain(|source| source.node.url() != url);
    tell(Found::Liar(url, what.to_owned()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_start_waits_for_a_source_only_as_long_as_it_gives_something() {
        let minute = Duration::from_secs(60);
        assert!(Pace::of_a_start().is_too_slow("a", minute, 0));
        assert!(!Pace::of_a_person().is_too_slow("a", minute, 0));
        let mut pace = Pace::of_a_start();
        let quick = 60 * BYTES_PER_SECOND_MIN as usize;
        for _ in 0..10 {
            assert!(!pace.is_too_slow("a", minute, quick), "it keeps up");
        }
        assert!(pace.is_too_slow("a", minute, quick / 4), "what it gave before does not carry it on");
        assert!(!pace.is_too_slow("b", GRACE, 0), "each by itself");
    }
}
