//! Keys and values in `"…"`, `'…'` and `` `…` `` (rules `json_string`, `single_quotes`, `backticks`).

use alloc::string::String;

use super::scalar::write_string;
use super::{Arguments, Context, HELD_LIMIT, State, Step, malformed};
use crate::event::Repair;
use crate::json::{unescape, unescape_single};
use crate::key_scan::Found;
use crate::output::Output;
use crate::tail::{Unit, reuse};
use crate::token::{ControlToken, is_blank};

impl Arguments {
    pub(super) fn begin_quoted(&mut self, quote: u8, in_key: bool) -> Step {
        self.quote = quote;
        self.escape = false;
        self.in_key = in_key;
        self.start = self.cursor + 1;
        self.advance(State::Quoted)
    }

    pub(super) fn quoted(&mut self, unit: Unit, context: Context<'_>, out: &mut Output) -> Step {
        let byte = match unit {
            Unit::End => return Step::Wait,
            Unit::Control(token) if token.breaks_quotes() => return Self::marker(token),
            Unit::Control(token) => {
                self.escape = false;
                self.cursor += token.literal().len();
                return self.quoted_limit();
            }
            Unit::Byte(byte) => byte,
        };
        if byte == self.quote && !self.escape {
            self.place = self.cursor;
            if byte == b'"' {
                self.cursor += 1;
                return self.end_quoted(self.cursor, context, out);
            }
            return self.advance(State::QuotedClose);
        }
        self.escape = byte == b'\\' && self.quote != b'`' && !self.escape;
        self.cursor += 1;
        if !self.escape {
            let quote = self.quote;
            self.cursor += self.tail.count(self.cursor, |byte| byte != quote && byte != b'\\' && byte != b'<');
        }
        self.quoted_limit()
    }

    fn quoted_limit(&self) -> Step {
        if self.cursor - self.start > HELD_LIMIT {
            return malformed("a quoted key or value of more than 1 MiB");
        }
        Step::Go
    }

    /// The quote was one of the text's own: walk on behind it.
    fn quote_is_data(&mut self) -> Step {
        self.cursor = self.place + 1;
        self.escape = false;
        self.state = State::Quoted;
        self.quoted_limit()
    }

    /// Behind `'` or `` ` ``: it closes only where what follows says so.
    pub(super) fn quoted_close(&mut self, unit: Unit, context: Context<'_>, out: &mut Output) -> Step {
        match unit {
            Unit::End => Step::Wait,
            Unit::Byte(byte) if is_blank(byte) => self.advance(State::QuotedClose),
            Unit::Byte(b':' | b'=') if self.in_key => self.end_quoted(self.cursor + 1, context, out),
            _ if self.in_key => self.quote_is_data(),
            Unit::Byte(b',') if self.frame().array => self.end_quoted(self.cursor + 1, context, out),
            Unit::Byte(b',') => {
                self.behind = self.cursor;
                self.scan.start();
                self.advance(State::QuotedComma)
            }
            Unit::Byte(byte) if self.fits(byte) => self.end_quoted(self.cursor + 1, context, out),
            Unit::Control(token @ ControlToken::Delimiter) => {
                self.end_quoted(self.cursor + token.literal().len(), context, out)
            }
            // Nothing of the marker belongs to the call's fragments.
            Unit::Control(ControlToken::CallClose) => self.end_quoted(self.cursor, context, out),
            _ => self.quote_is_data(),
        }
    }

    /// In an object, behind the quote and a comma: a possible key or the end must follow.
    pub(super) fn quoted_comma(&mut self, unit: Unit, context: Context<'_>, out: &mut Output) -> Step {
        let found = match unit {
            Unit::End => return Step::Wait,
            Unit::Byte(byte) if self.scan.is_lead() && self.fits(byte) => {
                return self.end_quoted(self.cursor + 1, context, out);
            }
            Unit::Byte(byte) => {
                let found = self.scan.byte(byte, context.object(self.frame().schema));
                if found == Found::More {
                    self.cursor += 1;
                }
                found
            }
            Unit::Control(token) => {
                let found = self.scan.control(token, context.object(self.frame().schema));
                if found == Found::More {
                    self.cursor += token.literal().len();
                }
                found
            }
        };
        match found {
            Found::More if self.cursor - self.behind > HELD_LIMIT => self.quote_is_data(),
            Found::More => Step::Go,
            Found::Key(_) => self.end_quoted(self.cursor + 1, context, out),
            Found::Undeclared | Found::No => self.quote_is_data(),
        }
    }

    /// The text between the quotes is complete; what lies before `decided` has decided it.
    fn end_quoted(&mut self, decided: usize, context: Context<'_>, out: &mut Output) -> Step {
        let (repair, decode): (_, fn(&str, &mut String) -> bool) = match self.quote {
            b'"' => (Repair::JsonString, unescape),
            b'\'' => (Repair::SingleQuotes, unescape_single),
            _ => (Repair::Backticks, |_, _| false),
        };
        self.repairs.note(repair);
        // An escape that is none makes every backslash literal.
        let inner = self.tail.slice(self.start, self.place);
        reuse(&mut self.key);
        if !decode(inner, &mut self.key) {
            self.key.push_str(inner);
        }
        self.cursor = self.place + 1;
        if self.in_key {
            self.state = State::Colon;
            return Step::Go;
        }
        self.begin_value(context, out);
        write_string(&self.key, out.fragment(self.index));
        reuse(&mut self.key);
        self.mark = decided;
        self.state = State::AfterQuoted;
        Step::Go
    }

    pub(super) fn after_quoted(&mut self, unit: Unit) -> Step {
        match unit {
            Unit::Byte(byte) if is_blank(byte) => self.advance(State::AfterQuoted),
            Unit::Control(token @ ControlToken::Delimiter) => {
                self.cursor += token.literal().len();
                self.state = State::Dangling;
                Step::Go
            }
            _ => {
                self.state = State::After;
                Step::Go
            }
        }
    }

    pub(super) fn dangling(&mut self, unit: Unit) -> Step {
        match unit {
            Unit::Byte(byte) if is_blank(byte) => self.advance(State::Dangling),
            Unit::Byte(b',' | b'}' | b']' | b')') => {
                self.repairs.note(Repair::DanglingDelimiter);
                self.state = State::After;
                Step::Go
            }
            Unit::Byte(_) => malformed("expected `,` or a closing bracket after a value"),
            Unit::Control(token) => Self::marker(token),
            Unit::End => Step::Wait,
        }
    }
}
