//! The text of a prompt in the making: what is a control token is known, what else was said about it too.

use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::{fmt, ptr};

use crate::json::Value;
use crate::order;
use crate::scan::{count, position};
use crate::token::ControlToken;

/// Fields that say nothing about what is printed.
const SILENT: [&str; 5] = ["id", "type", "index", "annotations", "strict"];

/// The same for a text part.
const SILENT_IN_PARTS: [&str; 6] = ["id", "type", "index", "annotations", "citations", "cache_control"];

/// What the text is made from; the order is that of the warnings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Place {
    /// The text in front.
    Bos,
    /// A message or a part of it.
    Message(usize, Within),
    /// A tool, and the how manieth schema in it; 0 is the tool itself.
    Tool(usize, usize),
}

/// A message or a part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Within {
    /// The message itself.
    Itself,
    /// One of its calls.
    Call(usize),
    /// One of its `tool_responses`.
    Response(usize),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Bos => f.write_str("bos"),
            Self::Message(number, within) => {
                write!(f, "messages[{number}]")?;
                match within {
                    Within::Itself => Ok(()),
                    Within::Call(call) => write!(f, ".tool_calls[{call}]"),
                    Within::Response(response) => write!(f, ".tool_responses[{response}]"),
                }
            }
            Self::Tool(number, _) => write!(f, "tools[{number}]"),
        }
    }
}

/// What warnings are about; the order is that of the warnings of one place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Topic {
    Spelled,
    NoCall,
    HasResponses,
    Moved,
    ByOrder,
    OneMore,
    NoResult,
    Pending,
    Content,
    Field,
    Reasoning,
    Unclosed,
    Thought,
    Role,
    NoType,
    Reference,
}

struct Warning {
    place: Place,
    topic: Topic,
    text: String,
}

/// Writes a prompt.
#[derive(Default)]
pub(crate) struct Writer {
    text: String,
    controls: Vec<(usize, ControlToken)>,
    /// From which byte on the text belongs to which place.
    places: Vec<(usize, Place)>,
    warnings: Vec<Warning>,
}

impl Writer {
    /// Bytes written.
    pub(crate) fn len(&self) -> usize {
        self.text.len()
    }

    /// What has been written.
    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// What comes next is made from this.
    pub(crate) fn at(&mut self, place: Place) {
        self.places.push((self.text.len(), place));
    }

    pub(crate) fn control(&mut self, token: ControlToken) {
        self.controls.push((self.text.len(), token));
        self.text.push_str(token.literal());
    }

    pub(crate) fn text(&mut self, text: &str) {
        self.text.push_str(text);
    }

    /// A string between its delimiters.
    pub(crate) fn quoted(&mut self, text: &str) {
        self.control(ControlToken::Delimiter);
        self.text.push_str(text);
        self.control(ControlToken::Delimiter);
    }

    /// The same in upper case.
    pub(crate) fn quoted_upper(&mut self, text: &str) {
        if !text.is_ascii() {
            return self.quoted(&text.to_uppercase());
        }
        let start = self.text.len();
        self.quoted(text);
        // The delimiters have no letters.
        self.text.get_mut(start..).unwrap_or_default().make_ascii_uppercase();
    }

    /// Takes back what was written behind the first `length` bytes, of which no control token is cut.
    pub(crate) fn truncate(&mut self, length: usize) {
        self.text.truncate(length);
        self.controls.truncate(self.controls.partition_point(|(at, _)| *at < length));
    }

    #[cold]
    #[inline(never)]
    pub(crate) fn warn(&mut self, place: Place, topic: Topic, text: impl fmt::Display) {
        self.warnings.push(Warning { place, topic, text: format!("{place}: {text}") });
    }

    /// Warns of a schema within a tool; `path` follows the tool.
    pub(crate) fn warn_within(&mut self, place: Place, path: &str, topic: Topic, text: impl fmt::Display) {
        self.warnings.push(Warning { place, topic, text: format!("{place}{path}: {text}") });
    }

    /// Warns of the fields that are not null and that are not `read`.
    pub(crate) fn warn_of_fields(&mut self, place: Place, fields: &Value<'_>, read: &[&str]) {
        self.warn_of_others(place, fields, read, &SILENT);
    }

    /// The same for a text part, at its message.
    pub(crate) fn warn_of_part(&mut self, place: Place, part: &Value<'_>) {
        self.warn_of_others(place, part, &["text"], &SILENT_IN_PARTS);
    }

    fn warn_of_others(&mut self, place: Place, fields: &Value<'_>, read: &[&str], silent: &[&str]) {
        for (key, value) in fields.as_object().unwrap_or_default() {
            if *value != Value::Null && !read.contains(&&**key) && !silent.contains(&&**key) {
                self.warn(place, Topic::Field, format_args!("the field \"{key}\" is left out"));
            }
        }
    }

    /// The same for what may be in a wrapper `function`.
    pub(crate) fn warn_of_wrapped(&mut self, place: Place, wrapper: &Value<'_>, function: &Value<'_>, read: &[&str]) {
        if !ptr::eq(wrapper, function) {
            self.warn_of_fields(place, wrapper, &["function"]);
        }
        self.warn_of_fields(place, function, read);
    }

    /// The text and the control tokens in it alone.
    pub(crate) fn into_text(self) -> String {
        self.text
    }

    /// The text, the control tokens in it, and the warnings in the order of their places, each once.
    pub(crate) fn finish(mut self) -> (String, Vec<(usize, ControlToken)>, Vec<String>) {
        self.warn_of_spelled();
        order::sort_by(&mut self.warnings, |one, other| (one.place, one.topic).cmp(&(other.place, other.topic)));
        let mut seen = BTreeSet::new();
        let once: Vec<bool> = self.warnings.iter().map(|warning| seen.insert(warning.text.as_str())).collect();
        let warnings = self.warnings.into_iter().zip(once).filter(|(_, once)| *once);
        (self.text, self.controls, warnings.map(|(warning, _)| warning.text).collect())
    }

    /// Warns of the literals that are no control tokens.
    fn warn_of_spelled(&mut self) {
        // A literal has one `<`, its first character.
        if count(self.text.as_bytes(), b'<') == self.controls.len() {
            return;
        }
        let mut seen = Vec::new();
        let mut controls = self.controls.iter().map(|(at, _)| *at).peekable();
        let mut places = self.places.iter().peekable();
        let mut place = Place::Bos;
        let mut at = 0;
        while let Some(token) = next_literal(&self.text, &mut at) {
            while controls.next_if(|control| *control < at).is_some() {}
            if controls.peek() != Some(&at) {
                while let Some((_, next)) = places.next_if(|(from, _)| *from <= at) {
                    place = *next;
                    seen.clear();
                }
                if !seen.contains(&token) {
                    seen.push(token);
                    let literal = token.literal();
                    let text = format!(
                        "{place}: the text spells {literal}, which is a control token for a tokenizer; ids() keeps it text"
                    );
                    self.warnings.push(Warning { place, topic: Topic::Spelled, text });
                }
            }
            at += token.literal().len();
        }
    }
}

/// Moves `at` to the next literal of a control token; none: to the end of the text.
pub(super) fn next_literal(text: &str, at: &mut usize) -> Option<ControlToken> {
    loop {
        let rest = text.as_bytes().get(*at..).unwrap_or_default();
        let Some(start) = position(rest, |byte| byte == b'<') else {
            *at = text.len();
            return None;
        };
        *at += start;
        let rest = rest.get(start..).unwrap_or_default();
        if let Some(token) = ControlToken::ALL.into_iter().find(|token| rest.starts_with(token.literal().as_bytes())) {
            return Some(token);
        }
        *at += 1;
    }
}
