//! `Event` for Python, and the sink that makes a list of them.

use std::cell::Cell;

use gemma4_parser as core;
use pyo3::prelude::*;
use pyo3::types::{PyInt, PyIterator, PyList, PyString, PyTuple, PyType};

use crate::ids::Ids;
use crate::words::Words;

/// What an event's `detail` holds: the core's, turned into a tuple when somebody asks for it, or the tuple
/// that Python code gave.
enum Detail {
    Core(core::Detail),
    Given(Py<PyTuple>),
}

/// One thing that the parser found: a record of four fields that unpacks like a tuple and compares by value.
///
/// What each kind says: DESIGN.md, "Output". In `match` it is a class pattern: `case Event("content", text)`.
///
/// kind: "reasoning", "content", "call_start", "call_arguments", "call_end", "unparsed" or "end".
/// text: the piece of text, the function name, the fragment of JSON, the status of a call, or how the stream ended.
/// index: number of the call, counted from 0; None where the event belongs to no call.
/// detail: names of the repairs made, or the one reason of a rejection or of an unparsed span; else ().
#[pyclass(frozen, module = "gemma4_parser", name = "Event")]
pub(crate) struct Event {
    /// What the event says, one of seven words.
    #[pyo3(get)]
    kind: Py<PyString>,
    /// The event's text; its meaning depends on the kind.
    #[pyo3(get)]
    text: Py<PyString>,
    /// Number of the call, counted from 0, or None.
    #[pyo3(get)]
    index: Py<PyAny>,
    detail: Detail,
}

impl Event {
    fn fields<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        (&self.kind, &self.text, &self.index, self.detail(py)?).into_pyobject(py)
    }
}

#[pymethods]
impl Event {
    #[new]
    #[pyo3(signature = (kind, text, index = None, detail = None), text_signature = "(kind, text, index=None, detail=())")]
    fn new(
        py: Python<'_>,
        kind: Py<PyString>,
        text: Py<PyString>,
        index: Option<Py<PyInt>>,
        detail: Option<Py<PyTuple>>,
    ) -> Self {
        let index = index.map_or_else(|| py.None(), Py::into_any);
        Self { kind, text, index, detail: detail.map_or(Detail::Core(core::Detail::None), Detail::Given) }
    }

    /// Names of repairs, or one reason, or ().
    #[getter]
    fn detail<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        match &self.detail {
            Detail::Core(detail) => Words::get(py)?.detail(py, detail),
            Detail::Given(tuple) => Ok(tuple.bind(py).clone()),
        }
    }

    #[classattr]
    fn __match_args__() -> (&'static str, &'static str, &'static str, &'static str) {
        ("kind", "text", "index", "detail")
    }

    fn __eq__(&self, py: Python<'_>, other: &Self) -> PyResult<bool> {
        self.fields(py)?.eq(other.fields(py)?)
    }

    fn __hash__(&self, py: Python<'_>) -> PyResult<isize> {
        self.fields(py)?.hash()
    }

    #[expect(clippy::unused_self, reason = "a method of Python")]
    fn __len__(&self) -> usize {
        4
    }

    fn __iter__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyIterator>> {
        self.fields(py)?.try_iter()
    }

    fn __getitem__<'py>(&self, py: Python<'py>, item: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        self.fields(py)?.as_any().get_item(item)
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let (kind, text) = (self.kind.bind(py).repr()?, self.text.bind(py).repr()?);
        let (index, detail) = (self.index.bind(py).repr()?, self.detail(py)?.repr()?);
        Ok(format!("Event(kind={kind}, text={text}, index={index}, detail={detail})"))
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<(Bound<'py, PyType>, Bound<'py, PyTuple>)> {
        Ok((py.get_type::<Self>(), self.fields(py)?))
    }
}

/// The least that a call returning one event can do: reads the ids as push does and returns a list of one new event.
///
/// For benchmarks, which compare a step with it. Raises as StreamParser.push does for what holds no ids.
#[pyfunction]
#[pyo3(name = "_one_event")]
pub(crate) fn one_event<'py>(py: Python<'py>, ids: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyList>> {
    Ids::read(ids)?;
    let words = Words::get(py)?;
    let kind = words.kind(py, core::Kind::Content);
    let text = words.text(py, core::Kind::Content, " token");
    PyList::new(py, [Event { kind, text, index: py.None(), detail: Detail::Core(core::Detail::None) }])
}

/// The events of one step, collected without Python: to be made Python objects when the parser's lock is free again,
/// because that may start the cycle collector, and with it any code.
#[derive(Default)]
pub(crate) struct Step {
    /// The texts of the events, one after the other.
    text: String,
    records: Vec<Record>,
}

struct Record {
    kind: core::Kind,
    /// Where in the text this event's ends.
    end: usize,
    index: Option<u32>,
    detail: core::Detail,
}

/// Buffers that have grown beyond this are not kept for the next step (bytes, records).
const KEPT: (usize, usize) = (64 * 1024, 1024);

thread_local! {
    static SPARE: Cell<Step> = const { Cell::new(Step { text: String::new(), records: Vec::new() }) };
}

impl Step {
    /// An empty step, with the buffers of this thread's last one.
    pub(crate) fn new() -> Self {
        SPARE.take()
    }

    /// The list of the events.
    pub(crate) fn into_list(mut self, py: Python<'_>) -> PyResult<Bound<'_, PyList>> {
        if self.records.is_empty() {
            SPARE.set(self);
            return Ok(PyList::empty(py));
        }
        let words = Words::get(py)?;
        let mut start = 0;
        let list = PyList::new(
            py,
            self.records.iter().map(|record| {
                let text = self.text.get(start..record.end).unwrap_or_default();
                start = record.end;
                let Ok(index) = record.index.into_pyobject(py);
                Event {
                    kind: words.kind(py, record.kind),
                    text: words.text(py, record.kind, text),
                    index: index.unbind(),
                    detail: Detail::Core(record.detail),
                }
            }),
        );
        if self.text.capacity() <= KEPT.0 && self.records.capacity() <= KEPT.1 {
            self.text.clear();
            self.records.clear();
            SPARE.set(self);
        }
        list
    }
}

impl core::Sink for Step {
    fn event(&mut self, event: core::Event<'_>) {
        self.text.push_str(event.text);
        let end = self.text.len();
        self.records.push(Record { kind: event.kind, end, index: event.index, detail: event.detail });
    }
}
