//! What `native-submit doctor` finds out: whether a server with these settings could do its work here, and what to fix.
//!
//! It asks and never changes: no object is created, and ports are let go at once.

mod api_server;
mod certificates;
mod configuration;
mod deployment;
mod operator;
mod ports;
mod replicas;
mod report;
mod rights;
mod templates;

pub use report::{CheckResult, CheckStatus, DoctorReport};

use crate::{
    cluster::{ClientSettings, client},
    settings::{ApplyTo, ServeSettings},
};
use std::time::Duration;

/// How long the API server may take for one answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// What is looked at besides the settings of the server.
#[derive(Debug, Clone)]
pub struct Surroundings {
    /// The namespace of the operator's Deployment.
    pub operator_namespace: String,
    /// How the API server is reached.
    pub access: ClientSettings,
}

/// Looks at everything, in the order in which a server would need it.
pub async fn examine(settings: &ServeSettings, surroundings: &Surroundings) -> DoctorReport {
    let mut report = DoctorReport::default();
    report.extend(configuration::examine(settings));
    report.extend(certificates::examine(&settings.tls));
    report.extend(ports::examine(settings).await);
    report.extend(templates::examine(settings.templates.options()).await);
    if settings.apply_to != ApplyTo::Cluster {
        return report;
    }
    let client = match client(&ClientSettings {
        connect_timeout: ANSWER_TIMEOUT,
        read_timeout: ANSWER_TIMEOUT,
        ..surroundings.access.clone()
    })
    .await
    {
        Ok(client) => client,
        Err(error) => {
            report.add(CheckResult::fail(
                "api-server",
                error.to_string(),
                "run it where native-submit runs (kubectl exec), or give --kubeconfig",
            ));
            return report;
        }
    };
    let version = api_server::examine(&client).await;
    let reachable = version.verdict != CheckStatus::Fail;
    report.add(version);
    if !reachable {
        return report;
    }
    report.extend(operator::examine(&client, settings, surroundings).await);
    report.extend(replicas::examine(&client, &surroundings.operator_namespace).await);
    report.extend(rights::examine(&client, settings).await);
    report
}
