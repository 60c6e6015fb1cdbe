//! Statements: what they assign, and what stands in them.

use super::{Analysis, Scope, Type, types::Macro};
use crate::templates::{TemplateErrorKind, sources::reached, typed::nearest};
use minijinja::{
    machinery::{
        Span,
        ast::{self, CallArg, Expr, Stmt},
    },
    value::ValueKind,
};
use std::{collections::BTreeMap, rc::Rc};

impl<'a> Analysis<'a> {
    pub(super) fn statements(&mut self, statements: &'a [Stmt<'a>]) {
        for statement in statements {
            self.statement(statement);
        }
    }

    pub(super) fn statement(&mut self, statement: &'a Stmt<'a>) {
        if !self.may_go_on() {
            return;
        }
        match statement {
            Stmt::Template(template) => self.statements(&template.children),
            Stmt::EmitExpr(emitted) => {
                self.expression(&emitted.expr);
                self.called(&emitted.expr);
            }
            Stmt::EmitRaw(_) | Stmt::Continue(_) | Stmt::Break(_) => {}
            Stmt::ForLoop(looped) => self.for_loop(looped),
            Stmt::IfCond(condition) => {
                self.expression(&condition.expr);
                let before = self.scopes.clone();
                self.statements(&condition.true_body);
                let after_true = std::mem::replace(&mut self.scopes, before);
                self.statements(&condition.false_body);
                self.join(after_true);
            }
            Stmt::WithBlock(with) => self.within(|analysis| {
                for (target, value) in &with.assignments {
                    let kind = analysis.expression(value);
                    analysis.bind(target, kind);
                }
                analysis.statements(&with.body);
            }),
            Stmt::Set(set) => {
                let kind = self.expression(&set.expr);
                self.bind(&set.target, kind);
            }
            Stmt::SetBlock(set) => {
                self.within(|analysis| analysis.statements(&set.body));
                self.filters_of(set.filter.as_ref());
                self.bind(&set.target, Type::Constant);
            }
            Stmt::AutoEscape(escape) => self.within(|analysis| {
                analysis.expression(&escape.enabled);
                analysis.statements(&escape.body);
            }),
            Stmt::FilterBlock(filter) => {
                self.filters_of(Some(&filter.filter));
                self.within(|analysis| analysis.statements(&filter.body));
            }
            Stmt::Block(block) => self.within(|analysis| analysis.statements(&block.body)),
            Stmt::Extends(extends) => {
                self.expression(&extends.name);
            }
            Stmt::Include(include) => self.include(include),
            Stmt::Import(import) => {
                let exports = self.import(&import.expr);
                let module = exports.map_or(Type::Unknown, |exports| Type::Module(Rc::new(exports)));
                self.bind(&import.name, module);
            }
            Stmt::FromImport(import) => self.import_names(import),
            Stmt::Macro(declared) => {
                let named = self.declared(declared);
                self.assign(declared.name, named);
                // As it is where nobody calls it.
                self.macro_body(declared, None, self.is_complete);
            }
            Stmt::CallBlock(call) => {
                self.call(&call.call);
                self.macro_body(&call.macro_decl, None, self.is_complete);
            }
            Stmt::Do(call) => {
                self.call(&call.call);
            }
        }
    }

    fn for_loop(&mut self, looped: &'a ast::ForLoop<'a>) {
        let over = self.expression(&looped.iter);
        let item = over.item();
        self.within(|analysis| {
            analysis.bind(&looped.target, item);
            if let Some(filter) = &looped.filter_expr {
                analysis.expression(filter);
            }
            analysis.assign("loop", Type::Loop);
            analysis.statements(&looped.body);
        });
        self.within(|analysis| analysis.statements(&looped.else_body));
    }

    /// Goes on with what either branch left behind.
    fn join(&mut self, other: Vec<Scope<'a>>) {
        for (scope, other) in self.scopes.iter_mut().zip(other) {
            for (name, kind) in other {
                let joined = match scope.get(name) {
                    Some(known) if known.key() == kind.key() => kind,
                    Some(known) => known.clone().or(&kind),
                    None => Type::Unknown,
                };
                scope.insert(name, joined);
            }
        }
    }

    pub(super) fn bind(&mut self, target: &'a Expr<'a>, kind: Type<'a>) {
        match target {
            Expr::Var(variable) => self.assign(variable.id, kind),
            Expr::List(list) => self.unpack(&list.items, &kind),
            Expr::Tuple(tuple) => self.unpack(&tuple.items, &kind),
            _ => {}
        }
    }

    fn unpack(&mut self, targets: &'a [Expr<'a>], kind: &Type<'a>) {
        for (index, target) in targets.iter().enumerate() {
            let item = match (kind, index) {
                (Type::Pair(pair), 0) => pair.0.clone(),
                (Type::Pair(pair), _) => pair.1.clone(),
                _ => kind.item(),
            };
            self.bind(target, item);
        }
    }

    fn include(&mut self, include: &'a ast::Spanned<ast::Include<'a>>) {
        let names = names(&include.name);
        self.expression(&include.name);
        for name in &names {
            if let Some((name, tree)) = self.trees.get_key_value(reached(name, self.template).as_str()) {
                // It runs in the scope of the template that includes it, and what it sets stays there.
                self.hoist(tree);
                self.inside(name, include.span(), |analysis| analysis.statement(tree));
                return;
            }
        }
        if names.is_empty() {
            // It may set anything.
            self.is_complete = false;
        } else if !include.ignore_missing {
            self.missing(include.span());
        }
    }

    /// Makes the names that a template assigns known in the scope at hand: a macro may use one that is set behind it.
    fn hoist(&mut self, tree: &'a Stmt<'a>) {
        for name in assigned_at_top(tree) {
            if self.lookup(name).is_none() {
                self.assign(name, Type::Unknown);
            }
        }
    }

    fn missing(&mut self, span: Span) {
        let message = "no such template in this set".to_owned();
        self.wrong(TemplateErrorKind::Render, span, message);
    }

    /// The names that another template leaves behind; nothing where it isn't known which that is.
    fn import(&mut self, from: &'a Expr<'a>) -> Option<Scope<'a>> {
        let names = names(from);
        self.expression(from);
        let found = names
            .iter()
            .find_map(|name| self.trees.get_key_value(reached(name, self.template).as_str()));
        let Some((name, tree)) = found else {
            if !names.is_empty() {
                self.missing(from.span());
            }
            return None;
        };
        self.scopes.push(Scope::new());
        self.hoist(tree);
        let walked = self.inside(name, from.span(), |analysis| analysis.statement(tree));
        let exports = self.scopes.pop();
        walked.and(exports)
    }

    fn import_names(&mut self, import: &'a ast::FromImport<'a>) {
        let exports = self.import(&import.expr);
        for (name, alias) in &import.names {
            let Expr::Var(variable) = name else { continue };
            let kind = match exports.as_ref().map(|exports| exports.get(variable.id)) {
                None => Type::Unknown,
                Some(Some(kind)) => kind.clone(),
                Some(None) => {
                    let known = exports.iter().flat_map(BTreeMap::keys).copied();
                    let advice = nearest(variable.id, known)
                        .map(|near| format!("; did you mean `{near}`?"))
                        .unwrap_or_default();
                    self.unknown(
                        variable.span(),
                        &format!("the template has nothing of this name{advice}"),
                    );
                    Type::Unknown
                }
            };
            self.bind(alias.as_ref().unwrap_or(name), kind);
        }
    }

    fn declared(&self, declared: &'a ast::Macro<'a>) -> Type<'a> {
        Type::Macro(Rc::new(Macro {
            declared,
            template: self.template,
            reach: self.reach(),
            is_complete: self.is_complete,
        }))
    }

    /// Walks a macro in the scopes that there are, with these arguments.
    pub(super) fn macro_body(
        &mut self,
        declared: &'a ast::Macro<'a>,
        given: Option<&[(&'a str, Type<'a>)]>,
        is_complete: bool,
    ) {
        let is_called = given.is_some();
        let given = given.unwrap_or_default();
        let outer = std::mem::replace(&mut self.is_complete, is_complete);
        self.within(|analysis| {
            let without_default = declared.args.len().saturating_sub(declared.defaults.len());
            for (index, argument) in declared.args.iter().enumerate() {
                let Expr::Var(variable) = argument else { continue };
                let given = given.iter().find(|(name, _)| *name == variable.id);
                let default = index
                    .checked_sub(without_default)
                    .and_then(|index| declared.defaults.get(index));
                let default = default.map(|default| analysis.expression(default));
                let kind = match (given, default) {
                    (Some((_, kind)), _) => kind.clone(),
                    // What nobody gave may be anything where nobody is known to call it.
                    (None, Some(default)) if is_called => default,
                    _ => Type::Unknown,
                };
                analysis.assign(variable.id, kind);
            }
            analysis.assign("caller", Type::Unknown);
            analysis.statements(&declared.body);
        });
        self.is_complete = outer;
    }
}

/// The names that an expression names a template by: one, or the first that there is of a list.
pub(super) fn names(expression: &Expr<'_>) -> Vec<String> {
    let Some(value) = expression.as_const() else {
        return Vec::new();
    };
    match value.kind() {
        ValueKind::String => value.as_str().map(str::to_owned).into_iter().collect(),
        ValueKind::Seq => value
            .try_iter()
            .into_iter()
            .flatten()
            .filter_map(|name| name.as_str().map(str::to_owned))
            .collect(),
        _ => Vec::new(),
    }
}

/// The template that another one extends.
pub(super) enum Parent {
    /// It extends none.
    None,
    /// The one of this name.
    Named(String),
    /// One whose name only the render knows.
    AtRender,
}

/// The template that another one extends.
pub(super) fn parent(tree: &Stmt<'_>) -> Parent {
    let mut parent = Parent::None;
    visit(tree, &mut |statement| {
        if let Stmt::Extends(extends) = statement {
            let name = names(&extends.name);
            parent = name.first().cloned().map_or(Parent::AtRender, Parent::Named);
        }
    });
    parent
}

/// Every block of a template.
pub(super) fn blocks<'a>(tree: &'a Stmt<'a>) -> Vec<&'a ast::Block<'a>> {
    let mut blocks = Vec::new();
    visit(tree, &mut |statement| {
        if let Stmt::Block(block) = statement {
            blocks.push(&**block);
        }
    });
    blocks
}

/// The blocks of a template that stand in no other one.
pub(super) fn outer_blocks<'a>(tree: &'a Stmt<'a>) -> Vec<(&'a ast::Block<'a>, Span)> {
    let mut outer = Vec::new();
    let mut open = vec![tree];
    while let Some(statement) = open.pop() {
        match statement {
            Stmt::Block(block) => outer.push((&**block, block.span())),
            other => open.extend(inner(other).into_iter().flatten()),
        }
    }
    outer.reverse();
    outer
}

/// The names of the templates that a template extends, includes or imports.
pub(super) fn used(tree: &Stmt<'_>) -> Vec<String> {
    let mut used = Vec::new();
    visit(tree, &mut |statement| {
        used.extend(match statement {
            Stmt::Extends(extends) => names(&extends.name),
            Stmt::Include(include) => names(&include.name),
            Stmt::Import(import) => names(&import.expr),
            Stmt::FromImport(import) => names(&import.expr),
            _ => Vec::new(),
        });
    });
    used
}

/// The names of the templates that each include of a template may mean; none where only the render knows.
pub(super) fn included(tree: &Stmt<'_>) -> Vec<Vec<String>> {
    let mut included = Vec::new();
    visit(tree, &mut |statement| {
        if let Stmt::Include(include) = statement {
            included.push(names(&include.name));
        }
    });
    included
}

/// Every name that a template assigns, in whatever scope.
pub(super) fn assigned<'a>(tree: &'a Stmt<'a>) -> Vec<&'a str> {
    let mut names = Vec::new();
    visit(tree, &mut |statement| assigned_by(statement, &mut names));
    names
}

/// Every name that a template leaves behind.
pub(super) fn assigned_at_top<'a>(tree: &'a Stmt<'a>) -> Vec<&'a str> {
    let mut names = Vec::new();
    let mut open = vec![tree];
    while let Some(statement) = open.pop() {
        match statement {
            Stmt::Template(_) | Stmt::IfCond(_) => open.extend(inner(statement).into_iter().flatten()),
            Stmt::ForLoop(_) | Stmt::WithBlock(_) => {}
            other => assigned_by(other, &mut names),
        }
    }
    names
}

fn assigned_by<'a>(statement: &'a Stmt<'a>, names: &mut Vec<&'a str>) {
    match statement {
        Stmt::ForLoop(looped) => targets(&looped.target, names),
        Stmt::WithBlock(with) => with
            .assignments
            .iter()
            .for_each(|(target, _)| targets(target, names)),
        Stmt::Set(set) => targets(&set.target, names),
        Stmt::SetBlock(set) => targets(&set.target, names),
        Stmt::Import(import) => targets(&import.name, names),
        Stmt::FromImport(import) => {
            for (name, alias) in &import.names {
                targets(alias.as_ref().unwrap_or(name), names);
            }
        }
        Stmt::Macro(declared) => names.push(declared.name),
        _ => {}
    }
}

fn targets<'a>(target: &'a Expr<'a>, names: &mut Vec<&'a str>) {
    match target {
        Expr::Var(variable) => names.push(variable.id),
        Expr::List(list) => list.items.iter().for_each(|item| targets(item, names)),
        Expr::Tuple(tuple) => tuple.items.iter().for_each(|item| targets(item, names)),
        _ => {}
    }
}

/// Does something for a statement and all that stand in it.
pub(super) fn visit<'a>(statement: &'a Stmt<'a>, work: &mut dyn FnMut(&'a Stmt<'a>)) {
    work(statement);
    for inner in inner(statement).into_iter().flatten() {
        visit(inner, work);
    }
}

/// The statements that stand in another one.
fn inner<'a>(statement: &'a Stmt<'a>) -> [&'a [Stmt<'a>]; 2] {
    match statement {
        Stmt::Template(template) => [&template.children, &[]],
        Stmt::ForLoop(looped) => [&looped.body, &looped.else_body],
        Stmt::IfCond(condition) => [&condition.true_body, &condition.false_body],
        Stmt::WithBlock(with) => [&with.body, &[]],
        Stmt::SetBlock(set) => [&set.body, &[]],
        Stmt::AutoEscape(escape) => [&escape.body, &[]],
        Stmt::FilterBlock(filter) => [&filter.body, &[]],
        Stmt::Block(block) => [&block.body, &[]],
        Stmt::Macro(declared) => [&declared.body, &[]],
        Stmt::CallBlock(call) => [&call.macro_decl.body, &[]],
        _ => [&[], &[]],
    }
}

/// Does something for every expression of a template; the second argument says whether it is what is called.
pub(super) fn expressions<'a>(tree: &'a Stmt<'a>, work: &mut dyn FnMut(&'a Expr<'a>, bool)) {
    visit(tree, &mut |statement| match statement {
        Stmt::EmitExpr(emitted) => within(&emitted.expr, work),
        Stmt::ForLoop(looped) => {
            within(&looped.iter, work);
            looped.filter_expr.iter().for_each(|filter| within(filter, work));
        }
        Stmt::IfCond(condition) => within(&condition.expr, work),
        Stmt::WithBlock(with) => with.assignments.iter().for_each(|(_, value)| within(value, work)),
        Stmt::Set(set) => within(&set.expr, work),
        Stmt::SetBlock(set) => set.filter.iter().for_each(|filter| within(filter, work)),
        Stmt::FilterBlock(filter) => within(&filter.filter, work),
        Stmt::Include(include) => within(&include.name, work),
        Stmt::Import(import) => within(&import.expr, work),
        Stmt::FromImport(import) => within(&import.expr, work),
        Stmt::Macro(declared) => declared.defaults.iter().for_each(|default| within(default, work)),
        Stmt::CallBlock(call) => called(&call.call, work),
        Stmt::Do(call) => called(&call.call, work),
        _ => {}
    });
}

/// Does something for every call of a function by its name.
pub(super) fn calls<'a>(tree: &'a Stmt<'a>, work: &mut dyn FnMut(&'a str, Span)) {
    expressions(tree, &mut |expression, is_called| {
        if let (Expr::Var(variable), true) = (expression, is_called) {
            work(variable.id, variable.span());
        }
    });
}

fn called<'a>(call: &'a ast::Call<'a>, work: &mut dyn FnMut(&'a Expr<'a>, bool)) {
    work(&call.expr, true);
    parts(&call.expr, work);
    arguments(&call.args, work);
}

fn arguments<'a>(arguments: &'a [CallArg<'a>], work: &mut dyn FnMut(&'a Expr<'a>, bool)) {
    for argument in arguments {
        let (CallArg::Pos(value)
        | CallArg::Kwarg(_, value)
        | CallArg::PosSplat(value)
        | CallArg::KwargSplat(value)) = argument;
        within(value, work);
    }
}

fn within<'a>(expression: &'a Expr<'a>, work: &mut dyn FnMut(&'a Expr<'a>, bool)) {
    work(expression, false);
    parts(expression, work);
}

/// The same for all that an expression is made of.
fn parts<'a>(expression: &'a Expr<'a>, work: &mut dyn FnMut(&'a Expr<'a>, bool)) {
    match expression {
        Expr::Var(_) | Expr::Const(_) => {}
        Expr::Slice(slice) => {
            within(&slice.expr, work);
            for bound in [&slice.start, &slice.stop, &slice.step].into_iter().flatten() {
                within(bound, work);
            }
        }
        Expr::UnaryOp(operation) => within(&operation.expr, work),
        Expr::BinOp(operation) => {
            within(&operation.left, work);
            within(&operation.right, work);
        }
        Expr::Compare(compared) => {
            within(&compared.expr, work);
            compared
                .ops
                .iter()
                .for_each(|operand| within(&operand.expr, work));
        }
        Expr::IfExpr(condition) => {
            within(&condition.test_expr, work);
            within(&condition.true_expr, work);
            condition.false_expr.iter().for_each(|other| within(other, work));
        }
        Expr::Filter(filter) => {
            filter.expr.iter().for_each(|subject| within(subject, work));
            arguments(&filter.args, work);
        }
        Expr::Test(test) => {
            within(&test.expr, work);
            arguments(&test.args, work);
        }
        Expr::GetAttr(field) => within(&field.expr, work),
        Expr::GetItem(item) => {
            within(&item.expr, work);
            within(&item.subscript_expr, work);
        }
        Expr::Call(call) => called(call, work),
        Expr::List(list) => list.items.iter().for_each(|item| within(item, work)),
        Expr::Tuple(tuple) => tuple.items.iter().for_each(|item| within(item, work)),
        Expr::Map(map) => map
            .keys
            .iter()
            .chain(&map.values)
            .for_each(|part| within(part, work)),
    }
}
