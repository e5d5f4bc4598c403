//! The functions of expressions: `unique` and `random` are answered here, the others are questions to the interpreter.

use std::ops::RangeInclusive;

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{Question, path};

/// How a function is called.
pub(super) struct Signature {
    pub(super) name: &'static str,
    pub(super) usage: &'static str,
    /// What it gives.
    pub(super) gives: &'static str,
    pub(super) takes: RangeInclusive<usize>,
    /// True where the second value is a port.
    pub(super) port: bool,
    /// False for minijinja's own.
    pub(super) ours: bool,
}

const fn signature(
    name: &'static str,
    usage: &'static str,
    gives: &'static str,
    takes: RangeInclusive<usize>,
) -> Signature {
    Signature {
        name,
        usage,
        gives,
        takes,
        port: false,
        ours: true,
    }
}

/// All functions that an expression may call.
pub(super) const FUNCTIONS: &[Signature] = &[
    Signature {
        port: true,
        ..signature(
            "port",
            "port(service, port)",
            "The host port that the container's port has now.",
            2..=2,
        )
    },
    signature(
        "address",
        "address(service or node)",
        "The address of a service in its network, or of a node.",
        1..=1,
    ),
    Signature {
        port: true,
        ..signature(
            "url",
            "url(service, port)",
            "`http://host:port` of the container's port, as it is now; of several replicas the first one's (`web.2`: the second's).",
            2..=2,
        )
    },
    signature(
        "containers",
        "containers(service)",
        "The names of a service's containers.",
        1..=1,
    ),
    signature(
        "file",
        "file(path)",
        "The text of a file, by a path from the scenario's folder.",
        1..=1,
    ),
    signature(
        "unique",
        "unique(text)",
        "A name that no other try has; the same one for the same text within a try.",
        1..=1,
    ),
    signature(
        "random",
        "random(length)",
        "So many letters and digits, others at each call.",
        1..=1,
    ),
    Signature {
        ours: false,
        ..signature(
            "range",
            "range(end) or range(start, end, step)",
            "Numbers, the end not among them.",
            1..=3,
        )
    },
    Signature {
        ours: false,
        ..signature("dict", "dict(a=1, b=2)", "A mapping.", 0..=100)
    },
];

/// How each is called, and what it gives.
pub fn functions() -> impl Iterator<Item = (&'static str, &'static str)> {
    FUNCTIONS.iter().map(|function| (function.usage, function.gives))
}

/// True for the name of one of them.
pub fn is_function(name: &str) -> bool {
    FUNCTIONS.iter().any(|known| known.name == name)
}

/// True for one whose value is that of its arguments alone.
pub(crate) fn only_computes(name: &str) -> bool {
    FUNCTIONS.iter().any(|known| known.name == name && !known.ours)
}

/// What `random()` may make at most.
const MAX_RANDOM: u64 = 256;

/// How long a unique name may be: Docker's names and DNS labels end there.
const MAX_UNIQUE: usize = 63;

/// What a call asks for, or what it already is.
pub(super) enum Asked {
    /// It is this.
    Known(Value),
    /// The interpreter knows.
    Question(Question),
}

/// A call of one of the functions; `salt` makes each place and count of `random` another one.
pub(super) fn ask(
    name: &str,
    arguments: &[Value],
    (seed, unique_seed): (&str, &str),
    salt: &str,
) -> Result<Asked, String> {
    let known = FUNCTIONS
        .iter()
        .find(|known| known.name == name)
        .ok_or_else(|| format!("there is no function `{name}`"))?;
    if !known.takes.contains(&arguments.len()) {
        return Err(format!(
            "`{name}` got {} values; it is called as `{}`",
            arguments.len(),
            known.usage
        ));
    }
    let first = &arguments[0];
    let text = || match first {
        Value::String(text) if !text.is_empty() => Ok(text.clone()),
        Value::String(_) => Err(format!("`{name}` got an empty text; it is called as `{}`", known.usage)),
        other => Err(format!(
            "`{name}` got {}; it is called as `{}`",
            path::noun(other),
            known.usage
        )),
    };
    Ok(Asked::Question(match name {
        "port" => Question::Port(text()?, port_of(&arguments[1])?),
        "url" => Question::Url(text()?, port_of(&arguments[1])?),
        "containers" => Question::Containers(text()?),
        "file" => Question::File(text()?, None),
        "address" => match first.get("address").filter(|address| address.is_string()) {
            Some(address) => return Ok(Asked::Known(address.clone())),
            None => Question::Address(
                first
                    .get("name")
                    .and_then(Value::as_str)
                    .map_or_else(text, |name| Ok(name.to_owned()))?,
            ),
        },
        "unique" => return Ok(Asked::Known(unique(&super::print(first), unique_seed).into())),
        _ => return Ok(Asked::Known(random(first, seed, salt)?.into())),
    }))
}

/// A value as a port.
pub(crate) fn port_of(value: &Value) -> Result<u16, String> {
    let number = match value {
        Value::String(text) => text.parse().ok(),
        other => other.as_u64(),
    };
    number
        .and_then(|number| u16::try_from(number).ok())
        .filter(|port| *port > 0)
        .ok_or_else(|| format!("`{}` is no port (1 to 65535)", super::print(value)))
}

fn hash(parts: &[&str]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update((part.len() as u64).to_be_bytes());
        hasher.update(part.as_bytes());
    }
    hasher.finalize().into()
}

/// The seed of `unique()` that belongs to a secret one: the names that it gives are no secret.
pub fn unique_seed(seed: &str) -> String {
    let bytes = hash(&["seed of unique", seed]);
    bytes[..8].iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A name that no other try has: the text, made fit for a name, and eight characters.
fn unique(text: &str, seed: &str) -> String {
    const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let fit = |c: char| {
        if c.is_ascii_alphanumeric() {
            c.to_ascii_lowercase()
        } else {
            '-'
        }
    };
    let name: String = text.chars().map(fit).take(MAX_UNIQUE - 9).collect();
    let name = name.trim_matches('-');
    let tail: String = hash(&["unique", seed, text])[..8]
        .iter()
        .map(|byte| LETTERS[usize::from(byte % 32)] as char)
        .collect();
    if name.is_empty() {
        format!("x-{tail}")
    } else {
        format!("{name}-{tail}")
    }
}

/// Letters and digits. The seed has the run's random id in it, so nobody can guess them.
fn random(length: &Value, seed: &str, salt: &str) -> Result<String, String> {
    const LETTERS: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let length = length.as_u64().filter(|length| (1..=MAX_RANDOM).contains(length));
    let length = length.ok_or_else(|| format!("`random` wants a length from 1 to {MAX_RANDOM}"))? as usize;
    let mut text = String::new();
    for block in 0.. {
        // The last bytes that would make some letters likelier are passed over.
        let bytes = hash(&["random", seed, salt, &format!("{block}")]);
        text.extend(
            bytes
                .iter()
                .filter(|byte| **byte < 248)
                .map(|byte| LETTERS[usize::from(byte % 62)] as char),
        );
        if text.len() >= length {
            break;
        }
    }
    text.truncate(length);
    Ok(text)
}
