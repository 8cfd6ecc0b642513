//! Every case of `tests/vectors`, in every form and cut: the events must be those of the whole text at once.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test that fails should panic"
)]

mod common;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use common::check::well_formed;
use common::{Cut, Form, Record, oracle, tokenize, vocabulary};
use gemma4_parser::{Finish, Message, Options, Reason, Start, Tools, Vocabulary, parse, parse_ids};
use serde_json::Value;

struct Case {
    id: String,
    text: String,
    deltas: Option<Vec<String>>,
    /// The forms that it is given in; both where the case names none.
    forms: Vec<Form>,
    finish: Finish,
    options: Options,
    expect: Value,
}

fn cases() -> Vec<Case> {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/vectors");
    let mut cases = Vec::new();
    for file in ["output.jsonl", "own.jsonl"] {
        let lines = std::fs::read_to_string(format!("{directory}/{file}")).unwrap();
        for line in lines.split('\n').filter(|line| !line.is_empty()) {
            let case: Value = serde_json::from_str(line).unwrap();
            let word = |key: &str, default: &'static str| case[key].as_str().unwrap_or(default).to_owned();
            let (start, finish) = (word("start", "content"), word("finish", "stop"));
            let flag = |key: &str, default| case[key].as_bool().unwrap_or(default);
            let tools = &case["tools"];
            cases.push(Case {
                id: word("id", ""),
                text: word("text", ""),
                deltas: case["deltas"]
                    .as_array()
                    .map(|deltas| deltas.iter().map(|delta| delta.as_str().unwrap().to_owned()).collect()),
                forms: [(Form::Text, "text"), (Form::Ids, "ids")]
                    .into_iter()
                    .filter(|(_, name)| case["forms"].as_array().is_none_or(|forms| forms.contains(&(*name).into())))
                    .map(|(form, _)| form)
                    .collect(),
                finish: *Finish::ALL.iter().find(|reason| reason.as_str() == finish).unwrap(),
                options: Options {
                    start: *Start::ALL.iter().find(|at| at.as_str() == start).unwrap(),
                    parse_reasoning: flag("parse_reasoning", true),
                    lenient: flag("lenient", true),
                    coerce: flag("coerce", false),
                    spaced: flag("spaced", false),
                    tools: (!tools.is_null()).then(|| Arc::new(Tools::from_json(&tools.to_string()).unwrap())),
                },
                expect: case["expect"].clone(),
            });
        }
    }
    assert!(cases.len() > 500, "the vectors are all there");
    cases
}

fn check(case: &Case, message: &Message) {
    let id = &case.id;
    assert_eq!(message.reasoning.as_deref(), case.expect["reasoning"].as_str(), "{id}: reasoning");
    assert_eq!(message.content.as_deref(), case.expect["content"].as_str(), "{id}: content");
    let expected = case.expect["tool_calls"].as_array().unwrap();
    let names: Vec<&str> = message.tool_calls.iter().map(|call| call.name.as_str()).collect();
    let expected_names: Vec<&str> = expected.iter().map(|call| call["name"].as_str().unwrap()).collect();
    assert_eq!(names, expected_names, "{id}: names; unparsed {:?}", message.unparsed);
    for (call, expected) in message.tool_calls.iter().zip(expected) {
        let value: Value = serde_json::from_str(&call.arguments).unwrap();
        match expected["arguments_text"].as_str() {
            Some(text) => assert_eq!(call.arguments, text, "{id}: arguments"),
            None => assert_eq!(value, expected["arguments"], "{id}: arguments"),
        }
        if let Some(repairs) = expected["repairs"].as_array() {
            let found: Vec<&str> = call.repairs.iter().map(|repair| repair.as_str()).collect();
            assert_eq!(found, repairs.iter().map(|name| name.as_str().unwrap()).collect::<Vec<_>>(), "{id}: repairs");
        }
    }
    let reasons = message.unparsed.iter().map(|span| span.reason).filter(|reason| *reason != Reason::StrayMarker);
    let expected: Vec<&str> =
        case.expect["unparsed"].as_array().unwrap().iter().map(|reason| reason.as_str().unwrap()).collect();
    assert_eq!(reasons.map(Reason::as_str).collect::<Vec<_>>(), expected, "{id}: unparsed {:?}", message.unparsed);
    if let Some(spans) = case.expect["unparsed_text"].as_array() {
        let found: Vec<&str> = message.unparsed.iter().map(|span| span.text.as_str()).collect();
        assert_eq!(found, spans.iter().map(|span| span.as_str().unwrap()).collect::<Vec<_>>(), "{id}: spans");
    }
    if let Some(end) = case.expect["end"].as_str() {
        assert_eq!(message.end.as_deref(), Some(end), "{id}: end");
    }
}

fn every_cut(form: Form, vocabulary: &Arc<Vocabulary>) {
    let cases = cases().into_iter().filter(|case| case.forms.contains(&form));
    // Each case for itself, so that one run names all that fail; the panics say why.
    let failed: Vec<String> = cases
        .filter(|case| catch_unwind(AssertUnwindSafe(|| every_cut_of(case, form, vocabulary))).is_err())
        .map(|case| case.id)
        .collect();
    assert!(failed.is_empty(), "{} cases fail as {form:?}: {}", failed.len(), failed.join(" "));
}

fn every_cut_of(case: &Case, form: Form, vocabulary: &Arc<Vocabulary>) {
    let run = |cut: Cut<'_>| Record::of(&case.text, form, cut, vocabulary, case.finish, &case.options);
    let whole = run(Cut::Whole);
    check(case, &whole.message());
    let at_once = match form {
        Form::Text => parse(&case.text, case.finish, case.options.clone()),
        Form::Ids => parse_ids(&tokenize(&case.text), Arc::clone(vocabulary), case.finish, case.options.clone()),
    };
    assert_eq!(at_once, Ok(whole.message()), "{}: at once", case.id);
    assert_eq!(well_formed(&whole, case.finish, &case.options), Ok(()), "{}", case.id);
    assert_eq!(run(Cut::Units), whole, "{}: one token or character at a time", case.id);
    if let Some(deltas) = &case.deltas {
        assert_eq!(deltas.concat(), case.text, "{}: the deltas are the text", case.id);
        assert_eq!(run(Cut::Deltas(deltas)), whole, "{}: its own deltas", case.id);
    }
    for seed in 0..20 {
        assert_eq!(run(Cut::Random(seed)), whole, "{}: random cut {seed}", case.id);
    }
}

/// Every case given as token ids.
#[test]
fn vectors_as_ids() {
    every_cut(Form::Ids, &vocabulary());
}

/// Every case given as text.
#[test]
fn vectors_as_text() {
    every_cut(Form::Text, &vocabulary());
}

/// Where the naive parser of canonical outputs reads a case, it says what the case expects, and so does the stream.
#[test]
fn vectors_as_the_oracle_reads_them() {
    let mut read = 0;
    for case in cases() {
        let Some(answer) = oracle::read(&case.text, case.finish, &case.options) else { continue };
        read += 1;
        let message = answer.message(&case.options);
        check(&case, &message);
        for form in case.forms {
            let record = Record::of(&case.text, form, Cut::Units, &vocabulary(), case.finish, &case.options);
            assert_eq!(record.message(), message, "{}: {form:?}", case.id);
        }
    }
    assert!(read >= 140, "the oracle reads {read} vectors only");
}
