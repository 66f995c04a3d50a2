//! The `chancery` binary. Everything it does is in the library's [`chancery::cli`].

use std::process::ExitCode;

// A node allocates much, in small pieces and on many threads; glibc's allocator took some 8 % of its time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    chancery::cli::main()
}
