//! The fixed style: the conversation as clients send it, without the defects of Google's template.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;
use core::{mem, slice};

use super::content::{has_closed_thought, left_out, trimmed, write_result, write_thought};
use super::jinja::{trim, true_item};
use super::parts::{arguments, is_parts, joined_texts, part_text, write_media};
use super::results::{Answer, Plan, Sender, calls_of, function_of};
use super::writer::{Place, Topic, Within, Writer};
use super::{MessageField, PromptOptions, Tail, declaration, write_system_turn};
use crate::error::RenderError;
use crate::format::{Keys, write_value};
use crate::json::Value;
use crate::token::ControlToken as C;

/// Prints the conversation and says what a generation prompt would follow.
pub(super) fn write(
    messages: &[&Value<'_>],
    tools: &[Value<'_>],
    options: &PromptOptions<'_>,
    out: &mut Writer,
) -> Result<Tail, RenderError> {
    let first = write_system_turn(messages, tools, options, out, write_system, declaration::write)?;
    let senders: Vec<_> = messages.iter().map(|message| Sender::of(message)).collect();
    let plan = Plan::new(messages, &senders, out);
    let mut conversation = Conversation::new(&senders, plan, options, out);
    for (number, (message, sender)) in messages.iter().zip(senders).enumerate().skip(first) {
        match sender {
            Sender::Model => conversation.write_model_message(message, number)?,
            Sender::Other(role) => conversation.write_other_message(message, role, number)?,
            Sender::Result => {}
            Sender::Nobody => {
                let is_mapping = message.as_object().is_some();
                let reason = if is_mapping { "the role must be a string" } else { "a message must be a mapping" };
                return Err(RenderError::new(Place::Message(number, Within::Itself), reason));
            }
        }
    }
    Ok(conversation.tail)
}

/// The text of the first message. Every part is printed as a text with a space behind it.
fn write_system(message: &Value<'_>, out: &mut Writer) -> Result<(), RenderError> {
    let place = Place::Message(0, Within::Itself);
    out.at(place);
    out.warn_of_fields(place, message, &["role", "content"]);
    let Some(Value::Array(parts)) = message.get("content") else {
        return write_content(parts_of(message, place)?, place, false, false, out).map(|_| ());
    };
    for part in parts {
        let text = match part.get("text").and_then(Value::as_str) {
            Some(text) => Some(text),
            None => part_text(part, place)?,
        };
        match text {
            Some(_) => out.warn_of_part(place, part),
            None => left_out(part, place, out),
        }
        out.text(trim(text.unwrap_or_default()));
        out.text(" ");
    }
    Ok(())
}

struct Conversation<'a, 'w> {
    options: &'a PromptOptions<'a>,
    plan: Plan<'a>,
    last_user: Option<usize>,
    /// Of each message: who sends the next one that is no result.
    next: Vec<Option<Sender<'a>>>,
    /// The message that is continued.
    continued: Option<usize>,
    /// Whether a turn of the model is open.
    in_turn: bool,
    /// Where the text of the last message ends: what follows there at once would touch it.
    text_end: Option<usize>,
    tail: Tail,
    out: &'w mut Writer,
}

impl<'a, 'w> Conversation<'a, 'w> {
    fn new(senders: &[Sender<'a>], plan: Plan<'a>, options: &'a PromptOptions<'a>, out: &'w mut Writer) -> Self {
        let mut follows = None;
        let mut next: Vec<_> = (senders.iter().rev().copied())
            .map(|sender| if sender == Sender::Result { follows } else { follows.replace(sender) })
            .collect();
        next.reverse();
        Self {
            options,
            plan,
            last_user: senders.iter().rposition(|sender| *sender == Sender::Other("user")),
            next,
            continued: options.continue_final_message.and(senders.len().checked_sub(1)),
            in_turn: false,
            text_end: None,
            tail: Tail::Closed,
            out,
        }
    }

    /// A message that is neither the model's nor a result: a turn of its own.
    fn write_other_message(&mut self, message: &Value<'_>, role: &str, number: usize) -> Result<(), RenderError> {
        let place = Place::Message(number, Within::Itself);
        if !matches!(role, "system" | "developer" | "user") {
            let text = format_args!("the role \"{role}\" is not one that the model knows");
            self.out.warn(place, Topic::Role, text);
        }
        self.out.warn_of_fields(place, message, &["role", "content"]);
        self.tail = Tail::Closed;
        self.out.at(place);
        self.out.control(C::TurnOpen);
        self.out.text(role);
        self.out.text("\n");
        write_content(parts_of(message, place)?, place, false, false, self.out)?;
        if self.continued != Some(number) {
            self.close_turn();
        }
        Ok(())
    }

    fn write_model_message(&mut self, message: &'a Value<'a>, number: usize) -> Result<(), RenderError> {
        let place = Place::Message(number, Within::Itself);
        let has_responses = true_item(message, "tool_responses").is_some();
        self.tail = Tail::Closed;
        self.warn_of_fields(message, place);
        self.out.at(place);
        if !self.in_turn {
            self.out.control(C::TurnOpen);
            self.out.text("model\n");
            self.in_turn = true;
        }
        let is_continued = self.continued == Some(number);
        if is_continued && self.options.continue_final_message != Some(MessageField::Content) {
            let thought = self.reasoning(message, place)?;
            self.out.control(C::ChannelOpen);
            self.out.text("thought\n");
            self.out.text(&thought);
            if true_item(message, "content").is_some() {
                self.out.warn(place, Topic::Field, "the field \"content\" is left out");
            }
            return Ok(());
        }
        let is_current = self.last_user.is_none_or(|last| number > last);
        if is_current || self.options.preserve_thinking && !calls_of(message).is_empty() {
            let thought = self.reasoning(message, place)?;
            if !thought.is_empty() {
                write_thought(&thought, self.out);
            }
        }
        if !has_responses {
            self.write_text(message, place, is_current)?;
        }
        self.write_calls(message, number)?;
        self.write_results(message, number)?;
        if has_responses && self.write_text(message, place, is_current)? {
            self.tail = Tail::Closed;
        }
        let next = self.next.get(number).copied().flatten();
        let is_pending = self.tail == Tail::Pending && next.is_none();
        if is_pending {
            self.out.control(C::ResponseOpen);
            if self.options.add_generation_prompt {
                let text = "the calls have no results yet: there is nothing to generate";
                self.out.warn(place, Topic::Pending, text);
            }
            return Ok(());
        }
        for call in self.plan.unanswered(number) {
            self.out.warn(Place::Message(number, Within::Call(call)), Topic::NoResult, "the call has no result");
        }
        let goes_on = match next {
            None => self.tail == Tail::Results || is_continued,
            Some(sender) => sender == Sender::Model,
        };
        if !goes_on {
            self.close_turn();
        }
        Ok(())
    }

    fn close_turn(&mut self) {
        self.out.control(C::TurnClose);
        self.out.text("\n");
        self.in_turn = false;
    }

    fn warn_of_fields(&mut self, message: &Value<'_>, place: Place) {
        let calls = if true_item(message, "tool_calls").is_some() { "tool_calls" } else { "function_call" };
        let read = ["role", "content", "reasoning", "reasoning_content", "tool_calls", "tool_responses", calls];
        self.out.warn_of_fields(place, message, &read);
    }

    /// The text of a message's reasoning.
    fn reasoning(&mut self, message: &'a Value<'a>, place: Place) -> Result<Cow<'a, str>, RenderError> {
        let newer = joined_texts(message.get("reasoning"));
        let older = joined_texts(message.get("reasoning_content"));
        if newer.as_deref().is_some_and(|text| !text.is_empty()) && older.as_deref() != Some("") && newer != older {
            let text = "the field \"reasoning_content\" is left out for \"reasoning\"";
            self.out.warn(place, Topic::Reasoning, text);
        }
        let text = if newer.as_deref() == Some("") { older } else { newer };
        text.ok_or_else(|| RenderError::new(place, "the reasoning must be a string or a list of texts"))
    }

    /// Prints the content of a message of the model; whether there is any. A thought in it would stay in its own field
    /// where the message `is_current`.
    fn write_text(&mut self, message: &Value<'_>, place: Place, is_current: bool) -> Result<bool, RenderError> {
        let start = self.out.len();
        self.out.at(place);
        let parts = parts_of(message, place)?;
        let ends_with_text = write_content(parts, place, true, self.text_end == Some(start), self.out)?;
        let has_thought = |part| part_text(part, place).ok().flatten().is_some_and(has_closed_thought);
        if is_current && parts.iter().any(has_thought) {
            let text = "a thought in the content is left out; in the field \"reasoning\" it would stay";
            self.out.warn(place, Topic::Thought, text);
        }
        let is_printed = self.out.len() > start;
        if is_printed {
            self.text_end = ends_with_text.then_some(self.out.len());
        }
        Ok(is_printed)
    }

    fn write_calls(&mut self, message: &Value<'_>, number: usize) -> Result<(), RenderError> {
        if true_item(message, "tool_calls").is_some_and(|calls| calls.as_array().is_none()) {
            return Err(RenderError::new(Place::Message(number, Within::Itself), "tool_calls must be a list"));
        }
        for (within, call) in calls_of(message).iter().enumerate() {
            let place = Place::Message(number, Within::Call(within));
            let function = function_of(call);
            let Some(name) = function.get("name").and_then(Value::as_str) else {
                return Err(RenderError::new(place, "the call has no function with a name"));
            };
            let Some(arguments) = arguments(function.get("arguments")) else {
                return Err(RenderError::new(place, "the arguments are no JSON object"));
            };
            self.out.warn_of_wrapped(place, call, function, &["name", "arguments"]);
            self.out.at(place);
            self.out.control(C::CallOpen);
            self.out.text("call:");
            self.out.text(name);
            write_value(&arguments, Keys::Bare, self.out);
            self.out.control(C::CallClose);
            self.tail = Tail::Pending;
        }
        Ok(())
    }

    fn write_results(&mut self, message: &Value<'_>, number: usize) -> Result<(), RenderError> {
        if true_item(message, "tool_responses").is_some_and(|entries| entries.as_array().is_none()) {
            return Err(RenderError::new(Place::Message(number, Within::Itself), "tool_responses must be a list"));
        }
        for answer in self.plan.results(number) {
            self.write_result(&answer)?;
            self.tail = Tail::Results;
        }
        Ok(())
    }

    fn write_result(&mut self, answer: &Answer<'_>) -> Result<(), RenderError> {
        let Answer { value, place, name, .. } = *answer;
        if value.as_object().is_none() {
            return Err(RenderError::new(place, "a tool response must be a mapping"));
        }
        let Some(name) = name.map_or(Some("unknown"), Value::as_str) else {
            return Err(RenderError::new(place, "the name must be a string"));
        };
        self.out.at(place);
        let is_entry = matches!(place, Place::Message(_, Within::Response(_)));
        if is_entry {
            self.out.warn_of_fields(place, value, &["name", "response"]);
            write_result(name, value.get("response").unwrap_or(&Value::Null), self.out);
            return Ok(());
        }
        self.out.warn_of_fields(place, value, &["role", "content", "tool_call_id", "name"]);
        let content = value.get("content").unwrap_or(&Value::Null);
        let Some(parts) = content.as_array().filter(|items| is_parts(items)) else {
            write_result(name, content, self.out);
            return Ok(());
        };
        let mut text = String::new();
        let mut others = Vec::new();
        for part in parts {
            match part_text(part, place)? {
                Some(more) => {
                    text.push_str(more);
                    self.out.warn_of_part(place, part);
                }
                None => others.push(part),
            }
        }
        write_result(name, &Value::String(text.into()), self.out);
        for part in others {
            write_media(part, place, self.out);
        }
        Ok(())
    }
}

/// The parts of a message's content; a text is one.
fn parts_of<'a>(message: &'a Value<'a>, place: Place) -> Result<&'a [Value<'a>], RenderError> {
    match message.get("content") {
        None | Some(Value::Null) => Ok(&[]),
        Some(text @ Value::String(_)) => Ok(slice::from_ref(text)),
        Some(Value::Array(parts)) => Ok(parts),
        Some(_) => Err(RenderError::new(place, "the content must be a string, a list or null")),
    }
}

/// Prints the content of a message, behind a newline where it is `behind_text` and begins with one; whether it ends with
/// text.
fn write_content(
    parts: &[Value<'_>],
    place: Place,
    of_model: bool,
    mut behind_text: bool,
    out: &mut Writer,
) -> Result<bool, RenderError> {
    let mut ends_with_text = false;
    for part in parts {
        if let Some(text) = part_text(part, place)? {
            out.warn_of_part(place, part);
            let text = trimmed(text, of_model, place, out);
            if !text.is_empty() {
                if mem::take(&mut behind_text) {
                    out.text("\n");
                }
                out.text(&text);
                ends_with_text = true;
            }
        } else if write_media(part, place, out) {
            (behind_text, ends_with_text) = (false, false);
        }
    }
    Ok(ends_with_text)
}
