//! A tag that is opened and never closed.

use super::pieces::{PieceKind, pieces};

/// The tags that have an end.
const WITH_END: [&str; 9] = [
    "autoescape",
    "block",
    "call",
    "filter",
    "for",
    "if",
    "macro",
    "set",
    "with",
];

/// The innermost tag that a template leaves open: its text, the tag that would close it, and its line, from 1.
pub(crate) fn unclosed(source: &str) -> Option<(String, String, usize)> {
    let mut open = Vec::new();
    for piece in pieces(source)
        .into_iter()
        .filter(|piece| piece.kind == PieceKind::Statement)
    {
        let text = piece.text.trim().trim_matches(['-', '+']).trim();
        let (tag, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
        if let Some(ended) = tag.strip_prefix("end") {
            if open
                .last()
                .is_some_and(|(tag, ..): &(&str, &str, usize)| *tag == ended)
            {
                open.pop();
            }
        } else if WITH_END.contains(&tag) && !(tag == "set" && rest.contains('=')) {
            let line = source[..piece.start].matches('\n').count() + 1;
            open.push((tag, text, line));
        }
    }
    let (tag, text, line) = open.pop()?;
    Some((text.to_owned(), format!("end{tag}"), line))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_innermost_open_tag_is_found() {
        let table = [
            ("{% block a %}\nx\n{% endblock %}", None),
            ("\n{% block a %}\nx", Some(("block a", "endblock", 2))),
            (
                "{% block a %}\n{% if x %}\n{% endblock %}",
                Some(("if x", "endif", 2)),
            ),
            (
                "{% set a = 1 %}{% for x in y %}",
                Some(("for x in y", "endfor", 1)),
            ),
            ("{%- macro m(x) -%}", Some(("macro m(x)", "endmacro", 1))),
            ("{# {% block a %} #}", None),
        ];
        for (source, expected) in table {
            let found = unclosed(source);
            let found = found
                .as_ref()
                .map(|(text, end, line)| (&text[..], &end[..], *line));
            assert_eq!(found, expected, "{source}");
        }
    }
}
