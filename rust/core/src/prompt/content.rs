//! The content of messages, as far as both styles read it alike.

use alloc::borrow::Cow;
use alloc::string::String;

use super::jinja::trim;
use super::writer::{Place, Topic, Writer};
use crate::format::{Keys, write_pairs, write_value};
use crate::json::Value;
use crate::token::ControlToken;

const OPEN: &str = ControlToken::ChannelOpen.literal();
const CLOSE: &str = ControlToken::ChannelClose.literal();

/// A model's text without its thoughts, trimmed; and whether one of them is not closed.
pub(super) fn without_thoughts(text: &str) -> (Cow<'_, str>, bool) {
    if !text.contains(OPEN) && !text.contains(CLOSE) {
        return (Cow::Borrowed(trim(text)), false);
    }
    let mut kept = String::new();
    let mut unclosed = false;
    for piece in text.split(CLOSE) {
        let head = piece.split_once(OPEN).map(|(head, _)| head);
        unclosed = head.is_some();
        kept.push_str(head.unwrap_or(piece));
    }
    (Cow::Owned(trim(&kept).into()), unclosed)
}

/// Prints a thought in its channel.
pub(super) fn write_thought(text: &str, out: &mut Writer) {
    out.control(ControlToken::ChannelOpen);
    out.text("thought\n");
    out.text(text);
    out.text("\n");
    out.control(ControlToken::ChannelClose);
}

/// Whether a channel opens or closes in the text.
pub(super) fn has_channel(text: &str) -> bool {
    text.contains(OPEN) || text.contains(CLOSE)
}

/// Whether a thought opens and is closed in the text.
pub(super) fn has_closed_thought(text: &str) -> bool {
    text.split_once(OPEN).is_some_and(|(_, rest)| rest.contains(CLOSE))
}

/// A text of a message as it is printed: trimmed, a model's without its thoughts.
pub(super) fn trimmed<'a>(text: &'a str, of_model: bool, place: Place, out: &mut Writer) -> Cow<'a, str> {
    if !of_model {
        return Cow::Borrowed(trim(text));
    }
    let (text, unclosed) = without_thoughts(text);
    if unclosed {
        out.warn(place, Topic::Unclosed, "an unclosed thought in the content is left out");
    }
    text
}

/// What stands for a content part of that type.
pub(super) fn placeholder(kind: &str) -> Option<ControlToken> {
    match kind {
        "image" | "image_url" => Some(ControlToken::Image),
        "audio" | "input_audio" => Some(ControlToken::Audio),
        "video" => Some(ControlToken::Video),
        _ => None,
    }
}

/// Prints what stands for a content part that is no text, or warns that it is left out; whether it printed something.
pub(super) fn write_placeholder(part: &Value<'_>, place: Place, out: &mut Writer) -> bool {
    let token = part.get("type").and_then(Value::as_str).and_then(placeholder);
    match token {
        Some(token) => out.control(token),
        None => left_out(part, place, out),
    }
    token.is_some()
}

/// Warns of a content part that is left out.
pub(super) fn left_out(part: &Value<'_>, place: Place, out: &mut Writer) {
    match part.get("type").and_then(Value::as_str) {
        Some(kind) => out.warn(place, Topic::Content, format_args!("content of type \"{kind}\" is left out")),
        None => out.warn(place, Topic::Content, "content of no type is left out"),
    }
}

/// The block of one result: the pairs of a mapping, else the value under the key `value`.
pub(super) fn write_result(name: &str, value: &Value<'_>, out: &mut Writer) {
    out.control(ControlToken::ResponseOpen);
    out.text("response:");
    out.text(name);
    out.text("{");
    if let Some(pairs) = value.as_object() {
        write_pairs(pairs, Keys::Bare, out);
    } else {
        out.text("value:");
        write_value(value, Keys::Bare, out);
    }
    out.text("}");
    out.control(ControlToken::ResponseClose);
}
