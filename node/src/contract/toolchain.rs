//! Finding a compiler that makes wasm32 code.
//!
//! First rustup's (or whatever `cargo` and `rustc` are on the PATH) when it has the target; then what
//! `CHANCERY_WASM_CARGO` and `CHANCERY_WASM_RUSTC` name, which build the standard library themselves when
//! `CHANCERY_WASM_BUILD_STD` is set, as Debian's packages have to. The variables win when they are set, so that a
//! machine's set-up decides.

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

/// What to do when there is no compiler.
pub const HELP: &str = "\
with rustup:            rustup target add wasm32-unknown-unknown
on Debian or Ubuntu:    install rustc-web, rust-web-src, cargo-web and lld, then set CHANCERY_WASM_CARGO=/usr/bin/cargo,
                        CHANCERY_WASM_RUSTC=/usr/bin/rustc and CHANCERY_WASM_BUILD_STD=1
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
        let rustc = variable(RUSTC_VARIABLE);
        let cargo = variable(CARGO_VARIABLE);
        let build_std = variable(BUILD_STD_VARIABLE).is_some_and(|value| value != "0");
        let sysroot = sysroot(rustc.as_deref().unwrap_or(OsStr::new("rustc")), directory)?;
        let toolchain = Self { cargo: cargo.unwrap_or_else(|| "cargo".into()), rustc, build_std, sysroot };
        toolchain.check()
    }

    fn check(self) -> Result<Self, ToolchainError> {
        let library = self.sysroot.join("lib/rustlib").join(TARGET).join("lib");
        let sources = self.sysroot.join("lib/rustlib/src/rust/library/core");
        match self.build_std {
            true if !sources.is_dir() => Err(ToolchainError::NoSources { sysroot: self.sysroot }),
            false if !library.is_dir() => Err(ToolchainError::NoTarget { sysroot: self.sysroot }),
            _ => Ok(self),
        }
    }

    /// A cargo command in `directory` with this toolchain's environment.
    pub fn cargo(&self, directory: &Path) -> Command {
        let mut command = Command::new(&self.cargo);
        command.current_dir(directory);
        // Flags from outside would make the build another one.
        for name in ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "CARGO_BUILD_RUSTFLAGS", "CARGO_BUILD_TARGET"] {
            command.env_remove(name);
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

fn sysroot(rustc: &OsStr, directory: &Path) -> Result<PathBuf, ToolchainError> {
    let no_rust = |error| ToolchainError::NoRust { program: rustc.to_string_lossy().into_owned(), error };
    let output = Command::new(rustc).args(["--print", "sysroot"]).current_dir(directory).output().map_err(no_rust)?;
    if !output.status.success() {
        let reason = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        return Err(no_rust(std::io::Error::other(reason)));
    }
    Ok(PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()))
}
