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
    /// Whether it is known that what follows a comma is no number that can be read quickly.
    tried: bool,
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
        Self { text, at: 0, open: Vec::new(), last: Last::Open, float: None, tried: false }
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
        let start = self.at;
        let bytes = self.text.as_bytes().get(start..).unwrap_or_default();
        let quick = if core::mem::take(&mut self.tried) { None } else { quick_number(bytes) };
        let Some((number, length)) = quick else { return self.long_number(bytes) };
        self.at += length;
        match number {
            Number::Integer(value) => Token::Integer(value),
            Number::Float(value) => {
                self.float = Some(value);
                Token::Number(self.text.get(start..self.at).unwrap_or_default())
            }
        }
    }

    /// The plain numbers that follow as elements of the same array, behind one of its elements; what is not read is
    /// left to [`pull`](Self::pull).
    #[inline]
    pub fn numbers(&mut self) -> impl Iterator<Item = Number> {
        let in_array = self.last == Last::Value && self.open.last() == Some(&true);
        core::iter::from_fn(move || {
            let (b',', bytes) = self.text.as_bytes().get(self.at..)?.split_first()? else { return None };
            let quick = if in_array { quick_number(bytes) } else { return None };
            self.tried = quick.is_none();
            let (number, length) = quick?;
            self.at += 1 + length;
            Some(number)
        })
    }

    /// Any number, with which `bytes` begin.
    #[inline(never)]
    fn long_number(&mut self, bytes: &[u8]) -> Token<'t> {
        let negative = bytes.first() == Some(&b'-');
        let bytes = bytes.get(usize::from(negative)..).unwrap_or_default();
        let mut value = 0;
        let mut length = digits(bytes, 0, &mut value);
        if length == 0 || (length > 1 && bytes.first() == Some(&b'0')) {
            return Token::Other;
        }
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
            // Up to 18 digits cannot overflow.
            let value = if negative { -value } else { value };
            return if count > 18 { Token::Digits(spelling) } else { Token::Integer(value) };
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

/// A number that can be read quickly.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Number {
    /// Without fraction and exponent.
    Integer(i64),
    /// With a fraction.
    Float(f64),
}

/// The number that `bytes` begin with, and its length, where it has at most 15 digits and no exponent, and something
/// follows that ends it.
#[inline]
fn quick_number(bytes: &[u8]) -> Option<(Number, usize)> {
    let sign = usize::from(bytes.first() == Some(&b'-'));
    let bytes = bytes.get(sign..)?;
    let (whole, mut length) = some_digits(bytes)?;
    if length == 0 || (length > 1 && bytes.first() == Some(&b'0')) {
        return None;
    }
    let mut number = Number::Integer(if sign > 0 { -whole } else { whole });
    if let Some((b'.', rest)) = bytes.get(length..)?.split_first() {
        let (fraction, count) = some_digits(rest)?;
        let ten = TENS.get(count)?;
        // Zero has a sign.
        if count == 0 || length + count > 15 || (whole == 0 && fraction == 0) {
            return None;
        }
        // Both are exact, so what is rounded is the result alone.
        let float = exact(whole * ten + fraction) / exact(*ten);
        number = Number::Float(if sign > 0 { -float } else { float });
        length += 1 + count;
    }
    matches!(bytes.get(length), Some(b',' | b']' | b'}')).then_some((number, sign + length))
}

/// The powers of ten of up to 15 digits.
#[rustfmt::skip]
const TENS: [i64; 16] = [
    1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000, 1_000_000_000, 10_000_000_000,
    100_000_000_000, 1_000_000_000_000, 10_000_000_000_000, 100_000_000_000_000, 1_000_000_000_000_000,
];

/// The value and the number of the digits that `bytes` begin with; `None` where they are more than 15, or may be.
#[inline]
fn some_digits(bytes: &[u8]) -> Option<(i64, usize)> {
    let (value, length) = eight_digits(bytes)?;
    if length < 8 {
        return Some((value, length));
    }
    let (rest, more) = eight_digits(bytes.get(8..)?)?;
    (more < 8).then_some((value * TENS.get(more)? + rest, 8 + more))
}

/// The same for eight digits at most, of those that `bytes` begin with; `None` where these are fewer than eight bytes.
///
/// All are looked at in one number, because a loop over so few ends where no processor can foresee it.
#[inline]
fn eight_digits(bytes: &[u8]) -> Option<(i64, usize)> {
    const ONES: u64 = 0x0101_0101_0101_0101;
    let word = u64::from_le_bytes(*bytes.first_chunk()?) ^ (ONES * 0x30);
    // The highest bit of each byte that is no digit.
    let others = (word | word.wrapping_add(ONES * 0x76)) & (ONES * 0x80);
    let length = others.trailing_zeros() as usize / 8;
    if length == 0 {
        return Some((0, 0));
    }
    // The last digit is the highest byte, and what comes before the first one is 0.
    let pairs = (word << (64 - 8 * length)).wrapping_mul(0xA01) >> 8 & 0x00FF_00FF_00FF_00FF;
    let fours = pairs.wrapping_mul(0x64_0001) >> 16 & 0x0000_FFFF_0000_FFFF;
    let value = fours.wrapping_mul(0x2710_0000_0001) >> 32;
    Some((i64::try_from(value).ok()?, length))
}

/// Where the digits from `at` on end; `value` becomes theirs behind its own, and means nothing where that is too much.
#[inline]
fn digits(bytes: &[u8], at: usize, value: &mut i64) -> usize {
    let mut end = at;
    while let Some((eight, length)) = bytes.get(end..).and_then(eight_digits) {
        *value = value.wrapping_mul(TENS.get(length).copied().unwrap_or_default()).wrapping_add(eight);
        end += length;
        if length < 8 {
            return end;
        }
    }
    while let Some(byte @ b'0'..=b'9') = bytes.get(end) {
        *value = value.wrapping_mul(10).wrapping_add(i64::from(byte - b'0'));
        end += 1;
    }
    end
}

/// `value`, which has at most 15 digits.
#[expect(clippy::cast_precision_loss, reason = "15 digits are below 2 to the 53rd")]
fn exact(value: i64) -> f64 {
    value as f64
}

/// `value`, which has at most 15 digits, with this power of ten: both are exact, so what is rounded is the result alone.
fn scaled(value: i64, exponent: i64) -> Option<f64> {
    let power = POWERS.get(usize::try_from(exponent.unsigned_abs()).ok()?)?;
    Some(if exponent < 0 { exact(value) / power } else { exact(value) * power })
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
            "a:[0,-1,1234567,-12345678,123456789012345678,1234567890123456789,-0.5,1234567.1234567,12345678.5,0.0]",
            "a:<|\"|>x<y, \"z\"\n<|\"|>,b-1:[1,-2.5e3,[],{}],c:{d:true,e.f:null}",
            "a:[<|\"|>,<|\"|>,<|\"|>é<|\"|>,[[false,1],2]],b:{c:{d:<|\"|><|\"|>,e:0.10}}",
        ] {
            for spaced in [false, true] {
                assert_eq!(to_json(text, spaced), arguments_to_json(text, spaced).ok(), "{text}");
            }
        }
        for text in ["a:[01.5,1]", "a:[-,1,2,3,4,5]", "a:[1.,2,3,4,5,6]", "a:[1.5.5,2,3,4]", "a:[1a,2,3,4,5]"] {
            assert_eq!(to_json(text, false), None, "{text}");
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
        // Near the end of the text, and far from it.
        let [near, far] = [format!("a:{spelling}"), format!("a:{spelling},and_so_on:1")].map(|text| {
            let mut reader = Canonical::new(&text);
            reader.pull();
            assert_eq!(reader.pull(), Token::Number(spelling));
            reader.float().map(f64::to_bits)
        });
        assert_eq!(near, far);
        near.map(f64::from_bits)
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
