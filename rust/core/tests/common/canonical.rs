//! Canonical outputs made from a tape: all that the canonical grammar and the rules of the turn allow.

use gemma4_parser::{Finish, Options, Start};

use super::carried::string_carried;
use super::tape::Tape;

/// An output that every mode reads alike, so without what is canonical in strict mode only.
pub fn output(tape: &mut Tape, finish: Finish, options: &Options) -> String {
    let mut text = String::new();
    if options.start == Start::Reasoning && thought(tape, &mut text) {
        end(tape, finish, &mut text);
        return text;
    }
    for _ in 0..tape.below(7) {
        match tape.below(8) {
            0..=3 => call(tape, &mut text),
            4 | 5 => {
                // What is no label is the beginning of the thought.
                const LABELS: &[&str] =
                    &["thought\n", "thought\n\n", "thought\n ", "thought", "though", "", "thoughts\n"];
                text.push_str("<|channel>");
                text.push_str(if tape.chance(2) { tape.pick(LABELS) } else { LABELS[0] });
                if thought(tape, &mut text) {
                    break;
                }
            }
            6 => prose(tape, &mut text),
            _ => text.push_str(tape.pick(&["\n", " ", "\n\n", "\t"])),
        }
    }
    end(tape, finish, &mut text);
    text
}

/// One call, with up to three changes: it may be canonical still.
pub fn changed_call(tape: &mut Tape) -> String {
    let mut text = String::new();
    call(tape, &mut text);
    for _ in 0..tape.below(4) {
        change(tape, &mut text);
    }
    text
}

/// Puts something in somewhere, or takes a few characters away.
pub fn change(tape: &mut Tape, text: &mut String) {
    const BITS: &[&str] = &[
        " ",
        "\n",
        ",",
        ":",
        "{",
        "}",
        "[",
        "]",
        "\"",
        "'",
        "a",
        "1",
        "null",
        "=",
        "(",
        "<",
        "<|\"|>",
        "<|tool_call>",
        "<tool_call|>",
        "<turn|>",
        "<|channel>",
        "<channel|>",
        "thought\n",
        "<|\"|>x<|\"|>,",
        "<|\"|>,",
        "k:",
        "<turn|> <|tool_response>",
        "<tool_call|>\n<|tool_call>",
        "<turn|><|\"|>",
    ];
    // Two choices, because one made from a byte does not reach far.
    let mut at = (tape.below(256) * 256 + tape.below(256)) % (text.len() + 1);
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    if tape.chance(4) {
        let count = 1 + tape.below(3);
        let tail: String = text[at..].chars().skip(count).collect();
        text.truncate(at);
        text.push_str(&tail);
    } else {
        text.insert_str(at, tape.pick(BITS));
    }
}

fn end(tape: &mut Tape, finish: Finish, text: &mut String) {
    text.push_str(tape.pick(&["", "", "<turn|>", "<|tool_response>", "<|turn>", "<turn|>\n", "<turn|> <|turn>\r\n"]));
    if finish == Finish::Stop {
        text.push_str(tape.pick(&["", "<eos>", "<eos> <turn|>"]));
    }
}

/// What follows the label. True where the thought is left open.
fn thought(tape: &mut Tape, text: &mut String) -> bool {
    for _ in 0..tape.below(4) {
        match tape.below(4) {
            0 => call(tape, text),
            1 => text.push_str(tape.pick(&["\n", " ", "\n\n"])),
            _ => prose(tape, text),
        }
    }
    text.push_str(tape.pick(&["", "\n", "\n\n"]));
    let open = tape.chance(8);
    if !open {
        text.push_str("<channel|>");
    }
    open
}

/// It begins with a mark, so that it is no label, no second quote of a marker and no partial literal behind a call.
fn prose(tape: &mut Tape, text: &mut String) {
    const BITS: &[&str] =
        &[" ", "a", "\n", "\"", "'", "`", "{", "é", "<", "<|", "<tool_", "thought\n", "<|\"|>", "<|\"|>\"", "\u{1}"];
    text.push(tape.mark());
    for _ in 0..tape.below(6) {
        text.push_str(tape.pick(BITS));
    }
}

fn blank(tape: &mut Tape, text: &mut String) {
    text.push_str(tape.pick(&["", "", "", "", " ", "\n", "\t \r\n"]));
}

fn call(tape: &mut Tape, text: &mut String) {
    text.push_str("<|tool_call>");
    blank(tape, text);
    text.push_str("call:");
    blank(tape, text);
    text.push_str(tape.pick(&["f", "get_weather", "a.b", "ns:x y", "天气", "}", ",]", "call:", "=>", "-"]));
    blank(tape, text);
    object(tape, 1, text);
    blank(tape, text);
    text.push_str("<tool_call|>");
}

fn object(tape: &mut Tape, depth: usize, text: &mut String) {
    text.push('{');
    let pairs = tape.below(5);
    for at in 0..pairs {
        blank(tape, text);
        key(tape, text);
        blank(tape, text);
        text.push(':');
        let empty = at + 1 == pairs && tape.chance(8);
        if !empty {
            value(tape, depth, text);
        }
        blank(tape, text);
        if at + 1 < pairs || (!empty && tape.chance(4)) {
            text.push(',');
        }
    }
    blank(tape, text);
    text.push('}');
}

fn key(tape: &mut Tape, text: &mut String) {
    const KEYS: &[&str] = &["a", "k k", "größe", "-", "(x)", "1", "call", "<", "<|", "a\\b", "😀", "\u{a0}", "null"];
    let delimiter = if tape.chance(4) { "<|\"|>" } else { "" };
    text.push_str(delimiter);
    if delimiter.is_empty() {
        text.push_str(tape.pick(KEYS));
    } else {
        text.push_str(tape.pick(&["", " a ", "a:b", "{", "\"", "<|channel>", "\n", "<|tool_call>", "=", "'", "\\"]));
    }
    text.push_str(delimiter);
}

fn value(tape: &mut Tape, depth: usize, text: &mut String) {
    blank(tape, text);
    match tape.below(if depth < 6 { 8 } else { 6 }) {
        0..=2 => string(tape, text),
        3 => text.push_str(tape.pick(&["true", "false", "null"])),
        4 => text.push_str(tape.pick(&["0", "-0", "12", "5.0", "1e5", "9007199254740993.25", "-1.5E-400", "1e+999"])),
        5 => {
            // As deep as the limit.
            let levels = tape.pick(&[0, 1, 2, 3, 250]);
            text.push_str(&"[".repeat(levels));
            string(tape, text);
            text.push_str(&"]".repeat(levels));
        }
        6 => {
            text.push('[');
            let items = tape.below(5);
            for at in 0..items {
                value(tape, depth + 1, text);
                blank(tape, text);
                if at + 1 < items || tape.chance(4) {
                    text.push(',');
                }
            }
            blank(tape, text);
            text.push(']');
        }
        _ => object(tape, depth + 1, text),
    }
}

fn string(tape: &mut Tape, text: &mut String) {
    const BITS: &[&str] = &[
        "a",
        " ",
        "}",
        "]",
        ")",
        ",",
        ", k:",
        "\"",
        "'",
        "`",
        "\\",
        "\\n",
        "\n",
        "\r",
        "\u{0}",
        "\u{8}",
        "\u{1f}",
        "\u{7f}",
        "é",
        "😀",
        "{",
        "<",
        "<|",
        "<tool_call|",
        "|>",
        "<tool_call|>",
        "<turn|>",
        "<|tool_response>",
        "<|turn>",
        "<|tool_call>",
        "call:f{}",
        "<channel|>",
        "<|channel>",
        "<tool|>",
    ];
    let mut data = String::new();
    for _ in 0..tape.below(8) {
        let bit = tape.pick(BITS);
        data.push_str(bit);
        if !string_carried(&data) {
            data.truncate(data.len() - bit.len());
        }
    }
    text.extend(["<|\"|>", &data, "<|\"|>"]);
}
