//! The render worker itself: a child that bounds itself and then answers one request after the other.
//!
//! It is started with a socket as its standard input, and with two small files in memory: what is written at the time, for
//! the process that finds it dead, and its last words. It opens nothing itself.

use super::{
    MOST_ANSWER, MOST_CPU, MOST_HEAP,
    protocol::{self, Answer, Framed, Loaded, MOST_REQUEST, WorkerRequest},
};
use crate::templates::{
    Rendered,
    compiled::{Compiled, compile_builtins},
    parts::Source,
    render,
};
use rustix::{
    process::{Resource, Rlimit, Signal, getrlimit, set_parent_process_death_signal, setrlimit},
    time::{ClockId, clock_gettime},
};
use std::{
    any::Any,
    fs::File,
    io,
    os::{
        fd::AsFd,
        unix::{fs::FileExt as _, net::UnixStream},
    },
    panic::{AssertUnwindSafe, catch_unwind},
    process::ExitCode,
    time::Duration,
};

/// The heap of a process whose allocator can bound it.
pub trait Heap: Sync {
    /// Lets allocations fail that would take the heap over this many bytes.
    fn bound(&self, bytes: usize);

    /// The bytes that are allocated now.
    fn used(&self) -> usize;
}

impl<A: Sync> Heap for cap::Cap<A> {
    fn bound(&self, bytes: usize) {
        // It fails where more is used already; then the bound stays as it was, and the next one is set after a set was dropped.
        let _ = self.set_limit(bytes);
    }

    fn used(&self) -> usize {
        self.allocated()
    }
}

/// The most that other sets' compiled templates may take of the heap, beside what the set at hand may have.
const OTHER_SETS: usize = 8 << 20;

/// What may be left of a submission that can't be freed: values that hold each other.
const LEFT_BEHIND: usize = 4 << 20;

/// What the files in memory may grow to.
const MOST_WORDS: u64 = 64 << 10;

/// Is a render worker until the other end of its standard input is closed.
pub(crate) fn run(heap: &'static dyn Heap) -> ExitCode {
    match Child::new(heap).and_then(Child::serve) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

struct Child {
    heap: &'static dyn Heap,
    socket: UnixStream,
    writing: File,
    /// What is allocated when nothing is kept.
    base: usize,
    /// Those used last stand last.
    sets: Vec<Kept>,
}

/// A compiled set.
struct Kept {
    id: String,
    set: Compiled,
    bytes: usize,
}

impl Child {
    fn new(heap: &'static dyn Heap) -> io::Result<Self> {
        let socket = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
        let writing = File::from(io::stdout().as_fd().try_clone_to_owned()?);
        // Its words would only be of what is answered anyway.
        std::panic::set_hook(Box::new(|_| ()));
        set_parent_process_death_signal(Some(Signal::KILL))?;
        rustix::thread::set_no_new_privs(true)?;
        for (resource, most) in [
            (Resource::Core, 0),
            (Resource::Nofile, 0),
            (Resource::Fsize, MOST_WORDS),
        ] {
            let most = Some(most);
            setrlimit(
                resource,
                Rlimit {
                    current: most,
                    maximum: most,
                },
            )?;
        }
        // What all sets share is part of no set.
        compile_builtins();
        let base = heap.used();
        heap.bound(base + MOST_HEAP);
        Ok(Self {
            heap,
            socket,
            writing,
            base,
            sets: Vec::new(),
        })
    }

    fn serve(mut self) -> io::Result<()> {
        loop {
            bound_cpu()?;
            // One request can't be in the other's way: all but the sets is dropped by then.
            self.heap.bound(self.heap.used() + MOST_HEAP);
            let Some(request) = protocol::read(&self.socket, MOST_REQUEST)? else {
                return Ok(());
            };
            let answer = catch_unwind(AssertUnwindSafe(|| self.answer(request)));
            let answer = answer.unwrap_or_else(|panic| of_panic(panic.as_ref()));
            let framed = Framed {
                spent: self.is_spent(&answer),
                answer,
                cpu: cpu(),
            };
            let mut frame = protocol::frame(&framed)?;
            if frame.len() > MOST_ANSWER {
                frame = protocol::frame(&Framed {
                    answer: Answer::TooLong,
                    ..framed
                })?;
            }
            io::Write::write_all(&mut &self.socket, &frame)?;
        }
    }

    fn answer(&mut self, request: WorkerRequest<'_>) -> Answer {
        match request {
            WorkerRequest::Load(source) => self.load(&source),
            WorkerRequest::Render { set, plan } => {
                self.with(&set, |set, writes| match render::documents(set, &plan, writes) {
                    Ok(rendered) => Answer::Rendered(rendered),
                    Err(error) => Answer::Failed(error),
                })
            }
            WorkerRequest::Judge { set, finished } => self.with(&set, |set, writes| {
                Answer::Judged(set.policies.judge(&set.sources, &finished, writes))
            }),
        }
    }

    /// What is answered with the set of this id, if it is kept.
    fn with(&mut self, id: &str, answer: impl FnOnce(&Compiled, &dyn Fn(&str)) -> Answer) -> Answer {
        if !self.make_room(id) {
            return Answer::UnknownSet;
        }
        let Some(kept) = self.sets.last() else {
            return Answer::UnknownSet;
        };
        answer(&kept.set, &|template: &str| writes(&self.writing, template))
    }

    fn load(&mut self, source: &Source) -> Answer {
        self.make_room("");
        let before = self.heap.used();
        let writes = |template: &str| writes(&self.writing, template);
        match Compiled::load(source.parts(), &writes) {
            Ok(mut set) => {
                let loaded = Loaded {
                    warnings: std::mem::take(&mut set.warnings),
                    policies: set.policies.listed(&set.sources),
                    reads_namespace: set.policies.reads_namespace(),
                };
                self.sets.push(Kept {
                    id: set.id.clone(),
                    bytes: self.heap.used().saturating_sub(before),
                    set,
                });
                Answer::Loaded(loaded)
            }
            Err(error) => Answer::NotLoaded(error),
        }
    }

    /// Puts the set of this id last, drops those used longest ago while the others take too much, and gives the one that is to
    /// be used all that it may have. Whether it is kept.
    fn make_room(&mut self, id: &str) -> bool {
        let at = self.sets.iter().position(|kept| kept.id == id);
        if let Some(at) = at {
            let kept = self.sets.remove(at);
            self.sets.push(kept);
        }
        let others = |sets: &[Kept]| -> usize {
            sets.iter()
                .filter(|kept| kept.id != id)
                .map(|kept| kept.bytes)
                .sum()
        };
        while others(&self.sets) > OTHER_SETS {
            self.sets.remove(0);
        }
        let used_by_others = self.base + others(&self.sets);
        self.heap.bound(used_by_others + LEFT_BEHIND + MOST_HEAP);
        at.is_some()
    }

    /// Whether more is allocated than the sets and the answer explain.
    fn is_spent(&self, answer: &Answer) -> bool {
        let of_answer = match answer {
            Answer::Rendered(rendered) => bytes_of(rendered),
            _ => 0,
        };
        let sets: usize = self.sets.iter().map(|kept| kept.bytes).sum();
        // Texts grow by doubling.
        self.heap.used() > self.base + sets + 2 * of_answer + LEFT_BEHIND
    }
}

fn bytes_of(rendered: &Rendered) -> usize {
    let patched =
        |patches: &[crate::templates::Patch]| -> usize { patches.iter().map(|patch| patch.text.len()).sum() };
    rendered
        .documents
        .iter()
        .map(|document| {
            let carried = document.carried.as_ref();
            document.text.len()
                + patched(&document.patches)
                + carried.map_or(0, |carried| patched(&carried.patches))
        })
        .sum()
}

/// A vector that can't be addressed panics before the allocator sees it.
fn of_panic(panic: &(dyn Any + Send)) -> Answer {
    let text = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    match text {
        Some("capacity overflow") => Answer::Memory,
        _ => Answer::Defect,
    }
}

/// How long a name is remembered.
pub(super) const NAME: usize = 256;

/// Leaves behind which template writes now.
fn writes(file: &File, template: &str) {
    let mut name = [0; NAME];
    for (to, from) in name.iter_mut().zip(template.bytes()) {
        *to = from;
    }
    let _ = file.write_all_at(&name, 0);
}

/// The CPU time of this process so far.
fn cpu() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    let (seconds, nanos) = (u64::try_from(time.tv_sec), u32::try_from(time.tv_nsec));
    Duration::new(seconds.unwrap_or_default(), nanos.unwrap_or_default())
}

/// The kernel ends this process where nobody else does. It counts whole seconds; the server, which looks more closely, comes
/// first where it can.
fn bound_cpu() -> io::Result<()> {
    let most = cpu().as_secs() + MOST_CPU.as_secs() + 2;
    let maximum = getrlimit(Resource::Cpu).maximum;
    let current = Some(maximum.map_or(most, |maximum| maximum.min(most)));
    Ok(setrlimit(Resource::Cpu, Rlimit { current, maximum })?)
}
