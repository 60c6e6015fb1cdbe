//! What a template is made of, without rendering it: its blocks, and the templates that it names.

use super::pieces::{Piece, PieceKind, pieces};

/// What a template is made of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct TemplateOutline {
    /// The template that it extends.
    pub extends: Option<Named>,
    /// The templates that it names, by whichever tag.
    pub references: Vec<Named>,
    /// It names a template by an expression, so that nobody can tell which.
    pub names_by_expression: bool,
    /// Its blocks, in the order in which they begin.
    pub blocks: Vec<Block>,
    /// Its macros.
    pub macros: Vec<Named>,
    /// The first line of what it writes outside of every block and macro. Of a template that extends another one
    /// that goes nowhere.
    pub stray: Option<usize>,
}

/// A name, and the line where it stands, from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Named {
    pub name: String,
    pub line: usize,
}

/// One block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Block {
    pub name: String,
    /// Where it begins, from 1.
    pub line: usize,
    /// The block that it stands in, by its index.
    pub parent: Option<usize>,
    /// It writes what it overrides, by `super()`.
    pub calls_super: bool,
}

impl TemplateOutline {
    /// Reads a template's text. What isn't a template's grammar is passed over.
    pub(crate) fn of(source: &str) -> Self {
        let mut outline = Self::default();
        let mut open = Vec::new();
        for piece in pieces(source) {
            let line = source[..piece.start].matches('\n').count() + 1;
            outline.read(&piece, line, &mut open);
        }
        outline
    }

    fn read(&mut self, piece: &Piece<'_>, line: usize, open: &mut Vec<Open>) {
        let block = open.iter().rev().find_map(|open| match open {
            Open::Block(index) => Some(*index),
            Open::Capture => None,
        });
        if matches!(piece.kind, PieceKind::Expression | PieceKind::Statement)
            && piece.text.contains("super()")
            && let Some(index) = block
        {
            self.blocks[index].calls_super = true;
        }
        match piece.kind {
            PieceKind::Comment => {}
            PieceKind::Text | PieceKind::Expression => {
                let writes = piece.kind == PieceKind::Expression || !piece.text.trim().is_empty();
                if writes && open.is_empty() && self.stray.is_none() {
                    let blank = piece.text.len() - piece.text.trim_start().len();
                    self.stray = Some(line + piece.text[..blank].matches('\n').count());
                }
            }
            PieceKind::Statement => self.statement(piece.text, line, block, open),
        }
    }

    fn statement(&mut self, text: &str, line: usize, parent: Option<usize>, open: &mut Vec<Open>) {
        let (tag, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
        let name: String = rest
            .trim()
            .chars()
            .take_while(|character| character.is_alphanumeric() || *character == '_')
            .collect();
        match tag {
            "extends" | "include" | "import" | "from" => self.reference(tag, rest, line),
            "block" => {
                open.push(Open::Block(self.blocks.len()));
                self.blocks.push(Block {
                    name,
                    line,
                    parent,
                    calls_super: false,
                });
            }
            "macro" => {
                open.push(Open::Capture);
                self.macros.push(Named { name, line });
            }
            "call" | "filter" => open.push(Open::Capture),
            "set" if !rest.contains('=') => open.push(Open::Capture),
            "endblock" | "endmacro" | "endcall" | "endfilter" | "endset" => {
                open.pop();
            }
            _ => {}
        }
    }

    fn reference(&mut self, tag: &str, rest: &str, line: usize) {
        let names = quoted(rest);
        self.names_by_expression |= names.is_empty();
        for name in names {
            let named = Named { name, line };
            if tag == "extends" {
                self.extends = Some(named.clone());
            }
            self.references.push(named);
        }
    }
}

/// What is open where a piece stands.
enum Open {
    /// A block, by its index.
    Block(usize),
    /// Something else whose text is written elsewhere.
    Capture,
}

/// The text of every quoted string.
fn quoted(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find(['"', '\'']) {
        let quote = &rest[start..=start];
        let Some((name, behind)) = rest[start + 1..].split_once(quote) else {
            break;
        };
        found.push(name.to_owned());
        rest = behind;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_have_their_line_their_parent_and_whether_they_call_super() {
        let outline = TemplateOutline::of(
            "{% extends \"builtin/a.j2\" %}\n{% block one %}\n{% block two %}\n{{ super() }}\n{% endblock %}\n\
             {% endblock one %}\n",
        );
        assert_eq!(outline.extends.unwrap().name, "builtin/a.j2");
        let block = |name: &str, line, parent, calls_super| Block {
            name: name.to_owned(),
            line,
            parent,
            calls_super,
        };
        assert_eq!(
            outline.blocks,
            [block("one", 2, None, false), block("two", 3, Some(0), true)]
        );
        assert_eq!(outline.stray, None);
    }

    #[test]
    fn what_stands_outside_of_blocks_is_found_and_what_is_captured_is_not() {
        assert_eq!(
            TemplateOutline::of("{% set x %}a{% endset %}{% set y = 1 %}\n").stray,
            None
        );
        assert_eq!(
            TemplateOutline::of("{% macro m() %}a{% endmacro %}{# c #}").stray,
            None
        );
        assert_eq!(
            TemplateOutline::of("{% block a %}x{% endblock %}\n\n  spec: 1\n").stray,
            Some(3)
        );
        assert_eq!(TemplateOutline::of("\n{{ x }}").stray, Some(2));
    }

    #[test]
    fn templates_are_named_by_text_or_by_an_expression() {
        let outline = TemplateOutline::of("{% include ['_a.j2', \"_b.j2\"] %}\n{% from '_c.j2' import m %}");
        let names: Vec<_> = outline
            .references
            .iter()
            .map(|named| named.name.as_str())
            .collect();
        assert_eq!(names, ["_a.j2", "_b.j2", "_c.j2"]);
        assert!(!outline.names_by_expression);
        assert!(TemplateOutline::of("{% include x %}").names_by_expression);
    }
}
