//! The file of a batch's paths: its root and count in the first line, then a line for each digest, all JSON.

use std::{
    collections::BTreeMap,
    convert::Infallible,
    fs,
    io::{BufRead as _, BufReader},
    path::Path,
};

use chancery_abi::{
    Digest,
    merkle::{self, Mountain},
};
use serde::{Deserialize, Serialize};

use super::{leaf, write_new};
use crate::cli::failure::{Failure, Result, at};

const FORMAT: &str = "chancery-paths/1";

#[derive(Serialize, Deserialize)]
struct Heading {
    format: String,
    root: String,
    count: u64,
}

#[derive(Serialize, Deserialize)]
struct Entry {
    digest: String,
    index: u64,
    siblings: Vec<String>,
}

/// A digest's place in a batch, checked against the batch's root.
pub(in crate::cli) struct Member {
    /// The batch's root.
    pub(in crate::cli) root: Digest,
    /// Its place, from 0.
    pub(in crate::cli) index: u64,
    /// How many digests the batch has.
    pub(in crate::cli) count: u64,
    /// The siblings from the leaf upwards.
    pub(in crate::cli) siblings: Vec<Digest>,
}

/// Writes the paths of `digests`, and returns the root over them.
pub(super) fn write(path: &Path, digests: &[Digest]) -> Result<Digest> {
    let (mut mountain, mut subtrees) = (Mountain::default(), BTreeMap::new());
    for digest in digests {
        let closed = mountain.push(leaf(digest));
        subtrees.extend(closed.into_iter().map(|(level, place, hash)| ((level, place), hash)));
    }
    let (root, count) = (mountain.root(), mountain.count());
    write_new(path, |file| {
        writeln!(file, "{}", json(&Heading { format: FORMAT.into(), root: root.to_string(), count }))?;
        for (index, digest) in digests.iter().enumerate() {
            let index = index as u64;
            let subtree =
                |level, place| Ok::<_, Infallible>(subtrees.get(&(level, place)).copied().unwrap_or_default());
            let Ok(Some(path)) = merkle::path_in_mountain(index, count, subtree) else { continue };
            let siblings = path.siblings.iter().map(Digest::to_string).collect();
            writeln!(file, "{}", json(&Entry { digest: digest.to_string(), index, siblings }))?;
        }
        Ok(())
    })?;
    Ok(root)
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("a line is texts and numbers")
}

/// The place of `digest` in the batch of the file `path`; `None` when it is not in it.
pub(in crate::cli) fn find(path: &Path, digest: &Digest) -> Result<Option<Member>> {
    let malformed = || Failure::new(format!("{} is not a file of paths", path.display()));
    let mut lines = BufReader::new(fs::File::open(path).map_err(at(path))?).lines();
    let heading = lines.next().ok_or_else(malformed)?.map_err(at(path))?;
    let heading: Heading = serde_json::from_str(&heading).map_err(|_| malformed())?;
    let root: Digest = heading.root.parse().map_err(|_| malformed())?;
    if heading.format != FORMAT {
        return Err(malformed().because(format!("format `{}`; this release reads `{FORMAT}`", heading.format)));
    }
    let wanted = digest.to_string();
    for line in lines {
        let line = line.map_err(at(path))?;
        if !line.contains(&wanted) {
            continue;
        }
        let entry: Entry = serde_json::from_str(&line).map_err(|_| malformed())?;
        // A sibling may have the same digits as the digest that is looked for.
        if entry.digest != wanted {
            continue;
        }
        let siblings = entry.siblings.iter().map(|text| text.parse()).collect::<std::result::Result<Vec<Digest>, _>>();
        let siblings = siblings.map_err(|_| malformed())?;
        let merkle_path = merkle::Path { index: entry.index, count: heading.count, siblings };
        if merkle_path.root(&leaf(digest)) != Some(root) {
            return Err(Failure::new(format!("the path of {digest} in {} does not lead to its root", path.display())));
        }
        return Ok(Some(Member { root, index: entry.index, count: heading.count, siblings: merkle_path.siblings }));
    }
    Ok(None)
}
