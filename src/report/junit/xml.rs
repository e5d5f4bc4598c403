//! The elements of a JUnit file, made of any text: bounded, safe, and written by the quick-xml crate.

use std::io;

use quick_xml::Writer;
use quick_xml::events::{BytesCData, BytesDecl, BytesEnd, BytesStart, Event};

use crate::report::text;

/// The bound of one element's text; there is head and tail of a longer one.
const TEXT: usize = 256 * 1024;
/// The bound of one attribute.
pub(super) const ATTRIBUTE: usize = 1024;

/// A testsuite.
pub(super) struct Suite {
    name: String,
    package: String,
    timestamp: String,
    /// Names and values.
    pub(super) properties: Vec<(String, String)>,
    pub(super) testcases: Vec<TestCase>,
    pub(super) system_out: Option<String>,
}

/// A testcase.
pub(super) struct TestCase {
    name: String,
    classname: String,
    seconds: f64,
    result: TestResult,
    /// Names and values.
    pub(super) properties: Vec<(String, String)>,
    pub(super) system_out: Option<String>,
}

/// How a testcase ended.
pub(super) enum TestResult {
    /// Well.
    Success,
    /// The system is wrong.
    Failure(Cause),
    /// It could not be found out.
    Error(Cause),
    /// It was not run, or does not count.
    Skipped(Cause),
}

/// Why a testcase did not pass.
pub(super) struct Cause {
    pub(super) type_: String,
    pub(super) message: String,
    pub(super) text: Option<String>,
}

impl Suite {
    /// The suite of a file, which began then.
    pub(super) fn new(file: &str, at: &str) -> Suite {
        let package = classname(file);
        Suite {
            name: file.to_owned(),
            package: package
                .rsplit_once('.')
                .map_or(String::new(), |(folder, _)| folder.to_owned()),
            timestamp: timestamp(at),
            properties: Vec::new(),
            testcases: Vec::new(),
            system_out: None,
        }
    }

    fn count(&self, is: impl Fn(&TestResult) -> bool) -> String {
        let cases = self.testcases.iter().filter(|case| is(&case.result));
        cases.count().to_string()
    }

    fn write(&self, out: &mut Writer<Vec<u8>>, id: usize) -> io::Result<()> {
        let time: f64 = self.testcases.iter().map(|case| bounded(case.seconds)).sum();
        let attributes = [
            ("id", id.to_string()),
            ("name", attribute(&self.name)),
            ("package", attribute(&self.package)),
            ("tests", self.testcases.len().to_string()),
            ("errors", self.count(|result| matches!(result, TestResult::Error(_)))),
            (
                "failures",
                self.count(|result| matches!(result, TestResult::Failure(_))),
            ),
            ("hostname", "localhost".to_owned()),
            ("timestamp", self.timestamp.clone()),
            ("time", seconds(time)),
        ];
        element(out, "testsuite", &attributes, |out| {
            properties(out, &self.properties)?;
            self.testcases.iter().try_for_each(|case| case.write(out))?;
            said(out, self.system_out.as_deref())
        })
    }
}

impl TestCase {
    /// A testcase of a class.
    pub(super) fn new(name: &str, classname: &str, seconds: f64, result: TestResult) -> TestCase {
        TestCase {
            name: name.to_owned(),
            classname: classname.to_owned(),
            seconds,
            result,
            properties: Vec::new(),
            system_out: None,
        }
    }

    /// True where it did not pass.
    pub(super) fn is_bad(&self) -> bool {
        matches!(self.result, TestResult::Failure(_) | TestResult::Error(_))
    }

    fn write(&self, out: &mut Writer<Vec<u8>>) -> io::Result<()> {
        let attributes = [
            ("name", attribute(&self.name)),
            ("time", seconds(self.seconds)),
            ("classname", attribute(&self.classname)),
        ];
        element(out, "testcase", &attributes, |out| {
            properties(out, &self.properties)?;
            let (tag, cause) = match &self.result {
                TestResult::Success => return said(out, self.system_out.as_deref()),
                TestResult::Failure(cause) => ("failure", cause),
                TestResult::Error(cause) => ("error", cause),
                TestResult::Skipped(cause) => ("skipped", cause),
            };
            let told = [
                ("type", attribute(&cause.type_)),
                ("message", attribute(&cause.message)),
            ];
            element(out, tag, &told, |out| match &cause.text {
                Some(text) => out.write_event(Event::CData(BytesCData::new(cdata(text)))),
                None => Ok(()),
            })?;
            said(out, self.system_out.as_deref())
        })
    }
}

/// The whole file.
pub(super) fn file<'s>(suites: impl IntoIterator<Item = &'s Suite>) -> Vec<u8> {
    let mut out = Writer::new(Vec::new());
    let declaration = BytesDecl::new("1.0", Some("utf-8"), None);
    let written = out.write_event(Event::Decl(declaration)).and_then(|()| {
        element(&mut out, "testsuites", &[], |out| {
            let mut suites = suites.into_iter().enumerate();
            suites.try_for_each(|(id, suite)| suite.write(out, id))
        })
    });
    // Writing into memory cannot fail; a report cut short would be seen as such.
    let _ = written;
    let mut bytes = out.into_inner();
    bytes.push(b'\n');
    bytes
}

fn element(
    out: &mut Writer<Vec<u8>>,
    name: &str,
    attributes: &[(&str, String)],
    inside: impl FnOnce(&mut Writer<Vec<u8>>) -> io::Result<()>,
) -> io::Result<()> {
    let attributes = attributes.iter().map(|(name, value)| (*name, value.as_str()));
    let start = BytesStart::new(name).with_attributes(attributes);
    out.write_event(Event::Start(start.borrow()))?;
    let before = out.get_mut().len();
    inside(out)?;
    if out.get_mut().len() > before {
        return out.write_event(Event::End(BytesEnd::new(name)));
    }
    // Nothing is in it: `<a/>`.
    out.get_mut().truncate(before - 1);
    out.get_mut().extend_from_slice(b"/>");
    Ok(())
}

fn properties(out: &mut Writer<Vec<u8>>, properties: &[(String, String)]) -> io::Result<()> {
    if properties.is_empty() {
        return Ok(());
    }
    element(out, "properties", &[], |out| {
        properties.iter().try_for_each(|(name, value)| {
            let attributes = [("name", attribute(name)), ("value", attribute(value))];
            element(out, "property", &attributes, |_| Ok(()))
        })
    })
}

fn said(out: &mut Writer<Vec<u8>>, text: Option<&str>) -> io::Result<()> {
    let Some(text) = text else { return Ok(()) };
    element(out, "system-out", &[], |out| {
        out.write_event(Event::CData(BytesCData::new(cdata(text))))
    })
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

fn attribute(body: &str) -> String {
    // Bounded first: only then is a text of any size cheap to clean.
    text::clip(&text::one_line(&text::clip(body, 16 * ATTRIBUTE)), ATTRIBUTE).replace('\n', " ")
}

/// Text for a CDATA section, which is written as it is: the section's end within it is split over two sections.
fn cdata(body: &str) -> String {
    text::plain(&text::clip(body, TEXT)).replace("]]>", "]]]]><![CDATA[>")
}

/// Never negative, endless or too long: the schema takes digits and a point.
fn bounded(seconds: f64) -> f64 {
    match seconds.is_finite() {
        true => seconds.clamp(0.0, 1e9),
        false => 0.0,
    }
}

/// To the millisecond.
fn seconds(seconds: f64) -> String {
    ((bounded(seconds) * 1000.0).round() / 1000.0).to_string()
}

/// The event's time to the second; the epoch where it cannot be read.
fn timestamp(at: &str) -> String {
    let seconds = at.parse::<jiff::Timestamp>().map_or(0, |time| time.as_second());
    jiff::Timestamp::from_second(seconds.clamp(0, 253_402_207_200))
        .unwrap_or_default()
        .to_string()
}
