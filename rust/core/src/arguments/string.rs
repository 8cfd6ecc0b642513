//! Delimited strings: data is sent on as it comes (rules `string`, `marker-in-string`, `missing_close_delimiter`).

use alloc::string::String;

use super::scalar::write_coerced;
use super::{Arguments, Brackets, Context, DEPTH_LIMIT, HELD_LIMIT, State, Step, Verdict, malformed};
use crate::event::{Reason, Repair};
use crate::json::write_escaped;
use crate::key_scan::Object;
use crate::output::Output;
use crate::schema::SchemaId;
use crate::tail::{Symbol, Unit, reuse};
use crate::token::{ControlToken, Literal, is_blank, match_literal};

/// How many bytes at the end of `text` are closing brackets and blanks.
fn closing_run(text: &str) -> usize {
    text.bytes().rev().take_while(|byte| is_blank(*byte) || matches!(byte, b'}' | b']' | b')')).count()
}

impl Arguments {
    pub(super) fn begin_string(&mut self, in_key: bool, context: Context<'_>, out: &mut Output) -> Step {
        self.cursor += ControlToken::Delimiter.literal().len();
        self.start = self.cursor;
        self.in_key = in_key;
        self.held = in_key || (context.coerce && !context.types(self.value).allows_string());
        self.opener = false;
        self.swallowed.start();
        self.state = State::String;
        if !self.held {
            self.begin_value(context, out);
            out.fragment(self.index).push('"');
            self.changed();
        }
        Step::Go
    }

    /// Whether `text` can be passed through as the next piece of an open string, with nothing in it looked at.
    #[inline]
    pub(crate) fn takes_plain(&mut self, text: &str, context: Context<'_>) -> bool {
        if self.state != State::String || self.held || !self.tail.is_empty() {
            return false;
        }
        if !self.swallowed.is_idle() {
            self.look_ahead(text, context);
        }
        true
    }

    /// A comma has come before: a key may follow it, which only matters if the string is left open.
    #[inline(never)]
    fn look_ahead(&mut self, text: &str, context: Context<'_>) {
        if context.lenient {
            let object = self.swallowing(context);
            self.swallowed.text(text.as_bytes(), object);
        }
    }

    /// The object that a key swallowed by the open string would belong to: no declared keys where it is an array.
    fn swallowing<'a>(&self, context: Context<'a>) -> Object<'a> {
        let frame = self.frame();
        context.object(if frame.array { SchemaId::ANY } else { frame.schema })
    }

    pub(super) fn string(&mut self, unit: Unit, context: Context<'_>, out: &mut Output) -> Step {
        match unit {
            Unit::End => Step::Wait,
            Unit::Control(ControlToken::Delimiter) => {
                let end = self.cursor;
                self.cursor += ControlToken::Delimiter.literal().len();
                self.close_string(end, context, out)
            }
            Unit::Control(token) if token.is_marker_in_string() => {
                self.place = self.cursor;
                self.direct = true;
                self.cursor += token.literal().len();
                self.state = State::Marker;
                self.marker_limit(context, out)
            }
            Unit::Control(token) => {
                self.opener |= token == ControlToken::CallOpen;
                self.swallowed.control(token, self.swallowing(context));
                let from = self.cursor;
                self.cursor += token.literal().len();
                self.data(from, context, out)
            }
            Unit::Byte(_) => {
                let object = self.swallowing(context);
                let run = self.tail.run(self.cursor);
                if context.lenient {
                    self.swallowed.text(run.as_bytes(), object);
                }
                let from = self.cursor;
                self.cursor += run.len();
                self.data(from, context, out)
            }
        }
    }

    /// What [`string`](Self::string) does with text where the string is sent as it comes: without a copy of that.
    pub(super) fn pass(&mut self, text: &str, context: Context<'_>, out: &mut Output) {
        let mut end = text.len();
        if context.lenient {
            self.swallowed.text(text.as_bytes(), self.swallowing(context));
            end -= closing_run(text);
        }
        let (data, unsent) = text.split_at_checked(end).unwrap_or_default();
        if !data.is_empty() {
            write_escaped(data, self.send_held(out));
        }
        self.tail.push(Symbol::Text(unsent));
        self.cursor = self.tail.len();
    }

    /// Takes text and a delimiter directly behind it where this closes a string that is sent as it comes: then nothing
    /// in the text can be structure.
    pub(crate) fn pass_last(&mut self, text: &str, out: &mut Output) -> bool {
        let closes = self.state == State::String && !self.held;
        if closes {
            let fragment = self.send_held(out);
            write_escaped(text, fragment);
            fragment.push('"');
            self.state = State::After;
        }
        closes
    }

    /// Sends the closing brackets and blanks that are held of the open string: data follows them.
    fn send_held<'o>(&mut self, out: &'o mut Output) -> &'o mut String {
        let fragment = out.fragment(self.index);
        if !self.tail.is_empty() {
            write_escaped(self.tail.slice(self.mark, self.cursor), fragment);
            self.clear();
        }
        fragment
    }

    /// Sends the string's data up to the cursor, but for what may be structure if the string is left open: the run
    /// of closing brackets and blanks at its end. All that is unsent before `from` is such a run.
    fn data(&mut self, mut from: usize, context: Context<'_>, out: &mut Output) -> Step {
        if self.held {
            if self.cursor - self.start <= HELD_LIMIT {
                return Step::Go;
            }
            if self.in_key {
                return malformed("a key of more than 1 MiB");
            }
            // Too long to be anything but a string.
            self.held = false;
            self.begin_value(context, out);
            out.fragment(self.index).push('"');
            self.mark = self.start;
            from = self.start;
        }
        let end = self.cursor - if context.lenient { closing_run(self.tail.slice(from, self.cursor)) } else { 0 };
        if end > from {
            write_escaped(self.tail.slice(self.mark, end), out.fragment(self.index));
            self.mark = end;
        }
        Step::Go
    }

    /// The delimiter that closes the string stands at `end`; the cursor is somewhere behind it.
    fn close_string(&mut self, end: usize, context: Context<'_>, out: &mut Output) -> Step {
        if self.in_key {
            reuse(&mut self.key);
            self.key.push_str(self.tail.slice(self.start, end));
            self.state = State::Colon;
            return Step::Go;
        }
        self.end_data(end, context, out);
        self.changed();
        self.state = State::After;
        Step::Go
    }

    /// Sends the rest of the data, up to `end`, and the closing quote.
    fn end_data(&mut self, end: usize, context: Context<'_>, out: &mut Output) {
        if self.held {
            self.begin_value(context, out);
            let depth = DEPTH_LIMIT - self.frames.len();
            let types = context.types(self.value);
            let text = self.tail.slice(self.start, end);
            write_coerced(text, types, context.lenient, context.spaced, depth, out.fragment(self.index));
        } else {
            let fragment = out.fragment(self.index);
            write_escaped(self.tail.slice(self.mark, end), fragment);
            fragment.push('"');
        }
    }

    /// Behind a close marker or end marker in an open string: everything is held until it is decided what it was.
    pub(super) fn marker_in_string(&mut self, unit: Unit, context: Context<'_>, out: &mut Output) -> Step {
        match unit {
            Unit::End => return Step::Wait,
            Unit::Control(ControlToken::Delimiter) => {
                self.behind = self.cursor;
                self.state = State::MarkerDelimiter;
                self.cursor += ControlToken::Delimiter.literal().len();
            }
            Unit::Control(token) => {
                if self.direct && (token.is_end_marker() || token == ControlToken::CallOpen) {
                    return Step::Done(self.left_open(context, out));
                }
                self.direct = token.is_marker_in_string();
                self.cursor += token.literal().len();
            }
            Unit::Byte(_) => {
                // No further than the limit, so that it falls at the same character however the input is cut.
                let room = HELD_LIMIT + 1 - (self.cursor - self.place).min(HELD_LIMIT);
                let run = self.tail.run(self.cursor);
                let mut length = run.len().min(room);
                while !run.is_char_boundary(length) {
                    length += 1;
                }
                let piece = run.get(..length).unwrap_or_default();
                self.direct &= piece.bytes().all(is_blank);
                self.cursor += length;
            }
        }
        self.marker_limit(context, out)
    }

    /// What is held beyond 1 MiB is data.
    fn marker_limit(&mut self, context: Context<'_>, out: &mut Output) -> Step {
        if self.cursor - self.place <= HELD_LIMIT {
            return Step::Go;
        }
        if self.state == State::MarkerDelimiter {
            self.cursor = self.behind + ControlToken::Delimiter.literal().len();
            return self.close_string(self.behind, context, out);
        }
        // Only what a later marker would be judged by is looked at in the held text.
        self.opener |= self.tail.has_control(ControlToken::CallOpen, self.place);
        self.state = State::String;
        if context.lenient {
            let object = self.swallowing(context);
            let held = self.tail.slice(self.place, self.cursor);
            self.swallowed.text(held.as_bytes(), object);
        }
        self.data(self.place, context, out)
    }

    /// Behind the first delimiter after a marker: it closes the string if what follows says so.
    pub(super) fn marker_delimiter(&mut self, unit: Unit, context: Context<'_>, out: &mut Output) -> Step {
        match unit {
            Unit::End => Step::Wait,
            Unit::Byte(byte) if is_blank(byte) => {
                self.cursor += 1;
                self.marker_limit(context, out)
            }
            Unit::Byte(b',' | b'}' | b']' | b')') | Unit::Control(ControlToken::CallClose) => {
                self.cursor = self.behind + ControlToken::Delimiter.literal().len();
                self.close_string(self.behind, context, out)
            }
            Unit::Byte(b'<') if self.is_partial_literal() => Step::Wait,
            Unit::Byte(_) | Unit::Control(_) => Step::Done(self.left_open(context, out)),
        }
    }

    /// What has come from the cursor on may still become a control token's literal, which decides nothing yet.
    fn is_partial_literal(&mut self) -> bool {
        let length = self.tail.len();
        let run = self.tail.run(self.cursor);
        self.cursor + run.len() == length && match_literal(run.as_bytes()) == Literal::Prefix
    }

    /// The string was left open at the first marker, which is not consumed.
    pub(super) fn left_open(&mut self, context: Context<'_>, out: &mut Output) -> Verdict {
        self.cursor = self.place;
        let Unit::Control(ControlToken::CallClose) = self.tail.unit(self.place) else {
            return Verdict::Rejected(Reason::TruncatedCall, "the turn ends within a string");
        };
        let rejected = Verdict::Rejected(Reason::MalformedCall, "a string without its closing delimiter");
        if !context.lenient || self.in_key || self.opener || self.swallowed.found(self.swallowing(context)) {
            return rejected;
        }
        let from = if self.held { self.start } else { self.mark };
        let text = self.tail.slice(from, self.place);
        let Some(suffix) = self.closing_suffix(text) else { return rejected };
        self.repairs.note(Repair::MissingCloseDelimiter);
        self.end_data(self.place - suffix, context, out);
        self.cursor = self.place + ControlToken::CallClose.literal().len();
        self.accept(out);
        Verdict::Accepted
    }

    /// The length of the shortest suffix of `text`'s closing run whose brackets are exactly the open ones.
    fn closing_suffix(&self, text: &str) -> Option<usize> {
        let run = closing_run(text);
        let mut bytes = text.bytes().rev().take(run).enumerate().filter(|(_, byte)| !is_blank(*byte));
        let mut length = 0;
        // From the outermost bracket, which is written last, inwards.
        match self.brackets {
            Brackets::Double => length = bytes.next().filter(|(_, byte)| *byte == b'}')?.0 + 1,
            Brackets::Json => length = bytes.next().filter(|(_, byte)| matches!(byte, b')' | b'}'))?.0 + 1,
            Brackets::Braces | Brackets::Round => {}
        }
        for (depth, frame) in self.frames.iter().enumerate() {
            let (back, byte) = bytes.next()?;
            let fits = match byte {
                b']' => frame.array,
                b'}' => !frame.array,
                _ => depth == 0 && self.brackets == Brackets::Round,
            };
            if !fits {
                return None;
            }
            length = back + 1;
        }
        Some(length)
    }
}
