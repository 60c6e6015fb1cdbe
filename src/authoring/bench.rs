//! One template set on the bench: compiled plain and with marks, to try applications with and to see which line wrote what.

use super::{
    case::Case,
    check::of_template,
    finding::{Rule, TemplateFinding},
    lineage::{Lineage, WrittenObject},
    lint::lint,
    mask::{REDACTION, Secrets},
    sources::{Sources, has_errors},
    trace::{Tracer, marked_names, marked_set},
};
use crate::{
    authoring::case::EXECUTOR,
    finding::counted,
    manifest::{self, Manifests, Terms},
    spark::plan::DriverPlan,
    submitter::{self, PolicyRefusal, SubmitError},
    templates::{Parts, Rendered, TemplateErrorKind, TemplateSet, Verdict, Workers},
};
use std::{path::Path, sync::Arc};

/// A set that compiles.
#[derive(Debug)]
pub(crate) struct Bench {
    sources: Sources,
    set: TemplateSet,
    marked: Option<Arc<TemplateSet>>,
    names: Vec<String>,
}

/// What became of an application.
#[derive(Debug, Default)]
pub(crate) struct Tried {
    /// The objects as they would be created, with where their lines come from; none where none could be made.
    pub(crate) objects: Vec<WrittenObject>,
    /// The executor Pod and its claims, as Spark's driver will make them.
    pub(crate) executor: Vec<WrittenObject>,
    /// What is wrong.
    pub(crate) findings: Vec<TemplateFinding>,
    /// What policies said: refusals and warnings.
    pub(crate) verdicts: Vec<Verdict>,
    /// What is odd but not wrong.
    pub(crate) warnings: Vec<String>,
    /// The objects of all this, for comparisons; there where the application is not refused.
    pub(crate) manifests: Option<Manifests>,
    /// Whether the application took the set over a limit of its render worker.
    pub(crate) exceeded: bool,
}

impl Tried {
    fn refused(findings: Vec<TemplateFinding>) -> Self {
        Self {
            findings,
            ..Self::default()
        }
    }

    /// Whether the application would be submitted.
    pub(crate) fn is_good(&self) -> bool {
        self.manifests.is_some()
    }
}

impl Bench {
    /// Compiles a set of a directory.
    ///
    /// # Errors
    /// What is wrong with its files.
    pub(crate) fn load(
        directory: &Path,
        parts: Parts<'_>,
        workers: Option<&Workers>,
    ) -> Result<Self, Vec<TemplateFinding>> {
        let sources = Sources::new(directory, parts.name, parts.files, parts.default, parts.always);
        match TemplateSet::load_in(parts, workers) {
            Ok(set) => Ok(Self {
                marked: marked_set(&sources, parts, workers).map(Arc::new),
                names: marked_names(&sources),
                sources,
                set,
            }),
            Err(errors) => {
                let mut findings = lint(&sources);
                findings.extend(errors.0.iter().map(|error| of_template(error, &sources)));
                debug_assert!(has_errors(&findings), "a set that doesn't compile has an error");
                Err(findings)
            }
        }
    }

    /// The set's id: `default@0123456789ab`.
    pub(crate) fn id(&self) -> &str {
        self.set.id()
    }

    /// The names of all templates, by the numbers that marks have for them.
    pub(crate) fn names(&self) -> &[String] {
        &self.names
    }

    /// Makes the objects of an application. The secrets of what is shown are hidden, unless `show_secrets`.
    pub(crate) fn try_out(&self, case: &Case, show_secrets: bool) -> Tried {
        let refused = |error: &SubmitError| {
            Tried::refused(vec![TemplateFinding::new(
                Rule::Case,
                case.path(),
                error.to_string(),
            )])
        };
        let (submission, context) = match case.submission() {
            Ok(submission) => submission,
            Err(error) => return refused(&error),
        };
        let plan = match submitter::planned(&submission, &context, &self.set) {
            Ok(plan) => plan,
            Err(refusal) => return refused(&refusal.into()),
        };
        let rendered = match self.set.render(&plan) {
            Ok(rendered) => rendered,
            Err(error) => {
                return Tried {
                    exceeded: error.kind == TemplateErrorKind::Exceeded,
                    ..Tried::refused(vec![of_template(&error, &self.sources)])
                };
            }
        };
        let checked = manifest::check(
            &rendered,
            &plan,
            Terms {
                passed_unknown_fields: &submission.unknown_fields(),
                executor_check: context.executor_check,
                left_to_webhook: &submission.left_to_webhook,
            },
        );
        let mut manifests = match checked {
            Ok(manifests) => manifests,
            Err(found) => {
                let tracer = Tracer::over(&self.sources, self.marked.clone());
                let mut findings = tracer.locate(&found.0, &rendered, &plan, case.is_sample());
                if found.0.more() > 0 {
                    let message = format!("and {}", counted(found.0.more(), "more finding"));
                    findings.push(TemplateFinding::new(Rule::Case, case.path(), message));
                }
                return Tried::refused(findings);
            }
        };
        manifests.warnings.append(submission.warnings.clone());
        let mut tried = Tried::default();
        let judgement = match submitter::judge(&submission, &context, &self.set, &plan, &manifests) {
            Ok(judgement) => judgement,
            Err(error) => return refused(&error),
        };
        let failed = judgement.errors.iter();
        tried
            .findings
            .extend(failed.map(|failed| of_template(&failed.error, &self.sources)));
        // A policy that ended in an error was reported above.
        if let Err(SubmitError::Policy(PolicyRefusal(verdicts))) =
            submitter::settle(&self.set, &judgement, &mut manifests)
        {
            tried.findings.extend(verdicts.iter().map(|verdict| {
                let path = self.sources.path(&verdict.policy);
                let finding = TemplateFinding::new(Rule::Refused, path, format!("refused: {}", verdict.text));
                self.sources
                    .with_source(finding.at(verdict.line), &verdict.policy)
            }));
        }
        tried.verdicts = judgement.verdicts;
        tried.warnings = manifests
            .warnings
            .lines()
            .map(std::borrow::Cow::into_owned)
            .collect();
        let lineage = self.lineage(&rendered, &plan);
        let secrets = hidden(&plan, case, show_secrets);
        tried.objects = manifests
            .for_files()
            .map(|(file, object)| {
                let role = file.strip_suffix(".yaml").unwrap_or(&file);
                lineage.object(role, &object, secrets.as_ref())
            })
            .collect();
        tried.executor = manifests
            .executor_for_show()
            .iter()
            .map(|object| lineage.of_executor(EXECUTOR, object, secrets.as_ref()))
            .collect();
        if tried.findings.is_empty() {
            tried.manifests = Some(manifests);
        }
        tried
    }

    /// What the set's templates write for an application, unchecked and as far as it can be read: what there is to see where
    /// [`Self::try_out`] has no objects.
    pub(crate) fn unchecked(&self, case: &Case, show_secrets: bool) -> Vec<WrittenObject> {
        let Ok((submission, context)) = case.submission() else {
            return Vec::new();
        };
        let Ok(plan) = submitter::planned(&submission, &context, &self.set) else {
            return Vec::new();
        };
        let Ok(rendered) = self.set.render(&plan) else {
            return Vec::new();
        };
        let lineage = self.lineage(&rendered, &plan);
        let secrets = hidden(&plan, case, show_secrets);
        manifest::unchecked(&rendered, &plan)
            .iter()
            .map(|(role, object)| lineage.object(role, object, secrets.as_ref()))
            .collect()
    }

    /// Where the lines of what was rendered come from.
    fn lineage(&self, rendered: &Rendered, plan: &DriverPlan) -> Lineage {
        let marked = self.marked.as_ref().and_then(|marked| marked.render(plan).ok());
        Lineage::of(rendered, marked.as_ref())
    }
}

/// Which values are hidden, if any are.
fn hidden(plan: &DriverPlan, case: &Case, show_secrets: bool) -> Option<Secrets> {
    let is_shown = show_secrets || case.is_sample();
    (!is_shown).then(|| Secrets::of(plan.properties.get(REDACTION).map(String::as_str)))
}
