//! Where a function is charged, and how much.
//!
//! A function's code falls into *regions*: sets of instructions that all run exactly once whenever the first of them
//! runs, unless something traps between. A region is charged as a whole before its first instruction. The smallest
//! regions would be basic blocks; these are larger, because what follows a block, loop or if runs exactly as often as
//! what comes before it when no branch inside leads out beyond its end. So `A; if c { B }; D` is two regions, `A c D`
//! and `B`, and a straight function with calls is one.
//!
//! A trap, or a host call that does not return, leaves the rest of its region paid for and not run. That is the same
//! on every engine, and it never makes work cheaper.
//!
//! Code that no path reaches belongs to no region and costs nothing.

use wasmparser::Operator;

use super::{Schedule, operators};

/// Where and what to charge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Region {
    /// The instruction before which the charge stands.
    pub(super) at: usize,
    /// The gas of all the region's instructions.
    pub(super) cost: u64,
    /// Whether it is the head of a loop, where the gas left must be looked at.
    pub(super) head: bool,
}

/// A function's regions and what else its instrumentation depends on.
#[derive(Debug)]
pub(super) struct Plan {
    /// The regions by place; the first is the function's entry.
    pub(super) regions: Vec<Region>,
    /// For each instruction, whether a path reaches it.
    pub(super) live: Vec<bool>,
    /// For each instruction that a path reaches, the place of its region in `regions`.
    pub(super) owners: Vec<u32>,
    /// For each instruction, whether it is the beginning of a loop in which a function is called.
    pub(super) calling_loops: Vec<bool>,
    /// Whether it calls any function.
    pub(super) calls: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Body,
    Block,
    Loop { at: usize, calls: bool },
    If,
}

struct Frame {
    kind: Kind,
    /// The region that the frame began in, if it was reached.
    outer: Option<usize>,
    /// Whether a branch inside leads out beyond the frame's end.
    escaped: bool,
    /// Whether a path leads to the frame's end, other than by falling through.
    reached: bool,
}

struct Planner {
    plan: Plan,
    frames: Vec<Frame>,
    /// The region that the next instruction belongs to, if it can be reached.
    current: Option<usize>,
}

impl Plan {
    /// The plan of a valid function's instructions under a schedule's prices.
    pub(super) fn of(operators: &[Operator<'_>], schedule: &Schedule) -> Self {
        let plan = Self {
            regions: vec![Region { at: 0, cost: 0, head: false }],
            live: vec![false; operators.len()],
            owners: vec![0; operators.len()],
            calling_loops: vec![false; operators.len()],
            calls: false,
        };
        let body = Frame { kind: Kind::Body, outer: Some(0), escaped: false, reached: false };
        let mut planner = Planner { plan, frames: vec![body], current: Some(0) };
        for (at, operator) in operators.iter().enumerate() {
            planner.step(at, operator, schedule);
        }
        planner.plan
    }
}

/// What an instruction of a checked module costs, without what depends on its operands.
pub(super) fn price(operator: &Operator<'_>, schedule: &Schedule) -> u64 {
    let class = operators::class(operator).expect("a checked module has allowed instructions only");
    schedule.price(class)
}

impl Planner {
    fn step(&mut self, at: usize, operator: &Operator<'_>, schedule: &Schedule) {
        if let Some(region) = self.current {
            self.plan.live[at] = true;
            self.plan.owners[at] = region as u32;
            self.plan.regions[region].cost += price(operator, schedule);
        }
        match operator {
            Operator::Block { .. } => self.open(Kind::Block),
            Operator::Loop { .. } => {
                self.open(Kind::Loop { at, calls: false });
                self.begin(at + 1, true);
            }
            Operator::If { .. } => {
                self.open(Kind::If);
                self.begin(at + 1, false);
            }
            Operator::Else => {
                let frame = self.frames.last_mut().expect("a valid else stands in an if");
                frame.kind = Kind::Block;
                frame.reached |= self.current.is_some();
                self.current = frame.outer;
                self.begin(at + 1, false);
            }
            Operator::End => self.close(at),
            Operator::Br { relative_depth } => {
                self.branch(*relative_depth);
                self.current = None;
            }
            Operator::BrIf { relative_depth } => {
                self.branch(*relative_depth);
                self.begin(at + 1, false);
            }
            Operator::BrTable { targets } => {
                let others = targets.targets().map(|target| target.expect("a valid branch table can be read"));
                others.chain([targets.default()]).for_each(|target| self.branch(target));
                self.current = None;
            }
            Operator::Return => {
                self.branch(self.frames.len() as u32 - 1);
                self.current = None;
            }
            Operator::Unreachable => self.current = None,
            Operator::Call { .. } | Operator::CallIndirect { .. } => self.call(),
            _ => {}
        }
    }

    fn open(&mut self, kind: Kind) {
        self.frames.push(Frame { kind, outer: self.current, escaped: false, reached: false });
    }

    /// Begins a region, if the place can be reached.
    fn begin(&mut self, at: usize, head: bool) {
        if self.current.is_some() {
            self.current = Some(self.plan.regions.len());
            self.plan.regions.push(Region { at, cost: 0, head });
        }
    }

    fn branch(&mut self, depth: u32) {
        if self.current.is_none() {
            return;
        }
        let target = self.frames.len() - 1 - depth as usize;
        for frame in &mut self.frames[target + 1..] {
            frame.escaped = true;
        }
        // A branch to a loop leads to its beginning, not to its end.
        self.frames[target].reached |= !matches!(self.frames[target].kind, Kind::Loop { .. });
    }

    fn call(&mut self) {
        if self.current.is_none() {
            return;
        }
        self.plan.calls = true;
        for frame in &mut self.frames {
            if let Kind::Loop { calls, .. } = &mut frame.kind {
                *calls = true;
            }
        }
    }

    fn close(&mut self, at: usize) {
        let frame = self.frames.pop().expect("a valid end closes a frame");
        if let Kind::Loop { at, calls: true } = frame.kind {
            self.plan.calling_loops[at] = true;
        }
        // An if without else is left also when its condition does not hold.
        let skipped = frame.kind == Kind::If && frame.outer.is_some();
        if self.current.is_none() && !frame.reached && !skipped {
            return;
        }
        self.current = frame.outer;
        if frame.escaped {
            self.begin(at + 1, false);
        }
    }
}
