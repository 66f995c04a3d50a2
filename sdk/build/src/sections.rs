//! A module's custom sections: what is deployed has Chancery's own, what stays beside the build has all of them.

use wasm_encoder::{CustomSection, Section as _};
use wasmparser::{Parser, Payload};

/// The custom section that says what optimised the module after the compiler. Only a module that was has it.
pub const OPTIMISER_SECTION: &str = "chancery.optimiser";

/// What the names of Chancery's own custom sections begin with.
const OWN_PREFIX: &str = "chancery.";
/// The functions' names, by which the runtime's refusals name them.
pub(crate) const NAMES: &str = "name";

/// The module with Chancery's own custom sections and those called `kept` only. All other bytes stay as they are.
///
/// # Errors
/// When the bytes are not a module.
pub(crate) fn without_custom_sections(wasm: &[u8], kept: &[&str]) -> Result<Vec<u8>, wasmparser::BinaryReaderError> {
    let mut module = Vec::with_capacity(wasm.len());
    // Where the last section that is copied whole ended.
    let mut copied = 0;
    let mut last_end = 0;
    for payload in Parser::new(0).parse_all(wasm) {
        let payload = payload?;
        let Some(range) = end_of_section(&payload) else { continue };
        if let Payload::CustomSection(section) = &payload
            && !section.name().starts_with(OWN_PREFIX)
            && !kept.contains(&section.name())
        {
            module.extend_from_slice(&wasm[copied..last_end]);
            copied = range;
        }
        last_end = range;
    }
    module.extend_from_slice(&wasm[copied..]);
    Ok(module)
}

/// Where a section ends, its header included; none for what is no section of its own.
fn end_of_section(payload: &Payload<'_>) -> Option<usize> {
    match payload {
        Payload::Version { range, .. } => Some(range.end),
        other => other.as_section().map(|(_, range)| range.end),
    }
}

/// The module with one more custom section at its end.
pub(crate) fn with_custom_section(mut wasm: Vec<u8>, name: &str, content: &[u8]) -> Vec<u8> {
    CustomSection { name: name.into(), data: content.into() }.append_to(&mut wasm);
    wasm
}

#[cfg(test)]
mod tests {
    use super::*;

    fn module(text: &str) -> Vec<u8> {
        wat::parse_str(text).expect("a module")
    }

    #[test]
    fn foreign_sections_go_and_everything_else_stays_in_its_place() {
        let code = r#"(memory 1) (func (export "f") (result i32) i32.const 7)"#;
        let own = r#"(@custom "chancery.schema" "abc")"#;
        let full = module(&format!(
            r#"(module (@custom ".debug_info" (before first) "x") {code} (@custom "producers" "p") {own} (@custom ".debug_line" "yy"))"#
        ));
        let bare = module(&format!("(module {code} {own})"));
        assert_eq!(without_custom_sections(&full, &[]).expect("a module"), bare);
        assert_eq!(without_custom_sections(&bare, &[]).expect("a module"), bare);
        let kept = without_custom_sections(&full, &["producers"]).expect("a module");
        assert_eq!(kept, module(&format!(r#"(module {code} (@custom "producers" "p") {own})"#)));
        assert!(without_custom_sections(b"\0asm\x01\0\0\0\x07\xff", &[]).is_err());
    }

    #[test]
    fn a_section_is_added_at_the_end() {
        let added = with_custom_section(module("(module (memory 1))"), OPTIMISER_SECTION, b"tool");
        assert_eq!(added, module(r#"(module (memory 1) (@custom "chancery.optimiser" "tool"))"#));
    }
}
