//! Which result belongs to which call: the repairs `result-name`, `moved-result` and `separate-results`.

use alloc::borrow::Cow;
use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;
use core::mem;

use super::jinja::true_item;
use super::writer::{Place, Topic, Within, Writer};
use crate::format::{Keys, write_value};
use crate::json::Value;

/// Who sends a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sender<'a> {
    /// `assistant`, or `model` itself.
    Model,
    /// `tool`, or `function` as old clients call it.
    Result,
    /// Any other role.
    Other(&'a str),
    /// It has no role.
    Nobody,
}

impl<'a> Sender<'a> {
    pub(super) fn of(message: &'a Value<'a>) -> Self {
        match message.get("role").and_then(Value::as_str) {
            Some("assistant" | "model") => Self::Model,
            Some("tool" | "function") => Self::Result,
            Some(role) => Self::Other(role),
            None => Self::Nobody,
        }
    }
}

/// The calls of a message of the model, also in the shape of old clients; none where they are no list.
pub(super) fn calls_of<'a>(message: &'a Value<'a>) -> &'a [Value<'a>] {
    match (true_item(message, "tool_calls"), true_item(message, "function_call")) {
        (Some(calls), _) => calls.as_array().unwrap_or_default(),
        (None, Some(call)) => core::slice::from_ref(call),
        (None, None) => &[],
    }
}

/// What a call or a tool is about, with or without the wrapper `function`.
pub(super) fn function_of<'a>(wrapper: &'a Value<'a>) -> &'a Value<'a> {
    wrapper.get("function").filter(|function| **function != Value::Null).unwrap_or(wrapper)
}

/// A tool message or an entry of `tool_responses`.
pub(super) struct Answer<'a> {
    pub(super) value: &'a Value<'a>,
    pub(super) place: Place,
    /// Its own name or that of its call, whatever stands there.
    pub(super) name: Option<&'a Value<'a>>,
    key: Option<Key<'a>>,
}

impl<'a> Answer<'a> {
    fn of_message(message: &'a Value<'a>, number: usize) -> Self {
        Self {
            value: message,
            place: Place::Message(number, Within::Itself),
            name: true_item(message, "name"),
            key: key(message.get("tool_call_id")),
        }
    }

    /// The entries of `tool_responses`; none where they are no list.
    fn of_entries(message: &'a Value<'a>, number: usize) -> Vec<Self> {
        let entries = message.get("tool_responses").and_then(Value::as_array).unwrap_or_default();
        let place = |within| Place::Message(number, Within::Response(within));
        let answer = |(within, value)| Self { value, place: place(within), name: true_item(value, "name"), key: None };
        entries.iter().enumerate().map(answer).collect()
    }
}

/// An id as it would be printed, and whether it is a text.
type Key<'a> = (bool, Cow<'a, str>);

/// The numbers that belong to a key, in their order.
type ByKey<'a> = BTreeMap<Key<'a>, VecDeque<usize>>;

fn key<'a>(id: Option<&'a Value<'a>>) -> Option<Key<'a>> {
    match id? {
        Value::Null => None,
        Value::String(text) => Some((true, Cow::Borrowed(&**text))).filter(|(_, text)| !text.is_empty()),
        other => {
            let mut out = Writer::default();
            write_value(other, Keys::Bare, &mut out);
            Some((false, Cow::Owned(out.into_text())))
        }
    }
}

/// The calls of a message and what is known of their results.
#[derive(Default)]
struct Calls<'a> {
    number: usize,
    has_responses: bool,
    names: Vec<Option<&'a Value<'a>>>,
    answered: Vec<bool>,
    /// Calls before this one have a result.
    next: usize,
    /// The calls of an id that may still have no result; the last one of all is always there.
    by_id: ByKey<'a>,
    /// The same by their names.
    by_name: ByKey<'a>,
}

impl<'a> Calls<'a> {
    fn new(number: usize, calls: &'a [Value<'a>], has_responses: bool) -> Self {
        let mut known =
            Self { number, has_responses, answered: calls.iter().map(|_| false).collect(), ..Self::default() };
        for (within, call) in calls.iter().enumerate() {
            let name = function_of(call).get("name");
            known.names.push(name);
            if let Some(key) = key(call.get("id")) {
                push(&mut known.by_id, key, within);
            }
            if let Some(name) = name.and_then(Value::as_str) {
                push(&mut known.by_name, (true, Cow::Borrowed(name)), within);
            }
        }
        known
    }

    /// Gives the result to the first call of its id that has none, or (`again`) to the last one; whether it did.
    fn take_by_id(&mut self, answer: &mut Answer<'a>, again: bool) -> bool {
        let Some(waiting) = answer.key.as_ref().and_then(|key| self.by_id.get_mut(key)) else { return false };
        let call = first(waiting, &self.answered).or_else(|| waiting.back().copied().filter(|_| again));
        self.give(answer, call)
    }

    /// Gives the result to the first call of its name that has none; whether it did.
    fn take_by_name(&mut self, answer: &mut Answer<'a>) -> bool {
        let Some(name) = answer.name.and_then(Value::as_str) else { return false };
        let Some(waiting) = self.by_name.get_mut(&(true, Cow::Borrowed(name))) else { return false };
        let call = first(waiting, &self.answered);
        self.give(answer, call)
    }

    /// Gives the result to the first call that has none; whether it did.
    fn take_next(&mut self, answer: &mut Answer<'a>) -> bool {
        while self.answered.get(self.next) == Some(&true) {
            self.next += 1;
        }
        self.give(answer, Some(self.next))
    }

    fn give(&mut self, answer: &mut Answer<'a>, call: Option<usize>) -> bool {
        let Some((call, answered)) = call.and_then(|call| Some((call, self.answered.get_mut(call)?))) else {
            return false;
        };
        *answered = true;
        answer.name = self.names.get(call).copied().flatten();
        true
    }
}

/// The first of them that has no result; those before it are taken off, but never the last one.
fn first(waiting: &mut VecDeque<usize>, answered: &[bool]) -> Option<usize> {
    let has_result = |call: &&usize| answered.get(**call) == Some(&true);
    while waiting.len() > 1 && waiting.front().as_ref().is_some_and(has_result) {
        waiting.pop_front();
    }
    waiting.front().filter(|call| !has_result(call)).copied()
}

/// Adds a number under a key: once in machine code, in which the map is large.
#[inline(never)]
fn push<'a>(numbers: &mut ByKey<'a>, key: Key<'a>, number: usize) {
    numbers.entry(key).or_default().push_back(number);
}

/// Of each message: the results that are printed with it.
pub(super) struct Plan<'a> {
    calls: Vec<Calls<'a>>,
    results: Vec<Vec<Answer<'a>>>,
    /// Of the last message with calls: where they are in `calls`.
    nearest: Option<usize>,
    /// The same while only results and `tool_responses` have followed.
    open: Option<usize>,
    /// Those since the last message that is neither the model's nor a result, by the ids of their calls.
    in_loop: ByKey<'a>,
    /// By the ids of all calls so far: the name of the last one.
    names: BTreeMap<Key<'a>, Option<&'a Value<'a>>>,
}

impl<'a> Plan<'a> {
    /// Finds the calls of all results.
    pub(super) fn new(messages: &[&'a Value<'a>], senders: &[Sender<'a>], out: &mut Writer) -> Self {
        let mut plan = Self {
            calls: Vec::new(),
            results: messages.iter().map(|_| Vec::new()).collect(),
            nearest: None,
            open: None,
            in_loop: BTreeMap::new(),
            names: BTreeMap::new(),
        };
        let mut rest = messages.iter().copied().zip(senders).enumerate().peekable();
        while let Some((number, (message, sender))) = rest.next() {
            match sender {
                Sender::Result => plan.elsewhere(Answer::of_message(message, number), out),
                Sender::Other(_) | Sender::Nobody => {
                    plan.open = None;
                    plan.in_loop.clear();
                }
                Sender::Model if calls_of(message).is_empty() => plan.without_calls(message, number, out),
                Sender::Model => {
                    let mut run = Vec::new();
                    while let Some((number, (message, _))) = rest.next_if(|(_, (_, sender))| **sender == Sender::Result)
                    {
                        run.push(Answer::of_message(message, number));
                    }
                    plan.with_calls(message, number, run, out);
                }
            }
        }
        plan
    }

    /// The results that are printed with a message; they are taken.
    pub(super) fn results(&mut self, number: usize) -> Vec<Answer<'a>> {
        self.results.get_mut(number).map(mem::take).unwrap_or_default()
    }

    /// The calls of a message that have no result.
    pub(super) fn unanswered(&self, number: usize) -> impl Iterator<Item = usize> {
        // The messages are read in their order.
        let place = self.calls.binary_search_by_key(&number, |calls| calls.number);
        let calls = place.ok().and_then(|place| self.calls.get(place));
        let answered = calls.map(|calls| &*calls.answered).unwrap_or_default();
        answered.iter().enumerate().filter(|(_, answered)| !**answered).map(|(call, _)| call)
    }

    /// A message of the model with calls, and the tool messages directly behind it.
    fn with_calls(&mut self, message: &'a Value<'a>, number: usize, run: Vec<Answer<'a>>, out: &mut Writer) {
        let entries = Answer::of_entries(message, number);
        let calls = Calls::new(number, calls_of(message), !entries.is_empty());
        let place = self.calls.len();
        let name = |waiting: &VecDeque<usize>| calls.names.get(*waiting.back()?).copied().flatten();
        let last_names: Vec<_> = calls.by_id.iter().map(|(key, waiting)| (key.clone(), name(waiting))).collect();
        self.calls.push(calls);
        self.nearest = Some(place);
        if entries.is_empty() {
            self.assign(run, number, Some(place), out);
            self.open = Some(place);
            for (key, _) in &last_names {
                push(&mut self.in_loop, key.clone(), place);
            }
        } else {
            for answer in run {
                has_responses(&answer, number, out);
            }
            self.assign(entries, number, Some(place), out);
            self.open = None;
        }
        self.names.extend(last_names);
    }

    /// A message of the model without calls: its results are those of the calls right before.
    fn without_calls(&mut self, message: &'a Value<'a>, number: usize, out: &mut Writer) {
        let entries = Answer::of_entries(message, number);
        if entries.is_empty() {
            self.open = None;
        } else {
            self.assign(entries, number, self.open, out);
        }
    }

    /// Gives results to calls by id, then by name, then by order; they are printed with that message unless they are
    /// moved to another. One with the id of an earlier call is not given to another by order: it has that call's name.
    fn assign(&mut self, mut answers: Vec<Answer<'a>>, number: usize, calls: Option<usize>, out: &mut Writer) {
        let mut left = Vec::new();
        let mut here = Vec::with_capacity(answers.len());
        for mut answer in answers.drain(..) {
            let found = self.calls_at(calls).is_some_and(|calls| calls.take_by_id(&mut answer, true));
            if found {
                here.push(answer);
            } else if let Err(answer) = self.move_by_id(answer, out) {
                left.push(here.len());
                here.push(answer);
            }
        }
        let mut calls = calls.and_then(|place| self.calls.get_mut(place));
        let mut nameless = Vec::new();
        for place in left {
            let Some(answer) = here.get_mut(place) else { continue };
            if calls.as_mut().is_some_and(|calls| calls.take_by_name(answer)) {
                continue;
            }
            if let Some(name) = answer.key.as_ref().and_then(|key| self.names.get(key)) {
                answer.name = *name;
            } else if answer.name.is_none() {
                nameless.push(place);
            }
        }
        for place in nameless {
            let Some(answer) = here.get_mut(place) else { continue };
            if calls.as_mut().is_some_and(|calls| calls.take_next(answer)) {
                let name = answer.name.and_then(Value::as_str).unwrap_or_default();
                let text = format_args!("the result belongs to the call of {name} by its order");
                out.warn(answer.place, Topic::ByOrder, text);
            } else {
                let text = "the result is one more than there are calls; its name is unknown";
                out.warn(answer.place, Topic::OneMore, text);
            }
        }
        if let Some(results) = self.results.get_mut(number) {
            *results = here;
        }
    }

    fn calls_at(&mut self, place: Option<usize>) -> Option<&mut Calls<'a>> {
        self.calls.get_mut(place?)
    }

    /// Gives a result to a call of an earlier message of the loop; gives it back where there is none.
    fn move_by_id(&mut self, mut answer: Answer<'a>, out: &mut Writer) -> Result<(), Answer<'a>> {
        let Some(places) = answer.key.as_ref().and_then(|key| self.in_loop.get_mut(key)) else { return Err(answer) };
        while let Some(place) = places.front().copied() {
            if self.calls.get_mut(place).is_some_and(|calls| calls.take_by_id(&mut answer, false)) {
                self.move_to(answer, place, out);
                return Ok(());
            }
            places.pop_front();
        }
        Err(answer)
    }

    /// A tool message that does not stand behind a message with calls.
    fn elsewhere(&mut self, mut answer: Answer<'a>, out: &mut Writer) {
        let nearest = self.nearest;
        if let Some(calls) = self.calls_at(nearest).filter(|calls| calls.has_responses) {
            return has_responses(&answer, calls.number, out);
        }
        if let (Some(place), true) =
            (nearest, self.calls_at(nearest).is_some_and(|calls| calls.take_by_id(&mut answer, false)))
        {
            return self.move_to(answer, place, out);
        }
        let Err(mut answer) = self.move_by_id(answer, out) else { return };
        if let (Some(place), true) =
            (nearest, self.calls_at(nearest).is_some_and(|calls| calls.take_by_name(&mut answer)))
        {
            return self.move_to(answer, place, out);
        }
        out.warn(answer.place, Topic::NoCall, "the result answers no call and is left out");
    }

    fn move_to(&mut self, answer: Answer<'a>, place: usize, out: &mut Writer) {
        let Some(number) = self.calls.get(place).map(|calls| calls.number) else { return };
        let text = format_args!("the result is moved to its call in messages[{number}]");
        out.warn(answer.place, Topic::Moved, text);
        if let Some(results) = self.results.get_mut(number) {
            results.push(answer);
        }
    }
}

fn has_responses(answer: &Answer<'_>, number: usize, out: &mut Writer) {
    let text = format_args!("the result is left out, since messages[{number}] has tool_responses");
    out.warn(answer.place, Topic::HasResponses, text);
}
