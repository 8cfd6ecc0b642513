//! Looks ahead for a *possible key* and `:` or `=`, which several repairs depend on (rule `possible-key`).

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use crate::json::{unescape, unescape_single};
use crate::scan::{places, position};
use crate::schema::{SchemaId, Tools};
use crate::token::{ControlToken, is_blank, is_quote, trim_end};

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
    /// Behind a closed key in these quotes, or in delimiters.
    Closed(Option<u8>),
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

    /// Longer keys are not declared, so their text need not be kept. An escape writes a byte with six at most.
    fn keep(&self) -> usize {
        self.tools.map_or(0, |tools| tools.longest_property(self.schema).saturating_mul(6) + 1)
    }

    fn possible(&self, key: &str) -> bool {
        self.tools.is_none_or(|tools| !tools.declares(self.schema) || tools.is_property(self.schema, key))
    }

    /// Whether `text`, which follows a comma, begins with a possible key and `:`, as [`KeyScan`] finds it; `None` where it
    /// ends before that is decided.
    fn key_ahead(&self, text: &[u8]) -> Option<bool> {
        let lead = text.iter().position(|byte| !is_blank(*byte))?;
        let (first, inner) = text.get(lead..)?.split_first()?;
        let start = if is_quote(*first) { inner.first()? } else { first };
        if self.declares() && !self.may_begin(*start) {
            return Some(false);
        }
        let (key, behind) = if is_quote(*first) { quoted(*first, inner)? } else { bare(text.get(lead..)?)? };
        let kept = if self.declares() { key.get(..=self.keep()).unwrap_or(key) } else { &[] };
        Some(match behind.iter().find(|byte| !is_blank(**byte))? {
            b':' if is_quote(*first) => self.possible_quoted(Some(*first), kept),
            b':' => !key.is_empty() && self.possible_bare(kept),
            _ => false,
        })
    }

    /// Whether a declared key begins with this byte, in quotes or not: their inside may be empty or an escape.
    fn may_begin(&self, byte: u8) -> bool {
        byte == b'\\' || is_quote(byte) || self.tools.is_some_and(|tools| tools.begins_property(self.schema, byte))
    }

    /// The same for a bare key with the blanks behind it; `key` may be cut off where it is too long to be declared.
    fn possible_bare(&self, key: &[u8]) -> bool {
        core::str::from_utf8(key).map_or(!self.declares(), |key| self.possible(trim_end(key)))
    }

    /// The same for the inside of quotes.
    fn possible_quoted(&self, quote: Option<u8>, key: &[u8]) -> bool {
        let Ok(key) = core::str::from_utf8(key) else { return !self.declares() };
        let mut decoded = String::new();
        let plain = !key.contains('\\')
            || match quote {
                Some(b'"') => !unescape(key, &mut decoded),
                Some(b'\'') => !unescape_single(key, &mut decoded),
                _ => true,
            };
        self.possible(if plain { key } else { &decoded })
    }
}

/// The look-ahead, byte by byte.
#[derive(Debug)]
pub(crate) struct KeyScan {
    stage: Stage,
    /// The key as far as it is needed: bytes, because characters come in parts. Few look-aheads need one.
    #[expect(clippy::box_collection, reason = "every stream has a look-ahead")]
    key: Option<Box<Vec<u8>>>,
    /// A blank that is a control character stands at the end of a bare key.
    gap: bool,
    /// An odd number of backslashes stands at the end of a quoted key.
    escape: bool,
}

impl KeyScan {
    pub(crate) const fn new() -> Self {
        Self { stage: Stage::Lead, key: None, gap: false, escape: false }
    }

    pub(crate) fn start(&mut self) {
        self.stage = Stage::Lead;
        if let Some(key) = &mut self.key {
            key.clear();
        }
        self.gap = false;
        self.escape = false;
    }

    /// Whether nothing but blanks has come.
    pub(crate) fn is_lead(&self) -> bool {
        self.stage == Stage::Lead
    }

    /// Whether it is in a key in delimiters.
    pub(crate) fn is_delimited(&self) -> bool {
        self.stage == Stage::Delimited
    }

    /// Bytes that are no structure in any stage ([`is_structure`]); false where no key can come of it any more.
    fn word(&mut self, word: &[u8], object: Object<'_>) -> bool {
        let mut word = word;
        if self.stage == Stage::Lead {
            let spaces = word.iter().take_while(|byte| **byte == b' ').count();
            word = word.get(spaces..).unwrap_or_default();
            if word.is_empty() {
                return true;
            }
            self.stage = Stage::Bare;
        }
        if (self.gap && self.stage == Stage::Bare) || matches!(self.stage, Stage::Closed(_)) {
            return word.iter().all(|byte| *byte == b' ');
        }
        self.escape = false;
        if object.declares() {
            let key = self.key.get_or_insert_default();
            let room = (object.keep() + 1).saturating_sub(key.len());
            key.extend_from_slice(word.get(..room).unwrap_or(word));
        }
        true
    }

    fn keep(&mut self, byte: u8, object: Object<'_>) {
        if object.declares() {
            let key = self.key.get_or_insert_default();
            if key.len() <= object.keep() {
                key.push(byte);
            }
        }
    }

    fn key(&self) -> &[u8] {
        self.key.as_ref().map_or(&[], |key| key)
    }

    pub(crate) fn byte(&mut self, byte: u8, object: Object<'_>) -> Found {
        match self.stage {
            Stage::Lead => match byte {
                _ if is_blank(byte) => Found::More,
                _ if is_quote(byte) => {
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
                    self.stage = Stage::Closed(Some(quote));
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
            Stage::Closed(quote) => match byte {
                _ if is_blank(byte) => Found::More,
                b':' | b'=' if object.possible_quoted(quote, self.key()) => Found::Key(byte),
                _ => Found::No,
            },
        }
    }

    fn bare(&mut self, byte: u8, object: Object<'_>) -> Found {
        match byte {
            b':' | b'=' => {
                if object.possible_bare(self.key()) {
                    Found::Key(byte)
                } else if byte == b':' {
                    Found::Undeclared
                } else {
                    Found::No
                }
            }
            b',' | b'{' | b'}' | b'[' | b']' => Found::No,
            b'\t' | b'\r' | b'\n' => {
                self.gap = true;
                Found::More
            }
            b' ' => {
                self.keep(byte, object);
                Found::More
            }
            _ if self.gap || byte < b' ' || is_quote(byte) => Found::No,
            _ => {
                self.keep(byte, object);
                Found::More
            }
        }
    }

    /// A control token opens or closes a key in delimiters; in a key in quotes or delimiters it is data, but for those
    /// that end a call.
    pub(crate) fn control(&mut self, token: ControlToken, object: Object<'_>) -> Found {
        match (self.stage, token) {
            (Stage::Lead, ControlToken::Delimiter) => self.stage = Stage::Delimited,
            (Stage::Delimited, ControlToken::Delimiter) => self.stage = Stage::Closed(None),
            (Stage::Lead | Stage::Bare | Stage::Closed(_), _) => return Found::No,
            _ if token.breaks_quotes() => return Found::No,
            _ => {
                self.escape = false;
                for byte in token.literal().bytes() {
                    self.keep(byte, object);
                }
            }
        }
        Found::More
    }
}

/// `, key:` in the text of a string, which shows that the string was never meant to go on so far (rule
/// `missing_close_delimiter`).
///
/// The text is gone once it is emitted, so every comma starts a look-ahead at once; and since commas within quotes
/// count too, look-aheads of several kinds run side by side.
#[derive(Debug, Default)]
pub(crate) struct SwallowedKey {
    found: bool,
    /// Made when the first comma comes.
    scans: Option<Box<Scans>>,
}

/// A byte that means something in some stage of a look-ahead.
#[expect(clippy::needless_bitwise_bool, reason = "without branches it becomes vector instructions")]
const fn is_structure(byte: u8) -> bool {
    ends_bare(byte) | (byte == b'\\')
}

/// A byte that is not of a bare key.
#[expect(clippy::needless_bitwise_bool, reason = "without branches it becomes vector instructions")]
const fn ends_bare(byte: u8) -> bool {
    // Those of the square brackets and braces differ in one bit.
    let bracket = (byte & !0x20 == b'[') | (byte & !0x20 == b']');
    (byte < 0x20) | bracket | (byte == b',') | (byte == b'=') | decides(byte)
}

/// A byte at which something may be found: the others only end a look-ahead, or start one.
#[expect(clippy::needless_bitwise_bool, reason = "without branches it becomes vector instructions")]
const fn decides(byte: u8) -> bool {
    (byte == b':') | (byte == b'"') | (byte == b'\'') | (byte == b'`')
}

/// The inside of these quotes and what follows it.
#[expect(clippy::needless_bitwise_bool, reason = "without branches it becomes vector instructions")]
fn quoted(quote: u8, inner: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut end = 0;
    loop {
        let rest = inner.get(end..)?;
        end += position(rest, |byte| (byte == quote) | (byte == b'\\'))?;
        if inner.get(end) == Some(&quote) {
            return Some((inner.get(..end)?, inner.get(end + 1..)?));
        }
        end += if quote == b'`' { 1 } else { 2 };
    }
}

/// A bare key with the spaces behind it, and what follows.
fn bare(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = position(text, ends_bare)?;
    text.split_at_checked(end)
}

/// What stands behind the commas of a text.
enum Ahead {
    /// A possible key and `:` behind one of them.
    Key,
    No,
    /// Behind the comma at this place the text ends before it is decided, and behind those before stands no key.
    Open(usize),
}

/// The look-ahead at every comma of `text`, as far as it goes: most end in a few characters.
fn behind_commas(text: &[u8], object: Object<'_>) -> Ahead {
    // Only the last comma before the first colon or quote can have a key behind it.
    let end = position(text, decides).unwrap_or(text.len());
    let head = text.get(..end).unwrap_or_default();
    let start = head.iter().rposition(|byte| *byte == b',').unwrap_or(end);
    for comma in places(text.get(start..).unwrap_or_default(), |byte| byte == b',').map(|at| start + at) {
        match object.key_ahead(text.get(comma + 1..).unwrap_or_default()) {
            Some(true) => return Ahead::Key,
            Some(false) => {}
            None => return Ahead::Open(comma),
        }
    }
    Ahead::No
}

#[derive(Debug, Default)]
struct Scans {
    bare: Option<KeyScan>,
    /// For each kind of quote: a key that is closed, and one that is open, the latest.
    quoted: [(Option<KeyScan>, Option<KeyScan>); 3],
    /// Text that is still to be read.
    pending: Vec<u8>,
}

/// Bytes that are kept before they are read, so that a token of a string costs little. Most strings are closed, and
/// what is pending then never is read.
const PENDING: usize = 256;

impl Scans {
    fn has_quoted(&self) -> bool {
        self.quoted.iter().any(|(closed, open)| closed.is_some() || open.is_some())
    }

    fn is_idle(&self) -> bool {
        self.bare.is_none() && !self.has_quoted()
    }

    /// Takes a byte; true where a key and `:` are complete.
    fn byte(&mut self, byte: u8, object: Object<'_>) -> bool {
        let mut found = false;
        let mut step = |slot: &mut Option<KeyScan>| match slot.as_mut().map(|scan| scan.byte(byte, object)) {
            None | Some(Found::More) => {}
            Some(Found::Key(b':')) => found = true,
            Some(_) => *slot = None,
        };
        for (closed, open) in &mut self.quoted {
            step(closed);
            step(open);
            if open.as_ref().is_some_and(|scan| matches!(scan.stage, Stage::Closed(_))) {
                *closed = open.take();
            }
        }
        step(&mut self.bare);
        if byte == b',' {
            self.bare = Some(KeyScan::new());
        } else if let Some(Stage::Quoted(quote)) = self.bare.as_ref().map(|scan| scan.stage) {
            // A quote directly behind a comma: from here on this look-ahead is that of the quote.
            let kind = match quote {
                b'"' => 0,
                b'\'' => 1,
                _ => 2,
            };
            if let Some((_, open)) = self.quoted.get_mut(kind) {
                *open = self.bare.take();
            }
        }
        found
    }

    fn word(&mut self, word: &[u8], object: Object<'_>) {
        let step = |slot: &mut Option<KeyScan>| {
            if slot.as_mut().is_some_and(|scan| !scan.word(word, object)) {
                *slot = None;
            }
        };
        for (closed, open) in &mut self.quoted {
            step(closed);
            step(open);
        }
        step(&mut self.bare);
    }

    fn control(&mut self, token: ControlToken, object: Object<'_>) {
        self.bare = None;
        for (closed, open) in &mut self.quoted {
            *closed = None;
            if open.as_mut().is_some_and(|scan| scan.control(token, object) == Found::No) {
                *open = None;
            }
        }
    }
}

impl SwallowedKey {
    pub(crate) const fn new() -> Self {
        Self { found: false, scans: None }
    }

    pub(crate) fn start(&mut self) {
        self.found = false;
        if let Some(scans) = &mut self.scans {
            scans.pending.clear();
            **scans = Scans { pending: core::mem::take(&mut scans.pending), ..Scans::default() };
        }
    }

    pub(crate) fn found(&mut self, object: Object<'_>) -> bool {
        self.read_pending(object, 0);
        self.found
    }

    /// Whether text without a comma changes nothing.
    #[inline]
    pub(crate) fn is_idle(&self) -> bool {
        self.found || self.scans.as_ref().is_none_or(|scans| scans.pending.is_empty() && scans.is_idle())
    }

    /// Takes the next bytes of the string. Little text is kept, to be read with what follows it.
    pub(crate) fn text(&mut self, text: &[u8], object: Object<'_>) {
        if let (false, Some(scans)) = (self.found, &mut self.scans) {
            if !scans.pending.is_empty() && scans.pending.len() + text.len() <= PENDING {
                return scans.pending.extend_from_slice(text);
            }
        }
        let mut text = text;
        if self.is_idle() {
            let comma = if self.found { None } else { position(text, |byte| byte == b',') };
            let Some(comma) = comma else { return };
            text = text.get(comma..).unwrap_or_default();
        }
        while !self.found {
            let scans = self.scans.get_or_insert_default();
            let pending = &mut scans.pending;
            let room = PENDING - pending.len();
            if text.len() <= room {
                pending.reserve_exact(room);
                return pending.extend_from_slice(text);
            }
            if pending.is_empty() {
                let done = self.read(text, object, PENDING / 2);
                text = text.get(done..).unwrap_or_default();
            } else {
                let (head, tail) = text.split_at_checked(room).unwrap_or_default();
                pending.extend_from_slice(head);
                self.read_pending(object, PENDING / 2);
                text = tail;
            }
        }
    }

    fn read_pending(&mut self, object: Object<'_>, keep: usize) {
        if let Some(scans) = &mut self.scans {
            let mut pending = core::mem::take(&mut scans.pending);
            let done = self.read(&pending, object, keep);
            pending.drain(..done);
            if let Some(scans) = &mut self.scans {
                scans.pending = pending;
            }
        }
    }

    /// Reads `text`, but for a look-ahead at its end of so many bytes: gives back where this begins.
    fn read(&mut self, text: &[u8], object: Object<'_>, keep: usize) -> usize {
        let mut rest = text;
        while let (false, Some(scans)) = (self.found, &mut self.scans) {
            if scans.is_idle() {
                match behind_commas(rest, object) {
                    Ahead::Key => self.found = true,
                    Ahead::No => break,
                    Ahead::Open(comma) if rest.len() - comma <= keep => return text.len() - rest.len() + comma,
                    Ahead::Open(comma) => {
                        scans.bare = Some(KeyScan::new());
                        rest = rest.get(comma + 1..).unwrap_or_default();
                    }
                }
                continue;
            }
            let length = position(rest, is_structure).unwrap_or(rest.len());
            if length > 0 {
                let (word, tail) = rest.split_at_checked(length).unwrap_or_default();
                scans.word(word, object);
                rest = tail;
            }
            let Some((&byte, tail)) = rest.split_first() else { break };
            self.found = scans.byte(byte, object);
            rest = tail;
        }
        text.len()
    }

    /// A control token that is data of the string.
    pub(crate) fn control(&mut self, token: ControlToken, object: Object<'_>) {
        self.read_pending(object, 0);
        if let Some(scans) = &mut self.scans {
            scans.control(token, object);
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;

    /// What the look-ahead finds byte by byte, with no text looked at as a whole.
    fn slowly(text: &str, object: Object<'_>) -> bool {
        let mut scans = Scans::default();
        text.bytes().any(|byte| scans.byte(byte, object))
    }

    #[test]
    fn a_whole_text_is_read_as_its_bytes_are() {
        const PARTS: [&str; 28] = [
            ",",
            ",",
            ", ",
            ":",
            ":",
            "=",
            "\"",
            "'",
            "`",
            "\\",
            "{",
            "]",
            " ",
            "\t",
            "\n",
            "\u{1}",
            "a",
            "path",
            "path",
            "p",
            "é",
            "x",
            ", path",
            ", \"path\"",
            ",'a':",
            "pa\\u0074h",
            "long text without any structure ",
            "  ",
        ];
        let properties = r#"{"path":{},"a":{},"":{},"été":{}}"#;
        let parameters = format!(r#"{{"type":"object","properties":{properties}}}"#);
        let json = format!(r#"[{{"name":"f","parameters":{parameters}}},{{"name":"g"}}]"#);
        let tools = Tools::from_json(&json).unwrap();
        let mut state = 20_260_711_u64;
        let mut random = move |limit: usize| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            usize::try_from(state >> 33).unwrap() % limit
        };
        let mut counts = [[0; 2]; 2];
        for round in 0..40_000 {
            let declares = random(2);
            let schema = tools.parameters(if declares == 1 { "f" } else { "g" });
            let object = Object { tools: Some(&tools), schema };
            let mut text = String::new();
            for _ in 0..random(if round % 50 == 0 { 400 } else { 12 }) {
                text.push_str(PARTS[random(PARTS.len())]);
            }
            let expected = slowly(&text, object);
            counts[declares][usize::from(expected)] += 1;
            // Whole, then in pieces.
            for most in [text.len().max(1), 40, 3] {
                let mut swallowed = SwallowedKey::new();
                swallowed.start();
                let mut rest = text.as_bytes();
                while !rest.is_empty() {
                    let length = if most >= text.len() { rest.len() } else { rest.len().min(1 + random(most)) };
                    let (piece, tail) = rest.split_at(length);
                    swallowed.text(piece, object);
                    rest = tail;
                }
                assert_eq!(swallowed.found(object), expected, "{text:?} {declares} {most}");
            }
        }
        assert!(counts.iter().flatten().all(|count| *count > 1000), "{counts:?}");
    }
}
