//! Brackets, and what may follow the arguments object.

use alloc::boxed::Box;

use super::{Arguments, Brackets, Context, DEPTH_LIMIT, Frame, State, Step, Verdict, malformed};
use crate::event::Repair;
use crate::header::{Forms, Header, Progress};
use crate::output::Output;
use crate::tail::Unit;
use crate::token::{ControlToken, is_blank};

impl Arguments {
    pub(super) fn open(&mut self, array: bool, context: Context<'_>, out: &mut Output) -> Step {
        if self.frames.len() >= DEPTH_LIMIT {
            return malformed("nested more than 256 deep");
        }
        self.begin_value(context, out);
        self.frames.push(Frame { array, filled: false, schema: self.value });
        out.fragment(self.index).push(if array { '[' } else { '{' });
        let step = self.advance(if array { State::Element } else { State::Key });
        self.changed();
        step
    }

    /// A closing bracket behind a value, a comma or an opening bracket.
    pub(super) fn close(&mut self, byte: u8, out: &mut Output) -> Step {
        if !self.fits(byte) {
            return malformed("a closing bracket that does not fit");
        }
        if self.frames.len() > 1 {
            let array = self.frames.pop().is_some_and(|frame| frame.array);
            out.fragment(self.index).push(if array { ']' } else { '}' });
            let step = self.advance(State::After);
            self.changed();
            return step;
        }
        // The last `}` is sent with acceptance only.
        self.advance(match self.brackets {
            Brackets::Double | Brackets::Json => State::Outer,
            Brackets::Braces | Brackets::Round => State::Complete,
        })
    }

    pub(super) fn after(&mut self, unit: Unit, context: Context<'_>, out: &mut Output) -> Step {
        match unit {
            Unit::Byte(byte) if is_blank(byte) => self.advance(State::After),
            Unit::Byte(b',') => self.advance(if self.frame().array { State::Element } else { State::Key }),
            Unit::Byte(byte @ (b'}' | b']')) => self.close(byte, out),
            Unit::Byte(b')') if self.is_round() => self.close(b')', out),
            Unit::Byte(_) => malformed("expected `,` or a closing bracket after a value"),
            Unit::Control(ControlToken::CallClose) if context.lenient => self.close_all(out),
            Unit::Control(token) => Self::marker(token),
            Unit::End => Step::Wait,
        }
    }

    pub(super) fn outer(&mut self, unit: Unit, context: Context<'_>, out: &mut Output) -> Step {
        match unit {
            Unit::Byte(byte) if is_blank(byte) => self.advance(State::Outer),
            Unit::Byte(b'}') => self.advance(State::Complete),
            Unit::Byte(b')') if self.brackets == Brackets::Json => self.advance(State::Complete),
            Unit::Byte(_) => malformed("expected the outer closing bracket"),
            Unit::Control(ControlToken::CallClose) if context.lenient => self.close_all(out),
            Unit::Control(token) => Self::marker(token),
            Unit::End => Step::Wait,
        }
    }

    /// `missing_close_bracket`: the close marker directly behind a complete value.
    fn close_all(&mut self, out: &mut Output) -> Step {
        self.repairs.note(Repair::MissingCloseBracket);
        self.cursor += ControlToken::CallClose.literal().len();
        self.accept(out);
        Step::Done(Verdict::Accepted)
    }

    /// Sends what closes the brackets that are open, the arguments object's included.
    pub(super) fn accept(&mut self, out: &mut Output) {
        let fragment = out.fragment(self.index);
        while let Some(frame) = self.frames.pop() {
            fragment.push(if frame.array { ']' } else { '}' });
        }
        self.changed();
    }

    pub(super) fn complete(&mut self, unit: Unit, context: Context<'_>, out: &mut Output) -> Step {
        match unit {
            Unit::Byte(byte) if is_blank(byte) => self.advance(State::Complete),
            Unit::Byte(b'}' | b']' | b')') if context.lenient => {
                self.repairs.note(Repair::ExtraBracket);
                self.advance(State::Complete)
            }
            Unit::Byte(b'>') if self.angle => {
                self.angle = false;
                self.advance(State::Complete)
            }
            Unit::Byte(b'c') if context.lenient => {
                self.header.get_or_insert_with(|| Box::new(Header::new())).begin(false);
                self.state = State::Next;
                Step::Go
            }
            Unit::Byte(_) => malformed("expected the close marker after the arguments"),
            Unit::Control(ControlToken::CallClose) => {
                self.cursor += ControlToken::CallClose.literal().len();
                self.accept(out);
                Step::Done(Verdict::Accepted)
            }
            Unit::Control(token)
                if context.lenient
                    && (token.is_end_marker()
                        || matches!(token, ControlToken::CallOpen | ControlToken::ChannelOpen)) =>
            {
                self.repairs.note(Repair::MissingCloseMarker);
                self.accept(out);
                Step::Done(Verdict::Accepted)
            }
            Unit::Control(token) => Self::marker(token),
            Unit::End => Step::Wait,
        }
    }

    /// `calls_in_one_block`: this call is accepted when name and bracket of the next are read.
    pub(super) fn next(&mut self, context: Context<'_>, out: &mut Output) -> Step {
        let Some(character) = self.tail.run(self.cursor).chars().next() else {
            let Unit::Control(token) = self.tail.unit(self.cursor) else { return Step::Wait };
            return Self::marker(token);
        };
        let forms = Forms { lenient: true, drifted: false, declared: false };
        self.cursor += character.len_utf8();
        match self.header.as_mut().map(|header| header.character(character, forms, context.tools)) {
            Some(Progress::More) => Step::Go,
            None | Some(Progress::No) => malformed("expected the close marker or another call after the arguments"),
            Some(Progress::Call { round }) => {
                self.accept(out);
                Step::Done(Verdict::Next { round })
            }
        }
    }
}
