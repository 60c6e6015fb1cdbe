//! Text for people, with the styles that a terminal shows.

use anstyle::{AnsiColor, Style};
use std::fmt::Write;

pub(super) const PLAIN: Style = Style::new();
pub(super) const BOLD: Style = Style::new().bold();
pub(super) const DIM: Style = Style::new().dimmed();
pub(super) const RED: Style = AnsiColor::Red.on_default();
pub(super) const GREEN: Style = AnsiColor::Green.on_default();
pub(super) const YELLOW: Style = AnsiColor::Yellow.on_default();
pub(super) const CYAN: Style = AnsiColor::Cyan.on_default();
const ERROR: Style = RED.bold();
const WARNING: Style = YELLOW.bold();
const GOOD: Style = GREEN.bold();

/// A text twice: as it is, and as a terminal shows it. There, control characters are shown as escapes, because a terminal would obey them.
#[derive(Debug, Default)]
pub(super) struct Styled {
    plain: String,
    styled: String,
}

impl Styled {
    /// Adds text in one style.
    pub(super) fn push(&mut self, style: Style, text: &str) {
        self.plain.push_str(text);
        // Writing to a String cannot fail.
        let _ = write!(self.styled, "{style}");
        for c in text.chars() {
            if c.is_control() && c != '\n' && c != '\t' {
                let _ = write!(self.styled, "{}", c.escape_unicode());
            } else {
                self.styled.push(c);
            }
        }
        let _ = write!(self.styled, "{style:#}");
    }

    /// Adds a line in one style.
    pub(super) fn line(&mut self, style: Style, text: &str) {
        self.push(style, text);
        self.push(PLAIN, "\n");
    }

    /// The text, with its styles or without.
    pub(super) fn shown(&self, styled: bool) -> &str {
        if styled { &self.styled } else { &self.plain }
    }

    /// A message: what it begins with says how bad it is.
    pub(super) fn message(text: &str) -> Self {
        let mut message = Self::default();
        message.push_by_beginning(
            text,
            [("error:", ERROR), ("Error:", ERROR), ("warning:", WARNING)],
        );
        message
    }

    /// Adds text whose beginning, if it is one of these, has a style of its own.
    fn push_by_beginning<const N: usize>(&mut self, text: &str, beginnings: [(&str, Style); N]) {
        let found = beginnings
            .into_iter()
            .find_map(|(beginning, style)| Some((style, beginning, text.strip_prefix(beginning)?)));
        let rest = found.map_or(text, |(style, beginning, rest)| {
            self.push(style, beginning);
            rest
        });
        self.push(PLAIN, rest);
    }

    /// A text of lines, each cut into pieces with a style.
    fn by_line(text: &str, cut: impl Fn(&str, &mut Self)) -> Self {
        let mut all = Self::default();
        for line in text.split_inclusive('\n') {
            cut(line, &mut all);
        }
        all
    }

    /// Findings of `check`: `file:line: message`, and below it indented lines, of which `>` marks the meant one.
    pub(super) fn findings(text: &str) -> Self {
        Self::by_line(text, |line, all| {
            let place = (!line.starts_with(' ')).then(|| line.split_once(": ")).flatten();
            match place {
                Some((place, rest)) => {
                    all.push(BOLD, place);
                    all.push(PLAIN, ": ");
                    let rest = match rest.strip_prefix("warning: ") {
                        Some(rest) => {
                            all.push(WARNING, "warning: ");
                            rest
                        }
                        None => rest,
                    };
                    all.push(PLAIN, rest);
                }
                None if line.starts_with("    > ") => all.push(CYAN, line),
                None => all.push(DIM, line),
            }
        })
    }

    /// Differences as `diff -u` writes them, among other text.
    pub(super) fn unified(text: &str) -> Self {
        Self::by_line(text, |line, all| {
            let style = match line.get(..1) {
                Some("+") if line.starts_with("+++ ") => BOLD,
                Some("-") if line.starts_with("--- ") => BOLD,
                Some("+") => GREEN,
                Some("-") => RED,
                Some("@") => CYAN,
                _ => PLAIN,
            };
            all.push(style, line);
        })
    }

    /// Lines of `doctor`, which begin with a verdict.
    pub(super) fn verdicts(text: &str) -> Self {
        let verdicts = [("OK  ", GOOD), ("WARN", WARNING), ("FAIL", ERROR)];
        Self::by_line(text, |line, all| all.push_by_beginning(line, verdicts))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "t/a.j2:2: message: more\n    template:\n    > 2 | {% block x %}\nb.j2: warning: odd\n--- a\n+++ b\n@@ -1 +1 @@\n-x\n+y\n\n\
                        OK   ports: free\nWARN rights: some\n     fix: it\nFAIL api-server: \u{1b}[2J\u{7}\nlast";

    #[test]
    fn without_styles_the_text_is_as_it_was_and_with_them_only_escapes_are_added() {
        for styled in [
            Styled::findings(TEXT),
            Styled::unified(TEXT),
            Styled::verdicts(TEXT),
            Styled::message(TEXT),
        ] {
            assert_eq!(styled.shown(false), TEXT);
            let stripped = anstream::adapter::strip_str(styled.shown(true)).to_string();
            let expected = TEXT.replace('\u{1b}', "\\u{1b}").replace('\u{7}', "\\u{7}");
            assert_eq!(stripped, expected);
        }
    }

    #[test]
    fn each_kind_of_line_has_its_style() {
        let table: [(Styled, &str, Style); 8] = [
            (Styled::message("error: x\n"), "error:", ERROR),
            (Styled::message("warning: x\n"), "warning:", WARNING),
            (Styled::findings("a.j2:3: x\n"), "a.j2:3", BOLD),
            (Styled::findings("a.j2:3: warning: x\n"), "warning: ", WARNING),
            (Styled::unified("+a\n"), "+a\n", GREEN),
            (Styled::unified("-a\n"), "-a\n", RED),
            (Styled::verdicts("FAIL a: b\n"), "FAIL", ERROR),
            (Styled::verdicts("OK   a: b\n"), "OK  ", GOOD),
        ];
        for (styled, piece, style) in table {
            let expected = format!("{style}{piece}{style:#}");
            assert!(styled.shown(true).contains(&expected), "{:?}", styled.shown(true));
        }
    }
}
