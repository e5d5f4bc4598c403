//! What a step asks or does, as a digest of its own YAML: a run tells it with its results, and they answer no other question.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{Kind, Sort};
use crate::shape::key_of;
use crate::yaml::Node;

/// How much of the digest is told, in bytes: it tells changes of one step apart, and nobody forges it.
const BYTES: usize = 8;

/// Of a step. Its name, its limits, what is expected of its result and what is kept of that are no part: they are what is
/// judged by. Of a probe these are a part, since its answers are judged as they come, and are not kept.
pub(super) fn of(step: &Node, kind: &Kind, value: &Node) -> String {
    let key = |key: &str| step.entry(key).map_or(Value::Null, Node::value);
    let value = shortest(kind, value);
    let asked = match kind.sort {
        // The steps in it ask, each by itself.
        Sort::Block => json!({"expect-log": key("expect-log")}),
        _ if step.entry("probe").is_some() => {
            json!({"asks": value.value(), "expect": key("expect"), "must-hold": key("must-hold")})
        }
        _ => json!({"asks": value.value()}),
    };
    let digest = Sha256::digest(json!({kind.name: asked}).to_string().as_bytes());
    digest[..BYTES].iter().map(|byte| format!("{byte:02x}")).collect()
}

/// `up: {stack: s}` asks for what `up: s` asks for.
fn shortest<'n>(kind: &Kind, value: &'n Node) -> &'n Node {
    let short = (kind.short)().map(key_of);
    match value.map() {
        Some([(key, only)]) if short.is_some() && key.scalar() == short.as_deref() => only,
        _ => value,
    }
}
