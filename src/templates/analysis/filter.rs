//! Filters: those that read fields by name, and those that hand on what they get.

use super::{
    Analysis, Type,
    expression::{is_equality, is_order},
};
use crate::{
    kubernetes::Shape,
    templates::{
        TemplateErrorKind,
        error::{unequal, unordered_field},
        typed::did_you_mean,
        vocabulary,
    },
};
use minijinja::machinery::{
    Span,
    ast::{self, CallArg, Expr},
};
use std::rc::Rc;

impl<'a> Analysis<'a> {
    pub(super) fn filter(&mut self, filter: &'a ast::Spanned<ast::Filter<'a>>) -> Type<'a> {
        let subject = match &filter.expr {
            Some(subject) => self.expression(subject),
            None => Type::Constant,
        };
        let arguments = self.arguments(&filter.args);
        if !self.callable.filters.iter().any(|known| known == filter.name) {
            let detail = format!("filter {} is unknown", filter.name);
            let advice = match vocabulary::advice(&detail) {
                Some(advice) => format!(" ({advice})"),
                None => did_you_mean(filter.name, self.callable.filters.iter().map(String::as_str)),
            };
            let message = format!("unknown filter: {detail}{advice}");
            self.wrong(TemplateErrorKind::Render, filter.span(), message);
            return Type::Unknown;
        }
        let path = attribute(filter.name, &filter.args);
        if let (Some((path, span)), Some(of)) = (&path, &filter.expr) {
            let mut kind = Type::Unknown;
            for path in path.split(',') {
                kind = self.path(&subject.item(), path.trim(), of, *span);
            }
            let test = compared_with(filter.name, &filter.args);
            if test.is_some_and(is_equality)
                && let Some(CallArg::Pos(Expr::Const(other))) = filter.args.get(2)
                && let Some(scalar) = kind.never_equal_to(&other.value)
            {
                let message = unequal(path, scalar, self.words(other.span()));
                self.wrong(TemplateErrorKind::Syntax, *span, message);
            }
            if test.is_some_and(is_order) && subject.item().is_of_object() {
                let message = unordered_field(path);
                self.wrong(TemplateErrorKind::Syntax, *span, message);
            }
        }
        match filter.name {
            "default" | "d" => match arguments.first() {
                Some(default) => subject.or(default),
                None => subject,
            },
            "attr" => match (filter.args.first(), &filter.expr) {
                (Some(CallArg::Pos(Expr::Const(name))), Some(of)) => match name.value.as_str() {
                    Some(name) => self.field(&subject, name, of, filter.span()),
                    None => Type::Unknown,
                },
                _ => Type::Unknown,
            },
            "list" | "sort" | "reverse" | "unique" | "select" | "reject" | "selectattr" | "rejectattr" => {
                match subject {
                    Type::List(_) => subject,
                    _ => Type::Unknown,
                }
            }
            "first" | "last" | "min" | "max" => match subject {
                Type::List(item) => item.as_ref().clone(),
                _ => Type::Unknown,
            },
            "map" => match (&path, &filter.expr) {
                (Some((path, span)), Some(of)) => self.path(&subject.item(), path, of, *span).list(),
                _ => Type::Unknown,
            },
            "items" | "dictsort" => {
                let value = match &subject {
                    Type::Of(Shape::Map(item)) => Type::of(item),
                    _ => Type::Unknown,
                };
                Type::Pair(Rc::new((Type::Constant, value))).list()
            }
            "groupby" => match subject {
                Type::List(_) => Type::Pair(Rc::new((Type::Unknown, subject))).list(),
                _ => Type::Unknown,
            },
            "batch" | "slice" => match subject {
                Type::List(_) => subject.list(),
                _ => Type::Unknown,
            },
            _ => Type::Unknown,
        }
    }

    /// The filters that a block or an assignment goes through.
    pub(super) fn filters_of(&mut self, filter: Option<&'a Expr<'a>>) {
        if let Some(filter) = filter {
            self.expression(filter);
        }
    }

    /// Reads `a.b.c` of a value.
    fn path(&mut self, of: &Type<'a>, path: &str, subject: &'a Expr<'a>, span: Span) -> Type<'a> {
        let mut kind = of.clone();
        for name in path.split('.') {
            kind = match (&kind, name.parse::<usize>()) {
                (Type::List(item), Ok(_)) => item.as_ref().clone(),
                (_, Ok(_)) => Type::Unknown,
                (_, Err(_)) => self.field(&kind, name, subject, span),
            };
        }
        kind
    }
}

/// The path that a filter reads of each item.
fn attribute<'a>(filter: &str, arguments: &'a [CallArg<'a>]) -> Option<(&'a str, Span)> {
    let by_position = ["selectattr", "rejectattr", "groupby"].contains(&filter);
    let by_name = ["map", "sort", "unique", "groupby", "sum", "join", "min", "max"].contains(&filter);
    let value = arguments
        .iter()
        .enumerate()
        .find_map(|(index, argument)| match argument {
            CallArg::Pos(value) if by_position && index == 0 => Some(value),
            CallArg::Kwarg("attribute", value) if by_name => Some(value),
            _ => None,
        })?;
    match value {
        Expr::Const(constant) => Some((constant.value.as_str()?, value.span())),
        _ => None,
    }
}

/// The test that `selectattr("path", "test", …)` makes.
fn compared_with<'a>(filter: &str, arguments: &'a [CallArg<'a>]) -> Option<&'a str> {
    match arguments.get(1) {
        Some(CallArg::Pos(Expr::Const(test))) if ["selectattr", "rejectattr"].contains(&filter) => {
            test.value.as_str()
        }
        _ => None,
    }
}
