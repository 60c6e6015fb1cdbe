//! A template cut into text and tags, as the engine's lexer does it.

#[derive(Clone, Copy, PartialEq)]
pub(super) enum PieceKind {
    /// Text that is written as it is.
    Text,
    /// `{{ … }}`.
    Expression,
    /// `{% … %}`.
    Statement,
    /// `{# … #}`.
    Comment,
}

pub(super) struct Piece<'s> {
    pub kind: PieceKind,
    /// What is written, or what is inside of the tag.
    pub text: &'s str,
    pub start: usize,
    pub length: usize,
}

impl<'s> Piece<'s> {
    fn new(kind: PieceKind, text: &'s str, start: usize, length: usize) -> Self {
        Self {
            kind,
            text,
            start,
            length,
        }
    }
}

/// Cuts a template as its lexer does.
pub(super) fn pieces(source: &str) -> Vec<Piece<'_>> {
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
        pieces.push(Piece::new(PieceKind::Text, text, text_start, text.len()));
        if after.is_empty() {
            break;
        }
        let (kind, close) = match &after[..2] {
            "{{" => (PieceKind::Expression, "}}"),
            "{%" => (PieceKind::Statement, "%}"),
            _ => (PieceKind::Comment, "#}"),
        };
        let length = length_of_tag(after, close, kind != PieceKind::Comment);
        let whole = &after[..length];
        let inner = whole[2..].trim_end_matches(close);
        trim = inner.ends_with('-');
        let inner = inner.trim_matches(['-', '+']).trim();
        pieces.push(Piece::new(kind, inner, start + tag, length));
        start += tag + length;
        if kind == PieceKind::Statement && inner == "raw" {
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
    pieces.push(Piece::new(PieceKind::Text, &rest[..end], start, end));
    start + end
}
