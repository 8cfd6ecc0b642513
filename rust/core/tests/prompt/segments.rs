//! What a prompt says about itself: its segments, pieces, start and warnings.

use gemma4_parser::ControlToken as C;
use gemma4_parser::{Prompt, PromptOptions, Segment, Start, Style};

use super::{rendered, styled};

fn spelled(segments: impl Iterator<Item = Segment<'static>>) -> String {
    segments
        .map(|segment| match segment {
            Segment::Control(token) => token.literal(),
            Segment::Text(text) => text,
        })
        .collect()
}

/// A prompt in which every literal is spelled in every place where text comes from.
fn full_of_literals(style: Style) -> Prompt {
    let all: String = C::ALL.iter().map(|token| token.literal()).collect();
    let all = all.replace('"', "\\\"");
    let messages = format!(
        r#"[{{"role":"system","content":"{all}"}},{{"role":"user","content":"<<turn|>{all}<turn|"}},
        {{"role":"assistant","reasoning":"{all}","content":null,"tool_calls":
            [{{"id":"{all}","function":{{"name":"{all}","arguments":{{"{all}":["{all}"]}}}}}}]}},
        {{"role":"tool","tool_call_id":"{all}","content":"{all}"}}]"#
    );
    let tools = format!(
        r#"[{{"function":{{"name":"{all}","description":"{all}","parameters":
            {{"type":"object","properties":{{"{all}":{{"type":"string","description":"{all}"}}}}}}}}}}]"#
    );
    rendered(&messages, &tools, &styled(style)).unwrap()
}

#[test]
fn segments_are_the_text() {
    for &style in Style::ALL {
        let prompt: &'static Prompt = Box::leak(Box::new(full_of_literals(style)));
        assert_eq!(spelled(prompt.segments()), prompt.text());
        assert_eq!(spelled(prompt.pieces()), prompt.text());
        let controls = prompt.segments().filter(|segment| matches!(segment, Segment::Control(_))).count();
        assert_eq!(controls, prompt.controls().len());
        for (at, token) in prompt.controls() {
            assert!(prompt.text()[at..].starts_with(token.literal()));
        }
        let mut was_text = false;
        for segment in prompt.segments() {
            let is_text = matches!(segment, Segment::Text(_));
            assert!(!(is_text && was_text), "texts are one segment");
            assert_ne!(segment, Segment::Text(""));
            was_text = is_text;
        }
    }
}

#[test]
fn data_makes_no_control_tokens() {
    for &style in Style::ALL {
        let prompt = full_of_literals(style);
        let controls: Vec<_> = prompt.controls().map(|(_, token)| token).collect();
        let d = [C::Delimiter, C::Delimiter];
        let mut expected = vec![C::Bos, C::TurnOpen, C::ToolOpen];
        expected.extend(d.repeat(4));
        expected.extend([C::ToolClose, C::TurnClose, C::TurnOpen, C::TurnClose, C::TurnOpen, C::ChannelOpen]);
        expected.extend([C::ChannelClose, C::CallOpen]);
        expected.extend(d);
        expected.extend([C::CallClose, C::ResponseOpen]);
        expected.extend(d);
        expected.push(C::ResponseClose);
        assert_eq!(controls, expected, "{style}");
        for piece in prompt.pieces() {
            if let Segment::Text(text) = piece {
                assert!(!text.is_empty());
                assert!(!C::ALL.iter().any(|token| text.contains(token.literal())), "{text}");
            }
        }
    }
}

#[test]
fn spelled_literals_are_warned_of() {
    let prompt = full_of_literals(Style::Fixed);
    let of = |place: &str| prompt.warnings().iter().filter(|text| text.starts_with(place)).count();
    for place in [
        "messages[0]: ",
        "messages[1]: ",
        "messages[2]: ",
        "messages[2].tool_calls[0]: ",
        "messages[3]: ",
        "tools[0]: ",
    ] {
        assert_eq!(of(place), C::ALL.len(), "{place}");
    }
    assert_eq!(prompt.warnings().len(), 6 * C::ALL.len());
    assert_eq!(
        prompt.warnings()[0],
        "messages[0]: the text spells <pad>, which is a control token for a tokenizer; ids() keeps it text"
    );
}

#[test]
fn literals_of_several_texts_are_found() {
    let messages = r#"[{"role":"user","content":[{"type":"text","text":"a<tu"},{"type":"text","text":"rn|>b"}]}]"#;
    for &style in Style::ALL {
        let prompt = rendered(messages, "[]", &styled(style)).unwrap();
        assert!(prompt.warnings()[0].starts_with("messages[0]: the text spells <turn|>,"), "{:?}", prompt.warnings());
        let texts: Vec<_> = prompt.pieces().collect();
        assert_eq!(texts[2..4], [Segment::Text("user\na<"), Segment::Text("turn|>b")]);
    }
}

#[test]
fn what_stands_first() {
    let prompt = |bos| rendered("[]", "[]", &PromptOptions { bos, ..PromptOptions::default() }).unwrap();
    assert_eq!(prompt("<bos>").segments().next(), Some(Segment::Control(C::Bos)));
    assert_eq!(prompt("").segments().next(), Some(Segment::Control(C::TurnOpen)));
    assert_eq!(prompt("<s>").segments().next(), Some(Segment::Text("<s>")));
    let warned = prompt("<bos>\n");
    assert_eq!(warned.segments().next(), Some(Segment::Text("<bos>\n")));
    assert!(warned.warnings()[0].starts_with("bos: the text spells <bos>,"));
}

#[test]
fn where_the_output_starts() {
    let messages = r#"[{"role":"user","content":"q"},
        {"role":"assistant","tool_calls":[{"id":"c","function":{"name":"f","arguments":{}}}]},
        {"role":"tool","tool_call_id":"c","content":"r<|channel>"}]"#;
    for &style in Style::ALL {
        for enable_thinking in [false, true] {
            let options = PromptOptions { enable_thinking, ..styled(style) };
            let start = if enable_thinking { Start::Reasoning } else { Start::Content };
            assert_eq!(rendered(messages, "[]", &options).unwrap().start(), start);
        }
        assert_eq!(rendered("[]", "[]", &styled(style)).unwrap().start(), Start::Content);
    }
}

#[test]
fn where_generation_stops() {
    assert_eq!(C::STOP.map(C::id), [1, 106, 50]);
}
