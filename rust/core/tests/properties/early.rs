//! As early as possible (invariant 12): what is certain has been emitted when its delta returns.

use gemma4_parser::{ControlToken, Finish, Kind, Options, StreamParser};
use proptest::prelude::*;

use crate::cases;
use crate::common::tape::Tape;
use crate::common::{Record, tokenize_plain, vocabulary};
use crate::grammar::tape;

/// Whether `text` is a proper prefix of a literal that is a control token in text.
fn is_partial(text: &str) -> bool {
    let literals = ControlToken::IN_TEXT.iter().map(|token| token.literal()).chain(["<eos>"]);
    !text.is_empty() && literals.into_iter().any(|literal| literal.starts_with(text) && literal != text)
}

/// How many bytes at the end of `text` may be a literal in the making.
fn partial(text: &str) -> usize {
    text.char_indices().map(|(at, _)| at).find(|at| is_partial(&text[*at..])).map_or(0, |at| text.len() - at)
}

/// How many bytes at the end of a string's data may be structure if the string is left open.
fn closing(text: &str) -> usize {
    text.len() - text.trim_end_matches([' ', '\t', '\r', '\n', '}', ']', ')']).len()
}

const BITS: &[&str] = &[
    "a",
    "b c",
    "é",
    "😀",
    "\"",
    "\\",
    "\n",
    "}",
    "]",
    ")",
    " ",
    ",",
    ", key:",
    ":",
    "{",
    "<",
    "<|",
    "<tool_call",
    "<|\"",
    "<e",
    "'",
    "`",
    "call:",
    "\u{0}",
    "天",
    "}}<",
    "1",
];
const OPENINGS: &[(&str, &str)] = &[
    ("{s:", ""),
    ("{a:{s:", "}"),
    ("{a:[", "]"),
    ("{a:[[{b:", "}]]"),
    ("{n:1,s:", ""),
    ("{a:{b:{c:{d:[{e:", "}]}}}"),
    ("{x:<|\"|>y<|\"|>,s:", ""),
    ("{a:[1,true,", "]"),
    ("(s:", ""),
    ("{{s:", ""),
    ("({s:", ""),
    ("{\"k\":'v',s=", ""),
];

fn data(tape: &mut Tape) -> String {
    (0..tape.below(14)).map(|_| tape.pick(BITS)).collect()
}

/// What a fragment of JSON text says, from the opening quote of its last string on. No string in the openings has an
/// escape, so the place of that quote is known.
fn unescaped(fragment: &str) -> String {
    // Fragments never end within an escape.
    serde_json::from_str(&format!("\"{fragment}\"")).unwrap()
}

proptest! {
    #![proptest_config(cases(400))]

    /// Characters of a delimited string, at every depth, fed one at a time: all but a literal in the making and a
    /// trailing run of closing brackets and blanks has been sent; without a lenient reading the run is sent too.
    #[test]
    fn strings_are_sent_at_once(numbers in tape(30), ids in any::<bool>(), lenient in any::<bool>()) {
        let mut tape = Tape::new(numbers);
        let (open, close) = tape.pick(if lenient { OPENINGS } else { &OPENINGS[..8] });
        let data = data(&mut tape);
        let options = Options { lenient, ..Options::default() };
        let mut stream = StreamParser::new(Some(vocabulary()), options).unwrap();
        let mut record = Record::default();
        let mut push = |piece: &str, record: &mut Record| {
            let result = if ids {
                let id = crate::common::tokenize(piece);
                let id = if piece.len() < 4 { tokenize_plain(piece) } else { id };
                stream.push(&id, record)
            } else {
                stream.push_text(piece, record)
            };
            result.unwrap();
        };
        for piece in ["<|tool_call>", "call:f", open, "<|\"|>"] {
            push(piece, &mut record);
        }
        let started = record.joined(&[Kind::CallArguments]);
        prop_assert!(started.ends_with('"'), "the opening quote of the string is sent: {started}");
        let mut fed = String::new();
        for character in data.chars() {
            fed.push(character);
            push(character.encode_utf8(&mut [0; 4]), &mut record);
            let sent = record.joined(&[Kind::CallArguments]);
            let sent = unescaped(&sent[started.len()..]);
            let mut held = if ids { 0 } else { partial(&fed) };
            if lenient {
                held += closing(&fed[..fed.len() - held]);
            }
            prop_assert!(fed.starts_with(&sent), "{fed:?} {sent:?}");
            prop_assert!(sent.len() + held >= fed.len(), "of {fed:?} only {sent:?} is sent, {held} bytes may be held");
        }
        push("<|\"|>", &mut record);
        let sent = record.joined(&[Kind::CallArguments]);
        let string = sent[started.len()..].strip_suffix('"');
        prop_assert_eq!(string.map(unescaped), Some(fed), "closed: {}", sent);
        // The brackets inside are closed with their own delta, the last one with acceptance.
        push(close, &mut record);
        let sent = record.joined(&[Kind::CallArguments]);
        prop_assert!(sent.ends_with(close), "{sent}");
        push(match &open[..1] { "(" if !open.starts_with("({") => ")", "(" => "})", _ if open.starts_with("{{") => "}}", _ => "}" }, &mut record);
        prop_assert_eq!(&record.joined(&[Kind::CallArguments]), &sent);
        push("<tool_call|>", &mut record);
        prop_assert_eq!(record.joined(&[Kind::CallArguments]), format!("{sent}}}"));
        prop_assert_eq!(record.0.last().unwrap().kind, Kind::CallEnd);
    }

    /// Content and thoughts, one character at a time: all but a literal in the making and, in a thought, leading blanks
    /// and a newline that may be the one before the close marker has been said.
    #[test]
    fn text_is_said_at_once(numbers in tape(30), ids in any::<bool>(), thought in any::<bool>()) {
        let mut tape = Tape::new(numbers);
        let said = data(&mut tape);
        let mut stream = StreamParser::new(Some(vocabulary()), Options::default()).unwrap();
        let mut record = Record::default();
        let mut push = |piece: &str, record: &mut Record| {
            let result = match (ids, ControlToken::from_literal(piece)) {
                (true, Some(token)) => stream.push(&[token.id()], record),
                (true, None) => stream.push(&tokenize_plain(piece), record),
                (false, _) => stream.push_text(piece, record),
            };
            result.unwrap();
        };
        let kind = if thought { Kind::Reasoning } else { Kind::Content };
        if thought {
            push("<|channel>", &mut record);
            push("thought\n", &mut record);
        } else {
            push("!", &mut record);
        }
        let before = record.joined(&[kind]).len();
        let mut fed = String::new();
        for character in said.chars() {
            fed.push(character);
            push(character.encode_utf8(&mut [0; 4]), &mut record);
            let sent = record.joined(&[kind])[before..].to_owned();
            let mut held = if ids { 0 } else { partial(&fed) };
            if thought {
                let rest = &fed[..fed.len() - held];
                let blank = rest.trim_start_matches([' ', '\t', '\r', '\n']).is_empty();
                held += if blank { rest.len() } else { usize::from(rest.ends_with('\n')) };
            }
            prop_assert!(fed.starts_with(&sent), "{fed:?} {sent:?}");
            prop_assert!(sent.len() + held >= fed.len(), "of {fed:?} only {sent:?} is said, {held} bytes may be held");
        }
    }
}

/// The events of each step of a whole call, token by token: start with the bracket, each key with its colon, each
/// scalar with what ends it, the end with the close marker.
#[test]
fn each_step_of_a_call() {
    let steps: &[(&str, &str)] = &[
        ("ok ", "content ok "),
        ("<|tool_call>", ""),
        ("call:", ""),
        ("f", ""),
        ("{", "call_start f|call_arguments {"),
        ("a", ""),
        (":", "call_arguments \"a\":"),
        ("1", ""),
        ("2", ""),
        (",", "call_arguments 12"),
        ("b", ""),
        (":", "call_arguments ,\"b\":"),
        ("{", "call_arguments {"),
        ("c", ""),
        (":", "call_arguments \"c\":"),
        ("[", "call_arguments ["),
        ("true", ""),
        (",", "call_arguments true"),
        ("<|\"|>", "call_arguments ,\""),
        ("x", "call_arguments x"),
        ("<|\"|>", "call_arguments \""),
        ("]", "call_arguments ]"),
        ("}", "call_arguments }"),
        ("}", ""),
        ("<tool_call|>", "call_arguments }|call_end complete"),
        ("<|channel>", ""),
        ("thought", ""),
        ("\n", ""),
        ("hm", "reasoning hm"),
        ("\n", ""),
        ("so", "reasoning \nso"),
        ("\n", ""),
        ("<channel|>", ""),
        ("done", "content done"),
        ("<turn|>", ""),
        ("\n", ""),
    ];
    for ids in [false, true] {
        let mut stream = StreamParser::new(Some(vocabulary()), Options::default()).unwrap();
        for (at, (delta, expected)) in steps.iter().enumerate() {
            let mut events = Vec::new();
            let mut sink = |event: gemma4_parser::Event<'_>| events.push(format!("{} {}", event.kind, event.text));
            if ids {
                stream.push(&crate::common::tokenize(delta), &mut sink).unwrap();
            } else {
                stream.push_text(delta, &mut sink).unwrap();
            }
            assert_eq!(events.join("|"), *expected, "step {at}, ids: {ids}");
            assert_eq!(stream.ended(), at + 2 >= steps.len());
        }
        let mut record = Record::default();
        stream.finish(Finish::Stop, &mut record).unwrap();
        assert_eq!(record.end(), "turn");
    }
}
