//! Names and paths as parts of an address.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// What stays as it is in a part of an address.
const PART: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~')
    .remove(b':')
    .remove(b'@');

/// A text as a part of an address: bollard puts it there as it is.
pub(super) fn encode(text: &str) -> String {
    utf8_percent_encode(text, PART).to_string()
}

/// The same, its slashes kept: an image's reference.
pub(super) fn encode_path(text: &str) -> String {
    const PATH: &AsciiSet = &PART.remove(b'/');
    utf8_percent_encode(text, PATH).to_string()
}
