//! JSON as this crate needs it: order, duplicates and the spelling of numbers are kept.
//!
//! The grammar is that of RFC 8259, strictly. Nothing here is recursive.

pub(crate) mod pointer;
#[cfg(test)]
mod tests;

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::error::{Error, ErrorKind};
use crate::scan::{places, position};
use crate::token::is_blank;

/// No [`Value`] is nested deeper than this, whatever `max_depth` says: a value can be compared, printed and dropped on
/// any usual stack.
const DEPTH_LIMIT: usize = 1024;

/// A JSON value, its texts borrowed where they can be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number, as it was spelled.
    Number(Cow<'a, str>),
    /// A string, its escapes decoded.
    String(Cow<'a, str>),
    /// An array.
    Array(Vec<Self>),
    /// An object: all its pairs, in order, also those of equal keys.
    Object(Vec<(Cow<'a, str>, Self)>),
}

impl<'a> Value<'a> {
    /// The value of `key`, the last one where there are several; `None` where this is no object.
    // Many callers, none of them hot: the machine code is there once.
    #[inline(never)]
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.as_object()?.iter().rev().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    /// The text of a string.
    pub fn as_str(&self) -> Option<&str> {
        if let Self::String(text) = self { Some(text) } else { None }
    }

    /// The items of an array.
    pub fn as_array(&self) -> Option<&[Self]> {
        if let Self::Array(items) = self { Some(items) } else { None }
    }

    /// The pairs of an object.
    pub fn as_object(&self) -> Option<&[(Cow<'a, str>, Self)]> {
        if let Self::Object(pairs) = self { Some(pairs) } else { None }
    }

    /// `true` or `false`.
    pub const fn as_bool(&self) -> Option<bool> {
        if let Self::Bool(value) = self { Some(*value) } else { None }
    }
}

/// Reads `text` as one JSON value, blanks around it allowed.
///
/// An escape of a lone surrogate becomes U+FFFD. Arrays and objects may be nested `max_depth` deep, and never deeper
/// than 1,024. An error is of [`ErrorKind::Json`] and has its place in bytes.
pub fn parse(text: &str, max_depth: usize) -> Result<Value<'_>, Error> {
    let mut reader = Reader::new(text);
    let value = reader.value(max_depth)?;
    // Only blanks are left: anything else is an error.
    reader.pull()?;
    Ok(value)
}

/// Appends `text`, one JSON value with blanks around it allowed, in this crate's spelling: compact or, where `spaced`,
/// with the spaces of Python's `json.dumps`. False, and nothing appended, where it is no JSON, has an escape of
/// a lone surrogate or is nested deeper than `max_depth`.
pub(crate) fn reformat(text: &str, spaced: bool, max_depth: usize, out: &mut String) -> bool {
    let start = out.len();
    let done = try_reformat(text, spaced, max_depth, out).is_some();
    if !done {
        out.truncate(start);
    }
    done
}

fn try_reformat(text: &str, spaced: bool, max_depth: usize, out: &mut String) -> Option<()> {
    let (comma, colon) = if spaced { (", ", ": ") } else { (",", ":") };
    let mut reader = Reader { lone: None, ..Reader::new(text) };
    let mut after_value = false;
    while let Some(token) = reader.pull().ok()? {
        if after_value && !matches!(token, Token::ObjectClose | Token::ArrayClose) {
            out.push_str(comma);
        }
        after_value = !matches!(token, Token::ObjectOpen | Token::ArrayOpen | Token::Key(_));
        match token {
            Token::ObjectOpen => out.push('{'),
            Token::ObjectClose => out.push('}'),
            Token::ArrayOpen => out.push('['),
            Token::ArrayClose => out.push(']'),
            Token::Key(text) | Token::String(text) => {
                out.push('"');
                write_escaped(&text, out);
                out.push('"');
            }
            Token::Number(spelling) => out.push_str(spelling),
            Token::Bool(value) => out.push_str(if value { "true" } else { "false" }),
            Token::Null => out.push_str("null"),
        }
        if reader.expect == Expect::Value {
            out.push_str(colon);
        }
        if reader.open.len() > max_depth {
            return None;
        }
    }
    Some(())
}

/// `"`, `\` and the control characters below U+0020: what may not stand in a JSON string as it is, so that
/// [`write_escaped`] writes it as an escape.
#[inline]
pub(crate) const fn needs_escape(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\'
}

/// Appends `text` as the inside of a JSON string: `"`, `\` and characters below U+0020 are escaped, in their short forms
/// where JSON has one, and nothing else is.
#[inline]
pub(crate) fn write_escaped(text: &str, out: &mut String) {
    let mut from = 0;
    for at in places(text.as_bytes(), needs_escape) {
        out.push_str(text.get(from..at).unwrap_or_default());
        out.push_str(text.as_bytes().get(at).copied().map(escaped).unwrap_or_default());
        // What needs an escape is one byte long.
        from = at + 1;
    }
    out.push_str(text.get(from..).unwrap_or_default());
}

/// The escape of a byte that needs one.
fn escaped(byte: u8) -> &'static str {
    #[rustfmt::skip]
    const CONTROLS: [&str; 32] = [
        "\\u0000", "\\u0001", "\\u0002", "\\u0003", "\\u0004", "\\u0005", "\\u0006", "\\u0007",
        "\\b", "\\t", "\\n", "\\u000b", "\\f", "\\r", "\\u000e", "\\u000f",
        "\\u0010", "\\u0011", "\\u0012", "\\u0013", "\\u0014", "\\u0015", "\\u0016", "\\u0017",
        "\\u0018", "\\u0019", "\\u001a", "\\u001b", "\\u001c", "\\u001d", "\\u001e", "\\u001f",
    ];
    match byte {
        b'"' => "\\\"",
        b'\\' => "\\\\",
        _ => CONTROLS.get(byte as usize).copied().unwrap_or_default(),
    }
}

/// Decodes the inside of a JSON string; control characters may stand in it as they are. False, and nothing
/// appended, where one escape is invalid, lone surrogates included.
pub(crate) fn unescape(inner: &str, out: &mut String) -> bool {
    let start = out.len();
    let done = decode_escapes(inner, None, out).is_some();
    if !done {
        out.truncate(start);
    }
    done
}

/// Appends `inner` with its escapes decoded and `lone` for those of lone surrogates; `None` at an invalid one.
fn decode_escapes(inner: &str, lone: Option<char>, out: &mut String) -> Option<()> {
    let mut rest = inner;
    while let Some((run, tail)) = rest.split_once('\\') {
        out.push_str(run);
        let (char, len) = escape(tail.as_bytes())?;
        out.push(char.or(lone)?);
        rest = tail.get(len..)?;
    }
    out.push_str(rest);
    Some(())
}

/// The escape of which `after` follows the backslash: its character, none for a lone surrogate, and its length.
fn escape(after: &[u8]) -> Option<(Option<char>, usize)> {
    let char = match after.first()? {
        b'"' => '"',
        b'\\' => '\\',
        b'/' => '/',
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        b'u' => {
            let unit = hex(after.get(1..5)?)?;
            let next = match after.get(5..11) {
                Some([b'\\', b'u', digits @ ..]) => hex(digits),
                _ => None,
            };
            return Some(match (unit, next) {
                (0xD800..=0xDBFF, Some(low @ 0xDC00..=0xDFFF)) => {
                    (char::from_u32(0x1_0000 + ((unit - 0xD800) << 10) + (low - 0xDC00)), 11)
                }
                _ => (char::from_u32(unit), 5),
            });
        }
        _ => return None,
    };
    Some((Some(char), 1))
}

fn hex(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0, |value, digit| Some(value << 4 | char::from(*digit).to_digit(16)?))
}

/// Decodes the inside of a string in single quotes: Python's escapes, unless another one occurs (rule
/// `single_quotes`).
pub(crate) fn unescape_single(inner: &str, out: &mut String) -> bool {
    let length = out.len();
    let mut characters = inner.chars();
    while let Some(character) = characters.next() {
        if character != '\\' {
            out.push(character);
            continue;
        }
        let decoded = match characters.next() {
            Some('n') => '\n',
            Some('t') => '\t',
            Some('r') => '\r',
            Some(same @ ('\\' | '\'' | '"')) => same,
            _ => {
                out.truncate(length);
                return false;
            }
        };
        out.push(decoded);
    }
    true
}

/// Whether `text` is a JSON number and nothing else.
pub(crate) fn is_number(text: &str) -> bool {
    number_len(text.as_bytes()) == Ok(text.len())
}

/// Length of the number that `bytes` begin with, or the place at which a digit is missing.
pub(crate) fn number_len(bytes: &[u8]) -> Result<usize, usize> {
    let peek = |at: usize| bytes.get(at).copied().unwrap_or_default();
    let digits = |from: usize| {
        let len = bytes.iter().skip(from).take_while(|byte| byte.is_ascii_digit()).count();
        if len == 0 { Err(from) } else { Ok(from + len) }
    };
    let mut at = usize::from(peek(0) == b'-');
    at = if peek(at) == b'0' { at + 1 } else { digits(at)? };
    if peek(at) == b'.' {
        at = digits(at + 1)?;
    }
    if matches!(peek(at), b'e' | b'E') {
        at += 1;
        at = digits(at + usize::from(matches!(peek(at), b'+' | b'-')))?;
    }
    Ok(at)
}

/// What [`Reader::pull`] finds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Token<'a> {
    /// `{`
    ObjectOpen,
    /// `}`
    ObjectClose,
    /// `[`
    ArrayOpen,
    /// `]`
    ArrayClose,
    /// The key of a pair, with its colon; the value follows.
    Key(Cow<'a, str>),
    /// A string as a value.
    String(Cow<'a, str>),
    /// A number, as spelled.
    Number(&'a str),
    /// `true` or `false`
    Bool(bool),
    /// `null`
    Null,
}

/// A bracket that is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bracket {
    Object,
    Array,
}

/// What may come next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expect {
    /// A value: at the start and after a key.
    Value,
    /// The first key or item, or the closing bracket.
    First,
    /// A comma, the closing bracket or, outside all brackets, the end.
    Next,
    /// After a comma: a key or an item.
    Another,
}

/// Reads JSON token by token. It checks all of the grammar and has no limit of depth.
pub(crate) struct Reader<'a> {
    text: &'a str,
    at: usize,
    open: Vec<Bracket>,
    expect: Expect,
    /// What an escape of a lone surrogate stands for; none: it is an error.
    lone: Option<char>,
}

impl<'a> Reader<'a> {
    /// Begins to read one value.
    pub(crate) const fn new(text: &'a str) -> Self {
        Self { text, at: 0, open: Vec::new(), expect: Expect::Value, lone: Some('\u{FFFD}') }
    }

    /// Bytes read.
    pub(crate) const fn offset(&self) -> usize {
        self.at
    }

    /// The next token; `None` after the value, at the end of the text.
    pub(crate) fn pull(&mut self) -> Result<Option<Token<'a>>, Error> {
        self.token(true)
    }

    /// Reads past the next value, of any size and depth, without keeping any of it.
    pub(crate) fn skip_value(&mut self) -> Result<(), Error> {
        let depth = self.open.len();
        loop {
            match self.token(false)? {
                Some(Token::Key(_)) => {}
                Some(_) if self.open.len() == depth => return Ok(()),
                Some(_) if self.open.len() > depth => {}
                _ => return Err(self.fail("expected a value")),
            }
        }
    }

    /// Reads the next value, nested `max_depth` deep at most (and 1,024 at most).
    pub(crate) fn value(&mut self, max_depth: usize) -> Result<Value<'a>, Error> {
        let max_depth = max_depth.min(DEPTH_LIMIT);
        // The containers that are open, each with the key that waits for its value.
        let mut open: Vec<(Value<'a>, Cow<'a, str>)> = Vec::new();
        loop {
            let mut value = None;
            match self.pull()? {
                Some(Token::ObjectOpen) => open.push((Value::Object(Vec::new()), Cow::default())),
                Some(Token::ArrayOpen) => open.push((Value::Array(Vec::new()), Cow::default())),
                Some(Token::Key(text)) => open.last_mut().map_or((), |(_, key)| *key = text),
                Some(Token::String(text)) => value = Some(Value::String(text)),
                Some(Token::Number(spelling)) => value = Some(Value::Number(spelling.into())),
                Some(Token::Bool(truth)) => value = Some(Value::Bool(truth)),
                Some(Token::Null) => value = Some(Value::Null),
                _ => value = Some(open.pop().ok_or_else(|| self.fail("expected a value"))?.0),
            }
            if open.len() > max_depth {
                let message = format!("nested deeper than {max_depth} levels");
                return Err(Error::new(ErrorKind::Json, self.at - 1, message));
            }
            let Some(value) = value else { continue };
            match open.last_mut() {
                Some((Value::Array(items), _)) => items.push(value),
                Some((Value::Object(pairs), key)) => pairs.push((core::mem::take(key), value)),
                _ => return Ok(value),
            }
        }
    }

    #[cold]
    fn fail(&self, message: &'static str) -> Error {
        Error::new(ErrorKind::Json, self.at, message)
    }

    fn tail(&self) -> &'a [u8] {
        self.text.as_bytes().get(self.at..).unwrap_or_default()
    }

    /// The next byte that is not blank, still to be read.
    fn peek(&mut self) -> Option<u8> {
        loop {
            let byte = *self.text.as_bytes().get(self.at)?;
            if !is_blank(byte) {
                return Some(byte);
            }
            self.at += 1;
        }
    }

    /// The next token; its string is decoded only where `decode` is set.
    fn token(&mut self, decode: bool) -> Result<Option<Token<'a>>, Error> {
        let mut byte = self.peek();
        let mut expect = self.expect;
        let open = self.open.last().copied();
        if expect == Expect::Next && byte == Some(b',') && open.is_some() {
            self.at += 1;
            byte = self.peek();
            expect = Expect::Another;
        }
        match (expect, byte, open) {
            (Expect::First | Expect::Next, Some(b'}'), Some(Bracket::Object)) => Ok(self.closed(Token::ObjectClose)),
            (Expect::First | Expect::Next, Some(b']'), Some(Bracket::Array)) => Ok(self.closed(Token::ArrayClose)),
            (Expect::First | Expect::Another, _, Some(Bracket::Object)) => self.key(byte, decode),
            (Expect::Value | Expect::First | Expect::Another, ..) => self.item(byte, decode),
            (Expect::Next, None, None) => return Ok(None),
            (Expect::Next, _, None) => Err(self.fail("expected the end of the text")),
            (Expect::Next, _, Some(Bracket::Object)) => Err(self.fail("expected `,` or `}` after a value")),
            (Expect::Next, _, Some(Bracket::Array)) => Err(self.fail("expected `,` or `]` after a value")),
        }
        .map(Some)
    }

    fn key(&mut self, byte: Option<u8>, decode: bool) -> Result<Token<'a>, Error> {
        if byte != Some(b'"') {
            return Err(self.fail("expected a key in double quotes"));
        }
        let key = self.string(decode)?;
        if self.peek() != Some(b':') {
            return Err(self.fail("expected `:` after a key"));
        }
        self.at += 1;
        self.expect = Expect::Value;
        Ok(Token::Key(key))
    }

    /// The value that begins with `byte`.
    fn item(&mut self, byte: Option<u8>, decode: bool) -> Result<Token<'a>, Error> {
        self.expect = Expect::Next;
        Ok(match byte {
            Some(b'"') => Token::String(self.string(decode)?),
            Some(b'{') => self.opened(Bracket::Object, Token::ObjectOpen),
            Some(b'[') => self.opened(Bracket::Array, Token::ArrayOpen),
            Some(b'-' | b'0'..=b'9') => {
                let (start, len) = (self.at, number_len(self.tail()));
                self.at += len.unwrap_or_else(|place| place);
                if len.is_err() {
                    return Err(self.fail("expected a digit"));
                }
                Token::Number(self.text.get(start..self.at).unwrap_or_default())
            }
            Some(b't') => self.word("true", Token::Bool(true))?,
            Some(b'f') => self.word("false", Token::Bool(false))?,
            Some(b'n') => self.word("null", Token::Null)?,
            _ => return Err(self.fail("expected a value")),
        })
    }

    fn opened(&mut self, bracket: Bracket, token: Token<'a>) -> Token<'a> {
        self.at += 1;
        self.open.push(bracket);
        self.expect = Expect::First;
        token
    }

    fn closed(&mut self, token: Token<'a>) -> Token<'a> {
        self.at += 1;
        self.open.pop();
        self.expect = Expect::Next;
        token
    }

    fn word(&mut self, word: &str, token: Token<'a>) -> Result<Token<'a>, Error> {
        if !self.tail().starts_with(word.as_bytes()) {
            return Err(self.fail("expected a value"));
        }
        self.at += word.len();
        Ok(token)
    }

    /// Reads a string from its opening quote through its closing one.
    fn string(&mut self, decode: bool) -> Result<Cow<'a, str>, Error> {
        let quote = self.at;
        let mut escaped = false;
        self.at += 1;
        loop {
            let tail = self.tail();
            let Some(run) = position(tail, needs_escape) else {
                self.at = quote;
                return Err(self.fail("this string is never closed"));
            };
            self.at += run;
            match tail.get(run..) {
                Some([b'"', ..]) => break,
                Some([b'\\', after @ ..]) => match escape(after) {
                    Some((char, len)) if char.or(self.lone).is_some() => self.at += 1 + len,
                    _ => return Err(self.fail("invalid escape in a string")),
                },
                _ => return Err(self.fail("control character in a string")),
            }
            escaped = true;
        }
        let inner = self.text.get(quote + 1..self.at).unwrap_or_default();
        self.at += 1;
        if !(escaped && decode) {
            return Ok(Cow::Borrowed(inner));
        }
        let mut text = String::with_capacity(inner.len());
        // Every escape has been looked at above: this cannot end early.
        let _: Option<()> = decode_escapes(inner, self.lone, &mut text);
        Ok(Cow::Owned(text))
    }
}
