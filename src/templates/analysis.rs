//! What is wrong with templates and can be seen before any is rendered: a name that nothing has.
//!
//! Every template is walked as the engine would run it, with what is known of the type of each value in place of the value:
//! through loops, assignments, includes, imports, macro calls and blocks. What can't be known is left to the render, which
//! notes each read of an unknown field.

mod blocks;
mod call;
mod expression;
mod filter;
mod statement;
mod subscript;
mod types;
mod uses;

use statement::Parent;
pub(super) use subscript::as_attributes;
use types::Type;
pub(crate) use uses::MacroUses;

use super::{
    ErrorPlace, TemplateError, TemplateErrorKind,
    environment::environment,
    inspect::{Callable, callable_in},
    markup,
    sources::{Sources, reached},
    stack::on_large_stack,
    variables::Variables,
};
use crate::kubernetes::Shape;
use minijinja::{
    Environment,
    machinery::{
        Span,
        ast::{self, Expr},
        parse,
    },
};
use std::{
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
};

/// The most statements and expressions that are walked for one set, each as often as it is used: what is beyond is left to the
/// render.
const MOST_STEPS: usize = 300_000;

/// How deep includes and macro calls are followed.
const DEEPEST: usize = 12;

/// A place where a template calls `refuse` or `warn`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Site {
    /// The line, from 1.
    pub line: usize,
    /// `refuse` or `warn`.
    pub function: &'static str,
}

/// The text of every template of an environment, by the name that the engine knows it by.
pub(super) fn texts(environment: &Environment<'_>) -> BTreeMap<String, String> {
    let templates = environment.templates();
    templates
        .map(|(name, template)| (name.to_owned(), template.source().to_owned()))
        .collect()
}

/// All that is wrong with the templates of these names.
pub(super) fn check<'n>(
    environment: &Environment<'_>,
    sources: &Sources,
    names: impl Iterator<Item = &'n str>,
    variables: &dyn Fn(&str) -> Variables,
) -> Vec<TemplateError> {
    let texts = texts(environment);
    let names: Vec<_> = names.collect();
    let trees = trees(environment, &texts, &names);
    let callable = callable_in(environment);
    let mut analysis = Analysis {
        trees: &trees,
        texts: &texts,
        callable: &callable,
        sources,
        template: "",
        scopes: Vec::new(),
        is_complete: true,
        errors: Vec::new(),
        seen: BTreeSet::new(),
        reported: BTreeSet::new(),
        called: BTreeSet::new(),
        used_at: Vec::new(),
        steps: 0,
    };
    for name in names {
        analysis.template(name, &variables(name));
    }
    analysis.errors
}

/// Every place where a template calls `refuse` or `warn`; none where it doesn't compile.
pub(crate) fn sites(source: &str) -> Vec<Site> {
    on_large_stack(|| {
        let environment = environment();
        let Ok(tree) = parse(source, "template", environment.syntax().clone()) else {
            return Vec::new();
        };
        let mut sites = BTreeSet::new();
        statement::calls(&tree, &mut |called, span| {
            if let Some(function) = ["refuse", "warn"].into_iter().find(|name| *name == called) {
                let line = usize::from(span.start_line);
                sites.insert(Site { line, function });
            }
        });
        sites.into_iter().collect()
    })
    .unwrap_or_default()
}

/// The syntax trees of these templates and of those that they use by name; of one that doesn't compile there is none.
fn trees<'t>(
    environment: &Environment<'_>,
    texts: &'t BTreeMap<String, String>,
    names: &[&str],
) -> BTreeMap<&'t str, ast::Stmt<'t>> {
    let mut trees = BTreeMap::new();
    let mut open: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    while let Some(name) = open.pop() {
        let Some((name, text)) = texts.get_key_value(&name) else {
            continue;
        };
        if trees.contains_key(name.as_str()) {
            continue;
        }
        if let Ok(tree) = parse(text, name, environment.syntax().clone()) {
            open.extend(statement::used(&tree).iter().map(|used| reached(used, name)));
            trees.insert(name.as_str(), tree);
        }
    }
    trees
}

/// The names of one scope.
type Scope<'a> = BTreeMap<&'a str, Type<'a>>;

/// A walk through the templates of a set.
struct Analysis<'a> {
    trees: &'a BTreeMap<&'a str, ast::Stmt<'a>>,
    texts: &'a BTreeMap<String, String>,
    callable: &'a Callable,
    sources: &'a Sources,
    /// The template that is walked now, as the engine knows it.
    template: &'a str,
    /// The innermost last.
    scopes: Vec<Scope<'a>>,
    /// Whether all variables in reach are known. A partial may be included where there are others.
    is_complete: bool,
    errors: Vec<TemplateError>,
    /// What was said already, and where.
    seen: BTreeSet<(String, Option<usize>, String)>,
    /// The pieces that something was said of.
    reported: BTreeSet<(&'a str, u32, u32)>,
    /// The macros that were walked, with what they were given.
    called: BTreeSet<(usize, String)>,
    /// Where the templates and macros that are walked now were used, the outermost first.
    used_at: Vec<ErrorPlace>,
    steps: usize,
}

impl<'a> Analysis<'a> {
    /// Walks a template with these variables.
    fn template(&mut self, name: &str, variables: &Variables) {
        let Some((name, tree)) = self.trees.get_key_value(name) else {
            return;
        };
        let name = *name;
        self.template = name;
        // A variable of the top isn't a field of an object: `context_version` is always a number.
        let of = |shape: &Shape| match shape {
            Shape::Scalar(_) => Type::Unknown,
            shape => Type::of(shape),
        };
        let variables = variables.iter().map(|(name, shape)| (*name, of(shape)));
        let mut base: Scope<'a> = variables.collect();
        // What a parent sets, its blocks see; and a template's own names are there wherever a block of it is written.
        let (chain, is_whole) = self.chain(name);
        let (included, are_all) = self.included(name, &chain);
        let own = std::iter::once(name)
            .chain(included)
            .filter_map(|name| self.trees.get(name));
        let of_parents = chain.iter().filter_map(|name| self.trees.get(name));
        let assigned = own
            .flat_map(statement::assigned_at_top)
            .chain(of_parents.flat_map(statement::assigned));
        for assigned in assigned {
            base.entry(assigned).or_insert(Type::Unknown);
        }
        self.is_complete = is_whole && are_all;
        self.scopes = vec![base, Scope::new()];
        self.blocks(name, tree, &chain, is_whole);
        self.statement(tree);
    }

    /// The templates that a template extends, the nearest first, and whether these are all.
    fn chain(&self, name: &'a str) -> (Vec<&'a str>, bool) {
        let mut chain: Vec<&'a str> = Vec::new();
        let mut next = name;
        while let Some(tree) = self.trees.get(next) {
            let parent = match statement::parent(tree) {
                Parent::None => return (chain, true),
                Parent::AtRender => return (chain, false),
                Parent::Named(parent) => reached(&parent, next),
            };
            match self.trees.get_key_value(parent.as_str()) {
                Some((known, _)) if *known != name && !chain.contains(known) => {
                    chain.push(known);
                    next = known;
                }
                _ => return (chain, false),
            }
        }
        (chain, false)
    }

    /// The templates that a template and those that it extends include, and whether these are all.
    fn included(&self, name: &'a str, chain: &[&'a str]) -> (Vec<&'a str>, bool) {
        let mut included: Vec<&'a str> = Vec::new();
        let mut are_all = true;
        let mut open: Vec<&'a str> = std::iter::once(name).chain(chain.iter().copied()).collect();
        while let Some((by, tree)) = open.pop().and_then(|name| self.trees.get_key_value(name)) {
            for names in statement::included(tree) {
                are_all &= !names.is_empty();
                for name in names {
                    if let Some((known, _)) = self.trees.get_key_value(reached(&name, by).as_str())
                        && !included.contains(known)
                    {
                        included.push(known);
                        open.push(known);
                    }
                }
            }
        }
        (included, are_all)
    }

    /// The text of the template that is walked.
    fn text(&self) -> &'a str {
        self.texts.get(self.template).map_or("", String::as_str)
    }

    /// The words of a piece of the template that is walked. The engine's span of a field may begin behind what has it.
    fn words(&self, span: Span) -> &'a str {
        let text = self.text();
        let begin = base(text, span.start_offset as usize);
        text.get(begin..span.end_offset as usize).unwrap_or_default()
    }

    /// The words of an expression, with what a filter, a test or a call is of.
    fn words_of(&self, expression: &Expr<'_>) -> &'a str {
        let mut first = expression;
        while let Some(subject) = match first {
            Expr::Call(call) => Some(&call.expr),
            Expr::Test(test) => Some(&test.expr),
            Expr::Filter(filter) => filter.expr.as_ref(),
            _ => None,
        } {
            first = subject;
        }
        let mut whole = expression.span();
        whole.start_offset = first.span().start_offset;
        self.words(whole)
    }

    /// Whether a piece of the template that is walked was found wrong before; then there is nothing to add.
    fn is_reported(&self, span: Span) -> bool {
        self.reported
            .contains(&(self.template, span.start_offset, span.end_offset))
    }

    /// Notes what is wrong with a piece of the template that is walked.
    fn wrong(&mut self, kind: TemplateErrorKind, span: Span, message: String) {
        self.reported
            .insert((self.template, span.start_offset, span.end_offset));
        let shown = self.sources.full_name(self.template);
        let line = usize::from(span.start_line);
        if self.seen.insert((shown.clone(), Some(line), message.clone())) {
            let source = self.sources.get(self.template).unwrap_or_default();
            // The engine may have less of the beginning, a policy's mode.
            let behind = source.len().saturating_sub(self.text().len());
            let bytes = behind + span.start_offset as usize..behind + span.end_offset as usize;
            let mut error = TemplateError::new(kind, &shown, message).at(source, line, Some(bytes));
            error.via.clone_from(&self.used_at);
            self.errors.push(error);
        }
    }

    /// A name that nothing has.
    fn unknown(&mut self, span: Span, what: &str) {
        let words = self.words(span);
        let said = if words.contains('\n') || words.is_empty() {
            what.to_owned()
        } else {
            format!("`{words}` is undefined: {what}")
        };
        self.wrong(TemplateErrorKind::Undefined, span, said);
    }

    /// Whether there is room for one more step.
    fn may_go_on(&mut self) -> bool {
        self.steps += 1;
        self.steps <= MOST_STEPS
    }

    fn lookup(&self, name: &str) -> Option<Type<'a>> {
        let mut scopes = self.scopes.iter().rev();
        scopes.find_map(|scope| scope.get(name)).cloned()
    }

    fn assign(&mut self, name: &'a str, kind: Type<'a>) {
        if let Some(scope) = self.scopes.last_mut() {
            scope.insert(name, kind);
        }
    }

    /// Does something in a scope of its own.
    fn within(&mut self, work: impl FnOnce(&mut Self)) {
        self.scopes.push(Scope::new());
        work(self);
        self.scopes.pop();
    }

    /// Walks another template, or a macro, as a part of this one; `span` is what uses it here.
    fn inside<R>(&mut self, template: &'a str, span: Span, work: impl FnOnce(&mut Self) -> R) -> Option<R> {
        if self.used_at.len() >= DEEPEST {
            return None;
        }
        self.used_at.push(ErrorPlace {
            template: self.sources.full_name(self.template),
            line: Some(usize::from(span.start_line)),
        });
        let outer = std::mem::replace(&mut self.template, template);
        let result = work(self);
        self.template = outer;
        self.used_at.pop();
        Some(result)
    }

    /// All names in reach now, for a macro that is called later.
    fn reach(&self) -> Rc<Scope<'a>> {
        let mut all = Scope::new();
        for scope in &self.scopes {
            all.extend(scope.iter().map(|(name, kind)| (*name, kind.clone())));
        }
        Rc::new(all)
    }
}

/// The same text with a name of its own, of the same length, for each call of `refuse` or `warn`, so that the function knows
/// where it was called; and these names. `first` is the number of the first one.
pub(super) fn numbered(
    environment: &Environment<'_>,
    name: &str,
    text: &str,
    first: usize,
) -> (String, Vec<(String, Site)>) {
    let Ok(tree) = parse(text, name, environment.syntax().clone()) else {
        return (text.to_owned(), Vec::new());
    };
    let mut numbered = text.to_owned();
    let mut sites = Vec::new();
    if statement::assigned(&tree)
        .iter()
        .any(|name| ["refuse", "warn"].contains(name))
    {
        return (numbered, sites);
    }
    statement::calls(&tree, &mut |called, span| {
        let Some(function) = ["refuse", "warn"].into_iter().find(|name| *name == called) else {
            return;
        };
        let width = function.len() - 1;
        let own = format!(
            "{}{:0width$X}",
            &function[..1].to_uppercase(),
            first + sites.len()
        );
        let place = span.start_offset as usize..span.end_offset as usize;
        if own.len() == function.len() && text.get(place.clone()) == Some(function) && !text.contains(&own) {
            numbered.replace_range(place, &own);
            let line = usize::from(span.start_line);
            sites.push((own, Site { line, function }));
        }
    });
    (numbered, sites)
}

/// The text that is given to the engine: what the template's author wrote, with what makes it easier to read as it was meant.
pub(super) fn prepared(environment: &Environment<'_>, name: &str, source: &str) -> String {
    let text = markup::with_line_breaks(source);
    match parse(&text, name, environment.syntax().clone()) {
        Ok(tree) => as_attributes(&text, &tree),
        Err(_) => text,
    }
}

/// Where the path begins whose next step, a dot or a bracket, is at `start`.
fn base(text: &str, start: usize) -> usize {
    let mut begin = start;
    while text.get(begin..).is_some_and(|rest| rest.starts_with(['.', '['])) {
        let before = &text[..begin];
        let is_word = |character: char| character.is_alphanumeric() || character == '_';
        let word = before.trim_end_matches(is_word);
        let step = if word.len() < before.len() {
            // The name of a field has its dot before it.
            if word.ends_with('.') {
                word.len() - 1
            } else {
                word.len()
            }
        } else if let Some(opened) = opened(before) {
            opened
        } else {
            break;
        };
        begin = step;
    }
    begin
}

/// Where the bracket was opened that a text ends with.
fn opened(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, character) in text.char_indices().rev() {
        match character {
            ')' | ']' => depth += 1,
            '(' | '[' if depth == 1 => return Some(at),
            '(' | '[' => depth = depth.checked_sub(1)?,
            _ if depth == 0 => return None,
            _ => {}
        }
    }
    None
}
