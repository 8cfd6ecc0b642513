//! Marker assembly for the text form: decoded text in, symbols out (rule `text-form`).

use alloc::string::String;

use crate::scan::position;
use crate::tail::reuse;
use crate::token::{ControlToken, Literal, is_blank, match_literal};

/// Finds the literals of control tokens in text, also where they are split over deltas.
///
/// Two things are held: a tail that may become a literal, and an `<eos>` (with the blanks and end markers behind it)
/// until it is known whether text follows.
#[derive(Debug, Default)]
pub(crate) struct Assembler {
    held: String,
    /// Where `held` starts with an `<eos>`: how much of it is that, blanks and end markers; else 0.
    eos: usize,
}

const PAD: &str = ControlToken::Pad.literal();

/// What the next characters of the input are.
enum Next {
    Text(usize),
    Control(ControlToken, usize),
    /// A proper prefix of a literal up to the end of what has come.
    Partial,
}

/// The next symbol of `text`, which is not empty. `<pad>` is left to the turn, which knows whether it has ended.
fn next(text: &str) -> Next {
    let bytes = text.as_bytes();
    match bytes {
        [b'<', ..] => {}
        [_, b'<', ..] => return Next::Text(1),
        _ => return Next::Text(position(bytes, |byte| byte == b'<').unwrap_or(text.len())),
    }
    match match_literal(bytes) {
        Literal::Whole(token) => Next::Control(token, token.literal().len()),
        Literal::Prefix => Next::Partial,
        // Only the first character of a literal is `<`: what follows is looked at anew.
        Literal::No => Next::Text(1),
    }
}

/// What follows an `<eos>`.
enum Run {
    /// Nothing but blanks and end markers up to here, where the text ends or a literal is in the making.
    Open(usize),
    /// Something else, from here on.
    Text(usize),
}

/// Looks at `text` from `at` on, which lies behind an `<eos>`.
fn eos_run(text: &str, mut at: usize) -> Run {
    loop {
        let rest = text.get(at..).unwrap_or_default();
        match rest.as_bytes() {
            [] => return Run::Open(at),
            [byte, ..] if is_blank(*byte) => at += 1,
            // Behind an `<eos>` the turn has ended, so `<pad>` counts.
            _ if rest.starts_with(PAD) => at += PAD.len(),
            _ if PAD.starts_with(rest) => return Run::Open(at),
            _ => match next(rest) {
                Next::Control(token, length) if token.is_end_marker() => at += length,
                Next::Partial => return Run::Open(at),
                Next::Control(..) | Next::Text(_) => return Run::Text(at),
            },
        }
    }
}

impl Assembler {
    /// Whether nothing is held.
    pub(crate) fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    pub(crate) fn clear(&mut self) {
        reuse(&mut self.held);
        self.eos = 0;
    }

    /// Hands the text of `delta` to `take`, with the control token behind it where there is one; a text may be empty.
    pub(crate) fn push(&mut self, delta: &str, mut take: impl FnMut(&str, Option<ControlToken>)) {
        let mut rest = delta;
        // A literal in the making has at most 15 characters: little of the delta is copied to it.
        while !self.held.is_empty() && self.eos == 0 {
            let Some(character) = rest.chars().next() else { return };
            let (head, tail) = rest.split_at(character.len_utf8());
            rest = tail;
            self.held.push_str(head);
            self.scan_held(&mut take);
        }
        if self.eos > 0 {
            self.held.push_str(rest);
            match eos_run(&self.held, self.eos) {
                Run::Open(checked) => self.eos = checked,
                Run::Text(_) => {
                    self.eos = 0;
                    self.scan_held(&mut take);
                }
            }
        } else {
            let done = self.scan(rest, &mut take);
            self.held.push_str(rest.get(done..).unwrap_or_default());
        }
    }

    fn scan_held(&mut self, take: &mut impl FnMut(&str, Option<ControlToken>)) {
        let mut held = core::mem::take(&mut self.held);
        let done = self.scan(&held, take);
        if done == held.len() {
            reuse(&mut held);
        } else {
            held.drain(..done);
        }
        self.held = held;
    }

    /// Takes symbols off `text`; gives back how much, the rest being held. Sets `eos` where that begins with one.
    fn scan(&mut self, text: &str, take: &mut impl FnMut(&str, Option<ControlToken>)) -> usize {
        let piece = |from, to| text.get(from..to).unwrap_or_default();
        // Text is handed over in one piece, `from` to `at`, up to the next control token.
        let (mut from, mut at) = (0, 0);
        // Up to here an `<eos>` is known to be text.
        let mut eos_is_text = 0;
        while at < text.len() {
            let rest = text.get(at..).unwrap_or_default();
            match next(rest) {
                Next::Text(length) => at += length,
                Next::Partial => break,
                Next::Control(ControlToken::Eos, length) => {
                    if at >= eos_is_text {
                        match eos_run(text, at + length) {
                            Run::Open(checked) => {
                                self.eos = checked - at;
                                break;
                            }
                            Run::Text(until) => eos_is_text = until,
                        }
                    }
                    at += length;
                }
                Next::Control(token, length) => {
                    take(piece(from, at), Some(token));
                    at += length;
                    from = at;
                }
            }
        }
        take(piece(from, at), None);
        at
    }

    /// The end of the stream: an `<eos>` that was the last word is a control token if generation stopped by itself.
    pub(crate) fn finish(&mut self, stop: bool, mut take: impl FnMut(&str, Option<ControlToken>)) {
        let held = core::mem::take(&mut self.held);
        // A literal in the making is text that follows the `<eos>`.
        let eos_counts = stop && self.eos == held.len();
        let mut rest = held.as_str();
        while !rest.is_empty() {
            let (length, control) = match next(rest) {
                Next::Control(ControlToken::Eos, length) if !eos_counts => (length, None),
                Next::Control(token, length) => (length, Some(token)),
                Next::Text(length) => (length, None),
                Next::Partial => (rest.len(), None),
            };
            let (spelled, behind) = rest.split_at(length);
            take(if control.is_some() { "" } else { spelled }, control);
            rest = behind;
        }
        self.clear();
    }
}
