//! Any text, cut anywhere: the events are those of the whole, what is accepted is balanced, a rejected call never is.
#![no_main]

use gemma4_parser::{Detail, Event, Finish, Kind, Options, Status, StreamParser, json};
use libfuzzer_sys::fuzz_target;

/// Kind, text, number of the call, detail.
type Owned = (Kind, String, Option<u32>, Detail);

/// The events, neighbours joined.
fn events(pieces: &[&str], finish: Finish, options: &Options) -> Vec<Owned> {
    let mut events: Vec<Owned> = Vec::new();
    let mut sink = |event: Event<'_>| match events.last_mut() {
        Some((kind, text, index, detail))
            if (*kind, *index, *detail) == (event.kind, event.index, event.detail)
                && !matches!(event.kind, Kind::CallStart | Kind::CallEnd) =>
        {
            text.push_str(event.text);
        }
        _ => events.push((event.kind, event.text.into(), event.index, event.detail)),
    };
    let mut stream = StreamParser::new(None, options.clone()).expect("the options are right");
    for piece in pieces {
        stream.push_text(piece, &mut sink).expect("text follows text");
    }
    stream.finish(finish, &mut sink).expect("it is finished once");
    events
}

fuzz_target!(|input: (u8, u8, &str)| {
    let (choice, step, text) = input;
    let finish = [Finish::Stop, Finish::Length, Finish::Abort][usize::from(choice) % 3];
    let options = Options { lenient: choice & 8 == 0, parse_reasoning: choice & 16 == 0, ..Options::default() };
    let mut pieces = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let mut at = (usize::from(step) + 1).min(rest.len());
        while !rest.is_char_boundary(at) {
            at += 1;
        }
        let (piece, tail) = rest.split_at(at);
        pieces.push(piece);
        rest = tail;
    }
    let whole = events(&[text], finish, &options);
    assert_eq!(events(&pieces, finish, &options), whole);

    let mut arguments = String::new();
    for (kind, text, ..) in &whole {
        match kind {
            Kind::CallStart => arguments.clear(),
            Kind::CallArguments => arguments.push_str(text),
            Kind::CallEnd => {
                assert_eq!(json::parse(&arguments, 1000).is_ok(), text != Status::Rejected.as_str(), "{arguments}");
            }
            _ => {}
        }
    }
});
