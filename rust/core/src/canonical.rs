//! A reader of canonical arguments, for those who want values and not JSON text.
//!
//! It knows the plainest part of the grammar alone: what the chat template prints, without blanks. It either reads all of
//! a text, as [`arguments_to_json`](crate::arguments_to_json) does, or refuses it, whatever the reason.

use alloc::string::String;
use alloc::vec::Vec;

use crate::arguments::{DEPTH_LIMIT, HELD_LIMIT};
use crate::json::write_escaped;
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
    /// A number with fraction or exponent, as it is spelled; see [`Canonical::float`].
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

/// The powers of ten that an `f64` holds.
#[rustfmt::skip]
const POWERS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11,
    1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
];

/// Reads the text between the braces of a call's arguments, token by token.
#[derive(Debug)]
pub struct Canonical<'t> {
    text: &'t str,
    at: usize,
    /// Of each open bracket: whether it is an array's.
    open: Vec<bool>,
    last: Last,
    float: Option<f64>,
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
        Self { text, at: 0, open: Vec::new(), last: Last::Open, float: None }
    }

    /// The value of the [`Token::Number`] that has come last, where it has so few digits that this is quick.
    pub const fn float(&self) -> Option<f64> {
        self.float
    }

    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// The next token; [`Token::End`] and [`Token::Other`] are the last.
    #[inline]
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
        if length == 0 || length > HELD_LIMIT || rest.as_bytes().get(length) != Some(&b':') {
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
        if is_plain { self.long_number(digits, sign < 0, value, length) } else { Token::Other }
    }

    /// The rest of a number of which `length` digits are known to be `value`.
    #[inline(never)]
    fn long_number(&mut self, bytes: &[u8], negative: bool, mut value: i64, mut length: usize) -> Token<'t> {
        length = digits(bytes, length, &mut value);
        let mut count = length;
        let (mut exponent, mut is_integer) = (0, true);
        if bytes.get(length) == Some(&b'.') {
            let start = length + 1;
            length = digits(bytes, start, &mut value);
            if length == start {
                return Token::Other;
            }
            count += length - start;
            exponent = -i64::try_from(length - start).unwrap_or(i64::MAX);
            is_integer = false;
        }
        if let Some(b'e' | b'E') = bytes.get(length) {
            let sign = bytes.get(length + 1).copied();
            let start = length + 1 + usize::from(matches!(sign, Some(b'+' | b'-')));
            let mut power = 0;
            length = digits(bytes, start, &mut power);
            exponent = match length - start {
                0 => return Token::Other,
                1..=3 if sign == Some(b'-') => exponent - power,
                1..=3 => exponent + power,
                _ => i64::MAX,
            };
            is_integer = false;
        }
        let start = self.at;
        self.at += length + usize::from(negative);
        let spelling = self.text.get(start..self.at).unwrap_or_default();
        if spelling.len() > HELD_LIMIT {
            return Token::Other;
        }
        if is_integer {
            return Token::Digits(spelling);
        }
        // Zero has a sign.
        self.float = if count <= 15 && value != 0 { scaled(value, exponent) } else { None };
        self.float = self.float.map(|float| if negative { -float } else { float });
        Token::Number(spelling)
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
            let tail = tail.get(at..).unwrap_or_default();
            if tail.starts_with(delimiter.as_bytes()) {
                break;
            }
            match match_literal(tail) {
                Literal::No => end += 1,
                Literal::Whole(_) | Literal::Prefix => return Token::Other,
            }
        }
        self.at += end + 2 * delimiter.len();
        Token::String(inner.get(..end).unwrap_or_default())
    }
}

/// Where the digits from `at` on end; `value` becomes theirs behind its own, and means nothing where that is too much.
#[inline]
fn digits(bytes: &[u8], at: usize, value: &mut i64) -> usize {
    let mut end = at;
    while let Some(byte @ b'0'..=b'9') = bytes.get(end) {
        *value = value.wrapping_mul(10).wrapping_add(i64::from(byte - b'0'));
        end += 1;
    }
    end
}

/// `value`, which has at most 15 digits, with this power of ten: both are exact, so what is rounded is the result alone.
#[expect(clippy::cast_precision_loss, reason = "15 digits are below 2 to the 53rd")]
fn scaled(value: i64, exponent: i64) -> Option<f64> {
    let power = POWERS.get(usize::try_from(exponent.unsigned_abs()).ok()?)?;
    Some(if exponent < 0 { value as f64 / power } else { value as f64 * power })
}

/// What [`arguments_to_json`](crate::arguments_to_json) gives for a text of this grammar; `None` for any other text.
pub fn to_json(text: &str, spaced: bool) -> Option<String> {
    let (comma, colon) = if spaced { (", ", "\": ") } else { (",", "\":") };
    let mut out = String::with_capacity(text.len() + 2);
    out.push('{');
    let mut reader = Canonical::new(text);
    // Of what is spelled as in JSON, how much is written.
    let mut written = 0;
    loop {
        let start = reader.at;
        let token = reader.pull();
        // A comma is read with what follows it.
        let has_comma = spaced && text.as_bytes().get(start) == Some(&b',') && reader.at > start;
        if has_comma {
            out.push_str(text.get(written..start)?);
            out.push_str(comma);
            written = start + 1;
        }
        match token {
            Token::Key(key) => {
                out.push_str(text.get(written..reader.at - key.len() - 1)?);
                out.push('"');
                out.push_str(key);
                out.push_str(colon);
                written = reader.at;
            }
            Token::String(inner) => {
                let delimiters = 2 * ControlToken::Delimiter.literal().len();
                out.push_str(text.get(written..reader.at - inner.len() - delimiters)?);
                out.push('"');
                write_escaped(inner, &mut out);
                out.push('"');
                written = reader.at;
            }
            Token::End => {
                out.push_str(text.get(written..)?);
                out.push('}');
                return Some(out);
            }
            Token::Other => return None,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::string::ToString as _;

    use super::*;
    use crate::message::arguments_to_json;

    #[test]
    fn json_is_that_of_the_parser() {
        for text in [
            "",
            "a:1",
            "a:-0,b:[],c:{}",
            "a:<|\"|>x<y, \"z\"\n<|\"|>,b-1:[1,-2.5e3,[],{}],c:{d:true,e.f:null}",
            "a:[<|\"|>,<|\"|>,<|\"|>é<|\"|>,[[false,1],2]],b:{c:{d:<|\"|><|\"|>,e:0.10}}",
        ] {
            for spaced in [false, true] {
                assert_eq!(to_json(text, spaced), arguments_to_json(text, spaced).ok(), "{text}");
            }
        }
        for text in ["a:1,", "a: 1", "a:x", "a:[1", "a:1}", "a:01", "a:1.", "a:-", "a:1e", "a:1e+", "a:.5", "<", ","] {
            assert_eq!(to_json(text, false), None, "{text}");
        }
    }

    #[test]
    fn no_text_is_longer_than_may_be_held() {
        for length in [HELD_LIMIT, HELD_LIMIT + 1] {
            let word = "1".repeat(length);
            let texts =
                [format!("{word}:1"), format!("a:{word}"), format!("a:0.{}", word.get(2..).unwrap_or_default())];
            for text in texts {
                assert_eq!(to_json(&text, false), arguments_to_json(&text, false).ok(), "{length}");
            }
        }
    }

    /// The value of a number, quickly read.
    fn float(spelling: &str) -> Option<f64> {
        let text = format!("a:{spelling}");
        let mut reader = Canonical::new(&text);
        reader.pull();
        assert_eq!(reader.pull(), Token::Number(spelling));
        reader.float()
    }

    #[test]
    fn quick_floats_are_the_nearest() {
        let mut random = 20_260_711_u64;
        let mut quick = 0;
        for round in 0..200_000_u64 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let (bits, sign) = (random >> 14, if random >> 8 & 1 == 1 { "-" } else { "" });
            let digits = (bits % 10_u64.pow(u32::try_from(1 + round % 16).unwrap_or(1))).to_string();
            let (whole, fraction) = digits.split_at(1 + usize::try_from(round).unwrap_or(0) % digits.len());
            // A whole part of several digits does not begin with 0.
            let spelling = match (round % 3, fraction) {
                (0, fraction) if !fraction.is_empty() => format!("{sign}{whole}.{fraction}"),
                (1, _) => format!("{sign}{digits}e-{}", round % 25),
                _ => format!("{sign}{whole}.{fraction}0E{}", round % 25),
            };
            if let Some(value) = float(&spelling) {
                quick += 1;
                assert_eq!(Ok(value.to_bits()), spelling.parse::<f64>().map(f64::to_bits), "{spelling}");
            }
        }
        assert!(quick > 150_000, "{quick}");
        assert_eq!(float("1.5"), Some(1.5));
        for slow in ["-0.0", "0e0", "1.234567890123456", "1e23", "1e-23", "1e1000", "1.5e99999999999999999999"] {
            assert_eq!(float(slow), None, "{slow}");
        }
    }
}
