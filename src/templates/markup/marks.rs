//! From a line that was rendered back to the line of the template that wrote it.
//!
//! A marked template has, before what its lines write, a number in white space that nobody uses: it goes through
//! blocks, captures and includes like any other text, `trim` takes it for what it is, and taken out again it leaves
//! what the template writes without marks. Only what a template *compares* can tell the difference, so a caller
//! compares both renderings and believes the marks where they are equal.

use super::pieces::{PieceKind, pieces};

/// Begins and ends a mark: an em space.
const FENCE: char = '\u{2003}';

/// Digits of base six: the spaces from three-per-em to thin and hair.
const DIGITS: [char; 6] = [
    '\u{2004}', '\u{2005}', '\u{2006}', '\u{2007}', '\u{2008}', '\u{2009}',
];

/// A line of one of the templates that were marked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mark {
    /// The number that the template was given.
    pub template: usize,
    /// The line in it, from 1.
    pub line: usize,
}

/// The template's text with a mark before what each of its lines writes.
pub(crate) fn marked(source: &str, template: usize) -> String {
    let mut marked = String::with_capacity(source.len() * 2);
    let mut copied = 0;
    let pieces = pieces(source);
    for (index, piece) in pieces.iter().enumerate() {
        if piece.kind != PieceKind::Text {
            continue;
        }
        let before_value = pieces
            .get(index + 1)
            .is_some_and(|next| next.kind == PieceKind::Expression);
        let mut at = piece.start;
        let mut lines = piece.text.split('\n').peekable();
        while let Some(line) = lines.next() {
            let begins_line = at == 0 || source[..at].ends_with('\n');
            let text = line.trim_start_matches(' ');
            let writes_value = text.is_empty() && before_value && lines.peek().is_none();
            if begins_line && (writes_value || !text.trim().is_empty()) {
                let place = at + line.len() - text.len();
                marked.push_str(&source[copied..place]);
                copied = place;
                write(&mut marked, template, source[..at].matches('\n').count() + 1);
            }
            at += line.len() + 1;
        }
    }
    marked.push_str(&source[copied..]);
    marked
}

fn write(text: &mut String, template: usize, line: usize) {
    text.push(FENCE);
    number(text, template);
    text.push(FENCE);
    number(text, line);
    text.push(FENCE);
}

fn number(text: &mut String, number: usize) {
    if number >= DIGITS.len() {
        self::number(text, number / DIGITS.len());
    }
    text.push(DIGITS[number % DIGITS.len()]);
}

/// Takes the marks out of a text: what is left, and the first mark of each line.
pub(crate) fn unmarked(text: &str) -> (String, Vec<Option<Mark>>) {
    let mut plain = String::with_capacity(text.len());
    let mut marks = Vec::new();
    for line in text.split_inclusive('\n') {
        let mut first = None;
        let mut rest = line;
        while let Some(start) = rest.find(FENCE) {
            plain.push_str(&rest[..start]);
            match read(&rest[start..]) {
                Some((mark, length)) => {
                    first = first.or(Some(mark));
                    rest = &rest[start + length..];
                }
                None => {
                    plain.push(FENCE);
                    rest = &rest[start + FENCE.len_utf8()..];
                }
            }
        }
        plain.push_str(rest);
        marks.push(first);
    }
    (plain, marks)
}

/// The mark that `text` begins with, and its length in bytes.
fn read(text: &str) -> Option<(Mark, usize)> {
    let (template, line) = text.strip_prefix(FENCE)?.split_once(FENCE)?;
    let (line, _) = line.split_once(FENCE)?;
    let length = template.len() + line.len() + 3 * FENCE.len_utf8();
    let mark = Mark {
        template: value(template)?,
        line: value(line)?,
    };
    Some((mark, length))
}

fn value(digits: &str) -> Option<usize> {
    if digits.is_empty() {
        return None;
    }
    digits.chars().try_fold(0_usize, |value, character| {
        let digit = DIGITS.iter().position(|digit| *digit == character)?;
        value.checked_mul(DIGITS.len())?.checked_add(digit)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::templates::environment::environment;

    fn render(source: &str) -> String {
        let mut environment = environment();
        environment.add_template_owned("a", source.to_owned()).unwrap();
        let template = environment.get_template("a").unwrap();
        template.render(minijinja::context! { v => "x" }).unwrap()
    }

    #[test]
    fn the_marks_tell_the_line_and_leave_nothing_behind() {
        let source = "a: 1\n{% for i in range(2) %}\n  - {{ v }}\n{{ v }}\n  {{ v }}: y\n{% endfor %}\n{# c #}\nz: {{ v }}\n";
        let (plain, marks) = unmarked(&render(&marked(source, 7)));
        assert_eq!(plain, render(source));
        let lines: Vec<_> = marks.iter().map(|mark| mark.unwrap().line).collect();
        assert_eq!(lines, [1, 3, 4, 5, 3, 4, 5, 8]);
        assert!(marks.iter().all(|mark| mark.unwrap().template == 7));
    }

    #[test]
    fn a_section_that_stays_empty_is_empty_to_trim() {
        let source =
            "{% set s %}{% if false %}\n  a: 1\n{% endif %}{% endset %}{% if s | trim %}no{% endif %}";
        assert_eq!(unmarked(&render(&marked(source, 0))).0, render(source));
    }

    #[test]
    fn em_spaces_of_others_stay() {
        for text in [
            "a\u{2003}b",
            "\u{2003}\u{2003}\u{2003}",
            "\u{2003}x\u{2003}y\u{2003}\n",
        ] {
            assert_eq!(unmarked(text).0, text);
        }
    }

    #[test]
    fn what_the_builtin_templates_compile_to_stays_in_order() {
        for (name, source) in crate::templates::builtin::SOURCES {
            assert_eq!(unmarked(&marked(source, 12)).0, *source, "{name}");
        }
    }
}
