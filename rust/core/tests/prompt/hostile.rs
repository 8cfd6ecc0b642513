//! Input that is deep, long, or refers to itself: nothing overflows a stack, and the work stays linear.

use std::fmt::Write as _;

use gemma4_parser::{MessageField, PromptOptions, Style};

use super::{rendered, styled};

/// A stack on which recursion over a thousand levels would show.
fn on_a_small_stack(run: impl FnOnce() + Send + 'static) {
    std::thread::Builder::new().stack_size(256 * 1024).spawn(run).unwrap().join().unwrap();
}

fn nested(open: &str, inner: &str, close: &str, depth: usize) -> String {
    format!("{}{inner}{}", open.repeat(depth), close.repeat(depth))
}

#[test]
fn deep_values() {
    on_a_small_stack(|| {
        let lists = nested("[", "", "]", 900);
        let maps = nested(r#"{"a":"#, "1", "}", 900);
        for value in [&lists, &maps] {
            let messages = format!(
                r#"[{{"role":"assistant","tool_calls":[{{"id":{value},"function":{{"name":"f","arguments":{{"x":{value}}}}}}}],
                    "tool_responses":[{{"name":"f","response":{value}}}]}},
                    {{"role":"user","content":"q"}},
                    {{"role":"assistant","tool_calls":[{{"id":{value},"function":{{"name":"f","arguments":{{}}}}}}]}},
                    {{"role":"tool","tool_call_id":{value},"content":5}}]"#
            );
            for &style in Style::ALL {
                let prompt = rendered(&messages, "[]", &styled(style)).unwrap();
                let printed = value.replace('"', "");
                assert_eq!(prompt.text().matches(&printed).count(), 2, "{style}");
                assert!(prompt.text().contains("response:f{value:5}"), "{style}");
            }
        }
    });
}

#[test]
fn deep_schemas() {
    on_a_small_stack(|| {
        let object = nested(r#"{"type":"object","properties":{"a":"#, r#"{"type":"string"}"#, "}}", 450);
        let array = nested(r#"{"type":"array","items":"#, r#"{"type":"string"}"#, "}", 900);
        let any = nested(r#"{"anyOf":["#, r#"{"type":"string"}"#, "]}", 450);
        for schema in [object, array, any] {
            let tools = format!(r#"[{{"function":{{"name":"f","description":{schema},"parameters":{schema}}}}}]"#);
            for &style in Style::ALL {
                let prompt = rendered("[]", &tools, &styled(style)).unwrap();
                let count = |what: char| prompt.text().matches(what).count();
                assert!(count('{') > 400, "{style}");
                if style == Style::Fixed {
                    assert_eq!(count('{'), count('}'));
                }
            }
        }
    });
}

#[test]
fn arguments_that_are_too_deep() {
    for (depth, is_read) in [(255, true), (256, false)] {
        let text = nested("[", "", "]", depth);
        let messages = format!(
            r#"[{{"role":"assistant","tool_calls":[{{"function":{{"name":"f","arguments":"{{\"a\":{text}}}"}}}}]}}]"#
        );
        let prompt = rendered(&messages, "[]", &styled(Style::Fixed));
        assert_eq!(prompt.is_ok(), is_read, "{depth}");
        let error = prompt.map_err(|error| error.to_string()).err();
        let expected = "messages[0].tool_calls[0]: the arguments are no JSON object".to_owned();
        assert_eq!(error, (!is_read).then_some(expected));
    }
}

/// Every schema refers twice to the next one: written out it would be 2^60 schemas.
#[test]
fn references_that_multiply() {
    let mut properties = String::new();
    for number in 0..60 {
        let next = format!(r##"{{"$ref":"#/$defs/s{}"}}"##, number + 1);
        write!(properties, r#""s{number}":{{"type":"object","properties":{{"a":{next},"b":{next}}}}},"#).unwrap();
    }
    let tools = format!(
        r##"[{{"function":{{"name":"f","parameters":{{"type":"object",
            "properties":{{"x":{{"$ref":"#/$defs/s0"}}}},"$defs":{{{properties}"s60":{{"type":"string"}}}}}}}}}}]"##
    );
    let prompt = rendered("[]", &tools, &styled(Style::Fixed)).unwrap();
    let replaced = prompt.text().matches("type:").count() - 1;
    assert_eq!(replaced, 256);
    let left = prompt.text().matches("$ref:").count();
    assert!(left > 0);
    assert_eq!(prompt.warnings().len(), left);
    assert!(prompt.text().len() < 40_000, "{}", prompt.text().len());
}

#[test]
fn references_to_what_is_open() {
    let cases = [
        (r##"{"properties":{"a":{"$ref":"#"}}}"##, 1),
        (r##"{"properties":{"a":{"$ref":"#/properties/a"}}}"##, 1),
        (r##"{"properties":{"a":{"$ref":"#/properties/b"},"b":{"$ref":"#/properties/a"}}}"##, 2),
        (r##"{"properties":{"a":{"items":{"$ref":"#/properties/a"}},"b":{"$ref":"#/properties/a"}}}"##, 2),
        (r##"{"$ref":"#"}"##, 1),
    ];
    for (schema, warned) in cases {
        let tools = format!(r#"[{{"name":"f","parameters":{schema}}}]"#);
        let prompt = rendered("[]", &tools, &styled(Style::Fixed)).unwrap();
        let count = prompt.warnings().iter().filter(|text| text.contains("is printed as it is")).count();
        assert_eq!(count, warned, "{schema} {:?}", prompt.warnings());
    }
}

/// Many references that lead nowhere, into an object with many keys.
#[test]
fn references_are_looked_up_fast() {
    let count = 20_000;
    let mut properties = String::new();
    for number in 0..count {
        write!(properties, r##""p{number}":{{"$ref":"#/properties/q{number}"}},"##).unwrap();
    }
    let tools = format!(r#"[{{"name":"f","parameters":{{"type":"object","properties":{{{properties}"z":{{}}}}}}}}]"#);
    let prompt = rendered("[]", &tools, &styled(Style::Fixed)).unwrap();
    assert_eq!(prompt.text().matches("$ref:").count(), count);
    assert_eq!(prompt.warnings().len(), 256, "there is an end to warnings as well: each has the path in it");
}

/// What a conversation of so many rounds prints; it is to grow by the same for each.
type Rounds = fn(usize) -> String;

fn listed(count: usize, item: impl Fn(usize) -> String) -> String {
    (0..count).map(item).collect::<Vec<_>>().join(",")
}

const CALL: &str = r#"{"function":{"name":"f","arguments":{}}"#;

#[test]
fn long_histories() {
    let shapes: [(&str, Rounds); 9] = [
        ("turns", |rounds| {
            listed(rounds, |_| r#"{"role":"user","content":"q"},{"role":"assistant","content":"a"}"#.into())
        }),
        ("results of one message", |rounds| {
            let calls = listed(rounds, |number| format!(r#"{CALL},"id":"{number:06}"}}"#));
            let results =
                listed(rounds, |number| format!(r#"{{"role":"tool","tool_call_id":"{number:06}","content":"r"}}"#));
            format!(r#"{{"role":"assistant","tool_calls":[{calls}]}},{results}"#)
        }),
        ("results with the same id", |rounds| {
            let calls = listed(rounds, |_| format!(r#"{CALL},"id":"c"}}"#));
            let results = listed(rounds, |_| r#"{"role":"tool","tool_call_id":"c","content":"r"}"#.into());
            format!(r#"{{"role":"assistant","tool_calls":[{calls}]}},{results}"#)
        }),
        ("results by name", |rounds| {
            let calls = listed(rounds, |_| format!("{CALL}}}"));
            let results = listed(rounds, |_| r#"{"role":"tool","name":"f","content":"r"}"#.into());
            format!(r#"{{"role":"assistant","tool_calls":[{calls}]}},{results}"#)
        }),
        ("results by order", |rounds| {
            let calls = listed(rounds, |_| format!("{CALL}}}"));
            let results = listed(rounds, |_| r#"{"role":"tool","content":"r"}"#.into());
            format!(r#"{{"role":"assistant","tool_calls":[{calls}]}},{results}"#)
        }),
        ("calls in messages of their own", |rounds| {
            let calls = listed(rounds, |number| {
                format!(r#"{{"role":"assistant","tool_calls":[{CALL},"id":"{number:06}"}}]}}"#)
            });
            let results =
                listed(rounds, |number| format!(r#"{{"role":"tool","tool_call_id":"{number:06}","content":"r"}}"#));
            format!("{calls},{results}")
        }),
        ("results without calls", |rounds| {
            listed(rounds, |_| r#"{"role":"tool","content":"r"},{"role":"user","content":"q"}"#.into())
        }),
        ("parts", |rounds| {
            let parts = listed(rounds, |number| format!(r#"{{"type":"t{}"}},{{"type":"image"}}"#, number % 2));
            format!(r#"{{"role":"user","content":[{parts}]}}"#)
        }),
        ("spelled literals", |rounds| format!(r#"{{"role":"user","content":"{}"}}"#, "<turn|><|turn>".repeat(rounds))),
    ];
    for (name, shape) in shapes {
        for &style in Style::ALL {
            let length = |rounds| {
                let prompt = rendered(&format!("[{}]", shape(rounds)), "[]", &styled(style)).unwrap();
                prompt.text().len()
            };
            let (one, two, many) = (length(1_000), length(2_000), length(20_000));
            assert_eq!(many, one + 19 * (two - one), "{name} {style}");
        }
    }
}

#[test]
fn long_histories_are_continued() {
    let turns = listed(50_000, |_| r#"{"role":"user","content":"q"},{"role":"assistant","content":"abc"}"#.into());
    for &style in Style::ALL {
        let options = PromptOptions {
            add_generation_prompt: false,
            continue_final_message: Some(MessageField::Content),
            ..styled(style)
        };
        let prompt = rendered(&format!("[{turns}]"), "[]", &options).unwrap();
        assert!(prompt.text().ends_with("<|turn>model\nabc"));
    }
}

#[test]
fn both_ends_at_once() {
    let options = PromptOptions { continue_final_message: Some(MessageField::Content), ..PromptOptions::default() };
    let error = rendered(r#"[{"role":"user","content":"q"}]"#, "[]", &options).unwrap_err();
    assert_eq!(error.to_string(), "continue_final_message: add_generation_prompt excludes it");
}
