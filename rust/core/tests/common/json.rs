//! JSON in and out, so small that it is obviously right: numbers keep their spelling, duplicate keys stay.

use std::fmt::Write as _;

/// A value as the text gives it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Json {
    Word(&'static str),
    Number(String),
    String(String),
    Array(Vec<Json>),
    Object(Vec<(String, Json)>),
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

/// The value of `text`, or `None` where that is no JSON text.
pub fn read(text: &str) -> Option<Json> {
    let mut reader = Reader { bytes: text.as_bytes(), at: 0 };
    let value = reader.value()?;
    reader.blanks();
    (reader.at == text.len()).then_some(value)
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
    }

    fn take(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then(|| self.at += 1)
    }

    fn value(&mut self) -> Option<Json> {
        self.blanks();
        let value = match self.peek()? {
            b'{' => {
                let pairs = self.list(b'}', |reader| {
                    reader.blanks();
                    let key = reader.string()?;
                    reader.blanks();
                    reader.take(b':')?;
                    Some((key, reader.value()?))
                })?;
                Json::Object(pairs)
            }
            b'[' => Json::Array(self.list(b']', Self::value)?),
            b'"' => Json::String(self.string()?),
            b't' => self.word("true")?,
            b'f' => self.word("false")?,
            b'n' => self.word("null")?,
            _ => self.number()?,
        };
        Some(value)
    }

    fn word(&mut self, word: &'static str) -> Option<Json> {
        self.bytes[self.at..].starts_with(word.as_bytes()).then(|| self.at += word.len())?;
        Some(Json::Word(word))
    }

    fn list<T>(&mut self, close: u8, mut item: impl FnMut(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        self.at += 1;
        self.blanks();
        let mut items = Vec::new();
        if self.take(close).is_some() {
            return Some(items);
        }
        loop {
            items.push(item(self)?);
            self.blanks();
            if self.take(close).is_some() {
                return Some(items);
            }
            self.take(b',')?;
        }
    }

    fn digits(&mut self) -> Option<()> {
        let from = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        (self.at > from).then_some(())
    }

    fn number(&mut self) -> Option<Json> {
        let from = self.at;
        let _ = self.take(b'-');
        if self.take(b'0').is_none() {
            self.digits()?;
        }
        if self.take(b'.').is_some() {
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        Some(Json::Number(String::from_utf8(self.bytes[from..self.at].to_vec()).ok()?))
    }

    fn string(&mut self) -> Option<String> {
        self.take(b'"')?;
        let mut text = Vec::new();
        loop {
            let byte = self.peek()?;
            self.at += 1;
            match byte {
                b'"' => return String::from_utf8(text).ok(),
                0..=31 => return None,
                b'\\' => {
                    let escape = self.peek()?;
                    self.at += 1;
                    let character = match escape {
                        b'n' => '\n',
                        b't' => '\t',
                        b'r' => '\r',
                        b'b' => '\u{8}',
                        b'f' => '\u{c}',
                        b'"' | b'\\' | b'/' => char::from(escape),
                        b'u' => {
                            let digits = self.bytes.get(self.at..self.at + 4)?;
                            self.at += 4;
                            // The parser never writes surrogates: what needs two escapes it writes as it is.
                            char::from_u32(u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?)?
                        }
                        _ => return None,
                    };
                    text.extend(character.encode_utf8(&mut [0; 4]).bytes());
                }
                _ => text.push(byte),
            }
        }
    }
}

/// The JSON text, with the escapes of the contract; `spaced` as Python's `json.dumps` does it.
pub fn write(value: &Json, spaced: bool) -> String {
    let mut out = String::new();
    json(value, spaced, &mut out);
    out
}

fn json(value: &Json, spaced: bool, out: &mut String) {
    let (comma, colon) = if spaced { (", ", ": ") } else { (",", ":") };
    match value {
        Json::Word(word) => out.push_str(word),
        Json::Number(number) => out.push_str(number),
        Json::String(data) => string(data, out),
        Json::Array(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                out.push_str(if at > 0 { comma } else { "" });
                json(item, spaced, out);
            }
            out.push(']');
        }
        Json::Object(pairs) => {
            out.push('{');
            for (at, (key, value)) in pairs.iter().enumerate() {
                out.push_str(if at > 0 { comma } else { "" });
                string(key, out);
                out.push_str(colon);
                json(value, spaced, out);
            }
            out.push('}');
        }
    }
}

fn string(data: &str, out: &mut String) {
    out.push('"');
    for character in data.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            control if control < ' ' => {
                let _ = write!(out, "\\u{:04x}", u32::from(control));
            }
            other => out.push(other),
        }
    }
    out.push('"');
}

/// In the order of lower-cased keys, at every level.
pub fn sorted(value: Json) -> Json {
    match value {
        Json::Object(pairs) => {
            let mut pairs: Vec<_> = pairs.into_iter().map(|(key, value)| (key, sorted(value))).collect();
            pairs.sort_by_key(|(key, _)| key.to_lowercase());
            Json::Object(pairs)
        }
        Json::Array(items) => Json::Array(items.into_iter().map(sorted).collect()),
        other => other,
    }
}
