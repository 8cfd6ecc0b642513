//! Arguments as the chat template prints them: the language that the model has learnt to write.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::{self, Vec};
use core::slice;

use crate::json::Value;
use crate::json::pointer::sort_fields;
use crate::order;
use crate::prompt::writer::Writer;

/// What Google's chat template prints between the braces of a call with these arguments.
///
/// `null`, `true` and `false` are bare, numbers keep their spelling, strings stand raw between two delimiters,
/// `{k:v,…}` has bare keys in the order of their lower-cased text at every level (equal ones as given), arrays are
/// `[v,…]`. There are no blanks and no escapes: what the language cannot carry (a delimiter in a string, a `:` in
/// a key) is printed all the same, as the template does.
pub fn format_arguments(arguments: &[(Cow<'_, str>, Value<'_>)]) -> String {
    let mut out = Writer::default();
    write_pairs(arguments, Keys::Bare, &mut out);
    out.into_text()
}

/// How the keys of objects are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keys {
    /// As they are: in calls and results.
    Bare,
    /// As strings: where the template prints a part of a schema as a value.
    Quoted,
}

/// Prints what stands between the braces of an object.
pub(crate) fn write_pairs(pairs: &[(Cow<'_, str>, Value<'_>)], keys: Keys, out: &mut Writer) {
    write_levels(
        Vec::from([Level { started: false, close: "", rest: Rest::Pairs(sorted(pairs).into_iter()) }]),
        keys,
        out,
    );
}

/// Prints a value.
pub(crate) fn write_value(value: &Value<'_>, keys: Keys, out: &mut Writer) {
    let mut open = Vec::new();
    open.extend(write_or_open(value, out));
    write_levels(open, keys, out);
}

fn write_levels(mut open: Vec<Level<'_>>, keys: Keys, out: &mut Writer) {
    while let Some(level) = open.last_mut() {
        let Some((key, value)) = level.next() else {
            out.text(level.close);
            open.pop();
            continue;
        };
        if level.started {
            out.text(",");
        }
        level.started = true;
        match key {
            Some(key) if keys == Keys::Bare => out.text(key),
            Some(key) => out.quoted(key),
            None => {}
        }
        if key.is_some() {
            out.text(":");
        }
        open.extend(write_or_open(value, out));
    }
}

/// Prints a scalar, or the bracket of an array or object that is to be printed then.
fn write_or_open<'a>(value: &'a Value<'a>, out: &mut Writer) -> Option<Level<'a>> {
    match value {
        Value::Null => out.text("null"),
        Value::Bool(true) => out.text("true"),
        Value::Bool(false) => out.text("false"),
        Value::Number(spelling) => out.text(spelling),
        Value::String(text) => out.quoted(text),
        Value::Array(items) => {
            out.text("[");
            return Some(Level { started: false, close: "]", rest: Rest::Items(items.iter()) });
        }
        Value::Object(pairs) => {
            out.text("{");
            return Some(Level { started: false, close: "}", rest: Rest::Pairs(sorted(pairs).into_iter()) });
        }
    }
    None
}

/// An array or object that is being printed.
struct Level<'a> {
    started: bool,
    close: &'static str,
    rest: Rest<'a>,
}

enum Rest<'a> {
    Items(slice::Iter<'a, Value<'a>>),
    Pairs(vec::IntoIter<(&'a str, &'a Value<'a>)>),
}

impl<'a> Level<'a> {
    fn next(&mut self) -> Option<(Option<&'a str>, &'a Value<'a>)> {
        match &mut self.rest {
            Rest::Items(items) => items.next().map(|value| (None, value)),
            Rest::Pairs(pairs) => pairs.next().map(|(key, value)| (Some(key), value)),
        }
    }
}

/// The pairs in the order of Jinja's `dictsort`: by their lower-cased keys, equal ones as given.
pub(crate) fn sorted<'a>(pairs: &'a [(Cow<'_, str>, Value<'a>)]) -> Vec<(&'a str, &'a Value<'a>)> {
    let mut pairs: Vec<_> = pairs.iter().map(|(key, value)| (&**key, value)).collect();
    sort(&mut pairs);
    pairs
}

fn lower(ascii: &str) -> impl Iterator<Item = u8> {
    ascii.bytes().map(|byte| byte.to_ascii_lowercase())
}

/// Sorts pairs as [`sorted`] does.
pub(crate) fn sort(pairs: &mut [(&str, &Value<'_>)]) {
    if pairs.iter().all(|(key, _)| key.is_ascii()) {
        sort_fields(pairs, |left, right| lower(left).cmp(lower(right)));
    } else {
        let mut lowered: Vec<_> = pairs.iter().map(|pair| (pair.0.to_lowercase(), *pair)).collect();
        order::sort_by(&mut lowered, |(left, _), (right, _)| left.cmp(right));
        for (place, (_, pair)) in pairs.iter_mut().zip(lowered) {
            *place = pair;
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;
    use alloc::vec;

    use super::*;
    use crate::json;

    fn formatted(json: &str) -> String {
        let value = json::parse(json, 1024).unwrap_or_else(|error| panic!("{json}: {error}"));
        format_arguments(value.as_object().unwrap_or_else(|| panic!("{json} is no object")))
    }

    #[test]
    fn nothing() {
        assert_eq!(formatted("{}"), "");
    }

    #[test]
    fn scalars_are_bare_and_numbers_keep_their_spelling() {
        assert_eq!(
            formatted(r#"{"a":null,"b":true,"c":false,"d":-0,"e":1E5,"f":5.0}"#),
            "a:null,b:true,c:false,d:-0,e:1E5,f:5.0"
        );
    }

    #[test]
    fn strings_are_raw() {
        assert_eq!(formatted(r#"{"a":"x\n\"\\}","b":""}"#), "a:<|\"|>x\n\"\\}<|\"|>,b:<|\"|><|\"|>");
    }

    #[test]
    fn keys_are_sorted_without_case_at_every_level() {
        assert_eq!(
            formatted(r#"{"B":1,"a_key":2,"aKey":{"Z":1,"_":2,"0":3,"b":4},"É":5,"z":[]}"#),
            "a_key:2,aKey:{0:3,_:2,b:4,Z:1},B:1,z:[],É:5"
        );
    }

    #[test]
    fn equal_keys_stay_in_order() {
        let pair = |key: &str, number: &str| (key.to_string().into(), Value::Number(number.to_string().into()));
        assert_eq!(
            format_arguments(&[pair("b", "1"), pair("A", "2"), pair("B", "3"), pair("a", "4")]),
            "A:2,a:4,b:1,B:3"
        );
    }

    #[test]
    fn arrays_and_objects_nest() {
        assert_eq!(formatted(r#"{"a":[[],[1,[{"k":"v"}]],{}],"b":{}}"#), "a:[[],[1,[{k:<|\"|>v<|\"|>}]],{}],b:{}");
    }

    #[test]
    fn depth_is_no_problem() {
        let mut value = Value::Array(vec![]);
        for _ in 0..500 {
            value = Value::Array(vec![value]);
        }
        let text = format_arguments(&[("a".into(), value)]);
        assert_eq!(text.len(), 2 + 2 * 501);
    }
}
