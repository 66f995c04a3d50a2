//! [`SourceMap`]: from an offset in a contract's module to the function, file and line it was compiled from.
//!
//! It is read from the module with debug information that a build keeps beside the one that is deployed. The deployed
//! one is that module minus its custom sections, so the map knows the digest of the code it belongs to, and never
//! explains another. Debug information is foreign input: whatever of it cannot be read explains nothing, and is no
//! error.

use std::{
    collections::BTreeMap,
    fs, io,
    ops::Range,
    path::{Path, PathBuf},
};

use addr2line::Context;
use chancery_abi::Digest;
use gimli::{EndianSlice, LittleEndian};
use wasmparser::{BinaryReaderError, KnownCustom, Name, Parser, Payload};

use super::sections::without_custom_sections;

/// How a build names the folders of libraries that every contract has: the standard library's, the SDK's, the codec's.
const LIBRARIES: &[&str] =
    &["/rustc/", "/chancery-", "/parity-scale-codec-", "/const_format", "/arrayvec-", "/byte-slice-cast-"];

type Reader<'a> = EndianSlice<'a, LittleEndian>;

/// Bytes of a file that is read; debug information of the largest module is a small part of it.
const FILE_BYTES_MAX: u64 = 256 << 20;

/// Why there is no map.
#[derive(Debug, thiserror::Error)]
pub enum SourceMapError {
    /// The file cannot be read.
    #[error("{path}: {error}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// The file is no build's.
    #[error("{path} has {found} bytes; a module with debug information is much smaller")]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its bytes.
        found: u64,
    },
    /// The bytes are no module.
    #[error("it cannot be read as WebAssembly: {0}")]
    Malformed(#[from] BinaryReaderError),
}

/// A function on the guest's stack.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SourceFrame {
    /// The function's path, without its hash.
    pub function: String,
    /// The file, under the name that the build gave its folder; under the folder's own where the map knows it.
    pub file: Option<String>,
    /// The line, counted from 1.
    pub line: Option<u32>,
    /// Whether it was inlined into the next frame outwards.
    pub is_inlined: bool,
    /// Whether it is the contract's own, and not the SDK's, another library's or the standard library's.
    pub is_own: bool,
}

/// Where the code of one module comes from.
pub struct SourceMap {
    code: Digest,
    /// The sections of debug information.
    debug: BTreeMap<String, Vec<u8>>,
    /// Where the code section's content begins in the module that is deployed. Debug information counts from there.
    code_start: u32,
    names: BTreeMap<u32, String>,
    /// The own functions' bodies, as offsets in the module that is deployed; by index in the function space.
    bodies: BTreeMap<u32, Range<u32>>,
    /// Folders by the name they have in the debug information.
    sources: BTreeMap<String, PathBuf>,
}

impl SourceMap {
    /// The map in `NAME.debug.wasm`.
    ///
    /// # Errors
    /// When the file cannot be read or is no module.
    pub fn open(path: &Path) -> Result<Self, SourceMapError> {
        let io_error = |error| SourceMapError::Io { path: path.into(), error };
        let found = fs::metadata(path).map_err(io_error)?.len();
        if found > FILE_BYTES_MAX {
            return Err(SourceMapError::TooLarge { path: path.into(), found });
        }
        Self::of(&fs::read(path).map_err(io_error)?)
    }

    /// The map in a module with debug information.
    ///
    /// # Errors
    /// When the bytes are no module.
    pub fn of(debug: &[u8]) -> Result<Self, SourceMapError> {
        let deployed = without_custom_sections(debug, &[])?;
        let mut map = Self {
            code: Digest::of(&deployed),
            debug: BTreeMap::new(),
            code_start: 0,
            names: BTreeMap::new(),
            bodies: BTreeMap::new(),
            sources: BTreeMap::new(),
        };
        map.read_code(&deployed)?;
        for payload in Parser::new(0).parse_all(debug) {
            let Payload::CustomSection(section) = payload? else { continue };
            if let KnownCustom::Name(names) = section.as_known() {
                names.into_iter().map_while(Result::ok).for_each(|name| map.read_names(name));
            }
            if section.name().starts_with(".debug_") {
                map.debug.insert(section.name().to_owned(), section.data().to_vec());
            }
        }
        Ok(map)
    }

    /// The same map, which names files by where they are on this machine.
    pub fn with_sources(mut self, sources: BTreeMap<String, PathBuf>) -> Self {
        self.sources = sources;
        self
    }

    /// The digest of the code that it explains.
    pub fn code(&self) -> Digest {
        self.code
    }

    /// The name of a function by its index in the module's function space.
    pub fn function(&self, index: u32) -> String {
        self.names.get(&index).cloned().unwrap_or_else(|| format!("function {index}"))
    }

    /// The bodies of the module's own functions, by index in the function space, as offsets in the deployed module.
    pub fn bodies(&self) -> &BTreeMap<u32, Range<u32>> {
        &self.bodies
    }

    /// The functions at an offset in the deployed module, innermost first: those that were inlined, then the one whose
    /// code it is.
    pub fn frames(&self, offset: u32) -> Vec<SourceFrame> {
        self.resolve([offset]).remove(&offset).unwrap_or_default()
    }

    /// The same for many offsets, which costs little more than one.
    pub fn resolve(&self, offsets: impl IntoIterator<Item = u32>) -> BTreeMap<u32, Vec<SourceFrame>> {
        let context = self.context();
        let resolved = offsets.into_iter().map(|offset| {
            let mut frames = context.as_ref().map_or_else(Vec::new, |context| self.inlined_frames(context, offset));
            if frames.is_empty() {
                let body = self.bodies.iter().find(|(_, body)| body.contains(&offset));
                let function = body.map_or_else(|| "outside all functions".into(), |(index, _)| self.function(*index));
                frames.push(SourceFrame { function, file: None, line: None, is_inlined: false, is_own: false });
            }
            (offset, frames)
        });
        resolved.collect()
    }

    /// What resolves addresses, when there is debug information that can be read.
    fn context(&self) -> Option<Context<Reader<'_>>> {
        if !self.debug.contains_key(".debug_info") {
            return None;
        }
        let section = |id: gimli::SectionId| -> Result<Reader<'_>, gimli::Error> {
            let bytes = self.debug.get(id.name()).map_or(&[][..], Vec::as_slice);
            Ok(Reader::new(bytes, LittleEndian))
        };
        Context::from_dwarf(gimli::Dwarf::load(section).ok()?).ok()
    }

    fn inlined_frames(&self, context: &Context<Reader<'_>>, offset: u32) -> Vec<SourceFrame> {
        let Some(address) = offset.checked_sub(self.code_start) else { return Vec::new() };
        let Ok(mut found) = context.find_frames(address.into()).skip_all_loads() else { return Vec::new() };
        let mut frames = Vec::new();
        while let Ok(Some(frame)) = found.next() {
            let name = frame.function.as_ref().and_then(|function| function.raw_name().ok());
            let location = frame.location;
            let file = location.as_ref().and_then(|location| location.file);
            frames.push(SourceFrame {
                function: name.map_or_else(|| String::from("unknown"), |name| demangled(&name)),
                is_own: file.is_some_and(|file| !LIBRARIES.iter().any(|library| file.starts_with(library))),
                file: file.map(|file| self.local(file)),
                line: location.and_then(|location| location.line).filter(|line| *line > 0),
                is_inlined: true,
            });
        }
        if let Some(outermost) = frames.last_mut() {
            outermost.is_inlined = false;
            // The module's own names have the whole path, and are there where the debug information has none.
            let index = self.bodies.iter().find(|(_, body)| body.contains(&offset)).map(|(index, _)| index);
            if let Some(name) = index.and_then(|index| self.names.get(index)) {
                outermost.function.clone_from(name);
            }
        }
        frames
    }

    /// A file of the debug information by its name on this machine, when that is known.
    fn local(&self, file: &str) -> String {
        let named = self.sources.iter().filter_map(|(name, folder)| {
            let rest = file.strip_prefix(name.as_str())?.strip_prefix('/')?;
            Some((name.len(), folder.join(rest)))
        });
        let longest = named.max_by_key(|(length, _)| *length);
        longest.map_or_else(|| file.to_owned(), |(_, path)| path.to_string_lossy().into_owned())
    }

    fn read_code(&mut self, deployed: &[u8]) -> Result<(), BinaryReaderError> {
        let mut index = 0;
        for payload in Parser::new(0).parse_all(deployed) {
            match payload? {
                Payload::ImportSection(section) => {
                    for import in section.into_imports() {
                        index += u32::from(matches!(import?.ty, wasmparser::TypeRef::Func(_)));
                    }
                }
                Payload::CodeSectionStart { range, .. } => self.code_start = range.start as u32,
                Payload::CodeSectionEntry(body) => {
                    let range = body.range();
                    self.bodies.insert(index, range.start as u32..range.end as u32);
                    index += 1;
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn read_names(&mut self, name: Name<'_>) {
        let Name::Function(names) = name else { return };
        for naming in names.into_iter().map_while(Result::ok) {
            self.names.insert(naming.index, demangled(naming.name));
        }
    }
}

/// A compiler's name of a function as people wrote it.
fn demangled(name: &str) -> String {
    format!("{:#}", rustc_demangle::demangle(name))
}
