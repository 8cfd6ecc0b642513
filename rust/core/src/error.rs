//! The error types: a kind, an offset and a sentence; for prompts, a place and a reason.
//!
//! Errors are for wrong use of the API and for unusable input of the *caller* (a vocabulary file, a tool list, an
//! argument text). What a model writes never is an error: it becomes events.

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::{String, ToString};
use core::fmt;

/// What went wrong, for callers that decide by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// Text that should be JSON is not.
    Json,
    /// A list of tools that is no list of tools.
    Tools,
    /// A vocabulary that cannot be used: control tokens missing, an unknown decoder, no such field.
    Vocabulary,
    /// A token id outside the vocabulary.
    UnknownId,
    /// An argument text that fits no accepted form.
    Arguments,
    /// The API was used in a wrong order or with options that contradict each other.
    Usage,
}

/// An error with its kind and, where there is one, the place in the input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    kind: ErrorKind,
    offset: usize,
    message: Cow<'static, str>,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, offset: usize, message: impl Into<Cow<'static, str>>) -> Self {
        Self { kind, offset, message: message.into() }
    }

    /// An id outside the vocabulary, at this place of a list of ids.
    pub(crate) fn unknown_id(id: u32, at: usize) -> Self {
        Self::new(ErrorKind::UnknownId, at, format!("token id {id} is not in the vocabulary"))
    }

    /// The kind.
    pub const fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// Bytes of the input before the place of the error; 0 where the input has no places (an index into a list of
    /// ids for [`ErrorKind::UnknownId`]).
    pub const fn offset(&self) -> usize {
        self.offset
    }

    /// The sentence alone, without the offset.
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            ErrorKind::Json | ErrorKind::Arguments => write!(f, "{} at byte {}", self.message, self.offset),
            _ => f.write_str(&self.message),
        }
    }
}

impl core::error::Error for Error {}

/// What could not be rendered: a place and the reason.
///
/// `Display` is `PLACE: REASON`. The places and reasons are told in `DESIGN.md`, part 8.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RenderError {
    place: String,
    reason: Cow<'static, str>,
}

impl RenderError {
    #[cold]
    #[inline(never)]
    pub(crate) fn new(place: impl fmt::Display, reason: impl Into<Cow<'static, str>>) -> Self {
        Self { place: place.to_string(), reason: reason.into() }
    }

    /// Where: `messages[2]`, `messages[2].tool_calls[0]`, `tools[0].parameters` and so on.
    pub fn place(&self) -> &str {
        &self.place
    }

    /// Why, without the place.
    pub fn reason(&self) -> &str {
        &self.reason
    }
}

impl fmt::Display for RenderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.reason)
    }
}

impl core::error::Error for RenderError {}
