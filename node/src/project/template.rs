//! What a new project begins with.

use clap::ValueEnum;

/// A template.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Template {
    /// A counter that its owner resets: the smallest whole contract.
    #[default]
    Counter,
    /// A registry of records: filing and looking up, with an owner, an event and an error.
    Records,
    /// A lottery whose draw anyone can repeat.
    Lottery,
}

impl Template {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Counter, Self::Records, Self::Lottery];

    /// Its name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Records => "records",
            Self::Lottery => "lottery",
        }
    }

    /// The package that it is made from, its source and its test.
    const fn source(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Counter => (
                "counter",
                include_str!("../../../examples/counter/src/lib.rs"),
                include_str!("../../../examples/counter/tests/counter.rs"),
            ),
            Self::Records => (
                "filing",
                include_str!("../../../examples/filing/src/lib.rs"),
                include_str!("../../../examples/filing/tests/filing.rs"),
            ),
            Self::Lottery => (
                "lottery",
                include_str!("../../../examples/lottery/src/lib.rs"),
                include_str!("../../../examples/lottery/tests/lottery.rs"),
            ),
        }
    }

    /// The files of a project of this name, beside what is vendored.
    pub(super) fn files(self, name: &str) -> Vec<(String, String)> {
        let (package, source, test) = self.source();
        let own = name.replace('-', "_");
        // The test imports everything of its package; handles in it may have the same name as the package.
        let test = test.replace(&format!("use {package}::*;"), &format!("use {own}::*;"));
        vec![
            ("Cargo.toml".into(), manifest(name)),
            ("src/lib.rs".into(), source.to_owned()),
            (format!("tests/{own}.rs"), test),
            ("README.md".into(), readme(name)),
            (".gitignore".into(), "/target\n".into()),
        ]
    }
}

fn manifest(name: &str) -> String {
    format!(
        r#"[package]
name = "{name}"
version = "0.1.0"
edition = "2024"
rust-version = "1.95"
publish = false

[lib]
crate-type = ["cdylib", "rlib"]

[dependencies]
chancery-sdk = {{ path = "vendor/chancery/sdk" }}

[dev-dependencies]
chancery-testing = {{ path = "vendor/chancery/sdk/testing" }}

[workspace]
exclude = ["vendor"]

# The contract's Wasm: small. An overflow stops the call.
[profile.release]
opt-level = "z"
lto = "fat"
codegen-units = 1
panic = "abort"
strip = true
overflow-checks = true

# What its tests stand on: fast.
[profile.dev]
opt-level = 1
debug = "line-tables-only"

[profile.dev.package."*"]
opt-level = 3
debug = false

[profile.dev.build-override]
opt-level = 0
debug = false
"#
    )
}

fn readme(name: &str) -> String {
    format!(
        r"# {name}
A contract for Chancery.

```
cargo test                        builds its Wasm and runs it in the real runtime
chancery contract build           to Wasm, checked; the path is printed
chancery contract size            what the bytes are
chancery dev                      a chain on this machine, in another terminal
chancery contract deploy main FILE.wasm --department judicial --name {name} --as demo
```

The first `cargo test` compiles the runtime, once; the ones after take seconds. What the project needs of Chancery is in
`vendor/chancery`, so it builds anywhere. Keep `Cargo.lock` and `vendor` in version control: with the same compiler they
give the same bytes in every folder.
"
    )
}
