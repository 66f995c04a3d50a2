//! The allow-list of instructions, and what each is priced as.
//!
//! [`class`] is the list: an instruction without a class is refused. It is written out, not derived from the parser's
//! proposals, because those grow with every release.

use wasmparser::Operator;

use super::Feature;

/// What an instruction is priced as; the prices stand in [`Schedule`](super::Schedule).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// Shapes the code and does nothing when it runs.
    Structure,
    /// Puts a constant or a local on the stack, or takes it from there.
    Local,
    /// Arithmetic, comparison, conversion or selection in about one cycle.
    Simple,
    /// Multiplication.
    Multiply,
    /// Division or remainder.
    Divide,
    /// Reads or writes a global, or reads the memory's size.
    Global,
    /// Reads memory.
    Load,
    /// Writes memory.
    Store,
    /// Jumps.
    Branch,
    /// Jumps or not.
    Condition,
    /// Jumps to one of so many targets.
    BranchTable(u32),
    /// Calls a function.
    Call,
    /// Calls a function of the table.
    CallIndirect,
    /// Grows the memory; costs by page besides.
    Grow,
    /// Fills memory; costs by length besides.
    Fill,
    /// Copies memory, or drops a segment; copying costs by length besides.
    Bulk,
}

/// The class of an allowed instruction, or `None` when it is not allowed.
#[rustfmt::skip]
pub(super) fn class(operator: &Operator<'_>) -> Option<Class> {
    use Operator as O;
    Some(match operator {
        O::Unreachable | O::Nop | O::Block { .. } | O::Loop { .. } | O::Else | O::End | O::Drop => Class::Structure,
        O::I32Const { .. } | O::I64Const { .. } | O::LocalGet { .. } | O::LocalSet { .. } | O::LocalTee { .. } => Class::Local,
        O::I32Eqz | O::I32Eq | O::I32Ne | O::I32LtS | O::I32LtU | O::I32GtS | O::I32GtU | O::I32LeS | O::I32LeU
        | O::I32GeS | O::I32GeU | O::I64Eqz | O::I64Eq | O::I64Ne | O::I64LtS | O::I64LtU | O::I64GtS | O::I64GtU
        | O::I64LeS | O::I64LeU | O::I64GeS | O::I64GeU | O::I32Clz | O::I32Ctz | O::I32Popcnt | O::I32Add | O::I32Sub
        | O::I32And | O::I32Or | O::I32Xor | O::I32Shl | O::I32ShrS | O::I32ShrU | O::I32Rotl | O::I32Rotr | O::I64Clz
        | O::I64Ctz | O::I64Popcnt | O::I64Add | O::I64Sub | O::I64And | O::I64Or | O::I64Xor | O::I64Shl | O::I64ShrS
        | O::I64ShrU | O::I64Rotl | O::I64Rotr | O::I32WrapI64 | O::I64ExtendI32S | O::I64ExtendI32U | O::I32Extend8S
        | O::I32Extend16S | O::I64Extend8S | O::I64Extend16S | O::I64Extend32S | O::Select => Class::Simple,
        O::I32Mul | O::I64Mul => Class::Multiply,
        O::I32DivS | O::I32DivU | O::I32RemS | O::I32RemU | O::I64DivS | O::I64DivU | O::I64RemS | O::I64RemU => Class::Divide,
        O::GlobalGet { .. } | O::GlobalSet { .. } | O::MemorySize { .. } => Class::Global,
        O::I32Load { .. } | O::I64Load { .. } | O::I32Load8S { .. } | O::I32Load8U { .. } | O::I32Load16S { .. }
        | O::I32Load16U { .. } | O::I64Load8S { .. } | O::I64Load8U { .. } | O::I64Load16S { .. } | O::I64Load16U { .. }
        | O::I64Load32S { .. } | O::I64Load32U { .. } => Class::Load,
        O::I32Store { .. } | O::I64Store { .. } | O::I32Store8 { .. } | O::I32Store16 { .. } | O::I64Store8 { .. }
        | O::I64Store16 { .. } | O::I64Store32 { .. } => Class::Store,
        O::Br { .. } | O::Return => Class::Branch,
        O::BrIf { .. } | O::If { .. } => Class::Condition,
        O::BrTable { targets } => Class::BranchTable(targets.len()),
        O::Call { .. } => Class::Call,
        O::CallIndirect { .. } => Class::CallIndirect,
        O::MemoryGrow { .. } => Class::Grow,
        O::MemoryFill { .. } => Class::Fill,
        O::MemoryCopy { .. } | O::MemoryInit { .. } | O::DataDrop { .. } => Class::Bulk,
        _ => return None,
    })
}

/// The feature that an instruction outside the list belongs to, and the instruction's name.
pub(super) fn refusal(operator: &Operator<'_>) -> (Feature, String) {
    let (proposal, visitor) = origin(operator);
    let name = text_name(visitor);
    let feature = match proposal {
        "mvp" | "saturating_float_to_int" => Feature::Floats,
        "bulk_memory" | "reference_types" if name.starts_with("table.") || name.starts_with("elem.") => {
            Feature::TableInstructions
        }
        "reference_types" => Feature::ReferenceTypes,
        "simd" | "relaxed_simd" => Feature::Simd,
        "threads" | "shared_everything_threads" => Feature::Threads,
        "tail_call" => Feature::TailCalls,
        "gc" | "custom_descriptors" => Feature::Gc,
        "function_references" => Feature::FunctionReferences,
        "memory_control" => Feature::MemoryControl,
        "exceptions" | "legacy_exceptions" => Feature::Exceptions,
        "stack_switching" => Feature::StackSwitching,
        "wide_arithmetic" => Feature::WideArithmetic,
        _ => Feature::Unknown,
    };
    (feature, name)
}

/// The parser's words for an instruction: its proposal and its visitor.
fn origin(operator: &Operator<'_>) -> (&'static str, &'static str) {
    macro_rules! origins {
        ($(@$proposal:ident $op:ident $({ $($arg:ident: $argty:ty),* })? => $visit:ident ($($ann:tt)*))*) => {
            match operator {
                $(Operator::$op { .. } => (stringify!($proposal), stringify!($visit)),)*
                _ => ("", "an unknown instruction"),
            }
        };
    }
    wasmparser::for_each_operator!(origins)
}

/// `visit_f64_convert_i32_s` as the text format writes it: `f64.convert_i32_s`.
fn text_name(visitor: &str) -> String {
    const SPACES: [&str; 19] = [
        "i32", "i64", "f32", "f64", "v128", "i8x16", "i16x8", "i32x4", "i64x2", "f32x4", "f64x2", "local", "global",
        "table", "memory", "elem", "data", "ref", "atomic",
    ];
    let name = visitor.strip_prefix("visit_").unwrap_or(visitor);
    match name.split_once('_') {
        Some((space, rest)) if SPACES.contains(&space) => format!("{space}.{}", rest.replace("atomic_", "atomic.")),
        _ => name.to_owned(),
    }
}
