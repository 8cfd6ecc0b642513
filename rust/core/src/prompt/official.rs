//! The official style: what Google's chat template of 2026-07-09 prints, and where it fails.
//!
//! The statements of the template follow one another here in its own order. Where it fails, for whatever reason, there
//! is a [`RenderError`].

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;

use super::content::{left_out, trimmed, write_placeholder, write_result, write_thought};
use super::jinja::{Element, Elements, Identity, is_text, shown, trim, true_item};
use super::writer::{Place, Topic, Within, Writer};
use super::{PromptOptions, Tail, official_tools, write_system_turn};
use crate::error::RenderError;
use crate::format::{Keys, write_pairs};
use crate::json::Value;
use crate::model::Model;
use crate::order;
use crate::token::ControlToken as C;

/// Prints the conversation and says what a generation prompt would follow.
pub(super) fn write(
    messages: &[&Value<'_>],
    tools: &[Value<'_>],
    options: &PromptOptions<'_>,
    out: &mut Writer,
) -> Result<Tail, RenderError> {
    let write_text = |message: &Value<'_>, out: &mut Writer| {
        write_system(message, out);
        Ok(())
    };
    let first = write_system_turn(messages, tools, options, out, write_text, official_tools::write)?;
    let mut conversation = Conversation::new(messages, options);
    for number in first..messages.len() {
        conversation.write_message(number, out)?;
    }
    Ok(conversation.tail)
}

/// The text of the first message. Every part is printed as a text with a space behind it.
fn write_system(message: &Value<'_>, out: &mut Writer) {
    let place = Place::Message(0, Within::Itself);
    out.at(place);
    if let Some(Value::String(text)) = message.get("content") {
        return out.text(trim(text));
    }
    for element in message.get("content").and_then(Elements::of).into_iter().flatten() {
        let part = if let Element::Item(part) = element { part } else { &Value::Null };
        let text = part.get("text");
        out.text(trim(&shown(text)));
        out.text(" ");
        if text.is_none() {
            left_out(part, place, out);
        }
    }
}

/// What follows a message, tool messages aside.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    Nothing,
    Assistant,
    Other,
}

struct Conversation<'a> {
    messages: &'a [&'a Value<'a>],
    options: &'a PromptOptions<'a>,
    last_user: Option<usize>,
    next: Vec<Next>,
    /// The role of the last message that is no tool message; for `Diffusion` of the last message.
    previous_is_assistant: bool,
    /// Up to here, tool messages have been printed with their calls.
    answered: usize,
    tail: Tail,
}

impl<'a> Conversation<'a> {
    fn new(messages: &'a [&'a Value<'a>], options: &'a PromptOptions<'a>) -> Self {
        let mut follows = Next::Nothing;
        let mut next: Vec<_> = (messages.iter().rev())
            .map(|message| {
                let next = follows;
                follows = match message.get("role").and_then(Value::as_str) {
                    Some("tool") => follows,
                    Some("assistant") => Next::Assistant,
                    _ => Next::Other,
                };
                next
            })
            .collect();
        next.reverse();
        let last_user = messages.iter().rposition(|message| is_text(message.get("role"), "user"));
        Self { messages, options, last_user, next, previous_is_assistant: false, answered: 0, tail: Tail::Closed }
    }

    fn write_message(&mut self, number: usize, out: &mut Writer) -> Result<(), RenderError> {
        let Some(message) = self.messages.get(number).copied() else { return Ok(()) };
        let place = Place::Message(number, Within::Itself);
        if is_text(message.get("role"), "tool") {
            if number >= self.answered {
                out.warn(place, Topic::NoCall, "the result answers no call and is left out");
            }
            if self.options.model == Model::Diffusion {
                self.previous_is_assistant = false;
            }
            return Ok(());
        }
        let Some(role) = message.get("role").and_then(Value::as_str) else {
            return Err(RenderError::new(place, "the role must be a string"));
        };
        let is_assistant = role == "assistant";
        let of_model = is_assistant || role == "model";
        out.at(place);
        if !(of_model && self.previous_is_assistant) {
            out.control(C::TurnOpen);
            out.text(if is_assistant { "model" } else { role });
            out.text("\n");
        }
        let calls = true_item(message, "tool_calls");
        self.write_thought(message, number, out)?;
        if let Some(calls) = calls {
            write_calls(calls, number, out)?;
        }
        let has_results = match (true_item(message, "tool_responses"), calls) {
            (Some(responses), _) => {
                write_responses(responses, number, out)?;
                if calls.is_some() {
                    self.leave_out_results(number, out);
                }
                true
            }
            (None, Some(calls)) => self.write_results(calls, number, out)?,
            (None, None) => false,
        };
        out.at(place);
        let start = out.len();
        write_content(message, of_model, place, out)?;
        let has_content = !trim(out.as_str().get(start..).unwrap_or_default()).is_empty();
        let next = self.next.get(number).copied().unwrap_or(Next::Nothing);
        self.tail = match (has_results, calls) {
            (true, _) => Tail::Results,
            (false, Some(_)) => Tail::Pending,
            (false, None) => Tail::Closed,
        };
        let goes_on = match next {
            Next::Nothing => has_results && !has_content,
            Next::Assistant => of_model,
            Next::Other => false,
        };
        if self.tail == Tail::Pending {
            out.control(C::ResponseOpen);
        } else if !goes_on {
            out.control(C::TurnClose);
            out.text("\n");
        }
        self.previous_is_assistant = is_assistant;
        Ok(())
    }

    fn write_thought(&self, message: &Value<'_>, number: usize, out: &mut Writer) -> Result<(), RenderError> {
        let thought = true_item(message, "reasoning").or_else(|| true_item(message, "reasoning_content"));
        let is_open = self.last_user.is_none_or(|last| number > last)
            || self.options.preserve_thinking && true_item(message, "tool_calls").is_some();
        let Some(thought) = thought.filter(|_| is_open) else { return Ok(()) };
        let Some(thought) = thought.as_str() else {
            let place = Place::Message(number, Within::Itself);
            return Err(RenderError::new(place, "the reasoning must be a string"));
        };
        write_thought(thought, out);
        Ok(())
    }

    /// The results of the tool messages behind a message with calls; whether there are any.
    fn write_results(&mut self, calls: &Value<'_>, number: usize, out: &mut Writer) -> Result<bool, RenderError> {
        let mut names = None;
        for (number, message) in self.results_behind(number) {
            // Of the calls with the same id the last one counts, and no id is an id too.
            let names = names.get_or_insert_with(|| {
                let calls = calls.as_array().unwrap_or_default().iter();
                let mut names: Vec<_> = calls.map(|call| (Identity::of(call.get("id")), call_name(call))).collect();
                order::sort_by(&mut names, |(one, _), (other, _)| one.cmp(other));
                names
            });
            let place = Place::Message(number, Within::Itself);
            out.at(place);
            let id = Identity::of(message.get("tool_call_id"));
            let known = names.get(..names.partition_point(|(known, _)| *known <= id)).and_then(<[_]>::last);
            let known = known.filter(|(known, _)| *known == id).and_then(|(_, name)| *name);
            let name = known.or_else(|| true_item(message, "name").map_or(Some("unknown"), Value::as_str));
            write_tool_message(name, message.get("content").unwrap_or(&Value::Null), place, out)?;
            self.answered = number + 1;
        }
        Ok(names.is_some())
    }

    /// The tool messages directly behind a message, with their numbers.
    fn results_behind(&self, number: usize) -> impl Iterator<Item = (usize, &'a Value<'a>)> + use<'a> {
        let behind = self.messages.iter().copied().enumerate().skip(number + 1);
        behind.take_while(|(_, message)| is_text(message.get("role"), "tool"))
    }

    fn leave_out_results(&mut self, number: usize, out: &mut Writer) {
        for (result, _) in self.results_behind(number) {
            let text = format_args!("the result is left out, since messages[{number}] has tool_responses");
            out.warn(Place::Message(result, Within::Itself), Topic::HasResponses, text);
            self.answered = result + 1;
        }
    }
}

fn call_name<'a>(call: &'a Value<'a>) -> Option<&'a str> {
    call.get("function")?.get("name")?.as_str()
}

fn write_calls(calls: &Value<'_>, number: usize, out: &mut Writer) -> Result<(), RenderError> {
    let place = Place::Message(number, Within::Itself);
    let calls = Elements::of(calls).ok_or_else(|| RenderError::new(place, "tool_calls must be a list"))?;
    for (call, element) in calls.enumerate() {
        let place = Place::Message(number, Within::Call(call));
        let call = if let Element::Item(call) = element { call } else { &Value::Null };
        let Some(name) = call_name(call) else {
            return Err(RenderError::new(place, "the call has no function with a name"));
        };
        out.at(place);
        out.control(C::CallOpen);
        out.text("call:");
        out.text(name);
        out.text("{");
        match call.get("function").and_then(|function| function.get("arguments")) {
            Some(Value::Object(pairs)) => write_pairs(pairs, Keys::Bare, out),
            Some(Value::Null) => {}
            _ => return Err(RenderError::new(place, "the arguments must be a mapping")),
        }
        out.text("}");
        out.control(C::CallClose);
    }
    Ok(())
}

fn write_responses(responses: &Value<'_>, number: usize, out: &mut Writer) -> Result<(), RenderError> {
    let place = Place::Message(number, Within::Itself);
    let responses = Elements::of(responses).ok_or_else(|| RenderError::new(place, "tool_responses must be a list"))?;
    for (response, element) in responses.enumerate() {
        let place = Place::Message(number, Within::Response(response));
        let response = if let Element::Item(response) = element { response } else { &Value::Null };
        let name = match true_item(response, "name") {
            None => "unknown",
            Some(name) => name.as_str().ok_or_else(|| RenderError::new(place, "the name must be a string"))?,
        };
        out.at(place);
        // What is not there is an empty list for the template.
        write_result(name, response.get("response").unwrap_or(&Value::Array(Vec::new())), out);
    }
    Ok(())
}

/// Prints the result that a tool message is; a name that is no text fails only then.
fn write_tool_message(
    name: Option<&str>,
    content: &Value<'_>,
    place: Place,
    out: &mut Writer,
) -> Result<(), RenderError> {
    let name = || name.ok_or_else(|| RenderError::new(place, "the name must be a string"));
    let parts = match content {
        Value::Array(parts) => parts,
        // An object is a sequence for the template, of its keys.
        Value::Object(pairs) if pairs.is_empty() => &Vec::new(),
        Value::Object(_) => return Err(not_a_part(place)),
        _ => {
            write_result(name()?, content, out);
            return Ok(());
        }
    };
    let mut text = String::new();
    for part in parts {
        if part.as_object().is_none() {
            return Err(not_a_part(place));
        }
        if is_text(part.get("type"), "text") {
            text.push_str(part.get("text").and_then(Value::as_str).ok_or_else(|| no_text(place))?);
        }
    }
    write_result(name()?, &Value::String(Cow::Owned(text)), out);
    for part in parts.iter().filter(|part| !is_text(part.get("type"), "text")) {
        write_placeholder(part, place, out);
    }
    Ok(())
}

fn write_content(message: &Value<'_>, of_model: bool, place: Place, out: &mut Writer) -> Result<(), RenderError> {
    match message.get("content") {
        Some(Value::String(text)) => {
            let text = trimmed(text, of_model, place, out);
            out.text(&text);
        }
        Some(Value::Object(pairs)) if !pairs.is_empty() => return Err(not_a_part(place)),
        Some(Value::Array(parts)) => {
            for part in parts {
                if part.as_object().is_none() {
                    return Err(not_a_part(place));
                }
                if !is_text(part.get("type"), "text") {
                    write_placeholder(part, place, out);
                } else if of_model {
                    let text = part.get("text").and_then(Value::as_str).ok_or_else(|| no_text(place))?;
                    let text = trimmed(text, true, place, out);
                    out.text(&text);
                } else {
                    out.text(trim(&shown(part.get("text"))));
                }
            }
        }
        _ => {}
    }
    Ok(())
}

fn not_a_part(place: Place) -> RenderError {
    RenderError::new(place, "a content part must be a mapping")
}

fn no_text(place: Place) -> RenderError {
    RenderError::new(place, "the text of a content part must be a string")
}
