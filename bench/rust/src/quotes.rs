//! Lenient values: look-aheads that fail again and again.

use std::fmt::Write as _;

use crate::case::{Case, json_string as quoted};
use crate::hostile::repeat;

fn closed(case: &mut Case, close: &str, value: &str, repairs: &[&'static str]) {
    case.write(close);
    case.write("}<tool_call|>");
    case.expect_call("f", &format!("{{\"a\":{value}}}"), repairs);
    case.expect_end("stop");
}

/// A value in single quotes.
fn single(size: usize, case: &mut Case, part: &str, value: fn(&str) -> String) {
    case.write("<|tool_call>call:f{a:'");
    let text = repeat(size, case, part);
    closed(case, "'", &quoted(&value(&text)), &["single_quotes"]);
}

/// Quotes behind which blanks, or a comma and no key, show that they close nothing.
pub(crate) fn single_quotes(size: usize, case: &mut Case) {
    single(size, case, "it's ' ' , 'a', b c, ", str::to_owned);
}

/// Quotes behind which a quoted key may begin.
pub(crate) fn quoted_keys(size: usize, case: &mut Case) {
    single(size, case, "x', \"y', `z', 'u ", str::to_owned);
}

pub(crate) fn backslashes(size: usize, case: &mut Case) {
    single(size, case, "\\\\ \\' \\n", |text| text.replace("\\\\ \\' \\n", "\\ ' \n"));
}

pub(crate) fn json_string(size: usize, case: &mut Case) {
    case.write("<|tool_call>call:f{a:\"");
    let text = repeat(size, case, "\\\\ \\\" \\n");
    closed(case, "\"", &quoted(&text.replace("\\\\ \\\" \\n", "\\ \" \n")), &["json_string"]);
}

pub(crate) fn bare_commas(size: usize, case: &mut Case) {
    case.tools(
        r#"[{"name":"f","parameters":{"type":"object","properties":{"a":{"type":"string"},"b":{"type":"string"}}}}]"#,
    );
    case.write("<|tool_call>call:f{a:x");
    let text = repeat(size, case, ", \"y, 'z, `u, \"y, 'z, `u, v w");
    closed(case, "", &quoted(&format!("x{text}")), &["bare_comma"]);
}

pub(crate) fn undeclared_keys(size: usize, case: &mut Case) {
    let mut properties = String::new();
    for number in 0..64 {
        let comma = if number == 0 { "" } else { "," };
        let _ = write!(properties, "{comma}\"property_{number}\":{{\"type\":\"string\"}}");
    }
    case.tools(&format!("[{{\"name\":\"f\",\"parameters\":{{\"type\":\"object\",\"properties\":{{{properties}}}}}}}]"));
    case.write("<|tool_call>call:f{");
    let mut json = String::from("{");
    let mut number = 0;
    while case.len() < size {
        let comma = if number == 0 { "" } else { "," };
        let key = case.below(64);
        case.write(&format!("{comma}property_{key}_x:{number}"));
        let _ = write!(json, "{comma}\"property_{key}_x\":{number}");
        number = 1 + case.below(1000);
    }
    case.write("}<tool_call|>");
    case.expect_call("f", &(json + "}"), &[]);
    case.expect_end("stop");
}

pub(crate) fn coerced(size: usize, case: &mut Case) {
    case.tools(
        r#"[{"name":"f","parameters":{"type":"object","properties":
            {"a":{"type":"array","items":{"type":["integer","array"]}}}}}]"#,
    );
    case.coerce = true;
    case.write("<|tool_call>call:f{a:[<|\"|>0<|\"|>");
    let mut json = String::from("[0");
    while case.len() < size {
        case.write(",<|\"|>20<|\"|>,<|\"|>[1, {\"a\": 2}]<|\"|>");
        json.push_str(",20,[1,{\"a\":2}]");
    }
    closed(case, "]", &(json + "]"), &[]);
}
