//! The only file that knows the YAML parser: its events and errors in our words, places in bytes.

use std::borrow::Cow;
use std::ops::Range;

use granit_parser::{ErrorKind, Parser, ScalarStyle, Span as ParserSpan, StructureStyle, Tag};

use super::{MAX_DEPTH, Style};

/// What a text consists of, in its order.
#[derive(Debug)]
pub(super) enum Event<'t> {
    /// A document begins.
    Document,
    /// A scalar.
    Scalar(Cow<'t, str>, Style, Marks),
    /// A list or a mapping begins.
    Start(Shape, Marks),
    /// A list or a mapping ends.
    End,
    /// An alias of the anchor with that number.
    Alias(usize),
}

/// What kind of collection begins, and how it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shape {
    /// A mapping; else a list.
    pub(super) map: bool,
    /// In flow style: `{…}`, `[…]`.
    pub(super) flow: bool,
}

/// What stands before a node's content.
#[derive(Debug)]
pub(super) struct Marks {
    /// The anchor's number; 0 for none.
    pub(super) anchor: usize,
    /// The tag, in a form that means the same without the document's `%TAG` lines.
    pub(super) tag: Option<String>,
}

/// Why a text is no YAML.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Trouble {
    /// A quote that is not closed, or not on a line that belongs to it.
    UnclosedQuote,
    /// Text directly after a closing quote.
    AfterQuote,
    /// An unknown or broken `\` escape.
    Escape,
    /// A bracket that is not closed.
    UnclosedBracket(char),
    /// A bracket that is closed by another kind.
    WrongBracket(char, char),
    /// A closing bracket without an opening one.
    StrayBracket,
    /// Neither a comma nor the closing bracket.
    Separator,
    /// A tab where blanks have to be.
    Tab,
    /// A line that fits no mapping above.
    Indentation,
    /// A line that is no item in a list.
    Item,
    /// A `: ` where no key can be.
    Key,
    /// A `- ` where no list can begin.
    Dash,
    /// An alias whose anchor is not there.
    UnknownAnchor,
    /// A character that no text begins with.
    Reserved(char),
    /// Nested too deeply.
    Depth,
    /// Anything else, in the parser's words.
    Other(String),
}

/// Calls `on` for each event with its place until it says `false` or the text ends.
pub(super) fn events<'t>(
    text: &'t str,
    mut on: impl FnMut(Event<'t>, Range<usize>) -> bool,
) -> Result<(), (Trouble, usize)> {
    let options = granit_parser::options! {
        emit_comments: false,
        flow_nesting_limit: MAX_DEPTH,
        block_nesting_limit: MAX_DEPTH,
    };
    for next in Parser::new_from_str_with_options(text, options) {
        let (event, span) = next.map_err(|error| {
            (
                trouble(error.kind()),
                error.marker().byte_offset().unwrap_or(text.len()).min(text.len()),
            )
        })?;
        let range = span.byte_range().unwrap_or(0..0);
        if let Some(event) = translate(event, &span, text)
            && !on(event, range)
        {
            break;
        }
    }
    Ok(())
}

fn translate<'t>(event: granit_parser::Event<'t>, span: &ParserSpan, text: &'t str) -> Option<Event<'t>> {
    use granit_parser::Event as Parsed;
    let marks = |anchor, tag: Option<Cow<'t, Tag>>| Marks {
        anchor,
        tag: tag.map(|tag| tag_text(&tag, span, text)),
    };
    let shape = |map, style| Shape {
        map,
        flow: style == StructureStyle::Flow,
    };
    Some(match event {
        Parsed::DocumentStart(..) => Event::Document,
        Parsed::Scalar(value, style, anchor, tag) => {
            // A missing value arrives as `~`; the author wrote nothing.
            let empty = style == ScalarStyle::Plain && span.byte_range().is_some_and(|range| range.is_empty());
            let value = if empty { Cow::Borrowed("") } else { value };
            let style = match style {
                ScalarStyle::SingleQuoted => Style::Single,
                ScalarStyle::DoubleQuoted => Style::Double,
                ScalarStyle::Literal => Style::Literal,
                ScalarStyle::Folded => Style::Folded,
                _ => Style::Plain,
            };
            Event::Scalar(value, style, marks(anchor, tag))
        }
        Parsed::SequenceStart(style, anchor, tag) => Event::Start(shape(false, style), marks(anchor, tag)),
        Parsed::MappingStart(style, anchor, tag) => Event::Start(shape(true, style), marks(anchor, tag)),
        Parsed::SequenceEnd | Parsed::MappingEnd => Event::End,
        Parsed::Alias(id) => Event::Alias(id),
        _ => return None,
    })
}

fn tag_text(tag: &Tag, span: &ParserSpan, text: &str) -> String {
    let usual = match tag.original_handle() {
        "!!" => tag.handle() == "tag:yaml.org,2002:",
        "!" | "" => tag.handle() == tag.original_handle(),
        _ => false,
    };
    match span.tag_span().and_then(|span| span.slice(text)).filter(|_| usual) {
        Some(written) => written.to_owned(),
        None => format!("!<{}{}>", tag.handle(), tag.suffix()),
    }
}

fn trouble(kind: &ErrorKind) -> Trouble {
    use ErrorKind as Kind;
    match kind {
        Kind::UnclosedQuotedScalar | Kind::InvalidQuotedScalarIndent | Kind::DocumentIndicatorInQuotedScalar => {
            Trouble::UnclosedQuote
        }
        Kind::InvalidTrailingSingleQuotedScalar | Kind::InvalidTrailingDoubleQuotedScalar => Trouble::AfterQuote,
        Kind::UnknownQuotedScalarEscape
        | Kind::InvalidQuotedScalarHexEscape
        | Kind::InvalidLowSurrogateHexEscape
        | Kind::InvalidLowSurrogate
        | Kind::MissingLowSurrogate
        | Kind::UnpairedLowSurrogate
        | Kind::InvalidUnicodeEscape => Trouble::Escape,
        Kind::UnclosedFlowCollection { open } => Trouble::UnclosedBracket(*open),
        Kind::MismatchedFlowCollectionEnd { open, close } => Trouble::WrongBracket(*open, *close),
        Kind::MisplacedFlowCollectionEnd => Trouble::StrayBracket,
        Kind::ExpectedFlowMappingSeparator | Kind::ExpectedFlowSequenceSeparator | Kind::InvalidColonPlacement => {
            Trouble::Separator
        }
        Kind::TabNotAllowed
        | Kind::TabInBlockIndentation
        | Kind::TabInIndentation
        | Kind::TabInPlainScalar
        | Kind::InvalidBlockEntryWhitespace
        | Kind::InvalidMappingValueWhitespace
        | Kind::TabAtBlockScalarStart => Trouble::Tab,
        Kind::ExpectedBlockMappingKey | Kind::InvalidIndentation | Kind::InvalidBlockScalarIndent => {
            Trouble::Indentation
        }
        Kind::ExpectedBlockSequenceEntry => Trouble::Item,
        Kind::MappingValueNotAllowed => Trouble::Key,
        Kind::BlockSequenceEntryNotAllowed => Trouble::Dash,
        Kind::UnknownAnchor => Trouble::UnknownAnchor,
        Kind::MissingAnchorOrAliasName => Trouble::Reserved('*'),
        Kind::MappingKeyNotAllowed => Trouble::Reserved('?'),
        Kind::UnexpectedCharacter { character } => Trouble::Reserved(*character),
        Kind::RecursionLimitExceeded => Trouble::Depth,
        other => Trouble::Other(other.to_string()),
    }
}
