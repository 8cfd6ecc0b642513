//! Prompts: the vectors in both styles, hostile input, and what a prompt says about itself.
#![allow(
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test that fails should panic, and shares its parts as it likes"
)]

mod hostile;
mod segments;
mod vectors;

use gemma4_parser::json::{self, Value};
use gemma4_parser::{Prompt, PromptOptions, RenderError, Style, render};

/// The value of a JSON text.
fn value(text: &str) -> Value<'_> {
    json::parse(text, 1024).unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// The prompt of messages and tools that are JSON texts.
fn rendered(messages: &str, tools: &str, options: &PromptOptions<'_>) -> Result<Prompt, RenderError> {
    let (messages, tools) = (value(messages), value(tools));
    render(messages.as_array().unwrap(), tools.as_array().unwrap(), options)
}

fn styled(style: Style) -> PromptOptions<'static> {
    PromptOptions { style, ..PromptOptions::default() }
}
