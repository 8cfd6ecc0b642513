//! Splits, forms, fragments, prefixes, losses and leaks.

use gemma4_parser::{ControlToken, Finish, Kind, Options, Reason, Start, Status, StreamParser};
use proptest::prelude::*;

use crate::cases;
use crate::common::check::{forms_agree, well_formed};
use crate::common::tape::{Tape, is_mark};
use crate::common::{Cut, Form, Record, split, tokenize, tokenize_plain, vocabulary};
use crate::grammar::{self, Case};

fn whole(case: &Case, form: Form) -> Record {
    Record::of(&case.text, form, Cut::Whole, &vocabulary(), case.finish, &case.options)
}

/// Ids of the text in which every control literal is a control token and all else is spelled byte by byte.
fn tokenize_bytes(text: &str) -> Vec<u32> {
    let mut ids = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let at = (0..=rest.len()).find(|at| {
            rest.is_char_boundary(*at) && ControlToken::ALL.iter().any(|token| rest[*at..].starts_with(token.literal()))
        });
        let Some(at) = at else { break };
        let token = ControlToken::ALL.into_iter().find(|token| rest[at..].starts_with(token.literal())).unwrap();
        ids.extend(tokenize_plain(&rest[..at]));
        ids.push(token.id());
        rest = &rest[at + token.literal().len()..];
    }
    ids.extend(tokenize_plain(rest));
    ids
}

proptest! {
    #![proptest_config(cases(1500))]

    /// Any split, same events; equal to those of the output at once; order, JSON of accepted calls and no JSON of
    /// rejected ones (invariants 1, 4 and 5). As ids, the tokenisation makes no difference either.
    #[test]
    fn any_split_same_events(case in grammar::cases(), seed in any::<u32>()) {
        let vocabulary = vocabulary();
        for form in [Form::Text, Form::Ids] {
            let run = |cut| Record::of(&case.text, form, cut, &vocabulary, case.finish, &case.options);
            let whole = run(Cut::Whole);
            prop_assert_eq!(well_formed(&whole, case.finish, &case.options), Ok(()), "{:?}", form);
            prop_assert_eq!(&run(Cut::Units), &whole, "{:?}, units", form);
            for round in 0..6 {
                let cut = Cut::Random(u64::from(seed) + round);
                prop_assert_eq!(&run(cut), &whole, "{:?}, {:?}", form, cut);
            }
        }
        let bytes = tokenize_bytes(&case.text);
        let spelled = Record::of_ids(&split(&bytes, Cut::Units), &vocabulary, case.finish, &case.options);
        prop_assert_eq!(&spelled, &whole(&case, Form::Ids), "byte by byte");
    }

    /// The events of a step are never taken back: each delta only appends to what came before (invariant 4), and all
    /// of them are the events of the whole.
    #[test]
    fn events_only_append(case in grammar::cases(), seed in any::<u32>()) {
        let mut stream = StreamParser::new(None, case.options.clone()).unwrap();
        let mut record = Record::default();
        let characters: Vec<char> = case.text.chars().collect();
        for piece in split(&characters, Cut::Random(u64::from(seed))) {
            let before = record.0.clone();
            stream.push_text(&String::from_iter(piece), &mut record).unwrap();
            for (at, event) in before.iter().enumerate() {
                prop_assert!(record.0[at].text.starts_with(&event.text));
                prop_assert_eq!((record.0[at].kind, record.0[at].index), (event.kind, event.index));
            }
        }
    }

    /// Ids and text agree where the literals are unambiguous (invariant 2).
    #[test]
    fn ids_and_text_agree(case in grammar::cases()) {
        if !forms_agree(&case.text, case.finish) {
            return Ok(());
        }
        prop_assert_eq!(whole(&case, Form::Ids), whole(&case, Form::Text));
    }

    /// Nothing is lost: every mark is in exactly one event, in the order of the input (invariant 7).
    #[test]
    fn nothing_lost(case in grammar::cases()) {
        let marks = |text: &str| text.chars().filter(|character| is_mark(*character)).collect::<String>();
        let kinds = [Kind::Reasoning, Kind::Content, Kind::CallStart, Kind::CallArguments, Kind::Unparsed];
        for form in [Form::Text, Form::Ids] {
            let record = whole(&case, form);
            prop_assert_eq!(marks(&record.joined(&kinds)), marks(&case.text), "{:?}: {:?}", form, &record.0);
        }
    }

    /// Nothing is lost where no call starts: what is neither a control token, nor a label, nor blank is said or
    /// unparsed, every character of it (invariant 7).
    #[test]
    fn nothing_lost_outside_calls(case in grammar::cases()) {
        let record = whole(&case, Form::Text);
        if !record.calls().is_empty() {
            return Ok(());
        }
        let kept = |text: &str| text.chars().filter(|c| !c.is_ascii_lowercase() && !" \t\r\n<>|_\"".contains(*c)).collect::<String>();
        prop_assert_eq!(kept(&record.joined(&[Kind::Reasoning, Kind::Content, Kind::Unparsed])), kept(&case.text));
    }

    /// Nothing leaks: as ids, a control token is content or reasoning only between equal quotes, as a delimiter outside
    /// a call, or as a channel marker that is no marker (invariant 8).
    #[test]
    fn nothing_leaks(case in grammar::cases()) {
        // Ordinary text has no `<`, so that one in the events comes from a control token.
        let plain: Vec<u32> = tokenize_plain("<");
        let ids: Vec<u32> = tokenize_bytes(&case.text).into_iter().filter(|id| !plain.contains(id)).collect();
        let record = Record::of_ids(&[ids], &vocabulary(), case.finish, &case.options);
        for event in record.0.iter().filter(|event| matches!(event.kind, Kind::Reasoning | Kind::Content)) {
            for (at, _) in event.text.match_indices('<') {
                let rest = &event.text[at..];
                let token = ControlToken::ALL.into_iter().find(|token| rest.starts_with(token.literal())).unwrap();
                let channel = matches!(token, ControlToken::ChannelOpen | ControlToken::ChannelClose);
                let before = event.text[..at].chars().next_back();
                let quoted = before.is_some_and(|c| "\"'`".contains(c)) && rest[token.literal().len()..].chars().next() == before;
                prop_assert!(
                    quoted || token == ControlToken::Delimiter || (channel && !case.options.parse_reasoning),
                    "{:?} leaks into {:?}", token, event
                );
            }
        }
    }

    /// Output is linear in the input, and so is the number of events (invariant 10).
    #[test]
    fn output_is_linear(case in grammar::cases()) {
        let mut stream = StreamParser::new(None, case.options.clone()).unwrap();
        let (mut size, mut events) = (0, 0);
        let mut sink = |event: gemma4_parser::Event<'_>| {
            size += event.text.len();
            events += 1;
        };
        for character in case.text.chars() {
            stream.push_text(character.encode_utf8(&mut [0; 4]), &mut sink).unwrap();
        }
        stream.finish(case.finish, &mut sink).unwrap();
        // A control character is six bytes of JSON; status words and brackets are what is left.
        prop_assert!(size <= 6 * case.text.len() + 16, "{size} bytes of events for {}", case.text.len());
        prop_assert!(events <= 2 * case.text.len() + 2, "{events} events for {} bytes", case.text.len());
    }

    /// A parser that is reset gives the events of a new one, whatever it has seen before.
    #[test]
    fn reset_is_as_new(case in grammar::cases(), other in grammar::cases(), finished in any::<bool>()) {
        let mut stream = StreamParser::new(None, case.options.clone()).unwrap();
        stream.push_text(&other.text, &mut Record::default()).unwrap();
        if finished {
            stream.finish(other.finish, &mut Record::default()).unwrap();
        }
        stream.reset();
        let mut record = Record::default();
        stream.push_text(&case.text, &mut record).unwrap();
        stream.finish(case.finish, &mut record).unwrap();
        prop_assert_eq!(&record, &whole(&case, Form::Text));
    }
}

/// The calls of every prefix, cut off with `length`, are the first of `calls`.
fn prefixes(case: &Case, form: Form) -> Result<(), TestCaseError> {
    let vocabulary = vocabulary();
    let ids = tokenize(&case.text);
    let characters: Vec<char> = case.text.chars().collect();
    let run = |end: usize, finish| match form {
        Form::Ids => Record::of_ids(&[ids[..end].to_vec()], &vocabulary, finish, &case.options),
        Form::Text => Record::of_texts(&[characters[..end].iter().collect::<String>()], finish, &case.options),
    };
    let length = if form == Form::Ids { ids.len() } else { characters.len() };
    let wholes = Finish::ALL.iter().map(|finish| run(length, *finish).accepted()).collect::<Vec<_>>();
    for end in 0..=length {
        for finish in [Finish::Length, Finish::Abort] {
            let calls = run(end, finish).accepted();
            for whole in &wholes {
                prop_assert!(
                    whole.starts_with(&calls),
                    "{form:?}, {end} of {length}, {finish}: {calls:?} of {whole:?}"
                );
            }
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(cases(500))]

    /// A cut-off call never runs: the calls accepted from a prefix that ended with `length` or `abort` are the first of
    /// those accepted from the whole, however that is finished (invariant 6).
    #[test]
    fn a_cut_off_call_never_runs(case in grammar::cases()) {
        prefixes(&case, Form::Text)?;
        prefixes(&case, Form::Ids)?;
    }
}

/// Ids of any kind: bytes that are no UTF-8, control tokens, words.
fn any_ids() -> impl Strategy<Value = Vec<u32>> {
    let controls: Vec<u32> = ControlToken::ALL.iter().map(|token| token.id()).collect();
    let token = prop_oneof![
        4 => 300..556u32,
        2 => prop::sample::select(vec![0xc3u32, 0xa9, 0xe2, 0x80, 0xa8, 0xf0, 0x9f, 0x98, 0x80, 0xed, 0xa0, 0xff]).prop_map(|byte| 300 + byte),
        3 => prop::sample::select(controls),
        2 => 1000..1030u32,
        2 => prop::sample::select(b"{}[]():,='\"`<|>\\ \n".to_vec()).prop_map(|byte| 300 + u32::from(byte)),
    ];
    prop::collection::vec(token, 0..80)
}

fn any_options() -> impl Strategy<Value = (Options, Finish)> {
    let flags = (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>());
    (flags, prop::sample::select(Finish::ALL)).prop_map(
        |((reasoning, parse_reasoning, lenient, coerce, spaced), finish)| {
            let start = if reasoning { Start::Reasoning } else { Start::Content };
            let parse_reasoning = parse_reasoning || reasoning;
            (Options { start, parse_reasoning, lenient, coerce, spaced, tools: None }, finish)
        },
    )
}

proptest! {
    #![proptest_config(cases(1500))]

    /// Every input has an answer (invariant 9): any ids, any options, any cut.
    #[test]
    fn total_for_ids(ids in any_ids(), (options, finish) in any_options(), seed in any::<u32>()) {
        let vocabulary = vocabulary();
        let whole = Record::of_ids(std::slice::from_ref(&ids), &vocabulary, finish, &options);
        prop_assert_eq!(well_formed(&whole, finish, &options), Ok(()));
        for cut in [Cut::Units, Cut::Random(u64::from(seed))] {
            prop_assert_eq!(&Record::of_ids(&split(&ids, cut), &vocabulary, finish, &options), &whole, "{:?}", cut);
        }
    }

    /// Invalid bytes are replaced as Python's `decode("utf-8", "replace")` does, within each run of ordinary tokens: the
    /// events are those of the replaced text.
    #[test]
    fn invalid_bytes_are_replaced(ids in any_ids(), (options, finish) in any_options()) {
        let vocabulary = vocabulary();
        let mut replaced = Vec::new();
        let is_control = |id: &u32| ControlToken::ALL.iter().any(|token| token.id() == *id);
        for run in ids.chunk_by(|left, right| !is_control(left) && !is_control(right)) {
            match run {
                [id] if is_control(id) => replaced.push(*id),
                run => {
                    let bytes: Vec<u8> = run.iter().flat_map(|id| match id {
                        300..556 => vec![u8::try_from(id - 300).unwrap()],
                        _ => vocabulary.decode(&[*id]).unwrap().into_bytes(),
                    }).collect();
                    replaced.extend(tokenize_plain(&String::from_utf8_lossy(&bytes)));
                }
            }
        }
        let given = Record::of_ids(&[ids], &vocabulary, finish, &options);
        prop_assert_eq!(given, Record::of_ids(&[replaced], &vocabulary, finish, &options));
    }

    /// Every input has an answer (invariant 9): any text.
    #[test]
    fn total_for_text(text in any::<String>(), (options, finish) in any_options(), seed in any::<u32>()) {
        let characters: Vec<char> = text.chars().collect();
        let whole = Record::of_texts(&[&text], finish, &options);
        prop_assert_eq!(well_formed(&whole, finish, &options), Ok(()));
        let pieces = split(&characters, Cut::Random(u64::from(seed)));
        let pieces: Vec<String> = pieces.into_iter().map(String::from_iter).collect();
        prop_assert_eq!(&Record::of_texts(&pieces, finish, &options), &whole);
    }

    /// In strict mode no repair is made, and what it accepts lenient mode reads the same way.
    #[test]
    fn strict_accepts_canonical_calls_only(case in grammar::cases()) {
        let strict = Options { lenient: false, ..case.options.clone() };
        let record = Record::of_texts(&[&case.text], case.finish, &strict);
        prop_assert!(record.calls().iter().all(|call| call.status != Status::Repaired.as_str()));
        prop_assert_eq!(well_formed(&record, case.finish, &strict), Ok(()));
    }

    /// After the end of the turn nothing is said or called: what comes is `after_turn_end`, and `ended` says so.
    #[test]
    fn the_end_of_the_turn_is_the_end(case in grammar::cases(), more in grammar::cases()) {
        let mut stream = StreamParser::new(None, case.options.clone()).unwrap();
        let mut record = Record::default();
        stream.push_text(&case.text, &mut record).unwrap();
        if !stream.ended() {
            return Ok(());
        }
        let mut rest = Record::default();
        stream.push_text(&more.text, &mut rest).unwrap();
        stream.finish(more.finish, &mut rest).unwrap();
        prop_assert!(stream.ended());
        for event in &rest.0 {
            let after = event.kind == Kind::Unparsed && event.detail == gemma4_parser::Detail::Reason(Reason::AfterTurnEnd);
            prop_assert!(after || event.kind == Kind::End, "{:?}", event);
        }
        prop_assert!(matches!(rest.end(), "turn" | "tool_response" | "eos"));
    }
}

/// The generators make what they should: accepted, repaired and rejected calls, all repairs, thoughts, ends.
#[test]
fn generators_reach_everything() {
    let mut seen = std::collections::BTreeMap::<&str, usize>::new();
    let mut random = crate::common::Random(7);
    for _ in 0..20_000 {
        let source = [grammar::Source::Lenient, grammar::Source::Mutated, grammar::Source::Soup][random.below(3)];
        let numbers = (0..160).map(|_| u16::try_from(random.below(65_536)).unwrap()).collect();
        let case = grammar::case(source, &mut Tape::new(numbers));
        for event in &whole(&case, Form::Text).0 {
            event.detail.names().for_each(|name| *seen.entry(name).or_default() += 1);
            if matches!(event.kind, Kind::CallEnd | Kind::End) {
                let text = Status::ALL.iter().map(|s| s.as_str()).find(|s| *s == event.text).unwrap_or("end");
                *seen.entry(text).or_default() += 1;
            }
        }
    }
    let repairs = gemma4_parser::Repair::ALL.iter().map(|repair| repair.as_str());
    let names = repairs
        .chain(Reason::ALL.iter().map(|reason| reason.as_str()))
        .chain(Status::ALL.iter().map(|status| status.as_str()));
    let missing: Vec<&str> = names.filter(|name| seen.get(name).is_none_or(|count| *count < 5)).collect();
    assert!(missing.is_empty(), "never or hardly seen: {missing:?} of {seen:?}");
}
