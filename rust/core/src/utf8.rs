//! UTF-8 that arrives in pieces, as byte tokens make it.

use alloc::string::String;
use core::str;

/// What stands for bytes that are no UTF-8.
const REPLACEMENT: char = '\u{FFFD}';

/// Puts a stream of bytes together to text, however it is cut.
///
/// Complete characters come out at once; an incomplete tail (at most three bytes) waits. Bytes that are no UTF-8 become
/// U+FFFD, one for each maximal subpart, so that the text is that of Python's `bytes.decode("utf-8", "replace")`
/// for the whole stream.
#[derive(Clone, Debug, Default)]
pub(crate) struct Utf8 {
    pending: [u8; 4],
    len: u8,
}

impl Utf8 {
    /// Nothing pending.
    pub(crate) const fn new() -> Self {
        Self { pending: [0; 4], len: 0 }
    }

    /// Whether no incomplete character waits.
    #[inline]
    pub(crate) const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Takes the next bytes and appends what is decided.
    pub(crate) fn push(&mut self, bytes: &[u8], out: &mut String) {
        let mut bytes = bytes;
        while self.len > 0 {
            let Some((&byte, rest)) = bytes.split_first() else { return };
            if self.extend(byte, out) {
                bytes = rest;
            }
        }
        loop {
            let error = match str::from_utf8(bytes) {
                Ok(text) => return out.push_str(text),
                Err(error) => error,
            };
            let (valid, rest) = bytes.split_at_checked(error.valid_up_to()).unwrap_or_default();
            out.push_str(str::from_utf8(valid).unwrap_or_default());
            let Some(invalid) = error.error_len() else { return self.hold(rest) };
            out.push(REPLACEMENT);
            bytes = rest.get(invalid..).unwrap_or_default();
        }
    }

    /// Takes text: what is pending before it can no longer become a character.
    #[inline]
    pub(crate) fn push_str(&mut self, text: &str, out: &mut String) {
        if !text.is_empty() {
            self.flush(out);
            out.push_str(text);
        }
    }

    /// Takes bytes that are written as the characters U+0000 to U+00FF.
    pub(crate) fn push_coded(&mut self, coded: &str, out: &mut String) {
        for char in coded.chars() {
            // No other characters are in such a text: see `Vocabulary`.
            self.push(&[u8::try_from(char).unwrap_or(0xFF)], out);
        }
    }

    /// Ends the text: an incomplete character becomes one U+FFFD.
    #[inline]
    pub(crate) fn flush(&mut self, out: &mut String) {
        if self.len > 0 {
            self.len = 0;
            out.push(REPLACEMENT);
        }
    }

    /// Adds a byte to the pending ones. False where it does not continue them: they are replaced, the byte is still to
    /// be looked at.
    fn extend(&mut self, byte: u8, out: &mut String) -> bool {
        let len = usize::from(self.len);
        if let Some(slot) = self.pending.get_mut(len) {
            *slot = byte;
        }
        match str::from_utf8(self.pending.get(..=len).unwrap_or_default()) {
            Ok(text) => {
                out.push_str(text);
                self.len = 0;
                true
            }
            Err(error) if error.error_len().is_none() => {
                self.len += 1;
                true
            }
            Err(_) => {
                self.flush(out);
                false
            }
        }
    }

    /// Keeps an incomplete tail of at most three bytes.
    fn hold(&mut self, tail: &[u8]) {
        self.len = 0;
        for (slot, byte) in self.pending.iter_mut().zip(tail) {
            *slot = *byte;
            self.len += 1;
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, clippy::expect_used, clippy::string_slice)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    /// Bytes at which the classes of well-formed UTF-8 begin and end.
    const EDGES: [u8; 24] = [
        0x00, 0x41, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xC1, 0xC2, 0xDF, 0xE0, 0xE1, 0xED, 0xEE, 0xEF,
        0xF0, 0xF1, 0xF3, 0xF4, 0xF5, 0xFF,
    ];

    fn decode<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> String {
        let (mut utf8, mut out) = (Utf8::new(), String::new());
        for piece in pieces {
            utf8.push(piece, &mut out);
        }
        utf8.flush(&mut out);
        assert!(utf8.is_empty());
        out
    }

    fn check(bytes: &[u8]) {
        let expected = String::from_utf8_lossy(bytes);
        assert_eq!(decode(bytes.chunks(1)), expected, "{bytes:x?} byte by byte");
        for cut in 0..=bytes.len() {
            let (left, right) = bytes.split_at(cut);
            assert_eq!(decode([left, right]), expected, "{bytes:x?} cut at {cut}");
            for second in cut..=bytes.len() {
                assert_eq!(decode([left, &bytes[cut..second], &[], &bytes[second..]]), expected);
            }
        }
    }

    #[test]
    fn all_short_strings_of_edge_bytes() {
        for code in 0..EDGES.len().pow(4) {
            let bytes: Vec<u8> = (0..4).map(|n| EDGES[code / EDGES.len().pow(n) % EDGES.len()]).collect();
            let expected = String::from_utf8_lossy(&bytes);
            assert_eq!(decode(bytes.chunks(1)), expected, "{bytes:x?}");
            assert_eq!(decode(bytes.chunks(2)), expected, "{bytes:x?}");
            assert_eq!(decode(bytes.chunks(3)), expected, "{bytes:x?}");
        }
    }

    #[test]
    fn random_strings_cut_at_every_place() {
        let mut state = 0x9E37_79B9_7F4A_7C15_u64;
        let mut random = move || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            usize::try_from(state >> 40).unwrap()
        };
        for _ in 0..3_000 {
            let mut bytes = Vec::new();
            while bytes.len() < random() % 16 {
                match random() % 4 {
                    0 => bytes.extend("é世😀a".as_bytes()),
                    1 => bytes.push(EDGES[random() % EDGES.len()]),
                    2 => bytes.push(u8::try_from(random() % 256).unwrap()),
                    _ => bytes.truncate(bytes.len().saturating_sub(1)),
                }
                bytes.truncate(18);
            }
            check(&bytes);
        }
    }

    #[test]
    fn a_character_comes_out_with_its_last_byte() {
        let (mut utf8, mut out) = (Utf8::new(), String::new());
        for byte in [0xF0, 0x9F, 0x98] {
            utf8.push(&[byte], &mut out);
            assert_eq!(out, "");
            assert!(!utf8.is_empty());
        }
        utf8.push(&[0x80, b'a', 0xC3], &mut out);
        assert_eq!(out, "😀a");
        utf8.push_str("", &mut out);
        assert!(!utf8.is_empty());
        utf8.push_str("b", &mut out);
        assert_eq!(out, "😀a\u{FFFD}b");
        utf8.push_coded("\u{C3}\u{A9}\u{E2}\u{96}", &mut out);
        assert_eq!(out, "😀a\u{FFFD}bé");
        utf8.flush(&mut out);
        utf8.flush(&mut out);
        assert_eq!(out, "😀a\u{FFFD}bé\u{FFFD}");
    }

    #[test]
    fn what_cannot_be_utf8_is_replaced_at_once() {
        let (mut utf8, mut out) = (Utf8::new(), String::new());
        utf8.push(&[0xE0], &mut out);
        utf8.push(&[0x80], &mut out);
        assert_eq!(out, "\u{FFFD}\u{FFFD}");
        assert!(utf8.is_empty());
    }
}
