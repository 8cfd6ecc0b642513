//! What a step allocates, and what a stream and a vocabulary occupy.
#![allow(
    unsafe_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::print_stdout,
    reason = "an allocator that counts is an unsafe trait; a test that fails should panic; sizes are for people to see"
)]

mod common;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::Arc;

use common::{tokenize, vocabulary};
use gemma4_parser::{ControlToken, Event, Options, StreamParser, Vocabulary};

/// Counts what this thread allocates.
struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
    static BYTES: Cell<isize> = const { Cell::new(0) };
}

fn count(allocations: usize, from: usize, to: usize) {
    // A thread that ends may still free: what it does then is nobody's step.
    let _ = ALLOCATIONS.try_with(|count| count.set(count.get() + allocations));
    let _ = BYTES.try_with(|bytes| bytes.set(bytes.get().wrapping_add_unsigned(to).wrapping_sub_unsigned(from)));
}

// SAFETY: every call is handed on to the system's allocator as it came; counting allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(1, 0, layout.size());
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(0, layout.size(), 0);
        // SAFETY: `pointer` came from `System` with this layout.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(1, layout.size(), size);
        // SAFETY: `pointer` came from `System` with this layout.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn allocations(work: impl FnOnce()) -> usize {
    let before = ALLOCATIONS.get();
    work();
    ALLOCATIONS.get() - before
}

/// Bytes on the heap that `make` leaves allocated, with what it made.
fn heap<T>(make: impl FnOnce() -> T) -> (isize, T) {
    let before = BYTES.get();
    let value = make();
    (BYTES.get() - before, value)
}

/// A turn with everything in it: thoughts, content, calls with every kind of value, lenient forms, held pieces.
const TURN: &str = "<|channel>thought\nI think, ther\n\nefore I am.\n<channel|>Hello é 😀 <| <tool a < b\"\n\
    <|tool_call>call:get_weather{city:<|\"|>Paris, }]) <|\"|>,days:3,opts:{a:[true,null,-1.5e3],<|\"|>b c<|\"|>:<|\"|><|\"|>}}<tool_call|>\n\
    <|tool_call>call:note{text:'it''s',b:\"x\\ny\",c:`z`,d=some words}<tool_call|> <|tool_call>nonsense<tool_call|>x\
    <|tool_call>call:f{a:<|\"|>x<tool_call|>y<|\"|>}<tool_call|> <|think|> bye ";

/// Runs the turn in one-token (or one-character) steps; gives the steps that allocated, with their events.
fn steps_that_allocate(stream: &mut StreamParser, ids: Option<&[u32]>) -> Vec<(usize, usize, usize)> {
    let mut found = Vec::with_capacity(TURN.len());
    let mut step = |at: usize, work: &mut dyn FnMut(&mut usize)| {
        let mut events = 0;
        let count = allocations(|| work(&mut events));
        if count > 0 {
            found.push((at, count, events));
        }
    };
    if let Some(ids) = ids {
        for (at, id) in ids.iter().enumerate() {
            step(at, &mut |events| {
                stream.push(std::slice::from_ref(id), &mut |_: Event<'_>| *events += 1).unwrap();
            });
        }
    } else {
        for (at, character) in TURN.char_indices() {
            step(at, &mut |events| {
                let mut buffer = [0; 4];
                stream.push_text(character.encode_utf8(&mut buffer), &mut |_: Event<'_>| *events += 1).unwrap();
            });
        }
    }
    found
}

/// Once its buffers exist, a stream allocates in no step that has no event: structure, labels, headers, keys, held
/// pieces. The buffers exist when the stream has seen the like before. A call that leaves input unread (a rejected one)
/// gives its buffer away with it; the next one makes a new one.
#[test]
fn a_step_without_events_allocates_nothing() {
    let ids = tokenize(TURN);
    for form in [Some(ids.as_slice()), None] {
        let mut stream = StreamParser::new(Some(vocabulary()), Options::default()).unwrap();
        steps_that_allocate(&mut stream, form);
        let steps = steps_that_allocate(&mut stream, form);
        for (at, count, events) in steps {
            let place = form.map_or(TURN[..at].to_owned(), |ids| vocabulary().decode(&ids[..=at]).unwrap());
            assert!(events > 0, "{count} allocations without an event, ids: {}, behind {place:?}", form.is_some());
        }
    }
}

/// The steps that make up an output, one ordinary token in content, in a thought and in an open string, hand over their
/// one event without an allocation, from the first token on.
#[test]
fn a_plain_token_allocates_nothing() {
    for opening in ["Hello", "<|channel>thought\nHm", "<|tool_call>call:get_weather{city:<|\"|>P"] {
        let mut stream = StreamParser::new(Some(vocabulary()), Options::default()).unwrap();
        stream.push(&tokenize(opening), &mut |_: Event<'_>| {}).unwrap();
        let words = ["Paris", " the", "text", "é", "😀", "a", ":", "\\n"].map(tokenize).concat();
        let (mut events, mut length) = (0, 0);
        let count = allocations(|| {
            for id in words.iter().cycle().take(10_000) {
                let mut sink = |event: Event<'_>| {
                    events += 1;
                    length += event.text.len();
                };
                stream.push(std::slice::from_ref(id), &mut sink).unwrap();
            }
        });
        assert!(events > 9_000 && length > events, "{events} events of {length} bytes");
        assert!(count <= 4, "{opening}: {count} allocations in 10,000 steps");
    }
}

/// An idle stream, new or used, occupies less than 1 KiB, its heap included.
#[test]
fn an_idle_stream_is_small() {
    let vocabulary = vocabulary();
    let (new, mut stream) = heap(|| StreamParser::new(Some(Arc::clone(&vocabulary)), Options::default()).unwrap());
    let size = isize::try_from(size_of::<StreamParser>()).unwrap();
    println!("an idle stream: {size} bytes and {new} on the heap");
    assert!(new + size < 1024, "{new} + {size}");
    let opening = tokenize("Some words of content, and then a thought. ");
    let (said, ()) = heap(|| {
        for _ in 0..1000 {
            stream.push(&opening, &mut |_: Event<'_>| {}).unwrap();
        }
    });
    println!("after 1,000 deltas of content: {said} more on the heap");
    assert!(new + said + size < 2048, "{new} + {said} + {size}: nothing is kept of what was emitted");
}

/// Nothing is kept of what was emitted: an open string, a thought and content of 4 MB leave a stream small.
#[test]
fn nothing_is_kept() {
    for opening in
        ["Hello", "<|channel>thought\nHm", "<|tool_call>call:get_weather{city:<|\"|>P", "x<turn|>y", "<|tool_call>x"]
    {
        let mut stream = StreamParser::new(None, Options::default()).unwrap();
        let text = "words, and \"more\" words\n".repeat(170);
        let (kept, ()) = heap(|| {
            stream.push_text(opening, &mut |_: Event<'_>| {}).unwrap();
            for _ in 0..1000 {
                stream.push_text(&text, &mut |_: Event<'_>| {}).unwrap();
            }
        });
        println!("{opening}: {kept} bytes on the heap");
        assert!(kept < 32_768, "{opening}: {kept} bytes are kept");
    }
}

/// A long hold is given back: 900 KB held behind a marker, in a value or a key, or as blanks leave a stream small once
/// they are decided.
#[test]
fn a_hold_is_given_back() {
    let long = "x".repeat(900_000);
    let mut most = 0;
    for (held, rest) in [
        (format!("<|tool_call>call:f{{a:<|\"|>x<turn|>{long}"), "<|\"|>}<tool_call|>"),
        (format!("<|tool_call>call:f{{a:{long}"), "}<tool_call|>"),
        (format!("<|tool_call>call:f{{a:\"{long}"), "\"}<tool_call|>"),
        (format!("<|tool_call>call:f{{{long}"), ":1}<tool_call|>"),
        (format!("<|channel>thought\n{}", " ".repeat(900_000)), "x<channel|>"),
        (format!("<eos>{}", "\n".repeat(900_000)), "x"),
    ] {
        let mut stream = StreamParser::new(None, Options::default()).unwrap();
        let (kept, ()) = heap(|| {
            stream.push_text(&held, &mut |_: Event<'_>| {}).unwrap();
            stream.push_text(rest, &mut |_: Event<'_>| {}).unwrap();
            for piece in [" and", " so", " on"] {
                stream.push_text(piece, &mut |_: Event<'_>| {}).unwrap();
            }
        });
        println!("{}…: {kept} bytes on the heap", &held[..40]);
        most = most.max(kept);
    }
    assert!(most < 65_536, "{most} bytes are kept");
}

/// A vocabulary of the real size, with pieces as long as real ones, occupies less than 8 MiB.
#[test]
fn a_vocabulary_is_small() {
    let pieces: Vec<(u32, Vec<u8>)> = (0..262_144u32)
        .map(|id| match ControlToken::ALL.iter().find(|token| token.id() == id) {
            Some(token) => (id, token.literal().as_bytes().to_vec()),
            // Real pieces have 6.5 bytes on average.
            None => (id, format!("{id:x}{}", "é".repeat((id % 3) as usize)).into_bytes()),
        })
        .collect();
    let (bytes, vocabulary) = heap(|| Vocabulary::from_pieces(pieces.iter().map(|(id, piece)| (*id, piece))).unwrap());
    println!("a vocabulary of {} pieces: {bytes} bytes, {} by its own count", pieces.len(), vocabulary.memory());
    assert!(bytes < 8 << 20, "{bytes} bytes");
    assert_eq!(vocabulary.decode(&[262_142, 1]).unwrap(), "3fffeéé<eos>");
}
