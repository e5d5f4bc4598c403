//! Records: a line of a log with the lines that go on with it, as those of a traceback do.

/// A record is no longer than this: what comes then begins another one.
const LONGEST: usize = 256 * 1024;

/// The beginning of Python's tracebacks: the lines below it are indented, and one more ends it.
const PYTHON: &str = "Traceback (most recent call last):";
/// What Python writes between the traceback of an error and that of one that came of it, with empty lines around.
const CHAINED: [&str; 2] = [
    "During handling of the above exception, another exception occurred:",
    "The above exception was the direct cause of the following exception:",
];

/// Which lines of a log go on with the one before; each is to be shown to it, in their order.
#[derive(Debug, Clone, Default)]
pub struct Records {
    at: At,
}

/// Where in a record the line stands that was seen last.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum At {
    /// Nothing was seen yet.
    #[default]
    Nowhere,
    Plain,
    /// In a traceback of Python, whose last line is to come.
    Python,
    /// Behind that, where another traceback may be chained to it.
    Behind,
    Chained,
}

impl Records {
    /// Takes the next line; true where it goes on with the record of the one before.
    pub fn continues(&mut self, line: &str) -> bool {
        let is_indented = line.starts_with([' ', '\t']) && !line.trim().is_empty();
        let (at, continues) = match self.at {
            At::Nowhere => (At::of_first(line), false),
            At::Python if is_indented || line.is_empty() => (At::Python, true),
            At::Python => (At::Behind, true),
            At::Behind if CHAINED.contains(&line) => (At::Chained, true),
            At::Chained if line == PYTHON => (At::Python, true),
            At::Behind | At::Chained if line.is_empty() => (self.at, true),
            _ if is_indented || is_of_a_trace(line) => (self.at, true),
            _ => (At::of_first(line), false),
        };
        self.at = at;
        continues
    }
}

impl At {
    fn of_first(line: &str) -> At {
        // Also indented, as in a group of exceptions, or behind what a logger writes before it.
        match line.trim_end().ends_with(PYTHON) {
            true => At::Python,
            false => At::Plain,
        }
    }
}

/// A line of a trace that nothing indents: `Caused by: …`, `at f (file:1)`, `... 12 more`.
fn is_of_a_trace(line: &str) -> bool {
    let frame = |rest: &str| rest.ends_with(')') || rest.rsplit(':').next().is_some_and(is_number);
    line.starts_with("Caused by: ")
        || line.starts_with("Suppressed: ")
        || line.strip_prefix("at ").is_some_and(frame)
        || line.starts_with("... ") && line.ends_with(" more")
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The records of a log as whole texts, of several lines with newlines between them.
#[derive(Debug, Clone, Default)]
pub struct Joined {
    records: Records,
    pending: Option<String>,
}

impl Joined {
    /// Takes the next line; gives the record that has ended before it.
    pub fn push(&mut self, line: &str) -> Option<String> {
        let continues = self.records.continues(line);
        match &mut self.pending {
            Some(record) if continues && record.len() + line.len() < LONGEST => {
                record.push('\n');
                record.push_str(line);
                None
            }
            pending => pending.replace(line.to_owned()),
        }
    }

    /// Gives the record that may go on: it does not.
    pub fn end(&mut self) -> Option<String> {
        self.pending.take()
    }

    /// The record that may go on, as far as it has come.
    pub fn pending(&self) -> Option<&str> {
        self.pending.as_deref()
    }
}

#[cfg(test)]
mod tests {
    use super::Joined;

    /// The records of a log, those with several lines with ` / ` between them.
    fn check(log: &str, expected: &[&str]) {
        let mut joined = Joined::default();
        let mut records: Vec<String> = log.lines().filter_map(|line| joined.push(line)).collect();
        records.extend(joined.pending().map(str::to_owned));
        let records: Vec<String> = records.iter().map(|record| record.replace('\n', " / ")).collect();
        assert_eq!(records, expected, "{log}");
    }

    #[test]
    fn what_is_indented_goes_on_with_the_line_before() {
        check("  a\nb\n  c\n\td\n\ne\n", &["  a", "b /   c / \td", "", "e"]);
    }

    #[test]
    fn a_trace_of_java_goes_on_to_its_last_cause() {
        let log = "10:00 ERROR failed\njava.lang.Error: no\n\tat a.B.c(B.java:7)\nCaused by: d.E: f\n\tat g.H.i(H.java:1)\n\
                   \t... 12 more\n10:01 INFO at work\nat 10:02 nothing\nat run (/app/x.js:3:4)\n";
        check(
            log,
            &[
                "10:00 ERROR failed",
                "java.lang.Error: no / \tat a.B.c(B.java:7) / Caused by: d.E: f / \tat g.H.i(H.java:1) / \t... 12 more",
                "10:01 INFO at work",
                "at 10:02 nothing / at run (/app/x.js:3:4)",
            ],
        );
    }

    #[test]
    fn one_of_python_goes_on_to_the_line_of_its_error_and_to_those_that_came_of_it() {
        let one = "Traceback (most recent call last):\n  File \"a.py\", line 1, in <module>\n    f()\nKeyError: 'x'\n";
        let told =
            "Traceback (most recent call last): /   File \"a.py\", line 1, in <module> /     f() / KeyError: 'x'";
        check(&format!("a\n{one}b\n"), &["a", told, "b"]);
        check(&format!("{one}{one}"), &[told, told]);
        let between = "\nDuring handling of the above exception, another exception occurred:\n\n";
        let chained = format!(
            "{told} /  / {} /  / {told}",
            "During handling of the above exception, another exception occurred:"
        );
        check(&format!("{one}{between}{one}b\n"), &[&chained, "b"]);
    }

    #[test]
    fn a_record_has_an_end() {
        let long = format!("a\n{}", " b\n".repeat(100_000));
        let mut joined = Joined::default();
        let ended = long.lines().filter_map(|line| joined.push(line)).count();
        assert_eq!(ended, 1);
    }
}
