//! `oracle`: a stream says of a canonical output what the naive parser of the whole text says.

use super::common::check::forms_agree;
use super::common::oracle::{must_read, read};
use super::common::tape::Tape;
use super::common::{Cut, Form, Record, canonical, vocabulary};
use super::input::{Case, Input};

/// The input as it is, a canonical output made from it, one with a few changes, or a call with a few changes.
pub fn run(data: &[u8]) {
    let mut input = Input(data);
    let mode = input.byte() % 4;
    let Case { mut options, finish, seed, mut text, .. } = input.case();
    if mode > 0 {
        options.tools = None;
        let mut tape = Tape::new(input.0.iter().map(|byte| u16::from(*byte)).collect());
        if mode == 3 {
            text = canonical::changed_call(&mut tape);
        } else {
            text = canonical::output(&mut tape, finish, &options);
            assert!(read(&text, finish, &options).is_some(), "the oracle does not read {text:?}");
        }
        for _ in 0..if mode == 2 { 1 + tape.below(3) } else { 0 } {
            canonical::change(&mut tape, &mut text);
        }
    }
    let answer = read(&text, finish, &options);
    let whole = Record::of_texts(&[&text], finish, &options);
    let Some(answer) = answer else {
        let readable = options.tools.is_none() && forms_agree(&text, finish);
        assert!(!(readable && must_read(&text, &whole)), "the oracle does not read {text:?}");
        return;
    };
    let message = answer.message(&options);
    assert_eq!(whole.message(), message, "text, {text:?}");
    for form in [Form::Text, Form::Ids] {
        for cut in [Cut::Units, Cut::Random(seed)] {
            let record = Record::of(&text, form, cut, &vocabulary(), finish, &options);
            assert_eq!(record.message(), message, "{form:?}, {cut:?}, {text:?}");
        }
    }
}
