//! Which of a set's refusals and warnings ever fire: one that never does may be misspelled, or forgotten. And which applications
//! each policy lets through.

use super::{
    finding::{Rule, TemplateFinding},
    sources::{Sources, warning},
};
use crate::templates::{
    Judgement, PolicyName, Site, TemplateError, TemplateErrorKind, TemplateSet, Verdict, sites,
};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// A call of `refuse` or `warn`, and the applications that it fired for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fired {
    /// The file: its path as the command was given the directory.
    pub file: String,
    /// The line in it, from 1.
    pub line: usize,
    /// `refuse` or `warn`.
    pub function: &'static str,
    /// The samples and cases that it fired for.
    pub fired_for: Vec<String>,
    /// How many samples and cases the set let through, in audit mode also those that it would refuse.
    pub let_through: usize,
}

/// A policy, and what it did about the samples and cases.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PolicyCoverage {
    /// The policy's file: its path as the command was given the directory.
    pub file: String,
    /// The template set that the samples and cases were rendered with.
    pub set: String,
    /// `enforce` or `audit`.
    pub mode: &'static str,
    /// The samples and cases that it let through.
    pub let_through: Vec<String>,
    /// Those that it refused, or would refuse in audit mode.
    pub refused: Vec<String>,
    /// Those that it would refuse, in an exempt namespace.
    pub exempt: Vec<String>,
    /// Those on which it ended in an error.
    pub failed: Vec<String>,
}

/// The calls of a set's own templates.
pub(super) struct Coverage<'s> {
    sources: &'s Sources,
    /// For whom each has fired, by template and line.
    calls: BTreeMap<(String, usize), (&'static str, Vec<String>)>,
    /// A sample is rendered twice, and counts once.
    let_through: BTreeSet<String>,
    /// What each policy did, by its name, in their order.
    policies: Vec<(String, PolicyCoverage)>,
    is_sure_of_partials: bool,
}

impl<'s> Coverage<'s> {
    pub(super) fn of(sources: &'s Sources) -> Self {
        let own = sources.own();
        let calls = own.flat_map(|(name, text)| {
            let sites = sites(text).into_iter();
            sites.map(|Site { line, function }| ((name.to_owned(), line), (function, Vec::new())))
        });
        Self {
            sources,
            calls: calls.collect(),
            let_through: BTreeSet::new(),
            policies: Vec::new(),
            is_sure_of_partials: true,
        }
    }

    /// Notes that an application was refused, or a template warned of it.
    pub(super) fn fired(&mut self, error: &TemplateError, application: &str) {
        let Some(line) = error.line.filter(|_| error.kind == TemplateErrorKind::Refused) else {
            return;
        };
        self.note(&(error.template.clone(), line), application);
    }

    /// Notes what policies said of an application.
    pub(super) fn said(&mut self, verdicts: &[Verdict], application: &str) {
        for verdict in verdicts {
            match verdict.line {
                Some(line) => self.note(&(verdict.policy.clone(), line), application),
                // It is a partial's, and its line isn't known: so no line is known to never fire.
                None => self.is_sure_of_partials = false,
            }
        }
    }

    fn note(&mut self, call: &(String, usize), application: &str) {
        if let Some((_, fired_for)) = self.calls.get_mut(call)
            && !fired_for.iter().any(|known| known == application)
        {
            fired_for.push(application.to_owned());
        }
    }

    /// Notes that an application was let through.
    pub(super) fn passed(&mut self, application: &str) {
        self.let_through.insert(application.to_owned());
    }

    /// Notes what each policy of a set did about an application.
    pub(super) fn judged(&mut self, set: &TemplateSet, judgement: &Judgement, application: &str) {
        for PolicyName { policy, mode } in set.policies() {
            let known = self.policies.iter().position(|(known, _)| known == policy);
            let at = known.unwrap_or_else(|| {
                let none = PolicyCoverage {
                    file: self.sources.path(policy),
                    set: set.name().to_owned(),
                    mode: mode.name(),
                    let_through: Vec::new(),
                    refused: Vec::new(),
                    exempt: Vec::new(),
                    failed: Vec::new(),
                };
                self.policies.push((policy.clone(), none));
                self.policies.len() - 1
            });
            let Some((_, coverage)) = self.policies.get_mut(at) else {
                continue;
            };
            let verdicts = judgement.verdicts.iter();
            let mut refusals = verdicts.filter(|verdict| verdict.policy == *policy && verdict.refuses);
            let failed = judgement.errors.iter().any(|error| error.policy == *policy);
            let into = match refusals.next() {
                Some(verdict) if verdict.exempt.is_some() => &mut coverage.exempt,
                Some(_) => &mut coverage.refused,
                None if failed => &mut coverage.failed,
                None => &mut coverage.let_through,
            };
            // A sample is rendered twice, with the operator's webhook and without.
            if !into.iter().any(|known| known == application) {
                into.push(application.to_owned());
            }
        }
    }

    /// A warning for each call that never fired.
    pub(super) fn silent(&self) -> Vec<TemplateFinding> {
        let silent = self.calls.iter().filter(|((name, _), (_, fired_for))| {
            let is_partial = self.sources.file_name(name).starts_with('_');
            fired_for.is_empty() && (self.is_sure_of_partials || !is_partial)
        });
        silent
            .map(|((name, line), (function, _))| {
                let message = format!(
                    "{function}() never fired: no sample and no case comes to it, so nothing shows that it does what it is \
                     to do; add a case that it fires for (--cases)"
                );
                warning(self.sources, Rule::NeverFired, name, Some(*line), message)
            })
            .collect()
    }

    /// Every call, and for whom it fired; and what each policy did.
    pub(super) fn report(self) -> (Vec<Fired>, Vec<PolicyCoverage>) {
        let Self {
            sources,
            calls,
            let_through,
            policies,
            ..
        } = self;
        let fired = calls
            .into_iter()
            .map(|((name, line), (function, fired_for))| Fired {
                file: sources.path(&name),
                line,
                function,
                fired_for,
                let_through: let_through.len(),
            });
        let policies = policies.into_iter().map(|(_, coverage)| coverage);
        (fired.collect(), policies.collect())
    }
}
