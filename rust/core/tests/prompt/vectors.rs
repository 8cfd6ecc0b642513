//! The cases of `tests/vectors`: `prompt.jsonl` is what Google's template prints and where it fails, `prompt_own.jsonl`
//! what the fixed style makes of the same defects.

use gemma4_parser::json::Value;
use gemma4_parser::{MessageField, Model, PromptOptions, Style, render};

use super::value;

fn lines(file: &str) -> Vec<String> {
    let path = format!("{}/../../tests/vectors/{file}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).unwrap();
    text.split('\n').filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

fn options(kwargs: &Value<'_>, model: Model, style: Style) -> PromptOptions<'static> {
    let flag = |key| kwargs.get(key).and_then(Value::as_bool).unwrap_or(false);
    let field = kwargs.get("continue_final_message").and_then(|field| match field {
        Value::Bool(continued) => continued.then_some(MessageField::Content),
        name => MessageField::ALL.iter().find(|field| Some(field.as_str()) == name.as_str()).copied(),
    });
    PromptOptions {
        model,
        style,
        add_generation_prompt: flag("add_generation_prompt"),
        enable_thinking: flag("enable_thinking"),
        preserve_thinking: flag("preserve_thinking"),
        continue_final_message: field,
        ..PromptOptions::default()
    }
}

/// Renders a case and compares the text; `None` stands for a failure.
fn check(case: &Value<'_>, options: &PromptOptions<'_>, expected: Option<&str>) {
    let list = |key| case.get(key).and_then(Value::as_array).unwrap_or_default();
    let id = case.get("id").and_then(Value::as_str).unwrap();
    match (render(list("messages"), list("tools"), options), expected) {
        (Ok(prompt), Some(expected)) => assert_eq!(prompt.text(), expected, "{id} {options:?}"),
        (Err(_), None) => {}
        (Ok(prompt), None) => panic!("{id} {options:?} should fail: {}", prompt.text()),
        (Err(error), Some(_)) => panic!("{id} {options:?}: {error}"),
    }
}

#[test]
fn official() {
    let mut checked = 0;
    for line in lines("prompt.jsonl") {
        let case = value(&line);
        let template = case.get("template").and_then(Value::as_str).unwrap();
        let mut expected = vec![(template, case.get("expected"))];
        let others = case.get("expected_other").and_then(Value::as_object).unwrap_or_default();
        expected.extend(others.iter().map(|(name, value)| (&**name, Some(value))));
        for (template, expected) in expected {
            let model = match template {
                "v4-large" => Model::Large,
                "v4-small" => Model::Small,
                "v4-diffusiongemma" => Model::Diffusion,
                // What older templates print is not rendered.
                _ => continue,
            };
            let options = options(case.get("kwargs").unwrap(), model, Style::Official);
            check(&case, &options, expected.and_then(Value::as_str));
            checked += 1;
        }
    }
    assert!(checked > 200, "the vectors are all there, not {checked}");
}

#[test]
fn fixed() {
    let mut checked = 0;
    for line in lines("prompt_own.jsonl") {
        let case = value(&line);
        let word = |key| case.get(key).and_then(Value::as_str);
        let model = *Model::ALL.iter().find(|model| Some(model.as_str()) == word("model")).unwrap();
        let kwargs = case.get("kwargs").unwrap();
        if let Some(official) = case.get("expected_other").and_then(|other| other.get("official")) {
            check(&case, &options(kwargs, model, Style::Official), official.as_str());
        }
        let options = options(kwargs, model, Style::Fixed);
        check(&case, &options, word("expected"));
        let list = |key| case.get(key).and_then(Value::as_array).unwrap_or_default();
        match render(list("messages"), list("tools"), &options) {
            Ok(prompt) => {
                let warnings: Vec<_> = list("warnings").iter().map(|text| text.as_str().unwrap()).collect();
                assert_eq!(prompt.warnings(), warnings, "{:?}", word("id"));
                assert_eq!(Some(prompt.start().as_str()), word("start"), "{:?}", word("id"));
            }
            Err(error) => assert_eq!(Some(error.place()), word("expected_error"), "{:?}", word("id")),
        }
        checked += 1;
    }
    assert!(checked > 100, "the vectors are all there, not {checked}");
}
