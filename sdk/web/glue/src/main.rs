//! `glue MODULE OUT`: from the verifier as the compiler leaves it to the two files that pages load, `OUT/verifier.js` and
//! `OUT/verifier_bg.wasm`.

use std::{env, path::PathBuf};

use anyhow::{Context as _, Result};
use wasm_bindgen_cli_support::Bindgen;

fn main() -> Result<()> {
    let mut arguments = env::args_os().skip(1).map(PathBuf::from);
    let usage = "usage: glue MODULE OUT";
    let (module, out) = (arguments.next().context(usage)?, arguments.next().context(usage)?);
    let mut bindgen = Bindgen::new();
    bindgen.input_path(module).web(true)?.typescript(false).out_name("verifier");
    bindgen.remove_name_section(true).remove_producers_section(true);
    bindgen.generate(out)
}
