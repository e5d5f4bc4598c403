//! The results that a test suite in a container wrote: its JUnit files, found in an archive and read.

use std::io::{Cursor, Read};

use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};

use super::place::Inside;
use super::{Cx, Done};
use crate::event::{Fault, Outcome, Test, What};
use crate::mask::Masks;

/// The most of an archive that is read, and the most tests that are taken in.
const MAX_BYTES: usize = 64 * 1024 * 1024;
const MAX_TESTS: usize = 20_000;
/// The most that is kept of what a test says of its failure.
const MAX_TEXT: usize = 8 * 1024;

/// Takes in the tests of the file, or of all `.xml` files of the folder, at a path; they are told, and counted: all and
/// those that failed.
pub(super) async fn taken(cx: &Cx, inside: &Inside) -> Done<(usize, Vec<String>)> {
    let (path, stat) = inside.stat(cx).await?;
    if stat.is_none() {
        let message = format!("the test suite wrote no results: there is no `{path}` in the container");
        return Err(cx.failure_with_hint(message, "what is on a `tmpfs` of a container goes with its end"));
    }
    let tar = inside.read(cx, &path, MAX_BYTES).await?;
    let tests = of_archive(&tar, &cx.case.emitter.masks)
        .map_err(|why| cx.error(format!("cannot read the results at `{path}`: {why}")))?;
    if tests.is_empty() {
        return Err(cx.failure(format!("the results at `{path}` hold no test")));
    }
    let bad = tests.iter().filter(|test| test.outcome >= Outcome::Failed);
    let counted = (tests.len(), bad.map(called).collect());
    let path = cx.step.path.clone();
    cx.case.emitter.emit(What::Tested { path, tests });
    Ok(counted)
}

fn called(test: &Test) -> String {
    match test.class.is_empty() {
        true => test.name.clone(),
        false => format!("{}.{}", test.class, test.name),
    }
}

/// The fault of a suite that had tests that failed, however its command ended.
pub(super) fn failed(cx: &Cx, exit: i64, (tests, failed): (usize, &[String])) -> Fault {
    let message = format!(
        "{} of {tests} tests failed, and the command ended with {exit}",
        failed.len()
    );
    let shown: Vec<&str> = failed.iter().take(20).map(String::as_str).collect();
    let title = match failed.len() - shown.len() {
        0 => "failed".to_owned(),
        more => format!("failed, and {more} more"),
    };
    Fault::failure(message)
        .at(cx.span.place())
        .detail(title, shown.join("\n"))
}

/// The tests of an archive: of each `.xml` in it, or of its only file, whatever that is called.
fn of_archive(tar: &[u8], masks: &Masks) -> Result<Vec<Test>, String> {
    let mut files = Vec::new();
    let mut archive = tar::Archive::new(Cursor::new(tar));
    for entry in archive.entries().map_err(|why| why.to_string())? {
        let mut entry = entry.map_err(|why| why.to_string())?;
        if entry.header().entry_type().is_file() {
            let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).map_err(|why| why.to_string())?;
            files.push((name, bytes));
        }
    }
    files.sort();
    let is_only = files.len() == 1;
    let mut tests = Vec::new();
    for (name, bytes) in files.iter().filter(|(name, _)| is_only || name.ends_with(".xml")) {
        let text = String::from_utf8_lossy(bytes);
        tests.extend(of_file(&text, masks).map_err(|why| format!("`{name}`: {why}"))?);
    }
    match tests.len() {
        count if count > MAX_TESTS => Err(format!("{count} tests are more than {MAX_TESTS}")),
        _ => Ok(tests),
    }
}

/// The tests of a file.
fn of_file(text: &str, masks: &Masks) -> Result<Vec<Test>, String> {
    let mut reader = Reader::from_str(text.trim_start_matches('\u{feff}'));
    let mut reading = Reading::new(masks);
    loop {
        let event = reader
            .read_event()
            .map_err(|why| format!("{why}, at byte {}", reader.error_position()))?;
        match event {
            Event::Start(tag) => reading.begins(&tag)?,
            Event::Empty(tag) => {
                reading.begins(&tag)?;
                reading.ends(tag.local_name().as_ref());
            }
            Event::End(tag) => reading.ends(tag.local_name().as_ref()),
            Event::Text(text) => reading.says(&text.decode().map_err(|why| why.to_string())?),
            Event::CData(text) => reading.says(&text.decode().map_err(|why| why.to_string())?),
            Event::GeneralRef(name) => {
                let name = name.decode().map_err(|why| why.to_string())?;
                reading.says(&entity(&name).unwrap_or_else(|| format!("&{name};")));
            }
            Event::Eof if reading.is_junit => return Ok(reading.tests),
            Event::Eof => return Err("it is no JUnit file: it has no `testsuite`".to_owned()),
            _ => {}
        }
    }
}

/// What a reference in a text stands for: `lt`, `#10`, `#x41`.
fn entity(name: &str) -> Option<String> {
    if let Some(known) = quick_xml::escape::resolve_predefined_entity(name) {
        return Some(known.to_owned());
    }
    let number = name.strip_prefix('#')?;
    let code = match number.strip_prefix('x') {
        Some(hex) => u32::from_str_radix(hex, 16).ok()?,
        None => number.parse().ok()?,
    };
    char::from_u32(code).map(String::from)
}

/// What was read of a file so far.
struct Reading<'a> {
    /// What is hidden before a text is cut: a part of a value is not known again.
    masks: &'a Masks,
    tests: Vec<Test>,
    is_junit: bool,
    /// The names of the suites that it is in, the innermost last.
    suites: Vec<String>,
    /// The test that is being read.
    test: Option<Test>,
    /// True within what says why it did not pass.
    in_cause: bool,
}

impl<'a> Reading<'a> {
    fn new(masks: &'a Masks) -> Self {
        Reading {
            masks,
            tests: Vec::new(),
            is_junit: false,
            suites: Vec::new(),
            test: None,
            in_cause: false,
        }
    }

    fn shown(&self, text: &str) -> String {
        crate::cut::head_and_tail(&self.masks.hide(text.trim()), MAX_TEXT)
    }

    fn begins(&mut self, tag: &BytesStart<'_>) -> Result<(), String> {
        let cause = match tag.local_name().as_ref() {
            b"testsuites" => {
                self.is_junit = true;
                return Ok(());
            }
            b"testsuite" => {
                self.is_junit = true;
                self.suites.push(attribute(tag, "name")?);
                return Ok(());
            }
            b"testcase" => {
                // A test without a class is told apart from its like in other suites by the suite.
                let class = match attribute(tag, "classname")? {
                    class if class.is_empty() => self.suites.last().cloned().unwrap_or_default(),
                    class => class,
                };
                self.test = Some(Test {
                    class,
                    name: attribute(tag, "name")?,
                    outcome: Outcome::Passed,
                    // Some write `1,234.5`.
                    seconds: attribute(tag, "time")?.replace(',', "").parse().unwrap_or(0.0),
                    message: String::new(),
                    text: String::new(),
                });
                return Ok(());
            }
            b"failure" => Outcome::Failed,
            b"error" => Outcome::Errored,
            b"skipped" => Outcome::Skipped,
            _ => return Ok(()),
        };
        let message = self.shown(&attribute(tag, "message")?);
        if let Some(test) = &mut self.test {
            (test.outcome, test.message) = (cause, message);
            self.in_cause = true;
        }
        Ok(())
    }

    fn says(&mut self, text: &str) {
        if let Some(test) = self.test.as_mut().filter(|_| self.in_cause) {
            test.text.push_str(text);
        }
    }

    fn ends(&mut self, tag: &[u8]) {
        match tag {
            b"failure" | b"error" | b"skipped" => self.in_cause = false,
            b"testsuite" => drop(self.suites.pop()),
            b"testcase" => {
                if let Some(test) = self.test.take() {
                    let text = self.shown(&test.text);
                    self.tests.push(Test { text, ..test });
                }
            }
            _ => {}
        }
    }
}

fn attribute(tag: &BytesStart<'_>, name: &str) -> Result<String, String> {
    let found = tag.try_get_attribute(name).map_err(|why| why.to_string())?;
    let value = found.map(|it| {
        it.normalized_value(XmlVersion::Implicit1_0)
            .map(|value| value.into_owned())
    });
    value
        .transpose()
        .map(Option::unwrap_or_default)
        .map_err(|why| why.to_string())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{MAX_TEXT, of_file};
    use crate::mask::Masks;

    fn check(file: &str, expected: &[&str]) {
        let told = of_file(file, &Masks::default()).map(|tests| {
            let lines = tests.iter().map(|it| {
                let (class, name, message, text) = (&it.class, &it.name, &it.message, &it.text);
                format!(
                    "{class} | {name} | {:?} | {} | {message} | {text}",
                    it.outcome, it.seconds
                )
            });
            lines.collect::<Vec<_>>()
        });
        let told = told.unwrap_or_else(|why| vec![why]);
        assert_eq!(told, expected);
    }

    #[test]
    fn reads_what_pytest_maven_and_others_write() {
        check(
            "<?xml version=\"1.0\"?><testsuites><testsuite name=\"pytest\"><properties><property name=\"a\" value=\"b\"/>\
             </properties><testcase classname=\"tests.test_a\" name=\"test_one[a&amp;b]\" time=\"0.5\"/>\
             <testcase classname=\"tests.test_a\" name=\"two\" time=\"1,000.25\"><failure message=\"assert 1 == 2\">\
             a &lt; b&#10;<![CDATA[<c>]]></failure><system-out>noise</system-out></testcase></testsuite></testsuites>",
            &[
                "tests.test_a | test_one[a&b] | Passed | 0.5 |  | ",
                "tests.test_a | two | Failed | 1000.25 | assert 1 == 2 | a < b\n<c>",
            ],
        );
        check(
            "<testsuite><testcase name=\"a\"><error type=\"x\"/></testcase><testcase name=\"b\"><skipped/></testcase></testsuite>",
            &[" | a | Errored | 0 |  | ", " | b | Skipped | 0 |  | "],
        );
        check(
            "<testsuites><testsuite name=\"db\"><testcase name=\"a\"/><testcase classname=\"c\" name=\"a\"/></testsuite>\
             <testsuite name=\"web\"><testsuite name=\"slow\"><testcase name=\"a\"/></testsuite><testcase name=\"b\"/>\
             </testsuite></testsuites>",
            &[
                "db | a | Passed | 0 |  | ",
                "c | a | Passed | 0 |  | ",
                "slow | a | Passed | 0 |  | ",
                "web | b | Passed | 0 |  | ",
            ],
        );
    }

    #[test]
    fn of_a_secret_over_the_cut_no_part_is_told() {
        const SECRET: &str = "s3cret-word";
        let masks = Masks::default();
        masks.add(&json!(SECRET));
        // The end of the first half, the beginning of the second one, and where reading once ended.
        for cut in [MAX_TEXT / 2, 3 * MAX_TEXT - MAX_TEXT / 2, 2 * MAX_TEXT] {
            for at in 0..=SECRET.len() {
                let dots = ".".repeat(cut - at);
                let said = format!("{dots}{SECRET}{}", ".".repeat(3 * MAX_TEXT - SECRET.len() - dots.len()));
                let file = format!(
                    "<testsuite><testcase name=\"a\"><failure message=\"{said}\">{said}</failure></testcase></testsuite>"
                );
                let test = of_file(&file, &masks).unwrap().remove(0);
                for told in [test.message, test.text] {
                    let told = told.replace(['.', '*', '\n'], "");
                    let parts: String = told.split('…').step_by(2).collect();
                    assert_eq!(parts, "", "{cut} {at}");
                }
            }
        }
    }

    #[test]
    fn refuses_what_is_none() {
        check("<html/>", &["it is no JUnit file: it has no `testsuite`"]);
        check("no xml at all", &["it is no JUnit file: it has no `testsuite`"]);
        check("<testsuite/>", &[]);
        check(
            "<testsuite><testcase></testsuite>",
            &["ill-formed document: expected `</testcase>`, but `</testsuite>` was found, at byte 21"],
        );
    }
}
