//! Waiting for a driver's end, as Spark's `LoggingPodStatusWatcherImpl` does it: its lines, at its interval.
//!
//! Once the driver exists nothing is handed to a JVM any more. What goes wrong then is said, and the driver runs on.

use super::{Ending, spark_log};
use crate::{
    cluster::{ClientError, ClientSettings, ClusterSettings, ClusterSink, FollowEnd, FollowTiming, client},
    redaction::shown,
    spark::{
        driver_state,
        submission::{ConfReader, Feature, Refusal, SparkVersion},
    },
};
use serde_json::Value;
use std::{cell::RefCell, time::Duration};
use tokio::time::{self, MissedTickBehavior};

/// Whether `spark-submit` stays until the driver has ended.
pub(super) const WAIT: &str = "spark.kubernetes.submission.waitAppCompletion";

/// How often the phase is logged during the wait.
const INTERVAL: &str = "spark.kubernetes.report.interval";

/// Whose exit code a wait ends with.
const EXIT_CODE: &str = "NATIVE_SUBMIT_EXIT_CODE";

/// Whose lines these are.
const CLASS: &str = "LoggingPodStatusWatcherImpl";

/// How to wait, as conf and environment say it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Waiting {
    interval: Duration,
    exit_code: ExitCodeOf,
}

/// Whose exit code a wait ends with.
#[derive(Debug, Clone, Copy)]
enum ExitCodeOf {
    /// As `spark-submit`: 0 once the driver has ended, however it ended.
    Spark,
    /// The driver container's.
    Driver,
}

/// A driver that was created, in the words of the log.
pub(super) struct Driver {
    pub(super) application: String,
    pub(super) application_id: String,
    pub(super) namespace: String,
    pub(super) pod_name: String,
    /// The Pod's uid, if the submission returned it.
    pub(super) pod_uid: Option<String>,
    pub(super) version: SparkVersion,
}

impl Driver {
    /// Spark's id of the submission, which `--status` and `--kill` take.
    pub(super) fn submission_id(&self) -> String {
        format!("{}:{}", self.namespace, self.pod_name)
    }
}

impl Waiting {
    /// `None` where the conf says not to wait; then the rest is not read, as Spark doesn't read it.
    pub(super) fn read(conf: ConfReader<'_>) -> Result<Option<Self>, Ending> {
        if !conf.boolean(WAIT, true)? {
            return Ok(None);
        }
        let given = conf.milliseconds(INTERVAL, 1)?.unwrap_or(1_000);
        let interval = u64::try_from(given)
            .ok()
            .filter(|interval| *interval > 0)
            .ok_or_else(|| Refusal::new(INTERVAL, format!("expected a time above 0, found {given} ms")))?;
        let exit_code = match super::super::process::variable(EXIT_CODE).as_deref() {
            None | Some("spark") => ExitCodeOf::Spark,
            Some("driver") => ExitCodeOf::Driver,
            Some(other) => {
                let message = format!("{EXIT_CODE}: expected spark or driver, found {}", shown(other));
                return Err(Ending::Failed(message));
            }
        };
        Ok(Some(Self {
            interval: Duration::from_millis(interval),
            exit_code,
        }))
    }

    /// Makes ready to watch, before anything is created. `needs_identity`: where a server submits, this process may have nothing
    /// to be known by, and then it can't wait.
    pub(super) async fn prepare(
        self,
        reach: ClientSettings,
        needs_identity: bool,
    ) -> Result<Prepared, Ending> {
        let settings = ClientSettings {
            one_connection: false,
            identity_needed: needs_identity,
            read_timeout: FollowTiming::SILENCE,
            ..reach
        };
        let client = client(&settings).await.map_err(|error| match error {
            ClientError::NotConfigured { .. } => Ending::Failed(format!(
                "{WAIT}: expected false, found true (its default), which needs credentials of this process to watch the driver \
                 Pod with; {error}"
            )),
            other => Ending::Failed(other.to_string()),
        })?;
        Ok(Prepared {
            waiting: self,
            sink: ClusterSink::new(client, ClusterSettings::default()),
        })
    }
}

/// Ready to watch.
pub(super) struct Prepared {
    waiting: Waiting,
    sink: ClusterSink,
}

impl Prepared {
    /// Waits for the driver's end; the exit code.
    pub(super) async fn wait(self, driver: &Driver) -> Result<u8, Ending> {
        let log = RefCell::new(Log {
            driver,
            pod: None,
            began: false,
        });
        let timing = FollowTiming::default();
        let address = (driver.namespace.as_str(), driver.pod_name.as_str());
        let following = self
            .sink
            .follow(address, driver.pod_uid.as_deref(), &timing, |pod| {
                log.borrow_mut().seen(pod);
            });
        tokio::pin!(following);
        let mut ticks = time::interval_at(
            time::Instant::now() + self.waiting.interval,
            self.waiting.interval,
        );
        // A process that slept, or whose output was stuck, has nothing to catch up with.
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let ended = loop {
            tokio::select! {
                ended = &mut following => break ended,
                _ = ticks.tick() => log.borrow().short(),
            }
        };
        let mut log = log.borrow_mut();
        match ended {
            Ok(FollowEnd::Completed) => {}
            Ok(FollowEnd::Deleted(last)) => {
                log.begin();
                if last.is_some() {
                    log.pod = last;
                }
            }
            Err(error) => {
                return Err(Ending::Failed(format!(
                    "{error}. The driver Pod {} of application {} was created and runs on: look with `spark-submit --status {}` or \
                     kubectl",
                    driver.submission_id(),
                    driver.application_id,
                    driver.submission_id(),
                )));
            }
        }
        log.finished();
        Ok(match self.waiting.exit_code {
            ExitCodeOf::Spark => 0,
            ExitCodeOf::Driver => drivers_own(log.pod.as_ref()),
        })
    }
}

/// The driver's exit code; where none is known 0 for a Pod that succeeded, else 1.
fn drivers_own(pod: Option<&Value>) -> u8 {
    let Some(pod) = pod else {
        return super::FAILED;
    };
    match driver_state::exit_code(pod) {
        // A code that no process can have.
        Some(code) => u8::try_from(code).unwrap_or(super::FAILED),
        None if driver_state::phase(pod) == Some("Succeeded") => 0,
        None => super::FAILED,
    }
}

/// What was seen and said of a driver.
struct Log<'a> {
    driver: &'a Driver,
    pod: Option<Value>,
    began: bool,
}

impl Log<'_> {
    fn seen(&mut self, pod: &Value) {
        spark_log::info(
            CLASS,
            format_args!("State changed, new state: {}", driver_state::described(pod)),
        );
        self.pod = Some(pod.clone());
        self.begin();
    }

    /// Spark says what it waits for after it has looked once.
    fn begin(&mut self) {
        if std::mem::replace(&mut self.began, true) {
            return;
        }
        let Driver {
            application,
            application_id,
            version,
            ..
        } = self.driver;
        let braced = version.has(Feature::BraceWhileWaiting) && !version.has(Feature::NoBraceWhileWaiting);
        let brace = if braced { "}" } else { "" };
        spark_log::info(
            CLASS,
            format_args!(
                "Waiting for application {application}{brace} with application ID {application_id} and submission ID {} to finish...",
                self.driver.submission_id()
            ),
        );
    }

    fn short(&self) {
        let phase = self.pod.as_ref().map_or("unknown", |pod| {
            // Java's word for a phase that the Pod doesn't have.
            driver_state::phase(pod).unwrap_or("null")
        });
        spark_log::info(
            CLASS,
            format_args!(
                "Application status for {} (phase: {phase})",
                self.driver.application_id
            ),
        );
    }

    fn finished(&self) {
        self.short();
        let containers = self.pod.as_ref().map(|pod| driver_state::containers(pod, 1));
        match containers {
            Some(containers) => {
                spark_log::info(CLASS, format_args!("Container final statuses:\n\n{containers}"));
            }
            None => spark_log::info(CLASS, "No containers were found in the driver pod."),
        }
        let Driver {
            application,
            application_id,
            ..
        } = self.driver;
        spark_log::info(
            CLASS,
            format_args!(
                "Application {application} with application ID {application_id} and submission ID {} finished",
                self.driver.submission_id()
            ),
        );
    }
}
