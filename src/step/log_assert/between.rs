//! `between`: the parts of a log that lie between two lines.

use super::Binder;
use crate::expect::{LineMatcher, LinePattern};
use crate::shape::{Rule, shape};
use crate::template::{Scope, Unrendered};

shape! {
    /// The lines between which a part of a log lies; without the first one it begins with the log, without the last one it
    /// goes on.
    pub struct Between ("`between`") rules [
        Rule::AtMostOne(&["after", "from"]),
        Rule::AtMostOne(&["before", "to"]),
        Rule::Some(&["after", "from", "before", "to"]),
    ] {
        /// The line that it begins after.
        after: Option<LineMatcher>,
        /// The line that it begins with.
        from: Option<LineMatcher>,
        /// The line that it ends before.
        before: Option<LineMatcher>,
        /// The line that it ends with.
        to: Option<LineMatcher>,
    }
}

/// A part of a log: the lines that begin and end it, and whether each is of it.
#[derive(Debug, Clone)]
pub(super) struct Part<Line> {
    pub(super) begin: Option<(Line, bool)>,
    pub(super) end: Option<(Line, bool)>,
}

/// Where in its parts a log stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Within {
    is_inside: bool,
    /// True once a part has begun.
    pub(super) has_begun: bool,
    /// True once a part has ended.
    pub(super) has_ended: bool,
}

impl Between {
    /// The part that it means; told where that is none.
    pub(super) fn part(&self, binder: &mut Binder<'_>) -> Option<Part<LineMatcher>> {
        for (outside, inside, names) in [
            (&self.after, &self.from, "`after` and `from`"),
            (&self.before, &self.to, "`before` and `to`"),
        ] {
            if let (Some(_), Some(second)) = (outside, inside) {
                let message = format!("{names}: one of them is wanted");
                let help = "with `from` and `to` that line is of the part, with `after` and `before` it is not";
                binder.error(&second.span, message, help);
                return None;
            }
        }
        let edge = |outside: &Option<LineMatcher>, inside: &Option<LineMatcher>| {
            let outside = outside.as_ref().map(|line| (line.clone(), false));
            outside.or_else(|| inside.as_ref().map(|line| (line.clone(), true)))
        };
        let part = Part {
            begin: edge(&self.after, &self.from),
            end: edge(&self.before, &self.to),
        };
        if part.begin.is_none() && part.end.is_none() {
            let help = "give it `after` or `from`, `before` or `to`, or both";
            binder.error(&self.span, "`between` names no line", help);
            return None;
        }
        Some(part)
    }
}

impl Part<LineMatcher> {
    /// The same, compiled.
    pub(super) fn ready(&self, scope: &Scope) -> Result<Part<LinePattern>, Unrendered> {
        let edge = |edge: &Option<(LineMatcher, bool)>| match edge {
            Some((line, is_of_it)) => line.ready(scope).map(|line| Some((line, *is_of_it))),
            None => Ok(None),
        };
        Ok(Part {
            begin: edge(&self.begin)?,
            end: edge(&self.end)?,
        })
    }
}

impl Part<LinePattern> {
    /// Where a log stands of which nothing was read.
    pub(super) fn at_first(&self) -> Within {
        let is_inside = self.begin.is_none();
        Within {
            is_inside,
            has_begun: is_inside,
            has_ended: false,
        }
    }

    /// Takes the next line of a log; true where it is of the part.
    pub(super) fn takes(&self, line: &[u8], within: &mut Within) -> bool {
        if !within.is_inside {
            return match &self.begin {
                Some((begin, is_of_it)) if begin.is_match(line) => {
                    (within.is_inside, within.has_begun) = (true, true);
                    *is_of_it
                }
                _ => false,
            };
        }
        match &self.end {
            Some((end, is_of_it)) if end.is_match(line) => {
                (within.is_inside, within.has_ended) = (false, true);
                *is_of_it
            }
            _ => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Part;
    use crate::expect::LinePattern;

    /// Which of the letters are of a part that begins and ends with these, each with whether it is of it.
    fn check(begin: Option<(&str, bool)>, end: Option<(&str, bool)>, log: &str, expected: &str) {
        let edge =
            |edge: Option<(&str, bool)>| edge.map(|(text, is_of_it)| (LinePattern::of(text, false).unwrap(), is_of_it));
        let part = Part {
            begin: edge(begin),
            end: edge(end),
        };
        let mut within = part.at_first();
        let of_it = log
            .chars()
            .filter(|letter| part.takes(letter.to_string().as_bytes(), &mut within));
        assert_eq!(of_it.collect::<String>(), expected, "{log}");
    }

    #[test]
    fn a_part_lies_between_two_lines_as_often_as_they_come() {
        check(Some(("b", false)), Some(("e", false)), "xbyyezbye", "yyy");
        check(Some(("b", true)), Some(("e", true)), "xbyyezbye", "byyebye");
        check(Some(("b", false)), Some(("e", true)), "xbbyex", "bye");
        check(Some(("b", true)), Some(("e", false)), "ebyex", "by");
        check(Some(("b", false)), None, "xbyyb", "yyb");
        check(None, Some(("e", false)), "xyez", "xy");
        check(None, Some(("e", true)), "xyeze", "xye");
        check(Some(("b", false)), Some(("b", false)), "xbybzbwb", "yw");
    }
}
