//! Finding a compiler that makes wasm32 code.
//!
//! What `CHANCERY_WASM_CARGO` and `CHANCERY_WASM_RUSTC` name wins, so that a machine's set-up decides; it builds the
//! standard library itself when `CHANCERY_WASM_BUILD_STD` is set. Otherwise it is the `rustc` of the contract's folder
//! (rustup's, or whatever is on the PATH) when that has the target; and where it has not, Debian's compiler for the
//! web, with its own target or with the sources of the standard library to build.

use std::{
    ffi::{OsStr, OsString},
    path::{Path, PathBuf},
    process::Command,
};

/// The only target contracts are built for.
pub const TARGET: &str = "wasm32-unknown-unknown";

/// Names another cargo.
pub const CARGO_VARIABLE: &str = "CHANCERY_WASM_CARGO";
/// Names another rustc.
pub const RUSTC_VARIABLE: &str = "CHANCERY_WASM_RUSTC";
/// Asks for the standard library to be built with the contract.
pub const BUILD_STD_VARIABLE: &str = "CHANCERY_WASM_BUILD_STD";

/// Where Debian's packages put their compiler.
const DEBIAN_CARGO: &str = "/usr/bin/cargo";
const DEBIAN_RUSTC: &str = "/usr/bin/rustc";

/// What to do when there is no compiler.
pub const HELP: &str = "\
with rustup:            rustup target add wasm32-unknown-unknown
on Debian or Ubuntu:    apt-get install rustc-web rust-web-src cargo-web, and the lld of its LLVM version
in a clone of Chancery: scripts/setup.sh does either by itself";

/// A compiler that makes wasm32 code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Toolchain {
    /// The cargo to run.
    pub cargo: OsString,
    /// The rustc that cargo is to use, where it is not its own.
    pub rustc: Option<OsString>,
    /// Whether core and alloc are built with the contract.
    pub build_std: bool,
    /// Where the compiler is installed.
    pub sysroot: PathBuf,
    /// What `rustc --version` says.
    pub version: String,
    /// The commit the compiler was built from, which stands in the paths of its standard library.
    pub commit: String,
}

/// Why there is no compiler.
#[derive(Debug, thiserror::Error)]
pub enum ToolchainError {
    /// No Rust at all.
    #[error("`{program}` cannot be run: {error}")]
    NoRust {
        /// What was tried.
        program: String,
        /// Why it cannot be run.
        error: std::io::Error,
    },
    /// A Rust that knows no wasm32.
    #[error("the Rust in {sysroot} has no standard library for {TARGET}")]
    NoTarget {
        /// Where it is installed.
        sysroot: PathBuf,
    },
    /// The sources of the standard library are missing.
    #[error("the Rust in {sysroot} has no sources of the standard library to build")]
    NoSources {
        /// Where it is installed.
        sysroot: PathBuf,
    },
}

impl Toolchain {
    /// The compiler for a contract in `directory`, where a `rust-toolchain.toml` may choose one.
    ///
    /// # Errors
    /// When there is none that makes wasm32 code.
    pub fn find(directory: &Path) -> Result<Self, ToolchainError> {
        let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
        let (cargo, rustc) = (variable(CARGO_VARIABLE), variable(RUSTC_VARIABLE));
        let build_std = variable(BUILD_STD_VARIABLE).is_some_and(|value| value != "0");
        if cargo.is_some() || rustc.is_some() || build_std {
            return Self::named(cargo.unwrap_or_else(|| "cargo".into()), rustc, build_std, directory)?.check();
        }
        match Self::named("cargo".into(), None, false, directory).and_then(Self::check) {
            Err(refused) => Self::debian(directory).ok_or(refused),
            found => found,
        }
    }

    /// Debian's compiler, when it is installed with what wasm32 takes.
    fn debian(directory: &Path) -> Option<Self> {
        if !Path::new(DEBIAN_CARGO).is_file() || !Path::new(DEBIAN_RUSTC).is_file() {
            return None;
        }
        let with = |build_std| {
            let found = Self::named(DEBIAN_CARGO.into(), Some(DEBIAN_RUSTC.into()), build_std, directory);
            found.and_then(Self::check)
        };
        with(false).or_else(|_| with(true)).ok()
    }

    /// The compiler that these programs are, for a contract in `directory`.
    ///
    /// # Errors
    /// When they cannot be run or make no wasm32 code.
    pub fn of(cargo: &Path, rustc: &Path, build_std: bool, directory: &Path) -> Result<Self, ToolchainError> {
        Self::named(cargo.into(), Some(rustc.into()), build_std, directory)?.check()
    }

    fn named(
        cargo: OsString,
        rustc: Option<OsString>,
        build_std: bool,
        directory: &Path,
    ) -> Result<Self, ToolchainError> {
        let program = rustc.as_deref().unwrap_or(OsStr::new("rustc"));
        let sysroot = PathBuf::from(ask(program, &["--print", "sysroot"], directory)?.trim());
        let verbose = ask(program, &["--version", "--verbose"], directory)?;
        let version = verbose.lines().next().unwrap_or_default().to_owned();
        let commit = verbose.lines().find_map(|line| line.strip_prefix("commit-hash: "));
        let commit = commit.unwrap_or("unknown").to_owned();
        Ok(Self { cargo, rustc, build_std, sysroot, version, commit })
    }

    fn check(self) -> Result<Self, ToolchainError> {
        let library = self.sysroot.join("lib/rustlib").join(TARGET).join("lib");
        match self.build_std {
            true if !self.std_sources().join("library/core").is_dir() => {
                Err(ToolchainError::NoSources { sysroot: self.sysroot })
            }
            false if !library.is_dir() => Err(ToolchainError::NoTarget { sysroot: self.sysroot }),
            _ => Ok(self),
        }
    }

    /// Where the sources of the standard library are, when they are installed.
    pub(crate) fn std_sources(&self) -> PathBuf {
        self.sysroot.join("lib/rustlib/src/rust")
    }

    /// A cargo command in `directory` with this toolchain's environment.
    pub fn cargo(&self, directory: &Path) -> Command {
        let mut command = Command::new(&self.cargo);
        command.current_dir(directory);
        // Flags and profiles from outside would make the build another one.
        for (name, _) in std::env::vars_os() {
            if changes_builds(&name.to_string_lossy()) {
                command.env_remove(name);
            }
        }
        if let Some(rustc) = &self.rustc {
            command.env("RUSTC", rustc);
        }
        if self.build_std {
            // The one unstable thing that is needed, with a compiler that has no other way.
            command.env("RUSTC_BOOTSTRAP", "1");
        }
        command
    }
}

/// Whether an environment variable would change what cargo and rustc make.
fn changes_builds(name: &str) -> bool {
    const NAMES: &[&str] = &[
        "RUSTC",
        "RUSTC_BOOTSTRAP",
        "RUSTC_WRAPPER",
        "RUSTC_WORKSPACE_WRAPPER",
        "RUSTFLAGS",
        "CARGO_ENCODED_RUSTFLAGS",
        "CARGO_INCREMENTAL",
    ];
    const PREFIXES: &[&str] = &["CARGO_PROFILE_", "CARGO_TARGET_WASM32_", "CARGO_UNSTABLE_"];
    // The folder that cargo builds in is the user's affair.
    let of_builds = name.starts_with("CARGO_BUILD_") && !name.ends_with("_DIR") && name != "CARGO_BUILD_JOBS";
    NAMES.contains(&name) || PREFIXES.iter().any(|prefix| name.starts_with(prefix)) || of_builds
}

fn ask(rustc: &OsStr, words: &[&str], directory: &Path) -> Result<String, ToolchainError> {
    let no_rust = |error| ToolchainError::NoRust { program: rustc.to_string_lossy().into_owned(), error };
    let output = Command::new(rustc).args(words).current_dir(directory).output().map_err(no_rust)?;
    if !output.status.success() {
        let reason = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        return Err(no_rust(std::io::Error::other(reason)));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
