//! The part of Chancery that a contract and its tests are made of, as it is in this binary.

use std::borrow::Cow;

use rust_embed::RustEmbed;

/// The versions that this release was tested with. Cargo leaves out what a project does not need.
pub(super) const LOCK: &str = include_str!("../../../Cargo.lock");

const WORKSPACE: &str = include_str!("../../../Cargo.toml");

/// The packages, by their folders.
const MEMBERS: [&str; 7] = ["sdk/abi", "sdk/verify", "sdk/macros", "sdk", "sdk/build", "sdk/testing", "runtime"];

#[derive(RustEmbed)]
#[folder = "../sdk"]
struct Sdk;

#[derive(RustEmbed)]
#[folder = "../runtime"]
struct Runtime;

/// Every file, by its path from the vendored folder on.
pub(super) fn files() -> Vec<(String, Cow<'static, [u8]>)> {
    let sdk = Sdk::iter().filter_map(|path| Some((format!("sdk/{path}"), Sdk::get(&path)?.data)));
    let runtime = Runtime::iter().filter_map(|path| Some((format!("runtime/{path}"), Runtime::get(&path)?.data)));
    let kept = sdk.chain(runtime).filter(|(path, _)| is_needed(path));
    let mut files: Vec<_> = kept.map(|(path, data)| readied(path, data)).collect();
    files.push(("Cargo.toml".into(), workspace().into_bytes().into()));
    files
}

/// Whether a contract or its tests are made of it.
fn is_needed(path: &str) -> bool {
    let is_source = path.contains("/src/") && [".rs", ".sh"].iter().any(|ending| path.ends_with(ending));
    let is_test = path.contains("/tests/") || path.ends_with("/tests.rs");
    path.ends_with("Cargo.toml") || is_source && !is_test
}

/// A manifest without what stays in the repository: tests, benchmarks, and what they need.
fn readied(path: String, data: Cow<'static, [u8]>) -> (String, Cow<'static, [u8]>) {
    if !path.ends_with("Cargo.toml") {
        return (path, data);
    }
    let text = String::from_utf8_lossy(&data);
    let kept = without_sections(&text, |section| {
        ["[[bench]]", "[[test]]", "[[example]]", "[dev-dependencies]"].contains(&section)
    });
    (path, kept.into_bytes().into())
}

/// The workspace that the vendored packages inherit from. What none of them inherits does no harm.
fn workspace() -> String {
    let text = without_sections(WORKSPACE, |section| section.starts_with("[profile"));
    let members = MEMBERS.map(|member| format!("{member:?}")).join(", ");
    let line = |line: &str| match line {
        _ if line.starts_with("members = ") => format!("members = [{members}]\n"),
        _ if line.starts_with("exclude = ") => String::new(),
        line => format!("{line}\n"),
    };
    text.lines().map(line).collect()
}

/// A manifest without the sections whose heading `is_out` picks.
fn without_sections(text: &str, is_out: impl Fn(&str) -> bool) -> String {
    let mut out = false;
    let keep = |line: &&str| {
        if line.starts_with('[') {
            out = is_out(line.trim_end());
        }
        !out
    };
    text.lines().filter(keep).flat_map(|line| [line, "\n"]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_package_is_there_with_its_sources_and_without_its_tests() {
        let files = files();
        let has = |path: &str| files.iter().any(|(found, _)| found == path);
        for member in MEMBERS {
            assert!(has(&format!("{member}/Cargo.toml")) && has(&format!("{member}/src/lib.rs")), "{member}");
        }
        assert!(has("sdk/build/src/wrapper.sh"), "what a package includes is there too");
        for (path, data) in &files {
            let text = String::from_utf8_lossy(data);
            assert!(!path.contains("/tests/") && !path.ends_with(".snap"), "{path}");
            assert!(!path.ends_with("Cargo.toml") || !text.contains("[[bench]]"), "{path}");
        }
        let bytes: usize = files.iter().map(|(_, data)| data.len()).sum();
        assert!(bytes < 2 << 20, "{bytes} bytes");
    }
}
