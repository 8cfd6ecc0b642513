//! Prompts: chat messages and tools in, the text in which the model has learnt to read them out.
//!
//! The rules are those of `DESIGN.md`, part 8. What is printed is written once, by [`writer::Writer`], which knows
//! control tokens from text.

mod content;
mod continuation;
mod declaration;
mod fixed;
mod jinja;
mod official;
mod official_tools;
mod parts;
mod results;
pub(crate) mod writer;

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use crate::error::RenderError;
use crate::event::{Start, named};
use crate::json::Value;
use crate::model::Model;
use crate::token::ControlToken;
use writer::Writer;

pub use continuation::MessageField;

named! {
    /// How a prompt is written.
    Style {
        /// What Google's chat template prints, byte for byte, and where it fails.
        Official = "official",
        /// The same with the repairs of `DESIGN.md`, part 8.
        Fixed = "fixed",
    }
}

/// How a prompt is rendered.
#[derive(Clone, Debug)]
pub struct PromptOptions<'a> {
    /// For which size of the model.
    pub model: Model,
    /// As Google's template does, or with the repairs.
    pub style: Style,
    /// Whether the prompt ends with what the model's answer follows.
    pub add_generation_prompt: bool,
    /// Whether the model shall think.
    pub enable_thinking: bool,
    /// Whether thoughts of messages with calls are kept in all turns, not only in the current one.
    pub preserve_thinking: bool,
    /// In which field the last message is left open, to be continued; not together with `add_generation_prompt`.
    pub continue_final_message: Option<MessageField>,
    /// What stands in front; a control token where it is the literal of one.
    pub bos: &'a str,
}

impl Default for PromptOptions<'_> {
    fn default() -> Self {
        Self {
            model: Model::Large,
            style: Style::Fixed,
            add_generation_prompt: true,
            enable_thinking: false,
            preserve_thinking: false,
            continue_final_message: None,
            bos: ControlToken::Bos.literal(),
        }
    }
}

/// What stands at the end of a conversation, for what a generation prompt is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tail {
    /// A turn that is closed, or no turn.
    Closed,
    /// Results, in an open turn.
    Results,
    /// Calls without results.
    Pending,
}

/// A prompt.
///
/// Generation has to stop at the tokens of [`ControlToken::STOP`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prompt {
    text: String,
    controls: Vec<(usize, ControlToken)>,
    warnings: Vec<String>,
}

/// The prompt of a conversation.
///
/// `messages` and `tools` are those of chat completion requests; no tools are an empty list. The rules, warnings and
/// errors are told in `DESIGN.md`, part 8.
///
/// ```
/// use gemma4_parser::{PromptOptions, json, render};
///
/// let messages = json::parse(r#"[{"role": "user", "content": "In Paris?"}]"#, 256)?;
/// let prompt = render(messages.as_array().unwrap_or_default(), &[], &PromptOptions::default())?;
/// assert_eq!(
///     prompt.text(),
///     "<bos><|turn>user\nIn Paris?<turn|>\n<|turn>model\n<|channel>thought\n<channel|>"
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn render(messages: &[Value<'_>], tools: &[Value<'_>], options: &PromptOptions<'_>) -> Result<Prompt, RenderError> {
    if options.continue_final_message.is_some() && options.add_generation_prompt {
        return Err(RenderError::new("continue_final_message", "add_generation_prompt excludes it"));
    }
    let mut out = Writer::default();
    if let Some(token) = ControlToken::from_literal(options.bos) {
        out.control(token);
    } else {
        out.text(options.bos);
    }
    let messages: Vec<_> = messages.iter().collect();
    let tail = match (options.style, options.continue_final_message) {
        (Style::Official, None) => official::write(&messages, tools, options, &mut out)?,
        (Style::Official, Some(field)) => continuation::write_official(&messages, tools, field, options, &mut out)?,
        (Style::Fixed, field) => {
            field.map_or(Ok(()), |field| continuation::check(&messages, field))?;
            fixed::write(&messages, tools, options, &mut out)?
        }
    };
    if options.add_generation_prompt {
        write_generation_prompt(tail, options, &mut out);
    }
    let (text, controls, warnings) = out.finish();
    Ok(Prompt { text, controls, warnings })
}

/// Prints the system turn, if there is one: a first message of role `system` or `developer` by `write_text`, every tool
/// by `write_tool`. The number of the first message behind it.
fn write_system_turn<'a>(
    messages: &[&'a Value<'a>],
    tools: &[Value<'_>],
    options: &PromptOptions<'_>,
    out: &mut Writer,
    write_text: impl FnOnce(&'a Value<'a>, &mut Writer) -> Result<(), RenderError>,
    write_tool: impl Fn(&Value<'_>, usize, &mut Writer) -> Result<(), RenderError>,
) -> Result<usize, RenderError> {
    let is_system =
        |message: &&&Value<'_>| matches!(message.get("role").and_then(Value::as_str), Some("system" | "developer"));
    let first = messages.first().filter(is_system);
    if options.enable_thinking || !tools.is_empty() || first.is_some() {
        out.control(ControlToken::TurnOpen);
        out.text("system\n");
        if options.enable_thinking {
            out.control(ControlToken::Think);
            out.text("\n");
        }
        first.map_or(Ok(()), |message| write_text(message, out))?;
        for (number, tool) in tools.iter().enumerate() {
            write_tool(tool, number, out)?;
        }
        out.control(ControlToken::TurnClose);
        out.text("\n");
    }
    Ok(usize::from(first.is_some()))
}

/// Prints what the answer of the model follows.
fn write_generation_prompt(tail: Tail, options: &PromptOptions<'_>, out: &mut Writer) {
    match tail {
        Tail::Closed => {
            out.control(ControlToken::TurnOpen);
            out.text("model\n");
            if options.model == Model::Large && !options.enable_thinking {
                out.control(ControlToken::ChannelOpen);
                out.text("thought\n");
                out.control(ControlToken::ChannelClose);
            }
        }
        Tail::Results if options.enable_thinking => {
            out.control(ControlToken::ChannelOpen);
            out.text("thought\n");
        }
        Tail::Results | Tail::Pending => {}
    }
}

impl Prompt {
    /// The text. A literal of a control token that a user, a tool or an argument spells cannot be told from the control
    /// token in it; see [`segments`](Self::segments).
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The control tokens and the texts between them; no text is empty.
    pub fn segments(&self) -> impl Iterator<Item = Segment<'_>> {
        let mut at = 0;
        let ends = self.controls.iter().map(|(at, token)| (*at, Some(*token))).chain([(self.text.len(), None)]);
        ends.flat_map(move |(control, token)| {
            let text = self.text.get(at..control).filter(|text| !text.is_empty());
            at = control + token.map_or(0, |token| token.literal().len());
            text.map(Segment::Text).into_iter().chain(token.map(Segment::Control))
        })
    }

    /// The same with the texts cut behind the first character of every literal of a control token in them, so that
    /// a tokenizer, given one piece after the other, makes a control token of none.
    pub fn pieces(&self) -> impl Iterator<Item = Segment<'_>> {
        self.segments().flat_map(|segment| {
            let (token, text) = match segment {
                Segment::Control(token) => (Some(token), ""),
                Segment::Text(text) => (None, text),
            };
            token.map(Segment::Control).into_iter().chain(Cuts { text, at: 0 }.map(Segment::Text))
        })
    }

    /// The control tokens, each with the bytes of text before it.
    pub fn controls(&self) -> impl ExactSizeIterator<Item = (usize, ControlToken)> {
        self.controls.iter().copied()
    }

    /// Where the output starts, for [`Options::start`](crate::Options::start): within a thought, if the prompt ends in one.
    pub fn start(&self) -> Start {
        match self.controls.last() {
            Some((_, ControlToken::ChannelOpen)) => Start::Reasoning,
            _ => Start::Content,
        }
    }

    /// What was guessed, moved or left out, each `PLACE: TEXT`, in the order of the places.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }
}

/// A part of a prompt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Segment<'a> {
    /// A control token.
    Control(ControlToken),
    /// Text, whatever it spells.
    Text(&'a str),
}

/// The pieces of a text that spell no literal.
struct Cuts<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Iterator for Cuts<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let start = self.at;
        // The first character of a literal is one byte long.
        self.at += usize::from(writer::next_literal(self.text, &mut self.at).is_some());
        self.text.get(start..self.at).filter(|piece| !piece.is_empty())
    }
}
