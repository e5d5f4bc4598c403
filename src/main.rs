//! The e2erun binary.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(e2erun::cli::main())
}
