//! A gate in front of one server's client: it stops the world at a request, and does wrong what a test asks for.
// Each test uses a part of it; and clippy sees that code is a test's only inside #[test].
#![allow(dead_code, clippy::unwrap_used)]

use http::{Method, Request, Response};
use kube::{Client, client::Body};
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};
use tokio::sync::watch;

/// What is done with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Treatment {
    /// It gets through, and so does the answer.
    Pass,
    /// It waits until the gate opens.
    HoldBefore,
    /// It gets through, and the answer waits until the gate opens.
    HoldAfter,
    /// Answered with this status, also when the gate is open.
    Refuse(u16),
    /// It gets through, and is answered with this status, also when the gate is open.
    Lose(u16),
}

/// Decides by the number of the request, from 1, its method and its path.
type Treat = dyn Fn(u64, &Method, &str) -> Treatment + Send + Sync;

/// Where one server's requests wait.
pub(crate) struct Gate {
    treat: Box<Treat>,
    arrived: AtomicU64,
    /// How many are neither answered nor held, and how many are held.
    under_way: watch::Sender<(usize, usize)>,
    open: watch::Sender<bool>,
}

impl Gate {
    pub(crate) fn new(treat: impl Fn(u64, &Method, &str) -> Treatment + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self {
            treat: Box::new(treat),
            arrived: AtomicU64::new(0),
            under_way: watch::Sender::new((0, 0)),
            open: watch::Sender::new(false),
        })
    }

    /// How many requests have arrived.
    pub(crate) fn arrived(&self) -> u64 {
        self.arrived.load(Ordering::SeqCst)
    }

    /// Waits until a request is held, and all others are answered.
    pub(crate) async fn until_stopped(&self) {
        let mut under_way = self.under_way.subscribe();
        under_way
            .wait_for(|(passing, held)| *passing == 0 && *held > 0)
            .await
            .unwrap();
    }

    /// Lets all through, from now on.
    pub(crate) fn open(&self) {
        self.open.send_replace(true);
    }

    /// A client that sends by `inner` what the gate lets through.
    pub(crate) fn before(self: &Arc<Self>, inner: Client) -> Client {
        let gate = Arc::clone(self);
        let service = tower::service_fn(move |request| {
            let (gate, inner) = (Arc::clone(&gate), inner.clone());
            async move { gate.send(inner, request).await }
        });
        Client::new(service, "default")
    }

    async fn send(&self, inner: Client, request: Request<Body>) -> Result<Response<Body>, kube::Error> {
        let number = self.arrived.fetch_add(1, Ordering::SeqCst) + 1;
        let treatment = (self.treat)(number, request.method(), request.uri().path());
        let _passing = Count::enter(&self.under_way, |count| &mut count.0);
        if treatment == Treatment::HoldBefore {
            self.hold().await;
        }
        let answer = match treatment {
            Treatment::Refuse(code) => refusal(code),
            Treatment::Lose(code) => {
                drop(inner.send(request).await?);
                refusal(code)
            }
            _ => inner.send(request).await?,
        };
        if treatment == Treatment::HoldAfter {
            self.hold().await;
        }
        Ok(answer)
    }

    async fn hold(&self) {
        self.under_way.send_modify(|count| count.0 -= 1);
        let held = Count::enter(&self.under_way, |count| &mut count.1);
        self.open.subscribe().wait_for(|open| *open).await.unwrap();
        drop(held);
        self.under_way.send_modify(|count| count.0 += 1);
    }
}

fn refusal(code: u16) -> Response<Body> {
    let mut response = Response::new(Body::from(b"{}".to_vec()));
    *response.status_mut() = http::StatusCode::from_u16(code).unwrap();
    response
}

/// Counts a request until it is dropped, also by a client that gives up.
struct Count<'a> {
    under_way: &'a watch::Sender<(usize, usize)>,
    which: fn(&mut (usize, usize)) -> &mut usize,
}

impl<'a> Count<'a> {
    fn enter(
        under_way: &'a watch::Sender<(usize, usize)>,
        which: fn(&mut (usize, usize)) -> &mut usize,
    ) -> Self {
        under_way.send_modify(|count| *which(count) += 1);
        Self { under_way, which }
    }
}

impl Drop for Count<'_> {
    fn drop(&mut self) {
        self.under_way.send_modify(|count| {
            let count = (self.which)(count);
            *count = count.saturating_sub(1);
        });
    }
}
