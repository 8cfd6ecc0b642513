//! What every record of events must be like, whatever the input was (contract of the event stream).

use gemma4_parser::{Detail, Finish, Kind, Options, Reason, Status};

use super::json::{Json, read};
use super::{Owned, Record};

/// A call as its events tell it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Call {
    pub name: String,
    pub arguments: String,
    pub status: String,
    pub detail: Detail,
}

impl Record {
    /// All calls, rejected ones too.
    pub fn calls(&self) -> Vec<Call> {
        let mut calls: Vec<Call> = Vec::new();
        for event in &self.0 {
            match event.kind {
                Kind::CallStart => calls.push(Call {
                    name: event.text.clone(),
                    arguments: String::new(),
                    status: String::new(),
                    detail: Detail::None,
                }),
                Kind::CallArguments => calls.last_mut().unwrap().arguments.push_str(&event.text),
                Kind::CallEnd => {
                    let call = calls.last_mut().unwrap();
                    call.status.clone_from(&event.text);
                    call.detail = event.detail;
                }
                _ => {}
            }
        }
        calls
    }

    pub fn accepted(&self) -> Vec<Call> {
        self.calls().into_iter().filter(|call| call.status != Status::Rejected.as_str()).collect()
    }

    /// The text of all events of these kinds, in order.
    pub fn joined(&self, kinds: &[Kind]) -> String {
        self.0.iter().filter(|event| kinds.contains(&event.kind)).map(|event| event.text.as_str()).collect()
    }

    /// The last event's text.
    pub fn end(&self) -> &str {
        &self.0.last().unwrap().text
    }
}

/// Order, indices, details and texts of the events; accepted arguments are JSON objects, rejected ones never JSON.
pub fn well_formed(record: &Record, finish: Finish, options: &Options) -> Result<(), String> {
    let mut walk = Walk { calls: 0, open: false, ended: false, previous: None };
    for (at, event) in record.0.iter().enumerate() {
        let what = match event.kind {
            Kind::Reasoning | Kind::Content => walk.text(event, options),
            Kind::CallStart | Kind::CallArguments => walk.call(event),
            Kind::CallEnd => walk.call_end(event, options),
            Kind::Unparsed => walk.unparsed(event),
            Kind::End => walk.end(event, finish, at + 1 == record.0.len()),
        };
        what.map_err(|what| format!("event {at}: {what}: {:?}", record.0))?;
        walk.previous = Some(event);
    }
    if walk.previous.is_none_or(|event| event.kind != Kind::End) {
        return Err(format!("no end: {:?}", record.0));
    }
    for call in record.calls() {
        let value = read(&call.arguments);
        let fits = match call.status.as_str() {
            "rejected" => value.is_none(),
            _ => matches!(value, Some(Json::Object(_))),
        };
        if !fits {
            return Err(format!("the fragments of a {} call: {}", call.status, call.arguments));
        }
    }
    Ok(())
}

/// Whether the two forms must agree on this output (invariant 2).
pub fn forms_agree(text: &str, finish: Finish) -> bool {
    let text_only = ["<bos>", "<pad>", "<unk>", "<mask>", "<|image>", "<|audio>", "<|image|>", "<|audio|>"];
    let media = ["<image|>", "<audio|>", "<|video|>"];
    if text_only.iter().chain(&media).any(|literal| text.contains(literal)) {
        return false;
    }
    let Some(at) = text.find("<eos>") else { return true };
    let mut rest = &text[at..];
    while !rest.is_empty() {
        let skip = ["<eos>", "<turn|>", "<|turn>", "<|tool_response>", " ", "\t", "\r", "\n"];
        match skip.iter().find_map(|literal| rest.strip_prefix(literal)) {
            Some(tail) => rest = tail,
            None => return false,
        }
    }
    finish == Finish::Stop
}

/// What the events so far say about the next one.
struct Walk<'a> {
    calls: u32,
    /// Within a call.
    open: bool,
    /// Something behind the end of the turn has come.
    ended: bool,
    previous: Option<&'a Owned>,
}

type Check = Result<(), &'static str>;

fn must(holds: bool, what: &'static str) -> Check {
    if holds { Ok(()) } else { Err(what) }
}

impl Walk<'_> {
    /// The end of the rejected call that the last event was.
    fn rejection(&self) -> Option<&Owned> {
        self.previous.filter(|last| last.kind == Kind::CallEnd && last.text == Status::Rejected.as_str())
    }

    fn outside(&self) -> Check {
        must(!self.open, "an event within a call")?;
        must(self.rejection().is_none(), "no span follows a rejected call")
    }

    fn text(&self, event: &Owned, options: &Options) -> Check {
        self.outside()?;
        must(event.index.is_none() && event.detail == Detail::None, "text with an index or a detail")?;
        must(!event.text.is_empty(), "an empty text")?;
        must(!self.ended, "text behind the end of the turn")?;
        must(event.kind == Kind::Content || options.parse_reasoning, "reasoning without parse_reasoning")
    }

    fn call(&mut self, event: &Owned) -> Check {
        must(event.detail == Detail::None && !event.text.is_empty(), "a detail, or no text")?;
        if event.kind == Kind::CallStart {
            self.outside()?;
            must(event.index == Some(self.calls), "a call out of order")?;
            must(!self.ended, "a call behind the end of the turn")?;
            self.calls += 1;
            self.open = true;
            return Ok(());
        }
        must(self.open && event.index == Some(self.calls - 1), "a fragment outside its call")?;
        let first = self.previous.is_some_and(|last| last.kind == Kind::CallStart);
        must(!first || event.text.starts_with('{'), "the first fragment does not start with a brace")
    }

    fn call_end(&mut self, event: &Owned, options: &Options) -> Check {
        must(self.open && event.index == Some(self.calls - 1), "the end of another call")?;
        must(self.previous.is_some_and(|last| last.kind == Kind::CallArguments), "a call without a fragment")?;
        self.open = false;
        let fits = match (event.text.as_str(), event.detail) {
            ("complete", Detail::None) => true,
            ("repaired", Detail::Repairs(repairs)) => {
                let names = repairs.as_slice();
                let once = names.iter().enumerate().all(|(at, name)| !names[..at].contains(name));
                options.lenient && !names.is_empty() && once
            }
            ("rejected", Detail::Reason(reason)) => matches!(reason, Reason::TruncatedCall | Reason::MalformedCall),
            _ => false,
        };
        must(fits, "status and detail do not fit")
    }

    fn unparsed(&mut self, event: &Owned) -> Check {
        must(!self.open, "a span within a call")?;
        let Detail::Reason(reason) = event.detail else { return Err("a span without a reason") };
        must(!self.ended || reason == Reason::AfterTurnEnd, "a span of another reason behind the end of the turn")?;
        self.ended |= reason == Reason::AfterTurnEnd;
        match self.rejection() {
            Some(rejected) => {
                let same = (rejected.index, rejected.detail) == (event.index, event.detail);
                must(same, "the span of a rejected call has another index or reason")
            }
            None => must(event.index.is_none() && !event.text.is_empty(), "an empty span, or one of an old call"),
        }
    }

    fn end(&self, event: &Owned, finish: Finish, last: bool) -> Check {
        self.outside()?;
        must(last && event.index.is_none() && event.detail == Detail::None, "the end is not last, or has a detail")?;
        let seen = matches!(event.text.as_str(), "turn" | "tool_response" | "eos");
        must(seen || (event.text == finish.as_str() && !self.ended), "another end")
    }
}
