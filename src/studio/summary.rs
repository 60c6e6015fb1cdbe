//! What the page shows of all applications and all files.

use super::{
    applications::Source,
    baseline::Baseline,
    settings::StudioSettings,
    state::{State, file_names, short},
    view::chosen_set,
};
use crate::{
    authoring::{
        case::Case,
        check::{Checked, check_until},
        coverage::Fired,
        finding::{Level, Rule, TemplateFinding},
    },
    manifest::Manifests,
    operator::Webhook,
};
use serde::Serialize;
use std::collections::BTreeMap;

/// Everything but the chosen application.
#[derive(Debug, Clone, Default, Serialize)]
pub(super) struct Summary {
    /// The state that it is of.
    pub(super) generation: u64,
    /// Whether all applications were tried; until then what is known of them is missing.
    pub(super) is_complete: bool,
    /// The directory, as studio was given it.
    pub(super) directory: String,
    /// Whether golden cases can be saved.
    pub(super) cases: Option<String>,
    pub(super) show_secrets: bool,
    pub(super) files: Vec<FileRow>,
    pub(super) sets: Vec<SetRow>,
    pub(super) applications: Vec<ApplicationRow>,
    /// What was found, as `check` tells it.
    pub(super) findings: Vec<TemplateFinding>,
    /// The calls of `refuse` and `warn`, and for whom each fired.
    pub(super) coverage: Vec<Fired>,
    /// What "changed" compares with.
    pub(super) baseline: String,
    pub(super) baseline_error: Option<String>,
}

/// A file of the directory.
#[derive(Debug, Clone, Serialize)]
pub(super) struct FileRow {
    pub(super) set: String,
    pub(super) name: String,
    pub(super) errors: usize,
    pub(super) warnings: usize,
}

/// A template set.
#[derive(Debug, Clone, Serialize)]
pub(super) struct SetRow {
    pub(super) name: String,
    pub(super) id: Option<String>,
    pub(super) errors: usize,
}

/// An application with all sets that it is tried with.
#[derive(Debug, Clone, Serialize)]
pub(super) struct ApplicationRow {
    pub(super) name: String,
    pub(super) source: &'static str,
    pub(super) set: String,
    /// How many findings it shows.
    pub(super) findings: usize,
    /// How many objects differ from the baseline's; none where that isn't known.
    pub(super) changed: Option<usize>,
    /// Whether it is refused.
    pub(super) refused: bool,
    /// Why it isn't tried.
    pub(super) error: Option<String>,
}

/// What is known at once: files and applications, before any is tried.
pub(super) fn at_once(state: &State, settings: &StudioSettings, before: Option<&Summary>) -> Summary {
    let mut summary = Summary {
        generation: state.generation,
        directory: settings.directory.display().to_string(),
        cases: settings.cases.as_ref().map(|cases| cases.display().to_string()),
        show_secrets: settings.show_secrets,
        ..Summary::default()
    };
    let mut findings = Vec::new();
    for (name, set) in &state.sets {
        let errors = set.now.as_ref().err();
        summary.sets.push(SetRow {
            name: name.clone(),
            id: set.now.as_ref().ok().map(|bench| bench.id().to_owned()),
            errors: errors.map_or(0, |errors| errors.len()),
        });
        findings.extend(errors.into_iter().flat_map(|errors| errors.iter().cloned()));
    }
    summary.tell(state, settings, findings);
    for application in &state.applications {
        let known = before.and_then(|before| {
            let mut rows = before.applications.iter();
            rows.find(|row| row.name == application.name).cloned()
        });
        summary.applications.push(known.unwrap_or_else(|| ApplicationRow {
            name: application.name.clone(),
            source: application.source.name(),
            set: String::new(),
            findings: 0,
            changed: None,
            refused: false,
            error: application.case.as_ref().err().cloned(),
        }));
    }
    if let Some(before) = before {
        summary.baseline.clone_from(&before.baseline);
        summary.coverage.clone_from(&before.coverage);
    }
    summary
}

/// All applications, tried; none where that is over before its end.
pub(super) fn complete(
    state: &State,
    settings: &StudioSettings,
    baseline: &Result<&Baseline, String>,
    is_over: &dyn Fn() -> bool,
) -> Option<Summary> {
    let mut summary = at_once(state, settings, None);
    let cases: Vec<_> = state
        .applications
        .iter()
        .filter(|application| application.source != Source::Sample)
        .filter_map(|application| application.case.as_ref().ok().cloned())
        .collect();
    match check_until(
        &settings.directory,
        state.contents.clone(),
        &settings.options,
        cases,
        is_over,
    ) {
        Ok(checked) => summary.checked(state, settings, checked, baseline, is_over),
        Err(error) => {
            let finding = TemplateFinding::new(
                Rule::File,
                settings.directory.display().to_string(),
                error.to_string(),
            );
            summary.tell(state, settings, vec![finding]);
        }
    }
    summary.is_complete = true;
    (!is_over()).then_some(summary)
}

impl Summary {
    /// Takes findings, and counts them by file.
    fn tell(&mut self, state: &State, settings: &StudioSettings, findings: Vec<TemplateFinding>) {
        self.findings = findings;
        let mut counts = BTreeMap::<String, (usize, usize)>::new();
        for finding in &mut self.findings {
            finding.file = short(&settings.directory, &finding.file);
            let (errors, warnings) = counts.entry(finding.file.clone()).or_default();
            match finding.level() {
                Level::Error => *errors += 1,
                Level::Warning => *warnings += 1,
            }
        }
        let files = state.contents.as_ref().map(file_names).unwrap_or_default();
        self.files = files
            .into_iter()
            .map(|(set, name)| {
                let (errors, warnings) = counts.get(&name).copied().unwrap_or_default();
                FileRow {
                    set,
                    name,
                    errors,
                    warnings,
                }
            })
            .collect();
    }

    fn checked(
        &mut self,
        state: &State,
        settings: &StudioSettings,
        checked: Checked,
        baseline: &Result<&Baseline, String>,
        is_over: &dyn Fn() -> bool,
    ) {
        match baseline {
            Ok(baseline) => self.baseline = baseline.label(),
            Err(error) => self.baseline_error = Some(error.clone()),
        }
        let mut made = BTreeMap::<(&str, &str), &Manifests>::new();
        for (case, manifests) in &checked.applications {
            if let Some(manifests) = manifests
                && (!case.is_sample() || case.webhook() == Webhook::Off)
            {
                let set = manifests.identity.template_set.split('@').next();
                made.insert((&case.name, set.unwrap_or_default()), manifests);
            }
        }
        for (row, application) in self.applications.iter_mut().zip(&state.applications) {
            if is_over() {
                return;
            }
            let Ok(case) = &application.case else { continue };
            let of_it = |finding: &&TemplateFinding| finding.applications.contains(&row.name);
            row.findings = checked.findings.iter().filter(of_it).count();
            match chosen_set(case, &settings.options.rules) {
                Ok((set, _)) => row.set = set,
                Err(error) => row.error = Some(error),
            }
            let manifests = made.get(&(row.name.as_str(), row.set.as_str()));
            let is_refused = |fired: &Fired| {
                fired.function == "refuse"
                    && fired.fired_for.contains(&row.name)
                    && application.source == Source::Sample
            };
            row.refused = manifests.is_none() || checked.coverage.iter().any(is_refused);
            if let (Some(manifests), Ok(baseline)) = (manifests, baseline) {
                let comparison =
                    baseline.compare(case, &key(case), &row.set, manifests, settings.show_secrets);
                row.changed = comparison.error.is_none().then_some(comparison.objects.len());
            }
        }
        let Checked {
            findings, coverage, ..
        } = checked;
        self.coverage = coverage;
        for fired in &mut self.coverage {
            fired.file = short(&settings.directory, &fired.file);
        }
        self.tell(state, settings, findings);
    }
}

/// All that decides what an application is.
pub(super) fn key(case: &Case) -> String {
    let webhook = case.webhook();
    match case.document() {
        Ok(document) => format!("{webhook:?} {}", document.value),
        Err(error) => error.to_string(),
    }
}
