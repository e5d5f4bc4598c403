//! The e2erun binary.

use std::process::ExitCode;

/// Scenarios are trees of small texts: the system's allocator took more than a quarter of the time of `check`.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    ExitCode::from(e2erun::cli::main())
}
