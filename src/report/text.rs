//! Text from outside made fit for reports: escapes and control characters out, bounded, durations spelled.

use std::borrow::Cow;
use std::sync::LazyLock;

use console::{measure_text_width, strip_ansi_codes, truncate_str};
use regex::Regex;

#[expect(clippy::unwrap_used, reason = "a fixed pattern; every test of this file compiles it")]
static ESCAPES: LazyLock<Regex> = LazyLock::new(|| {
    // In this order: CSI (colours, cursor), OSC (titles, links) ended by BEL or ST, the other strings ended by ST, and
    // the short ones. An OSC without an end takes no more than its line.
    Regex::new(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b\n]*(?:\x07|\x1b\\)|[PX^_][^\x1b\n]*\x1b\\|[ -/]*[0-~])")
        .unwrap()
});

/// The text without terminal escapes, and with what XML and terminals cannot take made visible.
///
/// Carriage returns become line ends, other control characters their pictures (`␀`), non-characters `�`.
/// A tab and a line end stay.
pub fn plain(text: &str) -> String {
    let stripped = if text.contains('\x1b') {
        ESCAPES.replace_all(text, "")
    } else {
        Cow::Borrowed(text)
    };
    let mut out = String::with_capacity(stripped.len());
    let mut chars = stripped.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\r' if chars.peek() == Some(&'\n') => {}
            '\r' => out.push('\n'),
            '\n' | '\t' => out.push(c),
            '\0'..='\x1f' => out.push(char::from_u32(0x2400 + u32::from(c)).unwrap_or('\u{fffd}')),
            '\x7f' => out.push('\u{2421}'),
            '\u{80}'..='\u{9f}' => out.push('\u{fffd}'),
            // Each plane ends with two non-characters; XML 1.0 refuses those of the first, some readers all of them.
            c if u32::from(c) & 0xfffe == 0xfffe => out.push('\u{fffd}'),
            // These turn the direction of what follows, and make a terminal show another text than the file has.
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

/// Like [`plain`], and in one line.
pub fn one_line(text: &str) -> String {
    let text = plain(text);
    let mut lines = text.lines().map(str::trim_end).filter(|line| !line.is_empty());
    let first = lines.next().unwrap_or_default().to_owned();
    lines.fold(first, |all, line| all + " " + line.trim_start())
}

/// Head and tail of a text that is longer than `limit` bytes, with a note of how much is missing between them.
pub fn clip(text: &str, limit: usize) -> Cow<'_, str> {
    if text.len() <= limit {
        return Cow::Borrowed(text);
    }
    let head = boundary(text, limit / 2);
    let tail = boundary(text, text.len() - limit / 2);
    // A whole line reads better than half of one, if a line ends anywhere near.
    let head = text[..head].rfind('\n').filter(|at| *at > head / 2).unwrap_or(head);
    let tail = text[tail..]
        .find('\n')
        .filter(|at| *at < limit / 4)
        .map_or(tail, |at| tail + at + 1);
    let note = format!("\n… {} left out here …\n", size(tail - head));
    Cow::Owned([&text[..head], &note, &text[tail..]].concat())
}

/// The last place at or before `at` that is not within a character.
fn boundary(text: &str, at: usize) -> usize {
    (0..=at).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

/// A number of bytes as people read it.
pub fn size(bytes: usize) -> String {
    const KIB: f64 = 1024.0;
    #[expect(clippy::cast_precision_loss, reason = "shown with one digit behind the point")]
    let bytes_f = bytes as f64;
    if bytes_f < KIB {
        format!("{bytes} bytes")
    } else if bytes_f < KIB * KIB {
        format!("{:.1} KiB", bytes_f / KIB)
    } else {
        format!("{:.1} MiB", bytes_f / KIB / KIB)
    }
}

/// Seconds as people read them: `0.34s`, `12.3s`, `2m 05s`, `1h 02m`.
pub fn duration(seconds: f64) -> String {
    let seconds = if seconds.is_finite() {
        seconds.clamp(0.0, 1e9)
    } else {
        0.0
    };
    // The bounds are where rounding would carry: 9.999 is "10.0s", 59.99 is "1m 00s".
    if seconds < 9.995 {
        return format!("{seconds:.2}s");
    }
    if seconds < 59.95 {
        return format!("{seconds:.1}s");
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped above")]
    let whole = seconds.round() as u64;
    if whole < 3600 {
        format!("{}m {:02}s", whole / 60, whole % 60)
    } else {
        format!("{}h {:02}m", whole / 3600, whole % 3600 / 60)
    }
}

/// Seconds that go on while they are read: whole ones, `7s`, `90s`, `2m 05s`.
pub fn running(seconds: f64) -> String {
    if seconds < 99.5 {
        format!("{:.0}s", seconds.max(0.0))
    } else {
        duration(seconds)
    }
}

/// Text in lines of at most so many columns, broken at blanks; its own lines stay, and what follows a break stands `indent`
/// columns to the right. A word that is longer has a line of its own.
pub fn wrapped(text: &str, width: usize, indent: usize) -> String {
    let lines: Vec<String> = text.lines().map(|line| wrapped_line(line, width, indent)).collect();
    lines.join("\n")
}

/// A diagnostic as it was drawn, in so many columns.
pub fn drawn_in(text: &str, width: usize) -> String {
    let lines = text.lines().enumerate().map(|(at, line)| {
        let plain = strip_ansi_codes(line);
        match hang_of_drawn(at, &plain) {
            Some(indent) if measure_text_width(line) > width => wrapped_line(line, width, indent),
            _ => line.to_owned(),
        }
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Where a line of a drawn diagnostic goes on when it is broken: its message and its help may be; what lies between is a
/// picture.
pub fn hang_of_drawn(at: usize, line: &str) -> Option<usize> {
    let help = line.find("= help: ").filter(|at| line[..*at].trim().is_empty());
    help.map(|at| at + 2).or((at == 0).then_some(2))
}

fn wrapped_line(line: &str, width: usize, indent: usize) -> String {
    let text = line.trim_start_matches(' ');
    let mut out = " ".repeat(line.len() - text.len());
    let mut column = out.len();
    for (at, word) in text.split(' ').enumerate() {
        let wide = measure_text_width(word);
        if at > 0 && column + 1 + wide > width {
            out.push('\n');
            out.push_str(&" ".repeat(indent));
            column = indent;
        } else if at > 0 {
            out.push(' ');
            column += 1;
        }
        out.push_str(word);
        column += wide;
    }
    out
}

/// The text in so many columns: of a longer one its beginning and its end, where what tells it from others often stands.
pub fn without_middle(text: &str, width: usize) -> String {
    let all = measure_text_width(text);
    if all <= width {
        return text.to_owned();
    }
    let tail = width.saturating_sub(1) / 2;
    let head = truncate_str(text, width.saturating_sub(tail), "…");
    let mut end = text;
    while measure_text_width(end) > tail {
        let mut chars = end.chars();
        chars.next();
        end = chars.as_str();
    }
    format!("{head}{end}")
}

/// `1 case`, `2 cases`.
pub fn count(n: usize, one: &str, many: &str) -> String {
    crate::event::count_text(n as u64, one, many)
}

#[cfg(test)]
mod tests {
    use super::{clip, duration, one_line, plain, running, without_middle, wrapped};

    #[test]
    fn escapes_go_and_controls_show() {
        for (text, expected) in [
            ("\x1b[1;31mred\x1b[0m", "red"),
            ("\x1b]0;title\x07x\x1b]8;;http://a\x1b\\link\x1b]8;;\x1b\\", "xlink"),
            ("\x1b]0;never ended\nnext", "0;never ended\nnext"),
            ("a\0b\x07\x7f", "a␀b␇␡"),
            ("one\r\ntwo\rthree", "one\ntwo\nthree"),
            (
                "\u{fffe}\u{ffff}\u{1ffff}\u{85}\u{202e}",
                "\u{fffd}\u{fffd}\u{fffd}\u{fffd}\u{fffd}",
            ),
            ("\x1b", "␛"),
            ("Grüße\t🙂", "Grüße\t🙂"),
        ] {
            assert_eq!(plain(text), expected, "{text:?}");
        }
        assert_eq!(one_line("a  \n\n   b\r\nc"), "a b c");
    }

    #[test]
    fn a_long_text_keeps_head_and_tail() {
        let text = format!("first\n{}last", "ü\n".repeat(50_000_000 / 3));
        let clipped = clip(&text, 1000);
        assert!(clipped.len() < 1100, "{}", clipped.len());
        assert!(
            clipped.starts_with("first\nü\n") && clipped.ends_with("ü\nlast"),
            "{clipped}"
        );
        assert!(clipped.contains("\n… 47.7 MiB left out here …\n"), "{clipped}");
        assert_eq!(clip("short", 5), "short");
        // One endless line is cut anywhere, but never within a character.
        assert!(clip(&"ü".repeat(100), 51).starts_with("üüü"));
    }

    #[test]
    fn a_long_name_keeps_its_end() {
        for (text, width, expected) in [
            ("a case [db=pg15]", 16, "a case [db=pg15]"),
            ("a long name of a case [db=pg15]", 16, "a long n…b=pg15]"),
            ("Grüße an übermorgen", 9, "Grüß…rgen"),
            ("abc", 1, "…"),
        ] {
            assert_eq!(without_middle(text, width), expected);
        }
    }

    #[test]
    fn wraps_at_words() {
        for (text, width, indent, expected) in [
            ("one two three", 7, 0, "one two\nthree"),
            ("one two three", 7, 2, "one two\n  three"),
            ("  - one two", 8, 4, "  - one\n    two"),
            ("averylongword and", 5, 0, "averylongword\nand"),
            ("a\n\nb", 80, 4, "a\n\nb"),
            ("Ünïcödé übér", 12, 0, "Ünïcödé übér"),
        ] {
            assert_eq!(wrapped(text, width, indent), expected);
        }
    }

    #[test]
    fn of_a_drawn_diagnostic_the_words_are_broken_and_the_picture_is_not() {
        let drawn = "error: one two three four\n --> a.yaml:1:1 one two three\n  |\n1 | steps: one two three four\n  |\n  = help: one two three";
        let expected = "error: one two three\n  four\n --> a.yaml:1:1 one two three\n  |\n1 | steps: one two three four\n  |\n  = help: one two\n    three";
        assert_eq!(super::drawn_in(drawn, 20), expected);
        assert_eq!(super::drawn_in(drawn, 80), drawn);
        let painted = "\x1b[1;91merror\x1b[0m: one two three four";
        assert_eq!(
            super::drawn_in(painted, 20),
            "\x1b[1;91merror\x1b[0m: one two three\n  four"
        );
    }

    #[test]
    fn durations_are_read_by_people() {
        for (seconds, expected) in [
            (0.0, "0.00s"),
            (9.994, "9.99s"),
            (9.996, "10.0s"),
            (59.94, "59.9s"),
            (59.96, "1m 00s"),
            (125.4, "2m 05s"),
            (3599.6, "1h 00m"),
            (f64::NAN, "0.00s"),
            (-1.0, "0.00s"),
        ] {
            assert_eq!(duration(seconds), expected);
        }
        for (seconds, expected) in [(0.4, "0s"), (60.0, "60s"), (125.4, "2m 05s"), (-1.0, "0s")] {
            assert_eq!(running(seconds), expected);
        }
    }
}
