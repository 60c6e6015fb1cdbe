//! Where in the YAML a template's `{{ … }}` stand: looked at before the template is ever rendered.
//!
//! A value is written as a whole YAML scalar, with its own quotes. Inside other quotes, or glued to other text, it
//! would be a wrong value at best; in `{…}` and `[…]` a user's value could add a key. So that is refused with a
//! word on what to write instead. Comments and block scalars (`|`, `>`) may have values anywhere.

use super::{TemplateError, TemplateErrorKind};

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
        let message = format!("the template has over {what}");
        Err(TemplateError::new(TemplateErrorKind::Limit, name, message))
    };
    if source.len() > MOST_BYTES {
        return too_large(format!("{MOST_BYTES} bytes"));
    }
    let pieces = pieces(source);
    let tags = || {
        pieces
            .iter()
            .filter(|piece| !matches!(piece.kind, Kind::Text | Kind::Comment))
    };
    if tags().count() > MOST_TAGS {
        return too_large(format!("{MOST_TAGS} tags"));
    }
    if tags().any(|tag| tag.length > MOST_BYTES_OF_TAG) {
        return too_large(format!("{MOST_BYTES_OF_TAG} bytes in one tag"));
    }
    let brackets: usize = tags().map(|tag| tag.text.matches(['[', '{', '(']).count()).sum();
    if brackets > MOST_BRACKETS {
        return too_large(format!("{MOST_BRACKETS} brackets in its tags"));
    }
    Ok(())
}

/// Finds what must not be in a template's text.
pub(crate) fn check(name: &str, source: &str) -> Vec<TemplateError> {
    let mut errors = Vec::new();
    let mut position = Position::default();
    for piece in pieces(source) {
        let found = match piece.kind {
            Kind::Text => position.read(piece.text).map(|offset| (offset, GLUED)),
            Kind::Expression => position.expression().map(|message| (0, message)),
            Kind::Statement => {
                let mut words = piece.text.split_whitespace();
                let tag = words.next().unwrap_or_default();
                position.statement(tag);
                let changes_escaping = tag == "autoescape" && !words.eq(["false"]);
                changes_escaping.then_some((0, AUTOESCAPE))
            }
            Kind::Comment => None,
        };
        if let Some((offset, message)) = found {
            let start = piece.start + offset;
            let end = piece.start
                + if piece.kind == Kind::Text {
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

const QUOTED: &str = "a value inside quotes: write `{{ value }}` without them, it brings its own; \
                      to put text around it, write `{{ \"text-\" ~ value }}`";
const GLUED: &str = "a value glued to other text: a value is a whole YAML scalar with its own quotes; \
                     to put text around it, write `{{ \"text-\" ~ value ~ \"-text\" }}`";
const AUTOESCAPE: &str =
    "values are always written as JSON: only `{% autoescape false %}` is accepted, without effect";

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    /// Text that is written as it is.
    Text,
    /// `{{ … }}`.
    Expression,
    /// `{% … %}`.
    Statement,
    /// `{# … #}`.
    Comment,
}

struct Piece<'s> {
    kind: Kind,
    /// What is written, or what is inside of the tag.
    text: &'s str,
    start: usize,
    length: usize,
}

impl<'s> Piece<'s> {
    fn new(kind: Kind, text: &'s str, start: usize, length: usize) -> Self {
        Self {
            kind,
            text,
            start,
            length,
        }
    }
}

/// Cuts a template as its lexer does.
fn pieces(source: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut start = 0;
    let mut trim = false;
    while start < source.len() {
        let rest = &source[start..];
        let opens = |index: &usize| matches!(rest.as_bytes().get(index + 1), Some(b'{' | b'%' | b'#'));
        let tag = rest
            .match_indices('{')
            .map(|(index, _)| index)
            .find(opens)
            .unwrap_or(rest.len());
        let mut text = &rest[..tag];
        let mut text_start = start;
        if trim {
            text = text.trim_start();
            text_start += tag - text.len();
        }
        let after = &rest[tag..];
        if after.get(2..3) == Some("-") {
            text = text.trim_end();
        }
        pieces.push(Piece::new(Kind::Text, text, text_start, text.len()));
        if after.is_empty() {
            break;
        }
        let (kind, close) = match &after[..2] {
            "{{" => (Kind::Expression, "}}"),
            "{%" => (Kind::Statement, "%}"),
            _ => (Kind::Comment, "#}"),
        };
        let length = length_of_tag(after, close, kind != Kind::Comment);
        let whole = &after[..length];
        let inner = whole[2..].trim_end_matches(close);
        trim = inner.ends_with('-');
        let inner = inner.trim_matches(['-', '+']).trim();
        pieces.push(Piece::new(kind, inner, start + tag, length));
        start += tag + length;
        if kind == Kind::Statement && inner == "raw" {
            start = skip_raw(source, start, &mut pieces);
        }
    }
    pieces
}

/// The length of the tag at the beginning of `text`; strings and brackets in it are passed over.
fn length_of_tag(text: &str, close: &str, has_expressions: bool) -> usize {
    let mut quote = None;
    let mut escaped = false;
    let mut open = 0_usize;
    for (index, character) in text.char_indices().skip(2) {
        match (quote, character) {
            (Some(_), _) if escaped => escaped = false,
            (Some(_), '\\') => escaped = true,
            (Some(quoted), _) if quoted == character => quote = None,
            (Some(_), _) => {}
            _ if open == 0 && text[index..].starts_with(close) => return index + close.len(),
            _ if !has_expressions => {}
            (None, '"' | '\'') => quote = Some(character),
            (None, '(' | '[' | '{') => open += 1,
            (None, ')' | ']' | '}') => open = open.saturating_sub(1),
            (None, _) => {}
        }
    }
    text.len()
}

/// What is raw is text, up to `{% endraw %}`.
fn skip_raw<'s>(source: &'s str, start: usize, pieces: &mut Vec<Piece<'s>>) -> usize {
    let rest = &source[start..];
    let end = rest
        .match_indices("{%")
        .find(|(index, _)| {
            rest[index + 2..]
                .trim_start_matches(['-', '+'])
                .trim_start()
                .starts_with("endraw")
        })
        .map_or(rest.len(), |(index, _)| index);
    pieces.push(Piece::new(Kind::Text, &rest[..end], start, end));
    start + end
}

/// Where in a line of YAML the text has come to.
#[derive(Clone, Copy, Default, PartialEq)]
enum State {
    /// Where a value or key may begin.
    #[default]
    Open,
    /// In an unquoted scalar.
    Plain,
    /// In a tag or an anchor, up to the next space.
    Property,
    Single,
    Double,
    Comment,
    /// In a block scalar.
    Block,
    /// Behind a quoted scalar or a closing bracket.
    Value,
    /// Behind an expression.
    Expression,
}

#[derive(Default)]
struct Position {
    state: State,
    /// How many `[` and `{` are open.
    flow: usize,
    /// The indentation of the line so far; ends with its first character.
    indent: usize,
    at_line_start: bool,
    /// The indentation of the line that began a block scalar.
    block: Option<usize>,
}

impl Position {
    /// Reads text; tells where an expression turned out to be glued to it.
    fn read(&mut self, text: &str) -> Option<usize> {
        let mut previous = ' ';
        let mut glued = None;
        for (index, character) in text.char_indices() {
            if character == '\n' {
                self.begin_line();
            } else if self.at_line_start && character == ' ' {
                self.indent += 1;
            } else {
                self.leave_line_start();
                let rest = &text[index..];
                let begins_comment = character == '#' && previous.is_whitespace();
                if self.state == State::Expression && !begins_comment && is_glued(character, self.flow) {
                    glued = glued.or(Some(index));
                }
                self.state = self.after(character, previous, rest);
            }
            previous = character;
        }
        glued
    }

    fn begin_line(&mut self) {
        self.at_line_start = true;
        self.indent = 0;
        self.state = if self.block.is_some() {
            State::Block
        } else {
            State::Open
        };
    }

    fn leave_line_start(&mut self) {
        if std::mem::take(&mut self.at_line_start) && self.block.is_some_and(|block| self.indent <= block) {
            self.block = None;
            self.state = State::Open;
        }
    }

    fn after(&mut self, character: char, previous: char, rest: &str) -> State {
        let next_is_space = rest.chars().nth(1).is_none_or(char::is_whitespace);
        let begins_comment = character == '#' && previous.is_whitespace();
        match (self.state, character) {
            (State::Comment, _) => State::Comment,
            (State::Block, _) => State::Block,
            (State::Single, '\'') | (State::Double, '"')
                if previous != '\\' || self.state == State::Single =>
            {
                State::Value
            }
            (State::Single | State::Double, _) => self.state,
            _ if begins_comment => State::Comment,
            (State::Open, '"') => State::Double,
            (State::Open, '\'') => State::Single,
            (State::Open, '|' | '>') if is_block_header(rest) => {
                self.block = Some(self.indent);
                State::Block
            }
            (State::Open, '[' | '{') => {
                self.flow += 1;
                State::Open
            }
            (_, ']' | '}') if self.flow > 0 => {
                self.flow -= 1;
                State::Value
            }
            (_, ',') if self.flow > 0 => State::Open,
            (State::Open, '-' | '?') | (_, ':') if next_is_space => State::Open,
            (State::Value | State::Expression, ':') => State::Open,
            (State::Open, '!' | '&') => State::Property,
            (State::Property, space) if space.is_whitespace() => State::Open,
            (state, space) if space.is_whitespace() => state,
            (State::Property, _) => State::Property,
            _ => State::Plain,
        }
    }

    /// An expression: tells what is wrong with its place.
    fn expression(&mut self) -> Option<&'static str> {
        self.leave_line_start();
        match self.state {
            State::Comment | State::Block => None,
            State::Single | State::Double => Some(QUOTED),
            State::Plain | State::Value | State::Property => {
                self.state = State::Expression;
                Some(GLUED)
            }
            State::Open | State::Expression => {
                self.state = State::Expression;
                None
            }
        }
    }

    /// A statement: behind the end of a branch, what the branch wrote doesn't count; and what a macro or a
    /// capture holds is written elsewhere.
    fn statement(&mut self, tag: &str) {
        let is_elsewhere = matches!(tag, "macro" | "call" | "set" | "filter" | "block");
        let ends = tag.starts_with("end") || tag.starts_with("el");
        if (ends || is_elsewhere) && matches!(self.state, State::Plain | State::Value | State::Expression) {
            self.state = State::Open;
        }
    }
}

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
            Kind::Text => {
                let line = piece.text.rsplit('\n').next().unwrap_or_default();
                line_has_text = !line.trim().is_empty() || (line_has_text && !piece.text.contains('\n'));
            }
            Kind::Expression => line_has_text = true,
            Kind::Statement | Kind::Comment => {
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

fn is_glued(character: char, flow: usize) -> bool {
    !(character.is_whitespace() || character == ':' || (flow > 0 && matches!(character, ',' | ']' | '}')))
}

/// `|`, `>` with their indicators, up to the end of the line.
fn is_block_header(rest: &str) -> bool {
    let Some((line, _)) = rest.split_once('\n') else {
        return false;
    };
    let indicators = line[1..].trim_start_matches(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-'));
    indicators.trim().is_empty() || indicators.trim_start().starts_with('#')
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
