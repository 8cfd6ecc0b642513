//! What is rendered comes back (invariant 11).

use std::sync::Arc;

use gemma4_parser::{ControlToken, Finish, Options, Status, Tools, arguments_to_json, format_arguments};
use proptest::prelude::*;

use crate::cases;
use crate::common::carried::{carried, string_carried};
use crate::common::check::well_formed;
use crate::common::json::{sorted, write};
use crate::common::tape::Tape;
use crate::common::{Cut, Record, split, vocabulary};
use crate::grammar::tape;
use crate::wire::{self, Piece};

fn options(tape: &mut Tape) -> Options {
    let tools = r#"[{"type":"function","function":{"name":"f","parameters":{"type":"object"}}},{"name":"other"}]"#;
    Options {
        lenient: !tape.chance(2),
        spaced: tape.chance(2),
        coerce: tape.chance(2),
        tools: tape.chance(2).then(|| Arc::new(Tools::from_json(tools).unwrap())),
        ..Options::default()
    }
}

/// What a whole turn should give.
#[derive(Default)]
struct Expected {
    reasoning: String,
    content: String,
    calls: Vec<(String, String)>,
}

/// Prose that the format carries: it begins with a mark and is not blank.
fn prose(tape: &mut Tape) -> String {
    let mut prose = String::from(tape.mark());
    for _ in 0..tape.below(5) {
        prose.push_str(tape.pick(&[
            " and ",
            "\n",
            "\"",
            "'",
            "{a:1}",
            "call:f{}",
            "thought\n",
            "é😀",
            "<",
            "<|",
            "a <tool_ b",
            "`",
        ]));
    }
    prose
}

fn turn(tape: &mut Tape, spaced: bool) -> (Vec<Piece>, Expected, &'static str) {
    let mut pieces = Vec::new();
    let mut expected = Expected::default();
    for _ in 0..tape.below(6) {
        match tape.below(3) {
            0 => {
                let (name, arguments) = (wire::name(tape), wire::object(tape, 0));
                pieces.extend(wire::call(&name, &arguments));
                expected.calls.push((name, write(&arguments, spaced)));
            }
            1 => {
                let thought = prose(tape);
                pieces.extend([
                    Piece::Control(ControlToken::ChannelOpen),
                    Piece::Text(format!("thought\n{thought}{}", tape.pick(&["", "\n"]))),
                    Piece::Control(ControlToken::ChannelClose),
                ]);
                // One newline directly before the marker is structure, the template's or else the thought's own.
                let Some(Piece::Text(said)) = pieces.iter().rev().nth(1) else { unreachable!() };
                let said = said.strip_prefix("thought\n").unwrap();
                expected.reasoning.push_str(said.strip_suffix('\n').unwrap_or(said));
            }
            _ => {
                let content = prose(tape);
                expected.content.push_str(&content);
                pieces.push(Piece::Text(content));
            }
        }
    }
    let (end, name) = tape.pick(&[
        (None, "stop"),
        (Some(ControlToken::TurnClose), "turn"),
        (Some(ControlToken::ResponseOpen), "tool_response"),
        (Some(ControlToken::Eos), "eos"),
    ]);
    pieces.extend(end.map(Piece::Control));
    (pieces, expected, name)
}

fn carries(pieces: &[Piece]) -> bool {
    // Neighbouring pieces of text must not spell a literal that none of them has: the whole is what is read.
    let controls =
        pieces.iter().filter(|piece| matches!(piece, Piece::Control(token) if *token != ControlToken::Eos)).count();
    let text = wire::text(pieces);
    let spelled: usize = ControlToken::IN_TEXT.iter().map(|token| text.matches(token.literal()).count()).sum();
    spelled == controls
}

proptest! {
    #![proptest_config(cases(1500))]

    /// A call comes back as it was, complete, without a repair: names, keys, nesting, numbers by their spelling, strings
    /// with everything in them; as ids also what ordinary tokens spell like control tokens.
    #[test]
    fn calls_come_back_from_ids(numbers in tape(120), seed in any::<u32>()) {
        let mut tape = Tape::new(numbers);
        let options = options(&mut tape);
        let (name, arguments) = (wire::name(&mut tape), wire::object(&mut tape, 0));
        let ids = wire::ids(&wire::call(&name, &arguments));
        let record = Record::of_ids(&split(&ids, Cut::Random(u64::from(seed))), &vocabulary(), Finish::Stop, &options);
        let calls = record.calls();
        prop_assert_eq!(calls.len(), 1, "{:?}", record.0);
        prop_assert_eq!((&calls[0].name, &calls[0].arguments), (&name, &write(&arguments, options.spaced)));
        prop_assert_eq!(calls[0].status.as_str(), Status::Complete.as_str());
        prop_assert_eq!(record.0.len(), 4, "{:?}", record.0);
    }

    /// The same as text, where strings carry all literals but the delimiter.
    #[test]
    fn calls_come_back_from_text(numbers in tape(120), seed in any::<u32>()) {
        let mut tape = Tape::new(numbers);
        let options = options(&mut tape);
        let (name, arguments) = (wire::name(&mut tape), wire::object(&mut tape, 0));
        if !carried(&arguments) {
            return Ok(());
        }
        let text: Vec<char> = wire::text(&wire::call(&name, &arguments)).chars().collect();
        let pieces: Vec<String> = split(&text, Cut::Random(u64::from(seed))).into_iter().map(String::from_iter).collect();
        let record = Record::of_texts(&pieces, Finish::Stop, &options);
        let calls = record.calls();
        prop_assert_eq!(calls.len(), 1, "{:?}", record.0);
        prop_assert_eq!((&calls[0].name, &calls[0].arguments), (&name, &write(&arguments, options.spaced)));
        prop_assert_eq!(calls[0].status.as_str(), Status::Complete.as_str());
        prop_assert_eq!(record.0.len(), 4, "{:?}", record.0);
    }

    /// A whole turn comes back: thoughts without their frame, content byte for byte, calls in order, the end marker.
    #[test]
    fn turns_come_back(numbers in tape(160)) {
        let mut tape = Tape::new(numbers);
        let options = options(&mut tape);
        let (pieces, expected, end) = turn(&mut tape, options.spaced);
        let mut records = vec![Record::of_ids(&[wire::ids(&pieces)], &vocabulary(), Finish::Stop, &options)];
        let fits = pieces.iter().all(|piece| matches!(piece, Piece::Control(_)) || string_carried(&wire::text(std::slice::from_ref(piece))));
        if carries(&pieces) && fits {
            records.push(Record::of_texts(&[wire::text(&pieces)], Finish::Stop, &options));
        }
        for record in records {
            prop_assert_eq!(well_formed(&record, Finish::Stop, &options), Ok(()));
            let message = record.message();
            prop_assert_eq!(message.reasoning.unwrap_or_default(), expected.reasoning.as_str());
            prop_assert_eq!(message.content.unwrap_or_default(), expected.content.as_str());
            let calls: Vec<(String, String)> = message.tool_calls.into_iter().map(|call| (call.name, call.arguments)).collect();
            prop_assert_eq!(&calls, &expected.calls);
            prop_assert_eq!(message.unparsed, vec![]);
            prop_assert_eq!(message.end.as_deref(), Some(end));
        }
    }

    /// `format_arguments` prints what the naive renderer prints, keys sorted, and `arguments_to_json` reads it.
    #[test]
    fn arguments_come_back(numbers in tape(100), spaced in any::<bool>()) {
        let mut tape = Tape::new(numbers);
        let arguments = wire::object(&mut tape, 0);
        if !carried(&arguments) {
            return Ok(());
        }
        let sorted = sorted(arguments);
        let json = write(&sorted, false);
        let value = gemma4_parser::json::parse(&json, 512).unwrap();
        let text = format_arguments(value.as_object().unwrap());
        let framed = wire::text(&wire::call("f", &sorted));
        prop_assert_eq!(format!("<|tool_call>call:f{{{text}}}<tool_call|>"), framed);
        prop_assert_eq!(arguments_to_json(&text, spaced), Ok(write(&sorted, spaced)));
    }
}
