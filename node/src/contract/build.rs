//! Building a contract: cargo for wasm32, with a small shadow stack, a bounded memory, and paths that say nothing of
//! the machine, so that anyone gets the same bytes from the same sources and toolchain.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use chancery_abi::limits::MEMORY_PAGES_MAX;
use chancery_runtime::module::CheckedModule;
use serde_json::Value;

use super::{
    source::{self, SourceError},
    toolchain::{TARGET, Toolchain, ToolchainError},
    wrapper,
};

/// Bytes of a contract's shadow stack. The linker's default of 1 MiB makes every instance slower to begin.
const STACK_BYTES: u64 = 64 * 1024;
/// Bytes of one page of memory.
const PAGE_BYTES: u64 = 64 * 1024;

/// What can go wrong with a build.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// There is no crate.
    #[error("there is no Cargo.toml in {directory}")]
    NoCrate {
        /// Where it was looked for.
        directory: PathBuf,
    },
    /// There is no compiler.
    #[error(transparent)]
    Toolchain(#[from] ToolchainError),
    /// cargo said no.
    #[error("cargo {what} failed")]
    Cargo {
        /// Which part of its work.
        what: &'static str,
        /// What it said, where it was not shown.
        said: String,
    },
    /// The crate makes no module.
    #[error("`{package}` makes no Wasm module")]
    NoModule {
        /// The package.
        package: String,
    },
    /// A file cannot be read or written.
    #[error("{path}: {error}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// The module is refused.
    #[error(transparent)]
    Source(#[from] SourceError),
}

/// A built contract.
pub struct Built {
    /// The package's name.
    pub package: String,
    /// Where the module is.
    pub path: PathBuf,
    /// The module.
    pub module: CheckedModule,
}

/// Builds the contract whose crate is in `directory` and checks the module. cargo's progress goes to standard error.
///
/// # Errors
/// When there is no crate or compiler, cargo fails, or the runtime refuses the module.
pub fn build(directory: &Path) -> Result<Built, BuildError> {
    let manifest = directory.join("Cargo.toml");
    if !manifest.is_file() {
        return Err(BuildError::NoCrate { directory: directory.into() });
    }
    let io_error = |error| BuildError::Io { path: directory.into(), error };
    let directory = fs::canonicalize(directory).map_err(io_error)?;
    let toolchain = Toolchain::find(&directory)?;
    let metadata = metadata(&toolchain, &directory)?;
    let package =
        package_in(&metadata, &directory).ok_or_else(|| BuildError::NoCrate { directory: directory.clone() })?;
    let wasm = compile(&toolchain, &directory, &metadata)?;
    let wasm = wasm.ok_or_else(|| BuildError::NoModule { package: package.clone() })?;
    // Beside cargo's own files under a name of its own, where the next build of another contract leaves it alone.
    let target = metadata["target_directory"].as_str().map_or_else(|| directory.join("target"), PathBuf::from);
    let place = target.join("contracts");
    let path = place.join(format!("{package}.wasm"));
    let copied = fs::create_dir_all(&place).and_then(|()| fs::copy(&wasm, &path));
    copied.map_err(|error| BuildError::Io { path: path.clone(), error })?;
    let module = source::load(&path)?;
    Ok(Built { package, path, module })
}

/// What cargo knows of the crate and everything it depends on.
fn metadata(toolchain: &Toolchain, directory: &Path) -> Result<Value, BuildError> {
    let mut command = toolchain.cargo(directory);
    command.args(["metadata", "--format-version", "1", "--filter-platform", TARGET]);
    let output = command.output().map_err(cargo_missing(toolchain))?;
    let said = || String::from_utf8_lossy(&output.stderr).trim().to_owned();
    if !output.status.success() {
        return Err(BuildError::Cargo { what: "metadata", said: said() });
    }
    serde_json::from_slice(&output.stdout)
        .map_err(|error| BuildError::Cargo { what: "metadata", said: error.to_string() })
}

fn package_in(metadata: &Value, directory: &Path) -> Option<String> {
    let manifest = directory.join("Cargo.toml");
    let packages = metadata["packages"].as_array()?;
    let package = packages
        .iter()
        .find(|package| package["manifest_path"].as_str().is_some_and(|path| Path::new(path) == manifest));
    Some(package?["name"].as_str()?.to_owned())
}

/// rustc's flags: the linker's limits, and a name instead of every path of this machine.
fn flags(toolchain: &Toolchain, metadata: &Value) -> Vec<String> {
    let memory_max = MEMORY_PAGES_MAX * PAGE_BYTES;
    let mut flags = vec![
        "-Clink-arg=-zstack-size=".to_owned() + &STACK_BYTES.to_string(),
        format!("-Clink-arg=--max-memory={memory_max}"),
    ];
    let mut remap = |from: &Path, to: &str| flags.push(format!("--remap-path-prefix={}={to}", from.display()));
    // The last match counts, so the wider come first.
    if let Some(home) = cargo_home() {
        remap(&home, "/cargo");
    }
    remap(&toolchain.sysroot.join("lib/rustlib/src/rust"), "/rust");
    if let Some(root) = metadata["workspace_root"].as_str() {
        remap(Path::new(root), "/workspace");
    }
    for (name, directory) in local_packages(metadata) {
        remap(directory, &format!("/{name}"));
    }
    flags
}

/// The packages that are built from sources on this machine, with their directories.
fn local_packages(metadata: &Value) -> impl Iterator<Item = (&str, &Path)> {
    let packages = metadata["packages"].as_array().into_iter().flatten();
    packages.filter(|package| package["source"].is_null()).filter_map(|package| {
        let directory = Path::new(package["manifest_path"].as_str()?).parent()?;
        Some((package["name"].as_str()?, directory))
    })
}

fn cargo_home() -> Option<PathBuf> {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    home.or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cargo")))
}

/// Runs the build, and returns where the module of the crate itself is.
fn compile(toolchain: &Toolchain, directory: &Path, metadata: &Value) -> Result<Option<PathBuf>, BuildError> {
    let mut command: Command = toolchain.cargo(directory);
    command.args(["build", "--release", "--lib", "--target", TARGET, "--message-format", "json-render-diagnostics"]);
    if toolchain.build_std {
        command.args(["-Z", "build-std=core,alloc"]);
    }
    // One variable that wins over every file and may hold spaces.
    command.env("CARGO_ENCODED_RUSTFLAGS", flags(toolchain, metadata).join("\u{1f}"));
    let wrapper = std::env::current_exe().map_err(|error| BuildError::Io { path: directory.into(), error })?;
    let local: Vec<_> = local_packages(metadata).map(|(_, directory)| directory.to_string_lossy()).collect();
    command.env("RUSTC_WRAPPER", wrapper).env(wrapper::VARIABLE, local.join(wrapper::SEPARATOR));
    command.stderr(Stdio::inherit());
    let output = command.output().map_err(cargo_missing(toolchain))?;
    if !output.status.success() {
        return Err(BuildError::Cargo { what: "build", said: String::new() });
    }
    let manifest = directory.join("Cargo.toml");
    let messages =
        output.stdout.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice::<Value>(line).ok());
    let own = messages.filter(|message| {
        message["reason"] == "compiler-artifact"
            && message["manifest_path"].as_str().is_some_and(|path| Path::new(path) == manifest)
    });
    let files = own.flat_map(|message| message["filenames"].as_array().cloned().unwrap_or_default());
    let mut modules = files.filter_map(|file| file.as_str().map(PathBuf::from));
    Ok(modules.find(|path| path.extension().is_some_and(|extension| extension == "wasm")))
}

fn cargo_missing(toolchain: &Toolchain) -> impl Fn(io::Error) -> BuildError {
    let program = toolchain.cargo.to_string_lossy().into_owned();
    move |error| ToolchainError::NoRust { program: program.clone(), error }.into()
}
