//! `native-submit check`

mod live;
mod watching;

use super::{
    End, could_not_run, input,
    output_format::{DataFormat, ReportFormat},
    progress,
    styled::Styled,
};
use crate::{
    authoring::{
        case::{self, APPLICATION, Case, CaseError},
        check::{Checked, check_until},
        finding::{Level, Rule, TemplateFinding},
        report,
    },
    cli::output::message,
    cluster::{ApplyError, ClusterSettings, ClusterSink, client},
    error_code::ErrorCode,
    finding::counted,
    manifest::Manifests,
    settings::{ClusterAccess, SetSettings},
    templates::{DEFAULT_SET, read_sets},
};
use clap::{ArgGroup, ValueEnum, builder::PossibleValue};
use live::{LiveApplication, LiveArguments};
use std::{cell::Cell, path::PathBuf};

/// How findings are printed: a report, or what a CI system reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Output {
    Report(ReportFormat),
    /// SARIF 2.1.0, for code scanning.
    Sarif,
    /// Workflow commands of GitHub Actions.
    Github,
}

impl ValueEnum for Output {
    fn value_variants<'a>() -> &'a [Self] {
        &[
            Self::Report(ReportFormat::Text),
            Self::Report(ReportFormat::Data(DataFormat::Json)),
            Self::Report(ReportFormat::Data(DataFormat::Yaml)),
            Self::Sarif,
            Self::Github,
        ]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        let of_ci = |name, help| Some(PossibleValue::new(name).help(help));
        match self {
            Self::Report(format) => format.to_possible_value(),
            Self::Sarif => of_ci("sarif", "SARIF 2.1.0, for code scanning"),
            Self::Github => of_ci("github", "Workflow commands of GitHub Actions"),
        }
    }
}

/// The arguments of `check`.
#[derive(Debug, clap::Args)]
#[allow(clippy::doc_markdown, reason = "help is shown as it stands")]
#[command(group = ArgGroup::new("cluster").args(["server_dry_run", "live"]).multiple(true))]
#[command(mut_arg("context", |context| context.requires("cluster")))]
#[command(mut_arg("kubeconfig", |kubeconfig| kubeconfig.requires("cluster")))]
#[command(after_help = "\
Every template is compiled, and the built-in samples of all application types and the cases are rendered with them; what \
would make a server refuse the set is an error. Ignored files, templates that nothing renders, overrides equal to the built-in \
template, blocks that are never written and refusals that never fire are warnings. Findings show the templates' source and \
field paths, and of rendered lines no value that could be a secret. With --server-dry-run the API server checks \
the cases (the samples if there are no cases); their namespaces must exist. With --live each SparkApplication of the \
cluster, and the template of each ScheduledSparkApplication, is rendered and checked as a server would do it: a line for each \
that would be refused, with the policy and its message, and a summary. With --watch the check runs again when a file \
of the templates or cases changes, until it is interrupted. Exit codes: 0 no error found, \
1 errors (with --deny-warnings: or warnings), 2 wrong usage, 3 could not run.")]
pub(super) struct Check {
    /// Directory with the templates, as TEMPLATE_DIR would have it
    #[arg(value_name = "DIR")]
    directory: PathBuf,

    #[command(flatten)]
    sets: SetSettings,

    /// Directory with cases of your own: a folder with application.yaml for each, as golden has them
    #[arg(long, value_name = "DIR")]
    cases: Option<PathBuf>,

    /// Also ask the API server whether it would take the objects; nothing is kept
    #[arg(long)]
    server_dry_run: bool,

    #[command(flatten)]
    live: LiveArguments,

    #[command(flatten)]
    access: ClusterAccess,

    /// Check again whenever a file changes
    #[arg(long, conflicts_with = "output")]
    watch: bool,

    /// How to print the findings: text has a line `file:line: message` for each, with the lines around
    #[arg(short, long, value_enum, default_value = "text", value_name = "FORMAT")]
    output: Output,

    /// Let warnings count as errors for the exit code
    #[arg(long)]
    deny_warnings: bool,
}

impl Check {
    pub(super) fn run(self) -> End {
        if self.watch {
            return watching::watch(self);
        }
        let _progress = progress::Progress::of("check");
        self.findings().unwrap_or_else(|end| end)
    }

    fn findings(&self) -> Result<End, End> {
        if !self.live.is_complete() {
            message!("error: --live: expected --namespace or --all-namespaces, found neither");
            return Err(End::Usage);
        }
        let cases = self.own_cases().map_err(|error| could_not_run(&error))?;
        let (count, tried) = (cases.len() + Case::samples().len(), Cell::new(0));
        let step = || {
            let done = tried.replace(tried.get() + 1).min(count);
            progress::step(format!("{done} of {count} applications"));
            false
        };
        let mut checked = check_until(
            &self.directory,
            read_sets(&self.directory),
            &self.sets.options(Some(self.directory.clone())),
            cases,
            &step,
        )
        .map_err(|error| could_not_run(&error))?;
        if self.server_dry_run {
            let runtime = super::runtime().map_err(|_| End::CouldNotRun)?;
            runtime.block_on(self.ask_server(&mut checked))?;
        }
        // Of a set that a server would refuse nothing can be said.
        let live = if self.live.live && checked.count(Level::Error) == 0 {
            self.live
                .check(&self.access.client_settings(), &self.directory, &self.sets)?
        } else {
            Vec::new()
        };
        let (errors, warnings) = (checked.count(Level::Error), checked.count(Level::Warning));
        if matches!(self.output, Output::Sarif | Output::Github) {
            for finding in live.iter().flat_map(|live| live.findings(&self.directory)) {
                checked.add(finding);
            }
        }
        let printed = match self.output {
            Output::Report(ReportFormat::Text) => {
                let text = [
                    report::text(&checked.findings),
                    report::coverage(&checked.coverage),
                    report::policies(&checked.policies),
                    live.iter().map(LiveApplication::lines).collect(),
                ];
                super::print_styled(&Styled::findings(&text.concat()))
            }
            Output::Report(ReportFormat::Data(format)) => {
                let mut json = report::json(&checked);
                if self.live.live {
                    json["live"] = serde_json::json!(live);
                }
                format.print(&json)
            }
            Output::Sarif => super::print(&format!("{:#}\n", report::sarif(&checked.findings))),
            Output::Github => super::print(&report::github(&checked.findings)),
        };
        if printed == End::Refused {
            return Err(End::CouldNotRun);
        }
        message!(
            "{}, {} in {}, with {}",
            counted(errors, "error"),
            counted(warnings, "warning"),
            counted(checked.templates, "template"),
            counted(checked.applications.len(), "rendering")
        );
        if self.live.live {
            if errors > 0 {
                message!("the live applications were not looked at, because the templates have errors");
            } else {
                message!("{}", live::summary(&live));
            }
        }
        let audited = live.iter().any(LiveApplication::is_audited);
        let refused = live.iter().any(LiveApplication::is_refused);
        let found = errors > 0 || refused || (self.deny_warnings && (warnings > 0 || audited));
        Ok(if found { End::Refused } else { End::Done })
    }

    fn own_cases(&self) -> Result<Vec<Case>, CaseError> {
        let Some(directory) = &self.cases else {
            return Ok(Vec::new());
        };
        let cases = case::folders(directory)?;
        let cases = cases.iter().map(|folder| {
            let cases = Case::read_each(folder)?;
            if cases.is_empty() {
                input::say_empty(&folder.join(APPLICATION));
            }
            Ok(cases)
        });
        Ok(cases.collect::<Result<Vec<_>, CaseError>>()?.concat())
    }

    async fn ask_server(&self, checked: &mut Checked) -> Result<(), End> {
        let client = client(&self.access.client_settings())
            .await
            .map_err(|error| could_not_run(&error))?;
        let sink = ClusterSink::new(client, ClusterSettings::default());
        let asked: Vec<_> = checked
            .applications
            .iter()
            .filter(|(case, _)| case.is_sample() != self.cases.is_some() && !case.must_be_refused)
            .filter_map(|(case, manifests)| Some((case.clone(), manifests.clone()?)))
            .collect();
        let count = asked.len();
        for (done, (case, manifests)) in asked.into_iter().enumerate() {
            progress::step(format!("{done} of {count} applications"));
            match sink.dry_run(&manifests, None).await {
                // Where it runs already, whether another one could be made of it is no question of templates.
                Ok(_) | Err(ApplyError::AlreadyExists { .. }) => {}
                Err(error) if is_refusal(&error) => {
                    checked.add(self.refusal(&case, &manifests, &error));
                }
                Err(error) => return Err(could_not_run(&format!("--server-dry-run: {error}"))),
            }
        }
        Ok(())
    }

    fn refusal(&self, case: &Case, manifests: &Manifests, error: &ApplyError) -> TemplateFinding {
        let set = manifests.identity.template_set.split('@').next();
        let folder = set.filter(|set| *set != DEFAULT_SET).unwrap_or_default();
        let folder = self.directory.join(folder).display().to_string();
        let mut finding = TemplateFinding::new(
            Rule::ApiServer,
            folder.trim_end_matches('/').to_owned(),
            format!("{error} (namespace {})", manifests.identity.namespace),
        );
        finding.applications = vec![case.name.clone()];
        finding
    }
}

/// Whether the API server gave an answer about the object, and not about the caller or itself.
fn is_refusal(error: &ApplyError) -> bool {
    matches!(
        error.code(),
        ErrorCode::InvalidPodTemplate | ErrorCode::InvalidSparkSubmitArgs | ErrorCode::DriverPodAlreadyExists
    )
}
