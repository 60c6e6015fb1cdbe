//! Where in the YAML a template's `{{ … }}` stand: looked at before the template is ever rendered.
//!
//! A value is written as a whole YAML scalar, with its own quotes. Inside other quotes, or glued to other text, it
//! would be a wrong value at best; in `{…}` and `[…]` a user's value could add a key. So that is refused with a
//! word on what to write instead. Comments and block scalars (`|`, `>`) may have values anywhere.

pub(crate) mod marks;
pub(crate) mod outline;
mod pieces;
mod position;
pub(crate) mod unclosed;

use super::{TemplateError, TemplateErrorKind};
use pieces::{PieceKind, pieces};
use position::{GLUED, Position};

/// The most bytes of one template. A `ConfigMap` holds 1 MiB in all.
const MOST_BYTES: usize = 512 * 1024;

/// The most tags of one template: `elif`s nest, one in the other.
const MOST_TAGS: usize = 4000;

/// The most bytes of one tag: operators and filters nest, one in the other.
const MOST_BYTES_OF_TAG: usize = 8 * 1024;

/// The most brackets in the tags of one template. Lists in lists take stack when they are taken apart.
const MOST_BRACKETS: usize = 4000;

/// Whether a template is of a size that can be compiled and rendered without running out of stack.
pub(crate) fn check_size(name: &str, source: &str) -> Result<(), TemplateError> {
    let too_large = |what: String| {
        let message = format!("expected at most {what} in the template, found more");
        Err(TemplateError::new(TemplateErrorKind::Limit, name, message))
    };
    if source.len() > MOST_BYTES {
        return too_large(format!("{MOST_BYTES} bytes"));
    }
    let pieces = pieces(source);
    let tags = || {
        pieces
            .iter()
            .filter(|piece| !matches!(piece.kind, PieceKind::Text | PieceKind::Comment))
    };
    if tags().count() > MOST_TAGS {
        return too_large(format!("{MOST_TAGS} tags"));
    }
    if tags().any(|tag| tag.length > MOST_BYTES_OF_TAG) {
        return too_large(format!("{MOST_BYTES_OF_TAG} bytes in one tag"));
    }
    let brackets: usize = tags().map(|tag| tag.text.matches(['[', '{', '(']).count()).sum();
    if brackets > MOST_BRACKETS {
        return too_large(format!("{MOST_BRACKETS} brackets within tags"));
    }
    Ok(())
}

/// The first line of text that a template writes outside of all that captures it (macros, `{% set x %}`); its values aside.
pub(crate) fn first_written(source: &str) -> Option<usize> {
    let mut captures = 0_usize;
    for piece in pieces(source) {
        match piece.kind {
            PieceKind::Text if captures == 0 && !piece.text.trim().is_empty() => {
                let blank = piece.text.len() - piece.text.trim_start().len();
                return Some(source[..piece.start + blank].matches('\n').count() + 1);
            }
            PieceKind::Statement => {
                let mut words = piece.text.split_whitespace();
                match words.next().unwrap_or_default() {
                    "macro" | "call" => captures += 1,
                    "set" if !piece.text.contains('=') => captures += 1,
                    "endmacro" | "endcall" | "endset" => captures = captures.saturating_sub(1),
                    _ => {}
                }
            }
            PieceKind::Text | PieceKind::Expression | PieceKind::Comment => {}
        }
    }
    None
}

/// Finds what must not be in a template's text.
pub(crate) fn check(name: &str, source: &str) -> Vec<TemplateError> {
    let mut errors = Vec::new();
    let mut position = Position::default();
    let mut before = "";
    for piece in pieces(source) {
        let takes_space = source[piece.start..].starts_with("{{-");
        let follows_key = takes_space && !is_call(piece.text) && position.is_behind_key(before);
        before = piece.text;
        let found = match piece.kind {
            PieceKind::Text => position.read(piece.text).map(|offset| (offset, GLUED)),
            PieceKind::Expression if follows_key => {
                let _ = position.expression();
                Some((0, SPACE_TAKEN))
            }
            PieceKind::Expression => position.expression().map(|message| (0, message)),
            PieceKind::Statement => {
                let mut words = piece.text.split_whitespace();
                let tag = words.next().unwrap_or_default();
                position.statement(tag);
                let changes_escaping = tag == "autoescape" && !words.eq(["false"]);
                changes_escaping.then_some((0, AUTOESCAPE))
            }
            PieceKind::Comment => None,
        };
        if piece.kind != PieceKind::Text {
            before = "";
        }
        if let Some((offset, message)) = found {
            let start = piece.start + offset;
            let end = piece.start
                + if piece.kind == PieceKind::Text {
                    offset + 1
                } else {
                    piece.length
                };
            let line = source[..start].matches('\n').count() + 1;
            let error = TemplateError::new(TemplateErrorKind::Syntax, name, message);
            errors.push(error.at(source, line, Some(start..end)));
        }
    }
    errors
}

/// Whether an expression is a call: what it writes may begin with a line break, and a refusal writes nothing.
fn is_call(expression: &str) -> bool {
    let name = expression.trim_start_matches(|c: char| c.is_alphanumeric() || "_.".contains(c));
    name.len() < expression.len() && name.starts_with('(')
}

const SPACE_TAKEN: &str =
    "a value glued to the text before it: `{{-` takes the space between them away; write `{{ value }}`";

const AUTOESCAPE: &str =
    "values are always written as JSON: only `{% autoescape false %}` is accepted, without effect";

/// Makes a tag keep the line break behind it, unless the tag is alone on its line.
///
/// The engine is set to drop the line break behind every tag, so that a `{% for %}` leaves no empty line; but
/// `k: {% if x %}1{% endif %}` would then run into its next line. A `+` in place of the space before `%}` is the
/// engine's own way to say so, and moves nothing.
pub(crate) fn with_line_breaks(source: &str) -> String {
    let mut kept = source.to_owned();
    let mut line_has_text = false;
    for piece in pieces(source) {
        let end = piece.start + piece.length;
        match piece.kind {
            PieceKind::Text => {
                let line = piece.text.rsplit('\n').next().unwrap_or_default();
                line_has_text = !line.trim().is_empty() || (line_has_text && !piece.text.contains('\n'));
            }
            PieceKind::Expression => line_has_text = true,
            PieceKind::Statement | PieceKind::Comment => {
                let ends_line = source[end..].starts_with(['\n', '\r']);
                let (space, close) = (end.saturating_sub(3), end.saturating_sub(2));
                if line_has_text && ends_line && source.get(space..close) == Some(" ") {
                    kept.replace_range(space..close, "+");
                }
            }
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_may_stand_where_a_scalar_may() {
        for source in [
            "k: {{ v }}\n",
            "{{ k }}: {{ v }} # of {{ user }}, 'quoted \"{{ user }}\"'\n",
            "- {{ v }}\n- k: {{ v }}\n",
            "k: [{{ a }}, {{ b }}]\nm: {a: {{ a }}, {{ b }}: c}\n",
            "k: [{% for x in xs %}{{ x }}, {% endfor %}]\n",
            "k: {% if a %}\"x\"{% else %}{{ v }}{% endif %}\n",
            "k: it's fine\nl: {{ v }}\n",
            "k: |\n  any {{ v }}-text \"{{ v }}\"\n\n  more {{ v }}!\nl: {{ v }}\n",
            "k: >-\n  a {{ v }}\n",
            "k: !!str {{ v }}\n",
            "{# \"{{ v }}\" #}k: {{ \"a }} b\" ~ v }}\n",
            "{% raw %}\"{{ v }}\"{% endraw %}\n",
            "{{ super() }}\n    - x\n",
            "k: \"a\\\"b\"\nl: {{ v }}\n",
            "{% autoescape false %}k: {{ v }}\n{% endautoescape %}",
            "k: http://x\nl: {{ v }}\n",
            "k: {{ {\"a\": {\"b\": [\"}}\"]}} }}\nl: {{ {'a': {}}}}\n",
            "k: {{- refuse(\"no\") }}\nl:\n{{- more() }}\n",
            "k: {% if v %} {{- v }}{% endif %}\n# k: {{- v }}\nm: |\n  k: {{- v }}\n",
            "m: {k: {{- v }}}\n",
        ] {
            assert_eq!(check("t", source), [], "{source}");
        }
    }

    #[test]
    fn a_tag_takes_its_line_break_only_where_it_is_alone() {
        use minijinja::context;
        for (source, expected) in [
            ("a: {% if v %}1{% endif %}\nb: 2\n", "a: 1\nb: 2\n"),
            ("a: {% if v %}1{%endif%}\nb: 2\n", "a: 1b: 2\n"),
            ("a: {{ v }}{% if v %}{% endif %}\r\nb: 2\n", "a: 1\r\nb: 2\n"),
            ("{% if v %}\n  a: 1\n  {% endif %}\nb: 2\n", "  a: 1\nb: 2\n"),
            (
                "{% for x in [1, 2] %}{% if v %}\n- {{ x }}\n{% endif %}{% endfor %}\n",
                "- 1\n- 2\n",
            ),
            ("a: 1 {# comment #}\n{# comment #}\nb: 2\n", "a: 1 \nb: 2\n"),
            ("a: {% if v %}1{% endif -%}\n  # c\n", "a: 1# c\n"),
        ] {
            let kept = with_line_breaks(source);
            assert_eq!(kept.len(), source.len());
            let mut environment = crate::templates::environment::environment();
            environment.add_template_owned("t", kept).unwrap();
            let text = environment
                .get_template("t")
                .unwrap()
                .render(context! { v => 1 })
                .unwrap();
            assert_eq!(text, expected, "{source:?}");
        }
    }

    #[test]
    fn a_value_in_quotes_or_glued_to_text_is_refused_with_its_line() {
        for source in [
            "a: 1\nk: \"{{ v }}\"\n",
            "a: 1\nk: '{{ v }}'\n",
            "a: 1\nk: \"x {{ v }} y\"\n",
            "a: 1\nm: {k: \"{{ v }}\"}\n",
            "a: 1\nk: spark-{{ v }}\n",
            "a: 1\nk: {{ v }}-driver\n",
            "a: 1\nk: {{ v }} and more\n",
            "a: 1\nm: {k: a {{ v }}}\n",
            "a: 1\nk: \"a\"{{ v }}\n",
            "a: |\n  x\nk: \"{{ v }}\"\n",
            "a: 1\nk: {# c #}x{{ v }}\n",
            "a: 1\nk: {{- v }}\n",
            "a: 1\n- {{- v.w }}\n",
            "k:\n  {{- v }}\n",
            "a: 1\n{% autoescape true %}{% endautoescape %}",
            "a: 1\n{%- autoescape 'html' %}{% endautoescape %}",
            "a: 1\n{% autoescape mode %}{% endautoescape %}",
        ] {
            let errors = check("t", source);
            assert_eq!(errors.len(), 1, "{source}: {errors:?}");
            let expected = if source.contains('|') { 3 } else { 2 };
            assert_eq!(errors[0].line, Some(expected), "{source}");
        }
    }
}
