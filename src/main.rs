//! The `native-submit` command.

use std::process::ExitCode;

/// A submission is some thousands of small allocations: glibc's own allocator takes a fifth of its time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    native_submit::cli::run()
}
