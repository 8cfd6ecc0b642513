//! What an undelimited value is, and what a delimited one is under `coerce` (rule `values`).

use alloc::string::String;

use crate::event::Repair;
use crate::json::{is_number, reformat, write_escaped};
use crate::schema::Types;
use crate::token::{trim_end, trim_start};

/// What an undelimited text means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scalar {
    /// The spelling is JSON.
    Json,
    /// A string, with the repair to note if there is one.
    Text(Option<Repair>),
    /// A number once it is written as JSON does: see [`write_number`].
    Number,
    /// One of Python's words, and the JSON for it.
    Word(&'static str),
}

/// `true`, `false`, `null` or a JSON number.
pub(super) fn is_json_scalar(text: &str) -> bool {
    matches!(text, "true" | "false" | "null") || is_number(text)
}

fn python_word(text: &str) -> Option<&'static str> {
    match text {
        "True" => Some("true"),
        "False" => Some("false"),
        _ if ["null", "none", "nil"].iter().any(|word| text.eq_ignore_ascii_case(word)) => Some("null"),
        _ => None,
    }
}

/// What `text` (without outer blanks) is; `None` where the canonical grammar has no such value.
pub(super) fn classify(text: &str, types: Types, lenient: bool) -> Option<Scalar> {
    let json = is_json_scalar(text);
    if types.only_strings() {
        return (json || lenient).then_some(Scalar::Text(None));
    }
    if json {
        return Some(Scalar::Json);
    }
    if !lenient {
        return None;
    }
    if types.allows_number() && !types.allows_string() && number_parts(text).is_some() {
        return Some(Scalar::Number);
    }
    Some(python_word(text).map_or(Scalar::Text(Some(Repair::BareString)), Scalar::Word))
}

/// Sign, integer digits, fraction digits and exponent of a number as people write it: `108.`, `.5`, `+5`, `007`.
fn number_parts(text: &str) -> Option<(&str, &str, Option<&str>, &str)> {
    let (sign, rest) = match text.as_bytes().first()? {
        b'-' => ("-", text.get(1..)?),
        b'+' => ("", text.get(1..)?),
        _ => ("", text),
    };
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let (whole, rest) = rest.split_at(digits(rest));
    let (fraction, rest) = match rest.strip_prefix('.') {
        None => (None, rest),
        Some(rest) => {
            let (fraction, rest) = rest.split_at(digits(rest));
            (Some(fraction), rest)
        }
    };
    if whole.is_empty() && fraction.unwrap_or_default().is_empty() {
        return None;
    }
    if let Some(exponent) = rest.strip_prefix(['e', 'E']) {
        let power = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        if power.is_empty() || digits(power) != power.len() {
            return None;
        }
    } else if !rest.is_empty() {
        return None;
    }
    Some((sign, whole, fraction, rest))
}

/// Writes a number that [`classify`] found, in JSON's spelling.
pub(super) fn write_number(text: &str, out: &mut String) {
    let Some((sign, whole, fraction, exponent)) = number_parts(text) else { return };
    let whole = whole.trim_start_matches('0');
    out.push_str(sign);
    out.push_str(if whole.is_empty() { "0" } else { whole });
    if let Some(fraction) = fraction {
        out.push('.');
        out.push_str(if fraction.is_empty() { "0" } else { fraction });
    }
    out.push_str(exponent);
}

/// Writes a string.
pub(super) fn write_string(text: &str, out: &mut String) {
    out.push('"');
    write_escaped(text, out);
    out.push('"');
}

/// Writes the delimited string `text` as the schema's types ask for; as a string where it cannot be read so.
pub(super) fn write_coerced(text: &str, types: Types, lenient: bool, spaced: bool, depth: usize, out: &mut String) {
    if types.allows_string() || !coerce(trim_end(trim_start(text)), types, lenient, spaced, depth, out) {
        write_string(text, out);
    }
}

fn coerce(text: &str, types: Types, lenient: bool, spaced: bool, depth: usize, out: &mut String) -> bool {
    let word = match text {
        "true" | "false" | "null" => Some(text),
        _ if lenient => python_word(text),
        _ => None,
    };
    if let Some(word) = word {
        let allowed = if word == "null" { Types::NULL } else { Types::BOOLEAN };
        if types.allows(allowed) {
            out.push_str(word);
            return true;
        }
        return false;
    }
    if types.allows_number() && (is_number(text) || (lenient && number_parts(text).is_some())) {
        if types.integer_only() && !is_integral(text) {
            return false;
        }
        if is_number(text) {
            out.push_str(text);
        } else {
            write_number(text, out);
        }
        return true;
    }
    let container = match text.as_bytes().first() {
        Some(b'{') => types.allows(Types::OBJECT),
        Some(b'[') => types.allows(Types::ARRAY),
        _ => false,
    };
    container && reformat(text, spaced, depth, out)
}

/// `20` and `20.0`, not `20.5`; with an exponent only where it plainly is one (`2e3`).
fn is_integral(text: &str) -> bool {
    number_parts(text).is_some_and(|(_, _, fraction, exponent)| {
        fraction.unwrap_or_default().bytes().all(|digit| digit == b'0') && !exponent.contains('-')
    })
}
