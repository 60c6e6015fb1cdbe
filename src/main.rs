//! The `native-submit` command.

use std::process::ExitCode;

/// A submission is some thousands of small allocations: glibc's own allocator takes a fifth of its time. It counts, so that a
/// render worker can bound itself; nothing else is bounded.
#[global_allocator]
static ALLOCATOR: cap::Cap<mimalloc::MiMalloc> = cap::Cap::new(mimalloc::MiMalloc, usize::MAX);

fn main() -> ExitCode {
    native_submit::cli::run(&ALLOCATOR, COMMIT)
}

/// The first digits of the commit that the program was built from; empty if it isn't known, as in a build of the sources alone.
///
/// It is read here and not in `build.rs`: a build script that ran at each commit would have the library compiled at each commit. So only
/// this small program is.
const COMMIT: &str = match option_env!("NATIVE_SUBMIT_COMMIT") {
    // An image is built without the repository; the build gives it the commit.
    Some(commit) => known(commit),
    None => text(&DIGITS),
};

/// How many digits are shown, as `git log --abbrev-commit` shows about that many.
const SHOWN: usize = 12;

#[cfg(head_log)]
static DIGITS: [u8; SHOWN] = last_commit(include_bytes!(env!("NATIVE_SUBMIT_HEAD_LOG")));

#[cfg(not(head_log))]
static DIGITS: [u8; SHOWN] = [0; SHOWN];

/// A build's commit may be the default of the Dockerfile.
const fn known(commit: &'static str) -> &'static str {
    if is_hexadecimal(commit.as_bytes()) && commit.len() >= SHOWN {
        commit.split_at(SHOWN).0
    } else {
        ""
    }
}

const fn is_hexadecimal(bytes: &[u8]) -> bool {
    let mut index = 0;
    while index < bytes.len() {
        if !bytes[index].is_ascii_hexdigit() {
            return false;
        }
        index += 1;
    }
    true
}

const fn text(digits: &'static [u8]) -> &'static str {
    match (is_hexadecimal(digits), str::from_utf8(digits)) {
        (true, Ok(text)) => text,
        _ => "",
    }
}

/// The new commit in the last line of git's log of HEAD, `OLD NEW NAME <MAIL> TIME\tWHAT`.
#[cfg(head_log)]
const fn last_commit(log: &[u8]) -> [u8; SHOWN] {
    let mut digits = [0; SHOWN];
    // The last line's own end doesn't count.
    let mut start = log.len().saturating_sub(1);
    while start > 0 && log[start - 1] != b'\n' {
        start -= 1;
    }
    while start < log.len() && log[start] != b' ' {
        start += 1;
    }
    let mut index = 0;
    while index < SHOWN && start + 1 + index < log.len() {
        digits[index] = log[start + 1 + index];
        index += 1;
    }
    digits
}
