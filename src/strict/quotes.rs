//! Where a quoted text begins that has no end.
//!
//! A quote that is forgotten at the end of a line takes the next lines in, up to the next quote, and only what stands behind that one
//! is wrong to a reader of YAML. Its author looks for the line where the text began.

use granit_parser::Parser;

/// What the reader of YAML says where a quoted text ended too late, or not at all.
const SAID: [&str; 4] = [
    "unclosed quote",
    "multiline quoted",
    "after single-",
    "after double-",
];

/// Line and column, from 1, of the quote that was never closed in its line, if that is what `said` comes from at line `line`.
pub(crate) fn opened(text: &str, said: &str, line: usize) -> Option<(usize, usize)> {
    if !SAID.iter().any(|known| said.contains(known)) {
        return None;
    }
    // What was read without a mistake ends here.
    let mut read = (1, 0);
    for event in Parser::new_from_str(text) {
        let Ok((_, span)) = event else { break };
        read = read.max((span.end.line(), span.end.col()));
    }
    let (first, column) = read;
    let lines = text.lines().enumerate().skip(first.saturating_sub(1));
    for (index, content) in lines.take_while(|(index, _)| *index < line) {
        let start = if index + 1 == first { column } else { 0 };
        if let Some(column) = unclosed(content, start) {
            return Some((index + 1, column + 1));
        }
    }
    None
}

/// The column, from 0, of a quote that begins a text in a line, and that no other one of this line closes.
fn unclosed(line: &str, start: usize) -> Option<usize> {
    let mut open: Option<(usize, char)> = None;
    let mut before = ' ';
    let mut characters = line.chars().enumerate().skip(start).peekable();
    while let Some((column, character)) = characters.next() {
        match open {
            Some((_, '"')) if character == '\\' => {
                characters.next();
            }
            Some((_, quote)) if character == quote => {
                // Two of these are one within the text.
                let is_escaped = quote == '\'' && characters.next_if(|(_, next)| *next == quote).is_some();
                if !is_escaped {
                    open = None;
                }
            }
            None if before == ' ' && character == '#' => return None,
            None if matches!(character, '"' | '\'') && " \t[{,:".contains(before) => {
                open = Some((column, character));
            }
            _ => {}
        }
        before = character;
    }
    open.map(|(column, _)| column)
}

#[cfg(test)]
mod tests {
    use super::super::parse_yaml;

    #[test]
    fn a_text_without_an_end_is_told_by_the_line_where_it_begins() {
        let table = [
            ("a: 1\nb: \"x\nc: d\n", "an unclosed quote at line 2, column 4", 2),
            (
                "a: 1\nb: \"x\nc: \"d\"\n",
                "an unclosed quote at line 2, column 4",
                2,
            ),
            (
                "a: 1\nb: 'x\nc: it's\n",
                "an unclosed quote at line 2, column 4",
                2,
            ),
            (
                "a: 'it''s'\nb:\n- 'x\n- y: 'z'\n",
                "an unclosed quote at line 3, column 3",
                3,
            ),
            (
                "a:\n  b: \"x\n  c: d\ne: \"f\"\n",
                "an unclosed quote at line 2, column 6",
                2,
            ),
            (
                "a: [\"b\", \"c]\nd: \"e\"\n",
                "an unclosed quote at line 1, column 10",
                1,
            ),
            (
                "a: \"x \\\" \nb: \"c\"\n",
                "an unclosed quote at line 1, column 4",
                1,
            ),
            ("\"a: 1\nb: \"c\"\n", "an unclosed quote at line 1, column 1", 1),
            // What has its end in its line is none.
            (
                "a: \"b\" c\n",
                "invalid trailing content after double-quoted scalar at line 1, column 8",
                1,
            ),
        ];
        for (text, found, line) in table {
            let problem = parse_yaml(text).unwrap_err();
            let said = problem.to_string();
            assert_eq!(said, format!("expected valid YAML, found {found}"), "{text}");
            assert_eq!(problem.said.line(), Some(line), "{text}");
        }
    }
}
