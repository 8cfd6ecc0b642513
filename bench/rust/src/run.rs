//! Runs a case and checks its answer.

use gemma4_parser::{Detail, Error, Event, Finish, Kind, Sink, StreamParser};

use crate::case::{Case, Found};

/// How the output is given.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Form {
    Ids,
    Text,
}

/// An event as it came.
struct Entry {
    kind: Kind,
    text: String,
    index: Option<u32>,
    detail: Detail,
}

/// Keeps the events, neighbours joined.
#[derive(Default)]
struct Log {
    events: usize,
    entries: Vec<Entry>,
}

impl Sink for Log {
    /// What is done with an event is not the parser's work: callgrind is told to stop counting in this function.
    #[inline(never)]
    fn event(&mut self, event: Event<'_>) {
        self.events += 1;
        let joins = matches!(event.kind, Kind::Reasoning | Kind::Content | Kind::CallArguments | Kind::Unparsed);
        match self.entries.last_mut() {
            Some(last) if joins && (last.kind, last.index, last.detail) == (event.kind, event.index, event.detail) => {
                last.text.push_str(event.text);
            }
            _ => self.entries.push(Entry {
                kind: event.kind,
                text: event.text.to_owned(),
                index: event.index,
                detail: event.detail,
            }),
        }
    }
}

/// Exactly what is measured; callgrind counts only in here.
#[inline(never)]
fn measured_ids(stream: &mut StreamParser, deltas: &[&[u32]], finish: Finish, sink: &mut Log) -> Result<(), Error> {
    for delta in deltas {
        stream.push(delta, sink)?;
    }
    stream.finish(finish, sink)
}

/// The same for text.
#[inline(never)]
fn measured_text(stream: &mut StreamParser, deltas: &[&str], finish: Finish, sink: &mut Log) -> Result<(), Error> {
    for delta in deltas {
        stream.push_text(delta, sink)?;
    }
    stream.finish(finish, sink)
}

/// What one run gave.
pub struct Outcome {
    pub deltas: usize,
    pub events: usize,
}

/// Runs the case once and compares its events with the expected ones.
pub fn run(case: &Case, form: Form, per_delta: usize) -> Result<Outcome, String> {
    let words = |error: Error| error.to_string();
    let vocabulary = case.vocabulary().map_err(words)?;
    let options = case.options().map_err(words)?;
    let (ids, texts) = (case.id_deltas(per_delta), case.text_deltas(per_delta));
    let mut stream = StreamParser::new(Some(vocabulary), options).map_err(words)?;
    let mut log = Log::default();
    let fed = match form {
        Form::Ids => measured_ids(&mut stream, &ids, case.finish, &mut log),
        Form::Text => measured_text(&mut stream, &texts, case.finish, &mut log),
    };
    fed.map_err(words)?;
    check(&log.entries, &case.expected)?;
    let deltas = if form == Form::Ids { ids.len() } else { texts.len() };
    Ok(Outcome { deltas, events: log.events })
}

fn check(entries: &[Entry], expected: &[Found]) -> Result<(), String> {
    for (number, (entry, found)) in entries.iter().zip(expected).enumerate() {
        let detail: Vec<_> = entry.detail.names().collect();
        if (entry.kind, &entry.text, entry.index, &detail) != (found.kind, &found.text, found.index, &found.detail) {
            let same = entry.text.bytes().zip(found.text.bytes()).take_while(|(left, right)| left == right).count();
            let near = |text: &str| text.chars().skip(same.saturating_sub(20)).take(80).collect::<String>();
            return Err(format!(
                "event {number} is {:?} {:?} {detail:?}, …{:?}; expected {:?} {:?} {:?}, …{:?} (byte {same})",
                entry.kind,
                entry.index,
                near(&entry.text),
                found.kind,
                found.index,
                found.detail,
                near(&found.text)
            ));
        }
    }
    if entries.len() == expected.len() {
        return Ok(());
    }
    Err(format!("{} events, expected {}", entries.len(), expected.len()))
}
