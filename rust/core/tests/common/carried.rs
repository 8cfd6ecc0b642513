//! What the text form of the format can carry (invariant 11).

use gemma4_parser::ControlToken;

use super::json::Json;

/// Whether all keys and strings of a value are carried.
pub fn carried(value: &Json) -> bool {
    match value {
        Json::Word(_) | Json::Number(_) => true,
        Json::String(data) => string_carried(data),
        Json::Array(items) => items.iter().all(carried),
        Json::Object(pairs) => pairs.iter().all(|(key, value)| key_carried(key) && carried(value)),
    }
}

/// It does not spell the delimiter, and no marker in it is directly followed by an opener or an end marker.
pub fn string_carried(data: &str) -> bool {
    if data.contains(ControlToken::Delimiter.literal()) {
        return false;
    }
    let markers = ["<tool_call|>", "<turn|>", "<|tool_response>", "<|turn>"];
    markers.iter().all(|marker| {
        data.match_indices(marker).all(|(at, _)| {
            let rest = data[at + marker.len()..].trim_start_matches([' ', '\t', '\r', '\n']);
            !["<|tool_call>", "<turn|>", "<|tool_response>", "<|turn>"].iter().any(|next| rest.starts_with(next))
        })
    })
}

/// A bare key by rule `key` that spells no control literal.
fn key_carried(key: &str) -> bool {
    let blank = |character| " \t\r\n".contains(character);
    !key.is_empty()
        && !key.starts_with(blank)
        && !key.ends_with(blank)
        && !key.contains(|character| character < ' ' || ":=,{}[]\"'`".contains(character))
        && !ControlToken::IN_TEXT.iter().any(|token| key.contains(token.literal()))
}
