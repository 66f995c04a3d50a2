//! A contract's module from a file, as Wasm or as text.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use chancery_runtime::module::{CheckedModule, ModuleError};

/// Bytes of a file that is looked at; far above what a module may have, so that the reason is the module's.
const FILE_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// Why a file is no contract.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// It cannot be read.
    #[error("{path}: {error}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// It is far too large.
    #[error("{path} has {found} bytes; a contract's module is much smaller")]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its bytes.
        found: u64,
    },
    /// It is a text that is not WebAssembly's.
    #[error("{path} cannot be read as WebAssembly text: {problem}")]
    Text {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// The runtime refuses it.
    #[error("{path} is refused")]
    Refused {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        error: ModuleError,
    },
}

/// The checked module in `path`, a `.wasm` or a `.wat`.
///
/// # Errors
/// When the file cannot be read, or the module breaks a rule of the runtime.
pub fn load(path: &Path) -> Result<CheckedModule, SourceError> {
    CheckedModule::check(&read(path)?).map_err(|error| SourceError::Refused { path: path.into(), error })
}

/// The Wasm in `path`, translated where it is text.
///
/// # Errors
/// When the file cannot be read or translated.
pub fn read(path: &Path) -> Result<Vec<u8>, SourceError> {
    let io_error = |error| SourceError::Io { path: path.into(), error };
    let found = fs::metadata(path).map_err(io_error)?.len();
    if found > FILE_BYTES_MAX {
        return Err(SourceError::TooLarge { path: path.into(), found });
    }
    let bytes = fs::read(path).map_err(io_error)?;
    match wat::Parser::new().parse_bytes(Some(path), &bytes) {
        Ok(wasm) => Ok(wasm.into_owned()),
        Err(error) => Err(SourceError::Text { path: path.into(), problem: error.to_string() }),
    }
}
