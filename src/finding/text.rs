//! Texts of bounded length.

use crate::limits::ANSWER_BYTES;
use std::{borrow::Cow, fmt, io};

/// What stands for the end of a text that was cut.
const ELLIPSIS: &str = "…";

/// What is kept free for the count of what was left out.
const FOR_THE_COUNT: usize = 40;

/// `text` in at most `most` bytes and whole characters; an ellipsis shows that it was cut.
pub(crate) fn cut(text: &str, most: usize) -> Cow<'_, str> {
    if text.len() <= most {
        return Cow::Borrowed(text);
    }
    let free = most.saturating_sub(ELLIPSIS.len());
    let end = (0..=free)
        .rev()
        .find(|end| text.is_char_boundary(*end))
        .unwrap_or_default();
    Cow::Owned(text[..end].to_owned() + ELLIPSIS)
}

/// A text as an answer may have it.
pub(crate) fn answer(text: &str) -> Cow<'_, str> {
    cut(text, ANSWER_BYTES)
}

/// What went wrong with a file, in the words of the operating system.
pub(crate) fn io_words(kind: io::ErrorKind) -> String {
    match kind {
        io::ErrorKind::NotFound => "no such file or directory".to_owned(),
        io::ErrorKind::AlreadyExists => "a file of this name exists".to_owned(),
        kind => kind.to_string(),
    }
}

/// The cause that says most: clients wrap it in general sentences, such as `ServiceError: client error (Connect)`.
pub(crate) fn root_cause(error: &dyn std::error::Error) -> String {
    let mut at = error;
    while let Some(source) = at.source() {
        at = source;
    }
    at.to_string()
}

/// A number with its noun: `1 error`, `2 errors`.
pub(crate) fn counted(count: usize, noun: &str) -> String {
    let ending = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{ending}")
}

/// A further part of a summary, where there is anything of it: `, 2 could not be compared`.
pub(crate) fn also(count: usize, what: &str) -> String {
    match count {
        0 => String::new(),
        count => format!(", {count} {what}"),
    }
}

/// What went wrong with a file: the words of [`io_words`] where there are some, else the error's own.
pub(crate) fn error_words(error: &io::Error) -> String {
    match io_words(error.kind()) {
        words if error.raw_os_error().is_some() && words != "uncategorized error" => words,
        _ => error.to_string(),
    }
}

/// A text as it is written, in at most so many characters and in one line.
pub(crate) struct Cut<'t>(pub(crate) &'t str, pub(crate) usize);

impl fmt::Display for Cut<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&one_line(&shortened(self.0, self.1)))
    }
}

/// A text in at most so many characters; an ellipsis shows that it was cut.
pub(crate) fn shortened(text: &str, most: usize) -> Cow<'_, str> {
    match text.char_indices().nth(most) {
        None => Cow::Borrowed(text),
        Some((end, _)) => Cow::Owned(format!("{}{ELLIPSIS}", &text[..end])),
    }
}

/// A text in which no character ends a line, moves a terminal's cursor or turns the order of writing: those are escaped, so that
/// what a user wrote can't look like a line of ours.
pub(crate) fn one_line(text: &str) -> Cow<'_, str> {
    if text.chars().all(stays_in_line) {
        return Cow::Borrowed(text);
    }
    let mut line = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        if stays_in_line(character) {
            line.push(character);
        } else {
            line.extend(character.escape_default());
        }
    }
    Cow::Owned(line)
}

fn stays_in_line(character: char) -> bool {
    let separates_or_turns = matches!(
        character,
        '\u{2028}' | '\u{2029}' | '\u{200e}' | '\u{200f}' | '\u{061c}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
    );
    !character.is_control() && !separates_or_turns
}

/// A text each of whose words has at most so many characters: a key or value in it may be of any length.
pub(crate) fn short_words(text: &str, most: usize) -> String {
    let words = text.split_inclusive(char::is_whitespace);
    words.map(|word| shortened(word, most)).collect()
}

/// One line for each item, then the count of `more`; items that don't fit into an answer are counted too.
pub(crate) fn listed<T: fmt::Display>(items: &[T], more: usize) -> String {
    let mut text = String::new();
    for (index, item) in items.iter().enumerate() {
        let line = item.to_string();
        let is_last = index + 1 == items.len() && more == 0;
        let free = ANSWER_BYTES - if is_last { 0 } else { FOR_THE_COUNT };
        if !text.is_empty() && text.len() + 1 + line.len() > free {
            return text + &format!("\nand {} more", items.len() - index + more);
        }
        if !text.is_empty() {
            text.push('\n');
        }
        text += &cut(&line, free);
    }
    if more > 0 {
        return text + &format!("\nand {more} more");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_between_characters_at_its_limit() {
        assert_eq!(cut("abcé", 5), "abcé");
        assert_eq!(cut("abcéf", 5), "ab…");
        assert_eq!(cut("ééé", 5), "é…");
        assert_eq!(answer(&"x".repeat(ANSWER_BYTES)).len(), ANSWER_BYTES);
        let over = "x".repeat(ANSWER_BYTES + 1);
        let over = answer(&over);
        assert_eq!(over.len(), ANSWER_BYTES);
        assert!(over.ends_with(ELLIPSIS));
    }

    #[test]
    fn a_shown_piece_is_cut_by_characters() {
        assert_eq!(Cut("ééé", 3).to_string(), "ééé");
        assert_eq!(Cut("éééa", 3).to_string(), "ééé…");
    }

    #[test]
    fn what_a_user_wrote_stays_in_its_line() {
        assert_eq!(one_line("a.b[\"ü\"]: ok \\n"), "a.b[\"ü\"]: ok \\n");
        for (raw, escaped) in [
            ("a\nb", "a\\nb"),
            ("a\r\tb", "a\\r\\tb"),
            ("\u{1b}[31m\0", "\\u{1b}[31m\\u{0}"),
            ("\u{85}\u{7f}", "\\u{85}\\u{7f}"),
            (
                "\u{2028}\u{202e}\u{2066}\u{200f}",
                "\\u{2028}\\u{202e}\\u{2066}\\u{200f}",
            ),
        ] {
            assert_eq!(one_line(raw), escaped);
            assert_eq!(Cut(raw, 100).to_string(), escaped);
        }
    }

    #[test]
    fn an_error_of_the_system_is_said_in_words_without_its_number() {
        let missing = io::Error::from_raw_os_error(2);
        assert_eq!(error_words(&missing), "no such file or directory");
        let exists = io::Error::from_raw_os_error(17);
        assert_eq!(error_words(&exists), "a file of this name exists");
        let other = io::Error::from_raw_os_error(5);
        assert_eq!(error_words(&other), other.to_string());
        assert_eq!(error_words(&io::Error::other("no UTF-8")), "no UTF-8");
    }

    #[test]
    fn one_has_no_plural() {
        let counts = [0, 1, 2].map(|count| counted(count, "more case"));
        assert_eq!(counts, ["0 more cases", "1 more case", "2 more cases"]);
    }

    #[test]
    fn what_does_not_fit_into_an_answer_is_counted() {
        assert_eq!(listed(&["a", "b"], 0), "a\nb");
        assert_eq!(listed(&["a", "b"], 3), "a\nb\nand 3 more");
        let lines = vec!["x".repeat(1023); 4];
        assert_eq!(listed(&lines, 0).len(), ANSWER_BYTES - 1, "they fit exactly");
        let lines = vec!["x".repeat(1024); 4];
        let text = listed(&lines, 5);
        assert!(text.ends_with("\nand 6 more"), "{text}");
        assert!(text.len() <= ANSWER_BYTES);
        assert!(listed(&["x".repeat(1 << 20)], 0).len() <= ANSWER_BYTES);
        assert!(listed(&["x".repeat(1 << 20)], 7).ends_with("and 7 more"));
    }
}
