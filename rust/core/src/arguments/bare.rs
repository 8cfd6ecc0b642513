//! Undelimited values.

use super::scalar::{Scalar, classify, is_json_scalar, write_number, write_string};
use super::{Arguments, Context, HELD_LIMIT, State, Step, malformed};
use crate::event::Repair;
use crate::json::number_len;
use crate::key_scan::Found;
use crate::output::Output;
use crate::tail::Unit;
use crate::token::{ControlToken, is_blank, trim_end};

impl Arguments {
    pub(super) fn begin_bare(&mut self, context: Context<'_>, out: &mut Output) -> Step {
        if let Some(end) = self.number_end() {
            if !context.types(self.value).only_strings() {
                self.begin_value(context, out);
                out.fragment(self.index).push_str(self.tail.slice(self.cursor, end));
                return self.after_bare(end, end);
            }
        }
        self.start = self.cursor;
        self.gap = false;
        self.bad = false;
        self.comma_run = false;
        self.state = State::Bare;
        Step::Go
    }

    /// Where a JSON number that begins here ends, if what decides that stands directly behind it.
    fn number_end(&self) -> Option<usize> {
        let bytes = self.tail.bytes(self.cursor);
        let length = number_len(bytes).ok()?;
        let decided = length <= HELD_LIMIT && matches!(bytes.get(length), Some(b',' | b'}' | b']'));
        decided.then_some(self.cursor + length)
    }

    /// A value has ended at `end`; what has decided it is the unit at `decided`, which is looked at again.
    fn after_bare(&mut self, end: usize, decided: usize) -> Step {
        self.mark = decided + 1;
        self.cursor = end;
        self.state = State::After;
        Step::Go
    }

    /// Whether the text goes on behind a comma unless a key follows (rule `bare_comma`).
    fn runs_over_commas(&self, context: Context<'_>) -> bool {
        context.lenient && !self.frame().array && context.types(self.value).only_strings()
    }

    /// Whether `byte` ends an undelimited value as a closing bracket, fitting or not.
    fn is_closing(&self, byte: u8) -> bool {
        matches!(byte, b'}' | b']') || (byte == b')' && self.is_round())
    }

    pub(super) fn bare(&mut self, unit: Unit, context: Context<'_>, out: &mut Output) -> Step {
        let byte = match unit {
            Unit::Control(token) => return self.bare_control(token, context, out),
            Unit::End => return Step::Wait,
            Unit::Byte(byte) => byte,
        };
        match byte {
            b',' if self.runs_over_commas(context) => {
                self.place = self.cursor;
                self.scan.start();
                self.advance(State::BareComma)
            }
            b',' => self.end_bare(self.cursor, context, out),
            _ if self.is_closing(byte) => self.end_bare(self.cursor, context, out),
            b'{' | b'[' => malformed("an opening bracket in an undelimited value"),
            b'(' if self.is_round() => malformed("an opening bracket in an undelimited value"),
            b' ' => self.advance(State::Bare),
            b'\t' | b'\r' | b'\n' => {
                self.gap = true;
                self.advance(State::Bare)
            }
            _ => {
                // Only `missing_open_delimiter` can still save a text with a control character in it.
                if self.gap || byte < b' ' {
                    self.bad = true;
                    if !context.lenient || self.frame().array {
                        return malformed("a control character in an undelimited value");
                    }
                }
                self.walk_word();
                // Outer blanks do not count.
                if self.cursor - self.start > HELD_LIMIT {
                    return malformed("an undelimited value of more than 1 MiB");
                }
                Step::Go
            }
        }
    }

    fn bare_control(&mut self, token: ControlToken, context: Context<'_>, out: &mut Output) -> Step {
        match token {
            ControlToken::Delimiter if context.lenient && !self.frame().array => {
                let end = self.cursor;
                self.cursor += token.literal().len();
                self.end_undelimited(end, out)
            }
            ControlToken::CallClose if context.lenient => {
                let text = trim_end(self.tail.slice(self.start, self.cursor));
                if self.bad || !is_json_scalar(text) {
                    return Self::marker(token);
                }
                let step = self.end_bare(self.cursor, context, out);
                self.mark = self.cursor;
                step
            }
            _ => Self::marker(token),
        }
    }

    /// `missing_open_delimiter`: the text up to `end` is a string whose first delimiter is missing.
    fn end_undelimited(&mut self, end: usize, out: &mut Output) -> Step {
        self.repairs.note(Repair::MissingOpenDelimiter);
        write_string(self.tail.slice(self.start, end), out.fragment(self.index));
        self.changed();
        self.state = State::After;
        Step::Go
    }

    /// The value ends at `end`; the cursor stays where it is or goes back there.
    fn end_bare(&mut self, end: usize, context: Context<'_>, out: &mut Output) -> Step {
        if self.bad {
            return malformed("a control character in an undelimited value");
        }
        let text = trim_end(self.tail.slice(self.start, end));
        let Some(scalar) = classify(text, context.types(self.value), context.lenient) else {
            return malformed("an undelimited value that is no number, true, false or null");
        };
        self.begin_value(context, out);
        let text = trim_end(self.tail.slice(self.start, end));
        let fragment = out.fragment(self.index);
        match scalar {
            Scalar::Json => fragment.push_str(text),
            Scalar::Number => write_number(text, fragment),
            Scalar::Word(word) => {
                fragment.push_str(word);
                self.repairs.note(Repair::PythonLiteral);
            }
            Scalar::Text(repair) => {
                write_string(text, fragment);
                if let Some(repair) = repair {
                    self.repairs.note(repair);
                }
            }
        }
        if self.comma_run {
            self.repairs.note(Repair::BareComma);
        }
        self.after_bare(end, self.cursor)
    }

    /// The comma was one of the text's own: walk on behind it.
    fn run_over_comma(&mut self) -> Step {
        self.comma_run = true;
        self.cursor = self.place + 1;
        self.state = State::Bare;
        Step::Go
    }

    pub(super) fn bare_comma(&mut self, unit: Unit, context: Context<'_>, out: &mut Output) -> Step {
        let lead = self.scan.is_lead();
        let byte = match unit {
            Unit::End => return Step::Wait,
            Unit::Control(ControlToken::Delimiter) if lead => {
                self.behind = self.cursor;
                self.cursor += ControlToken::Delimiter.literal().len();
                self.state = State::BareDelimiter;
                return Step::Go;
            }
            Unit::Control(token @ ControlToken::Delimiter) if self.scan.is_delimited() => {
                self.cursor += token.literal().len();
                let _ = self.scan.control(token, context.object(self.frame().schema));
                return Step::Go;
            }
            Unit::Control(token @ ControlToken::Delimiter) => return self.bare_control(token, context, out),
            Unit::Control(token) => {
                if self.scan.control(token, context.object(self.frame().schema)) == Found::No {
                    return self.run_over_comma();
                }
                self.cursor += token.literal().len();
                return Step::Go;
            }
            Unit::Byte(byte) => byte,
        };
        if lead && self.is_closing(byte) {
            // A trailing comma.
            return self.end_bare(self.place, context, out);
        }
        if self.cursor - self.place > HELD_LIMIT {
            return self.run_over_comma();
        }
        match self.scan.byte(byte, context.object(self.frame().schema)) {
            Found::More => {
                self.cursor += 1;
                Step::Go
            }
            Found::Key(_) => self.end_bare(self.place, context, out),
            Found::Undeclared => malformed("an undeclared key after an undelimited value"),
            Found::No if self.scan.is_delimited() => malformed("unexpected string delimiter"),
            Found::No => self.run_over_comma(),
        }
    }

    /// A delimiter behind a comma closes the text, or opens a key.
    pub(super) fn bare_delimiter(&mut self, unit: Unit, context: Context<'_>, out: &mut Output) -> Step {
        let closes = match unit {
            Unit::End => return Step::Wait,
            Unit::Byte(byte) if is_blank(byte) => return self.advance(State::BareDelimiter),
            Unit::Byte(byte) => byte == b',' || self.is_closing(byte),
            Unit::Control(token) => token == ControlToken::CallClose,
        };
        if closes {
            return self.end_undelimited(self.behind, out);
        }
        // The key may begin with the blanks that were passed over.
        self.cursor = self.behind + ControlToken::Delimiter.literal().len();
        let _ = self.scan.control(ControlToken::Delimiter, context.object(self.frame().schema));
        self.state = State::BareComma;
        Step::Go
    }
}
