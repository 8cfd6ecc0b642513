//! A streaming parser for what Gemma 4 models write.
//!
//! Token ids or text in, as they come; reasoning, content and tool calls (their arguments as fragments of JSON text)
//! out, as early as they are certain. See [`StreamParser`] for streams and [`parse`] for whole outputs, and [`render`] for
//! the prompts that they follow; the rules have names and are told in the project's `DESIGN.md`.
#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::string_slice,
        reason = "a test that fails should panic"
    )
)]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod arguments;
pub mod canonical;
mod error;
mod event;
mod format;
mod header;
pub mod json;
mod key_scan;
mod message;
mod model;
mod order;
mod output;
mod prompt;
mod scan;
mod schema;
mod stream;
mod tail;
mod text;
mod token;
mod turn;
mod utf8;
mod vocabulary;

pub use error::{Error, ErrorKind, RenderError};
pub use event::{Detail, End, Event, Finish, Kind, Reason, Repair, Repairs, Sink, Start, Status};
pub use format::format_arguments;
pub use message::{Fold, Message, ToolCall, Unparsed, arguments_to_json, parse, parse_ids};
pub use model::{Model, is_gemma4, model_kind};
pub use prompt::{MessageField, Prompt, PromptOptions, Segment, Style, render};
pub use schema::Tools;
pub use stream::{Options, StreamParser};
pub use token::ControlToken;
pub use vocabulary::Vocabulary;
