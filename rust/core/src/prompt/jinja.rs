//! What Jinja and Python do with values, as far as Google's template asks for it.
//!
//! A value that is not there, Jinja's `Undefined`, is `None` here; Python's `None` is [`Value::Null`].

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write;
use core::{slice, str};

use crate::format::sorted;
use crate::json::Value;
use crate::json::pointer::sort_fields;

/// What `str.strip` takes off: U+0009–U+000D, U+001C–U+0020, U+0085, U+00A0, U+1680, U+2000–U+200A, U+2028, U+2029,
/// U+202F, U+205F and U+3000. `char::is_whitespace` lacks U+001C–U+001F.
pub(super) const fn is_space(character: char) -> bool {
    matches!(
        character,
        '\t'..='\r'
            | '\u{1C}'..=' '
            | '\u{85}'
            | '\u{A0}'
            | '\u{1680}'
            | '\u{2000}'..='\u{200A}'
            | '\u{2028}'
            | '\u{2029}'
            | '\u{202F}'
            | '\u{205F}'
            | '\u{3000}'
    )
}

/// `str.strip`
pub(super) fn trim(text: &str) -> &str {
    text.trim_matches(is_space)
}

/// What `repr` escapes beyond ASCII: controls, formats, separators, surrogates and private characters, as of
/// Unicode 15. Unassigned ones are printed as they are.
const fn is_unprintable(character: char) -> bool {
    matches!(
        character,
        '\0'..='\u{1F}'
            | '\u{7F}'..='\u{A0}'
            | '\u{AD}'
            | '\u{600}'..='\u{605}'
            | '\u{61C}'
            | '\u{6DD}'
            | '\u{70F}'
            | '\u{890}'..='\u{891}'
            | '\u{8E2}'
            | '\u{1680}'
            | '\u{180E}'
            | '\u{2000}'..='\u{200F}'
            | '\u{2028}'..='\u{202F}'
            | '\u{205F}'..='\u{206F}'
            | '\u{3000}'
            | '\u{E000}'..='\u{F8FF}'
            | '\u{FEFF}'
            | '\u{FFF9}'..='\u{FFFB}'
            | '\u{110BD}'
            | '\u{110CD}'
            | '\u{13430}'..='\u{1343F}'
            | '\u{1BCA0}'..='\u{1BCA3}'
            | '\u{1D173}'..='\u{1D17A}'
            | '\u{E0001}'
            | '\u{E0020}'..='\u{E007F}'
            | '\u{F0000}'..='\u{10FFFF}'
    )
}

/// Whether the value counts as true: numbers other than zero, what is not empty.
// Many callers, none of them hot: the machine code is there once.
#[inline(never)]
pub(super) fn truthy(value: &Value<'_>) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(value) => *value,
        Value::Number(spelling) => !spelling.parse().is_ok_and(|value: f64| value == 0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(pairs) => !pairs.is_empty(),
    }
}

/// `value[key]`, where it counts as true.
pub(super) fn true_item<'a>(value: &'a Value<'a>, key: &str) -> Option<&'a Value<'a>> {
    value.get(key).filter(|value| truthy(value))
}

/// Whether the value is that text.
pub(super) fn is_text(value: Option<&Value<'_>>, text: &str) -> bool {
    value.and_then(Value::as_str) == Some(text)
}

/// `str(value)`: a text is itself, all else its `repr`.
pub(super) fn shown<'a>(value: Option<&'a Value<'_>>) -> Cow<'a, str> {
    match value {
        None => Cow::Borrowed(""),
        Some(Value::String(text)) => Cow::Borrowed(text),
        Some(value) => Cow::Owned(repr(value)),
    }
}

/// `value | upper`
pub(super) fn upper(value: Option<&Value<'_>>) -> String {
    shown(value).to_uppercase()
}

/// `repr(value)`
fn repr(value: &Value<'_>) -> String {
    let mut out = String::new();
    write_tree(value, &mut out, false);
    out
}

/// What is equal for two values that are equal for Python: numbers compare by their values, true is 1, objects have
/// no order. NaN, which equals nothing, is equal to itself here.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Identity<'a> {
    Text(&'a str),
    Other(String),
}

impl<'a> Identity<'a> {
    /// The identity of a value; nothing and null are equal.
    pub(super) fn of(value: Option<&'a Value<'a>>) -> Self {
        if let Some(Value::String(text)) = value {
            return Self::Text(text);
        }
        let mut out = String::new();
        write_tree(value.unwrap_or(&Value::Null), &mut out, true);
        Self::Other(out)
    }
}

/// An array or object that is being printed.
enum Level<'a> {
    Items(slice::Iter<'a, Value<'a>>),
    Pairs(alloc::vec::IntoIter<(&'a str, &'a Value<'a>)>),
}

/// The `repr` of a value; where `canonical`, one that is the same for equal values.
fn write_tree<'a>(value: &'a Value<'a>, out: &mut String, canonical: bool) {
    let mut open: Vec<(Level<'a>, bool)> = Vec::new();
    let mut next = Some(value);
    loop {
        match next {
            None => {}
            Some(Value::Null) => out.push_str("None"),
            Some(Value::Bool(value)) if canonical => out.push_str(if *value { "1" } else { "0" }),
            Some(Value::Bool(value)) => out.push_str(if *value { "True" } else { "False" }),
            Some(Value::Number(spelling)) if canonical => out.push_str(&number(spelling)),
            Some(Value::Number(spelling)) => out.push_str(spelling),
            Some(Value::String(text)) => write_repr(text, out),
            Some(Value::Array(items)) => {
                out.push('[');
                open.push((Level::Items(items.iter()), false));
            }
            Some(Value::Object(pairs)) => {
                out.push('{');
                let mut pairs: Vec<_> = pairs.iter().map(|(key, value)| (&**key, value)).collect();
                if canonical {
                    sort_fields(&mut pairs, str::cmp);
                }
                open.push((Level::Pairs(pairs.into_iter()), false));
            }
        }
        let Some((level, started)) = open.last_mut() else { return };
        let (key, close) = match level {
            Level::Items(items) => {
                next = items.next();
                (None, ']')
            }
            Level::Pairs(pairs) => {
                let pair = pairs.next();
                next = pair.map(|(_, value)| value);
                (pair.map(|(key, _)| key), '}')
            }
        };
        if next.is_none() {
            out.push(close);
            open.pop();
            continue;
        }
        if core::mem::replace(started, true) {
            out.push_str(", ");
        }
        if let Some(key) = key {
            write_repr(key, out);
            out.push_str(": ");
        }
    }
}

/// The spelling that all equal numbers share: integers, and floats that are integers, have only digits.
fn number(spelling: &str) -> Cow<'_, str> {
    if !spelling.contains(['.', 'e', 'E', 'n']) {
        return Cow::Borrowed(if spelling == "-0" { "0" } else { spelling });
    }
    let Ok(value) = spelling.parse::<f64>() else { return Cow::Borrowed(spelling) };
    let integer = format!("{value:.0}");
    // Also false for infinities and NaN, whose spelling is kept.
    let exact = value.is_finite() && integer.parse() == Ok(value);
    match (exact, integer.as_str()) {
        (true, "-0") => Cow::Borrowed("0"),
        (true, _) => Cow::Owned(integer),
        (false, _) => Cow::Owned(format!("{value:e}")),
    }
}

/// The `repr` of a text: in double quotes only where it has single ones and no double ones.
fn write_repr(text: &str, out: &mut String) {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    out.push(quote);
    for character in text.chars() {
        match character {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            _ if character == quote => out.extend(['\\', quote]),
            _ if is_unprintable(character) => {
                // Writing to a string does not fail.
                let _ = match u32::from(character) {
                    code @ ..0x100 => write!(out, "\\x{code:02x}"),
                    code @ ..0x1_0000 => write!(out, "\\u{code:04x}"),
                    code => write!(out, "\\U{code:08x}"),
                };
            }
            _ => out.push(character),
        }
    }
    out.push(quote);
}

/// What a loop over a value goes through.
pub(super) enum Elements<'a> {
    Items(slice::Iter<'a, Value<'a>>),
    Keys(slice::Iter<'a, (Cow<'a, str>, Value<'a>)>),
    Characters(str::Chars<'a>),
}

/// One of them.
pub(super) enum Element<'a> {
    Item(&'a Value<'a>),
    Key(&'a str),
    Character(char),
}

impl<'a> Elements<'a> {
    /// The items of an array, the keys of an object, the characters of a text; nothing else can be looped over.
    pub(super) fn of(value: &'a Value<'a>) -> Option<Self> {
        match value {
            Value::Array(items) => Some(Self::Items(items.iter())),
            Value::Object(pairs) => Some(Self::Keys(pairs.iter())),
            Value::String(text) => Some(Self::Characters(text.chars())),
            Value::Null | Value::Bool(_) | Value::Number(_) => None,
        }
    }
}

impl<'a> Iterator for Elements<'a> {
    type Item = Element<'a>;

    fn next(&mut self) -> Option<Element<'a>> {
        match self {
            Self::Items(items) => items.next().map(Element::Item),
            Self::Keys(pairs) => pairs.next().map(|(key, _)| Element::Key(key)),
            Self::Characters(characters) => characters.next().map(Element::Character),
        }
    }
}

impl Element<'_> {
    /// `str(element)`
    pub(super) fn shown(&self) -> Cow<'_, str> {
        match self {
            Self::Item(value) => shown(Some(value)),
            Self::Key(key) => Cow::Borrowed(key),
            Self::Character(character) => Cow::Owned((*character).into()),
        }
    }
}

/// The properties of a mapping as `dictsort` gives them.
pub(super) fn dictsort<'a>(value: &'a Value<'a>) -> Option<Vec<(&'a str, &'a Value<'a>)>> {
    value.as_object().map(sorted)
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;
    use crate::json::parse;

    fn value(json: &str) -> Value<'_> {
        parse(json, 64).unwrap_or_else(|error| panic!("{json}: {error}"))
    }

    #[test]
    fn spaces() {
        let spaces: String =
            (0..=0x10_FFFF).filter_map(char::from_u32).filter(|character| is_space(*character)).collect();
        assert_eq!(spaces.chars().count(), 29);
        assert_eq!(trim(&format!("{spaces}a b{spaces}")), "a b");
        assert_eq!(trim(&spaces), "");
        for other in ["\u{200B}", "\u{FEFF}", "\u{180E}", "\0", "\u{8}"] {
            assert_eq!(trim(other), other);
        }
    }

    #[test]
    fn what_counts_as_true() {
        for json in ["null", "false", "0", "-0", "0.0", "-0.0", "0e9", "1e-400", r#""""#, "[]", "{}"] {
            assert!(!truthy(&value(json)), "{json}");
        }
        for json in ["true", "1", "-1", "0.1", "1e400", r#"" ""#, "[0]", r#"{"a":0}"#] {
            assert!(truthy(&value(json)), "{json}");
        }
        for spelling in ["nan", "inf", "-inf"] {
            assert!(truthy(&Value::Number(spelling.into())));
        }
    }

    #[test]
    fn texts_of_values() {
        assert_eq!(shown(None), "");
        for (json, expected) in [
            ("null", "None"),
            ("true", "True"),
            ("1.50", "1.50"),
            (r#""it's""#, "it's"),
            (r#"["it's","\"","'\"",""]"#, r#"["it's", '"', '\'"', '']"#),
            (r#"{"b":[1,{}],"a":{"x":false}}"#, "{'b': [1, {}], 'a': {'x': False}}"),
            (r#"["\\\n\r\t\u0000\u001f\u007f\u00a0\u00ad"]"#, r"['\\\n\r\t\x00\x1f\x7f\xa0\xad']"),
            (r#"["é😀\u0378"]"#, "['é😀\u{378}']"),
            (r#"["\u200b\u2028\ufeff\ue000"]"#, r"['\u200b\u2028\ufeff\ue000']"),
            (r#"["\udb40\udc01\udbff\udfff"]"#, r"['\U000e0001\U0010ffff']"),
            ("[[[]],[]]", "[[[]], []]"),
        ] {
            assert_eq!(shown(Some(&value(json))), expected, "{json}");
        }
        assert_eq!(upper(Some(&value(r#"["string",null]"#))), "['STRING', NONE]");
        assert_eq!(upper(Some(&value(r#""ſtraße""#))), "STRASSE");
        assert_eq!(upper(None), "");
    }

    #[test]
    fn equal_values() {
        let equal = |left: &str, right: &str| {
            let (left, right) = (value(left), value(right));
            Identity::of(Some(&left)) == Identity::of(Some(&right))
        };
        for (left, right) in [
            ("1", "1.0"),
            ("1", "true"),
            ("0", "-0.0"),
            ("-0", "false"),
            ("100000000000000000000", "1e20"),
            ("0.1", "1e-1"),
            ("[1,{\"a\":1,\"b\":2}]", "[true,{\"b\":2.0,\"a\":1}]"),
        ] {
            assert!(equal(left, right), "{left} {right}");
        }
        for (left, right) in [
            ("1", "\"1\""),
            ("null", "false"),
            ("null", "\"None\""),
            ("9007199254740993", "9007199254740992.0"),
            ("0.1", "0.2"),
            ("1e400", "-1e400"),
            ("[]", "{}"),
            ("[1,2]", "[2,1]"),
            ("[\"1\"]", "[1]"),
        ] {
            assert!(!equal(left, right), "{left} {right}");
        }
        assert_eq!(Identity::of(None), Identity::of(Some(&Value::Null)));
    }

    #[test]
    fn loops() {
        let looped = |json: &str| -> Option<Vec<String>> {
            let value = value(json);
            Some(Elements::of(&value)?.map(|element| element.shown().to_string()).collect())
        };
        let words = |words: &[&str]| Some(words.iter().map(ToString::to_string).collect());
        assert_eq!(looped(r#""aé""#), words(&["a", "é"]));
        assert_eq!(looped(r#"{"b":1,"a":2}"#), words(&["b", "a"]));
        assert_eq!(looped(r#"["x",null,[1]]"#), words(&["x", "None", "[1]"]));
        for json in ["null", "true", "1"] {
            assert_eq!(looped(json), None);
        }
    }
}
