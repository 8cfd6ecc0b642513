//! `total`: bytes as everything that the parser takes. Nothing panics but the checks.

use std::fmt::Write as _;
use std::sync::Arc;

use gemma4_parser::{
    ControlToken, ErrorKind, Event, Finish, Kind, Options, StreamParser, Tools, Vocabulary, json as core_json,
};

use super::common::check::{forms_agree, well_formed};
use super::common::{Cut, Record, split, tokenize, tokenize_plain, vocabulary};
use super::input::{Case, Input};

/// Ids, pieces of a vocabulary, a `tokenizer.json`, a list of tools, or text.
pub fn run(data: &[u8]) {
    let mut input = Input(data);
    match input.byte() % 6 {
        0 => ids(input),
        1 => pieces(input),
        2 => tokenizer(&input.text(), &[]),
        3 => framed_tokenizer(input),
        4 => tools(input),
        _ => text(&input.case()),
    }
}

/// Everything that holds for the events of any ids; `text` is what they spell.
fn stream_of_ids(ids: &[u32], text: &str, vocabulary: &Arc<Vocabulary>, case: &Case) {
    let Case { options, finish, seed, .. } = case;
    let whole = Record::of_ids(&[ids.to_vec()], vocabulary, *finish, options);
    for cut in [Cut::Units, Cut::Random(*seed)] {
        assert_eq!(Record::of_ids(&split(ids, cut), vocabulary, *finish, options), whole, "{cut:?}");
    }
    holds(&whole, text, case);
    // Where no ordinary tokens spell a literal, the text gives the same.
    let literals: usize = ControlToken::REQUIRED.iter().map(|token| text.matches(token.literal()).count()).sum();
    let is_control = |id: &u32| vocabulary.decode(&[*id]).is_ok_and(|text| ControlToken::from_literal(&text).is_some());
    if literals == ids.iter().filter(|id| is_control(id)).count() && forms_agree(text, *finish) {
        assert_eq!(Record::of_texts(&[text], *finish, options), whole, "{text:?}");
    }
}

/// Well formed, nothing lost, linear.
fn holds(record: &Record, text: &str, case: &Case) {
    assert_eq!(well_formed(record, case.finish, &case.options), Ok(()));
    let kinds = [Kind::Reasoning, Kind::Content, Kind::CallStart, Kind::CallArguments, Kind::Unparsed];
    let joined = record.joined(&kinds);
    // No rule gives a character beyond ASCII a meaning, but an escape may spell one.
    if !text.contains("\\u") {
        let kept = |text: &str| text.chars().filter(|character| !character.is_ascii()).collect::<String>();
        assert_eq!(kept(&joined), kept(text), "{:?}", record.0);
    }
    if record.calls().is_empty() {
        // All but markers, labels and blanks.
        let kept = |text: &str| {
            text.chars().filter(|c| !c.is_ascii_lowercase() && !" \t\r\n<>|_\"".contains(*c)).collect::<String>()
        };
        assert_eq!(kept(&joined), kept(text), "{:?}", record.0);
    }
    let size: usize = record.0.iter().map(|event| event.text.len()).sum();
    assert!(size <= 6 * text.len() + 16, "{size} bytes of events for {}", text.len());
}

fn ids(mut input: Input<'_>) {
    let case = input.case();
    let mut ids = Vec::new();
    // Two bytes that UTF-8 has no use for stand before control tokens and words.
    while !input.0.is_empty() {
        match input.byte() {
            0xff => ids.push(ControlToken::ALL[usize::from(input.byte()) % ControlToken::ALL.len()].id()),
            0xfe => ids.push(1000 + u32::from(input.byte() % 30)),
            byte => ids.push(300 + u32::from(byte)),
        }
    }
    let vocabulary = vocabulary();
    let text = vocabulary.decode(&ids).expect("the vocabulary has these ids");
    stream_of_ids(&ids, &text, &vocabulary, &case);
}

/// A vocabulary of the control tokens and pieces given, and ids of it.
fn pieces(mut input: Input<'_>) {
    let first = u32::from(input.byte()) << (input.byte() % 20);
    let list = input.until_zero();
    let controls = (first..).zip(ControlToken::ALL.iter().map(|token| token.literal().as_bytes()));
    let pieces: Vec<&[u8]> = list.split(|byte| *byte == 0xff).collect();
    let pieces = controls.chain((first.wrapping_add(24)..).zip(pieces));
    let count = u32::try_from(pieces.clone().count()).expect("they are few");
    match Vocabulary::from_pieces(pieces) {
        Err(error) => assert_eq!(error.kind(), ErrorKind::Vocabulary),
        Ok(vocabulary) => {
            let vocabulary = Arc::new(vocabulary);
            let case = input.case();
            let ids: Vec<u32> = input.0.iter().map(|byte| first + u32::from(*byte) % count).collect();
            let text = vocabulary.decode(&ids).expect("the vocabulary has these ids");
            stream_of_ids(&ids, &text, &vocabulary, &case);
        }
    }
}

/// A `tokenizer.json`; `ids` are read with it where it has them.
fn tokenizer(json: &str, ids: &[u32]) {
    match Vocabulary::from_tokenizer_json(json) {
        Err(error) => {
            assert!(matches!(error.kind(), ErrorKind::Json | ErrorKind::Vocabulary), "{error}");
            assert!(error.offset() <= json.len(), "{error}");
        }
        Ok(vocabulary) => {
            let ids: Vec<u32> = ids.iter().copied().filter(|id| vocabulary.contains(*id)).collect();
            let text = vocabulary.decode(&ids).expect("the vocabulary has these ids");
            let case = Input(&[]).case();
            stream_of_ids(&ids, &text, &Arc::new(vocabulary), &case);
        }
    }
}

/// Three parts of a `tokenizer.json` around what every one has.
fn framed_tokenizer(mut input: Input<'_>) {
    let mut controls = String::new();
    for (at, token) in ControlToken::ALL.iter().enumerate() {
        let literal = token.literal().replace('"', "\\\"");
        let _ = write!(controls, "{}\"{literal}\":{at}", if at > 0 { "," } else { "" });
    }
    let [vocab, added, decoder] = [(); 3].map(|()| String::from_utf8_lossy(input.until_zero()));
    let ids: Vec<u32> = input.0.iter().map(|byte| u32::from(*byte)).collect();
    let json = format!(r#"{{"model":{{"vocab":{{{controls}{vocab}}}}},"added_tokens":[{added}],"decoder":{decoder}}}"#);
    tokenizer(&json, &ids);
}

/// A list of tools, and an output that is read with it.
fn tools(mut input: Input<'_>) {
    let json = String::from_utf8_lossy(input.until_zero());
    match Tools::from_json(&json) {
        Err(error) => {
            assert!(matches!(error.kind(), ErrorKind::Json | ErrorKind::Tools), "{error}");
            assert!(error.offset() <= json.len(), "{error}");
        }
        Ok(tools) => {
            assert!(tools.names().all(|name| tools.is_declared(name)));
            assert_eq!(tools.names().next().is_none(), tools.is_empty());
            let mut case = input.case();
            case.options.tools = Some(Arc::new(tools));
            text(&case);
        }
    }
}

fn text(case: &Case) {
    let Case { options, finish, text, .. } = case;
    holds(&Record::of_texts(&[text], *finish, options), text, case);
    prompt(text);
    json(text);

    // Wrong use changes nothing and says nothing.
    let mut stream = StreamParser::new(Some(vocabulary()), options.clone()).expect("the options are right");
    let mut record = Record::default();
    stream.push_text(text, &mut record).expect("text is first");
    let mut silent = |event: Event<'_>| panic!("{event:?}");
    assert!(stream.push(&[300], &mut silent).is_err());
    stream.finish(*finish, &mut record).expect("it is finished once");
    assert!(stream.push_text(text, &mut silent).is_err());
    assert!(stream.finish(Finish::Stop, &mut silent).is_err());
    assert_eq!(record, Record::of_texts(&[text], *finish, options));
    stream.reset();
    assert!(!stream.ended());
    // Spelled by ordinary tokens no literal is a control token: then only text and labels are left.
    let plain =
        Record::of_ids(&[tokenize_plain(text)], &vocabulary(), *finish, &Options { lenient: false, ..options.clone() });
    assert!(plain.calls().is_empty());
}

/// The start of an output is the same from a prompt's text and its ids.
fn prompt(text: &str) {
    assert_eq!(
        StreamParser::start_of_text(text),
        StreamParser::start_of_ids(&tokenize(text), &vocabulary()),
        "{text:?}"
    );
}

/// The JSON reader takes what another one takes.
fn json(text: &str) {
    let ours = core_json::parse(text, 1024);
    if let Err(error) = &ours {
        assert!(error.kind() == ErrorKind::Json && text.is_char_boundary(error.offset()), "{error}");
    }
    match serde_json::from_str::<serde_json::Value>(text) {
        Ok(_) => assert!(ours.is_ok(), "{ours:?}"),
        Err(error) if ours.is_ok() => {
            let message = error.to_string();
            let limits = ["number out of range", "recursion limit", "lone leading surrogate", "unexpected end of hex"];
            assert!(limits.iter().any(|limit| message.starts_with(limit)), "{message}");
        }
        Err(_) => {}
    }
}
