//! The server's side of one render worker: it starts the child, talks to it, and kills it when it passes a limit.

use super::{
    MOST_ANSWER, NAME, child,
    fault::{Fault, Limit},
    protocol::{self, Answer, Framed, LENGTH},
};
use rustix::fs::{MemfdFlags, memfd_create};
use std::{
    fs::File,
    io::{self, Read as _, Write as _},
    os::{
        fd::OwnedFd,
        unix::{
            fs::FileExt as _,
            net::UnixStream,
            process::{CommandExt as _, ExitStatusExt as _},
        },
    },
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    sync::Once,
    time::{Duration, Instant},
};

/// How often the limits are looked at while an answer is waited for.
pub(super) const LOOK: Duration = Duration::from_millis(25);

/// The kernel's unit in `/proc/PID/stat`, which is the same on every Linux.
const TICK: Duration = Duration::from_millis(10);

/// The first file descriptor after standard input, output and error.
const FIRST_OTHER: i32 = 3;

/// The signals by which a worker ends; their numbers are the same on every Linux that we build for.
const SIGABRT: i32 = 6;
const SIGKILL: i32 = 9;
const SIGXCPU: i32 = 24;

/// A running worker. It is killed when this is dropped.
pub(super) struct Worker {
    child: Child,
    socket: UnixStream,
    /// Which template writes.
    writing: File,
    last_words: File,
    /// The CPU time of the child after its last answer.
    cpu: Duration,
    is_spent: bool,
    /// How long the socket blocks.
    blocks_for: Duration,
}

/// What an exchange may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct ProcessBounds {
    pub(super) until: Instant,
    pub(super) cpu: Duration,
}

/// A request, and what came of its answer so far.
pub(super) struct Exchange {
    request: Vec<u8>,
    sent: usize,
    answer: Vec<u8>,
    /// The answer's length, once that is known.
    length: Option<usize>,
    bounds: ProcessBounds,
}

impl Exchange {
    /// An exchange that begins with this frame.
    pub(super) fn new(request: Vec<u8>, bounds: ProcessBounds) -> Self {
        Self {
            request,
            sent: 0,
            answer: Vec::new(),
            length: None,
            bounds,
        }
    }
}

impl Worker {
    /// Starts the program as a worker.
    ///
    /// The kernel ends it together with the thread that calls this.
    pub(super) fn start(program: &Path) -> io::Result<Self> {
        // What this process opens is closed in its children anyway, but not what it was started with.
        static MARKED: Once = Once::new();
        MARKED.call_once(|| close_fds::set_fds_cloexec_threadsafe(FIRST_OTHER, &[]));
        let (socket, other) = UnixStream::pair()?;
        let memory = |name: &str| Ok::<_, io::Error>(File::from(memfd_create(name, MemfdFlags::CLOEXEC)?));
        let (writing, last_words) = (memory("writing")?, memory("last-words")?);
        let child = Command::new(program)
            .arg0("native-submit")
            .arg(NAME)
            .env_clear()
            .current_dir("/")
            // A signal to the server's group, such as Ctrl-C, is the server's to handle.
            .process_group(0)
            .stdin(Stdio::from(OwnedFd::from(other)))
            .stdout(Stdio::from(writing.try_clone()?))
            .stderr(Stdio::from(last_words.try_clone()?))
            .spawn()?;
        Ok(Self {
            child,
            socket,
            writing,
            last_words,
            cpu: Duration::ZERO,
            is_spent: false,
            blocks_for: Duration::ZERO,
        })
    }

    /// Whether it can take another request.
    pub(super) fn is_usable(&mut self) -> bool {
        !self.is_spent && matches!(self.child.try_wait(), Ok(None))
    }

    /// Goes on with an exchange until its answer is there. After a fault the worker is not usable.
    pub(super) fn finish(&mut self, mut exchange: Exchange) -> Result<Answer, Fault> {
        loop {
            if let Some(answer) = self.go_on(&mut exchange, LOOK) {
                return answer;
            }
        }
    }

    /// Goes on with an exchange; none where nothing happened for so long, and no limit is passed yet.
    pub(super) fn go_on(
        &mut self,
        exchange: &mut Exchange,
        patience: Duration,
    ) -> Option<Result<Answer, Fault>> {
        let talked = self
            .block_for(patience)
            .map_err(|_| End::Closed)
            .and_then(|()| self.talk(exchange));
        match talked {
            Ok(true) => Some(self.read(&exchange.answer)),
            Ok(false) => None,
            Err(end) => Some(Err(self.spent_by(end))),
        }
    }

    /// The answer that these bytes are.
    fn read(&mut self, bytes: &[u8]) -> Result<Answer, Fault> {
        let Ok(framed) = protocol::value::<Framed>(bytes) else {
            self.kill();
            self.is_spent = true;
            return Err(Fault::Lost(
                "the render worker's answer could not be read".to_owned(),
            ));
        };
        self.cpu = framed.cpu;
        self.is_spent = framed.spent;
        let template = || self.template();
        match framed.answer {
            Answer::Memory => Err(Fault::Passed(Limit::Memory, template())),
            Answer::TooLong => Err(Fault::Passed(Limit::Answer, template())),
            Answer::Defect => Err(Fault::Crashed(template())),
            answer => Ok(answer),
        }
    }

    fn spent_by(&mut self, end: End) -> Fault {
        let fault = self.died_of(end);
        self.kill();
        self.is_spent = true;
        fault
    }

    fn block_for(&mut self, patience: Duration) -> io::Result<()> {
        if self.blocks_for != patience {
            self.socket.set_read_timeout(Some(patience))?;
            self.socket.set_write_timeout(Some(patience))?;
            self.blocks_for = patience;
        }
        Ok(())
    }

    /// Sends and reads as far as that goes without a wait that is too long; whether the whole answer is there.
    fn talk(&self, exchange: &mut Exchange) -> Result<bool, End> {
        while let Some(rest) = exchange.request.get(exchange.sent..)
            && !rest.is_empty()
        {
            match (&self.socket).write(rest) {
                Ok(count) => exchange.sent += count,
                Err(error) => {
                    self.wait_on(&error, exchange.bounds)?;
                    return Ok(false);
                }
            }
        }
        let mut piece = [0; 16 << 10];
        loop {
            let wanted = exchange.length.unwrap_or(LENGTH);
            let most = wanted.saturating_sub(exchange.answer.len()).min(piece.len());
            let place = piece.get_mut(..most).unwrap_or_default();
            match (&self.socket).read(place) {
                Ok(0) => return Err(End::Closed),
                Ok(count) => exchange
                    .answer
                    .extend_from_slice(place.get(..count).unwrap_or_default()),
                Err(error) => {
                    self.wait_on(&error, exchange.bounds)?;
                    return Ok(false);
                }
            }
            if exchange.answer.len() < wanted {
                continue;
            }
            if exchange.length.is_some() {
                return Ok(true);
            }
            let head = exchange.answer.first_chunk().copied().unwrap_or_default();
            let length = u32::from_be_bytes(head) as usize;
            if length > MOST_ANSWER {
                return Err(End::Passed(Limit::Answer));
            }
            exchange.length = Some(length);
            exchange.answer.clear();
        }
    }

    /// Goes on after a wait, unless a limit is passed by now.
    fn wait_on(&self, error: &io::Error, bounds: ProcessBounds) -> Result<(), End> {
        use io::ErrorKind::{Interrupted, TimedOut, WouldBlock};
        if !matches!(error.kind(), Interrupted | TimedOut | WouldBlock) {
            return Err(End::Closed);
        }
        let cpu = cpu_of(self.child.id()).unwrap_or_default();
        if cpu.saturating_sub(self.cpu) >= bounds.cpu {
            return Err(End::Passed(Limit::Cpu));
        }
        if Instant::now() >= bounds.until {
            return Err(End::Passed(Limit::Time));
        }
        Ok(())
    }

    /// Ends it, and finds out why it ended by itself, if it did.
    fn died_of(&mut self, end: End) -> Fault {
        if let End::Passed(limit) = end {
            self.kill();
            return Fault::Passed(limit, self.template());
        }
        let template = self.template();
        match self.child.wait() {
            Ok(status) => self.fault(status, template),
            Err(error) => Fault::Lost(format!("the render worker is lost: {error}")),
        }
    }

    fn fault(&self, status: ExitStatus, template: Option<String>) -> Fault {
        match status.signal() {
            Some(SIGXCPU) => Fault::Passed(Limit::Cpu, template),
            Some(SIGABRT) => match self.last_words() {
                words if words.contains("memory allocation of") => Fault::Passed(Limit::Memory, template),
                words if words.contains("overflowed its stack") => Fault::Passed(Limit::Stack, template),
                _ => Fault::Crashed(template),
            },
            Some(SIGKILL) | None => Fault::Lost(format!("the render worker ended: {status}")),
            Some(_) => Fault::Crashed(template),
        }
    }

    /// The template that was written last; a name is an admin's, and printable.
    fn template(&self) -> Option<String> {
        let mut name = [0; child::NAME];
        let count = self.writing.read_at(&mut name, 0).ok()?;
        let name = name.get(..count)?;
        let name = name.split(|byte| *byte == 0).next()?;
        let name = String::from_utf8_lossy(name);
        (!name.is_empty()).then(|| name.escape_debug().to_string())
    }

    fn last_words(&self) -> String {
        let mut words = [0; 4 << 10];
        let count = self.last_words.read_at(&mut words, 0).unwrap_or_default();
        String::from_utf8_lossy(words.get(..count).unwrap_or_default()).into_owned()
    }

    fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Why an exchange came to no answer.
#[derive(Debug, Clone, Copy)]
enum End {
    Passed(Limit),
    /// The child is gone.
    Closed,
}

/// The CPU time that a process and all its threads took so far.
fn cpu_of(pid: u32) -> Option<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name before it may hold anything.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_ascii_whitespace().skip(11);
    let mut ticks = || fields.next()?.parse::<u32>().ok();
    let (user, system) = (ticks()?, ticks()?);
    Some(TICK * user.saturating_add(system))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cpu_time_of_a_process_is_read() {
        let before = cpu_of(std::process::id()).unwrap();
        let start = Instant::now();
        while start.elapsed() < Duration::from_millis(200) {
            std::hint::black_box(before);
        }
        // Others may take the cores meanwhile.
        assert!(cpu_of(std::process::id()).unwrap() > before);
    }

    #[test]
    fn a_program_that_is_no_worker_is_lost() {
        let mut worker = Worker::start(Path::new("/bin/true")).unwrap();
        let bounds = ProcessBounds {
            until: Instant::now() + Duration::from_secs(60),
            cpu: Duration::from_secs(60),
        };
        let exchange = Exchange::new(b"\0\0\0\0".to_vec(), bounds);
        let fault = worker.finish(exchange).unwrap_err();
        assert!(matches!(fault, Fault::Lost(_)), "{fault:?}");
        assert!(!worker.is_usable());
        assert!(Worker::start(Path::new("/nonexistent")).is_err());
    }
}
