//! What models write: prose, thoughts, calls.

use gemma4_parser::ControlToken;

use crate::case::{Case, json_string};

const WORDS: &[&str] = &[
    "the", "of", "a", "parser", "reads", "token", "after", "every", "word", "and", "then", "it", "is", "certain",
    "that", "nothing", "was", "lost", "between", "two", "steps", "while", "model", "goes", "on", "with", "another",
    "sentence", "about", "streams", "in", "which", "text", "arrives", "piece", "by", "short", "long", "answers", "are",
    "cheap",
];

const CODE: &[&str] = &[
    "def read(path: str, limit: int = 10) -> list[str]:\n",
    "    with open(path, encoding=\"utf-8\") as file:\n",
    "        return [line.rstrip('\\n') for line in file if line]\n",
    "    result = {\"name\": name, \"values\": [1, 2, 3], 'kind': \"a, b\"}\n",
    "    print(f\"{name}: {value!r}, {other}\", end=\"\")\n",
    "    if a < b and not c or d[0] == \"x\":\n",
    "        raise ValueError(\"expected a number, found nothing\")\n",
    "    total += sum(values, start=0) # see the note below, please\n",
    "    return {key: value for key, value in items.items()}\n",
    "\n",
    "@dataclass(frozen=True, slots=True)\n",
    "class Point:\n",
    "    x: float = 0.0\n",
    "    label: str = 'it''s, here: {x}'\n",
    "    pattern = re.compile(r\"^\\s*(\\w+),\\s*(\\d+)$\")\n",
];

/// A sentence of prose.
pub(crate) fn sentence(case: &mut Case) -> String {
    let mut text = String::new();
    for place in 0..6 + case.below(12) {
        text.push_str(if place == 0 { "" } else { " " });
        text.push_str(case.pick(WORDS));
        text.push_str(if case.below(11) == 0 { "," } else { "" });
    }
    text.push('.');
    text.push_str(match case.below(5) {
        0 => "\n\n",
        1 => "\n",
        _ => " ",
    });
    text
}

/// Writes pieces of text up to `size` tokens and gives all of it.
fn fill(case: &mut Case, size: usize, part: fn(&mut Case) -> String) -> String {
    let mut all = String::new();
    while case.len() < size {
        let text = part(case);
        case.write(&text);
        all.push_str(&text);
    }
    all
}

fn code_line(case: &mut Case) -> String {
    case.pick(CODE).to_owned()
}

pub(crate) fn prose(size: usize, case: &mut Case) {
    let text = fill(case, size, sentence);
    case.control(ControlToken::TurnClose);
    case.expect_content(&text);
    case.expect_end("turn");
}

pub(crate) fn thought(size: usize, case: &mut Case) {
    case.write("<|channel>thought\n");
    let text = fill(case, size, sentence);
    case.write("So be it.\n<channel|>Done.<turn|>");
    case.expect_reasoning(&(text + "So be it."));
    case.expect_content("Done.");
    case.expect_end("turn");
}

/// One delimited string as a top-level argument.
fn write_file(size: usize, case: &mut Case, part: fn(&mut Case) -> String) {
    case.write("<|tool_call>call:write_file{content:<|\"|>");
    let text = fill(case, size, part);
    case.write("<|\"|>,path:<|\"|>src/main.py<|\"|>}<tool_call|><|tool_response>");
    let arguments = format!("{{\"content\":{},\"path\":\"src/main.py\"}}", json_string(&text));
    case.expect_call("write_file", &arguments, &[]);
    case.expect_end("tool_response");
}

pub(crate) fn string(size: usize, case: &mut Case) {
    write_file(size, case, sentence);
}

pub(crate) fn code(size: usize, case: &mut Case) {
    write_file(size, case, code_line);
}

/// The same with the tool declared, as servers do.
pub(crate) fn code_declared(size: usize, case: &mut Case) {
    case.tools(
        r#"[{"type":"function","function":{"name":"write_file","parameters":{"type":"object","properties":
            {"path":{"type":"string"},"content":{"type":"string"},"mode":{"type":"integer"}}}}}]"#,
    );
    write_file(size, case, code_line);
}

/// The same string within an array of objects.
pub(crate) fn nested(size: usize, case: &mut Case) {
    case.write("<|tool_call>call:edit{edits:[{new_text:<|\"|>");
    let text = fill(case, size, code_line);
    case.write("<|\"|>,path:<|\"|>src/main.py<|\"|>}]}<tool_call|><|tool_response>");
    let arguments = format!("{{\"edits\":[{{\"new_text\":{},\"path\":\"src/main.py\"}}]}}", json_string(&text));
    case.expect_call("edit", &arguments, &[]);
    case.expect_end("tool_response");
}

/// Writes a call whose only argument is an array of `part`s (as written, and as JSON).
fn array(size: usize, case: &mut Case, part: fn(&mut Case) -> (String, String)) {
    case.write("<|tool_call>call:plot{values:[");
    let mut json = String::from("{\"values\":[");
    let mut first = true;
    while case.len() < size {
        if !first {
            case.write(",");
            json.push(',');
        }
        first = false;
        let (written, value) = part(case);
        case.write(&written);
        json.push_str(&value);
    }
    case.write("]}<tool_call|><|tool_response>");
    case.expect_call("plot", &(json + "]}"), &[]);
    case.expect_end("tool_response");
}

pub(crate) fn numbers(size: usize, case: &mut Case) {
    array(size, case, |case| {
        let number = match case.below(4) {
            0 => format!("{}", case.below(100)),
            1 => format!("-{}", 1 + case.below(10_000)),
            2 => format!("{}.{}", case.below(100), case.below(1000)),
            _ => format!("{}e-{}", 1 + case.below(9), 1 + case.below(9)),
        };
        (number.clone(), number)
    });
}

pub(crate) fn objects(size: usize, case: &mut Case) {
    array(size, case, |case| {
        let (id, x, name) = (case.below(1000), case.below(100), case.pick(WORDS));
        (
            format!("{{id:{id},name:<|\"|>{name}<|\"|>,place:{{known:true,x:{x},y:[1,2]}}}}"),
            format!("{{\"id\":{id},\"name\":\"{name}\",\"place\":{{\"known\":true,\"x\":{x},\"y\":[1,2]}}}}"),
        )
    });
}

/// Ten parallel calls, again and again.
pub(crate) fn parallel(size: usize, case: &mut Case) {
    while case.len() < size {
        for number in 0..10 {
            let city = case.pick(WORDS);
            case.write(&format!(
                "<|tool_call>call:get_weather{{city:<|\"|>{city}<|\"|>,days:{number},metric:true}}<tool_call|>"
            ));
            let arguments = format!("{{\"city\":\"{city}\",\"days\":{number},\"metric\":true}}");
            case.expect_call("get_weather", &arguments, &[]);
        }
    }
    case.control(ControlToken::ResponseOpen);
    case.expect_end("tool_response");
}

/// Characters that come byte by byte.
pub(crate) fn byte_tokens(size: usize, case: &mut Case) {
    let mut text = String::new();
    while case.len() < size {
        for character in ['😀', '世', 'é', '𝄞'] {
            case.byte_tokens(character);
            text.push(character);
        }
    }
    case.control(ControlToken::TurnClose);
    case.expect_content(&text);
    case.expect_end("turn");
}
