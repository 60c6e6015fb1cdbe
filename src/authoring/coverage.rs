//! Which of a set's refusals and warnings ever fire: one that never does may be misspelled, or forgotten.

use super::{
    finding::{Rule, TemplateFinding},
    sources::{Sources, warning},
};
use crate::templates::{Site, TemplateError, TemplateErrorKind, Verdict, sites};
use serde::Serialize;
use std::collections::BTreeMap;

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
    /// How many samples and cases the set let through.
    pub let_through: usize,
}

/// The calls of a set's own templates.
pub(super) struct Coverage<'s> {
    sources: &'s Sources,
    /// For whom each has fired, by template and line.
    calls: BTreeMap<(String, usize), (&'static str, Vec<String>)>,
    let_through: usize,
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
            let_through: 0,
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
                // It is a partial's, and its line isn't told: of none is known that it never fires.
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
    pub(super) fn passed(&mut self) {
        self.let_through += 1;
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

    /// Every call, and for whom it fired.
    pub(super) fn report(self) -> Vec<Fired> {
        let Self {
            sources,
            calls,
            let_through,
            ..
        } = self;
        calls
            .into_iter()
            .map(|((name, line), (function, fired_for))| Fired {
                file: sources.path(&name),
                line,
                function,
                fired_for,
                let_through,
            })
            .collect()
    }
}
