//! `native-submit doctor`

use super::End;
use crate::{
    doctor::{self, CheckStatus, Surroundings},
    settings::ServeSettings,
    telemetry::{LogFormat, start_logging},
};
use clap::ValueEnum;
use serde_json::json;

/// How findings are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    /// A line for each, with what to fix below it.
    Text,
    /// One object with all of them.
    Json,
}

/// The arguments of `doctor`: those of `serve`, and where the operator is.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Takes the settings of serve, from the same flags and variables, so run it where the server runs:
kubectl exec … -c native-submit -- /native-submit doctor. It creates nothing. Exit codes: 0 no FAIL, 1 at least one, \
2 wrong usage.")]
pub(super) struct Doctor {
    #[command(flatten)]
    settings: ServeSettings,

    /// Namespace of the operator's Deployment
    #[arg(long, env = "OPERATOR_NAMESPACE", default_value = "spark-operator")]
    operator_namespace: String,

    /// How to print the findings
    #[arg(long, value_enum, default_value = "text")]
    output: Output,
}

impl Doctor {
    pub(super) fn run(self) -> End {
        // What is wrong is in the findings; the log would say it twice.
        start_logging(LogFormat::Text, "off");
        let runtime = match super::runtime() {
            Ok(runtime) => runtime,
            Err(end) => return end,
        };
        let surroundings = Surroundings {
            operator_namespace: self.operator_namespace,
        };
        let report = runtime.block_on(doctor::examine(&self.settings, &surroundings));
        let verdict = report.verdict();
        let printed = super::print(&match self.output {
            Output::Text => report.to_string(),
            Output::Json => format!("{:#}\n", json!({"verdict": verdict, "findings": report.findings})),
        });
        match verdict {
            CheckStatus::Fail => End::Refused,
            _ => printed,
        }
    }
}
