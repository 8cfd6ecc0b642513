//! Every case of `tests/vectors/prompt.jsonl` in the official style: what Google's template prints, and where it fails.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test that fails should panic"
)]

use gemma4_parser::json::{self, Value};
use gemma4_parser::{MessageField, Model, PromptOptions, Style, render};

fn options<'a>(kwargs: &'a Value<'a>, model: Model) -> PromptOptions<'a> {
    let flag = |key| kwargs.get(key).and_then(Value::as_bool).unwrap_or(false);
    let continued = match kwargs.get("continue_final_message") {
        None | Some(Value::Bool(false) | Value::Null) => None,
        Some(Value::Bool(true)) => Some(MessageField::Content),
        Some(word) => match word.as_str().unwrap() {
            "reasoning" => Some(MessageField::Reasoning),
            "reasoning_content" => Some(MessageField::ReasoningContent),
            word => panic!("{word}"),
        },
    };
    PromptOptions {
        model,
        style: Style::Official,
        add_generation_prompt: flag("add_generation_prompt"),
        enable_thinking: flag("enable_thinking"),
        preserve_thinking: flag("preserve_thinking"),
        continue_final_message: continued,
        bos: "<bos>",
    }
}

#[test]
fn official() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/vectors/prompt.jsonl");
    let lines = std::fs::read_to_string(path).unwrap();
    let mut checked = 0;
    for line in lines.split('\n').filter(|line| !line.is_empty()) {
        let case = json::parse(line, 256).unwrap();
        let word = |key: &str| case.get(key).and_then(Value::as_str).unwrap();
        let other = case.get("expected_other").and_then(Value::as_object).unwrap_or_default();
        let mut expected: Vec<(&str, &Value)> = other.iter().map(|(name, value)| (&**name, value)).collect();
        expected.push((word("template"), case.get("expected").or_else(|| case.get("expected_error")).unwrap()));
        for (template, expected) in expected {
            let model = match template {
                "v4-large" => Model::Large,
                "v4-small" => Model::Small,
                "v4-diffusiongemma" => Model::Diffusion,
                // Older ones.
                _ => continue,
            };
            let fails = expected.get("error").is_some() || case.get("expected").is_none();
            let messages = case.get("messages").and_then(Value::as_array).unwrap();
            let tools = case.get("tools").and_then(Value::as_array).unwrap_or_default();
            let prompt = render(messages, tools, &options(case.get("kwargs").unwrap(), model));
            let id = word("id");
            match prompt {
                Ok(prompt) if !fails => assert_eq!(prompt.text(), expected.as_str().unwrap(), "{id} {template}"),
                Ok(prompt) => panic!("{id} {template}: {}", prompt.text()),
                Err(_) if fails => {}
                Err(error) => panic!("{id} {template}: {error}"),
            }
            checked += 1;
        }
    }
    assert!(checked > 200, "the vectors are all there: {checked}");
}
