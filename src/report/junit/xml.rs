//! The junit-report crate's suites and testcases, made of any text: bounded, and safe where the crate writes it raw.

use junit_report::{Duration, OffsetDateTime, TestCase, TestResult, TestSuite};

use crate::report::text;

/// The bound of one element's text; there is head and tail of a longer one.
const TEXT: usize = 256 * 1024;
/// The bound of one attribute.
pub(super) const ATTRIBUTE: usize = 1024;
pub(super) fn suite(file: &str, at: &str) -> TestSuite {
    let package = classname(file);
    TestSuite {
        name: attribute(file),
        package: package
            .rsplit_once('.')
            .map_or(String::new(), |(folder, _)| folder.to_owned()),
        timestamp: timestamp(at),
        hostname: "localhost".to_owned(),
        testcases: Vec::new(),
        system_out: None,
        system_err: None,
    }
}

pub(super) fn testcase(name: &str, classname: &str, seconds: f64, result: TestResult) -> TestCase {
    TestCase {
        name: attribute(name),
        time: duration(seconds),
        result,
        classname: Some(attribute(classname)),
        // The crate would write it as an attribute that junit-10 does not know.
        filepath: None,
        system_out: None,
        system_err: None,
    }
}

/// `scenarios/shop.yaml` is `scenarios.shop`: Jenkins makes packages and classes of it.
pub(super) fn classname(file: &str) -> String {
    let file = text::one_line(file);
    let stem = file
        .strip_suffix(".yaml")
        .or(file.strip_suffix(".yml"))
        .unwrap_or(&file);
    let parts = stem.split('/').filter(|part| !matches!(*part, "" | "." | ".."));
    parts.map(|part| part.replace('.', "_")).collect::<Vec<_>>().join(".")
}

pub(super) fn attribute(body: &str) -> String {
    // Bounded first: only then is a text of any size cheap to clean.
    text::clip(&text::one_line(&text::clip(body, 16 * ATTRIBUTE)), ATTRIBUTE).replace('\n', " ")
}

/// Text for a CDATA section, which the crate writes as it is: the section's end within it is split over two sections.
pub(super) fn cdata(body: &str) -> String {
    text::plain(&text::clip(body, TEXT)).replace("]]>", "]]]]><![CDATA[>")
}

/// To the millisecond, and never negative, endless or too long: the schema takes digits and a point.
fn duration(seconds: f64) -> Duration {
    let seconds = if seconds.is_finite() {
        seconds.clamp(0.0, 1e9)
    } else {
        0.0
    };
    #[expect(clippy::cast_possible_truncation, reason = "clamped in the line above")]
    Duration::milliseconds((seconds * 1000.0).round() as i64)
}

/// The file with its times to the millisecond: the crate writes `3.6189999999999998` for 3.619.
pub(super) fn with_short_times(file: &str) -> String {
    let mut short = String::with_capacity(file.len());
    // What programs said stands in these sections, and stays as it is.
    for section in file.split_inclusive("]]>") {
        let (markup, text) = section.split_at(section.find("<![CDATA[").unwrap_or(section.len()));
        let mut parts = markup.split(" time=\"");
        short.push_str(parts.next().unwrap_or_default());
        for part in parts {
            let (time, rest) = part.split_once('"').unwrap_or((part, ""));
            let seconds = time.parse::<f64>().unwrap_or_default();
            short.push_str(&format!(" time=\"{}\"{rest}", (seconds * 1000.0).round() / 1000.0));
        }
        short.push_str(text);
    }
    short
}

/// The event's time; the epoch where it cannot be read. The crate panics outside of the years 0 to 9999.
fn timestamp(at: &str) -> OffsetDateTime {
    let seconds = at.parse::<jiff::Timestamp>().map_or(0, |time| time.as_second());
    OffsetDateTime::from_unix_timestamp(seconds.clamp(0, 253_402_300_799)).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use super::with_short_times;

    #[test]
    fn times_have_three_decimals_and_texts_stay() {
        let text = "<![CDATA[ time=\"1.23456\" <a>]]]]><![CDATA[> time=\"1.23456\"]]>";
        let file =
            |long: &str| format!("<s n=\"a time=&quot;\" time=\"{long}\">{text}<t time=\"13\" n=\"x\"/>{text}</s>\n");
        assert_eq!(with_short_times(&file("3.6189999999999998")), file("3.619"));
        assert_eq!(with_short_times(&file("0")), file("0"));
    }
}
