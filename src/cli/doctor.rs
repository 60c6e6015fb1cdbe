//! `native-submit doctor`

use super::{End, output_format::ReportFormat, styled::Styled};
use crate::{
    doctor::{self, CheckStatus, Surroundings},
    settings::{ClusterAccess, ServeSettings},
    telemetry::{LogFormat, start_logging},
};
use serde_json::json;

/// The arguments of `doctor`: those of `serve`, and where the operator is.
#[derive(Debug, clap::Args)]
#[allow(clippy::doc_markdown, reason = "help is shown as it stands")]
#[command(after_help = "\
Takes the settings of serve, from the same flags and variables, so run it where the server runs:
kubectl exec … -c native-submit -- /native-submit doctor. It creates nothing. Exit codes: 0 no FAIL, 1 at least one, \
2 wrong usage.")]
pub(super) struct Doctor {
    #[command(flatten)]
    settings: ServeSettings,

    #[command(flatten)]
    access: ClusterAccess,

    /// Ask about the rights in this namespace, in place of ALLOWED_NAMESPACES
    #[arg(short, long, value_name = "NAMESPACE", conflicts_with = "allowed_namespaces")]
    namespace: Option<String>,

    /// Namespace of the operator's Deployment
    #[arg(long, env = "OPERATOR_NAMESPACE", default_value = "spark-operator")]
    operator_namespace: String,

    /// How to print the findings: text has a line for each, with what to fix below it
    #[arg(short, long, value_enum, default_value = "text", value_name = "FORMAT")]
    output: ReportFormat,
}

impl Doctor {
    pub(super) fn run(mut self) -> End {
        // What is wrong is in the findings; the log would say it twice.
        start_logging(LogFormat::Text, "off");
        let runtime = match super::runtime() {
            Ok(runtime) => runtime,
            Err(end) => return end,
        };
        let surroundings = Surroundings {
            operator_namespace: self.operator_namespace,
            access: self.access.client_settings(),
        };
        if let Some(namespace) = self.namespace.filter(|name| !name.is_empty()) {
            self.settings.allowed_namespaces = vec![namespace];
        }
        let report = runtime.block_on(doctor::examine(&self.settings, &surroundings));
        let verdict = report.verdict();
        let printed = match self.output {
            ReportFormat::Text => super::print_styled(&Styled::verdicts(&report.to_string())),
            ReportFormat::Data(format) => {
                format.print(&json!({"verdict": verdict, "findings": report.findings}))
            }
        };
        match verdict {
            CheckStatus::Fail => End::Refused,
            _ => printed,
        }
    }
}
