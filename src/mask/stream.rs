//! What comes piece by piece, with the values hidden that lie across its pieces, too.

use super::Masks;

/// What has come and was not given on yet, since what follows it may make it a value.
#[derive(Debug, Default)]
pub struct Hiding {
    begun: Vec<u8>,
    changed: bool,
}

impl Hiding {
    /// Takes a piece in; gives what can be shown now.
    pub fn add(&mut self, bytes: &[u8], masks: &Masks) -> Vec<u8> {
        self.begun.extend_from_slice(bytes);
        let mut shown = self.shown(false, masks);
        // A mark of a cut may follow an end of a line, but where nothing before it is kept back it has nothing to hide there.
        if self.begun == b"\n" {
            shown.append(&mut self.begun);
        }
        shown
    }

    /// Nothing more comes: gives the rest.
    pub fn end(&mut self, masks: &Masks) -> Vec<u8> {
        self.shown(true, masks)
    }

    /// True once something was hidden.
    pub fn has_hidden(&self) -> bool {
        self.changed
    }

    fn shown(&mut self, ended: bool, masks: &Masks) -> Vec<u8> {
        let (mut text, mut of) = (Vec::with_capacity(self.begun.len()), 0);
        for part in self.begun.utf8_chunks() {
            let (valid, invalid) = (part.valid(), part.invalid());
            // The text goes on behind the piece, also where the piece ends within a character.
            let goes_on = !ended && of + valid.len() + invalid.len() == self.begun.len();
            if goes_on {
                let (hidden, length) = masks.hide_begun(valid);
                text.extend(hidden.into_bytes());
                of += length;
                break;
            }
            text.extend(masks.hide(valid).into_bytes());
            text.extend_from_slice(invalid);
            of += valid.len() + invalid.len();
        }
        self.changed |= text != self.begun[..of];
        self.begun.drain(..of);
        text
    }
}
