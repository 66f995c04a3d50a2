//! Writing and reading a batch's file of paths on disk; its lines are [`chancery_json::paths`]'.

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

use super::{leaf, write_new};
use crate::{
    cli::failure::{Failure, Result, at},
    schema_json::paths::{Heading, Member, PathsError, entry_line},
};

/// Writes the paths of `digests`, and returns the root over them.
pub(super) fn write(path: &Path, digests: &[Digest]) -> Result<Digest> {
    let (mut mountain, mut subtrees) = (Mountain::default(), BTreeMap::new());
    for digest in digests {
        let closed = mountain.push(leaf(digest));
        subtrees.extend(closed.into_iter().map(|(level, place, hash)| ((level, place), hash)));
    }
    let (root, count) = (mountain.root(), mountain.count());
    write_new(path, |file| {
        writeln!(file, "{}", Heading { root, count }.line())?;
        for (index, digest) in digests.iter().enumerate() {
            let index = index as u64;
            let subtree =
                |level, place| Ok::<_, Infallible>(subtrees.get(&(level, place)).copied().unwrap_or_default());
            let Ok(Some(path)) = merkle::path_in_mountain(index, count, subtree) else { continue };
            writeln!(file, "{}", entry_line(digest, index, &path.siblings))?;
        }
        Ok(())
    })?;
    Ok(root)
}

/// The place of `digest` in the batch of the file `path`; `None` when it is not in it.
pub(in crate::cli) fn find(path: &Path, digest: &Digest) -> Result<Option<Member>> {
    let wrong = |error: PathsError| {
        Failure::new(format!("{} does not say where the document is in a batch", path.display())).because(error)
    };
    let mut lines = BufReader::new(fs::File::open(path).map_err(at(path))?).lines();
    let heading = lines.next().ok_or_else(|| wrong(PathsError::Unreadable))?.map_err(at(path))?;
    let heading = Heading::read(&heading).map_err(wrong)?;
    for line in lines {
        if let Some(member) = heading.member(&line.map_err(at(path))?, digest).map_err(wrong)? {
            return Ok(Some(member));
        }
    }
    Ok(None)
}
