//! What the fixed style takes besides: text parts of all kinds, reasoning in parts, arguments as JSON text.

use alloc::borrow::Cow;
use alloc::vec::Vec;

use super::content::{placeholder, write_placeholder};
use super::jinja::{is_text, truthy};
use super::writer::{Place, Writer};
use crate::error::RenderError;
use crate::json::{self, Value};
use crate::token::{ControlToken, is_blank};

/// Arguments may be nested as deep as the parser accepts them.
const MAX_DEPTH: usize = 256;

static NO_ARGUMENTS: Value<'static> = Value::Object(Vec::new());

/// The keys that content parts have.
const PART_KEYS: [&str; 32] = [
    "type",
    "text",
    "image",
    "image_url",
    "audio",
    "audio_url",
    "input_audio",
    "video",
    "video_url",
    "file",
    "file_id",
    "file_data",
    "file_url",
    "filename",
    "refusal",
    "url",
    "uri",
    "data",
    "source",
    "path",
    "base64",
    "format",
    "detail",
    "mime_type",
    "media_type",
    "mimeType",
    "transcript",
    "annotations",
    "citations",
    "cache_control",
    "id",
    "index",
];

fn is_text_type(kind: &str) -> bool {
    matches!(kind, "text" | "input_text" | "output_text")
}

/// Whether the list of a tool message is one of content parts; any other is a value.
pub(super) fn is_parts(items: &[Value<'_>]) -> bool {
    let is_part_type = |kind: &str| {
        is_text_type(kind)
            || placeholder(kind).is_some()
            || matches!(kind, "input_image" | "video_url" | "file" | "input_file" | "refusal")
    };
    let mut of_part_types = (items.iter())
        .filter(|item| item.get("type").and_then(Value::as_str).is_some_and(is_part_type))
        .filter_map(Value::as_object)
        .peekable();
    items.is_empty()
        || of_part_types.peek().is_some()
            && of_part_types.all(|pairs| pairs.iter().all(|(key, _)| PART_KEYS.contains(&&**key)))
}

/// The text of a text part; none for any other part (the repair `text-parts`).
pub(super) fn part_text<'a>(part: &'a Value<'a>, place: Place) -> Result<Option<&'a str>, RenderError> {
    if let Value::String(text) = part {
        return Ok(Some(text));
    }
    if part.as_object().is_none() {
        return Err(RenderError::new(place, "a content part must be a mapping or a string"));
    }
    let text = part.get("text").filter(|text| **text != Value::Null);
    let of_text_type = match part.get("type") {
        None | Some(Value::Null) => text.is_some(),
        Some(kind) => kind.as_str().is_some_and(is_text_type),
    };
    match text {
        _ if !of_text_type => Ok(None),
        None => Ok(Some("")),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(RenderError::new(place, "the text of a content part must be a string")),
    }
}

/// Prints what stands for a content part that is no text, or warns that it is left out; whether it printed something.
pub(super) fn write_media(part: &Value<'_>, place: Place, out: &mut Writer) -> bool {
    if is_text(part.get("type"), "input_image") {
        out.control(ControlToken::Image);
        return true;
    }
    write_placeholder(part, place, out)
}

/// The text of a reasoning: a text, or a list of texts and of parts with a text (the repair `reasoning-parts`). Empty
/// where there is none, `None` for anything else.
pub(super) fn joined_texts<'a>(value: Option<&'a Value<'a>>) -> Option<Cow<'a, str>> {
    match value.filter(|value| truthy(value)) {
        None => Some(Cow::Borrowed("")),
        Some(Value::String(text)) => Some(Cow::Borrowed(text)),
        Some(Value::Array(items)) => {
            let texts = items.iter().map(|item| item.get("text").unwrap_or(item).as_str());
            texts.collect::<Option<Vec<_>>>().map(|texts| Cow::Owned(texts.join("\n")))
        }
        Some(_) => None,
    }
}

/// The arguments of a call (the repair `string-arguments`); `None` where they are neither an object nor the text of one.
pub(super) fn arguments<'a>(value: Option<&'a Value<'a>>) -> Option<Cow<'a, Value<'a>>> {
    let value = match value {
        Some(Value::String(text)) if text.bytes().all(is_blank) => Cow::Borrowed(&Value::Null),
        Some(Value::String(text)) => Cow::Owned(json::parse(text, MAX_DEPTH).ok()?),
        _ => Cow::Borrowed(value.unwrap_or(&Value::Null)),
    };
    match *value {
        Value::Null => Some(Cow::Borrowed(&NO_ARGUMENTS)),
        Value::Object(_) => Some(value),
        _ => None,
    }
}
