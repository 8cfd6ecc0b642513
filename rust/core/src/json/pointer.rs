//! JSON pointers (RFC 6901), for `$ref`.

use alloc::borrow::Cow;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use core::cmp::Ordering;

use super::Value;

type Pair<'a> = (Cow<'a, str>, Value<'a>);

/// Objects with fewer pairs are searched from the end.
const SMALL: usize = 16;

/// Follows pointers; the objects that it goes through are indexed once.
#[derive(Default)]
pub(crate) struct Pointers<'a> {
    /// Objects sorted by key, by the address of their first pair.
    indexes: BTreeMap<*const Pair<'a>, Vec<(&'a str, &'a Value<'a>)>>,
}

impl<'a> Pointers<'a> {
    /// What a `$ref` leads to: `#` and a pointer into `root`, percent-encoded. Of equal keys the last one counts.
    pub(crate) fn find(&mut self, root: &'a Value<'a>, reference: &str) -> Option<&'a Value<'a>> {
        let pointer = percent_decoded(reference.strip_prefix('#')?)?;
        let mut at = root;
        if pointer.is_empty() {
            return Some(at);
        }
        for token in pointer.strip_prefix('/')?.split('/') {
            let token = if token.contains('~') {
                Cow::Owned(token.replace("~1", "/").replace("~0", "~"))
            } else {
                Cow::Borrowed(token)
            };
            at = match at {
                Value::Array(items) => items.get(array_index(&token)?)?,
                Value::Object(pairs) => self.field(pairs, &token)?,
                _ => return None,
            };
        }
        Some(at)
    }

    fn field(&mut self, pairs: &'a [Pair<'a>], key: &str) -> Option<&'a Value<'a>> {
        if pairs.len() < SMALL {
            return pairs.iter().rev().find(|(known, _)| known == key).map(|(_, value)| value);
        }
        let index = self.indexes.entry(pairs.as_ptr()).or_insert_with(|| sorted_fields(pairs));
        let after = index.partition_point(|(known, _)| *known <= key);
        let (known, value) = index.get(after.checked_sub(1)?)?;
        (*known == key).then_some(*value)
    }
}

/// The fields sorted by key; equal keys stay in their order.
pub(crate) fn sorted_fields<'a>(pairs: &'a [Pair<'a>]) -> Vec<(&'a str, &'a Value<'a>)> {
    let mut fields: Vec<_> = pairs.iter().map(|(key, value)| (&**key, value)).collect();
    sort_fields(&mut fields, str::cmp);
    fields
}

/// Sorts fields by their keys, whatever the order is: the machine code is the same for all.
#[inline(never)]
pub(crate) fn sort_fields(fields: &mut [(&str, &Value<'_>)], compare: fn(&str, &str) -> Ordering) {
    fields.sort_by(|(one, _), (other, _)| compare(one, other));
}

/// An index in a JSON pointer: ASCII digits without leading zeros.
fn array_index(token: &str) -> Option<usize> {
    let canonical = token == "0" || !token.starts_with(['0', '+']);
    token.parse().ok().filter(|_| canonical)
}

/// `None` where the bytes are no UTF-8. A `%` without two hexadecimal digits stands for itself.
fn percent_decoded(text: &str) -> Option<Cow<'_, str>> {
    const fn hex(digit: u8) -> Option<u8> {
        match digit {
            b'0'..=b'9' => Some(digit - b'0'),
            b'a'..=b'f' => Some(digit - b'a' + 10),
            b'A'..=b'F' => Some(digit - b'A' + 10),
            _ => None,
        }
    }
    if !text.contains('%') {
        return Some(Cow::Borrowed(text));
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let decoded = match rest {
            [b'%', high, low, after @ ..] => hex(*high).zip(hex(*low)).map(|(high, low)| (high << 4 | low, after)),
            _ => None,
        };
        let (byte, after) = decoded.unwrap_or((*first, tail));
        bytes.push(byte);
        rest = after;
    }
    String::from_utf8(bytes).ok().map(Cow::Owned)
}
