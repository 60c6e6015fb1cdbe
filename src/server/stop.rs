//! When the process is to stop, and that it does.
//!
//! A thread of its own waits for SIGTERM and SIGINT. Should the orderly end not come, because a worker thread spins, a file never
//! opens, or nobody reads the log, it ends the process.

use super::service::Service;
use std::{
    process,
    sync::{Arc, OnceLock, mpsc},
    thread,
    time::Duration,
};
use tokio::{
    runtime::Builder,
    signal::unix::{SignalKind, signal},
    sync::watch,
};
use tracing::error;

/// How long after `DRAIN_TIMEOUT` the process ends, however things are. The promise is 5 s.
const LAST_RESORT: Duration = Duration::from_secs(4);

/// How long the last log line may take.
const LAST_LINE: Duration = Duration::from_millis(500);

/// The exit code of an end that was not orderly.
const CUT_OFF: i32 = 1;

/// Tells of the first SIGTERM or SIGINT. Clones tell the same.
#[derive(Debug, Clone)]
pub struct Stop {
    stopped: watch::Receiver<bool>,
    service: Arc<OnceLock<Service>>,
}

impl Stop {
    /// Listens for signals from now on. `drain_timeout` after one, and a few seconds, the process is ended.
    pub fn on_signals(drain_timeout: Duration) -> Result<Self, String> {
        let failed = |error: std::io::Error| format!("can't wait for signals: {error}");
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(failed)?;
        let (mut terminate, mut interrupt) = {
            let _within = runtime.enter();
            (
                signal(SignalKind::terminate()).map_err(failed)?,
                signal(SignalKind::interrupt()).map_err(failed)?,
            )
        };
        let (stopping, stopped) = watch::channel(false);
        let service = Arc::new(OnceLock::<Service>::new());
        let at_work = Arc::clone(&service);
        thread::Builder::new()
            .name("stop".to_owned())
            .spawn(move || {
                runtime.block_on(async move {
                    tokio::select! {
                        _ = terminate.recv() => {}
                        _ = interrupt.recv() => {}
                    }
                    stopping.send_replace(true);
                    tokio::time::sleep(drain_timeout + LAST_RESORT).await;
                });
                end(drain_timeout, at_work.get().map(Service::in_flight));
            })
            .map_err(failed)?;
        Ok(Self { stopped, service })
    }

    /// Ends at the first signal, at once where that was before.
    pub async fn came(&mut self) {
        // An error means that the thread is gone, and the process with it.
        let _ = self.stopped.wait_for(|stopped| *stopped).await;
    }

    /// Whose submissions are at work, for the last log line.
    pub fn of(&self, service: &Service) {
        let _ = self.service.set(service.clone());
    }
}

/// Ends the process. The log line has a thread of its own: it may hang, too.
fn end(drain_timeout: Duration, in_flight: Option<usize>) -> ! {
    let (written, waiting) = mpsc::channel::<()>();
    let _ = thread::Builder::new().spawn(move || {
        error!(
            in_flight,
            "the process is ended: it did not stop by itself within DRAIN_TIMEOUT ({drain_timeout:?}) and {LAST_RESORT:?}; \
             submissions in flight are cut off, and completed or removed when they are tried again"
        );
        drop(written);
    });
    let _ = waiting.recv_timeout(LAST_LINE);
    process::exit(CUT_OFF)
}
