//! Gas schedules: what the instrumenter charges for each class of instruction.
//!
//! A schedule is recorded by number in every header and changes only at an activation height, so a published schedule
//! is never edited: a correction is a new number. One gas is about the work of one simple instruction. Prices of host
//! functions are not here; they stand with the functions in `chancery_abi::host`.

use super::operators::Class;

/// The gas prices of instructions, and of what comes with deploying code.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Schedule {
    /// The schedule's number, as headers carry it.
    pub number: u32,
    /// A constant, or a local read or written.
    pub local: u64,
    /// Addition, comparison, shift, conversion, selection.
    pub simple: u64,
    /// A multiplication.
    pub multiply: u64,
    /// A division or remainder.
    pub divide: u64,
    /// A global read or written, or the memory's size.
    pub global: u64,
    /// A read from memory.
    pub load: u64,
    /// A write to memory.
    pub store: u64,
    /// A jump, or a return.
    pub branch: u64,
    /// A jump that depends on a value.
    pub condition: u64,
    /// A jump through a table.
    pub branch_table: u64,
    /// The same, for each doubling of the number of targets.
    pub branch_table_doubling: u64,
    /// A call, what the called function does to enter and to leave included.
    pub call: u64,
    /// A call through the table.
    pub call_indirect: u64,
    /// `memory.grow`, whatever it asks for.
    pub grow: u64,
    /// The same, for each page it asks for, granted or not: whoever touches it then meets 16 page faults.
    pub grow_page: u64,
    /// What a page of an instance's memory at the start costs each call.
    pub page: u64,
    /// `memory.fill`, whatever the length.
    pub fill: u64,
    /// `memory.copy`, `memory.init` or `data.drop`, whatever the length.
    pub bulk: u64,
    /// `memory.fill`, `memory.copy` and `memory.init`, for each full 8 bytes.
    pub bulk_word: u64,
    /// Checking and compiling any module.
    pub compile: u64,
    /// The same, for each byte of it.
    pub compile_byte: u64,
    /// Compiling, for each function.
    pub compile_function: u64,
    /// Compiling, for each function, times the square of its body's bytes: allocating registers and stack slots takes
    /// time by the square of a function's length when its author wants it to.
    pub compile_body_square: u64,
}

/// The first schedule. Its reference is a chain of simple instructions that wait for each other, 0.07 to 0.2 ns a gas
/// when Cranelift compiled it for an x86-64 server; the prices keep every class within three times that, with
/// mispredicted branches, first touches of memory pages and calls counted in, and `benches/prices` fails where one is
/// not. The known exception is memory that misses every cache: scattered, dependent reads over 16 MiB take 5 to 10 ns a
/// gas, which a price could only mend by making all other programs pay for it; the gas of a block must leave room for
/// that. Compiling is priced by the worst shapes known: 5 s for a body of 64 KiB that is all loop invariants, 80 us a
/// function for thousands of small ones. So what a block's gas buys of it is 4 s, as of everything else, and bodies of
/// more than 57,000 bytes cost more than a block has.
static SCHEDULE_1: Schedule = Schedule {
    number: 1,
    local: 1,
    simple: 1,
    multiply: 2,
    divide: 24,
    global: 2,
    load: 5,
    store: 4,
    branch: 1,
    condition: 2,
    branch_table: 12,
    branch_table_doubling: 1,
    call: 12,
    call_indirect: 24,
    grow: 1_000,
    grow_page: 240_000,
    page: 32_000,
    fill: 200,
    bulk: 24,
    bulk_word: 1,
    compile: 10_000_000,
    compile_byte: 8_000,
    compile_function: 200_000,
    compile_body_square: 6,
};

impl Schedule {
    /// The schedule of this number, if there is one.
    pub fn by_number(number: u32) -> Option<&'static Self> {
        [&SCHEDULE_1].into_iter().find(|schedule| schedule.number == number)
    }

    /// Gas for compiling a function whose body has so many bytes, beside what goes by the module's length.
    pub(super) fn body_gas(&self, body_bytes: u32) -> u64 {
        let square = u64::from(body_bytes).saturating_mul(body_bytes.into());
        self.compile_function.saturating_add(self.compile_body_square.saturating_mul(square))
    }

    /// The price of one instruction of a class, without what depends on its operands.
    pub(super) fn price(&self, class: Class) -> u64 {
        match class {
            Class::Structure => 0,
            Class::Local => self.local,
            Class::Simple => self.simple,
            Class::Multiply => self.multiply,
            Class::Divide => self.divide,
            Class::Global => self.global,
            Class::Load => self.load,
            Class::Store => self.store,
            Class::Branch => self.branch,
            Class::Condition => self.condition,
            Class::BranchTable(targets) => {
                self.branch_table + self.branch_table_doubling * u64::from((targets + 1).ilog2())
            }
            Class::Call => self.call,
            Class::CallIndirect => self.call_indirect,
            Class::Grow => self.grow,
            Class::Fill => self.fill,
            Class::Bulk => self.bulk,
        }
    }
}

/// Gas for checking `code_len` bytes of source and the part of compiling them that goes by their number, to be charged
/// before [`CheckedModule::check`](super::CheckedModule::check); the other part is
/// [`CheckedModule::body_gas`](super::CheckedModule::body_gas).
pub fn compile_gas(code_len: usize, schedule: &Schedule) -> u64 {
    schedule.compile.saturating_add(schedule.compile_byte.saturating_mul(code_len as u64))
}
