//! What a request holds from its first byte to its end: a place among those at work, and the room for its bytes.
//!
//! Both are taken before the body is read. So the memory of all requests together is bounded, however slowly they arrive. While a
//! request is arriving its place can go to a newer one: callers that send headers alone keep nobody out.

use super::admission::AdmissionPermit;
use crate::{
    limits::{Budget, Memory, SHARED_MEMORY},
    telemetry::InFlight,
};
use futures::task::AtomicWaker;
use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak,
        atomic::{AtomicBool, Ordering},
    },
    task::Context,
    time::{Duration, Instant},
};
use tokio::{
    sync::{Mutex as AsyncMutex, OwnedMutexGuard, OwnedSemaphorePermit, Semaphore},
    time::sleep,
};

/// The bytes that all requests at once may have above [`FREE`] each, unless one alone may have more (`MAX_REQUEST_BYTES`).
const ROOM: usize = 8 << 20;

/// What each request may have without asking for room: nearly all submissions are smaller, so that a few long ones
/// don't shut them out.
pub(super) const FREE: usize = 16 << 10;

/// The memory that each submission may take without asking for room: nearly all take less.
const FREE_MEMORY: usize = 128 << 10;

/// How long a request may be waited for before its place may go to another. What has arrived and was only not read yet, because the
/// machine is busy, is not waited for.
const UNDISTURBED: Duration = Duration::from_millis(100);

/// How often, and after how long each time, a long request looks for memory before it is read.
const MEMORY_TRIES: usize = 25;
const MEMORY_INTERVAL: Duration = Duration::from_millis(10);

/// What room is measured in, so that the longest request still counts in 32 bits.
const UNIT: usize = 1 << 10;

/// A budget of bytes, of which each request has some of its own.
#[derive(Debug, Clone)]
pub(super) struct ByteBudget {
    units: Arc<Semaphore>,
    free: usize,
}

/// What one request has of a room.
#[derive(Debug)]
struct Share {
    room: ByteBudget,
    held: Mutex<Option<OwnedSemaphorePermit>>,
}

/// There is no room for that many bytes now.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct OverByteBudget;

/// A request that was let in. Clones are the same one, which ends with the last of them.
#[derive(Debug, Clone)]
pub(super) struct RequestGuard(Arc<Held>);

#[derive(Debug)]
struct Held {
    /// Its number among those that are waited for, once it is.
    nth: OnceLock<u64>,
    arrivals: Arrivals,
    /// None when it went to another request.
    place: Mutex<Option<AdmissionPermit>>,
    waiting: AtomicWaker,
    _in_flight: InFlight,
    bytes: Share,
    memory: Share,
    long_reads: Arc<AsyncMutex<()>>,
    /// There was no room for what it takes in memory.
    lacked_memory: AtomicBool,
    /// Its outcome is counted by who knows more of it.
    is_counted: AtomicBool,
}

/// The rooms that all requests share.
#[derive(Debug, Clone)]
pub(super) struct Rooms {
    /// For their bytes, as they arrive.
    pub(super) bytes: ByteBudget,
    /// For what is made of them.
    pub(super) memory: ByteBudget,
    /// For reading long ones: two that are read side by side would each take half of the memory, and neither would have enough.
    long_reads: Arc<AsyncMutex<()>>,
}

impl Rooms {
    /// Rooms in which at least one request of `longest` bytes has its place.
    pub(super) fn new(longest: usize) -> Self {
        Self {
            bytes: ByteBudget::new(longest),
            memory: ByteBudget::of(SHARED_MEMORY, FREE_MEMORY),
            long_reads: Arc::default(),
        }
    }
}

/// The requests that are waited for.
#[derive(Debug, Clone, Default)]
pub(super) struct Arrivals(Arc<Mutex<Arriving>>);

#[derive(Debug, Default)]
struct Arriving {
    next: u64,
    by_age: BTreeMap<u64, (Instant, Weak<Held>)>,
}

impl Arrivals {
    /// The place of the request that has been waited for longest; that one is refused.
    pub(super) fn give_way(&self) -> Option<AdmissionPermit> {
        let mut arriving = self.arriving();
        let held = loop {
            let oldest = arriving.by_age.first_entry()?;
            if oldest.get().0.elapsed() < UNDISTURBED {
                return None;
            }
            // One that is ending has no place to give.
            if let Some(held) = oldest.remove().1.upgrade() {
                break held;
            }
        };
        let place = lock(&held.place).take();
        // The last reference must not go under the lock.
        drop(arriving);
        held.waiting.wake();
        place
    }

    fn arriving(&self) -> MutexGuard<'_, Arriving> {
        lock(&self.0)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.leave();
    }
}

impl Held {
    fn leave(&self) {
        if let Some(nth) = self.nth.get() {
            self.arrivals.arriving().by_age.remove(nth);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl ByteBudget {
    /// A budget in which at least one request of `longest` bytes has its place.
    pub(super) fn new(longest: usize) -> Self {
        Self::of(ROOM.max(longest), FREE)
    }

    fn of(bytes: usize, free: usize) -> Self {
        let units = bytes.div_ceil(UNIT).min(Semaphore::MAX_PERMITS);
        Self {
            units: Arc::new(Semaphore::new(units)),
            free,
        }
    }
}

impl Share {
    fn of(room: ByteBudget) -> Self {
        Self {
            room,
            held: Mutex::default(),
        }
    }

    /// Takes what lacks for `total` bytes.
    fn hold(&self, total: usize) -> Result<(), OverByteBudget> {
        let needed = total.saturating_sub(self.room.free).div_ceil(UNIT);
        let mut held = lock(&self.held);
        let lacks = needed.saturating_sub(held.as_ref().map_or(0, OwnedSemaphorePermit::num_permits));
        if lacks == 0 {
            return Ok(());
        }
        let lacks = u32::try_from(lacks).map_err(|_| OverByteBudget)?;
        let more = Arc::clone(&self.room.units).try_acquire_many_owned(lacks);
        let more = more.map_err(|_| OverByteBudget)?;
        match held.as_mut() {
            Some(held) => held.merge(more),
            None => *held = Some(more),
        }
        Ok(())
    }
}

impl Share {
    /// Takes so many bytes more than it has, up to all that there is: one alone is never refused.
    fn hold_more(&self, bytes: usize) -> Result<(), OverByteBudget> {
        let held = lock(&self.held).as_ref().map(OwnedSemaphorePermit::num_permits);
        let held = held.map_or(0, |units| units * UNIT + self.room.free);
        self.hold((held + bytes).min(SHARED_MEMORY))
    }

    /// Gives back what it has.
    fn give_back(&self) {
        lock(&self.held).take();
    }
}

impl Memory for RequestGuard {
    fn hold(&self, bytes: usize) -> bool {
        let held = self.0.memory.hold(bytes).is_ok();
        if !held {
            self.0.lacked_memory.store(true, Ordering::Relaxed);
        }
        held
    }
}

impl RequestGuard {
    pub(super) fn new(
        place: AdmissionPermit,
        in_flight: InFlight,
        rooms: &Rooms,
        arrivals: &Arrivals,
    ) -> Self {
        Self(Arc::new(Held {
            nth: OnceLock::new(),
            arrivals: arrivals.clone(),
            place: Mutex::new(Some(place)),
            waiting: AtomicWaker::new(),
            _in_flight: in_flight,
            bytes: Share::of(rooms.bytes.clone()),
            memory: Share::of(rooms.memory.clone()),
            long_reads: Arc::clone(&rooms.long_reads),
            lacked_memory: AtomicBool::new(false),
            is_counted: AtomicBool::new(false),
        }))
    }

    /// The request is there: from now on nothing takes its place. False if that happened before.
    pub(super) fn arrived(&self) -> bool {
        self.0.leave();
        lock(&self.0.place).is_some()
    }

    /// More of the request is waited for. False if its place went to another; the task is woken when that happens.
    pub(super) fn waits(&self, context: &Context<'_>) -> bool {
        self.0.waiting.register(context.waker());
        if self.0.nth.get().is_none() {
            let mut arriving = self.0.arrivals.arriving();
            let nth = *self.0.nth.get_or_init(|| arriving.next);
            arriving.next += 1;
            let age = (Instant::now(), Arc::downgrade(&self.0));
            arriving.by_age.insert(nth, age);
        }
        lock(&self.0.place).is_some()
    }

    /// Takes what lacks for a request of `total` bytes; all of it is given back when the guard ends. Never waits: two that have
    /// half of the room each would wait for ever.
    pub(super) fn hold(&self, total: usize) -> Result<(), OverByteBudget> {
        self.0.bytes.hold(total)
    }

    /// Waits until it may be read; the turn ends with what is returned. Only requests wait that are so long that they take room
    /// which all share.
    pub(super) async fn turn_to_read(&self) -> Option<OwnedMutexGuard<()>> {
        let is_long = lock(&self.0.bytes.held).is_some();
        if !is_long {
            return None;
        }
        // A request that has its answer gives its memory back a little later.
        for _ in 0..MEMORY_TRIES {
            if self.0.memory.room.units.available_permits() * UNIT >= SHARED_MEMORY / 2 {
                break;
            }
            sleep(MEMORY_INTERVAL).await;
        }
        Some(Arc::clone(&self.0.long_reads).lock_owned().await)
    }

    /// Gives back the memory of a submission that could not be read, once what was read of it is dropped.
    pub(super) fn give_back_memory(&self) {
        self.0.memory.give_back();
    }

    /// The budget of its submission, which takes memory of the room for it.
    pub(super) fn budget(&self) -> Budget {
        Budget::within(Arc::new(self.clone()))
    }

    /// What becomes of it is counted from here on.
    pub(super) fn counted(&self) {
        self.0.is_counted.store(true, Ordering::Relaxed);
    }

    /// Whether it was counted, or will be.
    pub(super) fn is_counted(&self) -> bool {
        self.0.is_counted.load(Ordering::Relaxed)
    }

    /// Takes so many bytes of memory more than it has.
    pub(super) fn hold_more_memory(&self, bytes: usize) -> Result<(), OverByteBudget> {
        self.0.memory.hold_more(bytes)
    }

    /// Whether there was no room for what it takes in memory: then what looks like a limit that was passed is none, and another
    /// try may succeed.
    pub(super) fn lacked_memory(&self) -> bool {
        self.0.lacked_memory.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::{server::admission::Admission, telemetry::Metrics};

    /// A guard of its own, into this room.
    pub(in crate::server) fn guard(room: &ByteBudget) -> RequestGuard {
        let place = Admission::new(1).enter().unwrap();
        let rooms = Rooms {
            bytes: room.clone(),
            ..Rooms::new(0)
        };
        RequestGuard::new(
            place,
            Metrics::default().in_flight(),
            &rooms,
            &Arrivals::default(),
        )
    }

    #[test]
    fn the_largest_submission_alone_has_memory_and_small_ones_beside_it() {
        let rooms = Rooms::new(0);
        let guard = || {
            let place = Admission::new(1).enter().unwrap();
            RequestGuard::new(
                place,
                Metrics::default().in_flight(),
                &rooms,
                &Arrivals::default(),
            )
        };
        let (largest, second) = (guard(), guard());
        assert!(Memory::hold(&largest, SHARED_MEMORY) && !largest.lacked_memory());
        assert!(Memory::hold(&second, FREE_MEMORY) && !second.lacked_memory());
        let mut budget = second.budget();
        let most = (0..1_000)
            .take_while(|_| budget.mapping() && budget.nodes(1))
            .count();
        // What is free, and as much that the largest left.
        assert!((150..180).contains(&most), "{most}");
        assert!(second.lacked_memory());
        drop((largest, budget));
        let (first, third) = (guard(), guard());
        assert!(Memory::hold(&first, FREE_MEMORY + 2 * SHARED_MEMORY / 3));
        assert!(!Memory::hold(&third, FREE_MEMORY + 2 * SHARED_MEMORY / 3));
        first.give_back_memory();
        assert!(Memory::hold(&third, FREE_MEMORY + 2 * SHARED_MEMORY / 3));
        drop((first, third));
        assert!(Memory::hold(&second, SHARED_MEMORY / 2));
        second.hold_more_memory(SHARED_MEMORY / 4).unwrap();
        second.hold_more_memory(SHARED_MEMORY).unwrap();
        guard().hold_more_memory(SHARED_MEMORY).unwrap_err();
    }

    #[test]
    fn room_is_taken_as_bytes_come_and_given_back_at_the_end() {
        let room = ByteBudget::new(0);
        let all = room.units.available_permits();
        let (long, longer) = (guard(&room), guard(&room));
        long.hold(FREE).unwrap();
        assert_eq!(room.units.available_permits(), all, "a short one needs none");
        long.hold(FREE + 1).unwrap();
        long.hold(FREE + UNIT).unwrap();
        assert_eq!(room.units.available_permits(), all - 1);
        longer.hold(FREE + ROOM - UNIT).unwrap();
        assert_eq!(long.hold(FREE + 2 * UNIT), Err(OverByteBudget));
        guard(&room).hold(FREE).unwrap();
        let clone = long.clone();
        drop((long, longer));
        assert_eq!(room.units.available_permits(), all - 1, "the clone is at work");
        drop(clone);
        assert_eq!(room.units.available_permits(), all);
    }

    #[test]
    fn one_request_of_the_longest_kind_always_has_room() {
        let longest = 3 * ROOM;
        let room = ByteBudget::new(longest);
        let first = guard(&room);
        first.hold(longest).unwrap();
        assert_eq!(guard(&room).hold(longest), Err(OverByteBudget));
    }

    #[test]
    fn what_arrives_slowly_gives_way_and_what_has_arrived_does_not() {
        let (arrivals, admission) = (Arrivals::default(), Admission::new(4));
        let context = Context::from_waker(std::task::Waker::noop());
        let enter = || {
            let in_flight = Metrics::default().in_flight();
            RequestGuard::new(admission.enter().unwrap(), in_flight, &Rooms::new(0), &arrivals)
        };
        let (unread, whole, gone, slow) = (enter(), enter(), enter(), enter());
        for guard in [&whole, &gone, &slow] {
            assert!(guard.waits(&context));
        }
        assert!(whole.arrived());
        drop(gone);
        let newer = enter();
        assert!(arrivals.give_way().is_none(), "none is waited for long");
        std::thread::sleep(UNDISTURBED);
        assert!(newer.waits(&context));
        assert!(admission.enter().is_err());
        let place = arrivals.give_way().unwrap();
        assert!(!slow.waits(&context) && !slow.arrived());
        assert!(arrivals.give_way().is_none(), "none is waited for long");
        assert!(unread.arrived() && whole.arrived() && newer.arrived());
        drop((place, slow, newer, unread));
        assert_eq!(admission.in_flight(), 1);
        drop(whole);
        assert!(arrivals.arriving().by_age.is_empty());
    }
}
