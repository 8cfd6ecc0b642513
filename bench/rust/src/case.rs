//! A case: an output of the model in tokens, and the events that must come of it.

use std::collections::HashMap;
use std::sync::Arc;

use gemma4_parser::{ControlToken, Error, Finish, Kind, Options, Tools, Vocabulary};

/// The id of the first piece that is no control token.
const FIRST_PIECE: u32 = 1000;

/// An expected event, neighbours of one kind, index and detail joined.
#[derive(Debug, PartialEq, Eq)]
pub struct Found {
    pub kind: Kind,
    pub text: String,
    pub index: Option<u32>,
    pub detail: Vec<&'static str>,
}

/// An output in the making. Pieces get their ids in the order of first use, so that a case always is the same.
pub struct Case {
    pub text: String,
    pub ids: Vec<u32>,
    /// Where in the text each token ends; the end of the character before for the first bytes of a character.
    ends: Vec<usize>,
    pub expected: Vec<Found>,
    pub(crate) coerce: bool,
    tools: String,
    pub finish: Finish,
    pieces: HashMap<Vec<u8>, u32>,
    calls: u32,
    random: u64,
}

impl Case {
    pub fn new() -> Self {
        Self {
            text: String::new(),
            ids: Vec::new(),
            ends: Vec::new(),
            expected: Vec::new(),
            coerce: false,
            tools: String::new(),
            finish: Finish::Stop,
            pieces: HashMap::new(),
            calls: 0,
            random: 20_260_711,
        }
    }

    /// Number of tokens so far.
    pub(crate) fn len(&self) -> usize {
        self.ids.len()
    }

    /// The next number below `limit` of a fixed sequence.
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        self.random = self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.random >> 33).unwrap_or_default() % limit.max(1)
    }

    /// One of `items`.
    pub(crate) fn pick<'i>(&mut self, items: &[&'i str]) -> &'i str {
        let at = self.below(items.len());
        items.get(at).copied().unwrap_or_default()
    }

    /// Declares tools, given as JSON.
    pub(crate) fn tools(&mut self, json: &str) {
        json.clone_into(&mut self.tools);
    }

    /// The options of the stream.
    pub fn options(&self) -> Result<Options, Error> {
        let tools = if self.tools.is_empty() { None } else { Some(Arc::new(Tools::from_json(&self.tools)?)) };
        Ok(Options { tools, coerce: self.coerce, ..Options::default() })
    }

    fn id(&mut self, piece: &[u8]) -> u32 {
        let next = FIRST_PIECE + u32::try_from(self.pieces.len()).unwrap_or(u32::MAX);
        *self.pieces.entry(piece.to_vec()).or_insert(next)
    }

    /// One token.
    pub(crate) fn token(&mut self, piece: &str) {
        let id = self.id(piece.as_bytes());
        self.ids.push(id);
        self.text.push_str(piece);
        self.ends.push(self.text.len());
    }

    /// One token for each byte, as for a character that the vocabulary lacks.
    pub(crate) fn byte_tokens(&mut self, character: char) {
        let mut buffer = [0; 4];
        for byte in character.encode_utf8(&mut buffer).bytes() {
            let id = self.id(&[byte]);
            self.ids.push(id);
            self.ends.push(self.text.len());
        }
        self.text.push(character);
        if let Some(end) = self.ends.last_mut() {
            *end = self.text.len();
        }
    }

    pub(crate) fn control(&mut self, token: ControlToken) {
        self.ids.push(token.id());
        self.text.push_str(token.literal());
        self.ends.push(self.text.len());
    }

    /// Text in tokens as a tokenizer may cut it: a word with the space before it (long ones in parts), one digit, a run
    /// of newlines, a few signs of punctuation together. A control literal in it is a control token.
    pub(crate) fn write(&mut self, text: &str) {
        let mut rest = text;
        'next: while let Some(first) = rest.chars().next() {
            for token in ControlToken::ALL {
                if let Some(tail) = rest.strip_prefix(token.literal()) {
                    self.control(token);
                    rest = tail;
                    continue 'next;
                }
            }
            let length = piece_length(rest, first);
            let (piece, tail) = rest.split_at(length);
            self.token(piece);
            rest = tail;
        }
    }

    fn expect(&mut self, kind: Kind, text: &str, index: Option<u32>, detail: &[&'static str]) {
        let joins = matches!(kind, Kind::Reasoning | Kind::Content | Kind::CallArguments | Kind::Unparsed);
        match self.expected.last_mut() {
            Some(last) if joins && (last.kind, last.index, last.detail.as_slice()) == (kind, index, detail) => {
                last.text.push_str(text);
            }
            _ => self.expected.push(Found { kind, text: text.to_owned(), index, detail: detail.to_vec() }),
        }
    }

    pub(crate) fn expect_content(&mut self, text: &str) {
        self.expect(Kind::Content, text, None, &[]);
    }

    pub(crate) fn expect_reasoning(&mut self, text: &str) {
        self.expect(Kind::Reasoning, text, None, &[]);
    }

    /// A span that belongs to no call.
    pub(crate) fn expect_span(&mut self, reason: &'static str, text: &str) {
        self.expect(Kind::Unparsed, text, None, &[reason]);
    }

    /// A call that is accepted, with its repairs.
    pub(crate) fn expect_call(&mut self, name: &str, arguments: &str, repairs: &[&'static str]) {
        let index = self.expect_open_call(name, arguments);
        self.expect(Kind::CallEnd, if repairs.is_empty() { "complete" } else { "repaired" }, index, repairs);
    }

    /// A call that is rejected, with the span that follows.
    pub(crate) fn expect_rejected(&mut self, name: &str, fragments: &str, reason: &'static str, span: &str) {
        let index = self.expect_open_call(name, fragments);
        self.expect(Kind::CallEnd, "rejected", index, &[reason]);
        self.expect(Kind::Unparsed, span, index, &[reason]);
    }

    fn expect_open_call(&mut self, name: &str, fragments: &str) -> Option<u32> {
        let index = Some(self.calls);
        self.calls += 1;
        self.expect(Kind::CallStart, name, index, &[]);
        self.expect(Kind::CallArguments, fragments, index, &[]);
        index
    }

    pub(crate) fn expect_end(&mut self, end: &str) {
        self.expect(Kind::End, end, None, &[]);
    }

    /// The vocabulary of all pieces that were used, and the control tokens.
    pub fn vocabulary(&self) -> Result<Arc<Vocabulary>, Error> {
        let controls = ControlToken::ALL.iter().map(|token| (token.id(), token.literal().as_bytes()));
        let pieces = self.pieces.iter().map(|(piece, id)| (*id, piece.as_slice()));
        Vocabulary::from_pieces(controls.chain(pieces)).map(Arc::new)
    }

    /// The ids in deltas of `size` tokens; 0: all in one.
    pub fn id_deltas(&self, size: usize) -> Vec<&[u32]> {
        self.ids.chunks(if size == 0 { self.ids.len().max(1) } else { size }).collect()
    }

    /// The text in deltas of `size` tokens; 0: all in one.
    pub fn text_deltas(&self, size: usize) -> Vec<&str> {
        let mut from = 0;
        self.ends
            .chunks(if size == 0 { self.ends.len().max(1) } else { size })
            .map(|ends| {
                let to = ends.last().copied().unwrap_or(from);
                let delta = self.text.get(from..to).unwrap_or_default();
                from = to;
                delta
            })
            .collect()
    }
}

/// Bytes of the first piece of `text`, whose first character is `first`.
fn piece_length(text: &str, first: char) -> usize {
    let run =
        |text: &str, limit: usize, fits: fn(u8) -> bool| text.bytes().take(limit).take_while(|b| fits(*b)).count();
    match first {
        '\n' => run(text, 16, |byte| byte == b'\n'),
        ' ' => match run(text.get(1..).unwrap_or_default(), 7, |byte| byte.is_ascii_alphabetic()) {
            0 => run(text, 16, |byte| byte == b' '),
            letters => 1 + letters,
        },
        _ if first.is_ascii_alphabetic() => run(text, 6, |byte| byte.is_ascii_alphabetic()),
        // `<` begins control literals, which are no part of a piece.
        _ if first.is_ascii_punctuation() => {
            1 + run(text.get(1..).unwrap_or_default(), 2, |b| b.is_ascii_punctuation() && b != b'<')
        }
        _ => first.len_utf8(),
    }
}

/// `text` as a JSON string.
pub(crate) fn json_string(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            _ => out.push(character),
        }
    }
    out.push('"');
    out
}
