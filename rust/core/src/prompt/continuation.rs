//! Continuing the last message: the prompt ends behind what it says already.

use alloc::borrow::Cow;
use alloc::format;
use alloc::vec::Vec;
use core::fmt;

use super::content::has_channel;
use super::jinja::{is_space, is_text, trim, true_item};
use super::parts::part_text;
use super::results::{Sender, calls_of};
use super::writer::{Place, Within, Writer};
use super::{PromptOptions, Tail, official};
use crate::error::RenderError;
use crate::event::named;
use crate::json::Value;

named! {
    /// The fields in which a message can be continued.
    MessageField {
        /// What the message says.
        Content = "content",
        /// What the model thought.
        Reasoning = "reasoning",
        /// The same, under its older name.
        ReasoningContent = "reasoning_content",
    }
}

/// What transformers puts behind the text to find it again in the prompt.
const SENTINEL: &str = "CONTINUE_FINAL_MESSAGE_TAG ";

/// Prints a conversation in the official style as transformers continues it: with a sentinel behind the last text, and
/// up to that.
pub(super) fn write_official(
    messages: &[&Value<'_>],
    tools: &[Value<'_>],
    field: MessageField,
    options: &PromptOptions<'_>,
    out: &mut Writer,
) -> Result<Tail, RenderError> {
    let (place, message) = last(messages)?;
    let fail = |reason| Err(RenderError::new(place, format!("the {field} {reason}")));
    let get = |field: MessageField| message.get(field.as_str()).filter(|value| **value != Value::Null);
    let mut value = get(field);
    if field == MessageField::ReasoningContent {
        // Under its newer name.
        value = value.or_else(|| get(MessageField::Reasoning));
    }
    let Some(value) = value else {
        return Err(RenderError::new(place, format!("the message has no {field} to continue")));
    };
    let (text, tagged) = match value {
        Value::String(text) => (text, with_sentinel(text)),
        Value::Array(parts) => {
            let Some((number, text)) = last_text(parts) else {
                return Err(RenderError::new(place, format!("the {field} has no text part to continue")));
            };
            let Value::String(text) = text else { return fail("to continue must be a string") };
            let mut parts = parts.clone();
            if let Some(Value::Object(pairs)) = parts.get_mut(number) {
                pairs.push((Cow::Borrowed("text"), with_sentinel(text)));
            }
            (text, Value::Array(parts))
        }
        _ => return fail("to continue must be a string"),
    };
    let mut pairs: Vec<_> = message.as_object().unwrap_or_default().into();
    let fields = match field {
        MessageField::Content => &[MessageField::Content][..],
        MessageField::Reasoning | MessageField::ReasoningContent => {
            &[MessageField::Reasoning, MessageField::ReasoningContent]
        }
    };
    // Of equal keys the last one counts.
    for field in fields.iter().filter(|field| get(**field) == Some(value)) {
        pairs.push((Cow::Borrowed(field.as_str()), tagged.clone()));
    }
    let changed = Value::Object(pairs);
    let mut messages: Vec<_> = messages.into();
    messages.pop();
    messages.push(&changed);
    let tail = official::write(&messages, tools, options, out)?;
    let printed = out.as_str();
    let found = printed.rfind(trim(SENTINEL)).filter(|_| printed.contains(trim(text)));
    let Some((before, from)) = found.and_then(|at| printed.split_at_checked(at)) else {
        return fail("to continue is not printed as it is");
    };
    // Where the space of the sentinel was trimmed, blanks in front of it are gone as well.
    let kept = if from.starts_with(SENTINEL) { before } else { before.trim_end_matches(is_space) };
    out.truncate(kept.len());
    Ok(tail)
}

/// The last part that has a text. Parts in which the key cannot be looked for end the search.
fn last_text<'a>(parts: &'a [Value<'a>]) -> Option<(usize, &'a Value<'a>)> {
    for (number, part) in parts.iter().enumerate().rev() {
        match part {
            Value::Object(_) => {
                if let Some(text) = part.get("text") {
                    return Some((number, text));
                }
            }
            Value::String(text) if !text.contains("text") => {}
            Value::Array(items) if !items.iter().any(|item| is_text(Some(item), "text")) => {}
            _ => return None,
        }
    }
    None
}

fn with_sentinel(text: &str) -> Value<'static> {
    Value::String(Cow::Owned(format!("{text}{SENTINEL}")))
}

/// The last message and its place.
fn last<'a>(messages: &[&'a Value<'a>]) -> Result<(Place, &'a Value<'a>), RenderError> {
    let message = messages.last().ok_or_else(|| RenderError::new("messages", "there is no message to continue"))?;
    Ok((Place::Message(messages.len() - 1, Within::Itself), message))
}

/// What the fixed style cannot continue is an error.
pub(super) fn check(messages: &[&Value<'_>], field: MessageField) -> Result<(), RenderError> {
    let (place, message) = last(messages)?;
    let fail = |reason: &'static str| Err(RenderError::new(place, reason));
    if message.as_object().is_none() {
        return fail("a message must be a mapping");
    }
    let of_model = Sender::of(message) == Sender::Model;
    if field == MessageField::Content {
        if !of_model && Sender::of(message) != Sender::Other("user") {
            return fail("only a message of role user or assistant can be continued");
        }
        check_content(message, of_model, place)?;
    } else {
        if !of_model {
            return fail("only a message of role assistant can be continued");
        }
        let is_there = |field: &str| message.get(field).is_some_and(|value| *value != Value::Null);
        if !is_there("reasoning") && !is_there("reasoning_content") {
            return Err(RenderError::new(place, format!("the message has no {field} to continue")));
        }
    }
    let (has_calls, has_results) = (!calls_of(message).is_empty(), true_item(message, "tool_responses").is_some());
    let would_be_lost = match field {
        MessageField::Content => has_calls && !has_results,
        MessageField::Reasoning | MessageField::ReasoningContent => has_calls || has_results,
    };
    if of_model && would_be_lost {
        return fail("the calls behind the text to continue would be lost");
    }
    Ok(())
}

fn check_content(message: &Value<'_>, of_model: bool, place: Place) -> Result<(), RenderError> {
    let text = match message.get("content") {
        None | Some(Value::Null) => return Err(RenderError::new(place, "the message has no content to continue")),
        Some(Value::Array(parts)) => {
            let texts = parts.iter().map(|part| part_text(part, place)).collect::<Result<Vec<_>, _>>()?;
            if texts.iter().all(Option::is_none) {
                return Err(RenderError::new(place, "the content has no text part to continue"));
            }
            let text = texts.last().copied().flatten();
            text.ok_or_else(|| RenderError::new(place, "the last part of the content must be text"))?
        }
        Some(content) => content.as_str().unwrap_or_default(),
    };
    if of_model && has_channel(text) {
        return Err(RenderError::new(place, "the content to continue holds a channel marker"));
    }
    Ok(())
}
