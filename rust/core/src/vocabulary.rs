//! The vocabulary: which bytes or which control token an id stands for.

#[cfg(test)]
mod tests;

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::{fmt, str};

use crate::error::{Error, ErrorKind};
use crate::json::{Reader, Token, Value, needs_escape};
use crate::scan::position;
use crate::token::ControlToken;
use crate::utf8::Utf8;

/// Ids above this are refused: a slip must not become an allocation of gigabytes.
const MAX_ID: u32 = 1 << 24;

/// What `SentencePiece` writes for a space.
const SPACE: &str = "\u{2581}";

// The class of an id is a byte: one of these four, and for a control token its number, or for a text `PLAIN`.
const ABSENT: u8 = 0;
const CONTROL: u8 = 0x20;
const TEXT: u8 = 0x40;
const BYTES: u8 = 0x60;
const NUMBER: u8 = 0x1F;

/// Set in the class of a text that cannot end a string, a value or a call, whatever was before it: not empty, none of
/// `"` `\` `,` `<` `'` `` ` `` `}` `]` `)` and no control character below U+0020 in it, no space at its end.
pub(crate) const PLAIN: u8 = 0x80;

/// What an id stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Piece<'a> {
    /// Text; may be empty.
    Text(&'a str),
    /// Bytes that are no UTF-8 by themselves, each written as the character U+0000 to U+00FF of its value.
    Bytes(&'a str),
    /// A control token.
    Control(ControlToken),
}

/// Where in the arena the piece of an id starts, and its class: together, since memory is what a lookup waits for.
#[derive(Clone, Copy, Debug)]
struct Slot {
    start: u32,
    class: u8,
}

impl Slot {
    const fn is_text(self) -> bool {
        self.class & !(PLAIN | NUMBER) == TEXT
    }
}

/// Bytes that are copied of a piece at once; most are shorter.
const WINDOW: usize = 16;
/// Pieces that are put together at once: no character lies in two of them.
const RUN: usize = 64;

/// The pieces of a tokenizer and its control tokens. It is built once, never changes and is shared by all streams.
#[derive(Clone)]
pub struct Vocabulary {
    /// The pieces one after the other, those that are no UTF-8 as in [`Piece::Bytes`], and [`WINDOW`] bytes more.
    arena: String,
    /// Of each id; one more for the end.
    slots: Vec<Slot>,
    present: usize,
    controls: [Option<u32>; ControlToken::ALL.len()],
}

impl Vocabulary {
    /// From the true bytes of each piece (a byte token is one byte, a space is a space). Ids may come in any order and
    /// need not be dense.
    ///
    /// A control token is every id whose bytes are a control literal. An error of [`ErrorKind::Vocabulary`] names the
    /// required control tokens that are missing ([`ControlToken::REQUIRED`]), an id that is given twice with different
    /// bytes, or an id above 16,777,216.
    pub fn from_pieces<P: AsRef<[u8]>>(pieces: impl IntoIterator<Item = (u32, P)>) -> Result<Self, Error> {
        let mut list = List::default();
        for (id, piece) in pieces {
            list.push(id, Source::Model, piece.as_ref(), 0)?;
        }
        list.build(Steps::default())
    }

    /// From the text of a Hugging Face `tokenizer.json`.
    ///
    /// Read are `model.vocab` (an object of piece and id, or an array of pairs of piece and score), `added_tokens`,
    /// which come before pieces of the same id, and `decoder`: the steps `Replace` of `▁` by a space, `ByteFallback`
    /// and `Fuse`, alone or in a `Sequence`. Each piece goes through these steps by itself, as when `tokenizers`
    /// decodes; only what bytes that are no UTF-8 become is decided by [`decode`](Self::decode).
    ///
    /// Malformed JSON is an error of [`ErrorKind::Json`], a field that is missing or of the wrong shape, any other
    /// decoder and what [`from_pieces`](Self::from_pieces) refuses one of [`ErrorKind::Vocabulary`].
    pub fn from_tokenizer_json(json: &str) -> Result<Self, Error> {
        let mut reader = Reader::new(json);
        let mut list = List::default();
        let (mut has_vocab, mut decoder) = (false, None);
        if reader.pull()? != Some(Token::ObjectOpen) {
            return Err(error(0, "tokenizer.json is no JSON object"));
        }
        while let Some(Token::Key(key)) = reader.pull()? {
            match key.as_ref() {
                "model" => has_vocab = read_model(&mut reader, &mut list)?,
                "added_tokens" => read_added_tokens(&mut reader, &mut list)?,
                "decoder" => decoder = Some(reader.value(64)?),
                _ => reader.skip_value()?,
            }
        }
        // Only blanks are left: anything else is an error.
        reader.pull()?;
        if !has_vocab {
            return Err(error(0, "tokenizer.json has no `model.vocab`"));
        }
        // The file of another model is told by its tokens before its decoder.
        let steps = Steps::read(decoder.as_ref());
        let built = list.build(steps.clone().unwrap_or_default())?;
        steps.map(|_| built)
    }

    /// What `id` stands for; `None` where it is not in the vocabulary.
    #[inline]
    pub(crate) fn piece(&self, id: u32) -> Option<Piece<'_>> {
        let [slot, next] = self.slots(id)?;
        match slot.class & !(PLAIN | NUMBER) {
            TEXT => self.slice(slot, next).map(Piece::Text),
            BYTES => self.slice(slot, next).map(Piece::Bytes),
            CONTROL => ControlToken::ALL.get(usize::from(slot.class & NUMBER)).copied().map(Piece::Control),
            _ => None,
        }
    }

    /// Appends the texts of the first ids, up to one that is no text; gives back how many these are.
    #[inline]
    pub(crate) fn write_texts(&self, ids: &[u32], out: &mut String) -> usize {
        // Few are better written one by one.
        let some = ids.first_chunk::<4>().is_some_and(|first| first.iter().all(|id| self.place(*id).is_some()));
        if some { self.write_many(ids, out) } else { 0 }
    }

    #[inline(never)]
    fn write_many(&self, ids: &[u32], out: &mut String) -> usize {
        // A window is copied for each piece whatever its length, which costs less than its length would.
        let arena = self.arena.as_bytes();
        let mut block = [0; RUN * WINDOW];
        let mut done = 0;
        for run in ids.chunks(RUN) {
            let before = done;
            let mut filled = 0;
            for id in run {
                let Some([start, end]) = self.place(*id) else { break };
                if end - start > WINDOW {
                    push_utf8(out, block.get(..filled));
                    filled = 0;
                    out.push_str(self.arena.get(start..end).unwrap_or_default());
                } else if let (Some(to), Some(from)) =
                    (block.get_mut(filled..filled + WINDOW), arena.get(start..start + WINDOW))
                {
                    to.copy_from_slice(from);
                    filled += end - start;
                }
                done += 1;
            }
            push_utf8(out, block.get(..filled));
            if done - before < run.len() {
                break;
            }
        }
        done
    }

    /// Where the text of `id` begins and ends, if it is one.
    #[inline]
    fn place(&self, id: u32) -> Option<[usize; 2]> {
        let [slot, next] = self.slots(id)?;
        slot.is_text().then_some([slot.start as usize, next.start as usize])
    }

    /// The text of `id` if it is one, and whether it is [`PLAIN`].
    #[inline]
    pub(crate) fn text(&self, id: u32) -> Option<(&str, bool)> {
        let [slot, next] = self.slots(id)?;
        let text = if slot.is_text() { self.slice(slot, next) } else { None };
        text.map(|text| (text, slot.class & PLAIN > 0))
    }

    /// Whether the vocabulary has this id.
    #[inline]
    pub fn contains(&self, id: u32) -> bool {
        self.slots(id).is_some_and(|[slot, _]| slot.class != ABSENT)
    }

    /// The first of these ids that the vocabulary does not have, and its place.
    pub(crate) fn first_unknown(&self, ids: &[u32]) -> Option<(usize, u32)> {
        let highest = ids.iter().fold(0, |highest, id| highest.max(*id));
        // Where no ids are missing, the highest one tells of all.
        if self.present + 1 == self.slots.len() && (highest as usize) < self.present {
            return None;
        }
        ids.iter().copied().enumerate().find(|(_, id)| !self.contains(*id))
    }

    /// Number of ids in the vocabulary; where ids are missing it is less than the highest id.
    pub const fn len(&self) -> usize {
        self.present
    }

    /// Whether it has no ids: never, because control tokens are required.
    pub const fn is_empty(&self) -> bool {
        self.present == 0
    }

    /// The id of a control token, the lowest where several ids spell it; `None` where the vocabulary has none.
    pub fn control_id(&self, token: ControlToken) -> Option<u32> {
        self.controls.get(token as usize).copied().flatten()
    }

    /// The text of `ids` as a parser detokenises it, control tokens spelled out.
    ///
    /// Bytes that are no UTF-8 become U+FFFD as in Python's `bytes.decode("utf-8", "replace")`; an incomplete
    /// character ends at a control token. An error of [`ErrorKind::UnknownId`] names an id outside the vocabulary, its
    /// offset is the index in `ids`.
    pub fn decode(&self, ids: &[u32]) -> Result<String, Error> {
        let mut out = String::with_capacity(ids.len().saturating_mul(4));
        let mut utf8 = Utf8::new();
        let mut done = self.write_texts(ids, &mut out);
        while let Some(id) = ids.get(done) {
            match self.piece(*id) {
                Some(Piece::Text(text)) => utf8.push_str(text, &mut out),
                Some(Piece::Bytes(coded)) => utf8.push_coded(coded, &mut out),
                Some(Piece::Control(token)) => utf8.push_str(token.literal(), &mut out),
                None => return Err(Error::unknown_id(*id, done)),
            }
            done += 1;
            if utf8.is_empty() {
                done += self.write_texts(ids.get(done..).unwrap_or_default(), &mut out);
            }
        }
        utf8.flush(&mut out);
        Ok(out)
    }

    /// Bytes on the heap.
    pub fn memory(&self) -> usize {
        self.arena.capacity() + self.slots.capacity() * size_of::<Slot>()
    }

    fn check_controls(&self) -> Result<(), Error> {
        let mut missing = String::new();
        for token in ControlToken::REQUIRED.into_iter().filter(|token| self.control_id(*token).is_none()) {
            missing.push_str(if missing.is_empty() { "" } else { ", " });
            missing.push_str(token.literal());
        }
        if missing.is_empty() {
            return Ok(());
        }
        Err(error(0, format!("this is no vocabulary of Gemma 4, it has no control tokens {missing}")))
    }

    /// The slot of an id and the one behind it.
    #[inline]
    fn slots(&self, id: u32) -> Option<[Slot; 2]> {
        let at = id as usize;
        self.slots.get(at..at.checked_add(2)?)?.try_into().ok()
    }

    #[inline]
    fn slice(&self, slot: Slot, next: Slot) -> Option<&str> {
        self.arena.get(slot.start as usize..next.start as usize)
    }
}

impl fmt::Debug for Vocabulary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vocabulary").field("len", &self.present).finish_non_exhaustive()
    }
}

/// Where an entry is from; the later one counts.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Source {
    Model,
    Added,
}

struct Entry {
    id: u32,
    source: Source,
    start: usize,
    end: usize,
}

/// Pieces as they are found.
#[derive(Default)]
struct List {
    bytes: Vec<u8>,
    entries: Vec<Entry>,
}

impl List {
    fn push(&mut self, id: u32, source: Source, piece: &[u8], offset: usize) -> Result<(), Error> {
        if id > MAX_ID {
            return Err(error(offset, format!("token id {id} is too large: {MAX_ID} is the highest")));
        }
        let start = self.bytes.len();
        self.bytes.extend_from_slice(piece);
        self.entries.push(Entry { id, source, start, end: self.bytes.len() });
        Ok(())
    }

    /// Forgets what an earlier field of the same name gave.
    fn forget(&mut self, source: Source) {
        self.entries.retain(|entry| entry.source != source);
    }

    fn piece(&self, entry: &Entry) -> &[u8] {
        self.bytes.get(entry.start..entry.end).unwrap_or_default()
    }

    fn build(mut self, steps: Steps) -> Result<Vocabulary, Error> {
        self.entries.sort_by_key(|entry| (entry.id, entry.source));
        let ids = self.entries.last().map_or(0, |entry| entry.id as usize + 1);
        let mut built = Vocabulary {
            arena: String::with_capacity(self.bytes.len()),
            slots: Vec::with_capacity(ids + 1),
            present: 0,
            controls: [None; ControlToken::ALL.len()],
        };
        let mut entries = self.entries.iter().peekable();
        while let Some(entry) = entries.next() {
            let (id, piece) = (entry.id, self.piece(entry));
            if let Some(next) = entries.peek().filter(|next| next.id == id) {
                if next.source == entry.source && self.piece(next) != piece {
                    return Err(error(0, format!("token id {id} is given twice with different pieces")));
                }
                continue;
            }
            let start = arena_len(&built.arena)?;
            // Ids that are missing before it are empty.
            built.slots.resize(id as usize, Slot { start, class: ABSENT });
            let class = match str::from_utf8(piece).ok().and_then(ControlToken::from_literal) {
                Some(token) => {
                    if let Some(slot) = built.controls.get_mut(token as usize) {
                        slot.get_or_insert(id);
                    }
                    CONTROL | token as u8
                }
                None => steps.write(piece, &mut built.arena),
            };
            built.slots.push(Slot { start, class });
            built.present += 1;
        }
        built.slots.push(Slot { start: arena_len(&built.arena)?, class: ABSENT });
        built.arena.extend(core::iter::repeat_n('\0', WINDOW));
        built.arena.shrink_to_fit();
        built.check_controls()?;
        Ok(built)
    }
}

/// Appends whole texts: always UTF-8.
#[inline]
fn push_utf8(out: &mut String, texts: Option<&[u8]>) {
    out.push_str(texts.and_then(|texts| str::from_utf8(texts).ok()).unwrap_or_default());
}

fn arena_len(arena: &str) -> Result<u32, Error> {
    u32::try_from(arena.len()).map_err(|_| error(0, "the pieces of the vocabulary are longer than 4 GiB"))
}

/// What the decoder does to every piece.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Steps {
    spaces: bool,
    byte_fallback: bool,
}

impl Steps {
    /// From the field `decoder` of tokenizer.json.
    fn read(decoder: Option<&Value>) -> Result<Self, Error> {
        let mut steps = Self::default();
        let mut open = Vec::from([decoder.unwrap_or(&Value::Null)]);
        while let Some(step) = open.pop() {
            let name = step.get("type").and_then(Value::as_str);
            let inner = step.get("decoders").and_then(Value::as_array);
            match (name, inner) {
                (Some("Sequence"), Some(inner)) => open.extend(inner),
                (Some("Replace"), _) if is_space_step(step) => steps.spaces = true,
                (Some("ByteFallback"), _) => steps.byte_fallback = true,
                (Some("Fuse"), _) => {}
                _ => return Err(unknown_step(decoder, step, name)),
            }
        }
        Ok(steps)
    }

    /// Appends `piece` as the decoder leaves it and tells its class.
    fn write(self, piece: &[u8], arena: &mut String) -> u8 {
        let start = arena.len();
        let byte = if self.byte_fallback { byte_piece(piece) } else { None };
        let piece = byte.as_ref().map_or(piece, |byte| core::slice::from_ref(byte));
        let Ok(text) = str::from_utf8(piece) else {
            arena.extend(piece.iter().copied().map(char::from));
            return BYTES;
        };
        if self.spaces {
            for (index, part) in text.split(SPACE).enumerate() {
                arena.push_str(if index == 0 { "" } else { " " });
                arena.push_str(part);
            }
        } else {
            arena.push_str(text);
        }
        let written = arena.as_bytes().get(start..).unwrap_or_default();
        if is_plain(written) { TEXT | PLAIN } else { TEXT }
    }
}

/// The byte of a piece `<0xHH>`, by the test that the decoder `ByteFallback` of `tokenizers` makes.
fn byte_piece(piece: &[u8]) -> Option<u8> {
    match piece {
        [b'<', b'0', b'x', digits @ .., b'>'] if digits.len() == 2 => {
            u8::from_str_radix(str::from_utf8(digits).ok()?, 16).ok()
        }
        _ => None,
    }
}

/// See [`PLAIN`].
#[inline]
pub(crate) fn is_plain(text: &[u8]) -> bool {
    match text {
        [] | [.., b' '] => false,
        // Most tokens are shorter than a block.
        _ if text.len() < WINDOW => !text.iter().any(|byte| ENDS_PLAIN.get(usize::from(*byte)) == Some(&true)),
        _ => position(text, ends_plain).is_none(),
    }
}

/// [`ends_plain`] of every byte.
#[expect(clippy::indexing_slicing, reason = "made by the compiler")]
const ENDS_PLAIN: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = u8::MAX;
    while byte > 0 {
        table[byte as usize] = ends_plain(byte);
        byte -= 1;
    }
    table[0] = ends_plain(0);
    table
};

const fn ends_plain(byte: u8) -> bool {
    let bracket = byte == b'}' || byte == b']' || byte == b')' || byte == b'<';
    needs_escape(byte) || bracket || byte == b',' || byte == b'\'' || byte == b'`'
}

/// The string at the end of a path of keys.
fn text<'a>(step: &'a Value, path: &[&str]) -> Option<&'a str> {
    path.iter().try_fold(step, |value, key| value.get(key))?.as_str()
}

fn is_space_step(step: &Value) -> bool {
    text(step, &["pattern", "String"]) == Some(SPACE) && text(step, &["content"]) == Some(" ")
}

fn unknown_step(decoder: Option<&Value>, step: &Value, name: Option<&str>) -> Error {
    let found = match (decoder, name) {
        (None | Some(Value::Null), _) => "tokenizer.json has no `decoder`".into(),
        (_, None) => "the decoder of tokenizer.json has a step without a `type`".into(),
        (_, Some("Replace")) => {
            let regex = text(step, &["pattern", "Regex"]);
            let kind = if regex.is_some() { "the regex " } else { "" };
            let from = regex.or(text(step, &["pattern", "String"])).unwrap_or_default();
            let to = text(step, &["content"]).unwrap_or_default();
            format!("the decoder of tokenizer.json has the step `Replace` of {kind}`{from}` by `{to}`")
        }
        (_, Some(name)) => format!("the decoder of tokenizer.json has the step `{name}`"),
    };
    error(0, format!("{found}; supported are `Replace` of `{SPACE}` by a space, `ByteFallback` and `Fuse`"))
}

#[cold]
fn error(offset: usize, message: impl Into<alloc::borrow::Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::Vocabulary, offset, message)
}

/// Reads the field `model`; whether it has a vocabulary.
fn read_model(reader: &mut Reader<'_>, list: &mut List) -> Result<bool, Error> {
    list.forget(Source::Model);
    let mut has_vocab = false;
    if reader.pull()? != Some(Token::ObjectOpen) {
        return Err(error(reader.offset(), "the field `model` of tokenizer.json is no object"));
    }
    while let Some(Token::Key(key)) = reader.pull()? {
        if key != "vocab" {
            reader.skip_value()?;
            continue;
        }
        list.forget(Source::Model);
        match reader.pull()? {
            Some(Token::ObjectOpen) => read_ids(reader, list)?,
            Some(Token::ArrayOpen) => read_scores(reader, list)?,
            _ => return Err(error(reader.offset(), "`model.vocab` of tokenizer.json is no object and no array")),
        }
        has_vocab = true;
    }
    Ok(has_vocab)
}

/// `model.vocab` of piece and id.
fn read_ids(reader: &mut Reader<'_>, list: &mut List) -> Result<(), Error> {
    while let Some(Token::Key(piece)) = reader.pull()? {
        let Some(id) = read_id(reader)? else {
            let message = format!("`model.vocab` of tokenizer.json has no usable id for the piece `{piece}`");
            return Err(error(reader.offset(), message));
        };
        list.push(id, Source::Model, piece.as_bytes(), reader.offset())?;
    }
    Ok(())
}

/// `model.vocab` of piece and score; the id is the place in it.
fn read_scores(reader: &mut Reader<'_>, list: &mut List) -> Result<(), Error> {
    let mut id = 0;
    loop {
        match reader.pull()? {
            Some(Token::ArrayClose) => return Ok(()),
            Some(Token::ArrayOpen) => {}
            _ => return Err(no_pair(reader, id)),
        }
        let (piece, score, close) = (reader.pull()?, reader.pull()?, reader.pull()?);
        let (Some(Token::String(piece)), Some(Token::Number(_)), Some(Token::ArrayClose)) = (piece, score, close)
        else {
            return Err(no_pair(reader, id));
        };
        list.push(id, Source::Model, piece.as_bytes(), reader.offset())?;
        id += 1;
    }
}

fn no_pair(reader: &Reader<'_>, id: u32) -> Error {
    let message = format!("entry {id} of `model.vocab` of tokenizer.json is no pair of piece and score");
    error(reader.offset(), message)
}

/// The field `added_tokens`; `null` is an empty one.
fn read_added_tokens(reader: &mut Reader<'_>, list: &mut List) -> Result<(), Error> {
    list.forget(Source::Added);
    let tokens = match reader.value(64)? {
        Value::Null => return Ok(()),
        Value::Array(tokens) => tokens,
        _ => return Err(error(reader.offset(), "the field `added_tokens` of tokenizer.json is no array")),
    };
    for (index, token) in tokens.iter().enumerate() {
        let id = if let Some(Value::Number(spelling)) = token.get("id") { spelling.parse().ok() } else { None };
        let (Some(id), Some(content)) = (id, text(token, &["content"])) else {
            let message = format!("entry {index} of `added_tokens` of tokenizer.json has no usable `id` and `content`");
            return Err(error(reader.offset(), message));
        };
        list.push(id, Source::Added, content.as_bytes(), reader.offset())?;
    }
    Ok(())
}

/// A number that is an id; `None` for anything else.
fn read_id(reader: &mut Reader<'_>) -> Result<Option<u32>, Error> {
    let token = reader.pull()?;
    Ok(if let Some(Token::Number(spelling)) = token { spelling.parse().ok() } else { None })
}
