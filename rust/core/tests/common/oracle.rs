//! A parser of whole canonical outputs, so small that it is obviously right: recursive descent over the text, written
//! from the rules and with nothing of the crate's machine in it.
//!
//! It reads the canonical grammar and the turn around it. Of everything else (repairs, stray markers, quoted markers,
//! what follows the end, schemas) it says nothing.

use gemma4_parser::{ControlToken, Finish, Kind, Message, Options, Start, Status, ToolCall};

use super::check::forms_agree;
use super::json::{Json, read as read_json, write};
use super::{Owned, Record};

const DELIMITER: &str = "<|\"|>";
const OPENER: &str = "<|tool_call>";
const CLOSE: &str = "<tool_call|>";
const ENDS: [(&str, &str); 4] =
    [("<turn|>", "turn"), ("<|turn>", "turn"), ("<|tool_response>", "tool_response"), ("<eos>", "eos")];

/// What a canonical output says.
#[derive(Debug, Default)]
pub struct Answer {
    pub reasoning: String,
    pub content: String,
    pub calls: Vec<(String, Json)>,
    pub end: &'static str,
}

impl Answer {
    /// The message that a stream must give.
    pub fn message(&self, options: &Options) -> Message {
        let said = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let call = |(name, arguments): &(String, Json)| ToolCall {
            name: name.clone(),
            arguments: write(arguments, options.spaced),
            repairs: Vec::new(),
        };
        Message {
            reasoning: said(&self.reasoning),
            content: said(&self.content),
            tool_calls: self.calls.iter().map(call).collect(),
            unparsed: Vec::new(),
            end: Some(self.end.to_owned()),
        }
    }
}

/// What `text` says in either form, or `None` where it is not canonical.
pub fn read(text: &str, finish: Finish, options: &Options) -> Option<Answer> {
    // The limits on what is held are not written down here, nor what schemas do to delimited values.
    if text.len() > 1 << 20 || !forms_agree(text, finish) || (options.coerce && options.tools.is_some()) {
        return None;
    }
    let mut answer = Answer::default();
    let mut thought = options.start == Start::Reasoning;
    let mut behind_call = false;
    let mut rest = text;
    no_lost_opener(if thought { "" } else { rest }, options)?;
    loop {
        let (said, token, tail) = until_control(rest, options);
        let closes = thought && token == "<channel|>";
        let quote = said.chars().next_back().filter(|last| "\"'`".contains(*last));
        let quoted = !token.is_empty() && quote.is_some_and(|quote| tail.starts_with(quote));
        if (quoted && !closes) || (behind_call && token.is_empty() && is_partial(trim(said))) {
            return None;
        }
        let said = if closes { said.strip_suffix('\n').unwrap_or(said) } else { said };
        if !thought {
            answer.content.push_str(said);
        } else if !trim(said).is_empty() {
            answer.reasoning.push_str(said);
        }
        behind_call = token == OPENER;
        rest = match token {
            OPENER => {
                let mut call = Call { rest: tail, options };
                answer.calls.push(call.call()?);
                call.rest
            }
            "<|channel>" if !thought => {
                thought = true;
                label(tail)
            }
            "<channel|>" if thought => {
                thought = false;
                no_lost_opener(tail, options)?;
                tail
            }
            _ => {
                let end = ENDS.iter().find(|(marker, _)| *marker == token);
                answer.end = if token.is_empty() { finish.as_str() } else { end?.1 };
                // Lenient mode reads a call in places where its opener may have drifted.
                let call = options.lenient && (answer.content.contains("call:") || answer.reasoning.contains("call:"));
                return (only_ends(tail) && !call).then_some(answer);
            }
        };
    }
}

/// Whether a stream has found that all of `text` is one canonical call, so that [`read`] has to find that too.
pub fn must_read(text: &str, record: &Record) -> bool {
    let complete = |event: &Owned| event.kind == Kind::CallEnd && event.text == Status::Complete.as_str();
    // A second close marker would be structure too.
    let closed = text.strip_suffix(CLOSE).is_some_and(|rest| trim(rest).ends_with('}'));
    text.starts_with(OPENER) && closed && record.0.len() == 4 && record.0.iter().any(complete)
}

fn trim(text: &str) -> &str {
    text.trim_matches([' ', '\t', '\r', '\n'])
}

fn is_partial(text: &str) -> bool {
    let mut literals = ControlToken::REQUIRED.iter().map(|token| token.literal());
    !text.is_empty() && literals.any(|literal| literal.starts_with(text) && literal != text)
}

fn only_ends(text: &str) -> bool {
    let text = trim(text);
    text.is_empty() || ENDS.iter().any(|(marker, _)| text.strip_prefix(marker).is_some_and(only_ends))
}

/// A thought whose opener was lost is not canonical.
fn no_lost_opener(text: &str, options: &Options) -> Option<()> {
    (!options.parse_reasoning || !text.starts_with("thought\n")).then_some(())
}

/// The control tokens; where thoughts are not read, channel markers are text.
fn controls(options: &Options) -> impl Iterator<Item = ControlToken> {
    let channels = options.parse_reasoning;
    let is_channel = |token: &ControlToken| matches!(token, ControlToken::ChannelOpen | ControlToken::ChannelClose);
    ControlToken::REQUIRED.into_iter().filter(move |token| channels || !is_channel(token))
}

/// The text before the next control token, its literal (empty at the end), and what follows. A delimiter is text here.
fn until_control<'a>(text: &'a str, options: &Options) -> (&'a str, &'a str, &'a str) {
    for (at, _) in text.match_indices('<') {
        for token in controls(options).filter(|token| *token != ControlToken::Delimiter) {
            if let Some(tail) = text[at..].strip_prefix(token.literal()) {
                return (&text[..at], &text[at..text.len() - tail.len()], tail);
            }
        }
    }
    (text, "", "")
}

/// What follows the label of a thought, which may be missing.
fn label(text: &str) -> &str {
    let Some(tail) = text.strip_prefix("thought") else { return text };
    let ends = tail.is_empty() || ControlToken::REQUIRED.iter().any(|token| tail.starts_with(token.literal()));
    if ends { tail } else { tail.strip_prefix('\n').unwrap_or(text) }
}

/// A call that is read from behind its opener.
struct Call<'a> {
    rest: &'a str,
    options: &'a Options,
}

impl<'a> Call<'a> {
    fn blanks(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t', '\r', '\n']);
    }

    /// Blanks, and then this.
    fn take(&mut self, what: &str) -> Option<()> {
        self.blanks();
        self.rest = self.rest.strip_prefix(what)?;
        Some(())
    }

    fn until(&mut self, ends: &[char]) -> Option<&'a str> {
        let (text, rest) = self.rest.split_at(self.rest.find(ends)?);
        self.rest = rest;
        Some(trim(text))
    }

    fn call(&mut self) -> Option<(String, Json)> {
        self.take("call:")?;
        let name = self.until(&['{'])?;
        let forbidden = |c: char| c < ' ' || "\"'`<".contains(c) || (self.options.lenient && c == '(');
        if name.is_empty() || name.len() > 1024 || name.contains(forbidden) {
            return None;
        }
        let arguments = self.object(1)?;
        self.take(CLOSE)?;
        Some((name.to_owned(), arguments))
    }

    fn object(&mut self, depth: usize) -> Option<Json> {
        self.take("{")?;
        let mut pairs = Vec::new();
        while self.take("}").is_none() {
            self.blanks();
            let key = if self.rest.starts_with(DELIMITER) { self.string()? } else { self.bare_key()?.to_owned() };
            self.take(":")?;
            self.blanks();
            let value = if self.rest.starts_with('}') { Json::String(String::new()) } else { self.value(depth)? };
            pairs.push((key, value));
            self.blanks();
            if !self.rest.starts_with('}') {
                self.take(",")?;
            }
        }
        (depth <= 256).then_some(Json::Object(pairs))
    }

    fn bare_key(&mut self) -> Option<&'a str> {
        let key = self.until(&[':'])?;
        let forbidden = |c: char| c < ' ' || ",{}[]\"'`".contains(c) || (self.options.lenient && c == '=');
        let control = controls(self.options).any(|token| key.contains(token.literal()));
        (!key.is_empty() && !key.contains(forbidden) && !control).then_some(key)
    }

    fn array(&mut self, depth: usize) -> Option<Json> {
        self.take("[")?;
        let mut items = Vec::new();
        while self.take("]").is_none() {
            items.push(self.value(depth)?);
            self.blanks();
            if !self.rest.starts_with(']') {
                self.take(",")?;
            }
        }
        (depth <= 256).then_some(Json::Array(items))
    }

    fn value(&mut self, depth: usize) -> Option<Json> {
        self.blanks();
        match self.rest.chars().next()? {
            '{' => self.object(depth + 1),
            '[' => self.array(depth + 1),
            _ if self.rest.starts_with(DELIMITER) => self.string().map(Json::String),
            _ => read_json(self.until(&[',', '}', ']'])?)
                .filter(|value| self.options.tools.is_none() && matches!(value, Json::Word(_) | Json::Number(_))),
        }
    }

    /// Everything up to the next delimiter, if the markers in it are data (rule `marker-in-string`).
    fn string(&mut self) -> Option<String> {
        let (data, rest) = self.rest.strip_prefix(DELIMITER)?.split_once(DELIMITER)?;
        self.rest = rest;
        let goes_on = [",", "}", "]", ")", CLOSE].iter().any(|next| trim(rest).starts_with(next));
        let ends = |text: &str| ENDS.iter().any(|(marker, _)| text.starts_with(marker));
        let is_data = |at: usize| {
            let marker = ENDS.iter().map(|end| end.0).chain([CLOSE]).find(|marker| data[at..].starts_with(marker));
            marker.is_none_or(|marker| {
                let next = trim(&data[at + marker.len()..]);
                goes_on && !next.starts_with(OPENER) && !ends(next)
            })
        };
        data.match_indices('<').all(|(at, _)| is_data(at)).then(|| data.to_owned())
    }
}
