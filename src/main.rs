//! The `native-submit` command.

use std::process::ExitCode;

/// A submission is some thousands of small allocations: the C libraries' own take a fifth of its time (glibc) or most of
/// it (musl).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    native_submit::cli::run()
}
