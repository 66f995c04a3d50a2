//! The verifier that browsers load is committed beside the portal, so that a fresh clone needs no tool to serve it. It must be
//! the one that the sources here make.

use std::{
    fs,
    path::{Path, PathBuf},
};

use chancery_abi::Digest;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The sources under `folder`, as scripts/verifier.sh finds them.
fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder of sources") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().unwrap_or_default();
        if path.is_dir() {
            sources(&path, found);
        } else if name != "tests.rs" && path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// Whoever compiled it is nobody's business, and two machines make the same module.
#[test]
fn no_place_of_the_machine_that_made_it_stands_in_the_verifier() {
    let module = fs::read(root().join("node/src/portal/assets/verifier_bg.wasm")).expect("it is there");
    let has = |place: &[u8]| module.windows(place.len()).any(|part| part == place);
    assert!(has(b"/dependencies/"), "panics name where they are");
    for place in [&b"/.cargo/"[..], b"/registry/src/", b"/home/", b"/root/", b"/work/"] {
        assert!(!has(place), "{}", String::from_utf8_lossy(place));
    }
}

#[test]
fn browsers_load_the_verifier_of_these_sources() {
    let mut found = vec![root().join("examples/redraw/src/lib.rs")];
    for part in ["sdk/abi/src", "sdk/verify/src", "sdk/json/src", "sdk/web/src"] {
        sources(&root().join(part), &mut found);
    }
    // By bytes, as the script does: a path's own order is by its parts.
    found.sort_by_key(|path| path.to_string_lossy().into_owned());
    let bytes: Vec<u8> = found.iter().flat_map(|path| fs::read(path).expect("a source")).collect();
    let recorded = fs::read_to_string(root().join("node/src/portal/assets/verifier.sources")).expect("it is there");
    let same = recorded.trim() == Digest::of(&bytes).to_string();
    assert!(same, "node/src/portal/assets/verifier_bg.wasm is out of date: `make verifier` writes it anew");
}
