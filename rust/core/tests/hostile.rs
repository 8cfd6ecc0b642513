//! Inputs that no model should write: huge, deep, unclosed, and every control token in every state.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test that fails should panic"
)]

mod common;

use common::check::well_formed;
use common::{Cut, Form, Owned, Record, split, tokenize, tokenize_plain, vocabulary};
use gemma4_parser::{ControlToken, Detail, Finish, Kind, Options, Reason, Repair, Start, StreamParser, Tools};

const MIB: usize = 1 << 20;
const HUGE: usize = 10 * MIB;
const OPEN: &str = "<|tool_call>call:f{a:<|\"|>";

/// The record of the text in deltas of `size` bytes (ASCII or at boundaries), checked.
fn fed(text: &str, size: usize, finish: Finish) -> Record {
    let mut pieces = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let mut at = size.min(rest.len());
        while !rest.is_char_boundary(at) {
            at += 1;
        }
        let (piece, tail) = rest.split_at(at);
        pieces.push(piece);
        rest = tail;
    }
    let record = Record::of_texts(&pieces, finish, &Options::default());
    assert_eq!(well_formed(&record, finish, &Options::default()), Ok(()));
    record
}

/// At once and in deltas of 4 KiB: the same events, which are given back.
fn at_once_and_in_pieces(text: &str, finish: Finish) -> Record {
    let record = fed(text, usize::MAX, finish);
    assert!(fed(text, 4096, finish) == record, "deltas of 4 KiB give other events");
    record
}

fn only(record: &Record, kind: Kind, text: &str) {
    assert_eq!(record.0.len(), 2, "one kind of event and the end");
    assert!(record.0[0].kind == kind && record.0[0].text == text, "everything is {kind}");
}

/// A string of 10 MB comes out whole.
#[test]
fn one_huge_string() {
    let data = "abcdefgh é\n".repeat(HUGE / 12);
    let record = at_once_and_in_pieces(&format!("{OPEN}{data}<|\"|>}}<tool_call|>"), Finish::Stop);
    let calls = record.accepted();
    let expected = format!("{{\"a\":\"{}\"}}", data.replace('\n', "\\n"));
    assert!(calls.len() == 1 && calls[0].arguments == expected);
}

/// A string that is never closed is a cut-off call, whatever its size.
#[test]
fn huge_unclosed_string() {
    for tail in ["", "}<tool_call|", "<turn|", "}}}}"] {
        let text = format!("{OPEN}{}{tail}", "x".repeat(HUGE));
        for finish in [Finish::Stop, Finish::Length] {
            let record = at_once_and_in_pieces(&text, finish);
            assert!(record.accepted().is_empty());
            assert_eq!(record.calls().len(), 1);
        }
    }
}

/// What a marker in a string holds is data beyond 1 MiB, and before that it is decided by what follows.
#[test]
fn held_behind_a_marker() {
    for (length, accepted) in [(HUGE, 1), (MIB + 1, 1), (1000, 0)] {
        let text = format!("{OPEN}a<tool_call|>{}", "x".repeat(length));
        let record = at_once_and_in_pieces(&format!("{text}<|\"|>}}<tool_call|>"), Finish::Stop);
        assert_eq!(record.accepted().len(), 1, "{length} characters behind the marker");
        let record = at_once_and_in_pieces(&format!("{text}<|\"|>x}}<tool_call|>"), Finish::Stop);
        assert!(record.accepted().is_empty());
        let held = record.0.iter().find(|event| event.kind == Kind::CallArguments).unwrap();
        assert_eq!(held.text.len() > length, accepted == 1, "{length} characters behind the marker");
    }
}

/// 10,000 openers: each is a span, none a call; a call behind them survives.
#[test]
fn ten_thousand_openers() {
    let openers = "<|tool_call>".repeat(10_000);
    let record = at_once_and_in_pieces(&format!("{openers}call:f{{}}<tool_call|>ok"), Finish::Stop);
    assert_eq!(record.accepted().len(), 1);
    assert_eq!(record.joined(&[Kind::Unparsed]).len(), 12 * 9_999);
    let calls = "<|tool_call>call:f{a:<|\"|>".repeat(10_000);
    at_once_and_in_pieces(&calls, Finish::Stop);
    let calls = "<|tool_call>call:f{".repeat(10_000);
    assert_eq!(at_once_and_in_pieces(&calls, Finish::Stop).calls().len(), 10_000);
    let markers = format!("{OPEN}{}", "<tool_call|>x<turn|>y".repeat(10_000));
    at_once_and_in_pieces(&markers, Finish::Stop);
    let block = format!("<|tool_call>{}<tool_call|>", "call:f{a:1} ".repeat(10_000));
    assert_eq!(at_once_and_in_pieces(&block, Finish::Stop).accepted().len(), 10_000);
}

/// Depth 256 is accepted, 257 is not, and 100,000 is no deeper than that for the parser.
#[test]
fn depth() {
    for (depth, accepted) in [(255, true), (256, false), (100_000, false)] {
        for (open, close) in [("[", "]"), ("{k:", "}")] {
            let body = format!("a:{}1{}", open.repeat(depth), close.repeat(depth));
            let record = at_once_and_in_pieces(&format!("<|tool_call>call:f{{{body}}}<tool_call|>ok"), Finish::Stop);
            assert_eq!(record.accepted().len(), usize::from(accepted), "{depth} times {open}");
            assert_eq!(record.joined(&[Kind::Content]), "ok");
        }
        for bracket in ["[", "{", "("] {
            for before in
                ["", "<|tool_call>", "<|tool_call>call:f", "<|tool_call>call:f{a:", "<|tool_call>call:f(", OPEN]
            {
                let record = at_once_and_in_pieces(&format!("{before}{}", bracket.repeat(depth)), Finish::Length);
                assert!(record.accepted().is_empty());
            }
        }
    }
}

/// 10 MB of one thing: content, the same in pieces; 1 MB of it in every place: an answer, the same in pieces.
#[test]
fn huge_repetitions() {
    for unit in [" ", "'", "<", ", \"", "\"", "`", "}", "\n", "a:", "\\", ",", "\\'", "', ", "<|", "k:1,"] {
        let run = unit.repeat(HUGE / unit.len());
        only(&at_once_and_in_pieces(&run, Finish::Stop), Kind::Content, &run);
        for before in [
            OPEN,
            "<|tool_call>",
            "<|tool_call>call:",
            "<|tool_call>call:f{",
            "<|tool_call>call:f{a",
            "<|tool_call>call:f{a:",
            "<|tool_call>call:f{a:x",
            "<|tool_call>call:f{a:'",
            "<|tool_call>call:f{a:`",
            "<|tool_call>call:f{a:\"",
            "<|tool_call>call:f{a:'x'",
            "<|tool_call>call:f{a:[",
            "<|tool_call>call:f{a:1}",
            "<|tool_call>call:f{}<tool_call|>",
            "<|channel>",
            "<|tool_call>call:f{a:<|\"|>x<turn|>",
        ] {
            let text = format!("{before}{}", &run[..HUGE / 10 / unit.len() * unit.len()]);
            let whole = fed(&text, usize::MAX, Finish::Stop);
            assert!(fed(&text, 4096, Finish::Stop) == whole, "{before} and {unit:?}");
        }
    }
}

/// 10 MB of blanks in a thought are no reasoning, after the end of the turn nothing at all.
#[test]
fn huge_blanks() {
    let blanks = " \t\r\n".repeat(HUGE / 4);
    for (text, kind) in [(format!("<|channel>thought\n{blanks}<channel|>"), None), (format!("<turn|>{blanks}"), None)] {
        let record = at_once_and_in_pieces(&text, Finish::Stop);
        assert_eq!((record.0.len(), kind), (1, None::<Kind>));
    }
}

/// 10 MB of `<eos>`: the end of the turn with `stop`, else text; with a letter behind them text too.
#[test]
fn huge_run_of_eos() {
    let run = "<eos>".repeat(HUGE / 5);
    let record = at_once_and_in_pieces(&run, Finish::Stop);
    assert_eq!((record.0.len(), record.end()), (1, "eos"));
    only(&at_once_and_in_pieces(&run, Finish::Length), Kind::Content, &run);
    let text = format!("{run}x");
    only(&at_once_and_in_pieces(&text, Finish::Stop), Kind::Content, &text);
    at_once_and_in_pieces(&format!("{OPEN}{run}"), Finish::Stop);
    at_once_and_in_pieces(&format!("{run}<tool_call|>{run}"), Finish::Stop);
}

/// Names of 1,024 bytes and held keys and values of 1 MiB are accepted, one byte more is not.
#[test]
fn limits() {
    for (name, key, value, fits) in [
        (1024, 1, 1, true),
        (1025, 1, 1, false),
        (1, MIB, 1, true),
        (1, MIB + 1, 1, false),
        (1, 1, MIB, true),
        (1, 1, MIB + 1, false),
    ] {
        let (name, key) = ("n".repeat(name), "k".repeat(key));
        for quote in ["", "\"", "'", "`"] {
            let text = format!("<|tool_call>call:{name}{{{key}:{quote}{}{quote}}}<tool_call|>", "v".repeat(value));
            let record = at_once_and_in_pieces(&text, Finish::Stop);
            assert_eq!(record.accepted().len(), usize::from(fits), "{} {} {value} {quote}", name.len(), key.len());
        }
        if value == 1 {
            for quote in ["<|\"|>", "\"", "'", "`"] {
                let text = format!("<|tool_call>call:{name}{{{quote}{key}{quote}:1}}<tool_call|>");
                let record = at_once_and_in_pieces(&text, Finish::Stop);
                assert_eq!(record.accepted().len(), usize::from(fits), "{} {} {quote}", name.len(), key.len());
            }
        }
    }
}

/// A value or key that is too long is malformed whatever follows it, also where nothing does.
#[test]
fn limits_before_anything() {
    for more in [1, 2, 5] {
        for behind in ["<|\"|>}<tool_call|>", "<tool_call|>", "<turn|>", "", " }<tool_call|>"] {
            for start in ["a:", "", "a:'", "a:\""] {
                let text = format!("<|tool_call>call:f{{{start}{}{behind}", "1".repeat(MIB + more));
                let message = at_once_and_in_pieces(&text, Finish::Stop).message();
                let reasons: Vec<_> = message.unparsed.iter().map(|span| span.reason).collect();
                assert_eq!(reasons, [Reason::MalformedCall], "{more} {start} {behind}");
                assert!(message.tool_calls.is_empty(), "{more} {start} {behind}");
            }
        }
    }
}

/// Texts that leave the machine in each of its states, and whether a call behind them is read in any case.
const PREFIXES: &[&str] = &[
    "",
    "t",
    "thought",
    "thought\n",
    "x",
    "x\"",
    "cal",
    "call:",
    "call:f",
    "<|tool_call|>",
    "<|tool_call|>call:f",
    "<|channel>",
    "<|channel>thou",
    "<|channel>thought\n",
    "<|channel>thought\n\n",
    "<|channel>thought\nx\n",
    "<|channel>thought\nx'",
    "<|channel>thought\nx<channel|>",
    "<|channel>thought\nx<channel|>\n",
    "<|tool_call>",
    "<|tool_call> ",
    "<|tool_call>cal",
    "<|tool_call>call:",
    "<|tool_call>call:f",
    "<|tool_call>call:f\n",
    "<|tool_call>:f",
    "<|tool_call>f",
    "<|tool_call>x",
    "<|tool_call>call:f{",
    "<|tool_call>call:f(",
    "<|tool_call>call:f{{",
    "<|tool_call>call:f{a",
    "<|tool_call>call:f{<|\"|>a",
    "<|tool_call>call:f{'a",
    "<|tool_call>call:f{'a'",
    "<|tool_call>call:f{a:",
    "<|tool_call>call:f{a:1",
    "<|tool_call>call:f{a:x,",
    "<|tool_call>call:f{a:x, <|\"|>",
    "<|tool_call>call:f{a:<|\"|>",
    "<|tool_call>call:f{a:<|\"|>x}",
    "<|tool_call>call:f{a:<|\"|>x}<tool_call|>",
    "<|tool_call>call:f{a:<|\"|>x<turn|>y<|\"|>",
    "<|tool_call>call:f{a:<|\"|>x<|\"|>",
    "<|tool_call>call:f{a:\"x",
    "<|tool_call>call:f{a:\"x\"",
    "<|tool_call>call:f{a:\"x\"<|\"|>",
    "<|tool_call>call:f{a:'x'",
    "<|tool_call>call:f{a:'x', b",
    "<|tool_call>call:f{a:`x",
    "<|tool_call>call:f{a:[",
    "<|tool_call>call:f{a:[1",
    "<|tool_call>call:f{a:[1]",
    "<|tool_call>call:f{{a:1}",
    "<|tool_call>call:f{a:1}",
    "<|tool_call>call:f{a:1}call:",
    "<|tool_call>call:f{a b}",
    "<|tool_call>call:f{}<tool_call|>",
    "<|tool_call>call:f{}<tool_call|> ",
    "<|channel>thought\nx<|tool_call>call:f{}<tool_call|>",
    "<|channel>thought\nx<|tool_call>y",
    "x<turn|>",
    "x<turn|>y",
];

const VALID: &str = "<|tool_call>call:g{z:<|\"|>ok<|\"|>}<tool_call|>";

fn options() -> Vec<Options> {
    let tools =
        r#"[{"function":{"name":"f","parameters":{"type":"object","properties":{"a":{"type":"string"},"b":{}}}}}]"#;
    let tools = Some(std::sync::Arc::new(Tools::from_json(tools).unwrap()));
    vec![
        Options::default(),
        Options { tools, coerce: true, ..Options::default() },
        Options { lenient: false, ..Options::default() },
        Options { start: Start::Reasoning, ..Options::default() },
        Options { parse_reasoning: false, ..Options::default() },
    ]
}

fn calls_g(record: &Record) -> usize {
    record.accepted().iter().filter(|call| call.name == "g").count()
}

/// Every control token in every state, a valid call behind it, every end: splits agree, JSON is JSON only where a call
/// is accepted, a cut-off output accepts the first of the whole's calls, and the valid call is read unless the turn has
/// ended or a string or a quoted text was open.
#[test]
fn every_control_token_in_every_state() {
    let vocabulary = vocabulary();
    let mut survived = 0;
    for options in options() {
        for prefix in PREFIXES {
            for token in ControlToken::ALL {
                for between in ["", " ", "x", "\""] {
                    let text = format!("{prefix}{}{between}{VALID}", token.literal());
                    for form in [Form::Ids, Form::Text] {
                        // Literals that are no control tokens in text need no look of their own there.
                        if form == Form::Text && !ControlToken::IN_TEXT.contains(&token) && token != ControlToken::Eos {
                            continue;
                        }
                        let wholes = Finish::ALL.iter().map(|finish| {
                            let run = |cut| Record::of(&text, form, cut, &vocabulary, *finish, &options);
                            let whole = run(Cut::Whole);
                            assert_eq!(well_formed(&whole, *finish, &options), Ok(()), "{text:?} as {form:?}");
                            assert_eq!(run(Cut::Units), whole, "{text:?} as {form:?}, {finish}");
                            whole
                        });
                        let wholes: Vec<Record> = wholes.collect();
                        let whole = &wholes[0];
                        let ended = matches!(whole.end(), "turn" | "tool_response" | "eos");
                        // What opens a string or a quoted text within a call makes the rest its data.
                        let opens = token == ControlToken::Delimiter || between == "\"";
                        let open = is_open(prefix) || opens && prefix.contains("<|tool_call>call:f");
                        if !ended && !open {
                            assert_eq!(calls_g(whole), 1, "{text:?} as {form:?}: {:?}", whole.0);
                            survived += 1;
                        }
                        prefixes(&text, form, &wholes, &options);
                    }
                }
            }
        }
    }
    assert!(survived > 20_000, "{survived} calls survived");
}

/// Whether the prefix ends where an opener may be data: in a string or in quotes, or behind a marker in a string.
fn is_open(prefix: &str) -> bool {
    let Some(at) = prefix.rfind("<|tool_call>call:f") else { return false };
    let call = &prefix[at..];
    call.contains("<|\"|>") || call.contains(['"', '\'', '`'])
}

fn prefixes(text: &str, form: Form, wholes: &[Record], options: &Options) {
    let ids = tokenize(text);
    let characters: Vec<char> = text.chars().collect();
    // A few places only: the properties look at all of them.
    let length = if form == Form::Ids { ids.len() } else { characters.len() };
    for end in [length / 3, length / 2, length * 3 / 4, length - 1, length] {
        let record = match form {
            Form::Ids => Record::of_ids(&[ids[..end].to_vec()], &vocabulary(), Finish::Length, options),
            Form::Text => Record::of_texts(&[characters[..end].iter().collect::<String>()], Finish::Length, options),
        };
        let calls = record.accepted();
        for whole in wholes {
            assert!(whole.accepted().starts_with(&calls), "{text:?} as {form:?}, the first {end}");
        }
    }
}

/// All literals of the text form, split at every place over two deltas, are what they are in one.
#[test]
fn literals_split_anywhere() {
    for prefix in PREFIXES {
        for token in ControlToken::IN_TEXT {
            let text = format!("{prefix}{}{VALID}", token.literal());
            let whole = Record::of_texts(&[&text], Finish::Stop, &Options::default());
            for at in (0..=text.len()).filter(|at| text.is_char_boundary(*at)) {
                let (head, tail) = text.split_at(at);
                assert_eq!(
                    Record::of_texts(&[head, "", tail], Finish::Stop, &Options::default()),
                    whole,
                    "{text:?} at {at}"
                );
            }
        }
    }
}

/// A literal that ordinary tokens spell is text in every state: the bytes of the literal never act as the token does.
#[test]
fn spelled_literals_are_text() {
    let vocabulary = vocabulary();
    for token in ControlToken::ALL {
        let ids = tokenize_plain(&format!("say {} end", token.literal()));
        let record = Record::of_ids(&split(&ids, Cut::Units), &vocabulary, Finish::Stop, &Options::default());
        assert_eq!(record.joined(&[Kind::Content]), format!("say {} end", token.literal()));
        let mut ids = tokenize(OPEN);
        ids.extend(tokenize_plain(token.literal()));
        ids.extend(tokenize("<|\"|>}<tool_call|>"));
        let record = Record::of_ids(&split(&ids, Cut::Units), &vocabulary, Finish::Stop, &Options::default());
        let expected = format!("{{\"a\":\"{}\"}}", token.literal().replace('"', "\\\""));
        assert_eq!(record.accepted()[0].arguments, expected);
    }
}

/// A repaired call tells each repair once, in the order met, however often it was made.
#[test]
fn repairs_once_and_in_order() {
    let text = "<|tool_call>call:f({'a'=\"x\"<|\"|>,\"b\":'y',c:[True,None,z w],d:`q`,})}<turn|>";
    let record = fed(text, usize::MAX, Finish::Stop);
    let end = record.0.iter().find(|event| event.kind == Kind::CallEnd).unwrap();
    let Owned { detail: Detail::Repairs(repairs), .. } = end else { panic!("{end:?}") };
    let expected = [
        Repair::JsonArguments,
        Repair::SingleQuotes,
        Repair::EqualsSign,
        Repair::JsonString,
        Repair::DanglingDelimiter,
        Repair::PythonLiteral,
        Repair::BareString,
        Repair::Backticks,
        Repair::ExtraBracket,
        Repair::MissingCloseMarker,
    ];
    assert_eq!(repairs.as_slice(), expected);
}

/// An unfinished stream that is dropped, or finished at once, owes nothing to anybody.
#[test]
fn nothing_fed() {
    for finish in Finish::ALL {
        let mut stream = StreamParser::new(None, Options::default()).unwrap();
        let mut record = Record::default();
        stream.finish(*finish, &mut record).unwrap();
        assert_eq!((record.0.len(), record.end()), (1, finish.as_str()));
        assert!(!record.0.iter().any(|event| event.detail == Detail::Reason(Reason::StrayMarker)));
    }
}
