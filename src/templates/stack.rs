//! A stack for the engine's parser and compiler, which recurse.

/// The stack of the thread that compiles, in bytes; what isn't used isn't taken.
const COMPILER_STACK: usize = 64 * 1024 * 1024;

/// Does something with a stack that fits the largest tag. None where there is no thread for it, or it panics.
pub(super) fn on_large_stack<R: Send>(work: impl FnOnce() -> R + Send) -> Option<R> {
    std::thread::scope(|scope| {
        let builder = std::thread::Builder::new()
            .name("templates".to_owned())
            .stack_size(COMPILER_STACK);
        builder.spawn_scoped(scope, work).ok()?.join().ok()
    })
}
