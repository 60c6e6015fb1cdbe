//! Expressions: what they read, and what comes of it.

use super::{Analysis, Type};
use crate::{
    kubernetes::Shape,
    templates::{
        TemplateErrorKind,
        error::{unequal, unordered_field, unordered_text},
        typed::{self, did_you_mean, nearest},
        variables::is_of_engine,
    },
};
use minijinja::{
    machinery::{
        Span,
        ast::{self, BinOpKind, CompareOpKind, Expr},
    },
    value::{Value, ValueKind},
};

/// What `loop` has.
const LOOP: [&str; 9] = [
    "index",
    "index0",
    "revindex",
    "revindex0",
    "first",
    "last",
    "length",
    "depth",
    "depth0",
];

/// The filters that make a text of whatever they get.
const TEXT_FILTERS: [&str; 11] = [
    "capitalize",
    "escape",
    "format",
    "indent",
    "join",
    "lower",
    "replace",
    "string",
    "title",
    "trim",
    "upper",
];

/// What is done with two values.
#[derive(Clone, Copy)]
enum Comparison {
    BySize,
    Equal,
    In,
}

impl<'a> Analysis<'a> {
    /// Walks an expression. What it reads that there can't be is noted.
    pub(super) fn expression(&mut self, expression: &'a Expr<'a>) -> Type<'a> {
        if !self.may_go_on() {
            return Type::Unknown;
        }
        match expression {
            Expr::Var(variable) => self.variable(variable.id, variable.span()),
            Expr::Const(_) => Type::Constant,
            Expr::Slice(slice) => {
                for bound in [&slice.start, &slice.stop, &slice.step].into_iter().flatten() {
                    self.expression(bound);
                }
                self.expression(&slice.expr)
            }
            Expr::UnaryOp(operation) => {
                self.expression(&operation.expr);
                Type::Unknown
            }
            Expr::BinOp(operation) => self.operation(operation),
            Expr::Compare(compared) => {
                let mut left = &compared.expr;
                let mut kind = self.expression(left);
                for operand in &compared.ops {
                    let right = self.expression(&operand.expr);
                    let comparison = match operand.op {
                        CompareOpKind::Lt | CompareOpKind::Lte | CompareOpKind::Gt | CompareOpKind::Gte => {
                            Comparison::BySize
                        }
                        CompareOpKind::Eq | CompareOpKind::Ne => Comparison::Equal,
                        CompareOpKind::In | CompareOpKind::NotIn => Comparison::In,
                    };
                    self.comparison(comparison, (left, &kind), (&operand.expr, &right));
                    (left, kind) = (&operand.expr, right);
                }
                Type::Unknown
            }
            Expr::IfExpr(condition) => {
                self.expression(&condition.test_expr);
                let kind = self.expression(&condition.true_expr);
                match &condition.false_expr {
                    Some(other) => {
                        let other = self.expression(other);
                        kind.or(&other)
                    }
                    None => kind,
                }
            }
            Expr::Filter(filter) => self.filter(filter),
            Expr::Test(test) => self.test(test),
            Expr::GetAttr(read) => {
                let of = self.expression(&read.expr);
                self.field(&of, read.name, &read.expr, read.span())
            }
            Expr::GetItem(read) => self.item_of(read),
            Expr::Call(call) => self.call(call),
            Expr::List(list) => self.literal(&list.items),
            Expr::Tuple(tuple) => {
                tuple.items.iter().for_each(|item| {
                    self.expression(item);
                });
                Type::Unknown
            }
            Expr::Map(map) => {
                map.keys.iter().chain(&map.values).for_each(|part| {
                    self.expression(part);
                });
                Type::Unknown
            }
        }
    }

    /// A function that is written and not called does nothing.
    pub(super) fn called(&mut self, written: &'a Expr<'a>) {
        if let Expr::Var(variable) = written
            && self.lookup(variable.id).is_none()
            && self.callable.functions.iter().any(|known| known == variable.id)
        {
            let message = format!(
                "`{0}` is a function, and isn't called; write `{0}(…)`",
                variable.id
            );
            self.wrong(TemplateErrorKind::Syntax, variable.span(), message);
        }
    }

    fn literal(&mut self, items: &'a [Expr<'a>]) -> Type<'a> {
        let mut kinds = items
            .iter()
            .map(|item| self.expression(item))
            .collect::<Vec<_>>()
            .into_iter();
        match kinds.next() {
            None => Type::Constant,
            Some(first) => match kinds.fold(first, |kind, other| kind.or(&other)) {
                Type::Constant => Type::Constant,
                kind => kind.list(),
            },
        }
    }

    fn variable(&mut self, name: &'a str, span: Span) -> Type<'a> {
        if let Some(kind) = self.lookup(name) {
            return kind;
        }
        if self.is_reported(span) {
            return Type::Unknown;
        }
        if self.is_complete
            && !is_of_engine(name)
            && !self.callable.functions.iter().any(|known| known == name)
        {
            let known: Vec<&str> = self
                .scopes
                .iter()
                .flat_map(|scope| scope.keys().copied())
                .collect();
            let unknown = typed::Unknown::variable(name, known.into_iter());
            self.unknown(span, &unknown.without_name());
        }
        Type::Unknown
    }

    /// A field of a value.
    pub(super) fn field(&mut self, of: &Type<'a>, name: &str, subject: &'a Expr<'a>, span: Span) -> Type<'a> {
        if self.is_reported(span) {
            return Type::Unknown;
        }
        match of {
            Type::Of(Shape::Object(fields)) => match fields.get(name) {
                Some(shape) => Type::of(shape),
                None if fields.is_open => Type::Of(Shape::Open),
                None => {
                    let unknown = typed::Unknown::new(fields, name);
                    self.unknown(span, &unknown.without_name());
                    Type::Unknown
                }
            },
            // What users' keys hold may not be there, either.
            Type::Of(Shape::Map(item)) => Type::of(item),
            Type::Of(Shape::Open) => of.clone(),
            Type::Of(Shape::Scalar(_)) => self.no_fields(subject, span, "a text, a number or a boolean"),
            Type::Of(Shape::List(_)) | Type::List(_) => self.no_fields(subject, span, "a list"),
            Type::Loop => {
                if !LOOP.contains(&name) {
                    let near = nearest(name, LOOP.into_iter());
                    let advice = near
                        .map(|near| format!("; did you mean `{near}`?"))
                        .unwrap_or_default();
                    self.unknown(span, &format!("unknown field of `loop`{advice}"));
                }
                Type::Unknown
            }
            Type::Module(names) => match names.get(name) {
                Some(kind) => kind.clone(),
                None => {
                    let near = nearest(name, names.keys().copied());
                    let advice = near
                        .map(|near| format!("; did you mean `{near}`?"))
                        .unwrap_or_default();
                    self.unknown(span, &format!("the template has nothing of this name{advice}"));
                    Type::Unknown
                }
            },
            Type::Unknown | Type::Pair(_) | Type::Constant | Type::Macro(_) => Type::Unknown,
        }
    }

    fn no_fields(&mut self, subject: &'a Expr<'a>, span: Span, what: &str) -> Type<'a> {
        let words = self.words_of(subject);
        self.unknown(
            span,
            &format!("unknown field, because `{words}` is {what} and has none"),
        );
        Type::Unknown
    }

    fn item_of(&mut self, read: &'a ast::Spanned<ast::GetItem<'a>>) -> Type<'a> {
        let of = self.expression(&read.expr);
        self.expression(&read.subscript_expr);
        if let Expr::Const(subscript) = &read.subscript_expr {
            if let Some(name) = subscript.value.as_str() {
                return self.field(&of, name, &read.expr, read.span());
            }
            if let (Type::Pair(pair), Some(index)) = (&of, subscript.value.as_usize()) {
                return if index == 0 {
                    pair.0.clone()
                } else {
                    pair.1.clone()
                };
            }
        }
        match of {
            Type::List(item) => item.as_ref().clone(),
            Type::Of(Shape::Map(item)) => Type::of(&item),
            Type::Of(Shape::Open) => of,
            _ => Type::Unknown,
        }
    }

    fn operation(&mut self, operation: &'a ast::Spanned<ast::BinOp<'a>>) -> Type<'a> {
        let left = self.expression(&operation.left);
        let right = self.expression(&operation.right);
        let comparison = match operation.op {
            BinOpKind::Lt | BinOpKind::Lte | BinOpKind::Gt | BinOpKind::Gte => Comparison::BySize,
            BinOpKind::Eq | BinOpKind::Ne => Comparison::Equal,
            BinOpKind::In => Comparison::In,
            BinOpKind::ScAnd | BinOpKind::ScOr => return left.or(&right),
            BinOpKind::Add => {
                return match (&left, &right) {
                    (Type::List(_), Type::List(_)) => left.or(&right),
                    _ => Type::Unknown,
                };
            }
            _ => return Type::Unknown,
        };
        self.comparison(comparison, (&operation.left, &left), (&operation.right, &right));
        Type::Unknown
    }

    /// Two values that are compared, where the outcome would be the same whatever they are.
    fn comparison(
        &mut self,
        comparison: Comparison,
        (left, left_kind): (&'a Expr<'a>, &Type<'a>),
        (right, right_kind): (&'a Expr<'a>, &Type<'a>),
    ) {
        match comparison {
            Comparison::BySize => {
                let of_object = left_kind.is_of_object() || right_kind.is_of_object();
                for (side, kind) in [(left, left_kind), (right, right_kind)] {
                    if kind.is_of_object() {
                        let words = self.words_of(side);
                        let message = unordered_field(words);
                        self.wrong(TemplateErrorKind::Syntax, side.span(), message);
                    } else if self.callable.judges() && !of_object && is_text(side) {
                        let message = unordered_text(self.words_of(side));
                        self.wrong(TemplateErrorKind::Syntax, side.span(), message);
                    }
                }
            }
            Comparison::Equal => {
                self.equal((left, left_kind), right);
                self.equal((right, right_kind), left);
            }
            Comparison::In => {
                self.contains(left, (right, right_kind));
                self.one_of((left, left_kind), right);
            }
        }
    }

    /// What is compared with something that the template spells out.
    fn equal(&mut self, (side, kind): (&'a Expr<'a>, &Type<'a>), other: &'a Expr<'a>) {
        let is_object = matches!(kind, Type::Of(Shape::Object(_)) | Type::List(_));
        match other {
            Expr::Map(map) => {
                for key in &map.keys {
                    if let (Type::Of(Shape::Object(_)), Expr::Const(name)) = (kind, key)
                        && let Some(name) = name.value.as_str()
                    {
                        self.field(kind, name, side, key.span());
                    }
                }
            }
            Expr::Const(constant) if is_object && is_scalar(&constant.value) => {
                let words = self.words_of(side);
                let what = if matches!(kind, Type::List(_)) {
                    "a list"
                } else {
                    "an object"
                };
                let message = format!(
                    "`{words}` is {what}, and never equal to {}; ask whether it is there with `{{% if {words} %}}`",
                    self.words(other.span())
                );
                self.wrong(TemplateErrorKind::Syntax, side.span(), message);
            }
            Expr::Const(constant) => {
                if let Some(scalar) = kind.never_equal_to(&constant.value) {
                    let message = unequal(self.words_of(side), scalar, self.words(other.span()));
                    self.wrong(TemplateErrorKind::Syntax, side.span(), message);
                }
            }
            _ => {}
        }
    }

    /// A value that is looked for among those that the template spells out.
    fn one_of(&mut self, (item, kind): (&'a Expr<'a>, &Type<'a>), within: &'a Expr<'a>) {
        let others = match within {
            Expr::List(list) => &list.items,
            Expr::Tuple(tuple) => &tuple.items,
            _ => return,
        };
        for other in others {
            self.equal((item, kind), other);
        }
    }

    /// A value that the template spells out, and what it is looked for in.
    pub(super) fn contains(&mut self, item: &'a Expr<'a>, (within, kind): (&'a Expr<'a>, &Type<'a>)) {
        let Expr::Const(constant) = item else { return };
        let Some(name) = constant.value.as_str() else {
            return;
        };
        match kind {
            Type::Of(Shape::Object(_)) => {
                self.field(kind, name, within, item.span());
            }
            Type::List(items) if matches!(items.as_ref(), Type::Of(Shape::Object(_)) | Type::List(_)) => {
                let words = self.words_of(within);
                let message = format!(
                    "`{words}` is a list of objects, and a text is never in it; use `{words} | map(attribute=\"name\")`"
                );
                self.wrong(TemplateErrorKind::Syntax, item.span(), message);
            }
            _ => {}
        }
    }

    fn test(&mut self, test: &'a ast::Spanned<ast::Test<'a>>) -> Type<'a> {
        let subject = self.expression(&test.expr);
        let kinds = self.arguments(&test.args);
        let is_known = self.callable.tests.iter().any(|known| known == test.name);
        if !is_known {
            let advice = did_you_mean(test.name, self.callable.tests.iter().map(String::as_str));
            let message = format!("unknown test: test {} is unknown{advice}", test.name);
            self.wrong(TemplateErrorKind::Render, test.span(), message);
        }
        if let (Some(ast::CallArg::Pos(other)), Some(kind)) = (test.args.first(), kinds.first()) {
            match test.name {
                "in" => self.comparison(Comparison::In, (&test.expr, &subject), (other, kind)),
                name if is_equality(name) => {
                    self.comparison(Comparison::Equal, (&test.expr, &subject), (other, kind));
                }
                name if is_order(name) => {
                    self.comparison(Comparison::BySize, (&test.expr, &subject), (other, kind));
                }
                _ => {}
            }
        }
        Type::Unknown
    }
}

/// Whether a test asks if two values are equal.
pub(super) fn is_equality(test: &str) -> bool {
    ["eq", "equalto", "==", "ne", "!="].contains(&test)
}

/// Whether a test asks which of two values is the larger.
pub(super) fn is_order(test: &str) -> bool {
    [
        "lt",
        "lessthan",
        "<",
        "le",
        "<=",
        "gt",
        "greaterthan",
        ">",
        "ge",
        ">=",
    ]
    .contains(&test)
}

/// Whether an expression is a text, by its form. Texts are ordered letter by letter: "16" is less than "4".
fn is_text(expression: &Expr<'_>) -> bool {
    match expression {
        Expr::Const(constant) => constant.value.as_str().is_some(),
        Expr::BinOp(operation) => matches!(operation.op, BinOpKind::Concat),
        Expr::Filter(filter) => TEXT_FILTERS.contains(&filter.name),
        _ => false,
    }
}

fn is_scalar(value: &Value) -> bool {
    matches!(
        value.kind(),
        ValueKind::Bool | ValueKind::Number | ValueKind::String | ValueKind::None
    )
}
