//! `chancery contract size`: what the bytes of a contract's module are.

use std::path::PathBuf;

use chancery_abi::limits::CODE_BYTES_MAX;
use chancery_build::sizes::{DataSize, FunctionSize, Sizes};
use clap::Args;
use serde_json::{Value, json};

use super::{
    failure::{Failure, Result},
    loaded::Loaded,
    options::Format,
    output::{Output, grouped, table},
};
use crate::schema_json::to_hex;

/// Say what a module's bytes are.
#[derive(Args)]
pub(super) struct Size {
    /// The module, or the crate's directory, which is built.
    #[arg(default_value = ".")]
    path: PathBuf,
    /// Debug information that names functions [default: NAME.debug.wasm beside NAME.wasm].
    #[arg(long, value_name = "FILE")]
    debug: Option<PathBuf>,
    /// How many functions and pieces of data are listed.
    #[arg(long, value_name = "N", default_value_t = 20)]
    top: usize,
    #[command(flatten)]
    format: Format,
}

impl Size {
    /// Runs the command.
    ///
    /// # Errors
    /// When the contract cannot be built or read.
    pub(super) fn run(self, output: &Output) -> Result {
        let loaded = Loaded::open(&self.path, self.debug.as_deref(), output)?;
        let sizes = Sizes::of(loaded.module.source(), loaded.map.as_ref())
            .map_err(|error| Failure::new(format!("{} cannot be read", loaded.path.display())).because(error))?;
        if loaded.map.is_none() {
            output.note("no debug information: functions have numbers instead of names; give --debug FILE");
        }
        let json = json!({
            "file": loaded.path.to_string_lossy(),
            "size_bytes": sizes.bytes,
            "limit_bytes": CODE_BYTES_MAX,
            "sections": sizes.sections.iter().map(|section| json!({ "name": section.name, "bytes": section.bytes })).collect::<Value>(),
            "crates": sizes.packages().iter().map(|(name, bytes, count)| json!({ "name": name, "bytes": bytes, "functions": count })).collect::<Value>(),
            "functions": sizes.functions.iter().map(function_json).collect::<Value>(),
            "data": sizes.data.iter().map(data_json).collect::<Value>(),
        });
        output.result(&json, || self.text(&loaded, &sizes))
    }

    fn text(&self, loaded: &Loaded, sizes: &Sizes) -> String {
        let share = |bytes: usize| format!("{:.1}%", 100.0 * bytes as f64 / sizes.bytes.max(1) as f64);
        let row = |name: String, bytes: usize| vec![grouped(bytes as u64), share(bytes), name];
        let rows = |heading: &str, rows: Vec<Vec<String>>| table(&["BYTES", "SHARE", heading], &[0, 1], &rows);
        let mut sections: Vec<_> = sizes.sections.iter().collect();
        sections.sort_by_key(|section| std::cmp::Reverse(section.bytes));
        let sections = sections.iter().map(|section| row(section.name.clone(), section.bytes)).collect();
        let packages =
            sizes.packages().into_iter().map(|(name, bytes, count)| row(format!("{name} ({count} functions)"), bytes));
        let functions =
            sizes.functions.iter().take(self.top).map(|function| row(function.name.clone(), function.bytes));
        let mut data: Vec<_> = sizes.data.iter().collect();
        data.sort_by_key(|data| std::cmp::Reverse(data.bytes));
        let data = data.into_iter().take(self.top).map(|data| row(data_text(data), data.bytes));
        format!(
            "{}: {} bytes of at most {}\n\n{}\n\n{}\n\n{}\n\n{}",
            loaded.path.display(),
            grouped(sizes.bytes as u64),
            grouped(CODE_BYTES_MAX as u64),
            rows("SECTION", sections),
            rows("CODE BY CRATE", packages.collect()),
            rows("FUNCTION", functions.collect()),
            rows("CONSTANT DATA", data.collect()),
        )
    }
}

fn function_json(function: &FunctionSize) -> Value {
    json!({ "index": function.index, "name": function.name, "crate": function.package, "bytes": function.bytes })
}

fn data_json(data: &DataSize) -> Value {
    json!({ "address": data.address, "bytes": data.bytes, "begins": to_hex(&data.preview) })
}

/// Where a piece of data is, and how it begins, with dots for what is no letter.
fn data_text(data: &DataSize) -> String {
    let begins: String = data
        .preview
        .iter()
        .map(|byte| if byte.is_ascii_graphic() || *byte == b' ' { char::from(*byte) } else { '.' })
        .collect();
    match data.address {
        Some(address) => format!("at {address:#x}: {begins}"),
        None => format!("without an address: {begins}"),
    }
}
