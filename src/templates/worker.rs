//! Render workers: processes of our own binary in which an admin's templates are compiled and rendered.
//!
//! A template is a program that somebody else wrote, and the engine bounds neither all of its memory nor all of its time. So
//! it runs where it can harm nothing but the submission at hand: in a child that has no environment, no file and no credential
//! of the server, and that ends when it passes its limit of memory or CPU. What comes back is text or a typed error, never a
//! template's values.

mod child;
mod fault;
mod memory;
mod pool;
mod process;
mod protocol;
mod queue;

pub(crate) use child::run;
pub(super) use pool::Kind;
pub(crate) use pool::Pool;

pub use child::Heap;
pub use fault::{RenderError, WorkerUnavailable};
pub use memory::warn_of_little_memory;
pub use queue::{LimitsPassed, Passed};

use std::{path::PathBuf, sync::Arc, time::Duration};

/// The subcommand by which the binary is a render worker. It is no part of the command line that users see.
pub(crate) const NAME: &str = "render-worker";

/// The heap of a worker, in bytes.
pub(crate) const MOST_HEAP: usize = 48 << 20;

/// The CPU time of one submission.
pub(crate) const MOST_CPU: Duration = Duration::from_secs(2);

/// The time of one submission by the clock, and of one probe.
pub(crate) const MOST_TIME: Duration = Duration::from_secs(10);

/// What comes back of one submission, in bytes: all of its documents together.
pub(crate) const MOST_ANSWER: usize = 8 << 20;

/// The most live workers.
const MOST_WORKERS: usize = 2;

/// Where the sets that have an admin's file are compiled and rendered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Rendering {
    /// In this process, without limits of memory and CPU.
    #[default]
    InProcess,
    /// In processes of this program, which is `native-submit`.
    Workers(PathBuf),
}

impl Rendering {
    /// In processes of the running program, which must be `native-submit`.
    pub fn workers() -> Self {
        Self::Workers("/proc/self/exe".into())
    }

    pub(super) fn pool(&self, kind: Kind) -> Option<Arc<Pool>> {
        match self {
            Self::InProcess => None,
            Self::Workers(program) => Some(Arc::new(Pool::new(program.clone(), kind))),
        }
    }
}

/// Workers that sets are compiled and rendered in.
pub(crate) type Workers = Arc<Pool>;

/// A worker for a command; none where it renders itself.
pub(crate) fn of_command(rendering: &Rendering) -> Option<Workers> {
    rendering.pool(Kind::Command)
}

/// How many live workers there are: as many as cores, at most two.
fn live_workers() -> usize {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    cores.min(MOST_WORKERS)
}
