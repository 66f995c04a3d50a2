//! The `chancery` binary. Everything it does is in the library's [`chancery::cli`].

use std::process::ExitCode;

fn main() -> ExitCode {
    chancery::cli::main()
}
