//! A toolchain's update breaks no contract: what the newest stable Rust of this machine makes is accepted as well.
//!
//! Looked for are the toolchains of rustup and Debian's compiler for the web, of a stable release above the one that
//! this repository is pinned to. A machine has one or has not, so the test says in a sentence which it found, and why it
//! passed over the others.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use chancery_build::{Options, build_with, toolchain::Toolchain};

/// A release, as `rustc --version` has it.
type Release = (u32, u32, u32);

/// The release in the answer of `rustc --version`, where it is a stable one.
fn stable_release(version: &str) -> Option<Release> {
    let mut numbers = version.strip_prefix("rustc ")?.split(' ').next()?.split('.').map(str::parse);
    match (numbers.next(), numbers.next(), numbers.next(), numbers.next()) {
        (Some(Ok(major)), Some(Ok(minor)), Some(Ok(patch)), None) => Some((major, minor, patch)),
        _ => None,
    }
}

fn root() -> PathBuf {
    fs::canonicalize(Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")).expect("the clone is there")
}

/// The release in rust-toolchain.toml.
fn pinned() -> Release {
    let text = fs::read_to_string(root().join("rust-toolchain.toml")).expect("the pin is readable");
    let channel = text.lines().find_map(|line| line.strip_prefix("channel = ")).expect("it names a channel");
    stable_release(&format!("rustc {}", channel.trim_matches('"'))).expect("the channel is a release")
}

/// A folder with `cargo` and `rustc` in it, for every Rust that may be here.
fn folders() -> Vec<PathBuf> {
    let rustup = env::var_os("RUSTUP_HOME").map(PathBuf::from);
    let rustup = rustup.or_else(|| env::var_os("HOME").map(|home| Path::new(&home).join(".rustup")));
    let toolchains = rustup.and_then(|home| fs::read_dir(home.join("toolchains")).ok());
    let toolchains = toolchains.into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path().join("bin")));
    toolchains.chain([PathBuf::from("/usr/bin")]).filter(|folder| folder.join("rustc").is_file()).collect()
}

fn version(folder: &Path) -> Option<String> {
    let output = Command::new(folder.join("rustc")).arg("--version").output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// The newest stable compiler above the pinned one that makes wasm32 code, or a sentence for each that is passed over.
fn newest() -> Result<Toolchain, Vec<String>> {
    let (pinned, directory) = (pinned(), root());
    let mut found: Vec<_> = folders().into_iter().filter_map(|folder| Some((version(&folder)?, folder))).collect();
    found.sort_by_key(|(version, _)| std::cmp::Reverse(stable_release(version)));
    let mut passed_over = Vec::new();
    for (version, folder) in found {
        match stable_release(&version) {
            Some(release) if release > pinned => {}
            Some(_) => {
                passed_over.push(format!("{version} is not newer than the pinned one"));
                continue;
            }
            None => {
                passed_over.push(format!("{version} is not a stable release"));
                continue;
            }
        }
        let (cargo, rustc) = (folder.join("cargo"), folder.join("rustc"));
        let with = |build_std| Toolchain::of(&cargo, &rustc, build_std, &directory);
        match with(false).or_else(|_| with(true)) {
            Ok(toolchain) => return Ok(toolchain),
            Err(error) => passed_over.push(format!("{version} makes no wasm32 code: {error}")),
        }
    }
    Err(passed_over)
}

#[test]
fn contracts_built_by_the_newest_stable_compiler_are_accepted() {
    let toolchain = match newest() {
        Ok(toolchain) => toolchain,
        Err(passed_over) => {
            println!("skipped: no stable Rust newer than the pinned one is installed: {}", passed_over.join("; "));
            return;
        }
    };
    println!("building with {}", toolchain.version);
    let target = tempfile::tempdir().expect("a folder");
    let options = Options { locked: true, quiet: true, ..Options::default() };
    for contract in ["examples/counter", "contracts/evidence"] {
        let built = build_with(&toolchain, &root().join(contract), Some(target.path()), options);
        let built = built.unwrap_or_else(|error| panic!("{contract} with {}: {error}: {error:?}", toolchain.version));
        assert_eq!(built.compiler, toolchain.version);
        assert!(!built.module.schema().methods.is_empty(), "{contract} has a schema");
    }
}

#[test]
fn a_release_is_read_and_what_is_none_is_not() {
    assert_eq!(stable_release("rustc 1.96.0 (abc 2026-05-01) (built from a source tarball)"), Some((1, 96, 0)));
    assert_eq!(stable_release("rustc 1.97.0-nightly (e50aa6fba 2026-05-19)"), None);
    assert_eq!(stable_release("cargo 1.95.0"), None);
    assert!(stable_release("rustc 1.100.0") > stable_release("rustc 1.96.0"));
}
