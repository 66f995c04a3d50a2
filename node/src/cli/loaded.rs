//! A contract on this machine, as commands take it: a crate's directory, which is built, or a module's file, with the
//! debug information that a build left beside it.

use std::path::{Path, PathBuf};

use chancery_build::{
    Options, build,
    source::{self},
    source_map::SourceMap,
};
use chancery_runtime::module::CheckedModule;

use super::{
    contract::{build_failure, source_failure},
    failure::{Failure, Result},
    output::Output,
};

/// A contract's module and what explains it.
pub(super) struct Loaded {
    /// Where the module is.
    pub path: PathBuf,
    /// The module.
    pub module: CheckedModule,
    /// Names and lines of its source; none when there is no debug information of this very module.
    pub map: Option<SourceMap>,
}

impl Loaded {
    /// The contract at `path`. `debug` names its debug information where that does not lie beside it.
    ///
    /// # Errors
    /// When it cannot be built or read, is refused, or the debug information that was named is another module's.
    pub(super) fn open(path: &Path, debug: Option<&Path>, output: &Output) -> Result<Self> {
        if path.is_dir() {
            let progress = output.progress("building", None);
            let built = build(path, Options::default());
            progress.finish();
            let built = built.map_err(build_failure)?;
            let map = open_map(&built.debug_path)?.with_sources(built.sources);
            return Ok(Self { path: built.path, module: built.module, map: Some(map) });
        }
        let module = source::load(path).map_err(source_failure)?;
        let beside = path.with_extension("debug.wasm");
        let map = match debug {
            Some(debug) => Some(open_map(debug)?),
            None if beside.is_file() => Some(open_map(&beside)?),
            None => None,
        };
        let of_this = map.as_ref().is_none_or(|map| map.code() == module.code_digest());
        match (of_this, debug) {
            (true, _) => {}
            (false, Some(debug)) => {
                return Err(Failure::new(format!("{} is of another module than {}", debug.display(), path.display()))
                    .help("build the contract again; both files come from one build"));
            }
            (false, None) => output
                .note(&format!("{} is of another module and not used; build the contract again", beside.display())),
        }
        Ok(Self { path: path.into(), module, map: map.filter(|_| of_this) })
    }
}

/// The debug information in a file.
///
/// # Errors
/// When it cannot be read.
pub(super) fn open_map(path: &Path) -> Result<SourceMap> {
    SourceMap::open(path).map_err(|error| {
        Failure::new(format!("{} holds no debug information", path.display()))
            .because(error)
            .help("give the NAME.debug.wasm that `chancery contract build` leaves beside NAME.wasm")
    })
}
