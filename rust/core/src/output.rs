//! From findings to events: neighbours of one kind are joined, so that a step gives as few events as it can.

use alloc::string::String;

use crate::event::{Detail, Event, Kind, Reason, Sink, Status};
use crate::tail::reuse;

/// What the pieces in the buffer are.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Pending {
    kind: Kind,
    index: Option<u32>,
    reason: Option<Reason>,
}

/// Collects the findings of one step into events for the sink.
pub(crate) struct Output<'a> {
    sink: &'a mut dyn Sink,
    buffer: &'a mut String,
    pending: Option<Pending>,
}

impl<'a> Output<'a> {
    /// `buffer` is scratch space that the caller keeps from step to step.
    pub(crate) fn new(sink: &'a mut dyn Sink, buffer: &'a mut String) -> Self {
        reuse(buffer);
        Self { sink, buffer, pending: None }
    }

    fn join(&mut self, pending: Pending) -> &mut String {
        if self.pending != Some(pending) {
            self.flush();
            self.pending = Some(pending);
        }
        self.buffer
    }

    /// Hands over what has been collected.
    pub(crate) fn flush(&mut self) {
        if let Some(Pending { kind, index, reason }) = self.pending.take() {
            let detail = reason.map_or(Detail::None, Detail::Reason);
            self.sink.event(Event { kind, text: self.buffer, index, detail });
            self.buffer.clear();
        }
    }

    /// A piece of reasoning or content.
    pub(crate) fn text(&mut self, thought: bool, text: &str) {
        if !text.is_empty() {
            let kind = if thought { Kind::Reasoning } else { Kind::Content };
            self.join(Pending { kind, index: None, reason: None }).push_str(text);
        }
    }

    /// The buffer for the next fragment of a call's arguments; the caller appends something.
    pub(crate) fn fragment(&mut self, index: u32) -> &mut String {
        self.join(Pending { kind: Kind::CallArguments, index: Some(index), reason: None })
    }

    /// A raw span, or the next piece of one; an empty one is an event too.
    pub(crate) fn unparsed(&mut self, reason: Reason, index: Option<u32>, text: &str) {
        self.join(Pending { kind: Kind::Unparsed, index, reason: Some(reason) }).push_str(text);
    }

    pub(crate) fn call_start(&mut self, index: u32, name: &str) {
        self.flush();
        self.sink.event(Event { kind: Kind::CallStart, text: name, index: Some(index), detail: Detail::None });
    }

    pub(crate) fn call_end(&mut self, index: u32, status: Status, detail: Detail) {
        self.flush();
        self.sink.event(Event { kind: Kind::CallEnd, text: status.as_str(), index: Some(index), detail });
    }

    pub(crate) fn end(&mut self, text: &str) {
        self.flush();
        self.sink.event(Event { kind: Kind::End, text, index: None, detail: Detail::None });
    }
}
