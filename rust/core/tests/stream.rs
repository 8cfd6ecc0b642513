//! The stream as its callers use it: order of use, errors, reset, and where an output starts.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that fails should panic"
)]

mod common;

use common::{Record, tokenize, vocabulary};
use gemma4_parser::{ErrorKind, Finish, Kind, Options, Start, StreamParser, parse, parse_ids};

const CALL: &str = "<|tool_call>call:f{a:<|\"|>x<|\"|>}<tool_call|>";

fn stream() -> StreamParser {
    StreamParser::new(Some(vocabulary()), Options::default()).unwrap()
}

/// Ids after text, text after ids and anything after the end are wrong use; the state stays as it was.
#[test]
fn wrong_order_is_an_error_that_changes_nothing() {
    let mut record = Record::default();
    let mut text = stream();
    text.push_text("<|tool_call>call:f{a:<|\"|>x", &mut record).unwrap();
    assert_eq!(text.push(&[300], &mut record).unwrap_err().kind(), ErrorKind::Usage);
    text.push_text("<|\"|>}<tool_call|>", &mut record).unwrap();
    text.finish(Finish::Stop, &mut record).unwrap();
    assert_eq!(record, Record::of_texts(&[CALL], Finish::Stop, &Options::default()));
    for result in
        [text.push_text("x", &mut record), text.push(&[300], &mut record), text.finish(Finish::Stop, &mut record)]
    {
        assert_eq!(result.unwrap_err().kind(), ErrorKind::Usage);
    }
    assert_eq!(record.0.len(), 4, "an error has no events");

    let mut ids = stream();
    ids.push(&tokenize("Hi"), &mut record).unwrap();
    assert_eq!(ids.push_text("x", &mut record).unwrap_err().kind(), ErrorKind::Usage);
    ids.push(&tokenize("!"), &mut record).unwrap();
}

/// An id outside the vocabulary is an error with its place; nothing of its delta has been read.
#[test]
fn an_unknown_id_changes_nothing() {
    let mut stream = stream();
    let mut record = Record::default();
    stream.push(&tokenize("<|tool_call>call:f{a:"), &mut record).unwrap();
    let error = stream.push(&[52, 400, 999_999], &mut record).unwrap_err();
    assert_eq!((error.kind(), error.offset()), (ErrorKind::UnknownId, 2));
    assert!(error.to_string().contains("999999"), "{error}");
    stream.push(&tokenize("<|\"|>x<|\"|>}<tool_call|>"), &mut record).unwrap();
    stream.finish(Finish::Stop, &mut record).unwrap();
    assert_eq!(record, Record::of_texts(&[CALL], Finish::Stop, &Options::default()));
    // Such an error is no feeding: text may still come first.
    let mut fresh = self::stream();
    assert_eq!(fresh.push(&[999_999], &mut record).unwrap_err().kind(), ErrorKind::UnknownId);
    fresh.push_text("x", &mut record).unwrap();
}

/// Ids need a vocabulary; text needs none.
#[test]
fn ids_need_a_vocabulary() {
    let mut stream = StreamParser::new(None, Options::default()).unwrap();
    assert_eq!(stream.push(&[300], &mut Record::default()).unwrap_err().kind(), ErrorKind::Vocabulary);
    stream.push_text("x", &mut Record::default()).unwrap();
}

/// `start="reasoning"` is wrong use where thoughts are not read, at the start and in a reset, which then changes nothing.
#[test]
fn start_contradicts_options() {
    let options = Options { start: Start::Reasoning, parse_reasoning: false, ..Options::default() };
    assert_eq!(StreamParser::new(None, options.clone()).unwrap_err().kind(), ErrorKind::Usage);
    assert_eq!(parse("x", Finish::Stop, options).unwrap_err().kind(), ErrorKind::Usage);
    let plain = Options { parse_reasoning: false, ..Options::default() };
    let mut stream = StreamParser::new(None, plain.clone()).unwrap();
    let mut record = Record::default();
    stream.push_text("a<", &mut record).unwrap();
    assert_eq!(stream.reset_to(Start::Reasoning).unwrap_err().kind(), ErrorKind::Usage);
    stream.push_text("channel|>", &mut record).unwrap();
    stream.finish(Finish::Stop, &mut record).unwrap();
    assert_eq!(record, Record::of_texts(&["a<channel|>"], Finish::Stop, &plain));
}

/// `reset_to` starts anew with the other start, and later resets keep it.
#[test]
fn reset_to_another_start() {
    let mut stream = stream();
    let output = "hm<channel|>yes";
    for (start, resets) in [(Start::Content, 0), (Start::Reasoning, 1), (Start::Reasoning, 2), (Start::Content, 3)] {
        match resets {
            0 => {}
            2 => stream.reset(),
            _ => stream.reset_to(start).unwrap(),
        }
        let mut record = Record::default();
        stream.push_text(output, &mut record).unwrap();
        stream.finish(Finish::Length, &mut record).unwrap();
        let options = Options { start, ..Options::default() };
        assert_eq!(record, Record::of_texts(&[output], Finish::Length, &options));
    }
}

/// A reset in the middle of anything forgets it, also the form of input.
#[test]
fn reset_forgets_everything() {
    let mut stream = stream();
    for unfinished in
        ["<|tool_", "<|channel>thou", CALL, "<|tool_call>call:f{a:<|\"|>x<turn|>", "a<turn|>", "a<eos>", "\"<turn|>"]
    {
        stream.push_text(unfinished, &mut Record::default()).unwrap();
        stream.reset();
        assert!(!stream.ended());
        let mut record = Record::default();
        stream.push(&[555, 428], &mut record).unwrap();
        stream.push(&tokenize(CALL), &mut record).unwrap();
        stream.finish(Finish::Stop, &mut record).unwrap();
        let text = format!("\u{fffd}\u{fffd}{CALL}");
        assert_eq!(record, Record::of_texts(&[text], Finish::Stop, &Options::default()), "after {unfinished}");
        stream.reset();
    }
}

/// `ended` is true from the first end marker on, not before, and not for a marker that is data.
#[test]
fn ended() {
    for (deltas, ended) in [
        (&["a", "<turn", "|>", "b"][..], &[false, false, true, true][..]),
        (
            &["<|tool_call>call:f{a:<|\"|>x", "<turn|>", "<|\"|>}", "<tool_call|>", "<|tool_response>"],
            &[false, false, false, false, true],
        ),
        (&["<|tool_call>call:f{a:1}", "<|turn>"], &[false, true]),
        (&["\"<turn|>", "\"", " <turn|>", "x"], &[false, false, true, true]),
        (&["<|tool_call>call:f{a:<|\"|>x", "<turn|>", "<|turn>"], &[false, false, true]),
    ] {
        let mut stream = stream();
        for (delta, expected) in deltas.iter().zip(ended) {
            stream.push_text(delta, &mut Record::default()).unwrap();
            assert_eq!(stream.ended(), *expected, "{deltas:?} at {delta}");
        }
    }
    let mut stream = stream();
    stream.push(&tokenize("a<eos>"), &mut Record::default()).unwrap();
    assert!(stream.ended(), "as an id, `<eos>` ends the turn at once");
}

/// Where an output starts after each of the tails that prompts have.
#[test]
fn start_of_prompts() {
    let reasoning = Start::Reasoning;
    let content = Start::Content;
    for (prompt, expected) in [
        ("", content),
        ("Hello", content),
        ("<bos><|turn>user\nHi<turn|>\n<|turn>model\n", content),
        ("<|turn>model\n<|channel>thought\n<channel|>", content),
        ("<|tool_call>call:f{}<tool_call|><|tool_response>response:f{value:1}<tool_response|>", content),
        ("<|tool_response>response:f{value:1}<tool_response|><|channel>thought\n", reasoning),
        ("<|turn>model\n<|channel>thought\nI was thinking, and so", reasoning),
        ("<|tool_call>call:f{}<tool_call|><|tool_response>", content),
        ("<|channel>thought\nx<|tool_call>call:f{a:<|\"|>y<|\"|>}<tool_call|>", reasoning),
        ("<|channel>thought\nx<turn|>\n<|turn>model\n", content),
        ("a < b <| c", content),
        ("<|channel>thought\na < b <", reasoning),
    ] {
        assert_eq!(StreamParser::start_of_text(prompt), expected, "{prompt}");
        assert_eq!(StreamParser::start_of_ids(&tokenize(prompt), &vocabulary()), expected, "{prompt}");
    }
    // As ids, what ordinary tokens spell is text.
    let ids = common::tokenize_plain("<|channel>thought\n");
    assert_eq!(StreamParser::start_of_ids(&ids, &vocabulary()), Start::Content);
}

/// The order of the events of a turn with everything in it.
#[test]
fn order_of_events() {
    use Kind::{CallArguments, CallEnd, CallStart, Content, End, Reasoning, Unparsed};
    let text =
        format!("a<|channel>thought\nb<channel|>c{CALL}d<|tool_call>call:g{{x y}}<tool_call|>e<|think|><turn|>f");
    let kinds: Vec<Kind> =
        Record::of_texts(&[text], Finish::Stop, &Options::default()).0.iter().map(|event| event.kind).collect();
    let call = [CallStart, CallArguments, CallEnd];
    let expected =
        [&[Content, Reasoning, Content][..], &call, &[Content], &call, &[Unparsed, Content, Unparsed, Unparsed, End]];
    assert_eq!(kinds, expected.concat());
}

/// The one-shot functions are the fold of the events.
#[test]
fn whole_outputs() {
    let text = format!("Hi {CALL}<|tool_call>call:g{{a:1 b<tool_call|>");
    let message = parse(&text, Finish::Stop, Options::default()).unwrap();
    assert_eq!(message.content.as_deref(), Some("Hi "));
    assert_eq!(message.tool_calls[0].arguments, r#"{"a":"x"}"#);
    let rejected = &message.unparsed[0];
    assert_eq!((rejected.name.as_deref(), rejected.arguments.as_str()), (Some("g"), "{\"a\":"));
    assert_eq!(rejected.text, "1 b<tool_call|>");
    assert_eq!(parse_ids(&tokenize(&text), vocabulary(), Finish::Stop, Options::default()), Ok(message));
    let error = parse_ids(&[999_999], vocabulary(), Finish::Stop, Options::default()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnknownId);
}
