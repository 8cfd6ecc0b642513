//! The turn: thought, content, calls and what ends them (rules `label`, `thought`, `quoted-marker`, `turn-end`, …).

mod places;

use alloc::string::String;
use alloc::vec;

use crate::arguments::{Arguments, Context, Opening, Verdict};
use crate::event::{Detail, End, Reason, Repair, Status};
use crate::header::{Forms, Header, Progress};
use crate::output::Output;
use crate::schema::SchemaId;
use crate::tail::{Symbol, Tail, reuse};
use crate::token::{ControlToken, Literal, is_blank, is_quote, match_literal, trim_start};

const PAD: &str = ControlToken::Pad.literal();

/// What came directly before, where that matters for what may come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Nothing: the very start of the output.
    Start,
    /// `<channel|>`.
    Channel,
    /// `<channel|>` and blanks.
    ChannelBlank,
    /// A call, and perhaps blanks and close markers.
    Call,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Reasoning or content.
    Text,
    /// At a place where a label, a lenient opener or the rest of a marker may come.
    At(Place),
    /// The same, in the header of a lenient opener.
    LenientHeader(Repair),
    /// Directly behind `<|channel>`.
    Label,
    /// Behind a control token that a quote character stands directly before.
    Quoted(ControlToken, u8),
    /// Behind the opener.
    Header,
    /// Behind the opening bracket.
    Call,
    /// In a span that fits no form; `blank` while nothing but blanks came behind the opener.
    Skip { reason: Reason, index: Option<u32>, blank: bool },
    /// Behind the end of the turn; `text` once something other than blanks and end markers has come.
    Ended { text: bool },
}

/// What a call has left unread, from this place on.
type Rest = (Tail, usize);

/// The state machine over symbols.
#[derive(Debug)]
pub(crate) struct Turn {
    state: State,
    /// In a thought.
    thought: bool,
    /// Nothing but blanks has come in this stretch of the thought.
    blank_stretch: bool,
    parse_reasoning: bool,
    /// Fed as text, where `<pad>` comes as text.
    text_form: bool,
    /// The quote character that came directly before, else 0.
    quote: u8,
    /// The number of the next call.
    calls: u32,
    end: Option<End>,
    /// Leading blanks of a thought's stretch, or the newline that may be the one before `<channel|>`.
    blanks: String,
    /// A label or a lenient opener in the making.
    lead: String,
    header: Header,
    arguments: Arguments,
}

impl Turn {
    pub(crate) const fn new(thought: bool, parse_reasoning: bool) -> Self {
        Self {
            state: if thought { State::Text } else { State::At(Place::Start) },
            thought,
            blank_stretch: true,
            parse_reasoning,
            text_form: false,
            quote: 0,
            calls: 0,
            end: None,
            blanks: String::new(),
            lead: String::new(),
            header: Header::new(),
            arguments: Arguments::new(),
        }
    }

    pub(crate) fn set_text_form(&mut self) {
        self.text_form = true;
    }

    pub(crate) const fn ended(&self) -> bool {
        self.end.is_some()
    }

    /// The number of the call whose open string takes a plain piece of text as it is, if there is one.
    #[inline]
    pub(crate) fn plain_string(&mut self, text: &str, context: Context<'_>) -> Option<u32> {
        self.arguments.takes_plain(text, context).then(|| self.calls.wrapping_sub(1))
    }

    /// Whether `text` is content as it is (false), or reasoning (true), if no control token is in it.
    #[inline]
    pub(crate) fn says(&self, text: &str) -> Option<bool> {
        if self.state != State::Text || text.is_empty() {
            return None;
        }
        let held = self.thought && (self.blank_stretch || !self.blanks.is_empty() || text.ends_with('\n'));
        (!held).then_some(self.thought)
    }

    /// This text has been passed on as it is.
    #[inline]
    pub(crate) fn said(&mut self, text: &str) {
        self.quote = text.bytes().next_back().filter(|byte| is_quote(*byte)).unwrap_or_default();
    }

    /// Within a call's arguments.
    #[inline]
    pub(crate) fn is_call(&self) -> bool {
        self.state == State::Call
    }

    /// Takes the next text, and the control token behind it where there is one.
    pub(crate) fn push(&mut self, text: &str, token: Option<ControlToken>, context: Context<'_>, out: &mut Output) {
        if token == Some(ControlToken::Delimiter) && self.is_call() && self.arguments.pass_last(text, out) {
            return;
        }
        if !text.is_empty() {
            self.push_symbol(Symbol::Text(text), context, out);
        }
        if let Some(token) = token {
            self.push_symbol(self.plain_channel(token), context, out);
        }
    }

    fn push_symbol(&mut self, symbol: Symbol<'_>, context: Context<'_>, out: &mut Output) {
        if let Some((tail, from)) = self.symbol(symbol, context, out) {
            self.push_rest(tail, from, context, out);
        }
    }

    /// With `parse_reasoning=False` channel markers are ordinary text.
    fn plain_channel(&self, token: ControlToken) -> Symbol<'static> {
        let channel = matches!(token, ControlToken::ChannelOpen | ControlToken::ChannelClose);
        if channel && !self.parse_reasoning { Symbol::Text(token.literal()) } else { Symbol::Control(token) }
    }

    /// What a call has left is read again as what follows it. A call may end in that too, and leave something: that
    /// is read first.
    fn push_rest(&mut self, tail: Tail, from: usize, context: Context<'_>, out: &mut Output) {
        let mut unread = vec![(tail, from)];
        while let Some((mut tail, at)) = unread.pop() {
            let Some(symbol) = tail.symbol(at) else { continue };
            let behind = at + symbol.len();
            let more = self.symbol(symbol, context, out);
            if behind < tail.len() {
                unread.push((tail, behind));
            }
            unread.extend(more);
        }
    }

    /// One symbol; gives back what a call that ended in it has left unread.
    fn symbol(&mut self, symbol: Symbol<'_>, context: Context<'_>, out: &mut Output) -> Option<Rest> {
        match symbol {
            Symbol::Text(text) => self.text(text, context, out),
            Symbol::Control(token) => self.control(token, context, out),
        }
    }

    fn text(&mut self, text: &str, context: Context<'_>, out: &mut Output) -> Option<Rest> {
        let mut rest = text;
        while !rest.is_empty() {
            match self.state {
                State::Text => {
                    self.say(rest, out);
                    return None;
                }
                State::At(place) => rest = self.at_place(rest, place, context, out),
                State::LenientHeader(repair) => rest = self.lenient_header(rest, repair, context, out),
                State::Label => rest = self.label(rest, out),
                State::Quoted(token, quote) => {
                    self.state = State::Text;
                    if rest.as_bytes().first() == Some(&quote) {
                        self.say(token.literal(), out);
                    } else {
                        self.structure(token, false, out);
                    }
                }
                State::Header => rest = self.header(rest, context, out),
                State::Call => return self.call(Symbol::Text(rest), context, out),
                State::Skip { reason, index, blank } => {
                    out.unparsed(reason, index, rest);
                    let blank = blank && rest.bytes().all(is_blank);
                    self.state = State::Skip { reason, index, blank };
                    return None;
                }
                State::Ended { .. } => {
                    self.after_end(rest, out);
                    return None;
                }
            }
        }
        None
    }

    /// Text behind the end of the turn, in which `<pad>` is structure too (a token of its own in ids).
    fn after_end(&mut self, text: &str, out: &mut Output) {
        let mut rest = text;
        while self.text_form && !rest.is_empty() {
            if self.lead.is_empty() {
                let (said, marker) = rest.split_at(rest.find('<').unwrap_or(rest.len()));
                self.unparsed_end(said, out);
                rest = marker;
            }
            let mut characters = rest.chars();
            let Some(character) = characters.next() else { return };
            rest = characters.as_str();
            if !self.lead.is_empty() && character == '<' {
                self.release_end(out);
            }
            self.lead.push(character);
            if self.lead == PAD {
                reuse(&mut self.lead);
            } else if !PAD.starts_with(self.lead.as_str()) {
                self.release_end(out);
            }
        }
        self.unparsed_end(rest, out);
    }

    /// What was held as the beginning of a `<pad>` is text after all.
    fn release_end(&mut self, out: &mut Output) {
        let lead = core::mem::take(&mut self.lead);
        self.unparsed_end(&lead, out);
        self.lead = lead;
        reuse(&mut self.lead);
    }

    fn unparsed_end(&mut self, text: &str, out: &mut Output) {
        let said = if self.state == (State::Ended { text: true }) { text } else { trim_start(text) };
        if !said.is_empty() {
            self.state = State::Ended { text: true };
            out.unparsed(Reason::AfterTurnEnd, None, said);
        }
    }

    /// Reasoning or content, whichever it is now.
    fn say(&mut self, text: &str, out: &mut Output) {
        if text.is_empty() {
            return;
        }
        self.said(text);
        if !self.thought {
            out.text(false, text);
            return;
        }
        if self.blank_stretch && text.bytes().all(is_blank) {
            self.blanks.push_str(text);
            return;
        }
        self.blank_stretch = false;
        out.text(true, &self.blanks);
        reuse(&mut self.blanks);
        match text.strip_suffix('\n') {
            Some(said) => {
                out.text(true, said);
                self.blanks.push('\n');
            }
            None => out.text(true, text),
        }
    }

    /// The newline that was held is reasoning: what follows it is not the end of the thought.
    fn say_newline(&mut self, out: &mut Output) {
        if !self.blank_stretch {
            out.text(true, &self.blanks);
            reuse(&mut self.blanks);
        }
    }

    /// The end of a stretch of the thought: held blanks are reasoning unless it is blank.
    fn end_stretch(&mut self, out: &mut Output) {
        self.say_newline(out);
        reuse(&mut self.blanks);
        self.blank_stretch = true;
    }

    /// A control token or the end follows: what is held for the next characters is decided.
    fn settle(&mut self, out: &mut Output) {
        match self.state {
            State::LenientHeader(_) => {
                self.lead.push_str(self.header.text());
                self.release(out);
            }
            State::Label if self.lead == "thought" => {
                reuse(&mut self.lead);
                self.state = State::Text;
            }
            State::At(_) | State::Label => self.release(out),
            State::Quoted(token, _) => {
                self.state = State::Text;
                self.structure(token, false, out);
            }
            _ => {}
        }
    }

    fn header<'t>(&mut self, text: &'t str, context: Context<'_>, out: &mut Output) -> &'t str {
        let forms = Forms { lenient: context.lenient, drifted: true, declared: false };
        let (progress, rest) = self.header.read(text, forms, context.tools);
        match progress {
            Progress::More => {}
            Progress::Call { round } => {
                self.begin_call(Opening { round, repair: self.header.repair(), angle: false }, context, out);
            }
            Progress::No => self.not_a_call(Reason::NotACall, out),
        }
        rest
    }

    /// The header read so far, with its opener, is a span of its own.
    fn not_a_call(&mut self, reason: Reason, out: &mut Output) {
        out.unparsed(reason, None, ControlToken::CallOpen.literal());
        out.unparsed(reason, None, self.header.text());
        self.state = State::Skip { reason, index: None, blank: self.header.is_blank() };
    }

    fn begin_call(&mut self, opening: Opening, context: Context<'_>, out: &mut Output) {
        if self.thought {
            self.end_stretch(out);
        }
        self.quote = 0;
        self.state = State::Call;
        Self::start_call(self.header.name(), &mut self.calls, opening, context, &mut self.arguments, out);
    }

    fn start_call(
        name: &str,
        calls: &mut u32,
        opening: Opening,
        context: Context<'_>,
        arguments: &mut Arguments,
        out: &mut Output,
    ) {
        let index = *calls;
        *calls = calls.wrapping_add(1);
        out.call_start(index, name);
        let schema = context.tools.map_or(SchemaId::ANY, |tools| tools.parameters(name));
        arguments.begin(index, opening, schema, out);
    }

    /// A symbol within a call's arguments.
    fn call(&mut self, symbol: Symbol<'_>, context: Context<'_>, out: &mut Output) -> Option<Rest> {
        match self.arguments.push(symbol, context, out) {
            Verdict::More => None,
            verdict => self.verdict(verdict, context, out),
        }
    }

    /// What a step of the arguments has decided; gives back what they have left unread.
    fn verdict(&mut self, mut verdict: Verdict, context: Context<'_>, out: &mut Output) -> Option<Rest> {
        loop {
            let index = self.calls.wrapping_sub(1);
            match verdict {
                Verdict::More => return None,
                Verdict::Accepted | Verdict::Next { .. } => {
                    let repairs = self.arguments.repairs();
                    let (status, detail) = if repairs.is_empty() {
                        (Status::Complete, Detail::None)
                    } else {
                        (Status::Repaired, Detail::Repairs(repairs))
                    };
                    out.call_end(index, status, detail);
                    self.state = State::At(Place::Call);
                }
                Verdict::Rejected(reason, _) => {
                    out.call_end(index, Status::Rejected, Detail::Reason(reason));
                    out.unparsed(reason, Some(index), self.arguments.raw());
                    self.state = match reason {
                        // The end of generation or the end marker, which is left, comes next.
                        Reason::TruncatedCall => State::Text,
                        _ => State::Skip { reason, index: Some(index), blank: false },
                    };
                }
            }
            let Verdict::Next { round } = verdict else { return self.arguments.take_rest() };
            let name = String::from(self.arguments.next_name());
            self.state = State::Call;
            let opening = Opening { round, repair: Some(Repair::CallsInOneBlock), angle: false };
            Self::start_call(&name, &mut self.calls, opening, context, &mut self.arguments, out);
            verdict = self.arguments.run(context, out);
        }
    }

    fn control(&mut self, token: ControlToken, context: Context<'_>, out: &mut Output) -> Option<Rest> {
        match self.state {
            State::Text => {
                let closes_thought = self.thought && token == ControlToken::ChannelClose;
                if self.quote != 0 && !closes_thought && token != ControlToken::Delimiter {
                    self.state = State::Quoted(token, self.quote);
                } else {
                    self.structure(token, false, out);
                }
            }
            State::At(place) if self.lead.is_empty() => {
                self.state = State::Text;
                self.structure(token, place == Place::Call, out);
            }
            State::At(_) | State::LenientHeader(_) | State::Label | State::Quoted(..) => {
                self.settle(out);
                return self.control(token, context, out);
            }
            State::Header => {
                if token.is_end_marker() {
                    self.not_a_call(Reason::TruncatedCall, out);
                    self.state = State::Text;
                } else {
                    self.not_a_call(Reason::NotACall, out);
                }
                return self.control(token, context, out);
            }
            State::Call => return self.call(Symbol::Control(token), context, out),
            State::Skip { reason, index, blank } => {
                let ends = token == ControlToken::CallOpen
                    || token.is_end_marker()
                    || (self.thought && token == ControlToken::ChannelClose)
                    || (blank && token == ControlToken::ChannelOpen);
                if ends {
                    self.state = State::Text;
                    self.structure(token, false, out);
                    return None;
                }
                out.unparsed(reason, index, token.literal());
                self.state = if token == ControlToken::CallClose {
                    State::At(Place::Call)
                } else {
                    State::Skip { reason, index, blank: false }
                };
            }
            State::Ended { .. } => {
                self.release_end(out);
                if !token.is_end_marker() {
                    self.unparsed_end(token.literal(), out);
                }
            }
        }
        None
    }

    /// A control token in reasoning or content; `after_call` where it stands directly behind a call.
    fn structure(&mut self, token: ControlToken, after_call: bool, out: &mut Output) {
        self.quote = 0;
        match token {
            ControlToken::Delimiter => self.say(token.literal(), out),
            ControlToken::CallOpen => {
                if self.thought {
                    self.end_stretch(out);
                }
                self.header.begin(false);
                self.state = State::Header;
            }
            ControlToken::CallClose if after_call => self.state = State::At(Place::Call),
            ControlToken::ChannelOpen => {
                if self.thought {
                    self.say_newline(out);
                } else {
                    self.thought = true;
                    self.blank_stretch = true;
                }
                self.state = State::Label;
            }
            ControlToken::ChannelClose => {
                if self.thought {
                    // The newline directly before it, or a blank stretch, is structure.
                    self.thought = false;
                    reuse(&mut self.blanks);
                } else {
                    out.unparsed(Reason::StrayMarker, None, token.literal());
                }
                self.state = State::At(Place::Channel);
            }
            _ if token.is_end_marker() => {
                if self.thought {
                    self.end_stretch(out);
                }
                self.end = Some(match token {
                    ControlToken::TurnClose | ControlToken::TurnOpen => End::Turn,
                    ControlToken::ResponseOpen => End::ToolResponse,
                    _ => End::Eos,
                });
                self.state = State::Ended { text: false };
            }
            _ => {
                if self.thought {
                    self.say_newline(out);
                }
                out.unparsed(Reason::StrayMarker, None, token.literal());
            }
        }
    }

    /// The end of generation.
    pub(crate) fn finish(&mut self, reason: End, context: Context<'_>, out: &mut Output) {
        loop {
            match self.state {
                State::Text | State::Skip { .. } => break,
                State::Ended { .. } => {
                    self.release_end(out);
                    break;
                }
                State::At(place) => {
                    if place == Place::Call
                        && match_literal(self.lead.as_bytes()) == Literal::Prefix
                        && !self.lead.is_empty()
                    {
                        out.unparsed(Reason::StrayMarker, None, &self.lead);
                        reuse(&mut self.lead);
                    }
                    self.settle(out);
                }
                State::LenientHeader(_) | State::Label | State::Quoted(..) => self.settle(out),
                State::Header => {
                    self.not_a_call(Reason::TruncatedCall, out);
                }
                State::Call => {
                    let verdict = self.arguments.finish(reason == End::Stop, context, out);
                    if let Some((tail, from)) = self.verdict(verdict, context, out) {
                        self.push_rest(tail, from, context, out);
                    }
                }
            }
        }
        if self.thought {
            self.end_stretch(out);
        }
        out.end(self.end.unwrap_or(reason).as_str());
    }
}
