//! Quotes gone wrong: the parser tells where it gave up, not where the mistake is.

use super::syntax::Surroundings;
use crate::diagnostic::Diagnostic;

/// A quote without an end.
pub(super) fn unclosed_quote(at: usize, near: &Surroundings<'_>) -> Diagnostic {
    let open = match near.text().as_bytes().get(at) {
        // The parser stands on the quote itself, or where the text that belongs to it has to end.
        Some(b'"' | b'\'') if near.text().len() > at && last_quote(near.text(), near.last.end, at).is_none() => at,
        _ => last_quote(near.text(), near.last.end, at).map_or(at, |(open, _)| open),
    };
    Diagnostic::error(&near.rest_of_line(open), "the quote that opens here is not closed")
        .help("close it on the same line; if the text goes on below, indent its lines deeper than the key")
}

/// Text directly behind a closing quote; often the quote was meant to open another value.
pub(super) fn after_quote(at: usize, near: &Surroundings<'_>) -> Diagnostic {
    let quote = last_quote(near.text(), near.last.end, at);
    if let Some((open, Some(end))) = quote {
        let text = near.span(open..end);
        if text.text().contains('\n') {
            return Diagnostic::error(
                &near.rest_of_line(open),
                "the quote that opens here is not closed on this line",
            )
            .related(&near.span(end - 1..end), "it is closed only here")
            .help("close it on its line");
        }
    }
    let single = quote.is_some_and(|(open, _)| near.text()[open..].starts_with('\''));
    let how = if single {
        "within `'…'` a quote is written twice: `''`"
    } else {
        "within `\"…\"` a quote is written `\\\"`"
    };
    Diagnostic::error(&near.rest_of_line(at), "text stands behind a closing quote")
        .help(format!("put the quotes around the whole value; {how}"))
}

/// An escape that YAML does not know, or half of one.
pub(super) fn escape(at: usize, near: &Surroundings<'_>) -> Diagnostic {
    let text = &near.text()[at..];
    let mut from = 0;
    // The parser points at the opening quote; the first escape that YAML does not know is meant.
    while let Some(found) = text[from..].find('\\') {
        let letter = text[from + found + 1..].chars().next();
        if letter.is_some_and(|letter| !"0abt\tnvfre \"/\\N_LPxuU\n\r".contains(letter)) {
            let start = at + from + found;
            let end = start + 1 + letter.map_or(0, char::len_utf8);
            let span = near.span(start..end);
            return Diagnostic::error(&span, format!("`{}` is no escape that YAML knows", span.text()))
                .help("write `\\\\` for a backslash, or use single quotes, in which it is a letter like any other");
        }
        from += found + 1 + letter.map_or(0, char::len_utf8);
    }
    Diagnostic::error(&near.rest_of_line(at), "an escape in this text is not complete")
        .help("`\\x`, `\\u` and `\\U` take 2, 4 and 8 hexadecimal digits; write `\\\\` for a backslash")
}

/// The quotes that open after a place: the last one before `to`, with its end if it is closed before.
fn last_quote(text: &str, from: usize, to: usize) -> Option<(usize, Option<usize>)> {
    let bytes = text.as_bytes();
    let mut last = None;
    let mut at = from;
    // A quote is one only where a value can begin; elsewhere it is a letter of a plain text.
    let mut beginning = true;
    while at < to {
        match bytes[at] {
            b' ' | b'\t' | b'\r' => at += 1,
            b'\n' | b'[' | b'{' | b',' => {
                beginning = true;
                at += 1;
            }
            b'#' if at == 0 || bytes[at - 1].is_ascii_whitespace() => {
                at += text[at..].find('\n').unwrap_or(text.len() - at);
            }
            b':' | b'-' | b'?' => {
                beginning = bytes.get(at + 1).is_none_or(u8::is_ascii_whitespace) || (beginning && bytes[at] == b':');
                at += 1;
            }
            b'!' | b'&' if beginning => {
                at += text[at..].find(|c: char| c.is_whitespace()).unwrap_or(text.len() - at);
            }
            quote @ (b'"' | b'\'') if beginning => {
                let Some(end) = quote_end(bytes, at, quote).filter(|end| *end <= to) else {
                    return Some((at, None));
                };
                last = Some((at, Some(end)));
                at = end;
                beginning = false;
                // A key in quotes in flow style may have its value directly after the colon.
                if bytes.get(at) == Some(&b':') {
                    beginning = true;
                    at += 1;
                }
            }
            _ => {
                beginning = false;
                at += 1;
            }
        }
    }
    last
}

fn quote_end(bytes: &[u8], open: usize, quote: u8) -> Option<usize> {
    let mut at = open + 1;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' if quote == b'"' => at += 2,
            found if found == quote && quote == b'\'' && bytes.get(at + 1) == Some(&quote) => at += 2,
            found if found == quote => return Some(at + 1),
            _ => at += 1,
        }
    }
    None
}
