//! The same sources give the same bytes in any folder, nothing of the machine is in them, and what is deployed has the
//! very code that the debug information describes. A newer compiler's module is accepted as well.

use std::{
    fs,
    path::{Path, PathBuf},
};

use chancery_build::{BuildError, Built, Options, build_with, source::SourceError, toolchain::Toolchain};
use chancery_runtime::module::ModuleError;
use wasmparser::{Parser, Payload};

/// The counter and everything that its workspace names.
const PARTS: &[&str] =
    &["Cargo.toml", "contracts", "examples", "tests/contracts", "runtime/Cargo.toml", "runtime/src", "sdk"];

const OPTIONS: Options = Options { optimise: false, locked: true, quiet: true };

fn copy(from: &Path, to: &Path) {
    if from.is_dir() {
        fs::create_dir_all(to).expect("a folder is made");
        for entry in fs::read_dir(from).expect("the clone is readable") {
            let entry = entry.expect("the clone is readable");
            // What was built by hand in the clone is no source.
            if entry.file_name() != "target" {
                copy(&entry.path(), &to.join(entry.file_name()));
            }
        }
    } else {
        fs::create_dir_all(to.parent().expect("it is in a folder")).expect("a folder is made");
        fs::copy(from, to).expect("a file is copied");
    }
}

/// Builds the counter of a copy of the clone in `folder`, which shares nothing with any other build.
fn build_in(folder: &Path) -> Result<Built, BuildError> {
    let counter = folder.join("examples/counter");
    let toolchain = Toolchain::find(&counter)?;
    build_with(&toolchain, &counter, Some(&folder.join("target")), OPTIONS)
}

fn copied(folder: &Path) -> PathBuf {
    let clone = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    PARTS.iter().for_each(|part| copy(&clone.join(part), &folder.join(part)));
    folder.to_path_buf()
}

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

fn code(wasm: &[u8]) -> &[u8] {
    let payloads = Parser::new(0).parse_all(wasm).map(|payload| payload.expect("a module"));
    let range = payloads.filter_map(|payload| match payload {
        Payload::CodeSectionStart { range, .. } => Some(range),
        _ => None,
    });
    &wasm[range.last().expect("it has code")]
}

fn has_section(wasm: &[u8], name: &str) -> bool {
    let mut payloads = Parser::new(0).parse_all(wasm).map(|payload| payload.expect("a module"));
    payloads.any(|payload| matches!(payload, Payload::CustomSection(section) if section.name() == name))
}

#[test]
fn two_folders_give_the_same_bytes_and_a_refusal_names_its_function() {
    let home = tempfile::tempdir().expect("a folder");
    let first = copied(&home.path().join("a"));
    let second = copied(&home.path().join("somewhere/quite else"));
    let (here, there) = (build_in(&first).expect("it builds"), build_in(&second).expect("it builds"));
    assert_eq!(here.module.code_digest(), there.module.code_digest(), "the folder shows in the module");
    let (debug, other) = (fs::read(&here.debug_path), fs::read(&there.debug_path));
    let (debug, other) = (debug.expect("it is there"), other.expect("it is there"));
    assert!(debug == other, "the folder shows in the debug information");

    let deployed = fs::read(&here.path).expect("it is there");
    assert_eq!(deployed, here.module.source());
    assert!(!has_section(&deployed, "name") && !has_section(&deployed, ".debug_line"));
    assert!(has_section(&debug, "name") && has_section(&debug, ".debug_line"));
    assert_eq!(code(&deployed), code(&debug));
    let machine = [home.path().to_path_buf(), PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../.."), cargo_home()];
    for folder in machine.iter().map(|folder| fs::canonicalize(folder).expect("it is there")) {
        let folder = folder.to_str().expect("text");
        assert!(!contains(&deployed, folder) && !contains(&debug, folder), "{folder} shows");
    }
    // What is in the debug information leads back to the sources.
    assert!(contains(&debug, "/counter-0.1.0"));
    assert_eq!(here.sources["/counter-0.1.0"], fs::canonicalize(first.join("examples/counter")).expect("it is there"));

    // In a copy whose dependencies are compiled: the deployed module has no names, the refusal has one all the same.
    let source = second.join("examples/counter/src/lib.rs");
    let text = fs::read_to_string(&source).expect("it is there");
    let floating = text.replace(
        "    fn count(&self)",
        "    #[query]\n    pub fn half(&self) -> u64 {\n        halved(self.count())\n    }\n\n    fn count(&self)",
    );
    let function = "\n#[inline(never)]\nfn halved(count: u64) -> u64 {\n    (count as f64 / 2.0) as u64\n}\n";
    fs::write(&source, floating + function).expect("the copy is changed");
    match build_in(&second) {
        Err(BuildError::Source(SourceError::Refused { error: error @ ModuleError::Feature { .. }, .. })) => {
            assert!(error.to_string().contains("halved"), "{error}");
        }
        Err(error) => panic!("{error}: {:?}", std::error::Error::source(&error)),
        Ok(_) => panic!("a float is accepted"),
    }
}

fn cargo_home() -> PathBuf {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    home.unwrap_or_else(|| PathBuf::from(std::env::var_os("HOME").expect("there is a home")).join(".cargo"))
}
