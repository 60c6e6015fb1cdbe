//! Calls: of functions, of macros with what they are given, and of blocks.

use super::{Analysis, Scope, Type, statement, types::Macro};
use crate::{
    kubernetes::Shape,
    templates::{
        TemplateErrorKind,
        error::Cause,
        filters::A_TEXT,
        typed::{self, nearest},
        variables::is_of_engine,
        vocabulary,
    },
};
use minijinja::machinery::{
    Span,
    ast::{self, CallArg, CallType, Expr},
};
use std::rc::Rc;

/// The functions that say something to the author of an application.
const SAYING: [&str; 2] = ["refuse", "warn"];

/// Whether a name is a function's, or what stands for it where each call has a name of its own.
fn is_call_of(name: &str, function: &str) -> bool {
    let number = name.strip_prefix(&function[..1].to_uppercase());
    let is_numbered = |number: &str| number.bytes().all(|digit| digit.is_ascii_hexdigit());
    name == function || (name.len() == function.len() && number.is_some_and(is_numbered))
}

impl<'a> Analysis<'a> {
    /// The types of arguments, in their order.
    pub(super) fn arguments(&mut self, arguments: &'a [CallArg<'a>]) -> Vec<Type<'a>> {
        let mut kinds = Vec::new();
        for argument in arguments {
            let (CallArg::Pos(value)
            | CallArg::Kwarg(_, value)
            | CallArg::PosSplat(value)
            | CallArg::KwargSplat(value)) = argument;
            let kind = self.expression(value);
            kinds.push(match argument {
                CallArg::Pos(_) | CallArg::Kwarg(..) => kind,
                CallArg::PosSplat(_) | CallArg::KwargSplat(_) => Type::Unknown,
            });
        }
        kinds
    }

    pub(super) fn call(&mut self, call: &'a ast::Spanned<ast::Call<'a>>) -> Type<'a> {
        let kinds = self.arguments(&call.args);
        match call.identify_call() {
            CallType::Function(name) => match self.lookup(name) {
                Some(Type::Macro(named)) => self.call_macro(&named, call, kinds),
                Some(_) => Type::Unknown,
                None => {
                    self.function(name, call.expr.span());
                    self.said(name, call, &kinds);
                    Type::Unknown
                }
            },
            CallType::Block(name) => {
                self.block(name, call.span());
                Type::Constant
            }
            CallType::Method(..) | CallType::Object(_) => self.method(call, kinds),
        }
    }

    /// What `refuse` and `warn` are to say: one text.
    fn said(&mut self, name: &str, call: &'a ast::Spanned<ast::Call<'a>>, kinds: &[Type<'a>]) {
        let Some(function) = SAYING.into_iter().find(|function| is_call_of(name, function)) else {
            return;
        };
        let found = match (call.args.as_slice(), kinds) {
            ([], _) => "nothing",
            ([CallArg::Pos(Expr::Const(constant))], _) if constant.value.as_str().is_none() => {
                typed::kind_of(&constant.value)
            }
            ([CallArg::Pos(_)], [Type::List(_)]) => "a list",
            ([CallArg::Pos(_)], [Type::Of(Shape::Object(_) | Shape::Map(_))]) => "a mapping",
            ([CallArg::Pos(_) | CallArg::PosSplat(_)], _) => return,
            _ => "several arguments",
        };
        let message = Cause::Argument(function, A_TEXT, found).to_string();
        self.wrong(TemplateErrorKind::Render, call.span(), message);
    }

    fn method(&mut self, call: &'a ast::Spanned<ast::Call<'a>>, kinds: Vec<Type<'a>>) -> Type<'a> {
        let Expr::GetAttr(method) = &call.expr else {
            self.expression(&call.expr);
            return Type::Unknown;
        };
        let of = self.expression(&method.expr);
        match of {
            Type::Module(_) => match self.field(&of, method.name, &method.expr, method.span()) {
                Type::Macro(named) => self.call_macro(&named, call, kinds),
                _ => Type::Unknown,
            },
            Type::Of(Shape::Object(_) | Shape::Map(_)) => self.no_method(method, "map"),
            Type::Of(Shape::Scalar(_)) => self.no_method(method, "string"),
            Type::List(_) => self.no_method(method, "sequence"),
            _ => Type::Unknown,
        }
    }

    fn no_method(&mut self, method: &'a ast::Spanned<ast::GetAttr<'a>>, kind: &str) -> Type<'a> {
        let name = method.name;
        let advice = if self.callable.filters.iter().any(|known| known == name) {
            let words = self.words_of(&method.expr);
            format!(" (use the filter: `{words} | {name}`)")
        } else {
            String::new()
        };
        let message = format!("unknown method: {kind} has no method named {name}{advice}");
        self.wrong(TemplateErrorKind::Render, method.span(), message);
        Type::Unknown
    }

    fn function(&mut self, name: &'a str, span: Span) {
        let known = &self.callable.functions;
        if is_of_engine(name) || known.iter().any(|known| known == name) || !self.is_complete {
            return;
        }
        let names = known.iter().map(String::as_str);
        let advice = nearest(
            name,
            names.chain(self.scopes.iter().flat_map(|scope| scope.keys().copied())),
        );
        let detail = format!("{name} is unknown");
        let advice = match vocabulary::advice(&detail) {
            Some(advice) => format!(" ({advice})"),
            None => advice
                .map(|near| format!("; did you mean `{near}`?"))
                .unwrap_or_default(),
        };
        let message = format!("unknown function: {detail}{advice}");
        self.wrong(TemplateErrorKind::Render, span, message);
    }

    /// `self.name()`.
    fn block(&mut self, name: &'a str, span: Span) {
        let (chain, is_whole) = self.chain(self.template);
        // An included template may be a part of one that has more blocks.
        if !is_whole || !self.used_at.is_empty() {
            return;
        }
        let trees = std::iter::once(self.template).chain(chain);
        let known: Vec<&str> = trees
            .filter_map(|name| self.trees.get(name))
            .flat_map(statement::blocks)
            .map(|block| block.name)
            .collect();
        if !known.contains(&name) {
            let advice = nearest(name, known.iter().copied());
            let advice = advice
                .map(|near| format!("; did you mean `{near}`?"))
                .unwrap_or_default();
            self.wrong(
                TemplateErrorKind::Block,
                span,
                format!("this template has no block `{name}`{advice}"),
            );
        }
    }

    fn call_macro(
        &mut self,
        named: &Rc<Macro<'a>>,
        call: &'a ast::Spanned<ast::Call<'a>>,
        kinds: Vec<Type<'a>>,
    ) -> Type<'a> {
        let names: Vec<&'a str> = named
            .declared
            .args
            .iter()
            .filter_map(|argument| match argument {
                Expr::Var(variable) => Some(variable.id),
                _ => None,
            })
            .collect();
        let mut given = Vec::new();
        for (index, (argument, kind)) in call.args.iter().zip(kinds).enumerate() {
            match argument {
                CallArg::Pos(_) => given.extend(names.get(index).map(|name| (*name, kind))),
                CallArg::Kwarg(name, _) => given.push((*name, kind)),
                // What these hold is known when they run.
                CallArg::PosSplat(_) | CallArg::KwargSplat(_) => return Type::Constant,
            }
        }
        let key: Vec<_> = given
            .iter()
            .map(|(name, kind)| format!("{name}={}", kind.key()))
            .collect();
        let address = std::ptr::from_ref(named.declared).addr();
        // With the same types there is nothing new to see; and a macro may call itself.
        if !self.called.insert((address, key.join(","))) {
            return Type::Constant;
        }
        let scopes = vec![named.reach.as_ref().clone(), Scope::new()];
        let outer = std::mem::replace(&mut self.scopes, scopes);
        self.inside(named.template, call.span(), |analysis| {
            analysis.macro_body(named.declared, Some(&given), named.is_complete);
        });
        self.scopes = outer;
        Type::Constant
    }
}
