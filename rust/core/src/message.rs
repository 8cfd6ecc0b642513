//! Whole outputs: the fold of the events.

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::arguments::{Arguments, Context, Opening, Verdict};
use crate::error::{Error, ErrorKind};
use crate::event::{Detail, Event, Finish, Kind, Reason, Repair, Sink, Status};
use crate::output::Output;
use crate::schema::SchemaId;
use crate::stream::{Options, StreamParser};
use crate::tail::Symbol;
use crate::text::Assembler;
use crate::token::ControlToken;
use crate::vocabulary::Vocabulary;

/// An accepted call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolCall {
    /// The function's name.
    pub name: String,
    /// The arguments, JSON text of an object.
    pub arguments: String,
    /// The repairs in the order met; none for a call that was canonical.
    pub repairs: Vec<Repair>,
}

impl ToolCall {
    /// [`Status::Complete`] or [`Status::Repaired`].
    pub fn status(&self) -> Status {
        if self.repairs.is_empty() { Status::Complete } else { Status::Repaired }
    }
}

/// A span that is neither text nor an accepted call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unparsed {
    /// The raw text, control tokens spelled out.
    pub text: String,
    /// Why it is here.
    pub reason: Reason,
    /// Of a rejected call: its name.
    pub name: Option<String>,
    /// Of a rejected call: the fragments that were sent.
    pub arguments: String,
}

/// What an output says: all its events folded into one value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message {
    /// The thoughts, joined; `None` where there are none.
    pub reasoning: Option<String>,
    /// The visible text, joined; `None` where there is none.
    pub content: Option<String>,
    /// The calls that were accepted.
    pub tool_calls: Vec<ToolCall>,
    /// Everything else.
    pub unparsed: Vec<Unparsed>,
    /// The text of the `end` event; `None` where there was none.
    pub end: Option<String>,
}

/// Folds events into a [`Message`].
/// [`Sink`]s are fed one event after the other, so this is one.
#[derive(Debug, Default)]
pub struct Fold {
    message: Message,
    name: String,
    arguments: String,
    /// The last event was an unparsed span, of this call.
    in_span: bool,
    span: Option<u32>,
    rejected: Option<u32>,
}

impl Fold {
    /// The message of all events so far.
    pub fn into_message(self) -> Message {
        self.message
    }
}

impl Sink for Fold {
    fn event(&mut self, event: Event<'_>) {
        let joins = core::mem::take(&mut self.in_span) && self.span == event.index;
        let message = &mut self.message;
        match event.kind {
            Kind::Reasoning => message.reasoning.get_or_insert_default().push_str(event.text),
            Kind::Content => message.content.get_or_insert_default().push_str(event.text),
            Kind::CallStart => {
                self.name = event.text.into();
                self.arguments = String::new();
            }
            Kind::CallArguments => self.arguments.push_str(event.text),
            Kind::CallEnd if event.text == Status::Rejected.as_str() => self.rejected = event.index,
            Kind::CallEnd => {
                let repairs = match event.detail {
                    Detail::Repairs(repairs) => repairs.as_slice().to_vec(),
                    Detail::None | Detail::Reason(_) => Vec::new(),
                };
                let (name, arguments) = (core::mem::take(&mut self.name), core::mem::take(&mut self.arguments));
                message.tool_calls.push(ToolCall { name, arguments, repairs });
            }
            Kind::Unparsed => {
                let Detail::Reason(reason) = event.detail else { return };
                self.in_span = true;
                self.span = event.index;
                match message.unparsed.last_mut() {
                    Some(last) if joins && last.reason == reason => last.text.push_str(event.text),
                    _ => {
                        let rejected = event.index.is_some() && self.rejected.take() == event.index;
                        let (name, arguments) = if rejected {
                            (Some(core::mem::take(&mut self.name)), core::mem::take(&mut self.arguments))
                        } else {
                            (None, String::new())
                        };
                        message.unparsed.push(Unparsed { text: event.text.into(), reason, name, arguments });
                    }
                }
            }
            Kind::End => message.end = Some(event.text.into()),
        }
    }
}

/// Parses a whole output given as text: feed everything, finish, fold.
///
/// # Errors
/// As [`StreamParser::new`].
pub fn parse(output: &str, finish: Finish, options: Options) -> Result<Message, Error> {
    let mut stream = StreamParser::new(None, options)?;
    let mut fold = Fold::default();
    stream.push_text(output, &mut fold)?;
    stream.finish(finish, &mut fold)?;
    Ok(fold.into_message())
}

/// Parses a whole output given as token ids.
///
/// # Errors
/// As [`StreamParser::new`] and [`StreamParser::push`].
pub fn parse_ids(ids: &[u32], vocabulary: Arc<Vocabulary>, finish: Finish, options: Options) -> Result<Message, Error> {
    let mut stream = StreamParser::new(Some(vocabulary), options)?;
    let mut fold = Fold::default();
    stream.push(ids, &mut fold)?;
    stream.finish(finish, &mut fold)?;
    Ok(fold.into_message())
}

/// The JSON text of an argument text: what stands between the braces of a call, canonical or lenient.
///
/// # Errors
/// [`ErrorKind::Arguments`] with the byte at which no accepted form goes on.
pub fn arguments_to_json(text: &str, spaced: bool) -> Result<String, Error> {
    let context = Context { tools: None, lenient: true, coerce: false, spaced };
    let mut json = String::new();
    let mut sink = |event: Event<'_>| json.push_str(event.text);
    let mut buffer = String::new();
    let mut out = Output::new(&mut sink, &mut buffer);
    let mut arguments = Arguments::new();
    arguments.begin(0, Opening::default(), SchemaId::ANY, &mut out);
    let mut fault = None;
    let mut pushed = 0;
    let mut take = |symbol: Symbol<'_>| {
        if fault.is_none() {
            pushed += symbol.len();
            let what = match arguments.push(symbol, context, &mut out) {
                Verdict::More => return,
                Verdict::Accepted | Verdict::Next { .. } => "the arguments end before the text does",
                Verdict::Rejected(_, what) => what,
            };
            fault = Some(Error::new(ErrorKind::Arguments, (pushed - arguments.unread()).min(text.len()), what));
        }
    };
    let mut take = |text: &str, token: Option<ControlToken>| {
        take(Symbol::Text(text));
        if let Some(token) = token {
            take(Symbol::Control(token));
        }
    };
    let mut assembler = Assembler::default();
    assembler.push(text, &mut take);
    assembler.finish(false, &mut take);
    if let Some(fault) = fault {
        return Err(fault);
    }
    // The bracket may decide what was held, so that the arguments end before the text does.
    let last = arguments.push(Symbol::Text("}"), context, &mut out);
    let place = (pushed + 1).saturating_sub(arguments.unread());
    let (place, what) = match last {
        Verdict::More if arguments.is_complete() => {
            arguments.finish(true, context, &mut out);
            out.flush();
            return Ok(json);
        }
        Verdict::Rejected(_, what) if place < text.len() => (place, what),
        _ => (text.len(), "the text ends within the arguments"),
    };
    Err(Error::new(ErrorKind::Arguments, place, what))
}
