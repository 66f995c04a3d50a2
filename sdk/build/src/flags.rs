//! What makes a build the same everywhere: rustc's flags and the profile.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use chancery_abi::limits::MEMORY_PAGES_MAX;

use super::{
    cargo::{Metadata, public_names},
    toolchain::Toolchain,
};

/// Bytes of a contract's shadow stack. The linker's default of 1 MiB makes every instance slower to begin.
const STACK_BYTES: u64 = 64 * 1024;
/// Bytes of one page of memory.
const PAGE_BYTES: u64 = 64 * 1024;

/// The release profile as every contract is built, whatever its manifest says of it; the optimisation level alone is
/// the contract's own. Overflow stops a call, one unit of code has one order, and the debug information, which changes
/// no code, is taken out afterwards.
pub(crate) const PROFILE: &[&str] = &[
    "profile.release.lto='fat'",
    "profile.release.codegen-units=1",
    "profile.release.panic='abort'",
    "profile.release.overflow-checks=true",
    "profile.release.debug-assertions=false",
    "profile.release.incremental=false",
    "profile.release.debug='line-tables-only'",
    "profile.release.strip=false",
];

/// The folders of this machine that go into a build, and the name that each has in what is built.
pub(crate) fn renamed_folders(toolchain: &Toolchain, metadata: &Metadata) -> BTreeMap<PathBuf, String> {
    let std_name = format!("/rustc/{}", toolchain.commit);
    let mut folders = BTreeMap::from([(metadata.workspace.clone(), String::from("/workspace"))]);
    let std_sources = toolchain.std_sources();
    // Debian's is a link to where its package of sources lies.
    for library in [Ok(std_sources.clone()), fs::canonicalize(std_sources.join("library"))].into_iter().flatten() {
        let name = if library == std_sources { std_name.clone() } else { format!("{std_name}/library") };
        folders.insert(library, name);
    }
    for (directory, name) in public_names(&metadata.packages) {
        folders.insert(directory.to_path_buf(), name);
    }
    folders
}

/// rustc's flags: the linker's limits, and a name instead of every path of this machine.
pub(crate) fn rustc_flags(folders: &BTreeMap<PathBuf, String>) -> Vec<String> {
    let memory_max = MEMORY_PAGES_MAX * PAGE_BYTES;
    let mut flags =
        vec![format!("-Clink-arg=-zstack-size={STACK_BYTES}"), format!("-Clink-arg=--max-memory={memory_max}")];
    // The last match counts, so the wider come first; a folder sorts before what is in it.
    let rename = |(from, to): (&PathBuf, &String)| format!("--remap-path-prefix={}={to}", Path::display(from));
    flags.extend(folders.iter().map(rename));
    flags
}
