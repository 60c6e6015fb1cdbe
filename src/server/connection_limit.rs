//! The limit on the connections of one listener, and which connection is closed so that a new one can be accepted.
//!
//! A connection is *new* until one of its requests has arrived whole. New ones are closed first, oldest first; then those
//! without a request at work, the longest silent first. One whose request is at work is never closed for another.

use std::{
    collections::BTreeMap,
    net::IpAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::{sync::Notify, time::Instant};

/// How long connections may be silent.
#[derive(Debug, Clone, Copy)]
pub(super) struct SilenceLimits {
    /// From accepting to the end of the handshake and of the first request's head. As long again for its body.
    pub(super) first: Duration,
    /// Without a request, after the last one.
    pub(super) idle: Duration,
}

impl SilenceLimits {
    /// For submissions.
    pub(super) const SUBMISSIONS: Self = Self {
        first: Duration::from_secs(10),
        idle: Duration::from_secs(600),
    };
    /// For probes and metrics.
    pub(super) const HEALTH: Self = Self {
        first: Duration::from_secs(3),
        ..Self::SUBMISSIONS
    };
}

/// All seats of a listener. Clones share them.
#[derive(Debug, Clone)]
pub(super) struct ConnectionLimit(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    most: usize,
    limits: SilenceLimits,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    next: u64,
    by_age: BTreeMap<u64, Occupant>,
}

#[derive(Debug)]
struct Occupant {
    peer: Option<IpAddr>,
    /// Whether a request has arrived whole.
    proven: bool,
    /// When it was accepted, or its last request ended.
    active: Instant,
    /// Requests of which something is there still: a part of the request, or of its answer.
    open: usize,
    /// Requests that have arrived whole and have no answer yet.
    at_work: usize,
    evicted: Arc<Notify>,
}

/// What became of a wish for a seat.
#[derive(Debug)]
pub(super) enum Offer {
    /// There is one.
    Free(ConnectionSlot),
    /// There is one, because another connection is closed.
    Evicting(ConnectionSlot),
    /// There is none: all others are at work, or its address has half of the seats and all of those are at work.
    Full,
}

/// A connection's seat, which is given back when this is dropped.
#[derive(Debug)]
pub(super) struct ConnectionSlot {
    id: u64,
    peer: Option<IpAddr>,
    shared: Arc<Shared>,
    accepted: Instant,
    evicted: Arc<Notify>,
}

/// One request of a connection, until its answer is written.
#[derive(Debug)]
pub(super) struct Call {
    seat: Arc<ConnectionSlot>,
    arrived: AtomicBool,
    answered: AtomicBool,
}

impl ConnectionLimit {
    pub(super) fn new(most: usize, limits: SilenceLimits) -> Self {
        Self(Arc::new(Shared {
            most: most.max(1),
            limits,
            taken: Mutex::default(),
        }))
    }

    /// A seat for a connection from this address; none is known of a Unix socket's.
    pub(super) fn offer(&self, peer: Option<IpAddr>) -> Offer {
        // This machine's own processes are one address, and a sidecar's only callers.
        let peer = peer.map(|peer| peer.to_canonical());
        let bounded = peer.filter(|peer| !peer.is_loopback());
        let mut taken = self.0.taken();
        let of_peer = || taken.by_age.values().filter(|other| other.peer == peer).count();
        let half = (self.0.most / 2).max(1);
        let evicts = if bounded.is_some() && of_peer() >= half {
            Some(taken.first_to_go(|other| other.peer == peer))
        } else if taken.by_age.len() >= self.0.most {
            Some(taken.first_to_go(|_| true))
        } else {
            None
        };
        let evicting = match evicts {
            None => false,
            Some(None) => return Offer::Full,
            Some(Some(id)) => {
                if let Some(other) = taken.by_age.remove(&id) {
                    other.evicted.notify_one();
                }
                true
            }
        };
        let id = taken.next;
        taken.next += 1;
        let (accepted, evicted) = (Instant::now(), Arc::new(Notify::new()));
        let occupant = Occupant {
            peer,
            proven: false,
            active: accepted,
            open: 0,
            at_work: 0,
            evicted: Arc::clone(&evicted),
        };
        taken.by_age.insert(id, occupant);
        drop(taken);
        let shared = Arc::clone(&self.0);
        let seat = ConnectionSlot {
            id,
            peer,
            shared,
            accepted,
            evicted,
        };
        if evicting {
            Offer::Evicting(seat)
        } else {
            Offer::Free(seat)
        }
    }
}

impl Shared {
    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Taken {
    /// New ones by age, then silent ones by the end of their last request.
    fn first_to_go(&self, among: impl Fn(&Occupant) -> bool) -> Option<u64> {
        self.by_age
            .iter()
            .filter(|(_, occupant)| occupant.at_work == 0 && among(occupant))
            .min_by_key(|(id, occupant)| (occupant.proven, occupant.active, **id))
            .map(|(id, _)| *id)
    }
}

impl ConnectionSlot {
    /// The address at the other end; none of a Unix socket's.
    pub(super) fn peer(&self) -> Option<IpAddr> {
        self.peer
    }

    /// Ends when the connection must make room for another.
    pub(super) async fn evicted(&self) {
        self.evicted.notified().await;
    }

    /// By when a handshake and the first request's head must be there.
    pub(super) fn first(&self) -> Instant {
        self.accepted + self.shared.limits.first
    }

    /// When the connection has been silent for too long, as things are; none while it has a request.
    pub(super) fn end(&self) -> Option<Instant> {
        let taken = self.shared.taken();
        let occupant = taken.by_age.get(&self.id)?;
        let SilenceLimits { first, idle } = self.shared.limits;
        match (occupant.proven, occupant.open) {
            (true, 0) => Some(occupant.active + idle),
            (true, _) => None,
            (false, 0) => Some(self.accepted + first),
            // A body has its own time, from its head on; the answer that it is late comes at its end.
            (false, _) => Some(self.accepted + first * 2 + first / 4),
        }
    }

    /// Begins a request, of which the head is there.
    pub(super) fn call(self: &Arc<Self>) -> Call {
        self.change(|occupant| occupant.open += 1);
        Call {
            seat: Arc::clone(self),
            arrived: AtomicBool::new(false),
            answered: AtomicBool::new(false),
        }
    }

    fn change(&self, change: impl FnOnce(&mut Occupant)) {
        if let Some(occupant) = self.shared.taken().by_age.get_mut(&self.id) {
            change(occupant);
        }
    }
}

impl Drop for ConnectionSlot {
    fn drop(&mut self) {
        self.shared.taken().by_age.remove(&self.id);
    }
}

impl Call {
    /// The request is there, body and all.
    pub(super) fn arrived(&self) {
        self.seat.change(|occupant| {
            if !self.arrived.swap(true, Ordering::Relaxed) {
                occupant.proven = true;
                occupant.at_work += usize::from(!self.answered.load(Ordering::Relaxed));
            }
        });
    }

    /// Its answer is there, or nobody waits for it any more.
    pub(super) fn answered(&self) {
        self.seat.change(|occupant| {
            if !self.answered.swap(true, Ordering::Relaxed) && self.arrived.load(Ordering::Relaxed) {
                occupant.at_work -= 1;
            }
        });
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        self.answered();
        self.seat.change(|occupant| {
            occupant.open -= 1;
            occupant.active = Instant::now();
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt as _;

    const OTHERS: [u8; 4] = [10, 0, 0, 1];

    fn seats(most: usize) -> ConnectionLimit {
        ConnectionLimit::new(most, SilenceLimits::SUBMISSIONS)
    }

    fn offered(seats: &ConnectionLimit, peer: [u8; 4]) -> Option<Arc<ConnectionSlot>> {
        match seats.offer(Some(peer.into())) {
            Offer::Free(seat) | Offer::Evicting(seat) => Some(Arc::new(seat)),
            Offer::Full => None,
        }
    }

    fn taken(seats: &ConnectionLimit) -> Arc<ConnectionSlot> {
        offered(seats, [127, 0, 0, 1]).unwrap()
    }

    fn is_evicted(seat: &ConnectionSlot) -> bool {
        seat.evicted().now_or_never().is_some()
    }

    /// A connection that had a request, and its answer.
    fn served(seats: &ConnectionLimit) -> Arc<ConnectionSlot> {
        let seat = taken(seats);
        seat.call().arrived();
        seat
    }

    #[tokio::test]
    async fn new_ones_go_first_and_then_the_longest_silent() {
        let seats = seats(4);
        let silent = served(&seats);
        let busy = taken(&seats);
        let call = busy.call();
        call.arrived();
        let (older, newer) = (taken(&seats), taken(&seats));
        // Half a request proves nothing.
        let _half = older.call();
        tokio::time::sleep(Duration::from_millis(2)).await;
        let mut more = Vec::new();
        for evicted in [&older, &newer] {
            assert!(!is_evicted(evicted));
            more.push(served(&seats));
            assert!(is_evicted(evicted));
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        more.push(served(&seats));
        assert!(is_evicted(&silent), "silent for longest");
        // All that is left has a request at work or had one lately.
        let calls: Vec<_> = more[1..].iter().map(ConnectionSlot::call).collect();
        calls.iter().for_each(Call::arrived);
        more.push(taken(&seats));
        assert!(is_evicted(&more[0]));
        let newest = more.last().unwrap().call();
        newest.arrived();
        assert!(matches!(seats.offer(None), Offer::Full), "all are at work");
        assert!(!is_evicted(&busy));
        call.answered();
        assert!(matches!(seats.offer(None), Offer::Evicting(_)));
        assert!(is_evicted(&busy), "its answer is there");
    }

    #[tokio::test]
    async fn an_evicted_connection_gives_back_no_seat_twice() {
        let seats = seats(1);
        let first = taken(&seats);
        let call = first.call();
        let second = taken(&seats);
        call.arrived();
        drop((first, call));
        let third = taken(&seats);
        assert!(is_evicted(&second));
        drop((second, third));
        assert!(matches!(seats.offer(None), Offer::Free(_)));
    }

    #[tokio::test]
    async fn an_address_has_half_of_the_seats_unless_it_is_this_machines() {
        let seats = seats(4);
        let mut of_one: Vec<_> = (0..2).map(|_| offered(&seats, OTHERS).unwrap()).collect();
        of_one.push(offered(&seats, OTHERS).unwrap());
        assert!(is_evicted(&of_one[0]), "one of its own makes room");
        let calls: Vec<_> = of_one[1..].iter().map(ConnectionSlot::call).collect();
        calls.iter().for_each(Call::arrived);
        assert!(offered(&seats, OTHERS).is_none());
        let mapped = std::net::Ipv4Addr::from(OTHERS).to_ipv6_mapped();
        assert!(matches!(seats.offer(Some(mapped.into())), Offer::Full));
        let another = offered(&seats, [10, 0, 0, 2]).unwrap();
        let own: Vec<_> = (0..3).map(|_| taken(&seats)).collect();
        assert!(is_evicted(&another), "only when all seats are taken");
        assert!(is_evicted(&own[0]) && !is_evicted(&own[1]));
    }

    #[tokio::test]
    async fn silence_has_an_end_and_work_has_none() {
        let seat = taken(&seats(1));
        let SilenceLimits { first, idle } = SilenceLimits::SUBMISSIONS;
        let start = seat.accepted;
        assert_eq!(seat.end(), Some(start + first));
        let call = seat.call();
        assert!(
            seat.end().unwrap() > start + 2 * first,
            "the body has its own time"
        );
        call.arrived();
        assert_eq!(seat.end(), None);
        call.answered();
        assert_eq!(seat.end(), None, "the answer is on its way");
        tokio::time::sleep(Duration::from_millis(2)).await;
        drop(call);
        let end = seat.end().unwrap();
        assert!(end > start + idle && end <= Instant::now() + idle);
    }
}
