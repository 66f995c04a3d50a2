//! `wasm-opt` over what the compiler made, when the caller asks for it. The module says so, in a section that names the
//! release and the options, since anyone who builds it again needs both to get the same bytes.

use std::{path::Path, process::Command};

use super::BuildError;

const PROGRAM: &str = "wasm-opt";
/// The sandbox's features and no others; names and debug information are kept up to date.
const OPTIONS: &[&str] = &[
    "-Oz",
    "-g",
    "--mvp-features",
    "--enable-mutable-globals",
    "--enable-sign-ext",
    "--enable-multivalue",
    "--enable-bulk-memory",
];

/// Optimises the module in `path` where it lies, and returns what did it, as the module is to say.
pub(crate) fn optimise(path: &Path) -> Result<String, BuildError> {
    let missing = |error| BuildError::NoOptimiser { program: PROGRAM, error };
    let version = Command::new(PROGRAM).arg("--version").output().map_err(missing)?;
    let output = Command::new(PROGRAM).args(OPTIONS).arg(path).arg("-o").arg(path).output().map_err(missing)?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        return Err(BuildError::Optimiser { program: PROGRAM, said });
    }
    let version = String::from_utf8_lossy(&version.stdout).trim().to_owned();
    Ok(format!("{version} {}", OPTIONS.join(" ")))
}
