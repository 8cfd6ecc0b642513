//! What no well-behaved model writes. Each of these must cost no more for a token when it is twice as long.

use gemma4_parser::{ControlToken, Finish};

use crate::case::{Case, json_string};
use crate::ordinary;

const OPEN_STRING: &str = "<|tool_call>call:f{a:<|\"|>";

/// Repeats `part` up to `size` tokens and gives all of it.
pub(crate) fn repeat(size: usize, case: &mut Case, part: &str) -> String {
    let mut all = String::new();
    while case.len() < size {
        case.write(part);
        all.push_str(part);
    }
    all
}

fn closed_string(case: &mut Case, text: &str) {
    case.write("<|\"|>}<tool_call|><|tool_response>");
    case.expect_call("f", &format!("{{\"a\":{}}}", json_string(text)), &[]);
    case.expect_end("tool_response");
}

/// A string of `part`, again and again.
fn string_of(size: usize, case: &mut Case, part: &str) {
    case.write(OPEN_STRING);
    let text = repeat(size, case, part);
    closed_string(case, &text);
}

/// Content of `part`, again and again.
fn content_of(size: usize, case: &mut Case, part: &str) {
    let text = repeat(size, case, part);
    case.expect_content(&text);
    case.expect_end("stop");
}

pub(crate) fn string_10mb(size: usize, case: &mut Case) {
    ordinary::code(size, case);
}

pub(crate) fn open_string(size: usize, case: &mut Case) {
    case.write(OPEN_STRING);
    let mut text = String::new();
    while case.len() < size {
        let part = ordinary::sentence(case);
        case.write(&part);
        text.push_str(&part);
    }
    case.finish = Finish::Length;
    // Blanks at the end may be structure and are not sent.
    let data = text.trim_end();
    let fragments = format!("{{\"a\":{}", json_string(data));
    let span = text.get(data.len()..).unwrap_or_default().to_owned();
    case.expect_rejected("f", fragments.trim_end_matches('"'), "truncated_call", &span);
    case.expect_end("length");
}

pub(crate) fn openers(size: usize, case: &mut Case) {
    for _ in 1..size {
        case.control(ControlToken::CallOpen);
        case.expect_span("not_a_call", ControlToken::CallOpen.literal());
    }
    case.control(ControlToken::CallOpen);
    case.expect_span("truncated_call", ControlToken::CallOpen.literal());
    case.expect_end("stop");
}

pub(crate) fn deep(size: usize, case: &mut Case) {
    while case.len() < size {
        case.write("<|tool_call>call:f{");
        case.write(&"a:{".repeat(299));
        case.control(ControlToken::CallClose);
        // The arguments object is the first of 256 that are accepted.
        let fragments = format!("{{{}\"a\":", "\"a\":{".repeat(255));
        let span = format!("{{{}{}", "a:{".repeat(43), ControlToken::CallClose.literal());
        case.expect_rejected("f", &fragments, "malformed_call", &span);
    }
    case.expect_end("stop");
}

pub(crate) fn closing_in_string(size: usize, case: &mut Case) {
    string_of(size, case, "}");
}

pub(crate) fn blanks_in_string(size: usize, case: &mut Case) {
    string_of(size, case, " \n");
}

pub(crate) fn blanks_in_call(size: usize, case: &mut Case) {
    case.write("<|tool_call>call:f{");
    for (part, share) in [("a", 4), (":", 3), ("1", 2), ("}", 1)] {
        while case.len() < size - size / 5 * share {
            case.write(" \n");
        }
        case.write(part);
    }
    repeat(size, case, " ");
    case.write("<tool_call|>");
    case.expect_call("f", "{\"a\":1}", &[]);
    case.expect_end("stop");
}

pub(crate) fn blanks_in_thought(size: usize, case: &mut Case) {
    case.write("<|channel>thought\n");
    let blanks = repeat(size, case, " \n");
    case.write("x<channel|>");
    case.expect_reasoning(&(blanks + "x"));
    case.expect_end("stop");
}

pub(crate) fn blanks_in_header(size: usize, case: &mut Case) {
    case.tools(r#"[{"name":"f","parameters":{}}]"#);
    case.write("<|tool_call>f");
    repeat(size, case, " \n");
    case.write("{}<tool_call|>");
    case.expect_call("f", "{}", &["bare_opener"]);
    case.expect_end("stop");
}

pub(crate) fn marker_in_string(size: usize, case: &mut Case) {
    string_of(size, case, "text<tool_call|> more");
}

/// The opener behind the last close marker decides that the string was left open at the first one.
pub(crate) fn held_calls(size: usize, case: &mut Case) {
    case.write("<|tool_call>call:f{a:<|\"|>x<tool_call|>");
    case.expect_rejected("f", "{\"a\":\"x", "malformed_call", "<tool_call|>");
    while case.len() < size {
        case.write("x<|tool_call>call:f{,y<tool_call|>");
        case.expect_content("x");
        case.expect_rejected("f", "{", "malformed_call", ",y<tool_call|>");
    }
    case.write("<|tool_call>call:f{}<tool_call|>");
    case.expect_call("f", "{}", &[]);
    case.expect_end("stop");
}

pub(crate) fn calls_in_block(size: usize, case: &mut Case) {
    case.control(ControlToken::CallOpen);
    let mut first = true;
    while case.len() < size {
        case.write("call:f{a:1}");
        case.expect_call("f", "{\"a\":1}", if first { &[] } else { &["calls_in_one_block"] });
        first = false;
    }
    case.control(ControlToken::CallClose);
    case.expect_end("stop");
}

pub(crate) fn rejected(size: usize, case: &mut Case) {
    while case.len() < size {
        case.write("<|tool_call>call:f{a:1,b} and more of it<tool_call|>");
        case.expect_rejected("f", "{\"a\":1", "malformed_call", "b} and more of it<tool_call|>");
    }
    case.expect_end("stop");
}

pub(crate) fn less_than(size: usize, case: &mut Case) {
    content_of(size, case, "<");
}

pub(crate) fn prefixes(size: usize, case: &mut Case) {
    content_of(size, case, "<|tool_respons<tool_cal<|chan<|\"|<eo<|");
}

pub(crate) fn eos(size: usize, case: &mut Case) {
    repeat(size, case, "<eos>");
    case.expect_end("eos");
}

pub(crate) fn eos_text(size: usize, case: &mut Case) {
    content_of(size, case, "<eos>x");
}

pub(crate) fn eos_then_text(size: usize, case: &mut Case) {
    let mut text = repeat(size / 2, case, "<eos>");
    case.write("x");
    text.push('x');
    repeat(size, case, "<eos>");
    case.expect_content(&text);
    case.expect_end("eos");
}

pub(crate) fn quoted_markers(size: usize, case: &mut Case) {
    content_of(size, case, "`<|tool_call>` and `<turn|>`, ");
}

pub(crate) fn after_end(size: usize, case: &mut Case) {
    case.control(ControlToken::TurnClose);
    let text = repeat(size, case, "more text<tool_call|>");
    case.expect_span("after_turn_end", &text);
    case.expect_end("turn");
}
