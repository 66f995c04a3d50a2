//! What cargo says of a contract: its packages, and the files that a build makes.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::Value;

use super::{
    BuildError,
    toolchain::{TARGET, Toolchain, ToolchainError},
};

/// A package that goes into a build.
pub(crate) struct Package {
    /// Its name.
    pub(crate) name: String,
    /// Its version.
    pub(crate) version: String,
    /// Its folder.
    pub(crate) directory: PathBuf,
}

/// What cargo knows of a contract's crate.
pub(crate) struct Metadata {
    /// The contract's package.
    pub(crate) package: String,
    /// Every package of the workspace and everything they depend on.
    pub(crate) packages: Vec<Package>,
    /// The folder of the workspace.
    pub(crate) workspace: PathBuf,
    /// The folder that cargo builds in.
    pub(crate) target: PathBuf,
}

impl Metadata {
    /// What cargo knows of the crate in `directory`, which is absolute, when it builds in `target` or its own choice.
    pub(crate) fn of(
        toolchain: &Toolchain,
        directory: &Path,
        target: Option<&Path>,
        locked: bool,
    ) -> Result<Self, BuildError> {
        let mut command = toolchain.cargo(directory);
        command.args(["metadata", "--format-version", "1", "--filter-platform", TARGET]);
        if locked {
            command.arg("--locked");
        }
        let output = run(toolchain, &mut command)?;
        let failed = |said| BuildError::Cargo { what: "metadata", said };
        if !output.status.success() {
            return Err(failed(String::from_utf8_lossy(&output.stderr).trim().to_owned()));
        }
        let value: Value = serde_json::from_slice(&output.stdout).map_err(|error| failed(error.to_string()))?;
        let missing = |what: &str| failed(format!("its answer has no {what}"));
        let listed = value["packages"].as_array().ok_or_else(|| missing("packages"))?;
        let packages = listed.iter().map(package).collect::<Option<Vec<_>>>().ok_or_else(|| missing("packages"))?;
        let own = packages.iter().find(|package| package.directory == directory);
        let own = own.ok_or_else(|| BuildError::NoCrate { directory: directory.into() })?.name.clone();
        let path = |what: &str| value[what].as_str().map(PathBuf::from).ok_or_else(|| missing(what));
        let target = target.map_or_else(|| path("target_directory"), |target| Ok(target.to_path_buf()))?;
        Ok(Self { package: own, packages, workspace: path("workspace_root")?, target })
    }
}

fn package(value: &Value) -> Option<Package> {
    let directory = Path::new(value["manifest_path"].as_str()?).parent()?.to_path_buf();
    Some(Package { name: value["name"].as_str()?.into(), version: value["version"].as_str()?.into(), directory })
}

/// The Wasm module among the files that cargo's messages name for the crate in `directory`.
pub(crate) fn module(messages: &[u8], directory: &Path) -> Option<PathBuf> {
    let manifest = directory.join("Cargo.toml");
    let messages = messages.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice::<Value>(line).ok());
    let own = messages.filter(|message| {
        message["reason"] == "compiler-artifact"
            && message["manifest_path"].as_str().is_some_and(|path| Path::new(path) == manifest)
    });
    let files = own.flat_map(|message| message["filenames"].as_array().cloned().unwrap_or_default());
    let mut modules = files.filter_map(|file| file.as_str().map(PathBuf::from));
    modules.find(|path| path.extension().is_some_and(|extension| extension == "wasm"))
}

/// Runs cargo to its end.
pub(crate) fn run(toolchain: &Toolchain, command: &mut Command) -> Result<Output, BuildError> {
    command.output().map_err(|error| {
        let program = toolchain.cargo.to_string_lossy().into_owned();
        ToolchainError::NoRust { program, error }.into()
    })
}

/// The folder that stands for each package's own in everything that is built: its name and version.
pub(crate) fn public_names(packages: &[Package]) -> BTreeMap<&Path, String> {
    let name = |package: &Package| format!("/{}-{}", package.name, package.version);
    packages.iter().map(|package| (package.directory.as_path(), name(package))).collect()
}
