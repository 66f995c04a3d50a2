//! Every path that ARCHITECTURE.md names exists.

use std::path::Path;

#[test]
fn every_path_in_the_architecture_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests is in the repository");
    let text = std::fs::read_to_string(root.join("ARCHITECTURE.md")).expect("it is there");
    let quoted = text.split('`').skip(1).step_by(2);
    let paths: Vec<&str> = quoted.filter(|quoted| quoted.contains('/') && !quoted.contains(' ')).collect();
    assert!(paths.len() > 15, "only {} paths were found", paths.len());
    for path in paths {
        assert!(root.join(path).exists(), "ARCHITECTURE.md names {path}, which is not there");
    }
}
