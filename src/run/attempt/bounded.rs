//! What an event carries of a step's result.

use serde_json::Value;

/// The most of a step's result that an event carries, in bytes of its JSON; the whole of a text is in the results.
pub(super) const MAX_OUTPUTS: usize = 64 * 1024;

/// A result of which an event carries only so much, and the fields that were cut.
pub(super) fn outputs(outputs: Value) -> (Value, Vec<String>) {
    let Value::Object(fields) = outputs else {
        return (bounded_text(outputs).0, Vec::new());
    };
    let mut cut = Vec::new();
    let fields = fields.into_iter().map(|(name, value)| {
        let (value, is_cut) = bounded_text(value);
        cut.extend(is_cut.then(|| name.clone()));
        (name, value)
    });
    (fields.collect(), cut)
}

fn bounded_text(value: Value) -> (Value, bool) {
    match value {
        Value::String(text) if text.len() > MAX_OUTPUTS => {
            (Value::String(crate::cut::head_and_tail(&text, MAX_OUTPUTS)), true)
        }
        Value::Array(_) | Value::Object(_) if is_longer(&value, MAX_OUTPUTS) => (Value::Null, true),
        other => (other, false),
    }
}

/// True when the JSON of a value takes more bytes than these: it is measured, not made.
fn is_longer(value: &Value, limit: usize) -> bool {
    struct Room(usize);
    impl std::io::Write for Room {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            let left = self.0.checked_sub(bytes.len());
            self.0 = left.ok_or(std::io::ErrorKind::WriteZero)?;
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    serde_json::to_writer(Room(limit), value).is_err()
}
