//! What stands between cargo and rustc while a contract is built, so that the folder it is built in does not show.
//!
//! cargo gives each crate a hash that goes into its symbols, and for a path dependency outside the workspace (as the SDK
//! is to a contract) that hash covers the absolute path; for others it covers where they were downloaded from. Symbols'
//! order, and so the module's bytes, would then depend on where a clone lies and on the registry's mirror. The wrapper
//! puts what the crate is in that hash's place: package, version, crate, kind, features, target. Everything else reaches
//! rustc as cargo wrote it; file names keep cargo's hash, so no two crates meet on disk.
//!
//! It is a shell script, since the process that builds may be any: the command line, or the test of a contract.

use std::{
    fs, io,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

const SCRIPT: &str = include_str!("wrapper.sh");

/// Puts the script into `folder` and returns its path.
pub(crate) fn install(folder: &Path) -> io::Result<PathBuf> {
    let path = folder.join("rustc-wrapper.sh");
    if !fs::read_to_string(&path).is_ok_and(|found| found == SCRIPT) {
        // Another build may be running it: it is replaced whole, never written to.
        let new = tempfile::NamedTempFile::new_in(folder)?;
        fs::write(new.path(), SCRIPT)?;
        fs::set_permissions(new.path(), fs::Permissions::from_mode(0o755))?;
        new.into_temp_path().persist(&path).map_err(|error| error.error)?;
    }
    Ok(path)
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    /// What the script hands to `rustc`, for which `printf` stands: each word on a line.
    fn passed_on(package: &str, words: &[&str]) -> Vec<String> {
        let folder = tempfile::tempdir().expect("a folder");
        let script = install(folder.path()).expect("the script is written");
        let mut command = Command::new(script);
        command.args(["printf", "%s\\n"]).args(words);
        command.env("CARGO_PKG_NAME", package).env("CARGO_PKG_VERSION", "1.0.0");
        let output = command.output().expect("the script runs");
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).expect("text").lines().map(str::to_owned).collect()
    }

    #[test]
    fn only_the_hash_is_replaced_and_it_tells_crates_apart() {
        let line = |hash: &str, name: &str, feature: &str| {
            let (metadata, file) = (format!("metadata={hash}"), format!("extra-filename=-{hash}"));
            let cfg = format!("feature=\"{feature}\"");
            passed_on("sdk", &["--crate-name", name, "--cfg", &cfg, "-C", &metadata, "-C", &file, "a b*c"])
        };
        let here = line("1111", "sdk", "std");
        assert_eq!(here.len(), 9);
        assert_eq!(here[5], line("2222", "sdk", "std")[5], "another folder's hash makes no difference");
        assert_eq!(here[7], "extra-filename=-1111", "file names stay cargo's");
        assert_eq!(here[8], "a b*c", "what has blanks and stars is passed on as it is");
        assert_ne!(here[5], line("1111", "other", "std")[5]);
        assert_ne!(here[5], line("1111", "sdk", "full")[5]);
        assert!(!here[5].contains(char::is_whitespace), "{}", here[5]);
    }
}
