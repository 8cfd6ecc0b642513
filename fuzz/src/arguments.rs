//! `arguments`: argument texts, given alone and within a call.

use gemma4_parser::canonical::{Canonical, Token};
use gemma4_parser::{
    ControlToken, ErrorKind, Finish, Options, Repair, arguments_to_json, format_arguments, json as core_json,
};

use super::common::Record;
use super::common::carried::carried;
use super::common::json::{Json, read, sorted, write};
use super::input::Input;

/// What is accepted is JSON, comes out of a stream too, and comes back from its own printed form; what is not has
/// a place.
pub fn run(data: &[u8]) {
    let mut input = Input(data);
    let spaced = input.byte() & 1 == 1;
    let text = input.text();
    let alone = arguments_to_json(&text, spaced);
    if let Some(json) = directly(&text) {
        assert_eq!(arguments_to_json(&text, false), Ok(json));
    }
    let options = Options { spaced, ..Options::default() };
    let record = Record::of_texts(&["<|tool_call>call:f{", &text, "}<tool_call|>"], Finish::Stop, &options);
    let calls = record.calls();
    match alone {
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::Arguments);
            assert!(text.is_char_boundary(error.offset()), "{error} of {} bytes", text.len());
            // What follows the text may close what it leaves open and decide what a quote in it is, and the call may
            // end before the text does.
            let closed = [
                Repair::SingleQuotes,
                Repair::Backticks,
                Repair::MissingCloseDelimiter,
                Repair::MissingCloseBracket,
                Repair::ExtraBracket,
                Repair::MissingCloseMarker,
            ];
            let control = ControlToken::IN_TEXT.iter().any(|token| text.contains(token.literal()));
            let repaired = calls[0].detail.names().any(|name| closed.iter().any(|repair| repair.as_str() == name));
            let rejected = calls[0].status == "rejected";
            assert!(rejected || control || repaired || calls.len() > 1, "{error}, but: {:?}", record.0);
        }
        Ok(json) => {
            assert_eq!(record.0.len(), 4, "{json}, but: {:?}", record.0);
            assert_eq!(calls[0].arguments, json);
            assert_ne!(calls[0].status, "rejected");
            valid(&json);
            comes_back(&json, spaced);
        }
    }
}

/// The JSON text of what the reader of canonical arguments finds, if it reads all of the text.
fn directly(text: &str) -> Option<String> {
    let mut reader = Canonical::new(text);
    let (mut out, mut open, mut filled) = (String::from("{"), vec!['}'], false);
    loop {
        let token = reader.pull();
        if filled && !matches!(token, Token::Close | Token::End) {
            out.push(',');
        }
        filled = !matches!(token, Token::Key(_) | Token::Object | Token::Array);
        match token {
            Token::Key(key) => out.push_str(&(write(&Json::String(key.into()), false) + ":")),
            Token::String(text) => out.push_str(&write(&Json::String(text.into()), false)),
            // It may have been `-0`.
            Token::Integer(0) | Token::Other => return None,
            Token::Integer(value) => out.push_str(&value.to_string()),
            Token::Number(spelling) | Token::Digits(spelling) => out.push_str(spelling),
            Token::Bool(value) => out.push_str(if value { "true" } else { "false" }),
            Token::Null => out.push_str("null"),
            Token::Object => {
                out.push('{');
                open.push('}');
            }
            Token::Array => {
                out.push('[');
                open.push(']');
            }
            Token::Close => out.push(open.pop()?),
            Token::End => {
                out.push(open.pop()?);
                return open.is_empty().then_some(out);
            }
        }
    }
}

/// One JSON object, for every reader.
fn valid(json: &str) {
    assert!(core_json::parse(json, 1024).is_ok_and(|value| value.as_object().is_some()), "{json}");
    if let Err(error) = serde_json::from_str::<serde_json::Value>(json) {
        // These are limits of the reader, not of JSON.
        let message = error.to_string();
        assert!(["number out of range", "recursion limit"].iter().any(|limit| message.starts_with(limit)), "{message}");
    }
}

/// Printed as the template prints it and read again, if the format can carry it.
fn comes_back(json: &str, spaced: bool) {
    let value = read(json);
    assert!(matches!(value, Some(Json::Object(_))), "{json}");
    let value = value.map(sorted).filter(carried);
    let parsed = core_json::parse(json, 1024);
    if let (Some(value), Ok(parsed)) = (value, parsed) {
        let printed = format_arguments(parsed.as_object().unwrap_or_default());
        assert_eq!(arguments_to_json(&printed, spaced), Ok(write(&value, spaced)), "{printed}");
    }
}
