//! The words of an expression with their places: minijinja gives no places for names, and no end of a `${{`.

use std::ops::Range;

/// What a word is.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind {
    /// A name or a keyword.
    Ident,
    /// A text, unquoted.
    Str(String),
    /// A whole number; none where it is too large.
    Int(Option<i64>),
    /// Another number.
    Float,
    /// A sign: one character, or two where they belong together.
    Sign(&'static str),
    /// What no expression can hold.
    Odd(char),
}

/// A word and its place in the code.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) range: Range<usize>,
}

/// How many words an expression may have.
pub(super) const MAX_WORDS: usize = 1000;

/// How deeply brackets may be nested.
const MAX_DEPTH: usize = 64;

/// Longest first.
const SIGNS: [&str; 31] = [
    "**", "//", "==", "!=", "<=", ">=", "&&", "||", "(", ")", "[", "]", "{", "}", ",", ".", ":", "|", "~", "+", "-",
    "*", "/", "%", "<", ">", "=", "!", "&", "?", ";",
];

/// The words up to the `}}` that closes the expression, and where that begins; the code's end without one.
///
/// Brackets and texts are followed, so that `}}` inside of them closes nothing.
pub(super) fn tokens(code: &str, closed: bool) -> Result<(Vec<Token>, usize), Unclosed> {
    let mut tokens = Vec::new();
    let mut open: Vec<usize> = Vec::new();
    let mut at = 0;
    while at < code.len() {
        let rest = &code[at..];
        let first = rest.chars().next().unwrap_or(' ');
        if first.is_whitespace() {
            at += first.len_utf8();
            continue;
        }
        if closed && open.is_empty() && rest.starts_with("}}") {
            return Ok((tokens, at));
        }
        let (kind, length) = word(rest, tokens.last()).ok_or(Unclosed::Text(at))?;
        match kind {
            Kind::Sign("(" | "[" | "{") => open.push(at),
            Kind::Sign(close @ (")" | "]" | "}")) => match open.pop() {
                Some(opened) if !code[opened..].starts_with(opening(close)) => {
                    return Err(Unclosed::Bracket(opened));
                }
                _ => {}
            },
            _ => {}
        }
        if open.len() > MAX_DEPTH || tokens.len() >= MAX_WORDS {
            return Err(Unclosed::TooLong);
        }
        tokens.push(Token {
            kind,
            range: at..at + length,
        });
        at += length;
    }
    match open.first() {
        Some(open) => Err(Unclosed::Bracket(*open)),
        None if closed => Err(Unclosed::Expression),
        None => Ok((tokens, at)),
    }
}

fn opening(close: &str) -> char {
    match close {
        ")" => '(',
        "]" => '[',
        _ => '{',
    }
}

/// Why an expression has no end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unclosed {
    /// A text that begins here has no closing quote.
    Text(usize),
    /// A bracket that stands here is not closed before the end.
    Bracket(usize),
    /// There is no `}}`.
    Expression,
    /// It is longer or nested deeper than any that is meant: minijinja recurses over it.
    TooLong,
}

impl Unclosed {
    /// Its place in the code, and what to say.
    pub(super) fn tell(self, code: &str) -> Option<(usize, String)> {
        match self {
            Unclosed::Text(at) => Some((at, "this quote in an expression is not closed".to_owned())),
            Unclosed::Bracket(at) => {
                let bracket = code[at..].chars().next().unwrap_or('(');
                Some((at, format!("this `{bracket}` in an expression is not closed")))
            }
            Unclosed::Expression => None,
            Unclosed::TooLong => Some((
                0,
                format!("the expression has more than {MAX_WORDS} words, or brackets deeper than {MAX_DEPTH}"),
            )),
        }
    }
}

/// The next word and its length; none for a text without its end.
fn word(rest: &str, before: Option<&Token>) -> Option<(Kind, usize)> {
    let first = rest.chars().next()?;
    if first == '\'' || first == '"' {
        return text(rest, first);
    }
    if first.is_ascii_alphabetic() || first == '_' {
        let length = rest
            .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
            .unwrap_or(rest.len());
        return Some((Kind::Ident, length));
    }
    if first.is_ascii_digit() {
        // A number after a dot is an index and has no fraction: `a.1.0`.
        return Some(number(
            rest,
            matches!(
                before,
                Some(Token {
                    kind: Kind::Sign("."),
                    ..
                })
            ),
        ));
    }
    Some(match SIGNS.iter().find(|sign| rest.starts_with(**sign)) {
        Some(sign) => (Kind::Sign(sign), sign.len()),
        None => (Kind::Odd(first), first.len_utf8()),
    })
}

fn number(rest: &str, index: bool) -> (Kind, usize) {
    let digits = |from: usize| {
        from + rest[from..]
            .bytes()
            .take_while(|b| b.is_ascii_alphanumeric() || *b == b'_')
            .count()
    };
    let whole = digits(0);
    let fraction =
        !index && rest[whole..].starts_with('.') && rest[whole + 1..].starts_with(|c: char| c.is_ascii_digit());
    let length = if fraction { digits(whole + 1) } else { whole };
    let kind = if fraction {
        Kind::Float
    } else {
        Kind::Int(rest[..length].replace('_', "").parse().ok())
    };
    (kind, length)
}

fn text(rest: &str, quote: char) -> Option<(Kind, usize)> {
    let mut text = String::new();
    let mut chars = rest.char_indices().skip(1);
    while let Some((at, c)) = chars.next() {
        match c {
            c if c == quote => return Some((Kind::Str(text), at + 1)),
            // Only the escapes that a literal argument may hold; minijinja reads the text itself.
            '\\' => match chars.next()?.1 {
                'n' => text.push('\n'),
                't' => text.push('\t'),
                other => text.push(other),
            },
            c => text.push(c),
        }
    }
    None
}
