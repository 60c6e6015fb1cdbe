//! Where a macro is used: the engine's errors say where in a macro something failed, and not who called it.

use super::statement;
use crate::templates::{ErrorPlace, environment::environment, stack::on_large_stack};
use minijinja::{
    Environment,
    machinery::{
        Span,
        ast::{Expr, Stmt},
        parse,
    },
};
use std::{
    collections::{BTreeMap, HashMap},
    ops::RangeInclusive,
};

/// The macros of templates and the places that call them. Each template is read once, however many places are asked for.
#[derive(Debug, Default)]
pub(crate) struct MacroUses {
    templates: BTreeMap<String, Template>,
}

/// What one template declares, imports and calls.
#[derive(Debug, Default)]
struct Template {
    /// Each with its lines, in the order of their beginnings.
    macros: Vec<(String, RangeInclusive<usize>)>,
    /// The innermost macro from each of these lines on, by its index.
    innermost: Vec<(usize, Option<usize>)>,
    /// The files that are imported whole: all their macros are known, by their own names.
    whole: Vec<String>,
    /// By file and macro, the names that an import gives it.
    named: HashMap<(String, String), Vec<String>>,
    /// The lines that call each name.
    calls: HashMap<String, Vec<usize>>,
}

impl MacroUses {
    /// Reads these templates, each with its name and text.
    pub(crate) fn of<'t>(templates: impl Iterator<Item = (&'t str, &'t str)>) -> Self {
        let templates: Vec<_> = templates.collect();
        // Most sets have no macro, and then nothing is to be found.
        if !templates.iter().any(|(_, source)| source.contains("macro")) {
            return Self::default();
        }
        let read = on_large_stack(|| {
            let environment = environment();
            let templates = templates.iter();
            let read = templates.filter_map(|(name, source)| {
                Some(((*name).to_owned(), Template::of(&tree(&environment, source)?)))
            });
            read.collect()
        });
        Self {
            templates: read.unwrap_or_default(),
        }
    }

    /// The first places, at most so many, that call the macro which has line `line` of the template `name`; none if the line is in no
    /// macro.
    pub(crate) fn at(&self, name: &str, line: usize, most: usize) -> Vec<ErrorPlace> {
        let own = self.templates.get(name);
        let Some((declared, body)) = own.and_then(|own| own.macro_at(line)) else {
            return Vec::new();
        };
        let file = file_name(name).to_owned();
        let places = self.templates.iter().flat_map(|(user, template)| {
            let is_here = user == name;
            let known_as = if is_here {
                vec![declared.as_str()]
            } else {
                template.names_of(&file, declared)
            };
            let lines = known_as
                .into_iter()
                .filter_map(|known| template.calls.get(known))
                .flatten();
            let mut lines: Vec<_> = lines
                .copied()
                .filter(|line| !(is_here && body.contains(line)))
                .take(most)
                .collect();
            lines.sort_unstable();
            lines.dedup();
            lines.into_iter().map(move |line| ErrorPlace {
                template: user.clone(),
                line: Some(line),
            })
        });
        places.take(most).collect()
    }
}

impl Template {
    fn of(tree: &Stmt<'_>) -> Self {
        let mut found = Self::default();
        let lines = |span: Span| usize::from(span.start_line)..=usize::from(span.end_line);
        let files = |from: &Expr<'_>| {
            let names = statement::names(from);
            names
                .into_iter()
                .map(|name| file_name(&name).to_owned())
                .collect::<Vec<_>>()
        };
        statement::visit(tree, &mut |statement| match statement {
            Stmt::Macro(declared) => {
                found
                    .macros
                    .push((declared.name.to_owned(), lines(declared.span())));
            }
            Stmt::Import(import) => found.whole.extend(files(&import.expr)),
            Stmt::FromImport(import) => {
                for file in files(&import.expr) {
                    for (imported, alias) in &import.names {
                        let as_name = alias.as_ref().unwrap_or(imported);
                        if let (Expr::Var(imported), Expr::Var(known)) = (imported, as_name) {
                            let names = found.named.entry((file.clone(), imported.id.to_owned()));
                            names.or_default().push(known.id.to_owned());
                        }
                    }
                }
            }
            _ => {}
        });
        statement::expressions(tree, &mut |expression, is_called| {
            let (called, span) = match expression {
                Expr::Var(variable) if is_called => (variable.id, variable.span()),
                Expr::GetAttr(of) if is_called => (of.name, of.span()),
                _ => return,
            };
            let lines = found.calls.entry(called.to_owned()).or_default();
            lines.push(usize::from(span.start_line));
        });
        found.innermost = innermost(&found.macros);
        found
    }

    /// The innermost macro around a line.
    fn macro_at(&self, line: usize) -> Option<&(String, RangeInclusive<usize>)> {
        let behind = self.innermost.partition_point(|(from, _)| *from <= line);
        let (_, index) = self.innermost.get(behind.checked_sub(1)?)?;
        self.macros.get((*index)?)
    }

    /// By what names this template knows a macro of a file: its own, another one, or as a member of what is imported whole.
    fn names_of<'n>(&'n self, file: &str, declared: &'n str) -> Vec<&'n str> {
        let whole = self.whole.iter().any(|known| known == file);
        let named = self.named.get(&(file.to_owned(), declared.to_owned()));
        let named = named.into_iter().flatten().map(String::as_str);
        whole.then_some(declared).into_iter().chain(named).collect()
    }
}

/// From which line on which macro is the innermost one, of macros in the order of their beginnings.
fn innermost(macros: &[(String, RangeInclusive<usize>)]) -> Vec<(usize, Option<usize>)> {
    let mut open: Vec<(usize, usize)> = Vec::new();
    let mut found = Vec::new();
    let close = |open: &mut Vec<(usize, usize)>, found: &mut Vec<_>, upto: usize| {
        while let Some((_, end)) = open.pop_if(|(_, end)| *end < upto) {
            // Those that end no later aren't open behind it either.
            while open.pop_if(|(_, outer)| *outer <= end).is_some() {}
            found.push((end + 1, open.last().map(|(index, _)| *index)));
        }
    };
    for (index, (_, lines)) in macros.iter().enumerate() {
        close(&mut open, &mut found, *lines.start());
        open.push((index, *lines.end()));
        found.push((*lines.start(), Some(index)));
    }
    close(&mut open, &mut found, usize::MAX);
    found
}

fn tree<'t>(environment: &Environment<'_>, source: &'t str) -> Option<Stmt<'t>> {
    parse(source, "template", environment.syntax().clone()).ok()
}

fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_macro_is_used_where_it_is_called_by_any_name() {
        let templates = [
            (
                "_m.j2",
                "{% macro m(x) %}\n{{ x }}\n{{ m(1) }}\n{% endmacro %}\n{{ m(2) }}\n",
            ),
            ("a.yaml.j2", "{% from \"_m.j2\" import m %}\n{{ m(1) }}\n"),
            (
                "b.yaml.j2",
                "{% from \"_m.j2\" import m as n %}\n{{ m(1) }}\n{{ [n(2)] | first }}\n",
            ),
            (
                "c.yaml.j2",
                "{% import \"_m.j2\" as all %}\n\n{% if all.m(1) %}{% endif %}\n",
            ),
            ("d.yaml.j2", "{% macro m() %}{% endmacro %}{{ m() }}"),
            ("e.yaml.j2", "{% broken"),
        ];
        let uses = MacroUses::of(templates.into_iter());
        let used = |line| {
            let places = uses.at("_m.j2", line, 10);
            let shown = |place: ErrorPlace| format!("{}:{}", place.template, place.line.unwrap());
            places.into_iter().map(shown).collect::<Vec<_>>()
        };
        assert_eq!(used(2), ["_m.j2:5", "a.yaml.j2:2", "b.yaml.j2:3", "c.yaml.j2:3"]);
        assert!(used(5).is_empty(), "the line is in no macro");
        assert!(uses.at("e.yaml.j2", 1, 10).is_empty());
        assert_eq!(uses.at("_m.j2", 2, 2).len(), 2);
    }
}
