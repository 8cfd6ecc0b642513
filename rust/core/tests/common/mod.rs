//! What the tests share: a vocabulary of single bytes and a few words, cuts, and recorded events.
#![allow(dead_code, unreachable_pub, clippy::string_slice, reason = "each test binary uses a part of it")]

pub mod canonical;
pub mod carried;
pub mod check;
pub mod json;
pub mod oracle;
pub mod tape;

use std::sync::{Arc, OnceLock};

use gemma4_parser::{
    ControlToken, Detail, Event, Finish, Fold, Kind, Message, Options, Sink, StreamParser, Vocabulary,
};

/// The id of byte 0; the others follow.
const BYTES: u32 = 300;
/// The id of the first word.
const WORDS: u32 = 1000;
/// Pieces of more than one character, grammar characters merged with neighbours as BPE does.
const PIECES: &[&str] = &[
    "call",
    ":{",
    "{\"",
    "\"}",
    "}}",
    "},",
    "thought",
    "thought\n",
    " the",
    "text",
    "\n\n",
    ",\n",
    "://",
    "get_weather",
    "é",
    "😀",
    "tool",
    "<|",
    "|>",
    "turn",
    "channel",
    "]}",
    "':",
    "',",
    "Paris",
    "  ",
    "\\\"",
    "\\n",
    "null",
    "true",
];

/// How an output is given.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Form {
    Ids,
    Text,
}

/// How it is cut into deltas.
#[derive(Clone, Copy, Debug)]
pub enum Cut<'a> {
    Whole,
    /// One token, or one character.
    Units,
    /// Text as given; the ids of each delta.
    Deltas(&'a [String]),
    /// Pieces of a random size, empty ones too.
    Random(u64),
}

pub fn vocabulary() -> Arc<Vocabulary> {
    static VOCABULARY: OnceLock<Arc<Vocabulary>> = OnceLock::new();
    Arc::clone(VOCABULARY.get_or_init(|| Arc::new(new_vocabulary())))
}

fn new_vocabulary() -> Vocabulary {
    let control = ControlToken::ALL.iter().map(|token| (token.id(), token.literal().as_bytes().to_vec()));
    let bytes = (0..=255u8).map(|byte| (BYTES + u32::from(byte), vec![byte]));
    let words = PIECES.iter().zip(WORDS..).map(|(piece, id)| (id, piece.as_bytes().to_vec()));
    Vocabulary::from_pieces(control.chain(bytes).chain(words)).unwrap()
}

/// The ids of `text`: control literals as control ids, the longest words, else bytes.
pub fn tokenize(text: &str) -> Vec<u32> {
    let mut ids = Vec::new();
    let mut rest = text;
    'next: while let Some(first) = rest.as_bytes().first() {
        for token in ControlToken::ALL.into_iter().filter(|_| *first == b'<') {
            if let Some(tail) = rest.strip_prefix(token.literal()) {
                ids.push(token.id());
                rest = tail;
                continue 'next;
            }
        }
        // A literal never is inside a piece: pieces with `<` are used only where none starts.
        let word =
            PIECES.iter().zip(WORDS..).filter(|(piece, _)| rest.starts_with(**piece) && !hides_literal(rest, piece));
        if let Some((piece, id)) = word.max_by_key(|(piece, _)| piece.len()) {
            ids.push(id);
            rest = &rest[piece.len()..];
            continue;
        }
        let length = rest.chars().next().map_or(1, char::len_utf8);
        ids.extend(rest.as_bytes()[..length].iter().map(|byte| BYTES + u32::from(*byte)));
        debug_assert!(*first > 0 || length == 1);
        rest = &rest[length..];
    }
    ids
}

fn hides_literal(text: &str, piece: &str) -> bool {
    (1..piece.len())
        .filter(|at| text.is_char_boundary(*at))
        .any(|at| ControlToken::ALL.iter().any(|token| text[at..].starts_with(token.literal())))
}

/// The ids of `text` where every literal is spelled by ordinary tokens.
pub fn tokenize_plain(text: &str) -> Vec<u32> {
    text.bytes().map(|byte| BYTES + u32::from(byte)).collect()
}

/// A small generator of numbers, the same everywhere.
pub struct Random(pub u64);

impl Random {
    pub fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % limit.max(1)
    }
}

/// An event with its own text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Owned {
    pub kind: Kind,
    pub text: String,
    pub index: Option<u32>,
    pub detail: Detail,
}

/// The events of a stream, neighbours of one kind, index and detail joined.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Record(pub Vec<Owned>);

impl Sink for Record {
    fn event(&mut self, event: Event<'_>) {
        let joins = matches!(event.kind, Kind::Reasoning | Kind::Content | Kind::CallArguments | Kind::Unparsed);
        match self.0.last_mut() {
            Some(last) if joins && (last.kind, last.index, last.detail) == (event.kind, event.index, event.detail) => {
                last.text.push_str(event.text);
            }
            _ => self.0.push(Owned {
                kind: event.kind,
                text: event.text.to_owned(),
                index: event.index,
                detail: event.detail,
            }),
        }
    }
}

impl Record {
    pub fn of(
        text: &str,
        form: Form,
        cut: Cut<'_>,
        vocabulary: &Arc<Vocabulary>,
        finish: Finish,
        options: &Options,
    ) -> Self {
        match (form, cut) {
            (Form::Ids, Cut::Deltas(deltas)) => {
                // The cut may lie within a literal: then the token comes with the delta that completes it.
                let ids = tokenize(text);
                let mut ends: Vec<usize> = deltas
                    .iter()
                    .scan(0, |at, delta| {
                        *at += delta.len();
                        Some(*at)
                    })
                    .collect();
                ends.push(text.len());
                let mut pieces = Vec::new();
                let (mut at, mut from) = (0, 0);
                for end in ends {
                    let mut to = from;
                    while to < ids.len() && at + spelled(ids[to]) <= end {
                        at += spelled(ids[to]);
                        to += 1;
                    }
                    pieces.push(ids[from..to].to_vec());
                    from = to;
                }
                Self::of_ids(&pieces, vocabulary, finish, options)
            }
            (Form::Ids, _) => Self::of_ids(&split(&tokenize(text), cut), vocabulary, finish, options),
            (Form::Text, Cut::Deltas(deltas)) => Self::of_texts(deltas, finish, options),
            (Form::Text, _) => {
                let characters: Vec<char> = text.chars().collect();
                let pieces: Vec<String> = split(&characters, cut).into_iter().map(String::from_iter).collect();
                Self::of_texts(&pieces, finish, options)
            }
        }
    }

    pub fn of_ids(pieces: &[Vec<u32>], vocabulary: &Arc<Vocabulary>, finish: Finish, options: &Options) -> Self {
        let mut stream = StreamParser::new(Some(Arc::clone(vocabulary)), options.clone()).unwrap();
        let mut record = Self::default();
        for piece in pieces {
            stream.push(piece, &mut record).unwrap();
        }
        stream.finish(finish, &mut record).unwrap();
        record
    }

    pub fn of_texts<T: AsRef<str>>(pieces: &[T], finish: Finish, options: &Options) -> Self {
        let mut stream = StreamParser::new(None, options.clone()).unwrap();
        let mut record = Self::default();
        for piece in pieces {
            stream.push_text(piece.as_ref(), &mut record).unwrap();
        }
        stream.finish(finish, &mut record).unwrap();
        record
    }

    pub fn message(&self) -> Message {
        let mut fold = Fold::default();
        for event in &self.0 {
            fold.event(Event { kind: event.kind, text: &event.text, index: event.index, detail: event.detail });
        }
        fold.into_message()
    }
}

/// Bytes that a token of [`vocabulary`] spells.
fn spelled(id: u32) -> usize {
    match id {
        BYTES..WORDS => 1,
        WORDS.. => PIECES[(id - WORDS) as usize].len(),
        _ => ControlToken::ALL.iter().find(|token| token.id() == id).unwrap().literal().len(),
    }
}

/// Cuts units into deltas.
pub fn split<T: Clone>(units: &[T], cut: Cut<'_>) -> Vec<Vec<T>> {
    match cut {
        Cut::Whole | Cut::Deltas(_) => vec![units.to_vec()],
        Cut::Units => units.iter().map(|unit| vec![unit.clone()]).collect(),
        Cut::Random(seed) => {
            let mut random = Random(seed + 1);
            let widest = 1 + random.below(24);
            let mut pieces = Vec::new();
            let mut rest = units;
            while !rest.is_empty() {
                let (piece, tail) = rest.split_at(random.below(widest + 1).min(rest.len()));
                pieces.push(piece.to_vec());
                rest = tail;
            }
            pieces
        }
    }
}
