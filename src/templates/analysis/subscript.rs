//! `x["name"]` as `x.name`.
//!
//! To the engine a subscript asks the same as `in` does: whether there is such a key. So for what isn't there it can have no
//! empty object to go on with, as `x.name` has. A subscript that the template spells out means the field; it is written as
//! one, in as many characters, so that all places stay what they are.

use super::statement;
use minijinja::machinery::ast::{self, Expr};

/// The names that can't stand behind a dot, or would be something else there.
const RESERVED: [&str; 12] = [
    "and", "else", "false", "False", "if", "in", "is", "none", "None", "not", "or", "true",
];

/// The text with every subscript that is a name as a field.
pub(in crate::templates) fn as_attributes(text: &str, tree: &ast::Stmt<'_>) -> String {
    let mut places = Vec::new();
    statement::expressions(tree, &mut |expression, is_called| {
        let (Expr::GetItem(item), false) = (expression, is_called) else {
            return;
        };
        let Expr::Const(subscript) = &item.subscript_expr else {
            return;
        };
        if let Some(name) = subscript.value.as_str().filter(|name| is_name(name)) {
            let start = item.expr.span().end_offset as usize;
            places.push((start, item.span().end_offset as usize, format!(".{name}")));
        }
    });
    let mut written = text.to_owned();
    for (start, end, field) in places {
        if text
            .get(start..end)
            .is_some_and(|found| is_subscript(found, &field[1..]))
        {
            let width = end - start;
            written.replace_range(start..end, &format!("{field:<width$}"));
        }
    }
    written
}

fn is_name(name: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    !RESERVED.contains(&name)
        && name.bytes().all(is_word)
        && name.bytes().next().is_some_and(|first| !first.is_ascii_digit())
}

/// Whether a piece of text is `["name"]` on one line.
fn is_subscript(found: &str, name: &str) -> bool {
    let inner = found.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let quoted = inner.map(|inner| inner.trim_matches(' '));
    quoted.is_some_and(|quoted| quoted == format!("\"{name}\"") || quoted == format!("'{name}'"))
}
