//! What the bytes of a contract's module are: by section, by function and its crate, and the constant data.

use std::collections::BTreeMap;

use wasmparser::{BinaryReaderError, DataKind, Operator, Parser, Payload};

use super::source_map::SourceMap;

/// Bytes of a piece of data that a preview shows.
const PREVIEW_BYTES: usize = 32;

/// Where a module's bytes go. The sections add up to the whole.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sizes {
    /// All of it.
    pub bytes: usize,
    /// The sections with their headers, in the module's order; the module's own header comes first.
    pub sections: Vec<SectionSize>,
    /// The bodies of the module's own functions, the largest first.
    pub functions: Vec<FunctionSize>,
    /// The pieces of constant data, in the module's order.
    pub data: Vec<DataSize>,
}

/// A section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SectionSize {
    /// Its name.
    pub name: String,
    /// Its bytes.
    pub bytes: usize,
}

/// A function's body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionSize {
    /// Its index in the module's function space.
    pub index: u32,
    /// Its path.
    pub name: String,
    /// The crate it is from, when its name tells.
    pub package: Option<String>,
    /// Its bytes, the length in front of it included.
    pub bytes: usize,
}

/// A piece of constant data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataSize {
    /// Its address in the memory, where it has a fixed one.
    pub address: Option<u32>,
    /// Its bytes.
    pub bytes: usize,
    /// How it begins.
    pub preview: Vec<u8>,
}

impl Sizes {
    /// The sizes of the deployed module `wasm`, its functions named by `names` when that is of the same code.
    ///
    /// # Errors
    /// When the bytes are no module.
    pub fn of(wasm: &[u8], names: Option<&SourceMap>) -> Result<Self, BinaryReaderError> {
        let mut sizes = Self { bytes: wasm.len(), ..Self::default() };
        let mut own = BTreeMap::new();
        let (mut end, mut index) = (0, 0);
        for payload in Parser::new(0).parse_all(wasm) {
            let payload = payload?;
            match &payload {
                Payload::ImportSection(section) => {
                    for import in section.clone().into_imports() {
                        let import = import?;
                        index += u32::from(matches!(import.ty, wasmparser::TypeRef::Func(_)));
                    }
                }
                Payload::ExportSection(section) => {
                    for export in section.clone() {
                        let export = export?;
                        own.insert(export.index, export.name.to_owned());
                    }
                }
                Payload::CodeSectionEntry(body) => {
                    let range = body.range();
                    let length = range.end - range.start;
                    let name = names.map_or_else(|| format!("function {index}"), |names| names.function(index));
                    let name = own.get(&index).filter(|_| names.is_none()).cloned().unwrap_or(name);
                    let package = package(&name);
                    sizes.functions.push(FunctionSize { index, name, package, bytes: length + leb_bytes(length) });
                    index += 1;
                }
                Payload::DataSection(section) => {
                    for data in section.clone() {
                        sizes.data.push(data_size(&data?));
                    }
                }
                _ => {}
            }
            if let Some((name, section_end)) = section(&payload) {
                sizes.sections.push(SectionSize { name, bytes: section_end - end });
                end = section_end;
            }
        }
        sizes.functions.sort_by(|a, b| b.bytes.cmp(&a.bytes).then(a.index.cmp(&b.index)));
        Ok(sizes)
    }

    /// The bytes of the functions by the crate they are from, the largest first.
    pub fn packages(&self) -> Vec<(String, usize, usize)> {
        let mut packages = BTreeMap::<&str, (usize, usize)>::new();
        for function in &self.functions {
            let package = packages.entry(function.package.as_deref().unwrap_or("(no name)")).or_default();
            *package = (package.0 + function.bytes, package.1 + 1);
        }
        let mut packages: Vec<_> =
            packages.into_iter().map(|(name, (bytes, count))| (name.to_owned(), bytes, count)).collect();
        packages.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        packages
    }
}

/// A section's name and where it ends.
fn section(payload: &Payload<'_>) -> Option<(String, usize)> {
    let name = match payload {
        Payload::Version { range, .. } => return Some(("header".into(), range.end)),
        Payload::TypeSection(_) => "types",
        Payload::ImportSection(_) => "imports",
        Payload::FunctionSection(_) => "functions",
        Payload::TableSection(_) => "tables",
        Payload::MemorySection(_) => "memories",
        Payload::GlobalSection(_) => "globals",
        Payload::ExportSection(_) => "exports",
        Payload::ElementSection(_) => "elements",
        Payload::DataCountSection { .. } => "data count",
        Payload::CodeSectionStart { .. } => "code",
        Payload::DataSection(_) => "data",
        Payload::CustomSection(section) => section.name(),
        _ => "other",
    };
    payload.as_section().map(|(_, range)| (name.to_owned(), range.end))
}

fn data_size(data: &wasmparser::Data<'_>) -> DataSize {
    let address = match &data.kind {
        DataKind::Active { offset_expr, .. } => match offset_expr.get_operators_reader().read() {
            Ok(Operator::I32Const { value }) => Some(value.cast_unsigned()),
            _ => None,
        },
        DataKind::Passive => None,
    };
    let preview = data.data.iter().copied().take(PREVIEW_BYTES).collect();
    DataSize { address, bytes: data.data.len(), preview }
}

fn leb_bytes(number: usize) -> usize {
    (usize::BITS - number.leading_zeros()).max(1).div_ceil(7) as usize
}

/// The crate in a function's path: `evidence` in `<evidence::Evidence as chancery_sdk::Contract>::open`.
pub(super) fn package(name: &str) -> Option<String> {
    let first =
        name.trim_start_matches(['<', '&', '*', '[', '(', ' ']).trim_start_matches("mut ").trim_start_matches("dyn ");
    let end = first.find(|c: char| !c.is_alphanumeric() && c != '_')?;
    let (package, rest) = first.split_at(end);
    (rest.starts_with("::") && !package.is_empty()).then(|| package.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_crate_of_a_path() {
        assert_eq!(package("evidence::types::Record::new").as_deref(), Some("evidence"));
        assert_eq!(package("<evidence::E as chancery_sdk::Contract>::open").as_deref(), Some("evidence"));
        assert_eq!(package("<&mut alloc::vec::Vec<u8> as core::fmt::Debug>::fmt").as_deref(), Some("alloc"));
        assert_eq!(package("memcpy"), None);
        assert_eq!(package("call.add"), None);
    }

    #[test]
    fn sections_add_up_to_the_whole_and_functions_to_the_code() {
        let text = r#"(module (import "a" "b" (func)) (memory 1) (data (i32.const 16) "hello")
            (func (export "f") nop nop) (func (drop (i32.const 1))) (@custom "x" "yz"))"#;
        let wasm = wat::parse_str(text).expect("a module");
        let sizes = Sizes::of(&wasm, None).expect("a module");
        assert_eq!(sizes.sections.iter().map(|section| section.bytes).sum::<usize>(), wasm.len());
        assert!(sizes.sections.iter().any(|section| section.name == "x"));
        let code = sizes.sections.iter().find(|section| section.name == "code").expect("there is code");
        // The section's number, its length and the count of functions.
        assert_eq!(sizes.functions.iter().map(|function| function.bytes).sum::<usize>(), code.bytes - 3);
        assert_eq!(sizes.functions[0].index, 2);
        assert_eq!(sizes.functions[1].name, "f");
        assert_eq!(sizes.data, [DataSize { address: Some(16), bytes: 5, preview: b"hello".to_vec() }]);
    }
}
