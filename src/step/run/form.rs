//! The forms of the values that a service of a compose file has, as far as they are known without the compose tool.

use crate::diagnostic::Diagnostic;
use crate::yaml::{Content, Node};

/// What a value has to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Flag,
    List,
    ListOrText,
    ListOrMapping,
    Mapping,
    Number,
    Size,
    Time,
    Restart,
}

/// By the key. What has many forms is the compose tool's to judge.
const FORMS: [(&str, Form); 35] = [
    ("annotations", Form::ListOrMapping),
    ("cap_add", Form::List),
    ("cap_drop", Form::List),
    ("cpu_count", Form::Number),
    ("cpu_percent", Form::Number),
    ("cpu_period", Form::Number),
    ("cpu_quota", Form::Number),
    ("cpu_shares", Form::Number),
    ("cpus", Form::Number),
    ("devices", Form::List),
    ("dns", Form::ListOrText),
    ("dns_opt", Form::List),
    ("dns_search", Form::ListOrText),
    ("env_file", Form::ListOrText),
    ("extra_hosts", Form::ListOrMapping),
    ("group_add", Form::List),
    ("healthcheck", Form::Mapping),
    ("init", Form::Flag),
    ("labels", Form::ListOrMapping),
    ("logging", Form::Mapping),
    ("mem_limit", Form::Size),
    ("mem_reservation", Form::Size),
    ("memswap_limit", Form::Size),
    ("oom_kill_disable", Form::Flag),
    ("oom_score_adj", Form::Number),
    ("pids_limit", Form::Number),
    ("privileged", Form::Flag),
    ("read_only", Form::Flag),
    ("restart", Form::Restart),
    ("security_opt", Form::List),
    ("shm_size", Form::Size),
    ("stop_grace_period", Form::Time),
    ("sysctls", Form::ListOrMapping),
    ("tty", Form::Flag),
    ("ulimits", Form::Mapping),
];

/// Words of a compose file for yes and no.
const FLAGS: [&str; 8] = ["true", "false", "yes", "no", "on", "off", "y", "n"];

/// What is wrong with the value of a key, if that is known; a computed one is not.
pub(super) fn problem(key: &str, value: &Node) -> Option<Diagnostic> {
    let (_, form) = FORMS.iter().find(|(known, _)| *known == key)?;
    let text = value.scalar();
    if value.is_null() || text.is_some_and(|text| text.contains("${{")) || form.takes(value) {
        return None;
    }
    let found = text.map_or_else(String::new, |text| format!(": `{text}` is none"));
    let message = format!("`{key}` of a service is {}{found}", form.word());
    let problem = Diagnostic::error(&value.span, message);
    Some(match (form, text) {
        (Form::List, Some(text)) => problem.help(format!("write `[{text}]`")),
        (Form::Time, Some(text)) if is_number(text) => problem.help(format!("with its unit: `{text}s`")),
        (Form::Restart, _) => problem.help("`no`, `always`, `unless-stopped`, `on-failure`, or `on-failure:3`"),
        _ => problem,
    })
}

impl Form {
    fn takes(self, value: &Node) -> bool {
        let text = value.scalar();
        let is_list = matches!(value.content, Content::List(_));
        let is_map = matches!(value.content, Content::Map(_));
        match self {
            Form::Flag => text.is_some_and(|text| FLAGS.contains(&text.to_ascii_lowercase().as_str())),
            Form::List => is_list,
            Form::ListOrText => is_list || text.is_some(),
            Form::ListOrMapping => is_list || is_map,
            Form::Mapping => is_map,
            Form::Number => text.is_some_and(is_number),
            Form::Size => text.is_some_and(is_size),
            Form::Time => text.is_some_and(is_time),
            Form::Restart => text.is_some_and(is_restart),
        }
    }

    fn word(self) -> &'static str {
        match self {
            Form::Flag => "`true` or `false`",
            Form::List => "a list",
            Form::ListOrText => "a text or a list",
            Form::ListOrMapping => "a list or a mapping",
            Form::Mapping => "a mapping",
            Form::Number => "a number",
            Form::Size => "a size (`64m`)",
            Form::Time => "a duration (`10s`)",
            Form::Restart => "a restart policy",
        }
    }
}

fn is_number(text: &str) -> bool {
    text.parse::<f64>().is_ok()
}

/// `64m`, `1.5 GB`, `-1`.
fn is_size(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    let number = text.trim_end_matches('b').trim_end_matches('i');
    is_number(number.trim_end_matches(['k', 'm', 'g', 't', 'p']).trim_end()) || is_number(&text)
}

/// `1m30s`, in the units that the compose tool knows.
fn is_time(text: &str) -> bool {
    let is_digit = |c: char| c.is_ascii_digit() || c == '.';
    let mut rest = text;
    while !rest.is_empty() {
        let number = rest.find(|c| !is_digit(c)).filter(|end| *end > 0);
        let Some(number) = number else { return false };
        let unit = &rest[number..];
        let end = unit.find(is_digit).unwrap_or(unit.len());
        if !["ns", "us", "µs", "ms", "s", "m", "h", "d", "w"].contains(&&unit[..end]) {
            return false;
        }
        rest = &unit[end..];
    }
    !text.is_empty()
}

fn is_restart(text: &str) -> bool {
    let tries = text.strip_prefix("on-failure:");
    matches!(text, "no" | "always" | "unless-stopped" | "on-failure")
        || tries.is_some_and(|tries| tries.parse::<u32>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::{is_restart, is_size, is_time};

    #[test]
    fn values_are_read_as_the_compose_tool_reads_them() {
        for size in ["64m", "64M", "1gb", "1.5 GiB", "32kib", "1024", "10b", "-1"] {
            assert!(is_size(size), "{size}");
        }
        for none in ["", "10Q", "lots", "64 meters", "m"] {
            assert!(!is_size(none), "{none}");
        }
        for time in ["10s", "1m30s", "1.5h", "500ms", "2d"] {
            assert!(is_time(time), "{time}");
        }
        for none in ["", "10", "s", "10 s", "1x"] {
            assert!(!is_time(none), "{none}");
        }
        for policy in ["no", "always", "unless-stopped", "on-failure", "on-failure:3"] {
            assert!(is_restart(policy), "{policy}");
        }
        assert!(!is_restart("allways") && !is_restart("on-failure:x"));
    }
}
