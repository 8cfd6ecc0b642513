//! Outputs made from a tape of numbers: canonical ones, lenient ones, mutated ones, and soup.

use std::fmt;
use std::sync::Arc;

use gemma4_parser::{ControlToken, Finish, Options, Start, Tools};
use proptest::prelude::*;

use crate::common::tape::Tape;

/// An output with everything that it is read with.
#[derive(Clone)]
pub struct Case {
    pub text: String,
    pub tools: Option<String>,
    pub options: Options,
    pub finish: Finish,
}

impl fmt::Debug for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let options = &self.options;
        write!(f, "text {:?}, finish {}, start {}", self.text, self.finish, options.start)?;
        for (name, value, default) in [
            ("parse_reasoning", options.parse_reasoning, true),
            ("lenient", options.lenient, true),
            ("coerce", options.coerce, false),
            ("spaced", options.spaced, false),
        ] {
            if value != default {
                write!(f, ", {name} {value}")?;
            }
        }
        self.tools.as_ref().map_or(Ok(()), |tools| write!(f, ", tools {tools}"))
    }
}

/// What a tape is read as.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Source {
    Canonical,
    Lenient,
    Mutated,
    Soup,
}

pub fn tape(longest: usize) -> impl Strategy<Value = Vec<u16>> {
    prop::collection::vec(any::<u16>(), 0..longest)
}

/// Outputs of every source, with every option.
pub fn cases() -> impl Strategy<Value = Case> {
    let source = prop_oneof![
        1 => Just(Source::Canonical),
        3 => Just(Source::Lenient),
        3 => Just(Source::Mutated),
        2 => Just(Source::Soup),
    ];
    (source, tape(160)).prop_map(|(source, numbers)| case(source, &mut Tape::new(numbers)))
}

pub fn case(source: Source, tape: &mut Tape) -> Case {
    let finish = tape.pick(&[Finish::Stop, Finish::Stop, Finish::Length, Finish::Abort]);
    let start = if tape.chance(5) { Start::Reasoning } else { Start::Content };
    let tools = (!tape.chance(3)).then(|| tools(tape));
    let options = Options {
        start,
        parse_reasoning: start == Start::Reasoning || !tape.chance(8),
        lenient: !tape.chance(8),
        coerce: tape.chance(3),
        spaced: tape.chance(4),
        tools: tools.as_ref().map(|tools| Arc::new(Tools::from_json(tools).unwrap())),
    };
    let text = match source {
        Source::Canonical => turn(tape, false),
        Source::Lenient => turn(tape, true),
        Source::Mutated => mutated(tape),
        Source::Soup => soup(tape),
    };
    Case { text, tools, options, finish }
}

pub const NAMES: &[&str] = &["f", "get_weather", "note", "ns:a-b.c"];
pub const KEYS: &[&str] = &["city", "a", "b", "unit", "text", "n", "größe", "call"];

/// A tool list: two functions, whose properties have every kind of schema.
fn tools(tape: &mut Tape) -> String {
    let functions: Vec<String> = (0..=tape.below(2))
        .map(|at| {
            let parameters = if tape.chance(6) { "{}".to_owned() } else { object_schema(tape, 0) };
            let name = NAMES[at];
            format!(r#"{{"type":"function","function":{{"name":"{name}","parameters":{parameters}}}}}"#)
        })
        .collect();
    format!("[{}]", functions.join(","))
}

fn object_schema(tape: &mut Tape, depth: usize) -> String {
    let (from, length) = (tape.below(KEYS.len()), tape.below(KEYS.len()));
    let properties: Vec<String> =
        (from..from + length).map(|at| format!("\"{}\":{}", KEYS[at % KEYS.len()], schema(tape, depth + 1))).collect();
    let more =
        if tape.chance(5) { format!(",\"additionalProperties\":{}", schema(tape, depth + 1)) } else { String::new() };
    format!(r#"{{"type":"object","properties":{{{}}}{more}}}"#, properties.join(","))
}

fn schema(tape: &mut Tape, depth: usize) -> String {
    let choice = tape.below(if depth > 3 { 11 } else { 17 });
    match choice {
        0 | 1 | 8 | 9 | 10 => r#"{"type":"string"}"#.to_owned(),
        2 => r#"{"type":"integer"}"#.to_owned(),
        3 => r#"{"type":"number"}"#.to_owned(),
        4 => r#"{"type":"boolean"}"#.to_owned(),
        5 => r#"{"type":["integer","null"]}"#.to_owned(),
        6 => "{}".to_owned(),
        7 => r#"{"enum":["C","F"]}"#.to_owned(),
        11 | 12 => object_schema(tape, depth),
        13 => format!(r#"{{"type":"array","items":{}}}"#, schema(tape, depth + 1)),
        14 => format!(r#"{{"anyOf":[{},{}]}}"#, schema(tape, depth + 1), schema(tape, depth + 1)),
        15 => format!(r#"{{"allOf":[{},{}]}}"#, schema(tape, depth + 1), schema(tape, depth + 1)),
        _ => r#"{"type":"string","nullable":true}"#.to_owned(),
    }
}

/// What soup is made of; mutations insert it too.
pub const SOUP: &[&str] = &[
    "<|tool_call>",
    "<tool_call|>",
    "<|\"|>",
    "{",
    "}",
    ",",
    ":",
    "call:f{",
    "a:",
    "call:",
    "x",
    "1",
    " ",
    "\n",
    "\"",
    "'",
    "`",
    "<|channel>",
    "<channel|>",
    "<turn|>",
    "<|tool_response>",
    "<eos>",
    "<|turn>",
    "<pad>",
    "<bos>",
    "<|think|>",
    "<tool_response|>",
    "<|tool>",
    "<tool|>",
    "<unk>",
    "[",
    "]",
    "(",
    ")",
    "=",
    "thought\n",
    "thought",
    "\\",
    "true",
    "None",
    "null",
    "-0.5",
    "007",
    "<|tool_call|>",
    "<tool_call:",
    "<",
    "<|",
    "<tool_",
    "|>",
    ">",
    "city",
    "unit:",
    "get_weather",
    "<|image|>",
    "<mask>",
    "é",
    "😀",
    "\t",
    "\r",
    "\u{1}",
    "-",
    ".",
    "<|\"|>}<tool_call|>",
    "<|tool_call>call:f{a:<|\"|>",
    "<|tool_call>call:get_weather{",
    "}<tool_call|>",
    ",b:",
    "',",
    "'}",
    "\u{2028}",
];

pub fn soup(tape: &mut Tape) -> String {
    let mut text = String::new();
    for _ in 0..tape.below(60) {
        if tape.chance(8) {
            text.push(tape.mark());
        } else {
            text.push_str(tape.pick(SOUP));
        }
    }
    text
}

fn mutated(tape: &mut Tape) -> String {
    let lenient = tape.chance(2);
    let mut characters: Vec<char> = turn(tape, lenient).chars().collect();
    for _ in 0..=tape.below(4) {
        let at = tape.below(characters.len() + 1);
        let length = 1 + tape.below(4);
        let end = (at + length).min(characters.len());
        match tape.below(6) {
            0 => drop(characters.drain(at..end)),
            1 | 2 => drop(characters.splice(at..at, tape.pick(SOUP).chars())),
            3 => {
                let copy: Vec<char> = characters[at..end].to_vec();
                let to = tape.below(characters.len() + 1);
                drop(characters.splice(to..to, copy));
            }
            4 if at < characters.len() => {
                let other = tape.below(characters.len());
                characters.swap(at, other);
            }
            _ if tape.chance(2) => characters.truncate(at),
            _ => {
                // A whole literal goes away.
                let text: String = characters.iter().collect();
                let literal = tape.pick(&ControlToken::IN_TEXT).literal();
                characters = text.replacen(literal, "", 1).chars().collect();
            }
        }
    }
    characters.into_iter().collect()
}

/// A model turn: thoughts, text, calls and an end.
pub fn turn(tape: &mut Tape, lenient: bool) -> String {
    let mut text = String::new();
    for _ in 0..tape.below(5) {
        match tape.below(if lenient { 7 } else { 5 }) {
            0 | 1 | 5 => call(tape, lenient, &mut text),
            2 => {
                text.push_str("<|channel>thought\n");
                words(tape, lenient, &mut text);
                if tape.chance(4) {
                    call(tape, lenient, &mut text);
                }
                text.push_str(tape.pick(&["", "\n"]));
                text.push_str("<channel|>");
            }
            3 | 4 => words(tape, false, &mut text),
            _ => {
                text.push_str(tape.pick(&[
                    "thought\n",
                    "thought",
                    "<channel|>",
                    "<|channel>",
                    "<tool_call|>",
                    "\"<turn|>\"",
                ]));
            }
        }
    }
    text.push_str(tape.pick(&["", "", "<turn|>", "<|tool_response>", "<eos>", "<turn|>\n", "<turn|><eos>"]));
    text
}

/// Prose, a mark before and behind it.
fn words(tape: &mut Tape, wild: bool, text: &mut String) {
    text.push(tape.mark());
    for _ in 0..tape.below(4) {
        if wild && tape.chance(6) {
            text.push_str(tape.pick(SOUP));
        }
        text.push_str(tape.pick(&[" the ", "\n\n", "call:", "{", "é", "😀", "\"", "`x`", "a < b", "<|", ", "]));
        text.push(tape.mark());
    }
}

fn call(tape: &mut Tape, lenient: bool, text: &mut String) {
    let odd = |tape: &mut Tape, rarity| lenient && tape.chance(rarity);
    text.push_str(if odd(tape, 5) {
        tape.pick(&["<|tool_call>:", "<|tool_call>", "<|tool_call>-", "<|tool_call|>call:", "<tool_call:", "call:"])
    } else {
        "<|tool_call>call:"
    });
    loop {
        text.push_str(if tape.chance(4) { tape.pick(NAMES) } else { NAMES[0] });
        let (open, close) = if odd(tape, 4) {
            tape.pick(&[("(", ")"), ("({", "})"), ("{{", "}}"), ("(", "}"), (" {", "}"), ("{", "")])
        } else {
            ("{", "}")
        };
        text.push_str(open);
        pairs(tape, lenient, 0, text);
        text.push_str(close);
        if odd(tape, 6) {
            text.push_str(tape.pick(&["}", "]", ")", " ", ">", "}}"]));
        }
        if !odd(tape, 6) {
            break;
        }
        text.push_str(tape.pick(&["call:", " call:", "\ncall: "]));
    }
    if !odd(tape, 6) {
        text.push_str("<tool_call|>");
    }
}

fn pairs(tape: &mut Tape, lenient: bool, depth: usize, text: &mut String) {
    for at in 0..tape.below(4) {
        if at > 0 {
            text.push_str(if lenient { tape.pick(&[",", ",", ", ", " ,"]) } else { "," });
        }
        let key = if tape.chance(8) { tape.mark().to_string() } else { tape.pick(KEYS).to_owned() };
        if lenient && tape.chance(4) {
            let quote = tape.pick(&["\"", "'", "`", "<|\"|>"]);
            text.extend([quote, &key, quote]);
        } else {
            text.push_str(&key);
        }
        text.push_str(if lenient { tape.pick(&[":", ":", ":", "=", " : "]) } else { ":" });
        value(tape, lenient, depth, text);
    }
    if lenient && tape.chance(6) {
        text.push(',');
    }
}

fn value(tape: &mut Tape, lenient: bool, depth: usize, text: &mut String) {
    let nested = depth < 4;
    match tape.below(if lenient { 14 } else { 7 }) {
        0..=2 => {
            text.push_str("<|\"|>");
            data(tape, lenient, text);
            text.push_str("<|\"|>");
        }
        3 => text.push_str(tape.pick(&["1", "-0", "5.0", "1e5", "9007199254740993.25", "true", "false", "null"])),
        4 | 7 if nested => {
            text.push('{');
            pairs(tape, lenient, depth + 1, text);
            text.push('}');
        }
        5 | 6 if nested => {
            text.push('[');
            for at in 0..tape.below(4) {
                if at > 0 {
                    text.push(',');
                }
                value(tape, lenient, depth + 1, text);
            }
            text.push(']');
        }
        8 | 9 => {
            let quote = tape.pick(&["\"", "'", "`"]);
            text.push_str(quote);
            data(tape, false, text);
            text.push_str(quote);
            if tape.chance(4) {
                text.push_str("<|\"|>");
            }
        }
        10 => text
            .push_str(tape.pick(&["True", "False", "None", "nil", "NULL", "NaN", "108.", ".5", "+5", "007", "0x1F"])),
        11 | 12 => {
            for at in 0..=tape.below(3) {
                text.push_str(if at > 0 { tape.pick(&[" ", ", ", ",", "-", "\n"]) } else { "" });
                text.push(tape.mark());
            }
            // The delimiter before it is missing.
            text.push_str(tape.pick(&["", "", "<|\"|>"]));
        }
        13 => {
            // The delimiter behind it is missing.
            text.push_str("<|\"|>");
            data(tape, false, text);
        }
        _ => text.push('0'),
    }
}

/// Data of a string.
fn data(tape: &mut Tape, wild: bool, text: &mut String) {
    for _ in 0..tape.below(5) {
        match tape.below(4) {
            0 => text.push(tape.mark()),
            1 if wild => text.push_str(tape.pick(SOUP)),
            _ => text.push_str(tape.pick(&[
                "a",
                " ",
                "'",
                "\"",
                "}",
                "]",
                ")",
                "\\",
                "\n",
                ", b:",
                "{",
                "é",
                "😀",
                "`",
                "<",
                "\\n",
                "\u{1}",
                ",",
                "<|tool_call",
                "\u{7f}",
            ])),
        }
    }
}
