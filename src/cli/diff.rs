//! `native-submit diff`

mod live;
mod shown;

use super::{
    End,
    input::{self, Found, NamespaceChoice},
    live_applications::{self, LiveNamespaces},
    output_format::ReportFormat,
    policy_facts::PolicyFacts,
    process, progress, templates,
};
use crate::{
    authoring::{
        diff::{ObjectDiff, Objects, compare, hide_secrets, of_manifests},
        refusal::Refusal,
    },
    cli::output::message,
    finding::{also, counted},
    manifest::Manifests,
    operator::{
        Origin,
        application::{ApplicationDocument, Parsed, SparkApplication, UnknownFields},
    },
    settings::{ClusterAccess, ExecutorSettings, OperatorWebhookSetting, SetSettings},
    spark::submission::{SparkVersion, Submission, SubmissionId, SubmitterContext},
    submitter::{self, SubmitError},
    templates::{SetRules, TemplateSet, TemplateSets},
};
use serde::Serialize;
use std::{cell::RefCell, path::PathBuf, sync::Arc};

/// The arguments of `diff`.
#[derive(Debug, clap::Args)]
#[allow(clippy::doc_markdown, reason = "help is shown as it stands")]
#[command(after_help = "\
A file may have several applications: documents, or a List as kubectl get writes it. Other kinds are ignored. Of a \
ScheduledSparkApplication the template is compared. Objects are compared by their meaning: fields by path, items of lists by \
name, properties and the executor pod template line by line; native-submit's own annotations are no difference. The \
executor Pod as Spark's driver will make it is compared too, but not with --live. The data of Secrets, and properties, variables \
and arguments that match spark.redaction.regex, are masked without --show-secrets. With --live the left side is what the cluster \
has, without status and without what the API server adds; the names follow from the live Pod's submission id. A set that only \
--to has is compared with the default set of --from. A summary follows on standard error. Exit codes: 0 no difference, 1 a \
difference, 2 wrong usage, 3 could not run, or could not compare an application.")]
#[command(group = clap::ArgGroup::new("cluster").args(["live", "all_namespaces", "namespace"]).multiple(true))]
#[command(mut_arg("context", |context| context.requires("cluster")))]
#[command(mut_arg("kubeconfig", |kubeconfig| kubeconfig.requires("cluster")))]
pub(super) struct Diff {
    /// Files with SparkApplications, YAML or JSON, or directories with such files; - for standard input
    #[arg(
        value_name = "FILE|DIR|-",
        required_unless_present_any = ["all_namespaces", "namespace"],
        conflicts_with = "all_namespaces"
    )]
    files: Vec<PathBuf>,

    /// Compare all applications of the cluster, in place of files
    #[arg(short = 'A', long, conflicts_with = "namespace")]
    all_namespaces: bool,

    /// Compare all applications of this namespace of the cluster; with files: the namespace of an application that names none
    #[arg(short, long, value_name = "NAMESPACE")]
    namespace: Option<String>,

    #[command(flatten)]
    access: ClusterAccess,

    /// Directory with the old templates; by default the built-in ones
    #[arg(long, value_name = "DIR", conflicts_with = "live")]
    from: Option<PathBuf>,

    /// Directory with the new templates; by default the built-in ones
    #[arg(long, value_name = "DIR", env = "TEMPLATE_DIR")]
    to: Option<PathBuf>,

    #[command(flatten)]
    sets: SetSettings,

    /// Compare with what is on the cluster instead of what templates make
    #[arg(long)]
    live: bool,

    /// Spark version of an application that names none, such as 4.0.1
    #[arg(long, env = "SPARK_VERSION", value_name = "VERSION")]
    spark_version: Option<SparkVersion>,

    #[command(flatten)]
    executors: ExecutorSettings,

    #[command(flatten)]
    facts: PolicyFacts,

    /// Print the values of secrets, too
    #[arg(long)]
    show_secrets: bool,

    /// How to print the differences: text by object and field path
    #[arg(short, long, value_enum, default_value = "text", value_name = "FORMAT")]
    output: ReportFormat,
}

/// What differs for one application.
#[derive(Debug, Serialize)]
struct FileDiff {
    /// The file, as the command was given it, with the place in it where there are several applications.
    file: String,
    /// What is to be known for reading the differences.
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
    /// Why it could not be compared.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    /// Why one side alone refuses the application.
    #[serde(skip_serializing_if = "Option::is_none")]
    refused: Option<Refused>,
    /// The objects that differ.
    objects: Vec<ObjectDiff>,
}

/// One side refuses the application, and the other doesn't.
#[derive(Debug, Serialize)]
struct Refused {
    /// `from` or `to`.
    by: &'static str,
    /// Why.
    reason: String,
}

impl FileDiff {
    fn new(file: &str) -> Self {
        Self {
            file: file.to_owned(),
            note: None,
            error: None,
            refused: None,
            objects: Vec::new(),
        }
    }

    fn failed(file: &str, error: String) -> Self {
        Self {
            error: Some(error),
            ..Self::new(file)
        }
    }

    fn differs(&self) -> bool {
        self.refused.is_some() || !self.objects.is_empty()
    }

    /// A line about it.
    fn summary(&self) -> String {
        let note = self
            .note
            .as_ref()
            .map(|note| format!(" ({note})"))
            .unwrap_or_default();
        let what = match (&self.error, &self.refused, self.objects.len()) {
            (Some(_), ..) => "could not be compared".to_owned(),
            (_, Some(refused), _) => format!("refused by --{} alone", refused.by),
            (_, _, 0) => "no difference".to_owned(),
            (_, _, 1) => "1 object differs".to_owned(),
            (_, _, objects) => format!("{objects} objects differ"),
        };
        format!("{}: {what}{note}", self.file)
    }
}

/// The two sides.
struct Sides {
    /// The templates as they were; none where the left side is the cluster.
    from: Option<TemplateSets>,
    to: TemplateSets,
    live: Option<live::Live>,
    /// Where applications of the cluster find their namespaces.
    namespaces: Option<RefCell<LiveNamespaces>>,
}

/// An application, read.
struct Application {
    label: String,
    application: SparkApplication,
}

impl Diff {
    pub(super) fn run(self) -> End {
        self.differences().unwrap_or_else(|end| end)
    }

    fn differences(&self) -> Result<End, End> {
        if self.from.is_none() && self.to.is_none() && !self.live {
            message!("error: nothing to compare: give --from, --to (or TEMPLATE_DIR) or --live");
            return Err(End::Usage);
        }
        let sides = self.sides()?;
        let mut diffs = Vec::new();
        let mut take = |(label, document): Found| {
            progress::step(format!("application {}", diffs.len() + 1));
            diffs.push(self.compared(&label, document, &sides));
        };
        if self.files.is_empty() {
            let scheduled = !self.live;
            let access = self.access.client_settings();
            live_applications::each_application(&access, self.namespace.as_deref(), scheduled, &mut take)?;
        } else {
            input::each_application(&self.files, &mut take);
        }
        let printed = match self.output {
            ReportFormat::Text => super::print_styled(&shown::text(&diffs)),
            ReportFormat::Data(format) => format.print(&serde_json::json!(diffs)),
        };
        if printed == End::Refused {
            return Err(End::CouldNotRun);
        }
        Ok(summary(&diffs))
    }

    fn sides(&self) -> Result<Sides, End> {
        let namespaces = if self.files.is_empty() {
            Some(RefCell::new(LiveNamespaces::connect(
                &self.access.client_settings(),
            )?))
        } else {
            None
        };
        let load = |options| templates::load(&options).map_err(|_| End::CouldNotRun);
        let options = self.sets.options(self.to.clone());
        let rules = options.rules.clone();
        let to = load(options)?;
        if self.live {
            let live = live::Live::connect(&self.access.client_settings())?;
            return Ok(Sides {
                from: None,
                to,
                live: Some(live),
                namespaces,
            });
        }
        // A rule may name a set that only --to has.
        let mut options = self.sets.options(self.from.clone());
        options.rules = SetRules {
            annotation: rules.annotation,
            ..SetRules::default()
        };
        Ok(Sides {
            from: Some(load(options)?.chosen_by(rules)),
            to,
            live: None,
            namespaces,
        })
    }

    fn compared(
        &self,
        label: &str,
        document: Result<ApplicationDocument, String>,
        sides: &Sides,
    ) -> FileDiff {
        // The cluster's own may have fields of a newer operator; a file's are slips.
        let unknown_fields = if self.files.is_empty() {
            UnknownFields::Pass
        } else {
            UnknownFields::Refuse
        };
        let parsed = document.and_then(|document| {
            let parsed = document.parse(unknown_fields);
            parsed.map_err(|error| error.to_string())
        });
        let application = match parsed {
            Ok(Parsed { mut application, .. }) => {
                let fallback = sides.live.as_ref().map(|live| live.namespace().to_owned());
                let namespace = NamespaceChoice {
                    fallback,
                    ..NamespaceChoice::of_flag(self.namespace.as_ref())
                };
                if let Err(refusal) = namespace.put_into(&mut application) {
                    return FileDiff::failed(label, refusal);
                }
                application.generate_name(&SubmissionId::nil());
                application
            }
            Err(error) => return FileDiff::failed(label, error),
        };
        let application = Application {
            label: label.to_owned(),
            application,
        };
        let compared = match (&sides.from, &sides.live) {
            (Some(from), _) => self.between(&application, from, &sides.to, sides.namespaces.as_ref()),
            (None, Some(live)) => live.compared(self, &application, &sides.to),
            (None, None) => Err("there is nothing to compare with".to_owned()),
        };
        compared.unwrap_or_else(|error| FileDiff::failed(label, error))
    }

    fn context(&self) -> SubmitterContext {
        self.facts.within(SubmitterContext {
            executor_check: self.executors.executor_check,
            ..process::application_context(0, self.spark_version.clone())
        })
    }

    /// The objects that differ.
    fn objects(&self, mut from: Objects, mut to: Objects) -> Vec<ObjectDiff> {
        if !self.show_secrets {
            hide_secrets(&mut from, &mut to);
        }
        compare(&from, &to)
    }

    fn between(
        &self,
        application: &Application,
        from: &TemplateSets,
        to: &TemplateSets,
        namespaces: Option<&RefCell<LiveNamespaces>>,
    ) -> Result<FileDiff, String> {
        let context = self.context();
        let submission = submission(application, SubmissionId::nil(), origin(), &context);
        let submission = submission.map_err(|error| error.to_string())?;
        let right = to.choose(&submission).map_err(SubmitError::from);
        let (left, missing) = match &right {
            Ok(_) => from
                .choose_or_default(&submission)
                .map(|(set, missing)| (Ok(set), missing)),
            Err(_) => from.choose(&submission).map(|set| (Ok(set), None)),
        }
        .unwrap_or_else(|error| (Err(SubmitError::from(error)), None));
        let made = |set: Result<Arc<TemplateSet>, SubmitError>| -> Result<Manifests, String> {
            let set = set.map_err(|error| error.to_string())?;
            let mut context = context.clone();
            if let (None, Some(namespaces)) = (&context.namespace, namespaces) {
                context.namespace = namespaces.borrow_mut().of(submission.namespace(), &set);
            }
            submitter::manifests(&submission, &context, &set)
                .map_err(|error| Refusal::of(&error, &submission, &context, &set).located)
        };
        let diff = FileDiff {
            note: missing.map(|set| format!("set {set} is new; compared with the default set of --from")),
            ..FileDiff::new(&application.label)
        };
        let refused = |by, reason| Some(Refused { by, reason });
        Ok(match (made(left), made(right)) {
            (Ok(from), Ok(to)) => FileDiff {
                objects: self.objects(of_manifests(&from), of_manifests(&to)),
                ..diff
            },
            (Ok(_), Err(reason)) => FileDiff {
                refused: refused("to", reason),
                ..diff
            },
            (Err(reason), Ok(_)) => FileDiff {
                refused: refused("from", reason),
                ..diff
            },
            (Err(_), Err(reason)) => return Err(reason),
        })
    }
}

/// Prints a line for each application and one for all.
fn summary(diffs: &[FileDiff]) -> End {
    for diff in diffs {
        if let Some(error) = &diff.error {
            message!("error: {}:\n{error}", diff.file);
        }
    }
    for diff in diffs {
        message!("{}", diff.summary());
    }
    let failed = diffs.iter().filter(|diff| diff.error.is_some()).count();
    let differ = diffs.iter().filter(|diff| diff.differs()).count();
    let others = also(failed, "could not be compared");
    let applications = counted(diffs.len(), "application");
    message!("{applications}: {differ} with differences{others}");
    End::of_all(failed, differ)
}

/// Where an application comes from: no operator, and so no webhook.
fn origin() -> Origin {
    input::origin(OperatorWebhookSetting::Off)
}

/// What an application asks for.
fn submission(
    application: &Application,
    id: SubmissionId,
    origin: Origin,
    context: &SubmitterContext,
) -> Result<Submission, SubmitError> {
    submitter::intent(application.application.clone(), id, origin, context)
}
