//! What is known of a value before there is one.

use super::Scope;
use crate::kubernetes::{Scalar, Shape};
use minijinja::{
    machinery::ast,
    value::{Value, ValueKind},
};
use std::rc::Rc;

/// What is known of a value.
#[derive(Debug, Clone)]
pub(in crate::templates) enum Type<'a> {
    /// Nothing.
    Unknown,
    /// It is of an object, and has this shape.
    Of(Shape),
    /// A list of such values.
    List(Rc<Type<'a>>),
    /// Two values, as of a mapping's items.
    Pair(Rc<(Type<'a>, Type<'a>)>),
    /// A text or a number that the template has in itself.
    Constant,
    /// `loop`.
    Loop,
    /// A macro.
    Macro(Rc<Macro<'a>>),
    /// What `import` gives.
    Module(Rc<Scope<'a>>),
}

/// A macro, and what it sees.
#[derive(Debug)]
pub(in crate::templates) struct Macro<'a> {
    pub(super) declared: &'a ast::Macro<'a>,
    /// The template that has it.
    pub(super) template: &'a str,
    pub(super) reach: Rc<Scope<'a>>,
    /// Whether these are all names that it can see.
    pub(super) is_complete: bool,
}

impl Type<'_> {
    /// The type of a value of this shape.
    pub(in crate::templates) fn of(shape: &Shape) -> Self {
        match shape {
            Shape::List(item) => Self::List(Rc::new(Self::of(item))),
            other => Self::Of(other.clone()),
        }
    }

    /// A list of these.
    pub(super) fn list(self) -> Self {
        Self::List(Rc::new(self))
    }

    /// Both at once, where it may be the one or the other.
    pub(super) fn or(self, other: &Self) -> Self {
        match (&self, other) {
            (Self::List(item), Self::List(other_item)) => item.as_ref().clone().or(other_item).list(),
            // `x | default([])` is a list of what `x` has.
            (_, Self::Constant) if self.is_of_object() => self.of_any_kind(),
            (Self::Constant, _) if other.is_of_object() => other.clone().of_any_kind(),
            _ if self.key() == other.key() => self,
            (Self::Of(Shape::Scalar(_)), Self::Of(Shape::Scalar(_))) => self.of_any_kind(),
            _ => Self::Unknown,
        }
    }

    /// The same where a constant, which may be of another kind, is used in its place.
    fn of_any_kind(self) -> Self {
        match self {
            Self::Of(Shape::Scalar(_)) => Self::Of(Shape::Scalar(Scalar::Any)),
            other => other,
        }
    }

    /// What a loop over it gives, one after the other.
    pub(super) fn item(&self) -> Self {
        match self {
            Self::List(item) => item.as_ref().clone(),
            // Names of fields, or users' keys.
            Self::Of(Shape::Object(_) | Shape::Map(_)) => Self::Constant,
            // A list of an object whose kind isn't known.
            Self::Of(Shape::Open) => self.clone(),
            _ => Self::Unknown,
        }
    }

    /// What kind of scalar it is, if that is never equal to a constant, because the one is a text and the other none.
    pub(super) fn never_equal_to(&self, constant: &Value) -> Option<Scalar> {
        let is_text = match constant.kind() {
            ValueKind::String => true,
            ValueKind::Bool | ValueKind::Number => false,
            _ => return None,
        };
        match self {
            Self::Of(Shape::Scalar(kind @ (Scalar::Boolean | Scalar::Number))) if is_text => Some(*kind),
            Self::Of(Shape::Scalar(kind @ Scalar::Text)) if !is_text => Some(*kind),
            _ => None,
        }
    }

    /// Whether it was read of an object, so that it may be of any kind, or not be there.
    pub(super) fn is_of_object(&self) -> bool {
        matches!(self, Self::Of(_) | Self::List(_))
    }

    /// What tells it from others.
    pub(super) fn key(&self) -> String {
        match self {
            Self::Unknown => "?".to_owned(),
            Self::Of(Shape::Object(fields)) => {
                format!("{}@{:p}", fields.name, std::sync::Arc::as_ptr(fields))
            }
            Self::Of(Shape::List(item)) => format!("[{}]", Self::of(item).key()),
            Self::Of(Shape::Map(item)) => format!("{{{}}}", Self::of(item).key()),
            Self::Of(Shape::Scalar(kind)) => format!("scalar {kind:?}"),
            Self::Of(Shape::Open) => "open".to_owned(),
            Self::List(item) => format!("[{}]", item.key()),
            Self::Pair(pair) => format!("({},{})", pair.0.key(), pair.1.key()),
            Self::Constant => "constant".to_owned(),
            Self::Loop => "loop".to_owned(),
            Self::Macro(named) => format!("macro {:p}", named.declared),
            Self::Module(names) => format!("module {:p}", Rc::as_ptr(names)),
        }
    }
}
