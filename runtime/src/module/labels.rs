//! Names of functions, for error messages only.
//!
//! They come from the name section, or else from an export, and are foreign text: cut to a length and freed of control
//! characters, so that no terminal or log obeys them. Nothing but messages depends on them; they are looked up only
//! after a module has been refused.

use wasmparser::{KnownCustom, Name, Parser, Payload};

use super::{FunctionLabel, ModuleError};

/// Characters of a name that a message shows.
pub(super) const NAME_CHARS_MAX: usize = 120;

/// `error` with its function named, if it has one and `wasm` tells its name.
pub(super) fn name_function(mut error: ModuleError, wasm: &[u8]) -> ModuleError {
    if let Some(label) = error.function_mut() {
        *label = FunctionLabel { index: label.index, name: name_of(wasm, label.index) };
    }
    error
}

/// Foreign text as a message may show it.
pub(super) fn printable(text: &str) -> String {
    let mut shown: String =
        text.chars().take(NAME_CHARS_MAX).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
    if text.chars().nth(NAME_CHARS_MAX).is_some() {
        shown.push('…');
    }
    shown
}

/// The function's name; whatever cannot be read has none.
fn name_of(wasm: &[u8], index: u32) -> Option<String> {
    let mut exported = None;
    // The module may be broken further on; what stands before that still helps.
    for payload in Parser::new(0).parse_all(wasm).map_while(Result::ok) {
        match payload {
            Payload::ExportSection(section) => {
                exported = section.into_iter().map_while(Result::ok).find_map(|export| {
                    let hit = export.kind == wasmparser::ExternalKind::Func && export.index == index;
                    hit.then(|| printable(export.name))
                });
            }
            Payload::CustomSection(section) => {
                if let KnownCustom::Name(names) = section.as_known()
                    && let Some(name) = names.into_iter().map_while(Result::ok).find_map(|name| in_names(name, index))
                {
                    return Some(name);
                }
            }
            _ => {}
        }
    }
    exported
}

fn in_names(name: Name<'_>, index: u32) -> Option<String> {
    let Name::Function(names) = name else { return None };
    names.into_iter().map_while(Result::ok).find(|naming| naming.index == index).map(|naming| printable(naming.name))
}
