//! The `native-submit` command.

mod commit;

use std::process::ExitCode;

/// A submission is some thousands of small allocations: glibc's own allocator takes a fifth of its time. It counts, so that a
/// render worker can bound itself; nothing else is bounded.
#[global_allocator]
static ALLOCATOR: cap::Cap<mimalloc::MiMalloc> = cap::Cap::new(mimalloc::MiMalloc, usize::MAX);

fn main() -> ExitCode {
    native_submit::cli::run(&ALLOCATOR, commit::COMMIT)
}
