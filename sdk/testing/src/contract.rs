//! The contracts' modules: each package is built once in a process, as `chancery contract build` builds it.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use chancery_abi::schema::Schema;
use chancery_build::{Options, build, source_map::SourceMap};

/// A built contract.
pub(crate) struct Contract {
    pub(crate) wasm: Vec<u8>,
    pub(crate) schema: Schema,
    debug_path: PathBuf,
    sources: BTreeMap<String, PathBuf>,
    map: OnceLock<Option<SourceMap>>,
}

impl Contract {
    /// The contract of the package in `directory`, which is built unless this process has built it.
    ///
    /// # Panics
    /// When it cannot be built, or the runtime would not take it, with what the compiler or the runtime says.
    pub(crate) fn of(directory: &str) -> Arc<Self> {
        static BUILT: OnceLock<Mutex<BTreeMap<String, Arc<Contract>>>> = OnceLock::new();
        let mut built = BUILT.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(contract) = built.get(directory) {
            return Arc::clone(contract);
        }
        let contract = Arc::new(Self::build(Path::new(directory)));
        built.insert(directory.to_owned(), Arc::clone(&contract));
        contract
    }

    fn build(directory: &Path) -> Self {
        let options = Options { quiet: true, ..Options::default() };
        let built = build(directory, options).unwrap_or_else(|error| panic!("{}", explained(directory, &error)));
        Self {
            wasm: built.module.source().to_vec(),
            schema: built.module.schema().clone(),
            debug_path: built.debug_path,
            sources: built.sources,
            map: OnceLock::new(),
        }
    }

    /// Whether it imports the host function that gives beacons.
    pub(crate) fn asks_for_beacons(&self) -> bool {
        // As an import stands in a module: two names, each behind its length.
        const IMPORT: &[u8] = b"\x0bchancery_v1\x06beacon";
        self.wasm.windows(IMPORT.len()).any(|bytes| bytes == IMPORT)
    }

    /// Where its functions and lines are; none when the debug information is gone.
    pub(crate) fn map(&self) -> Option<&SourceMap> {
        let open = || SourceMap::open(&self.debug_path).ok().map(|map| map.with_sources(self.sources.clone()));
        self.map.get_or_init(open).as_ref()
    }
}

/// The error with all that led to it, and what cargo said.
fn explained(directory: &Path, error: &chancery_build::BuildError) -> String {
    let mut text = format!("the contract in {} cannot be built: {error}", directory.display());
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        text.push_str(&format!("\n  because {error}"));
        source = error.source();
    }
    if let chancery_build::BuildError::Cargo { said, .. } | chancery_build::BuildError::Optimiser { said, .. } = error {
        text.push_str(&format!("\n{said}"));
    }
    text
}
