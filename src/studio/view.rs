//! What the page shows of one application.

use super::{
    applications::{Application, Source},
    state::{State, short},
    switches::{Chosen, Switches},
};
use crate::{
    authoring::{
        bench::{Bench, Tried},
        case::Case,
        finding::{Rule, TemplateFinding},
        lineage::WrittenObject,
    },
    templates::{PolicyMode, SetRules, Verdict},
};
use serde::Serialize;
use std::path::Path;

/// One application with one state of the templates.
#[derive(Debug, Clone, Default, Serialize)]
pub(super) struct View {
    /// The state that it is of.
    pub(super) generation: u64,
    /// The application's name.
    pub(super) application: String,
    /// What it has, switches included.
    pub(super) chosen: Chosen,
    /// The set that it gets, and why.
    pub(super) set: String,
    pub(super) set_id: Option<String>,
    pub(super) why: String,
    /// What is wrong.
    pub(super) findings: Vec<TemplateFinding>,
    /// Whether the objects are not those of this state, but of the last one in which nothing was wrong.
    pub(super) is_stale: bool,
    /// Whether the objects are those that the checks refuse.
    pub(super) is_unchecked: bool,
    /// What policies said.
    pub(super) verdicts: Vec<ShownVerdict>,
    /// What is odd but not wrong.
    pub(super) warnings: Vec<String>,
    pub(super) objects: Vec<ShownObject>,
    pub(super) executor: Vec<ShownObject>,
    /// The templates that lines lead to, by their number there.
    pub(super) templates: Vec<String>,
}

/// What a policy said.
#[derive(Debug, Clone, Serialize)]
pub(super) struct ShownVerdict {
    policy: String,
    line: Option<usize>,
    refuses: bool,
    audit: bool,
    text: String,
}

/// An object as text, and for each of its lines the template and the line in it.
#[derive(Debug, Clone, Serialize)]
pub(super) struct ShownObject {
    role: String,
    title: String,
    text: String,
    from: Vec<Option<(usize, usize)>>,
}

impl From<WrittenObject> for ShownObject {
    fn from(written: WrittenObject) -> Self {
        let from = written.marks.into_iter();
        Self {
            role: written.role,
            title: written.title,
            text: written.text,
            from: from
                .map(|mark| mark.map(|mark| (mark.template, mark.line)))
                .collect(),
        }
    }
}

impl From<Verdict> for ShownVerdict {
    fn from(verdict: Verdict) -> Self {
        Self {
            policy: verdict.policy,
            line: verdict.line,
            refuses: verdict.refuses,
            audit: verdict.mode == PolicyMode::Audit,
            text: verdict.text,
        }
    }
}

/// What of the settings a view follows from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Terms<'t> {
    pub(super) directory: &'t Path,
    pub(super) rules: &'t SetRules,
    pub(super) show_secrets: bool,
}

/// The set that a case gets, and why; the error of one that can't be submitted at all.
pub(super) fn chosen_set(case: &Case, rules: &SetRules) -> Result<(String, String), String> {
    let (submission, _) = case.submission().map_err(|error| error.to_string())?;
    Ok((rules.name_for(&submission).to_owned(), rules.why(&submission)))
}

/// Tries an application with the set that it gets.
pub(super) fn tried(
    state: &State,
    application: &Application,
    switches: &Switches,
    terms: Terms<'_>,
) -> (View, Option<Tried>) {
    let mut view = View {
        generation: state.generation,
        application: application.name.clone(),
        ..View::default()
    };
    let wrong = |rule, message: String| vec![TemplateFinding::new(rule, application.name.clone(), message)];
    let case = match &application.case {
        Ok(case) => switches.apply(case),
        Err(error) => {
            view.findings = wrong(Rule::Case, error.clone());
            return (view, None);
        }
    };
    view.chosen = Chosen::of(&case);
    match chosen_set(&case, terms.rules) {
        Ok((set, why)) => (view.set, view.why) = (set, why),
        Err(error) => {
            view.findings = wrong(Rule::Case, error);
            return (view, None);
        }
    }
    let Some(set) = state.sets.get(&view.set) else {
        let message = format!(
            "gets the template set {}, and there is no folder of that name",
            view.set
        );
        view.findings = wrong(Rule::MissingSet, message);
        return (view, None);
    };
    let tried = match (&set.now, set.exceeded.get()) {
        (_, Some(findings)) => Err(findings.clone()),
        (Err(findings), None) => Err(findings.to_vec()),
        (Ok(bench), None) => {
            view.set_id = Some(bench.id().to_owned());
            let tried = bench.try_out(&case, terms.show_secrets);
            if tried.exceeded {
                // Another application would be as long in coming.
                let _ = set.exceeded.set(tried.findings.clone());
            }
            Ok((bench, tried))
        }
    };
    let tried = match tried {
        Ok((bench, tried)) => {
            view.show(bench, &tried);
            view.findings.clone_from(&tried.findings);
            Some(tried)
        }
        Err(findings) => {
            view.findings = findings;
            None
        }
    };
    for finding in &mut view.findings {
        finding.file = short(terms.directory, &finding.file);
    }
    (view, tried)
}

impl View {
    /// Shows what became of the application.
    fn show(&mut self, bench: &Bench, tried: &Tried) {
        self.verdicts = tried.verdicts.iter().cloned().map(ShownVerdict::from).collect();
        self.warnings.clone_from(&tried.warnings);
        self.objects = tried.objects.iter().cloned().map(ShownObject::from).collect();
        self.executor = tried.executor.iter().cloned().map(ShownObject::from).collect();
        self.templates = bench.names().to_vec();
    }

    /// Shows objects of another state in the place of those that there are none of.
    pub(super) fn with_objects_of(&mut self, other: &Self) {
        self.objects.clone_from(&other.objects);
        self.executor.clone_from(&other.executor);
        self.templates.clone_from(&other.templates);
        self.is_stale = true;
    }

    /// Shows the objects that the checks refuse, where no good ones were ever seen.
    pub(super) fn with_unchecked(
        &mut self,
        state: &State,
        application: &Application,
        switches: &Switches,
        terms: Terms<'_>,
    ) {
        let set = state.sets.get(&self.set);
        if let (Some(Ok(bench)), Ok(case)) = (set.map(|set| &set.now), &application.case) {
            let unchecked = bench.unchecked(&switches.apply(case), terms.show_secrets);
            self.is_unchecked = !unchecked.is_empty();
            self.objects = unchecked.into_iter().map(ShownObject::from).collect();
            self.templates = bench.names().to_vec();
        }
    }

    /// Shows what the application was with the last set that compiled.
    pub(super) fn with_last_good(
        &mut self,
        state: &State,
        application: &Application,
        switches: &Switches,
        terms: Terms<'_>,
    ) {
        let set = state.sets.get(&self.set);
        let (Some(bench), Ok(case)) = (set.and_then(|set| set.good.as_ref()), &application.case) else {
            return;
        };
        let tried = bench.try_out(&switches.apply(case), terms.show_secrets);
        if tried.is_good() {
            let mut good = Self::default();
            good.show(bench, &tried);
            self.with_objects_of(&good);
        }
    }
}

impl Source {
    /// Whether the page may show the application to be saved as a case.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Sample => "sample",
            Self::Case => "case",
            Self::File => "file",
            Self::Dropped => "dropped",
        }
    }
}
