//! A contract's module from a file, as Wasm or as text.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use chancery_abi::limits::TRANSACTION_GAS_MAX;
use chancery_runtime::module::{CheckedModule, ModuleError, Schedule, compile_gas};

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
    /// No transaction can pay for compiling it.
    #[error(
        "{path} cannot be deployed: compiling it costs {gas} gas, and a transaction has at most {limit}; most of it is \
         for functions whose body is long (the longest has {longest} bytes): divide those"
    )]
    Unaffordable {
        /// The file.
        path: PathBuf,
        /// What compiling costs.
        gas: u64,
        /// What a transaction has.
        limit: u64,
        /// Bytes of the longest function's body.
        longest: u32,
    },
}

/// The checked module in `path`, a `.wasm` or a `.wat`.
///
/// # Errors
/// When the file cannot be read, or the module breaks a rule of the runtime.
pub fn load(path: &Path) -> Result<CheckedModule, SourceError> {
    let module =
        CheckedModule::check(&read(path)?).map_err(|error| SourceError::Refused { path: path.into(), error })?;
    affordable(path, module)
}

/// The module, if a transaction can pay for compiling it under the schedule that chains begin with.
pub(crate) fn affordable(path: &Path, module: CheckedModule) -> Result<CheckedModule, SourceError> {
    let schedule = Schedule::by_number(1).expect("every release has the first schedule");
    let gas = compile_gas(module.source().len(), schedule).saturating_add(module.body_gas(schedule));
    let limit = TRANSACTION_GAS_MAX;
    if gas > limit {
        return Err(SourceError::Unaffordable { path: path.into(), gas, limit, longest: module.longest_body() });
    }
    Ok(module)
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

#[cfg(test)]
mod tests {
    use chancery_abi::schema::{self, Docs, Entry};

    use super::*;
    use crate::sections::with_custom_section;

    #[test]
    fn a_module_that_no_transaction_can_deploy_is_refused_before_anyone_tries() {
        let directory = tempfile::tempdir().expect("a temporary folder");
        let module = |nops: usize| {
            let path = directory.path().join("long.wasm");
            let text = format!("(module (memory (export \"memory\") 1 1) (func {}))", "nop ".repeat(nops));
            let wasm = wat::parse_str(text).expect("it is WebAssembly");
            let (name, version, sdk) = ("Long".to_owned(), "1.0.0".to_owned(), "1.0.0".to_owned());
            let entry = Entry::Contract { format: schema::FORMAT, name, version, sdk, docs: Docs::default() };
            let wasm = with_custom_section(wasm, schema::SECTION, &entry.to_section_bytes());
            fs::write(&path, wasm).expect("the folder takes a file");
            load(&path)
        };
        match module(60_000) {
            Err(SourceError::Unaffordable { longest, gas, limit, .. }) => assert!(longest == 60_002 && gas > limit),
            other => panic!("{other:?}"),
        }
        module(1_000).expect("a short one is affordable");
    }
}
