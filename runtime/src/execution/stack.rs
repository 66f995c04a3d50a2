//! The native stack that execution needs: every contract under execution may take its share, and so may the host
//! between them. The token proves that a function runs on such a stack.

use crate::{abi::limits::CALL_DEPTH_MAX, engine::NATIVE_STACK_BYTES};

/// What the host's own frames may take between two contracts.
const HOST_STACK_BYTES: usize = 256 << 10;

/// The stack of an execution thread: the worst case of every nested call and one more. Only what is touched is ever
/// backed by memory.
pub const EXECUTION_STACK_BYTES: usize = (CALL_DEPTH_MAX as usize + 1) * (NATIVE_STACK_BYTES + HOST_STACK_BYTES);

/// Proof that the current thread has [`EXECUTION_STACK_BYTES`] of stack. It cannot leave its thread.
pub struct ExecutionStack {
    not_send: std::marker::PhantomData<*const ()>,
}

/// Runs `f` on a thread with the stack that execution needs, and waits for it.
///
/// # Panics
/// When `f` panics, with the same payload; and when the operating system gives no thread.
pub fn on_execution_stack<R: Send>(f: impl FnOnce(&ExecutionStack) -> R + Send) -> R {
    std::thread::scope(|scope| {
        let run = || f(&ExecutionStack { not_send: std::marker::PhantomData });
        let builder = std::thread::Builder::new().name("execution".into()).stack_size(EXECUTION_STACK_BYTES);
        let thread = builder.spawn_scoped(scope, run).expect("without a thread nothing can be executed");
        thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}
