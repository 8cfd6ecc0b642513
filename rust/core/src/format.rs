//! Arguments as the chat template prints them: the language that the model has learnt to write.

use alloc::string::String;
use alloc::vec::Vec;

use crate::json::Value;
use crate::token::ControlToken;

/// What Google's chat template prints between the braces of a call with these arguments.
///
/// `null`, `true` and `false` are bare, numbers keep their spelling, strings stand raw between two delimiters,
/// `{k:v,…}` has bare keys in the order of their lower-cased text at every level (equal ones as given), arrays are
/// `[v,…]`. There are no blanks and no escapes: what the language cannot carry (a delimiter in a string, a `:` in
/// a key) is printed all the same, as the template does.
pub fn format_arguments(arguments: &[(String, Value)]) -> String {
    let mut out = String::new();
    let mut open = Vec::new();
    open.push(Level::pairs(arguments));
    while let Some(level) = open.last_mut() {
        let Some((key, value)) = level.next() else {
            // The outermost level is what stands between the braces: it has none of its own.
            let bracket = level.close();
            open.pop();
            if !open.is_empty() {
                out.push(bracket);
            }
            continue;
        };
        if level.started {
            out.push(',');
        }
        level.started = true;
        if let Some(key) = key {
            out.push_str(key);
            out.push(':');
        }
        match value {
            Value::Null => out.push_str("null"),
            Value::Bool(true) => out.push_str("true"),
            Value::Bool(false) => out.push_str("false"),
            Value::Number(spelling) => out.push_str(spelling),
            Value::String(text) => {
                out.push_str(ControlToken::Delimiter.literal());
                out.push_str(text);
                out.push_str(ControlToken::Delimiter.literal());
            }
            Value::Array(items) => {
                out.push('[');
                open.push(Level::items(items));
            }
            Value::Object(pairs) => {
                out.push('{');
                open.push(Level::pairs(pairs));
            }
        }
    }
    out
}

/// An array or object that is being printed.
struct Level<'a> {
    started: bool,
    rest: Rest<'a>,
}

enum Rest<'a> {
    Items(core::slice::Iter<'a, Value>),
    Pairs(alloc::vec::IntoIter<(String, &'a (String, Value))>),
}

impl<'a> Level<'a> {
    fn items(items: &'a [Value]) -> Self {
        Self { started: false, rest: Rest::Items(items.iter()) }
    }

    /// The pairs in the order of Jinja's `dictsort`.
    fn pairs(pairs: &'a [(String, Value)]) -> Self {
        let mut sorted: Vec<_> = pairs.iter().map(|pair| (pair.0.to_lowercase(), pair)).collect();
        sorted.sort_by(|(left, _), (right, _)| left.cmp(right));
        Self { started: false, rest: Rest::Pairs(sorted.into_iter()) }
    }

    fn next(&mut self) -> Option<(Option<&'a str>, &'a Value)> {
        match &mut self.rest {
            Rest::Items(items) => items.next().map(|value| (None, value)),
            Rest::Pairs(pairs) => pairs.next().map(|(_, (key, value))| (Some(key.as_str()), value)),
        }
    }

    const fn close(&self) -> char {
        match self.rest {
            Rest::Items(_) => ']',
            Rest::Pairs(_) => '}',
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
        let pair = |key: &str, number: &str| (key.to_string(), Value::Number(number.to_string()));
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
        let text = format_arguments(&[("a".to_string(), value)]);
        assert_eq!(text.len(), 2 + 2 * 501);
    }
}
