//! A buffer of symbols: text, and control tokens kept apart from text that merely spells them.

use alloc::string::String;
use alloc::vec::Vec;

use crate::token::ControlToken;

/// Buffers that a long hold has made larger than this are given back when they are empty.
pub(crate) const BUFFER_KEPT: usize = 4096;

/// Empties a buffer that is used again and again.
#[inline]
pub(crate) fn reuse(buffer: &mut String) {
    buffer.clear();
    if buffer.capacity() > BUFFER_KEPT {
        buffer.shrink_to(BUFFER_KEPT);
    }
}

/// One step of the input, however it was delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Symbol<'a> {
    Text(&'a str),
    Control(ControlToken),
}

impl Symbol<'_> {
    /// Bytes of its text, a control token spelled out.
    pub(crate) const fn len(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Control(token) => token.literal().len(),
        }
    }
}

/// What stands at one place of a [`Tail`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    /// A byte of text. Bytes of 0x80 and more are parts of a character and never structure.
    Byte(u8),
    Control(ControlToken),
    /// Nothing has arrived yet.
    End,
}

/// Symbols that are held: their text with control tokens spelled out, and where the control tokens stand.
#[derive(Debug, Default)]
pub(crate) struct Tail {
    text: String,
    controls: Vec<(usize, ControlToken)>,
    /// The first control token at or after the place last asked for; asking moves it, mostly by one.
    near: usize,
}

impl Tail {
    pub(crate) const fn new() -> Self {
        Self { text: String::new(), controls: Vec::new(), near: 0 }
    }

    pub(crate) fn push(&mut self, symbol: Symbol<'_>) {
        match symbol {
            Symbol::Text(text) => self.text.push_str(text),
            Symbol::Control(token) => {
                self.controls.push((self.text.len(), token));
                self.text.push_str(token.literal());
            }
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.text.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// The text from `from` to `to`, control tokens spelled out.
    pub(crate) fn slice(&self, from: usize, to: usize) -> &str {
        self.text.get(from..to).unwrap_or_default()
    }

    /// What stands at `at`.
    pub(crate) fn unit(&mut self, at: usize) -> Unit {
        match self.text.as_bytes().get(at) {
            None => Unit::End,
            Some(b'<') => match self.control_from(at) {
                Some((place, token)) if place == at => Unit::Control(token),
                _ => Unit::Byte(b'<'),
            },
            Some(&byte) => Unit::Byte(byte),
        }
    }

    /// The bytes from `at` on, control tokens spelled out.
    pub(crate) fn bytes(&self, at: usize) -> &[u8] {
        self.text.as_bytes().get(at..).unwrap_or_default()
    }

    /// How many bytes from `at` on are text for which `plain` holds, which it must not for `<`.
    #[inline]
    pub(crate) fn count(&self, at: usize, plain: impl Fn(u8) -> bool) -> usize {
        let rest = self.bytes(at);
        rest.iter().position(|byte| !plain(*byte)).unwrap_or(rest.len())
    }

    /// The text from `at` up to the next control token or the end.
    pub(crate) fn run(&mut self, at: usize) -> &str {
        let end = self.control_from(at).map_or(self.text.len(), |(place, _)| place);
        self.text.get(at..end).unwrap_or_default()
    }

    /// The first control token at or after `at`.
    fn control_from(&mut self, at: usize) -> Option<(usize, ControlToken)> {
        while self.near > 0 && self.controls.get(self.near - 1).is_some_and(|(place, _)| *place >= at) {
            self.near -= 1;
        }
        while self.controls.get(self.near).is_some_and(|(place, _)| *place < at) {
            self.near += 1;
        }
        self.controls.get(self.near).copied()
    }

    /// Whether `token` stands at or behind `from`.
    pub(crate) fn has_control(&self, token: ControlToken, from: usize) -> bool {
        self.controls.iter().any(|(place, found)| *found == token && *place >= from)
    }

    pub(crate) fn clear(&mut self) {
        reuse(&mut self.text);
        self.controls.clear();
        self.controls.shrink_to(BUFFER_KEPT / size_of::<(usize, ControlToken)>());
        self.near = 0;
    }

    /// Forgets what stands before `to`.
    pub(crate) fn drop_front(&mut self, to: usize) {
        self.text.drain(..to);
        let gone = self.controls.partition_point(|(place, _)| *place < to);
        self.controls.drain(..gone);
        for (place, _) in &mut self.controls {
            *place -= to;
        }
        self.near = 0;
    }

    /// The symbol that starts at `at`, if there is one.
    pub(crate) fn symbol(&mut self, at: usize) -> Option<Symbol<'_>> {
        match self.unit(at) {
            Unit::End => None,
            Unit::Control(token) => Some(Symbol::Control(token)),
            Unit::Byte(_) => Some(Symbol::Text(self.run(at))),
        }
    }
}
