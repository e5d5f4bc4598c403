//! `log-scan`: what no log of a scenario may hold, looked for at its end.

use crate::diagnostic::Spanned;
use crate::expect::{Allowed, LineMatcher};
use crate::shape::{Rule, Text, shape};
use crate::step::JoinWord;

shape! {
    /// What no log may hold. All containers of the scenario are looked through once it has run, those that are gone by then
    /// too; a line that is found fails the scenario.
    pub struct LogScan ("`log-scan`") rules [Rule::Some(&["never", "ignore"])] {
        /// Lines that no log may have: `text` that a line contains, or `{matches: regex}`.
        never: Vec<LineMatcher>,
        /// Those of them that may be there all the same, each with its `reason`; with `after` only where one of the 10 lines
        /// before it, in the same log, is like that. One that allows nothing is told.
        ignore: Vec<Allowed>,
        /// `tracebacks`: a line and those that go on with it (indented, `Caused by:`, Python's) are one.
        join: Option<Spanned<JoinWord>>,
        /// The services whose logs are meant by `never` (default: all containers).
        services: Vec<Text>,
    }
}
