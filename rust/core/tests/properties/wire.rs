//! A naive renderer of the canonical form, as the chat template prints calls: nothing of the crate is in it.

use gemma4_parser::ControlToken;

use crate::common::json::Json;
use crate::common::tape::Tape;

/// A piece of the wire form: a control token, or text that is no control token whatever it spells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    Control(ControlToken),
    Text(String),
}

pub fn text(pieces: &[Piece]) -> String {
    pieces
        .iter()
        .map(|piece| match piece {
            Piece::Control(token) => token.literal(),
            Piece::Text(text) => text.as_str(),
        })
        .collect()
}

/// Ids, ordinary text spelled byte by byte.
pub fn ids(pieces: &[Piece]) -> Vec<u32> {
    pieces
        .iter()
        .flat_map(|piece| match piece {
            Piece::Control(token) => vec![token.id()],
            Piece::Text(text) => crate::common::tokenize_plain(text),
        })
        .collect()
}

pub fn call(name: &str, arguments: &Json) -> Vec<Piece> {
    let mut pieces = vec![Piece::Control(ControlToken::CallOpen), Piece::Text(format!("call:{name}"))];
    wire(arguments, &mut pieces);
    pieces.push(Piece::Control(ControlToken::CallClose));
    pieces
}

fn wire(value: &Json, pieces: &mut Vec<Piece>) {
    let text = |text: &str| Piece::Text(text.to_owned());
    match value {
        Json::Word(word) => pieces.push(text(word)),
        Json::Number(number) => pieces.push(text(number)),
        Json::String(data) => {
            pieces.extend([
                Piece::Control(ControlToken::Delimiter),
                text(data),
                Piece::Control(ControlToken::Delimiter),
            ]);
        }
        Json::Array(items) => {
            pieces.push(text("["));
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    pieces.push(text(","));
                }
                wire(item, pieces);
            }
            pieces.push(text("]"));
        }
        Json::Object(pairs) => {
            pieces.push(text("{"));
            for (at, (key, value)) in pairs.iter().enumerate() {
                pieces.push(text(if at > 0 { "," } else { "" }));
                pieces.push(text(key));
                pieces.push(text(":"));
                wire(value, pieces);
            }
            pieces.push(text("}"));
        }
    }
}

const BITS: &[&str] = &[
    "a",
    " ",
    "\n",
    "\"",
    "'",
    "`",
    "\\",
    "{",
    "}",
    "[",
    "]",
    "(",
    ")",
    ",",
    ":",
    "=",
    "é",
    "😀",
    "\u{2028}",
    "\u{0}",
    "\u{1f}",
    "\u{7f}",
    "\r",
    "\t",
    "\u{8}",
    "\u{c}",
    "call:",
    "thought\n",
    ", key:",
    "<",
    "<|",
    "|>",
    "<tool_",
    "\u{feff}",
    "null",
    "3",
    "<tool_call|>",
    "<turn|>",
    "<|channel>",
    "<channel|>",
    "<|tool_call>",
    "<|tool_response>",
    "<tool_response|>",
    "<|turn>",
    "<|think|>",
    "<eos>",
    "<pad>",
    "<bos>",
    "<|tool>",
];
/// A string of the data that strings must carry: everything.
pub fn data(tape: &mut Tape) -> String {
    (0..tape.below(8)).map(|_| tape.pick(BITS)).collect()
}

pub fn value(tape: &mut Tape, depth: usize) -> Json {
    match tape.below(if depth < 5 { 7 } else { 5 }) {
        0..=2 => Json::String(data(tape)),
        3 => Json::Word(tape.pick(&["true", "false", "null"])),
        4 => Json::Number(number(tape)),
        5 => Json::Array((0..tape.below(4)).map(|_| value(tape, depth + 1)).collect()),
        _ => object(tape, depth + 1),
    }
}

pub fn object(tape: &mut Tape, depth: usize) -> Json {
    Json::Object((0..tape.below(4)).map(|_| (key(tape), value(tape, depth))).collect())
}

fn number(tape: &mut Tape) -> String {
    let sign = tape.pick(&["", "-"]);
    let whole = tape.pick(&["0", "7", "10", "9007199254740993", "123456789012345678901234567890"]);
    let fraction = tape.pick(&["", ".0", ".25", ".10000000000000000000001"]);
    let exponent = tape.pick(&["", "", "e5", "E+10", "e-400", "e999"]);
    format!("{sign}{whole}{fraction}{exponent}")
}

/// A key by the rule: not empty, no outer blanks, no structure.
fn key(tape: &mut Tape) -> String {
    let inner = ["a", "k", "_", "-", ".", "é", "😀", "1", "(", ")", "/", "<", ">", "|", "\\", "@", "call"];
    let mut key = tape.pick(&inner).to_owned();
    for _ in 0..tape.below(4) {
        key.push_str(tape.pick(&["a", " ", "_", "-", "  x", "<|", "é"]));
    }
    key.push_str(tape.pick(&inner));
    key
}

/// A name by the rule.
pub fn name(tape: &mut Tape) -> String {
    let inner = ["f", "get_weather", "a.b", "ns:x", "-", "/", "天气", "}", ")", ",", "=", "call:", ">", "[", "1"];
    let mut name = tape.pick(&inner).to_owned();
    for _ in 0..tape.below(3) {
        name.push_str(tape.pick(&["x", " ", ":", "_"]));
    }
    name.push_str(tape.pick(&inner));
    name
}
