//! The guide says what is so: every block of Rust in it stands, word for word, in a contract or test that is compiled and
//! run with all others; every command in it is one; every page that it names exists.

use std::{collections::BTreeMap, fs, path::Path};

/// Where the guide's code lives.
const SOURCES: &[&str] = &["examples", "contracts", "tests/contracts"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests are in the repository")
}

/// Lines without what they have in common in front of them.
fn dedented<'a>(lines: impl Iterator<Item = &'a str> + Clone) -> Vec<&'a str> {
    let indent = |line: &&str| line.len() - line.trim_start().len();
    let least = lines.clone().filter(|line| !line.trim().is_empty()).map(|line| indent(&line)).min().unwrap_or(0);
    lines.map(|line| line.get(least..).unwrap_or_default().trim_end()).collect()
}

/// The blocks of a page, with the word behind their fence.
fn blocks(page: &str) -> Vec<(&str, Vec<&str>)> {
    let mut blocks = Vec::new();
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        if let Some(word) = line.strip_prefix("```") {
            blocks.push((word, lines.by_ref().take_while(|line| !line.starts_with("```")).collect()));
        }
    }
    blocks
}

fn sources() -> BTreeMap<String, String> {
    let mut sources = BTreeMap::new();
    let mut folders: Vec<_> = SOURCES.iter().map(|folder| root().join(folder)).collect();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                sources.insert(path.display().to_string(), fs::read_to_string(&path).expect("a source"));
            }
        }
    }
    sources
}

fn pages() -> BTreeMap<String, String> {
    let folder = root().join("docs/contracts");
    let entries = fs::read_dir(folder).expect("the guide").map(|entry| entry.expect("an entry").path());
    let pages = entries.filter(|path| path.extension().is_some_and(|extension| extension == "md"));
    pages
        .map(|path| {
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
            (name, fs::read_to_string(&path).expect("a page"))
        })
        .collect()
}

#[test]
fn every_block_of_rust_is_code_that_is_compiled_and_run() {
    let sources = sources();
    let mut count = 0;
    for (page, text) in pages() {
        for (word, block) in blocks(&text) {
            if word != "rust" {
                continue;
            }
            count += 1;
            let wanted = dedented(block.iter().copied());
            let stands_in = |source: &String| {
                let lines: Vec<_> = source.lines().collect();
                lines.windows(wanted.len()).any(|lines| dedented(lines.iter().copied()) == wanted)
            };
            assert!(sources.values().any(stands_in), "in {page}, this stands in no source:\n{}", block.join("\n"));
        }
    }
    assert!(count >= 15, "{count} blocks");
}

#[test]
fn every_page_that_is_named_exists() {
    let pages = pages();
    for (page, text) in &pages {
        for link in text.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(link, _)| link) {
            let path = root().join("docs/contracts").join(link);
            assert!(link.starts_with("http") || path.exists(), "{page} names {link}");
        }
    }
    assert!(pages.len() >= 9, "{:?}", pages.keys());
}

/// The commands are asked for their help, so that one that is renamed is found out here.
#[test]
fn every_command_is_one() {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), Into::into);
    let binary = target.join("debug/chancery");
    let mut count = 0;
    for (page, text) in pages() {
        let lines = blocks(&text).into_iter().filter(|(word, _)| word.is_empty()).flat_map(|(_, block)| block);
        for line in lines.filter(|line| line.starts_with("chancery ")) {
            let words: Vec<_> = line.split_whitespace().skip(1).collect();
            let depth = if matches!(words[0], "contract" | "key" | "network") { 2 } else { 1 };
            // Those that take a contract's arguments explain themselves once they know the contract.
            if matches!(words[..depth], ["call" | "query"] | ["contract", "deploy" | "upgrade" | "profile"]) {
                continue;
            }
            count += 1;
            let help = std::process::Command::new(&binary).args(&words[..depth]).arg("--help").output();
            let help = help.expect("the binary runs");
            let said = String::from_utf8_lossy(&help.stdout);
            assert!(help.status.success(), "{page}: {line}");
            for option in words.iter().filter(|word| word.starts_with("--")) {
                assert!(said.contains(option), "{page}: {option} of `{line}` is not in\n{said}");
            }
        }
    }
    assert!(count >= 7, "{count} commands");
}
