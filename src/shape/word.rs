//! Words: what stands in one scalar and is read from its text alone.

use std::time::Duration;

use serde_json::Value;

use crate::quantity;

/// A value that stands in one scalar: a duration, a size, a number, a boolean, a word.
pub trait Word: Sized + Clone + std::fmt::Debug {
    /// What it is, for messages: "a duration (`250ms`, `30s`, …)".
    const WHAT: &'static str;
    /// Reads it from its text.
    fn from_text(text: &str) -> Option<Self>;
    /// The schema of a literal one.
    fn word_schema() -> Value;
    /// True where quotes make it another thing: `"true"` is text.
    const UNQUOTED: bool = false;
    /// What to do about a text that is none.
    fn advice(_text: &str) -> Option<String> {
        None
    }
}

impl Word for Duration {
    const WHAT: &'static str = "a duration (`250ms`, `30s`, `5m`, `1h30m`)";
    fn from_text(text: &str) -> Option<Self> {
        quantity::duration(text)
    }
    fn word_schema() -> Value {
        let pattern = r"^([0-9]+(h|m|s|ms|us|ns))*[0-9]+(\.[0-9]+)?(h|m|s|ms|us|ns)$";
        serde_json::json!({"type": "string", "pattern": pattern})
    }
    fn advice(text: &str) -> Option<String> {
        let number = text.parse::<f64>().is_ok_and(|number| number >= 0.0);
        if number {
            return Some(format!("write its unit: `{text}s`"));
        }
        let without_unit = format!("{text}s");
        if Duration::from_text(&without_unit).is_some() {
            return Some(format!("write `{without_unit}`"));
        }
        let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit() && c != '.')?);
        let unit = match unit.trim().to_ascii_lowercase().as_str() {
            "s" | "sec" | "secs" | "second" | "seconds" => "s",
            "m" | "min" | "mins" | "minute" | "minutes" => "m",
            "h" | "hr" | "hrs" | "hour" | "hours" => "h",
            "ms" | "msec" | "msecs" | "millisecond" | "milliseconds" => "ms",
            "d" | "day" | "days" => {
                let hours = number.parse::<u64>().ok()?.checked_mul(24)?;
                return Some(format!("a day has 24 hours: `{hours}h`"));
            }
            _ => return None,
        };
        let meant = format!("{number}{unit}");
        Duration::from_text(&meant).map(|_| format!("write `{meant}`"))
    }
}

/// A number of bytes: `64KiB`, `2GiB`, `512`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size(pub u64);

impl Word for Size {
    const WHAT: &'static str = "a size (`64KiB`, `2GiB`)";
    fn from_text(text: &str) -> Option<Self> {
        quantity::size(text).map(Size)
    }
    fn word_schema() -> Value {
        serde_json::json!({"type": ["string", "integer"], "pattern": r"^([0-9]+B?|[0-9]+(\.[0-9]+)?([KMGT]iB|[kKMG]B))$"})
    }
    fn advice(text: &str) -> Option<String> {
        let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit() && c != '.')?);
        let binary = match unit.trim().to_ascii_lowercase().as_str() {
            "k" | "kb" | "kib" => "KiB",
            "m" | "mb" | "mib" => "MiB",
            "g" | "gb" | "gib" => "GiB",
            "t" | "tb" | "tib" => "TiB",
            _ => return None,
        };
        let fits = Size::from_text(&format!("{number}{binary}")).is_some();
        fits.then(|| format!("write `{number}{binary}`, which is in steps of 1024"))
    }
}

impl Word for bool {
    const WHAT: &'static str = "`true` or `false`";
    fn from_text(text: &str) -> Option<Self> {
        match text {
            "true" | "True" | "TRUE" => Some(true),
            "false" | "False" | "FALSE" => Some(false),
            _ => None,
        }
    }
    fn word_schema() -> Value {
        serde_json::json!({"type": "boolean"})
    }
    const UNQUOTED: bool = true;
    fn advice(text: &str) -> Option<String> {
        match text.to_ascii_lowercase().as_str() {
            "yes" | "on" | "y" | "1" => Some("write `true`".to_owned()),
            "no" | "off" | "n" | "0" => Some("write `false`".to_owned()),
            _ => None,
        }
    }
}

impl Word for u64 {
    const WHAT: &'static str = "a whole number";
    fn from_text(text: &str) -> Option<Self> {
        // `parse` takes a sign.
        text.parse().ok().filter(|_| !text.starts_with('+'))
    }
    fn word_schema() -> Value {
        serde_json::json!({"type": "integer", "minimum": 0})
    }
    const UNQUOTED: bool = true;
    fn advice(text: &str) -> Option<String> {
        if text.starts_with(|first: char| first.is_ascii_alphabetic()) {
            return Some("write how many in digits: `0`, `1`, `2`".to_owned());
        }
        let number: f64 = text.parse().ok()?;
        let help = match number < 0.0 {
            true => "it is 0 or more",
            false => "it has digits alone: `0`, `1`, `20`",
        };
        Some(help.to_owned())
    }
}

/// A port: `80`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Port(pub u16);

impl std::fmt::Display for Port {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl Word for Port {
    const WHAT: &'static str = "a port (1 to 65535)";
    fn from_text(text: &str) -> Option<Self> {
        u64::from_text(text)
            .and_then(|port| u16::try_from(port).ok())
            .filter(|port| *port > 0)
            .map(Port)
    }
    fn word_schema() -> Value {
        serde_json::json!({"type": "integer", "minimum": 1, "maximum": 65535})
    }
    const UNQUOTED: bool = true;
}

impl Word for String {
    const WHAT: &'static str = "text";
    fn from_text(text: &str) -> Option<Self> {
        Some(text.to_owned())
    }
    fn word_schema() -> Value {
        // Nothing is computed before it is known.
        serde_json::json!({"type": ["string", "number", "boolean"], "not": super::computed_schema()})
    }
}

/// One of some words, as it is written.
pub trait Worded {
    /// The word.
    fn text(self) -> &'static str;
}

/// Declares an enum of words: `words! { pub enum Keep { Never = "never", … } }`.
#[macro_export]
macro_rules! words {
    ($(#[doc = $doc:literal])* pub enum $Name:ident { $($(#[doc = $vdoc:literal])* $Variant:ident = $text:literal),+ $(,)? }) => {
        $(#[doc = $doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[allow(unreachable_pub, reason = "the same declaration serves public and private modules")]
        pub enum $Name { $($(#[doc = $vdoc])* $Variant),+ }

        impl $crate::shape::Worded for $Name {
            fn text(self) -> &'static str {
                match self { $($Name::$Variant => $text),+ }
            }
        }

        impl $crate::shape::Word for $Name {
            const WHAT: &'static str = concat!("one of" $(, " `", $text, "`")+);
            fn from_text(text: &str) -> Option<Self> {
                match text { $($text => Some($Name::$Variant),)+ _ => None }
            }
            fn word_schema() -> serde_json::Value {
                serde_json::json!({"enum": [$($text),+]})
            }
            fn advice(text: &str) -> Option<String> {
                let near = $crate::diagnostic::did_you_mean(text, &[$($text),+])?;
                Some(format!("did you mean `{near}`?"))
            }
        }
    };
}
pub use words;
