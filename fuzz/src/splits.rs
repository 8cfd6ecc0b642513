//! `splits_agree`: any text with any options, cut anywhere, in both forms.

use std::sync::Arc;

use gemma4_parser::{Finish, parse, parse_ids};

use super::common::check::{forms_agree, well_formed};
use super::common::{Cut, Record, split, tokenize, vocabulary};
use super::input::{Case, Input};

/// The events of every cut are those of the whole, well formed; the forms agree; a cut-off call is not accepted.
pub fn run(data: &[u8]) {
    let case = Input(data).case();
    let Case { options, finish, seed, part, text } = &case;
    let mut end = text.len() * part / 256;
    while !text.is_char_boundary(end) {
        end += 1;
    }
    let characters: Vec<char> = text.chars().collect();
    let texts = [Cut::Units, Cut::Random(*seed)].map(|cut| (cut, split(&characters, cut)));
    let whole = Record::of_texts(&[text], *finish, options);
    assert_eq!(well_formed(&whole, *finish, options), Ok(()), "text");
    for (cut, pieces) in texts {
        let pieces: Vec<String> = pieces.into_iter().map(String::from_iter).collect();
        assert_eq!(Record::of_texts(&pieces, *finish, options), whole, "text, {cut:?}");
    }
    let cut_off = Record::of_texts(&[&text[..end]], Finish::Length, options).accepted();
    assert!(whole.accepted().starts_with(&cut_off), "text, cut off at {end}: {cut_off:?} of {:?}", whole.0);
    assert_eq!(parse(text, *finish, options.clone()), Ok(whole.message()));

    let vocabulary = vocabulary();
    let ids = tokenize(text);
    let end = ids.len() * part / 256;
    let of = |pieces: &[Vec<u32>], finish| Record::of_ids(pieces, &vocabulary, finish, options);
    let ids_whole = of(std::slice::from_ref(&ids), *finish);
    assert_eq!(well_formed(&ids_whole, *finish, options), Ok(()), "ids");
    for cut in [Cut::Units, Cut::Random(*seed)] {
        assert_eq!(of(&split(&ids, cut), *finish), ids_whole, "ids, {cut:?}");
    }
    let cut_off = of(&[ids[..end].to_vec()], Finish::Length).accepted();
    assert!(ids_whole.accepted().starts_with(&cut_off), "ids, cut off at {end}: {cut_off:?} of {:?}", ids_whole.0);
    assert_eq!(parse_ids(&ids, Arc::clone(&vocabulary), *finish, options.clone()), Ok(ids_whole.message()));

    if forms_agree(text, *finish) {
        assert_eq!(whole, ids_whole, "text and ids");
    }
}
