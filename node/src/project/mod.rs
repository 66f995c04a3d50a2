//! `chancery contract new`: a project that builds, tests and deploys as it is written, without this repository around.
//!
//! What a project needs of Chancery (the SDK, and the runtime that its tests run in) is part of this binary, and is
//! written into the project's own folder `vendor/chancery`, with a lock file of the versions that this release was
//! tested with. So a project checked out in ten years, on a machine that has never heard of Chancery, still builds the
//! same bytes; and an upgrade of the SDK is a change that its repository shows.
//!
//! The templates are the examples of this repository, whose tests run with all others.

mod template;
mod vendored;

use std::{
    fs, io,
    path::{Path, PathBuf},
};

pub use template::Template;

/// Why there is no project.
#[derive(Debug, thiserror::Error)]
pub enum ProjectError {
    /// The name is not one.
    #[error("`{name}` cannot be a contract's name: {why}")]
    Name {
        /// What was given.
        name: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// There is something already.
    #[error("{path} exists already")]
    Exists {
        /// The folder.
        path: PathBuf,
    },
    /// A file cannot be written.
    #[error("{path}: {error}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
}

/// Writes a project into the new folder `path`, whose last part is its name; returns the name.
///
/// # Errors
/// When the name is not one, the folder exists, or a file cannot be written. A folder that was begun is removed.
pub fn create(path: &Path, template: Template) -> Result<String, ProjectError> {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    check_name(&name)?;
    if path.exists() {
        return Err(ProjectError::Exists { path: path.into() });
    }
    let written = write(path, &name, template);
    if written.is_err() {
        fs::remove_dir_all(path).ok();
    }
    written.map(|()| name)
}

fn write(path: &Path, name: &str, template: Template) -> Result<(), ProjectError> {
    for (file, text) in template.files(name) {
        write_file(&path.join(file), text.as_bytes())?;
    }
    let vendor = path.join("vendor/chancery");
    for (file, bytes) in vendored::files() {
        write_file(&vendor.join(file), &bytes)?;
    }
    write_file(&path.join("Cargo.lock"), vendored::LOCK.as_bytes())
}

fn write_file(path: &Path, bytes: &[u8]) -> Result<(), ProjectError> {
    let write = || {
        fs::create_dir_all(path.parent().unwrap_or(Path::new(".")))?;
        fs::write(path, bytes)
    };
    write().map_err(|error| ProjectError::Io { path: path.into(), error })
}

/// A package's name that is also a name on a chain: lower-case letters, digits and dashes, beginning with a letter.
fn check_name(name: &str) -> Result<(), ProjectError> {
    let refuse = |why| Err(ProjectError::Name { name: name.to_owned(), why });
    let allowed = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-';
    if !name.starts_with(|first: char| first.is_ascii_lowercase()) {
        return refuse("it has to begin with a lower-case letter");
    }
    if !name.chars().all(allowed) || name.ends_with('-') || name.contains("--") {
        return refuse("it has lower-case letters, digits and single dashes between them");
    }
    if name.len() > 32 {
        return refuse("it has at most 32 letters");
    }
    // Names that rustc or cargo keeps for itself.
    if ["test", "core", "std", "alloc", "proc-macro"].contains(&name) || name.starts_with("chancery") {
        return refuse("it is taken by a package that contracts are made of");
    }
    // A keyword is no crate that a test could import from.
    if syn_keyword(name) {
        return refuse("it is a keyword of Rust");
    }
    Ok(())
}

fn syn_keyword(name: &str) -> bool {
    const KEYWORDS: &[&str] = &[
        "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "crate", "do", "dyn",
        "else", "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl", "in", "let", "loop", "macro",
        "match", "mod", "move", "mut", "override", "priv", "pub", "ref", "return", "self", "static", "struct", "super",
        "trait", "true", "try", "type", "typeof", "unsafe", "unsized", "use", "virtual", "where", "while", "yield",
    ];
    KEYWORDS.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_project_has_all_it_needs_and_nothing_of_this_machine() {
        let home = tempfile::tempdir().expect("a temporary directory");
        for template in Template::ALL {
            let path = home.path().join(format!("my-{}", template.name()));
            create(&path, template).expect("a new project");
            for file in ["Cargo.toml", "Cargo.lock", "src/lib.rs", "vendor/chancery/sdk/src/lib.rs", "README.md"] {
                assert!(path.join(file).is_file(), "{file}");
            }
            let manifest = fs::read_to_string(path.join("Cargo.toml")).expect("a manifest");
            assert!(manifest.contains(&format!("name = \"my-{}\"", template.name())), "{manifest}");
            let repository = env!("CARGO_MANIFEST_DIR").trim_end_matches("/node");
            for file in ["Cargo.toml", "vendor/chancery/Cargo.toml", "Cargo.lock"] {
                let text = fs::read_to_string(path.join(file)).expect("a text");
                assert!(!text.contains(repository), "{file} names this machine's folders");
            }
        }
    }

    #[test]
    fn what_exists_stays_and_what_is_no_name_is_refused() {
        let home = tempfile::tempdir().expect("a temporary directory");
        let path = home.path().join("taken");
        fs::create_dir(&path).expect("a folder");
        fs::write(path.join("mine"), "mine").expect("a file");
        assert!(matches!(create(&path, Template::Counter), Err(ProjectError::Exists { .. })));
        assert_eq!(fs::read_to_string(path.join("mine")).expect("it is still there"), "mine");
        for name in ["Upper", "1st", "a_b", "a--b", "a-", "fn", "core", "chancery-sdk", "name with space", ""] {
            let created = create(&home.path().join(name), Template::Counter);
            assert!(matches!(created, Err(ProjectError::Name { .. } | ProjectError::Exists { .. })), "{name}");
        }
        assert_eq!(fs::read_dir(home.path()).expect("the folder").count(), 1, "nothing was begun");
    }
}
