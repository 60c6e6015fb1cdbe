//! What a request holds from its first byte to its end: a place among those at work, and the room for its bytes.
//!
//! Both are taken before the body is read. So the memory of all requests together is bounded, however slowly they arrive. While a
//! request is arriving its place can go to a newer one: callers that send headers alone keep nobody out.

use super::admission::Place;
use crate::telemetry::InFlight;
use futures::task::AtomicWaker;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    task::Context,
    time::{Duration, Instant},
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The bytes that all requests at once may have above [`FREE`] each, unless one alone may have more (`MAX_REQUEST_BYTES`).
const ROOM: usize = 8 << 20;

/// What each request may have without asking for room: nearly all submissions are smaller, so that a few long ones
/// don't shut them out.
pub(super) const FREE: usize = 16 << 10;

/// How long a request has to arrive before its place may go to another: most take a hundredth of it.
const UNDISTURBED: Duration = Duration::from_millis(100);

/// What room is measured in, so that the longest request still counts in 32 bits.
const UNIT: usize = 1 << 10;

/// The room for requests' bytes.
#[derive(Debug, Clone)]
pub(super) struct Room {
    units: Arc<Semaphore>,
}

/// There is no room for that many bytes now.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NoRoom;

/// A request that was let in. Clones are the same one, which ends with the last of them.
#[derive(Debug, Clone)]
pub(super) struct Entry(Arc<Held>);

#[derive(Debug)]
struct Held {
    nth: u64,
    arrivals: Arrivals,
    /// None when it went to another request.
    place: Mutex<Option<Place>>,
    waiting: AtomicWaker,
    _in_flight: InFlight,
    room: Room,
    bytes: Mutex<Option<OwnedSemaphorePermit>>,
}

/// The requests that are arriving.
#[derive(Debug, Clone, Default)]
pub(super) struct Arrivals(Arc<Mutex<Arriving>>);

#[derive(Debug, Default)]
struct Arriving {
    next: u64,
    by_age: BTreeMap<u64, (Instant, Weak<Held>)>,
}

impl Arrivals {
    /// The place of the request that has been arriving for longest; that one is refused.
    pub(super) fn give_way(&self) -> Option<Place> {
        let mut arriving = self.arriving();
        let oldest = arriving.by_age.first_entry()?;
        if oldest.get().0.elapsed() < UNDISTURBED {
            return None;
        }
        let held = oldest.remove().1.upgrade()?;
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
        self.arrivals.arriving().by_age.remove(&self.nth);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Room {
    /// Room in which at least one request of `longest` bytes has its place.
    pub(super) fn new(longest: usize) -> Self {
        let units = ROOM.max(longest).div_ceil(UNIT).min(Semaphore::MAX_PERMITS);
        Self {
            units: Arc::new(Semaphore::new(units)),
        }
    }
}

impl Entry {
    pub(super) fn new(place: Place, in_flight: InFlight, room: Room, arrivals: &Arrivals) -> Self {
        let mut arriving = arrivals.arriving();
        let nth = arriving.next;
        arriving.next += 1;
        let held = Arc::new(Held {
            nth,
            arrivals: arrivals.clone(),
            place: Mutex::new(Some(place)),
            waiting: AtomicWaker::new(),
            _in_flight: in_flight,
            room,
            bytes: Mutex::default(),
        });
        let age = (Instant::now(), Arc::downgrade(&held));
        arriving.by_age.insert(nth, age);
        Self(held)
    }

    /// The request is there: from now on nothing takes its place. False if that happened before.
    pub(super) fn arrived(&self) -> bool {
        self.0.arrivals.arriving().by_age.remove(&self.0.nth);
        lock(&self.0.place).is_some()
    }

    /// Whether its place went to another; the task is woken when that happens.
    pub(super) fn gave_way(&self, context: &Context<'_>) -> bool {
        self.0.waiting.register(context.waker());
        lock(&self.0.place).is_none()
    }

    /// Takes what lacks for `total` bytes; all of it is given back when the entry ends. Never waits: two that have half
    /// of the room each would wait for ever.
    pub(super) fn hold(&self, total: usize) -> Result<(), NoRoom> {
        let needed = total.saturating_sub(FREE).div_ceil(UNIT);
        let mut held = lock(&self.0.bytes);
        let lacks = needed.saturating_sub(held.as_ref().map_or(0, OwnedSemaphorePermit::num_permits));
        if lacks == 0 {
            return Ok(());
        }
        let lacks = u32::try_from(lacks).map_err(|_| NoRoom)?;
        let more = Arc::clone(&self.0.room.units).try_acquire_many_owned(lacks);
        let more = more.map_err(|_| NoRoom)?;
        match held.as_mut() {
            Some(held) => held.merge(more),
            None => *held = Some(more),
        }
        Ok(())
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::{server::admission::Admission, telemetry::Metrics};

    /// An entry of its own, into this room.
    pub(in crate::server) fn entry(room: &Room) -> Entry {
        let place = Admission::new(1).enter().unwrap();
        Entry::new(
            place,
            Metrics::default().in_flight(),
            room.clone(),
            &Arrivals::default(),
        )
    }

    #[test]
    fn room_is_taken_as_bytes_come_and_given_back_at_the_end() {
        let room = Room::new(0);
        let all = room.units.available_permits();
        let (long, longer) = (entry(&room), entry(&room));
        long.hold(FREE).unwrap();
        assert_eq!(room.units.available_permits(), all, "a short one needs none");
        long.hold(FREE + 1).unwrap();
        long.hold(FREE + UNIT).unwrap();
        assert_eq!(room.units.available_permits(), all - 1);
        longer.hold(FREE + ROOM - UNIT).unwrap();
        assert_eq!(long.hold(FREE + 2 * UNIT), Err(NoRoom));
        entry(&room).hold(FREE).unwrap();
        let clone = long.clone();
        drop((long, longer));
        assert_eq!(room.units.available_permits(), all - 1, "the clone is at work");
        drop(clone);
        assert_eq!(room.units.available_permits(), all);
    }

    #[test]
    fn one_request_of_the_longest_kind_always_has_room() {
        let longest = 3 * ROOM;
        let room = Room::new(longest);
        let first = entry(&room);
        first.hold(longest).unwrap();
        assert_eq!(entry(&room).hold(longest), Err(NoRoom));
    }

    #[test]
    fn what_arrives_slowly_gives_way_and_what_has_arrived_does_not() {
        let (arrivals, admission) = (Arrivals::default(), Admission::new(3));
        let enter = || {
            let in_flight = Metrics::default().in_flight();
            Entry::new(admission.enter().unwrap(), in_flight, Room::new(0), &arrivals)
        };
        let (whole, gone, slow) = (enter(), enter(), enter());
        assert!(whole.arrived());
        drop(gone);
        let newer = enter();
        assert!(arrivals.give_way().is_none(), "all came just now");
        std::thread::sleep(UNDISTURBED);
        assert!(admission.enter().is_err());
        let place = arrivals.give_way().unwrap();
        let mut context = Context::from_waker(std::task::Waker::noop());
        assert!(slow.gave_way(&context) && !slow.arrived());
        assert!(whole.arrived() && newer.arrived());
        assert!(arrivals.give_way().is_none(), "nothing else is arriving");
        drop((place, slow, newer));
        assert_eq!(admission.in_flight(), 1);
        assert!(!whole.gave_way(&mut context));
        drop(whole);
        assert!(arrivals.arriving().by_age.is_empty());
    }
}
