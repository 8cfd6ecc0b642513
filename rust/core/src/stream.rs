//! The stream parser: deltas of ids or of text in, events out.

use alloc::string::String;
use alloc::sync::Arc;

use crate::arguments::Context;
use crate::error::{Error, ErrorKind};
use crate::event::{Detail, End, Event, Finish, Kind, Sink, Start};
use crate::output::Output;
use crate::scan::position;
use crate::schema::Tools;
use crate::tail::reuse;
use crate::text::Assembler;
use crate::token::{ControlToken, Literal, match_literal};
use crate::turn::Turn;
use crate::utf8::Utf8;
use crate::vocabulary::{Piece, Vocabulary, is_plain};

/// How a stream is read. The default is what a server wants.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where the output starts, see [`StreamParser::start_of_text`].
    pub start: Start,
    /// Read thoughts; otherwise channel markers are ordinary text.
    pub parse_reasoning: bool,
    /// Accept the lenient forms with their named repairs, not the canonical grammar alone.
    pub lenient: bool,
    /// Read delimited values as what a schema without strings asks for, when they can be.
    pub coerce: bool,
    /// Write JSON text with the spacing of Python's `json.dumps`.
    pub spaced: bool,
    /// The declared tools, which decide the types of undelimited values and which lenient openers are calls.
    pub tools: Option<Arc<Tools>>,
}

impl Default for Options {
    fn default() -> Self {
        Self { start: Start::Content, parse_reasoning: true, lenient: true, coerce: false, spaced: false, tools: None }
    }
}

/// What the stream has been fed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fed {
    Nothing,
    Ids,
    Text,
    Finished,
}

impl Fed {
    /// What the stream has been fed after this, if that may follow.
    fn then(self, with: Self) -> Result<Self, Error> {
        let message = match (self, with) {
            (Self::Finished, _) => "the stream is finished; reset it before it is used again",
            (Self::Ids, Self::Text) => "the stream was fed token ids; text cannot follow",
            (Self::Text, Self::Ids) => "the stream was fed text; token ids cannot follow",
            _ => return Ok(with),
        };
        Err(Error::new(ErrorKind::Usage, 0, message))
    }
}

/// An incremental parser for one output of the model.
///
/// Feed it with [`push`](Self::push) (token ids) or [`push_text`](Self::push_text), end it with
/// [`finish`](Self::finish). However the output is cut into deltas, the events are the same once neighbours of one
/// kind are joined.
///
/// ```
/// use gemma4_parser::{Event, Finish, Kind, Options, StreamParser};
///
/// let mut stream = StreamParser::new(None, Options::default())?;
/// let mut arguments = String::new();
/// let mut sink = |event: Event<'_>| {
///     if event.kind == Kind::CallArguments {
///         arguments.push_str(event.text);
///     }
/// };
/// stream.push_text("<|tool_call>call:get_weather{city:<|\"|>Pa", &mut sink)?;
/// stream.push_text("ris<|\"|>,days:3}<tool_call|>", &mut sink)?;
/// stream.finish(Finish::Stop, &mut sink)?;
/// assert_eq!(arguments, r#"{"city":"Paris","days":3}"#);
/// # Ok::<(), gemma4_parser::Error>(())
/// ```
#[derive(Debug)]
pub struct StreamParser {
    vocabulary: Option<Arc<Vocabulary>>,
    options: Options,
    fed: Fed,
    turn: Turn,
    utf8: Utf8,
    assembler: Assembler,
    /// Detokenised text of a run of ids.
    run: String,
    /// Text of the event in the making.
    buffer: String,
}

impl StreamParser {
    /// A parser for one output; a vocabulary is needed for ids only.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] where `start` is [`Start::Reasoning`] but `parse_reasoning` is off.
    pub fn new(vocabulary: Option<Arc<Vocabulary>>, options: Options) -> Result<Self, Error> {
        let turn = Self::turn(&options)?;
        Ok(Self {
            vocabulary,
            options,
            fed: Fed::Nothing,
            turn,
            utf8: Utf8::new(),
            assembler: Assembler::default(),
            run: String::new(),
            buffer: String::new(),
        })
    }

    fn turn(options: &Options) -> Result<Turn, Error> {
        if options.start == Start::Reasoning && !options.parse_reasoning {
            let message = "start \"reasoning\" contradicts parse_reasoning off";
            return Err(Error::new(ErrorKind::Usage, 0, message));
        }
        Ok(Turn::new(options.start == Start::Reasoning, options.parse_reasoning))
    }

    /// Takes the next token ids; the events go to `sink`.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] after text or after the end; [`ErrorKind::Vocabulary`] without one;
    /// [`ErrorKind::UnknownId`] for an id outside it, with its place in `ids`. The state is as before then.
    #[inline]
    pub fn push(&mut self, ids: &[u32], sink: &mut impl Sink) -> Result<(), Error> {
        // One ordinary token: by far the most frequent step.
        if let ([id], Fed::Ids, true) = (ids, self.fed, self.utf8.is_empty()) {
            if let Some((text, plain)) = self.vocabulary.as_ref().and_then(|vocabulary| vocabulary.text(*id)) {
                if !Self::pass(&mut self.turn, &self.options, text, || plain, || true, sink) {
                    Self::step(&mut self.turn, &self.options, text, &mut self.buffer, sink);
                }
                return Ok(());
            }
        }
        self.push_ids(ids, sink)
    }

    /// Passes text on as it is where nothing in it can matter: in an open string if it `is_plain`, in content and
    /// reasoning if it `is_text` with no control token in it.
    #[inline]
    fn pass(
        turn: &mut Turn,
        options: &Options,
        text: &str,
        is_plain: impl FnOnce() -> bool,
        is_text: impl FnOnce() -> bool,
        sink: &mut dyn Sink,
    ) -> bool {
        let (kind, index) = if turn.is_call() {
            if !is_plain() {
                return false;
            }
            let Some(index) = turn.plain_string(text, context(options)) else { return false };
            (Kind::CallArguments, Some(index))
        } else {
            let Some(thought) = turn.says(text) else { return false };
            if !is_text() {
                return false;
            }
            turn.said(text);
            (if thought { Kind::Reasoning } else { Kind::Content }, None)
        };
        sink.event(Event { kind, text, index, detail: Detail::None });
        true
    }

    /// A step of text alone.
    fn step(turn: &mut Turn, options: &Options, text: &str, buffer: &mut String, sink: &mut dyn Sink) {
        let mut out = Output::new(sink, buffer);
        turn.push(text, None, context(options), &mut out);
        out.flush();
        reuse(buffer);
    }

    fn push_ids(&mut self, ids: &[u32], sink: &mut dyn Sink) -> Result<(), Error> {
        let fed = self.fed.then(Fed::Ids)?;
        let Some(vocabulary) = &self.vocabulary else {
            return Err(Error::new(ErrorKind::Vocabulary, 0, "token ids need a vocabulary"));
        };
        if let Some((at, id)) = vocabulary.first_unknown(ids) {
            return Err(Error::unknown_id(id, at));
        }
        self.fed = fed;
        let context = context(&self.options);
        let mut out = Output::new(sink, &mut self.buffer);
        self.run.clear();
        let mut rest = ids;
        while let Some(id) = rest.first() {
            if self.utf8.is_empty() {
                let texts = vocabulary.write_texts(rest, &mut self.run);
                if texts > 0 {
                    rest = rest.get(texts..).unwrap_or_default();
                    continue;
                }
            }
            rest = rest.get(1..).unwrap_or_default();
            match vocabulary.piece(*id) {
                Some(Piece::Text(text)) => self.utf8.push_str(text, &mut self.run),
                Some(Piece::Bytes(coded)) => self.utf8.push_coded(coded, &mut self.run),
                Some(Piece::Control(token)) => {
                    self.utf8.flush(&mut self.run);
                    self.turn.push(&self.run, Some(token), context, &mut out);
                    self.run.clear();
                }
                None => {}
            }
        }
        self.turn.push(&self.run, None, context, &mut out);
        out.flush();
        reuse(&mut self.run);
        reuse(&mut self.buffer);
        Ok(())
    }

    /// Takes the next piece of text, special tokens spelled out; the events go to `sink`.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] after ids or after the end.
    pub fn push_text(&mut self, text: &str, sink: &mut impl Sink) -> Result<(), Error> {
        let bytes = text.as_bytes();
        // A long text in a string is better looked at once, when it is escaped.
        let plain = || bytes.len() < 16 && is_plain(bytes);
        let free = || position(bytes, |byte| byte == b'<').is_none();
        if self.fed == Fed::Text
            && self.assembler.is_empty()
            && Self::pass(&mut self.turn, &self.options, text, plain, free, sink)
        {
            return Ok(());
        }
        self.push_any_text(text, sink)
    }

    fn push_any_text(&mut self, text: &str, sink: &mut dyn Sink) -> Result<(), Error> {
        self.fed = self.fed.then(Fed::Text)?;
        let context = context(&self.options);
        let mut out = Output::new(sink, &mut self.buffer);
        let turn = &mut self.turn;
        turn.set_text_form();
        self.assembler.push(text, |text, token| turn.push(text, token, context, &mut out));
        out.flush();
        reuse(&mut self.buffer);
        Ok(())
    }

    /// The end of generation: decides what is still open and sends [`Kind::End`].
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] after the end.
    pub fn finish(&mut self, reason: Finish, sink: &mut impl Sink) -> Result<(), Error> {
        let ids = self.fed == Fed::Ids;
        self.fed = self.fed.then(Fed::Finished)?;
        let context = context(&self.options);
        let mut out = Output::new(sink, &mut self.buffer);
        let turn = &mut self.turn;
        if ids {
            self.run.clear();
            self.utf8.flush(&mut self.run);
            turn.push(&self.run, None, context, &mut out);
        } else {
            self.assembler.finish(reason == Finish::Stop, |text, token| turn.push(text, token, context, &mut out));
        }
        let end = match reason {
            Finish::Stop => End::Stop,
            Finish::Length => End::Length,
            Finish::Abort => End::Abort,
        };
        turn.finish(end, context, &mut out);
        out.flush();
        Ok(())
    }

    /// Whether an end marker was seen, so that generation may stop.
    pub fn ended(&self) -> bool {
        self.turn.ended()
    }

    /// Starts anew with the same options.
    pub fn reset(&mut self) {
        self.fed = Fed::Nothing;
        self.turn = Turn::new(self.options.start == Start::Reasoning, self.options.parse_reasoning);
        self.utf8 = Utf8::new();
        self.assembler.clear();
    }

    /// Starts anew with another start, which later resets keep.
    ///
    /// # Errors
    /// As [`new`](Self::new); the state is as before then.
    pub fn reset_to(&mut self, start: Start) -> Result<(), Error> {
        let mut options = self.options.clone();
        options.start = start;
        Self::turn(&options)?;
        self.options = options;
        self.reset();
        Ok(())
    }

    /// Where the output starts after this prompt: within a thought if the last channel is open (rule `start`).
    pub fn start_of_text(prompt: &str) -> Start {
        let mut rest = prompt;
        while let Some(at) = rest.rfind('<') {
            let (head, tail) = rest.split_at(at);
            if let Literal::Whole(token) = match_literal(tail.as_bytes()) {
                if let Some(start) = start_after(token) {
                    return start;
                }
            }
            rest = head;
        }
        Start::Content
    }

    /// The same from the prompt's ids.
    pub fn start_of_ids(prompt: &[u32], vocabulary: &Vocabulary) -> Start {
        let mut tokens = prompt.iter().rev().filter_map(|id| match vocabulary.piece(*id) {
            Some(Piece::Control(token)) => Some(token),
            _ => None,
        });
        tokens.find_map(start_after).unwrap_or_default()
    }
}

fn context(options: &Options) -> Context<'_> {
    Context {
        tools: options.tools.as_deref(),
        lenient: options.lenient,
        coerce: options.coerce,
        spaced: options.spaced,
    }
}

/// What the last of these tokens in a prompt says about the start of the output.
fn start_after(token: ControlToken) -> Option<Start> {
    match token {
        ControlToken::ChannelOpen => Some(Start::Reasoning),
        ControlToken::ChannelClose
        | ControlToken::TurnOpen
        | ControlToken::TurnClose
        | ControlToken::ResponseOpen
        | ControlToken::ResponseClose => Some(Start::Content),
        _ => None,
    }
}
