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

/// The places that call the macro which has line `line` of the template `name`, of these templates by name and text; none if the line is in
/// no macro.
pub(crate) fn uses_of_macro<'t>(
    name: &str,
    line: usize,
    templates: impl Iterator<Item = (&'t str, &'t str)>,
) -> Vec<ErrorPlace> {
    let templates: Vec<_> = templates.collect();
    // Reading all templates again for each finding takes long; most files have no macro.
    if !templates
        .iter()
        .any(|(known, source)| *known == name && source.contains("macro"))
    {
        return Vec::new();
    }
    let found = on_large_stack(|| {
        let environment = environment();
        let source = templates.iter().find(|(known, _)| *known == name)?.1;
        let tree = tree(&environment, source)?;
        let (declared, body) = macro_at(&tree, line)?;
        let mut places = Vec::new();
        for (user, source) in &templates {
            let Some(tree) = self::tree(&environment, source) else {
                continue;
            };
            let is_here = *user == name;
            let known_as = if is_here {
                vec![declared.clone()]
            } else {
                imported(&tree, file_name(name), &declared)
            };
            if known_as.is_empty() {
                continue;
            }
            statement::expressions(&tree, &mut |expression, is_called| {
                let (called, span) = match expression {
                    Expr::Var(variable) if is_called => (variable.id, variable.span()),
                    Expr::GetAttr(of) if is_called => (of.name, of.span()),
                    _ => return,
                };
                let line = usize::from(span.start_line);
                if known_as.iter().any(|known| known == called) && !(is_here && body.contains(&line)) {
                    places.push(ErrorPlace {
                        template: (*user).to_owned(),
                        line: Some(line),
                    });
                }
            });
        }
        places.dedup();
        Some(places)
    });
    found.flatten().unwrap_or_default()
}

fn tree<'t>(environment: &Environment<'_>, source: &'t str) -> Option<Stmt<'t>> {
    parse(source, "template", environment.syntax().clone()).ok()
}

/// The innermost macro around a line: its name, and the lines that it has.
fn macro_at(tree: &Stmt<'_>, line: usize) -> Option<(String, std::ops::RangeInclusive<usize>)> {
    let lines = |span: Span| usize::from(span.start_line)..=usize::from(span.end_line);
    let mut found = None;
    statement::visit(tree, &mut |statement| {
        if let Stmt::Macro(declared) = statement
            && lines(declared.span()).contains(&line)
        {
            found = Some((declared.name.to_owned(), lines(declared.span())));
        }
    });
    found
}

/// By what names a template that imports `file` knows its macro: its own, another one, or as a member of what is imported whole.
fn imported(tree: &Stmt<'_>, file: &str, name: &str) -> Vec<String> {
    let is_of_file = |from: &Expr<'_>| {
        let names = statement::names(from);
        names.iter().any(|from| file_name(from) == file)
    };
    let mut known_as = Vec::new();
    statement::visit(tree, &mut |statement| match statement {
        Stmt::Import(import) if is_of_file(&import.expr) => known_as.push(name.to_owned()),
        Stmt::FromImport(import) if is_of_file(&import.expr) => {
            for (imported, alias) in &import.names {
                let as_name = alias.as_ref().unwrap_or(imported);
                if let (Expr::Var(imported), Expr::Var(known)) = (imported, as_name)
                    && imported.id == name
                {
                    known_as.push(known.id.to_owned());
                }
            }
        }
        _ => {}
    });
    known_as
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
        let used = |line| {
            let places = uses_of_macro("_m.j2", line, templates.into_iter());
            let shown = |place: ErrorPlace| format!("{}:{}", place.template, place.line.unwrap());
            places.into_iter().map(shown).collect::<Vec<_>>()
        };
        assert_eq!(used(2), ["_m.j2:5", "a.yaml.j2:2", "b.yaml.j2:3", "c.yaml.j2:3"]);
        assert!(used(5).is_empty(), "the line is in no macro");
        assert!(uses_of_macro("e.yaml.j2", 1, templates.into_iter()).is_empty());
    }
}
