//! A tag that is opened and never closed, or closed and never opened.

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

/// What is wrong with the tags of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Unclosed {
    /// A tag that is still open where another one ends, or the file.
    Open {
        /// What the tag says: `if x`.
        tag: String,
        /// The tag that would close it: `endif`.
        end: String,
        /// The tag's line, from 1.
        line: usize,
        /// The tag that is found instead, and its line; none at the end of the file.
        found: Option<(String, usize)>,
    },
    /// A tag that closes nothing.
    Stray {
        /// The tag: `endif`.
        tag: String,
        /// What would open it: `if`.
        opens: &'static str,
        /// Its line, from 1.
        line: usize,
    },
}

/// The first tag that is closed by another one's end or by nothing, or that closes nothing.
pub(crate) fn unclosed(source: &str) -> Option<Unclosed> {
    let mut open: Vec<(&'static str, &str, usize)> = Vec::new();
    let not_closed = |(tag, text, line): (&'static str, &str, usize), found| Unclosed::Open {
        tag: text.to_owned(),
        end: format!("end{tag}"),
        line,
        found,
    };
    let statements = pieces(source)
        .into_iter()
        .filter(|piece| piece.kind == PieceKind::Statement);
    for piece in statements {
        let text = piece.text.trim().trim_matches(['-', '+']).trim();
        let (tag, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
        let line = source[..piece.start].matches('\n').count() + 1;
        let known = |name: &str| WITH_END.iter().copied().find(|known| *known == name);
        if let Some(ended) = tag.strip_prefix("end").and_then(known) {
            let is_open = open.iter().any(|(tag, ..)| *tag == ended);
            match open.pop() {
                Some((tag, ..)) if tag == ended => {}
                Some(opened) if is_open => return Some(not_closed(opened, Some((tag.to_owned(), line)))),
                _ => {
                    return Some(Unclosed::Stray {
                        tag: tag.to_owned(),
                        opens: ended,
                        line,
                    });
                }
            }
        } else if let Some(tag) = known(tag)
            && !(tag == "set" && rest.contains('='))
        {
            open.push((tag, text, line));
        }
    }
    open.pop().map(|opened| not_closed(opened, None))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_innermost_open_tag_is_found() {
        let table = [
            ("{% block a %}\nx\n{% endblock %}", None),
            ("\n{% block a %}\nx", Some(("block a", "endblock", 2, None))),
            (
                "{% block a %}\n{% if x %}\n{% endblock %}",
                Some(("if x", "endif", 2, Some(3))),
            ),
            // What comes behind is not what is wrong.
            (
                "{% block a %}\n{% if x %}\n{% endblock %}{% if y %}\n{% endif %}",
                Some(("if x", "endif", 2, Some(3))),
            ),
            (
                "{% set a = 1 %}{% for x in y %}",
                Some(("for x in y", "endfor", 1, None)),
            ),
            (
                "{% if a %}{%- macro m(x) -%}{% endif %}",
                Some(("macro m(x)", "endmacro", 1, Some(1))),
            ),
            ("{# {% block a %} #}", None),
        ];
        for (source, expected) in table {
            let expected =
                expected.map(|(tag, end, line, found)| (tag.to_owned(), end.to_owned(), line, found));
            let found = unclosed(source).map(|found| match found {
                Unclosed::Open {
                    tag,
                    end,
                    line,
                    found,
                } => (tag, end, line, found.map(|(_, line)| line)),
                Unclosed::Stray { .. } => panic!("{source}"),
            });
            assert_eq!(found, expected, "{source}");
        }
    }

    #[test]
    fn each_tag_that_has_an_end_is_missed() {
        for tag in WITH_END {
            let source = format!("{{% block a %}}\n{{% {tag} x %}}\n{{% endblock %}}{{% endblock %}}\n");
            let is_block = tag == "block";
            let Some(Unclosed::Open { end, line, .. }) = unclosed(&source) else {
                assert!(is_block, "{tag}");
                continue;
            };
            assert_eq!((end, line), (format!("end{tag}"), 2), "{tag}");
            let stray = Unclosed::Stray {
                tag: format!("end{tag}"),
                opens: tag,
                line: 1,
            };
            assert_eq!(unclosed(&format!("{{% end{tag} %}}")), Some(stray), "{tag}");
        }
    }
}
