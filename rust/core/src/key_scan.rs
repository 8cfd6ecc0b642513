//! Looks ahead for a *possible key* and `:` or `=`, which several repairs depend on (rule `possible-key`).

use alloc::vec::Vec;

use crate::schema::{SchemaId, Tools};
use crate::token::{ControlToken, is_blank, trim_end};

/// What has been found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    More,
    /// A possible key and this separator.
    Key(u8),
    /// A bare key and `:`, but the object's schema declares properties and this is none of them.
    Undeclared,
    No,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Blanks before the key.
    Lead,
    Bare,
    Quoted(u8),
    Delimited,
    /// Behind a closed key in quotes or delimiters.
    Closed,
}

/// The object that the key would belong to.
#[derive(Clone, Copy)]
pub(crate) struct Object<'a> {
    pub(crate) tools: Option<&'a Tools>,
    pub(crate) schema: SchemaId,
}

impl Object<'_> {
    fn declares(&self) -> bool {
        self.tools.is_some_and(|tools| tools.declares(self.schema))
    }

    /// Longer keys are not declared, so their text need not be kept.
    fn keep(&self) -> usize {
        self.tools.map_or(0, |tools| tools.longest_property(self.schema) + 1)
    }

    fn possible(&self, key: &[u8]) -> bool {
        let Some(tools) = self.tools.filter(|_| self.declares()) else { return true };
        core::str::from_utf8(key).is_ok_and(|key| tools.is_property(self.schema, key))
    }
}

/// The look-ahead, byte by byte.
#[derive(Debug)]
pub(crate) struct KeyScan {
    stage: Stage,
    /// The key as far as it is needed: bytes, because characters come in parts.
    key: Vec<u8>,
    /// A blank that is a control character stands at the end of a bare key.
    gap: bool,
    /// An odd number of backslashes stands at the end of a quoted key.
    escape: bool,
}

impl KeyScan {
    pub(crate) const fn new() -> Self {
        Self { stage: Stage::Lead, key: Vec::new(), gap: false, escape: false }
    }

    pub(crate) fn start(&mut self) {
        self.stage = Stage::Lead;
        self.key.clear();
        self.gap = false;
        self.escape = false;
    }

    /// Whether nothing but blanks has come.
    pub(crate) fn is_lead(&self) -> bool {
        self.stage == Stage::Lead
    }

    pub(crate) fn is_delimited(&self) -> bool {
        self.stage == Stage::Delimited
    }

    fn is_quoted(&self) -> bool {
        matches!(self.stage, Stage::Quoted(_))
    }

    fn keep(&mut self, byte: u8, object: Object<'_>) {
        if object.declares() && self.key.len() <= object.keep() {
            self.key.push(byte);
        }
    }

    pub(crate) fn byte(&mut self, byte: u8, object: Object<'_>) -> Found {
        match self.stage {
            Stage::Lead => match byte {
                _ if is_blank(byte) => Found::More,
                b'"' | b'\'' | b'`' => {
                    self.stage = Stage::Quoted(byte);
                    Found::More
                }
                b':' | b'=' => Found::No,
                _ => {
                    self.stage = Stage::Bare;
                    self.byte(byte, object)
                }
            },
            Stage::Bare => self.bare(byte, object),
            Stage::Quoted(quote) => {
                if byte == quote && !self.escape {
                    self.stage = Stage::Closed;
                } else {
                    self.escape = byte == b'\\' && quote != b'`' && !self.escape;
                    self.keep(byte, object);
                }
                Found::More
            }
            Stage::Delimited => {
                self.keep(byte, object);
                Found::More
            }
            Stage::Closed => match byte {
                _ if is_blank(byte) => Found::More,
                b':' | b'=' if object.possible(&self.key) => Found::Key(byte),
                _ => Found::No,
            },
        }
    }

    fn bare(&mut self, byte: u8, object: Object<'_>) -> Found {
        match byte {
            b':' | b'=' => {
                let text = core::str::from_utf8(&self.key).map_or("", trim_end);
                if object.possible(text.as_bytes()) {
                    Found::Key(byte)
                } else if byte == b':' {
                    Found::Undeclared
                } else {
                    Found::No
                }
            }
            b',' | b'{' | b'}' | b'[' | b']' | b'"' | b'\'' | b'`' => Found::No,
            b'\t' | b'\r' | b'\n' => {
                self.gap = true;
                Found::More
            }
            b' ' => {
                self.keep(byte, object);
                Found::More
            }
            _ if self.gap || byte < b' ' => Found::No,
            _ => {
                self.keep(byte, object);
                Found::More
            }
        }
    }

    pub(crate) fn control(&mut self, token: ControlToken) -> Found {
        match (self.stage, token) {
            (Stage::Lead, ControlToken::Delimiter) => {
                self.stage = Stage::Delimited;
                Found::More
            }
            (Stage::Delimited, ControlToken::Delimiter) => {
                self.stage = Stage::Closed;
                Found::More
            }
            _ => Found::No,
        }
    }
}

/// `, key:` in the text of a string, which shows that the string was never meant to go on so far (rule
/// `missing_close_delimiter`).
///
/// The text is gone once it is emitted, so every comma starts a look-ahead at once: one for a bare key and, since
/// commas inside quotes count too, one for each kind of quote.
#[derive(Debug)]
pub(crate) struct SwallowedKey {
    found: bool,
    bare: Option<KeyScan>,
    quoted: [Option<KeyScan>; 3],
}

/// The place of a quote's look-ahead.
const fn kind(quote: u8) -> Option<usize> {
    match quote {
        b'"' => Some(0),
        b'\'' => Some(1),
        b'`' => Some(2),
        _ => None,
    }
}

impl SwallowedKey {
    pub(crate) const fn new() -> Self {
        Self { found: false, bare: None, quoted: [None, None, None] }
    }

    pub(crate) fn start(&mut self) {
        self.found = false;
        self.control();
    }

    pub(crate) fn found(&self) -> bool {
        self.found
    }

    /// Whether text without a comma changes nothing.
    pub(crate) fn is_idle(&self) -> bool {
        self.found || (self.bare.is_none() && self.quoted.iter().all(Option::is_none))
    }

    /// The next bytes of the string.
    pub(crate) fn text(&mut self, text: &[u8], object: Object<'_>) {
        let mut rest = text;
        while !self.found {
            if self.is_idle() {
                let Some(at) = rest.iter().position(|byte| *byte == b',') else { return };
                rest = rest.get(at..).unwrap_or_default();
            }
            let Some((&byte, tail)) = rest.split_first() else { return };
            self.byte(byte, object);
            rest = tail;
        }
    }

    fn byte(&mut self, byte: u8, object: Object<'_>) {
        for slot in self.quoted.iter_mut().chain([&mut self.bare]) {
            match slot.as_mut().map(|scan| scan.byte(byte, object)) {
                None | Some(Found::More) => {}
                Some(Found::Key(b':')) => self.found = true,
                Some(_) => *slot = None,
            }
        }
        if byte == b',' {
            self.bare = Some(KeyScan::new());
        } else if let Some(slot) = kind(byte).and_then(|kind| self.quoted.get_mut(kind)) {
            // A quote directly behind a comma: from here on this look-ahead is that of the quote.
            if self.bare.as_ref().is_some_and(KeyScan::is_quoted) {
                *slot = self.bare.take();
            }
        }
    }

    /// A control token that is data of the string.
    pub(crate) fn control(&mut self) {
        self.bare = None;
        self.quoted = [None, None, None];
    }
}
