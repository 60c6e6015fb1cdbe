//! What a request holds from its first byte to its end: a place among those at work, and the room for its bytes.
//!
//! Both are taken before the body is read. So the memory of all requests together is bounded, however slowly they arrive.

use super::admission::Place;
use crate::telemetry::InFlight;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The bytes that all requests at once may have above [`FREE`] each, unless one alone may have more (`MAX_REQUEST_BYTES`).
const ROOM: usize = 8 << 20;

/// What each request may have without asking for room: nearly all submissions are smaller, so that a few long ones
/// don't shut them out.
pub(super) const FREE: usize = 16 << 10;

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
    _place: Place,
    _in_flight: InFlight,
    room: Room,
    bytes: Mutex<Option<OwnedSemaphorePermit>>,
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
    pub(super) fn new(place: Place, in_flight: InFlight, room: Room) -> Self {
        Self(Arc::new(Held {
            _place: place,
            _in_flight: in_flight,
            room,
            bytes: Mutex::default(),
        }))
    }

    /// Takes what lacks for `total` bytes; all of it is given back when the entry ends. Never waits: two that have half
    /// of the room each would wait for ever.
    pub(super) fn hold(&self, total: usize) -> Result<(), NoRoom> {
        let needed = total.saturating_sub(FREE).div_ceil(UNIT);
        let mut held = self.0.bytes.lock().unwrap_or_else(PoisonError::into_inner);
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
        Entry::new(place, Metrics::default().in_flight(), room.clone())
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
}
