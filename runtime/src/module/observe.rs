//! What instrumenting tells of itself when somebody asks: where each instruction came from ([`SourceMap`]), and probes
//! that report where gas goes ([`Probe`]). For traces and profiles; what blocks are made with never asks.
//!
//! Invariants: with the map alone the module's bytes are those of [`super::CheckedModule::instrument`]; with probes the
//! charges, the looks at the gas and the stack heights are the same, so the gas, the outcome and every trap are too.

use super::instrument::Charge;

/// The module of the one import that a probed module has beyond its source's: `hook(probe: i32)`.
pub(crate) const PROBE_MODULE: &str = "chancery.probe";
/// Its name.
pub(crate) const PROBE_NAME: &str = "hook";

/// Leads from an offset in instrumented code back to the source's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SourceMap {
    /// Functions that the source imports; its own come after them.
    imported: u32,
    /// For each of the source's own functions, in order, where its instrumented body begins.
    functions: Vec<u32>,
    /// Instrumented offset and source offset, both from the module's first byte, by the former. One applies until the
    /// next.
    offsets: Vec<(u32, u32)>,
}

/// A place in a source module.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SourcePlace {
    /// The function's index in the source's function space, imports included.
    pub function: u32,
    /// The instruction's offset from the source module's first byte. What the instrumentation itself stopped (the gas
    /// ran out, the stack was too deep) stands at the function's first instruction.
    pub offset: u32,
}

impl SourceMap {
    pub(super) fn new(imported: u32) -> Self {
        Self { imported, ..Self::default() }
    }

    /// Adds the next function, whose instrumented body begins at `start` with these marks relative to it.
    pub(super) fn push(&mut self, start: usize, marks: &[(u32, u32)]) {
        let start = start as u32;
        self.functions.push(start);
        self.offsets.extend(marks.iter().map(|(at, source)| (start + at, *source)));
    }

    /// Where the instrumented code at `offset` comes from; none outside all functions.
    pub fn place(&self, offset: usize) -> Option<SourcePlace> {
        let offset = u32::try_from(offset).ok()?;
        let own = self.functions.partition_point(|start| *start <= offset).checked_sub(1)?;
        let mark = self.offsets.partition_point(|(at, _)| *at <= offset).checked_sub(1)?;
        Some(SourcePlace { function: self.imported + own as u32, offset: self.offsets[mark].1 })
    }
}

/// What a probe stands for; probes are numbered from 0 in the order of the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Probe {
    /// A function begins; nothing of it is charged yet.
    Enter {
        /// Its index in the source's function space.
        function: u32,
    },
    /// A region was charged: by each of its instructions' offsets, what it costs.
    Region(Vec<(u32, u64)>),
    /// An instruction was charged by its operand.
    Operand {
        /// The instruction's offset in the source.
        offset: u32,
    },
    /// The function returns.
    Leave,
}

/// An instrumented module with what was asked for.
#[derive(Clone, Debug)]
pub struct Observed {
    /// The module.
    pub wasm: Vec<u8>,
    /// Leads back to its source.
    pub source_map: SourceMap,
    /// Its probes; empty unless they were asked for.
    pub probes: Vec<Probe>,
}

/// What is noted while one function is written.
#[derive(Default)]
pub(super) struct Notes<'a> {
    /// Offsets in the body written so far, and in the source.
    pub(super) marks: Vec<(u32, u32)>,
    /// The source offset of the instruction at hand.
    pub(super) source: u32,
    pub(super) probes: Option<Probes<'a>>,
}

/// The probes of one function under writing.
pub(super) struct Probes<'a> {
    /// The module's list.
    pub(super) list: &'a mut Vec<Probe>,
    /// The hook's index in the function space.
    pub(super) hook: u32,
    /// The function's index in the source's.
    pub(super) function: u32,
    /// By region, its instructions' charges, of which some are 0.
    pub(super) charges: Vec<Vec<Charge>>,
}

impl Probes<'_> {
    /// Adds a probe and returns its number.
    pub(super) fn add(&mut self, probe: Probe) -> i32 {
        self.list.push(probe);
        (self.list.len() - 1) as i32
    }

    /// The probe of a function's `region`th region.
    pub(super) fn region(&mut self, region: usize) -> Probe {
        Probe::Region(std::mem::take(&mut self.charges[region]))
    }
}
