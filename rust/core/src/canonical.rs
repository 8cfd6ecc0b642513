//! A reader of canonical arguments, for those who want values and not JSON text.
//!
//! It knows the plainest part of the grammar alone: what the chat template prints, without blanks. It either reads all of
//! a text, as [`arguments_to_json`](crate::arguments_to_json) does, or refuses it, whatever the reason.

use alloc::vec::Vec;

use crate::arguments::DEPTH_LIMIT;
use crate::json::number_len;
use crate::scan::position;
use crate::token::{ControlToken, Literal, match_literal};

/// What a [`Canonical`] finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Token<'t> {
    /// The key of a pair, whose value follows.
    Key(&'t str),
    /// A string.
    String(&'t str),
    /// A number without fraction and exponent, of at most 18 digits.
    Integer(i64),
    /// A longer one, as it is spelled.
    Digits(&'t str),
    /// A number with fraction or exponent, as it is spelled.
    Number(&'t str),
    /// `true` or `false`
    Bool(bool),
    /// `null`
    Null,
    /// An object opens.
    Object,
    /// An array opens.
    Array,
    /// The innermost object or array closes.
    Close,
    /// The text has ended, and was canonical.
    End,
    /// The text is not of this grammar.
    Other,
}

/// Reads the text between the braces of a call's arguments, token by token.
#[derive(Debug)]
pub struct Canonical<'t> {
    text: &'t str,
    at: usize,
    /// Of each open bracket: whether it is an array's.
    open: Vec<bool>,
    last: Last,
}

/// What came directly before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Last {
    /// An opening bracket, or nothing.
    Open,
    Comma,
    Key,
    Value,
}

impl<'t> Canonical<'t> {
    /// Begins to read.
    pub const fn new(text: &'t str) -> Self {
        Self { text, at: 0, open: Vec::new(), last: Last::Open }
    }

    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// The next token; [`Token::End`] and [`Token::Other`] are the last.
    pub fn pull(&mut self) -> Token<'t> {
        let array = self.open.last().copied();
        let mut byte = self.byte();
        if self.last == Last::Value && byte == Some(b',') {
            self.at += 1;
            self.last = Last::Comma;
            byte = self.byte();
        }
        match (byte, self.last) {
            (None, Last::Open | Last::Value) if array.is_none() => Token::End,
            (Some(b']'), Last::Open | Last::Value) if array == Some(true) => self.close(),
            (Some(b'}'), Last::Open | Last::Value) if array == Some(false) => self.close(),
            (None, _) | (_, Last::Value) => Token::Other,
            (Some(byte), Last::Key) => self.value(byte),
            (Some(byte), _) if array == Some(true) => self.value(byte),
            _ => self.key(),
        }
    }

    fn close(&mut self) -> Token<'t> {
        self.at += 1;
        self.open.pop();
        self.last = Last::Value;
        Token::Close
    }

    fn key(&mut self) -> Token<'t> {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let is_key = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
        let length = rest.bytes().take_while(|byte| is_key(*byte)).count();
        if length == 0 || rest.as_bytes().get(length) != Some(&b':') {
            return Token::Other;
        }
        self.at += length + 1;
        self.last = Last::Key;
        Token::Key(rest.get(..length).unwrap_or_default())
    }

    fn value(&mut self, byte: u8) -> Token<'t> {
        self.last = Last::Value;
        match byte {
            b'-' | b'0'..=b'9' => self.number(),
            b'<' => self.string(),
            b'[' | b'{' if self.open.len() + 1 < DEPTH_LIMIT => {
                self.at += 1;
                self.open.push(byte == b'[');
                self.last = Last::Open;
                if byte == b'[' { Token::Array } else { Token::Object }
            }
            b't' => self.word("true", Token::Bool(true)),
            b'f' => self.word("false", Token::Bool(false)),
            b'n' => self.word("null", Token::Null),
            _ => Token::Other,
        }
    }

    fn word(&mut self, word: &str, token: Token<'t>) -> Token<'t> {
        if !self.text.get(self.at..).unwrap_or_default().starts_with(word) {
            return Token::Other;
        }
        self.at += word.len();
        token
    }

    fn number(&mut self) -> Token<'t> {
        let bytes = self.text.as_bytes().get(self.at..).unwrap_or_default();
        let (sign, digits) = match bytes {
            [b'-', digits @ ..] => (-1, digits),
            _ => (1, bytes),
        };
        // Up to 18 digits cannot overflow.
        let (mut value, mut length) = (0_i64, 0);
        while let (Some(byte @ b'0'..=b'9'), 0..18) = (digits.get(length), length) {
            value = value * 10 + i64::from(byte - b'0');
            length += 1;
        }
        let is_integer = !matches!(digits.get(length), Some(b'0'..=b'9' | b'.' | b'e' | b'E'));
        let is_plain = length == 1 || (length > 1 && digits.first() != Some(&b'0'));
        if is_integer && is_plain {
            self.at += length + usize::from(sign < 0);
            return Token::Integer(sign * value);
        }
        let Ok(length) = number_len(bytes) else { return Token::Other };
        let start = self.at;
        self.at += length;
        let spelling = self.text.get(start..self.at).unwrap_or_default();
        let is_long = spelling.len() > 18 && !spelling.contains(['.', 'e', 'E']);
        if is_long { Token::Digits(spelling) } else { Token::Number(spelling) }
    }

    /// A string in which no marker stands: what a marker means is more than is known here.
    fn string(&mut self) -> Token<'t> {
        let delimiter = ControlToken::Delimiter.literal();
        let rest = self.text.get(self.at..).unwrap_or_default();
        let Some(inner) = rest.strip_prefix(delimiter) else { return Token::Other };
        let mut end = 0;
        loop {
            let tail = inner.as_bytes().get(end..).unwrap_or_default();
            let Some(at) = position(tail, |byte| byte == b'<') else { return Token::Other };
            end += at;
            match match_literal(tail.get(at..).unwrap_or_default()) {
                Literal::Whole(ControlToken::Delimiter) => break,
                Literal::No => end += 1,
                Literal::Whole(_) | Literal::Prefix => return Token::Other,
            }
        }
        self.at += end + 2 * delimiter.len();
        Token::String(inner.get(..end).unwrap_or_default())
    }
}
