//! Building a contract: cargo for wasm32 as [`flags`](super::flags) says, then the debug information apart.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    process::Stdio,
};

use chancery_runtime::module::{CheckedModule, ModuleError};

use super::{
    OPTIMISER_SECTION,
    cargo::{self, Metadata},
    flags::{PROFILE, renamed_folders, rustc_flags},
    optimise,
    sections::{NAMES, with_custom_section, without_custom_sections},
    source::{SourceError, affordable},
    toolchain::{TARGET, Toolchain, ToolchainError},
    wrapper,
};

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
    /// The optimiser that was asked for is not installed.
    #[error("`{program}` cannot be run: {error}")]
    NoOptimiser {
        /// What was tried.
        program: &'static str,
        /// Why it cannot be run.
        error: io::Error,
    },
    /// The optimiser said no.
    #[error("`{program}` failed")]
    Optimiser {
        /// The program.
        program: &'static str,
        /// What it said.
        said: String,
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

/// How to build.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Whether `wasm-opt` goes over the module afterwards, which then says so.
    pub optimise: bool,
    /// Whether a lock file that is not up to date is an error.
    pub locked: bool,
    /// Whether cargo's progress and warnings are kept from standard error. What it says when it fails is in the error.
    pub quiet: bool,
}

/// A built contract.
pub struct Built {
    /// The package's name.
    pub package: String,
    /// Where the module is.
    pub path: PathBuf,
    /// The module, as it is deployed.
    pub module: CheckedModule,
    /// Where the same module with names and debug information is; its code section has the same bytes.
    pub debug_path: PathBuf,
    /// The folders of this machine that went into the build, by the name they have in the debug information.
    pub sources: BTreeMap<String, PathBuf>,
    /// The compiler, as it names itself.
    pub compiler: String,
}

/// Builds the contract whose crate is in `directory` and checks the module.
///
/// # Errors
/// When there is no crate or compiler, cargo fails, or the runtime refuses the module.
pub fn build(directory: &Path, options: Options) -> Result<Built, BuildError> {
    let directory = crate_in(directory)?;
    build_with(&Toolchain::find(&directory)?, &directory, None, options)
}

/// The same with a compiler of the caller's choice, and in a target folder of the caller's where an absolute one is
/// given.
///
/// # Errors
/// As [`build`].
pub fn build_with(
    toolchain: &Toolchain,
    directory: &Path,
    target: Option<&Path>,
    options: Options,
) -> Result<Built, BuildError> {
    let directory = crate_in(directory)?;
    let metadata = Metadata::of(toolchain, &directory, target, options.locked)?;
    // Beside cargo's own files under a name of its own, where the next build of another contract leaves it alone.
    let place = metadata.target.join("contracts");
    fs::create_dir_all(&place).map_err(io_error(&place))?;
    let folders = renamed_folders(toolchain, &metadata);
    let compiled = compile(toolchain, &directory, &metadata.target, &rustc_flags(&folders), options)?;
    let compiled = compiled.ok_or_else(|| BuildError::NoModule { package: metadata.package.clone() })?;
    let debug = with_debug_information(&compiled, &place, options)?;
    let (path, debug_path) =
        (place.join(format!("{}.wasm", metadata.package)), place.join(format!("{}.debug.wasm", metadata.package)));
    write(&debug_path, &debug)?;
    let module = checked(&debug, &path)?;
    let sources = folders.into_iter().map(|(folder, name)| (name, folder)).collect();
    Ok(Built { package: metadata.package, path, module, debug_path, sources, compiler: toolchain.version.clone() })
}

/// The absolute path of a folder that has a crate.
fn crate_in(directory: &Path) -> Result<PathBuf, BuildError> {
    if !directory.join("Cargo.toml").is_file() {
        return Err(BuildError::NoCrate { directory: directory.into() });
    }
    fs::canonicalize(directory).map_err(io_error(directory))
}

/// Runs cargo, and returns where the module of the crate itself is.
fn compile(
    toolchain: &Toolchain,
    directory: &Path,
    target: &Path,
    flags: &[String],
    options: Options,
) -> Result<Option<PathBuf>, BuildError> {
    let mut command = toolchain.cargo(directory);
    // The crate is a library for its tests as well, and only a module by itself is optimised as a whole.
    command.args(["rustc", "--release", "--lib", "--crate-type", "cdylib", "--target", TARGET]);
    command.args(["--message-format", "json-render-diagnostics"]);
    for setting in PROFILE {
        command.args(["--config", setting]);
    }
    if options.locked {
        command.arg("--locked");
    }
    command.arg("--target-dir").arg(target);
    if toolchain.build_std {
        command.args(["-Z", "build-std=core,alloc"]);
    }
    // One variable that wins over every file and may hold spaces.
    command.env("CARGO_ENCODED_RUSTFLAGS", flags.join("\u{1f}"));
    let place = target.join("contracts");
    command.env("RUSTC_WRAPPER", wrapper::install(&place).map_err(io_error(&place))?);
    command.stderr(if options.quiet { Stdio::piped() } else { Stdio::inherit() });
    let output = cargo::run(toolchain, &mut command)?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        return Err(BuildError::Cargo { what: "build", said });
    }
    Ok(cargo::module(&output.stdout, directory))
}

/// The module as the compiler, or the optimiser after it, made it.
fn with_debug_information(compiled: &Path, place: &Path, options: Options) -> Result<Vec<u8>, BuildError> {
    if !options.optimise {
        return fs::read(compiled).map_err(io_error(compiled));
    }
    let copy = tempfile::Builder::new().suffix(".wasm").tempfile_in(place).map_err(io_error(place))?;
    fs::copy(compiled, copy.path()).map_err(io_error(copy.path()))?;
    let optimiser = optimise::optimise(copy.path())?;
    let optimised = fs::read(copy.path()).map_err(io_error(copy.path()))?;
    Ok(with_custom_section(optimised, OPTIMISER_SECTION, optimiser.as_bytes()))
}

/// Writes the module that is deployed to `path`, and judges it by the runtime's rules.
fn checked(debug: &[u8], path: &Path) -> Result<CheckedModule, BuildError> {
    let refused = |error| SourceError::Refused { path: path.into(), error };
    let stripped = without_custom_sections(debug, &[]).map_err(ModuleError::from).map_err(refused)?;
    write(path, &stripped)?;
    let module = CheckedModule::check(&stripped).map_err(|error| refused(named(error, debug)))?;
    Ok(affordable(path, module)?)
}

/// The same error with its function named, which the names that were taken out of the module still tell.
fn named(error: ModuleError, debug: &[u8]) -> ModuleError {
    match without_custom_sections(debug, &[NAMES]).map(|wasm| CheckedModule::check(&wasm)) {
        // With the names the module may be over a limit that it is not over without them.
        Ok(Err(named)) if std::mem::discriminant(&named) == std::mem::discriminant(&error) => named,
        _ => error,
    }
}

/// Replaces the file at once, since a test beside may be reading it.
fn write(path: &Path, bytes: &[u8]) -> Result<(), BuildError> {
    if fs::read(path).is_ok_and(|found| found == bytes) {
        return Ok(());
    }
    let folder = path.parent().unwrap_or(Path::new("."));
    let new = tempfile::NamedTempFile::new_in(folder).map_err(io_error(path))?;
    fs::write(new.path(), bytes).map_err(io_error(path))?;
    new.into_temp_path().persist(path).map_err(|error| error.error).map_err(io_error(path))
}

fn io_error(path: &Path) -> impl Fn(io::Error) -> BuildError {
    let path = path.to_path_buf();
    move |error| BuildError::Io { path: path.clone(), error }
}
