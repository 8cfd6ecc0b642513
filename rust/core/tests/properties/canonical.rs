//! Canonical outputs say what a naive parser of the whole text finds in them.

use gemma4_parser::{Finish, Options, Start};
use proptest::prelude::*;

use crate::cases;
use crate::common::oracle::{self, Answer};
use crate::common::tape::Tape;
use crate::common::{Cut, Form, Record, canonical, vocabulary};
use crate::grammar::{self, Source, tape};

fn options(tape: &mut Tape) -> (Options, Finish) {
    let start = if tape.chance(4) { Start::Reasoning } else { Start::Content };
    let options = Options {
        start,
        parse_reasoning: start == Start::Reasoning || !tape.chance(6),
        lenient: !tape.chance(2),
        coerce: tape.chance(4),
        spaced: tape.chance(3),
        tools: None,
    };
    (options, tape.pick(Finish::ALL))
}

/// The answer's message is that of the stream, in both forms and at random cuts.
fn streams_agree(
    text: &str,
    finish: Finish,
    options: &Options,
    answer: &Answer,
    seed: u32,
) -> Result<(), TestCaseError> {
    let message = answer.message(options);
    for form in [Form::Text, Form::Ids] {
        for cut in [Cut::Whole, Cut::Units, Cut::Random(u64::from(seed)), Cut::Random(u64::from(seed) + 1)] {
            let record = Record::of(text, form, cut, &vocabulary(), finish, options);
            prop_assert_eq!(&record.message(), &message, "{:?}, {:?}, {:?}", form, cut, text);
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(cases(3000))]

    /// Every canonical output: the oracle reads it, and every stream says the same.
    #[test]
    fn canonical_outputs_say_what_the_oracle_says(numbers in tape(200), seed in any::<u32>()) {
        let mut tape = Tape::new(numbers);
        let (options, finish) = options(&mut tape);
        let text = canonical::output(&mut tape, finish, &options);
        let answer = oracle::read(&text, finish, &options);
        prop_assert!(answer.is_some(), "the oracle does not read {:?}", text);
        streams_agree(&text, finish, &options, &answer.unwrap(), seed)?;
    }

    /// Outputs of every other source, where the oracle reads them.
    #[test]
    fn other_outputs_say_what_the_oracle_says(case in grammar::cases(), seed in any::<u32>()) {
        if let Some(answer) = oracle::read(&case.text, case.finish, &case.options) {
            streams_agree(&case.text, case.finish, &case.options, &answer, seed)?;
        }
    }
}

proptest! {
    #![proptest_config(cases(6000))]

    /// A call that is accepted as it is written is one that the oracle reads: nothing else is canonical.
    #[test]
    fn complete_calls_are_canonical(numbers in tape(120)) {
        let mut tape = Tape::new(numbers);
        let (options, finish) = options(&mut tape);
        let text = canonical::changed_call(&mut tape);
        let record = Record::of_texts(&[&text], finish, &options);
        let answer = oracle::read(&text, finish, &options);
        if let Some(answer) = answer {
            prop_assert_eq!(record.message(), answer.message(&options), "{:?}", text);
        } else {
            prop_assert!(!oracle::must_read(&text, &record), "the oracle does not read {:?}", text);
        }
    }
}

/// The oracle reads enough of what the generators make, and not everything.
#[test]
fn the_oracle_reads_enough() {
    let mut random = crate::common::Random(11);
    let mut tape = || Tape::new((0..160).map(|_| u16::try_from(random.below(65_536)).unwrap()).collect());
    for (source, least, most) in [
        (Source::Canonical, 300, 900),
        (Source::Lenient, 100, 500),
        (Source::Mutated, 100, 500),
        (Source::Soup, 1, 300),
    ] {
        let cases = (0..1000).map(|_| grammar::case(source, &mut tape()));
        let read = cases.filter(|case| oracle::read(&case.text, case.finish, &case.options).is_some()).count();
        assert!((least..most).contains(&read), "{read} of 1000 {source:?} outputs");
    }
    // What the canonical generator makes has everything in it.
    let mut seen = [0; 5];
    for _ in 0..1000 {
        let (mut tape, options) = (tape(), Options::default());
        let text = canonical::output(&mut tape, Finish::Stop, &options);
        let answer = oracle::read(&text, Finish::Stop, &options).unwrap();
        let marker = answer.calls.iter().any(|(_, arguments)| format!("{arguments:?}").contains("<tool_call|>"));
        let has = [
            !answer.reasoning.is_empty(),
            !answer.content.is_empty(),
            answer.calls.len() > 1,
            marker,
            answer.end != "stop",
        ];
        seen.iter_mut().zip(has).for_each(|(count, has)| *count += usize::from(has));
    }
    assert!(seen.iter().all(|count| *count >= 100), "{seen:?}");
}
