//! The call grammar: from the text between a call's brackets to fragments of JSON text (part 1 of `DESIGN.md`, "The call").
//!
//! Everything that has come and is not yet decided lies in one buffer, the tail; the machine walks over it with a
//! cursor, so that a look-ahead that fails can be walked again. What has changed the fragments is forgotten.

mod bare;
mod closing;
mod quoted;
mod scalar;
mod string;

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use crate::event::{Reason, Repair, Repairs};
use crate::header::Header;
use crate::json::write_escaped;
use crate::key_scan::{KeyScan, Object, SwallowedKey};
use crate::output::Output;
use crate::schema::{SchemaId, Tools, Types};
use crate::tail::{Symbol, Tail, Unit, reuse};
use crate::token::{ControlToken, is_blank, is_quote, is_word, trim_end};

/// Nesting depth; the arguments object is depth 1.
pub(crate) const DEPTH_LIMIT: usize = 256;
/// Bytes of raw UTF-8 that a held key, a held value, or the text held behind a marker in a string may have.
pub(crate) const HELD_LIMIT: usize = 1 << 20;

/// What the caller of the machine knows.
#[derive(Clone, Copy)]
pub(crate) struct Context<'a> {
    pub(crate) tools: Option<&'a Tools>,
    pub(crate) lenient: bool,
    pub(crate) coerce: bool,
    pub(crate) spaced: bool,
}

impl<'a> Context<'a> {
    fn types(&self, schema: SchemaId) -> Types {
        self.tools.map_or(Types::ALL, |tools| tools.types(schema))
    }

    fn object(&self, schema: SchemaId) -> Object<'a> {
        Object { tools: self.tools, schema }
    }
}

/// How a call was opened.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Opening {
    /// By `(`.
    pub(crate) round: bool,
    pub(crate) repair: Option<Repair>,
    /// By `<tool_call:`, whose `>` may stand behind the object.
    pub(crate) angle: bool,
}

/// How a call ends. What has not been consumed is left in the tail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// More input is needed.
    More,
    Accepted,
    /// Accepted, and the header of the next call of the block has been read.
    Next {
        round: bool,
    },
    /// With the reason and, for people, what was found.
    Rejected(Reason, &'static str),
}

/// What a step of the machine has decided.
enum Step {
    Go,
    Wait,
    Done(Verdict),
}

const fn malformed(what: &'static str) -> Step {
    Step::Done(Verdict::Rejected(Reason::MalformedCall, what))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Behind the opening bracket.
    First,
    /// A key or the end of the object.
    Key,
    BareKey,
    /// Behind a key in quotes or delimiters.
    Colon,
    /// The value of a property.
    Value,
    /// An element or the end of the array.
    Element,
    Bare,
    /// In the bare text of a string-typed property, behind a comma.
    BareComma,
    /// The same, behind a delimiter that follows the comma.
    BareDelimiter,
    Quoted,
    /// Behind a quote that may close a quoted value.
    QuotedClose,
    /// The same, and a comma follows it.
    QuotedComma,
    /// Directly behind a quoted value.
    AfterQuoted,
    /// Behind a dangling delimiter.
    Dangling,
    /// In a delimited string.
    String,
    /// In a delimited string, behind a marker.
    Marker,
    /// The same, behind the first delimiter that follows the marker.
    MarkerDelimiter,
    /// Behind a value.
    After,
    /// The object within the outer brackets is complete.
    Outer,
    /// The object is complete.
    Complete,
    /// The header of the next call of the block.
    Next,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Frame {
    array: bool,
    /// It has an element or a key.
    filled: bool,
    schema: SchemaId,
}

/// The brackets around all arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Brackets {
    /// `{…}`
    Braces,
    /// `(…)`
    Round,
    /// `{{…}}`
    Double,
    /// `({…})`
    Json,
}

/// The machine for the arguments of one call.
#[derive(Debug)]
pub(crate) struct Arguments {
    state: State,
    brackets: Brackets,
    /// A `>` may still follow the object (`<tool_call:Name{…}>`).
    angle: bool,
    /// In bare text: a blank that is a control character stands at its end.
    gap: bool,
    /// In a bare value: a control character stands within it.
    bad: bool,
    /// Commas were run over in a bare text.
    comma_run: bool,
    /// In quotes: the quote.
    quote: u8,
    /// In quotes: an odd number of backslashes stands at the end.
    escape: bool,
    /// What is being read in quotes or delimiters is a key.
    in_key: bool,
    /// A delimited string is held until it is closed, because its value depends on all of it.
    held: bool,
    /// Nothing but blanks has come since the last marker in a string.
    direct: bool,
    /// An opener stands in the open string.
    opener: bool,
    index: u32,
    value: SchemaId,
    tail: Tail,
    /// Everything before has changed the fragments: the raw tail of a rejected call starts here.
    mark: usize,
    /// The next unit to look at.
    cursor: usize,
    /// Where the text being read starts.
    start: usize,
    /// A place to come back to: a comma, a quote, the first marker.
    place: usize,
    /// A second one: the comma or delimiter behind it.
    behind: usize,
    frames: Vec<Frame>,
    scan: KeyScan,
    swallowed: SwallowedKey,
    /// The key just read, decoded.
    key: String,
    /// Made when another call follows in the block.
    header: Option<Box<Header>>,
    repairs: Repairs,
}

impl Arguments {
    pub(crate) const fn new() -> Self {
        Self {
            state: State::First,
            brackets: Brackets::Braces,
            angle: false,
            gap: false,
            bad: false,
            comma_run: false,
            quote: 0,
            escape: false,
            in_key: false,
            held: false,
            direct: false,
            opener: false,
            index: 0,
            value: SchemaId::ANY,
            tail: Tail::new(),
            mark: 0,
            cursor: 0,
            start: 0,
            place: 0,
            behind: 0,
            frames: Vec::new(),
            scan: KeyScan::new(),
            swallowed: SwallowedKey::new(),
            key: String::new(),
            header: None,
            repairs: Repairs::new(),
        }
    }

    /// Starts a call behind its opening bracket and sends `{`.
    pub(crate) fn begin(&mut self, index: u32, opening: Opening, schema: SchemaId, out: &mut Output) {
        self.index = index;
        self.state = State::First;
        self.brackets = if opening.round { Brackets::Round } else { Brackets::Braces };
        self.repairs = Repairs::new();
        if let Some(repair) = opening.repair {
            self.repairs.note(repair);
        }
        self.angle = opening.angle;
        self.frames.clear();
        self.frames.push(Frame { array: false, filled: false, schema });
        self.changed();
        out.fragment(index).push('{');
    }

    fn clear(&mut self) {
        self.tail.clear();
        self.mark = 0;
        self.cursor = 0;
    }

    pub(crate) const fn repairs(&self) -> Repairs {
        self.repairs
    }

    /// The name of the next call of the block, after [`Verdict::Next`].
    pub(crate) fn next_name(&self) -> &str {
        self.header.as_ref().map_or("", |header| header.name())
    }

    /// How many bytes of the input are not consumed.
    pub(crate) fn unread(&self) -> usize {
        self.tail.len().saturating_sub(self.cursor)
    }

    /// The raw input after the last character that changed the fragments, as far as it is consumed.
    pub(crate) fn raw(&self) -> &str {
        self.tail.slice(self.mark, self.cursor.max(self.mark))
    }

    /// The tail and the place from which on it is not consumed, if there is such a rest; the tail is empty then.
    pub(crate) fn take_rest(&mut self) -> Option<(Tail, usize)> {
        let from = self.cursor.max(self.mark);
        let rest = (from < self.tail.len()).then(|| (core::mem::take(&mut self.tail), from));
        self.clear();
        rest
    }

    /// Whether the object is complete.
    pub(crate) fn is_complete(&self) -> bool {
        self.state == State::Complete
    }

    /// Takes the next symbol.
    pub(crate) fn push(&mut self, symbol: Symbol<'_>, context: Context<'_>, out: &mut Output) -> Verdict {
        if let (Symbol::Text(text), State::String, false) = (symbol, self.state, self.held) {
            self.pass(text, context, out);
            return Verdict::More;
        }
        self.tail.push(symbol);
        self.run(context, out)
    }

    /// Goes on with what has come but is not consumed.
    pub(crate) fn run(&mut self, context: Context<'_>, out: &mut Output) -> Verdict {
        loop {
            let unit = self.tail.unit(self.cursor);
            if unit == Unit::End {
                self.compact();
                return Verdict::More;
            }
            match self.step(unit, context, out) {
                Step::Go => {}
                Step::Wait => return Verdict::More,
                Step::Done(verdict) => return verdict,
            }
        }
    }

    /// Forgets what has changed the fragments, in time linear in the input.
    fn compact(&mut self) {
        let mark = self.mark.min(self.cursor);
        if mark == self.tail.len() {
            self.clear();
        } else if mark > self.tail.len() / 2 {
            self.tail.drop_front(mark);
            self.mark -= mark;
            self.cursor -= mark;
            for place in [&mut self.start, &mut self.place, &mut self.behind] {
                *place = place.saturating_sub(mark);
            }
        }
    }

    fn step(&mut self, unit: Unit, context: Context<'_>, out: &mut Output) -> Step {
        match self.state {
            State::First => self.first(unit, context),
            State::Key => self.key(unit, context, out),
            State::BareKey => self.bare_key(unit, context, out),
            State::Colon => self.colon(unit, context, out),
            State::Value => self.value(unit, context, out),
            State::Element => self.element(unit, context, out),
            State::Bare => self.bare(unit, context, out),
            State::BareComma => self.bare_comma(unit, context, out),
            State::BareDelimiter => self.bare_delimiter(unit, context, out),
            State::Quoted => self.quoted(unit, context, out),
            State::QuotedClose => self.quoted_close(unit, context, out),
            State::QuotedComma => self.quoted_comma(unit, context, out),
            State::AfterQuoted => self.after_quoted(unit),
            State::Dangling => self.dangling(unit),
            State::String => self.string(unit, context, out),
            State::Marker => self.marker_in_string(unit, context, out),
            State::MarkerDelimiter => self.marker_delimiter(unit, context, out),
            State::After => self.after(unit, context, out),
            State::Outer => self.outer(unit, context, out),
            State::Complete => self.complete(unit, context, out),
            State::Next => self.next(context, out),
        }
    }

    fn advance(&mut self, state: State) -> Step {
        self.cursor += 1;
        self.state = state;
        Step::Go
    }

    /// The fragments have changed by what was consumed last.
    fn changed(&mut self) {
        self.mark = self.mark.max(self.cursor);
    }

    fn frame(&self) -> Frame {
        self.frames.last().copied().unwrap_or(Frame { array: false, filled: false, schema: SchemaId::ANY })
    }

    fn is_round(&self) -> bool {
        matches!(self.brackets, Brackets::Round | Brackets::Json)
    }

    /// Whether `byte` closes the innermost open bracket. The round one is closed by `}` too.
    fn fits(&self, byte: u8) -> bool {
        match byte {
            b']' => self.frame().array,
            b'}' => !self.frame().array,
            b')' => self.frames.len() == 1 && self.brackets == Brackets::Round,
            _ => false,
        }
    }

    /// A control token where no string is open and no other rule applies.
    fn marker(token: ControlToken) -> Step {
        if token.is_end_marker() {
            return Step::Done(Verdict::Rejected(Reason::TruncatedCall, "the turn ends within the call"));
        }
        malformed(match token {
            ControlToken::CallClose => "the call is closed before it is complete",
            ControlToken::CallOpen => "another call opens before this one is closed",
            ControlToken::Delimiter => "unexpected string delimiter",
            _ => "unexpected control token",
        })
    }

    fn first(&mut self, unit: Unit, context: Context<'_>) -> Step {
        match unit {
            Unit::Byte(byte) if is_blank(byte) => self.advance(State::First),
            Unit::Byte(b'{') if context.lenient => {
                let (brackets, repair) = match self.brackets {
                    Brackets::Round | Brackets::Json => (Brackets::Json, Repair::JsonArguments),
                    Brackets::Braces | Brackets::Double => (Brackets::Double, Repair::DoubleBrace),
                };
                self.brackets = brackets;
                self.repairs.note(repair);
                self.advance(State::Key)
            }
            _ => {
                if self.brackets == Brackets::Round {
                    self.repairs.note(Repair::RoundBrackets);
                }
                self.state = State::Key;
                Step::Go
            }
        }
    }

    fn key(&mut self, unit: Unit, context: Context<'_>, out: &mut Output) -> Step {
        let byte = match unit {
            Unit::Control(ControlToken::Delimiter) => return self.begin_string(true, context, out),
            Unit::Control(token) => return Self::marker(token),
            Unit::End => return Step::Wait,
            Unit::Byte(byte) => byte,
        };
        match byte {
            _ if is_blank(byte) => self.advance(State::Key),
            b'}' | b']' => self.close(byte, out),
            b')' if self.is_round() => self.close(byte, out),
            _ if is_quote(byte) && context.lenient => self.begin_quoted(byte, true),
            _ if is_quote(byte) => malformed("a key in quotes"),
            b':' => malformed("a key is missing before `:`"),
            b'=' if context.lenient => malformed("a key is missing before `=`"),
            b',' => malformed("a key is missing before `,`"),
            b'{' | b'[' => malformed("expected a key, found a bracket"),
            0..=31 => malformed("a control character in a key"),
            _ => {
                self.start = self.cursor;
                self.gap = false;
                self.state = State::BareKey;
                let word = self.tail.count(self.cursor, is_word);
                if word == 0 || word > HELD_LIMIT || self.tail.bytes(self.cursor + word).first() != Some(&b':') {
                    return Step::Go;
                }
                self.cursor += word;
                self.bare_key(Unit::Byte(b':'), context, out)
            }
        }
    }

    fn bare_key(&mut self, unit: Unit, context: Context<'_>, out: &mut Output) -> Step {
        let byte = match unit {
            Unit::Control(token) => return Self::marker(token),
            Unit::End => return Step::Wait,
            Unit::Byte(byte) => byte,
        };
        match byte {
            b':' => {}
            b'=' if context.lenient => {}
            b',' | b'}' => return malformed("expected `:` after a key"),
            b'{' | b'[' | b']' => return malformed("a bracket in a key"),
            _ if is_quote(byte) => return malformed("a quote in a key"),
            b'\t' | b'\r' | b'\n' => {
                self.gap = true;
                return self.advance(State::BareKey);
            }
            0..=31 => return malformed("a control character in a key"),
            b' ' => return self.advance(State::BareKey),
            _ if self.gap => return malformed("a control character in a key"),
            _ => {
                self.walk_word();
                return self.key_limit();
            }
        }
        let key = trim_end(self.tail.slice(self.start, self.cursor));
        reuse(&mut self.key);
        self.key.push_str(key);
        self.colon(unit, context, out)
    }

    /// Walks over a byte and the plain ones behind it.
    fn walk_word(&mut self) {
        self.cursor += 1;
        self.cursor += self.tail.count(self.cursor, is_word);
    }

    /// To be asked when something other than blanks was walked over: outer blanks do not count.
    fn key_limit(&self) -> Step {
        if self.cursor - self.start > HELD_LIMIT { malformed("a key of more than 1 MiB") } else { Step::Go }
    }

    /// `:` or `=`: the key is sent.
    fn colon(&mut self, unit: Unit, context: Context<'_>, out: &mut Output) -> Step {
        match unit {
            Unit::Byte(b':') => {}
            Unit::Byte(b'=') if context.lenient => self.repairs.note(Repair::EqualsSign),
            Unit::Byte(byte) if is_blank(byte) => return self.advance(State::Colon),
            Unit::Byte(_) => return malformed("expected `:` after a key"),
            Unit::Control(token) => return Self::marker(token),
            Unit::End => return Step::Wait,
        }
        self.comma(context, out);
        let fragment = out.fragment(self.index);
        fragment.push('"');
        write_escaped(&self.key, fragment);
        fragment.push_str(if context.spaced { "\": " } else { "\":" });
        self.value = context.tools.map_or(SchemaId::ANY, |tools| tools.child(self.frame().schema, &self.key));
        reuse(&mut self.key);
        self.cursor += 1;
        self.changed();
        self.state = State::Value;
        Step::Go
    }

    /// The comma before all but the first key or element.
    fn comma(&mut self, context: Context<'_>, out: &mut Output) {
        if let Some(frame) = self.frames.last_mut() {
            if frame.filled {
                out.fragment(self.index).push_str(if context.spaced { ", " } else { "," });
            }
            frame.filled = true;
        }
    }

    /// The comma before a value: an element has one, a property had its with the key.
    fn begin_value(&mut self, context: Context<'_>, out: &mut Output) {
        if self.frame().array {
            self.comma(context, out);
        }
    }

    fn value(&mut self, unit: Unit, context: Context<'_>, out: &mut Output) -> Step {
        let byte = match unit {
            Unit::Control(ControlToken::Delimiter) => return self.begin_string(false, context, out),
            Unit::Control(token) => return Self::marker(token),
            Unit::End => return Step::Wait,
            Unit::Byte(byte) => byte,
        };
        match byte {
            _ if is_blank(byte) => {
                self.cursor += 1;
                Step::Go
            }
            b'{' | b'[' => self.open(byte == b'[', context, out),
            _ if is_quote(byte) && context.lenient => self.begin_quoted(byte, false),
            // `{key:}`
            b'}' | b']' | b')' if self.fits(byte) => {
                self.begin_value(context, out);
                out.fragment(self.index).push_str("\"\"");
                self.mark = self.cursor + 1;
                self.state = State::After;
                Step::Go
            }
            b'}' | b']' => malformed("a closing bracket that does not fit"),
            b')' if self.is_round() => malformed("a closing bracket that does not fit"),
            _ => self.begin_bare(context, out),
        }
    }

    fn element(&mut self, unit: Unit, context: Context<'_>, out: &mut Output) -> Step {
        match unit {
            Unit::Byte(b']') => self.close(b']', out),
            Unit::Byte(b',') => malformed("an element is missing before `,`"),
            _ => {
                self.value = context.tools.map_or(SchemaId::ANY, |tools| tools.item(self.frame().schema));
                self.value(unit, context, out)
            }
        }
    }

    /// The end of generation.
    pub(crate) fn finish(&mut self, stop: bool, context: Context<'_>, out: &mut Output) -> Verdict {
        if stop {
            match self.state {
                State::Marker | State::MarkerDelimiter => return self.left_open(context, out),
                State::Complete if context.lenient => {
                    self.repairs.note(Repair::MissingCloseMarker);
                    self.cursor = self.tail.len();
                    self.accept(out);
                    return Verdict::Accepted;
                }
                _ => {}
            }
        }
        self.cursor = self.tail.len();
        Verdict::Rejected(Reason::TruncatedCall, "the text ends within the call")
    }
}
