//! What stands between cargo and rustc while a contract is built, so that the folder it is built in does not show.
//!
//! cargo gives each crate a hash that goes into its symbols, and for a path dependency outside the workspace (as the SDK
//! is to a contract) that hash covers the absolute path. Symbols' order, and so the module's bytes, would then depend on
//! where a clone lies. For packages with local sources the wrapper puts a hash of what the crate is in that hash's
//! place: package, version, crate, kind, features, target. Everything else reaches rustc as cargo wrote it.

use std::{
    ffi::{OsStr, OsString},
    os::unix::process::CommandExt as _,
    path::Path,
    process::{Command, ExitCode},
};

use sha2::{Digest as _, Sha256};

use crate::schema_json::to_hex;

/// Set for rustc's wrapper: the directories of the packages with local sources, separated by [`SEPARATOR`].
pub(super) const VARIABLE: &str = "CHANCERY_BUILD_LOCAL_PACKAGES";
/// Stands between directories; cargo separates flags by the same character.
pub(super) const SEPARATOR: &str = "\u{1f}";
/// Digits of the hash, as many as cargo's own has.
const HASH_DIGITS: usize = 16;
/// Options whose values say what a crate is.
const IDENTIFYING: &[&str] = &["--crate-name", "--crate-type", "--cfg", "--target", "--edition"];

/// Runs rustc in the wrapper's place when this process was started as one; otherwise does nothing.
pub fn run_if_asked() -> Option<ExitCode> {
    let local = std::env::var(VARIABLE).ok()?;
    let mut words = std::env::args_os().skip(1);
    let rustc = words.next()?;
    let words: Vec<OsString> = words.collect();
    let package = std::env::var_os("CARGO_MANIFEST_DIR");
    let is_local =
        package.is_some_and(|directory| local.split(SEPARATOR).any(|one| Path::new(one) == Path::new(&directory)));
    let words = if is_local { renamed(words, &package_identity()) } else { words };
    // Returns only when rustc cannot be started.
    let error = Command::new(&rustc).args(words).env_remove(VARIABLE).exec();
    eprintln!("{}: {error}", Path::new(&rustc).display());
    Some(ExitCode::FAILURE)
}

fn package_identity() -> String {
    let variable = |name| std::env::var(name).unwrap_or_default();
    format!("{} {}", variable("CARGO_PKG_NAME"), variable("CARGO_PKG_VERSION"))
}

/// `words` with the value of `-C metadata` made from what the crate is.
fn renamed(words: Vec<OsString>, package: &str) -> Vec<OsString> {
    let mut hasher = Sha256::new_with_prefix(package);
    for pair in words.windows(2) {
        if IDENTIFYING.iter().any(|option| pair[0] == *option) {
            for word in pair {
                hasher.update(word.as_encoded_bytes());
                hasher.update([0]);
            }
        }
    }
    let hash = to_hex(&hasher.finalize())[..HASH_DIGITS].to_owned();
    let rename = |word: OsString| match word.as_encoded_bytes().starts_with(b"metadata=") {
        true => OsStr::new(&format!("metadata={hash}")).to_owned(),
        false => word,
    };
    words.into_iter().map(rename).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(words: &[&str]) -> Vec<OsString> {
        words.iter().map(OsString::from).collect()
    }

    #[test]
    fn only_the_hash_is_replaced_and_it_tells_crates_apart() {
        let line = |hash: &str, name: &str| {
            words(&["--crate-name", name, "-C", &format!("metadata={hash}"), "-C", &format!("extra-filename=-{hash}")])
        };
        let here = renamed(line("1111", "sdk"), "chancery-sdk 1.0.0");
        let there = renamed(line("2222", "sdk"), "chancery-sdk 1.0.0");
        assert_eq!(here[3], there[3], "another folder's hash makes no difference");
        assert_eq!(here[5], OsString::from("extra-filename=-1111"), "file names stay cargo's");
        assert_ne!(here[3], renamed(line("1111", "other"), "chancery-sdk 1.0.0")[3]);
        assert_ne!(here[3], renamed(line("1111", "sdk"), "chancery-sdk 1.0.1")[3]);
    }
}
