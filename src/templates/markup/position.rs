//! Whether a value may stand at a place in the YAML that a template writes.

const QUOTED: &str = "a value inside quotes: write `{{ value }}` without them, it brings its own; \
                      to put text around it, write `{{ \"text-\" ~ value }}`";
pub(super) const GLUED: &str = "a value glued to other text: a value is a whole YAML scalar with its own quotes; \
                     to put text around it, write `{{ \"text-\" ~ value ~ \"-text\" }}`";

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

/// Reads a template's text and knows where in the YAML it has come to.
#[derive(Default)]
pub(super) struct Position {
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
    pub(super) fn read(&mut self, text: &str) -> Option<usize> {
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

    /// Whether the text before an expression ends with a key's colon or a list's dash, which needs a space behind it.
    pub(super) fn is_behind_key(&self, before: &str) -> bool {
        self.flow == 0 && self.state == State::Open && before.ends_with([':', '-', '?'])
    }

    /// An expression: tells what is wrong with its place.
    pub(super) fn expression(&mut self) -> Option<&'static str> {
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
    pub(super) fn statement(&mut self, tag: &str) {
        let is_elsewhere = matches!(tag, "macro" | "call" | "set" | "filter" | "block");
        let ends = tag.starts_with("end") || tag.starts_with("el");
        if (ends || is_elsewhere) && matches!(self.state, State::Plain | State::Value | State::Expression) {
            self.state = State::Open;
        }
    }
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
