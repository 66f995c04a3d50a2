//! Writes one instrumented function: the source's instructions with what a [`Plan`] adds to them.
//!
//! The function's code becomes
//! ```text
//! charge the entry's region
//! block $trap
//!   look at gas; add the frame to the height, look at it
//!   block $body
//!     the source's code
//!   end
//!   put the height back to what it was
//!   return
//! end
//! unreachable
//! ```
//! Branches to the source's outermost label mean `$body`, which has the same depth, and so does `return`: all ways out
//! end in the one epilogue. All looks branch to the one trap.
//!
//! The gas left has a copy in a local. The copy is *fresh* where every path to here has written it since the last call;
//! a charge begins from the copy where it is fresh and from the global where it is not, and always writes both.

use chancery_abi::limits::STACK_SLOTS_MAX;
use wasm_encoder::{BlockType, Function, Instruction};
use wasmparser::Operator;

use super::{
    Schedule,
    observe::{Notes, Probe},
    plan::{Plan, Region},
};

/// Where the counters are: two globals and three locals.
#[derive(Clone, Copy, Debug)]
pub(super) struct Counters {
    /// The global of the gas left, i64.
    pub(super) gas: u32,
    /// The global of the stack's height, i32.
    pub(super) height: u32,
    /// The local that holds a copy of the gas left, i64.
    pub(super) left: u32,
    /// A local for a height or a length, i32.
    pub(super) scratch: u32,
    /// A local that keeps the height as it was at entry, i32.
    pub(super) entry_height: u32,
}

/// An open block, loop or if of the source.
struct Open {
    is_loop: bool,
    /// Whether its end is reached from its beginning, as that of an if without else is.
    skippable: bool,
    /// Whether the copy was fresh where the frame began.
    at_start: bool,
    /// Whether it is at the frame's end on all paths seen so far, if there are any.
    at_end: Option<bool>,
}

/// The writer of one function.
pub(super) struct Emitter<'a> {
    out: Function,
    counters: Counters,
    frame_slots: u32,
    plan: &'a Plan,
    schedule: &'a Schedule,
    open: Vec<Open>,
    /// The regions not yet begun.
    regions: &'a [Region],
    fresh: bool,
    /// Kept when somebody asked where things are.
    notes: Option<Notes<'a>>,
}

impl<'a> Emitter<'a> {
    /// A writer into `out`, which has its locals declared and is empty otherwise.
    pub(super) fn new(
        out: Function,
        counters: Counters,
        frame_slots: u32,
        plan: &'a Plan,
        schedule: &'a Schedule,
        notes: Option<Notes<'a>>,
    ) -> Self {
        let regions = &plan.regions;
        Self { out, counters, frame_slots, plan, schedule, open: Vec::new(), regions, fresh: false, notes }
    }

    /// How many frames of the source are open: the depth of `$body`.
    pub(super) fn depth(&self) -> u32 {
        self.open.len() as u32
    }

    /// Writes an instruction as it is.
    pub(super) fn emit(&mut self, instruction: &Instruction<'_>) {
        self.out.instruction(instruction);
    }

    /// The finished function, and where its instructions come from when that was noted.
    pub(super) fn finish(self) -> (Function, Vec<(u32, u32)>) {
        (self.out, self.notes.map_or_else(Vec::new, |notes| notes.marks))
    }

    /// Notes that what is written from here on comes from the source's instruction at `offset`.
    pub(super) fn mark(&mut self, offset: usize) {
        let at = self.out.byte_len() as u32;
        if let Some(notes) = &mut self.notes {
            notes.source = offset as u32;
            notes.marks.push((at, offset as u32));
        }
    }

    /// Writes a call of the hook, when the function has probes.
    fn probe(&mut self, probe: impl FnOnce(&mut super::observe::Probes<'a>, u32) -> Probe) {
        let Some(notes) = &mut self.notes else { return };
        let Some(probes) = &mut notes.probes else { return };
        let probe = probe(probes, notes.source);
        let (number, hook) = (probes.add(probe), probes.hook);
        self.emit_all(&[Instruction::I32Const(number), Instruction::Call(hook)]);
    }

    /// Charges the next region, and reports it.
    fn charge_region(&mut self, region: &Region) {
        let number = self.plan.regions.len() - self.regions.len() - 1;
        self.charge(region.cost);
        if region.cost > 0 {
            self.probe(|probes, _| probes.region(number));
        }
    }

    /// Writes the prologue.
    pub(super) fn enter(&mut self, body: BlockType) {
        let (entry, rest) = self.plan.regions.split_first().expect("a plan has the entry's region");
        self.regions = rest;
        self.probe(|probes, _| Probe::Enter { function: probes.function });
        self.charge_region(entry);
        self.refresh();
        self.emit(&Instruction::Block(BlockType::Empty));
        self.look_at_gas(0);
        let Counters { height, scratch, entry_height, .. } = self.counters;
        let limit = Instruction::I32Const(STACK_SLOTS_MAX as i32);
        self.emit(&Instruction::GlobalGet(height));
        if self.plan.calls {
            self.emit(&Instruction::LocalTee(entry_height));
        }
        self.emit_all(&[Instruction::I32Const(self.frame_slots as i32), Instruction::I32Add]);
        if self.plan.calls {
            self.emit_all(&[
                Instruction::LocalTee(scratch),
                Instruction::GlobalSet(height),
                Instruction::LocalGet(scratch),
            ]);
            self.emit_all(&[limit, Instruction::I32GtU, Instruction::BrIf(0)]);
        } else {
            // Nobody reads the height while this function runs, so it is written only to tell why it traps.
            self.emit_all(&[
                Instruction::LocalTee(scratch),
                limit,
                Instruction::I32GtU,
                Instruction::If(BlockType::Empty),
            ]);
            self.emit_all(&[
                Instruction::LocalGet(scratch),
                Instruction::GlobalSet(height),
                Instruction::Br(1),
                Instruction::End,
            ]);
        }
        self.emit(&Instruction::Block(body));
    }

    /// Writes the epilogue, after the `end` that closed the source's code, which began at `start`.
    pub(super) fn leave(&mut self, start: usize) {
        if self.plan.calls {
            // Not the global less the frame: that would wait for what the called functions wrote to it.
            let Counters { height, entry_height, .. } = self.counters;
            self.emit_all(&[Instruction::LocalGet(entry_height), Instruction::GlobalSet(height)]);
        }
        self.probe(|_, _| Probe::Leave);
        self.emit_all(&[Instruction::Return, Instruction::End]);
        self.mark(start);
        self.emit_all(&[Instruction::Unreachable, Instruction::End]);
    }

    /// Writes what comes before the source's instruction at this place, and follows what the instruction does to the
    /// freshness of the copy.
    pub(super) fn before(&mut self, at: usize, operator: &Operator<'_>) {
        if let Some((region, rest)) = self.regions.split_first()
            && region.at == at
        {
            self.regions = rest;
            self.charge_region(region);
            if region.head {
                self.refresh();
                self.look_at_gas(self.depth() + 1);
            }
        }
        let live = self.plan.live[at];
        match operator {
            Operator::Block { .. } => self.begin(false, false),
            Operator::If { .. } => self.begin(false, true),
            Operator::Loop { .. } => {
                // A fresh copy that stays fresh all through the loop lives in a register.
                if live && !self.plan.calling_loops[at] {
                    self.refresh();
                } else {
                    self.fresh = false;
                }
                self.begin(true, false);
            }
            Operator::Else => {
                if live {
                    self.reach(0);
                }
                let frame = self.open.last_mut().expect("a valid else stands in an if");
                frame.skippable = false;
                self.fresh = frame.at_start;
            }
            Operator::End => self.end(at),
            _ if !live => {}
            Operator::Br { relative_depth } | Operator::BrIf { relative_depth } => self.reach(*relative_depth),
            Operator::BrTable { targets } => {
                let others = targets.targets().map(|target| target.expect("a valid branch table can be read"));
                others.chain([targets.default()]).for_each(|target| self.reach(target));
            }
            Operator::Call { .. } | Operator::CallIndirect { .. } => self.fresh = false,
            Operator::MemoryGrow { .. } => self.charge_by_operand(0, self.schedule.grow_page),
            Operator::MemoryFill { .. } | Operator::MemoryCopy { .. } | Operator::MemoryInit { .. } => {
                self.charge_by_operand(3, self.schedule.bulk_word);
            }
            _ => {}
        }
    }

    fn emit_all(&mut self, instructions: &[Instruction<'_>]) {
        for instruction in instructions {
            self.emit(instruction);
        }
    }

    /// Takes a cost off the gas left.
    fn charge(&mut self, cost: u64) {
        if cost > 0 {
            self.emit_left();
            self.emit(&Instruction::I64Const(cost as i64));
            self.emit_charge();
        }
    }

    /// Takes `price` for each `1 << shift` of the operand on top, an unsigned i32, off the gas left, and looks at it.
    fn charge_by_operand(&mut self, shift: i64, price: u64) {
        let scratch = self.counters.scratch;
        self.emit(&Instruction::LocalTee(scratch));
        self.emit_left();
        self.emit_all(&[Instruction::LocalGet(scratch), Instruction::I64ExtendI32U]);
        if shift > 0 {
            self.emit_all(&[Instruction::I64Const(shift), Instruction::I64ShrU]);
        }
        if price != 1 {
            self.emit_all(&[Instruction::I64Const(price as i64), Instruction::I64Mul]);
        }
        self.emit_charge();
        self.probe(|_, offset| Probe::Operand { offset });
        self.look_at_gas(self.depth() + 1);
    }

    fn emit_left(&mut self) {
        let Counters { gas, left, .. } = self.counters;
        self.emit(&if self.fresh { Instruction::LocalGet(left) } else { Instruction::GlobalGet(gas) });
    }

    fn emit_charge(&mut self) {
        let Counters { gas, left, .. } = self.counters;
        self.emit_all(&[Instruction::I64Sub, Instruction::LocalTee(left), Instruction::GlobalSet(gas)]);
        self.fresh = true;
    }

    /// Makes the copy fresh.
    fn refresh(&mut self) {
        let Counters { gas, left, .. } = self.counters;
        if !self.fresh {
            self.emit_all(&[Instruction::GlobalGet(gas), Instruction::LocalSet(left)]);
            self.fresh = true;
        }
    }

    /// Branches to `$trap`, at this depth, when the gas left is negative; the copy is fresh.
    fn look_at_gas(&mut self, trap: u32) {
        let left = self.counters.left;
        self.emit_all(&[
            Instruction::LocalGet(left),
            Instruction::I64Const(0),
            Instruction::I64LtS,
            Instruction::BrIf(trap),
        ]);
    }

    fn begin(&mut self, is_loop: bool, skippable: bool) {
        self.open.push(Open { is_loop, skippable, at_start: self.fresh, at_end: None });
    }

    /// A path leads from here to a frame's label.
    fn reach(&mut self, depth: u32) {
        // Branches out of the function need no copy; branches to a loop's head find it as the loop began.
        let Some(index) = self.open.len().checked_sub(1 + depth as usize) else { return };
        let frame = &mut self.open[index];
        if !frame.is_loop {
            frame.at_end = Some(frame.at_end.unwrap_or(true) && self.fresh);
        }
    }

    fn end(&mut self, at: usize) {
        if self.plan.live[at] {
            self.reach(0);
        }
        // The body's own end closes no frame of the source.
        let Some(frame) = self.open.pop() else { return };
        // A loop's end is reached by falling through only, and so it finds the copy as it is here.
        if !frame.is_loop {
            self.fresh = frame.at_end.unwrap_or(true) && (frame.at_start || !frame.skippable);
        }
    }
}
