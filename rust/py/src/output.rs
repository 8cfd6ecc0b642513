//! `parse`: a whole output at once, folded by the core so that no event becomes a Python object.

use gemma4_parser as core;
use gemma4_parser::Fold;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyString, PyTuple, PyType};

use crate::ids::Ids;
use crate::stream::{Options, finish_named};
use crate::vocabulary::Vocabulary;
use crate::{convert, errors};

/// Inputs longer than this are parsed with the interpreter free for other threads (bytes of text; an id is about 4).
const LONG: usize = 64 * 1024;

/// Parses a whole output: exactly what a StreamParser and Message.from_events give.
///
/// output: token ids (which need the vocabulary) or text with special tokens kept.
/// finish: "stop", "length" or "abort", as for StreamParser.finish.
/// The other options are those of StreamParser.
/// The rules are those of DESIGN.md. Raises ValueError for ids without a vocabulary, for unknown ids and for options
/// that cannot be used, TypeError for what is neither ids nor text; never for what the model wrote.
#[pyfunction]
#[pyo3(signature = (
    output, vocabulary = None, *, finish = "stop", tools = None, start = "content", parse_reasoning = true,
    lenient = true, coerce = false, spaced = false
))]
#[expect(clippy::too_many_arguments, reason = "the options of a stream, by keyword")]
pub(crate) fn parse<'py>(
    output: &Bound<'py, PyAny>,
    vocabulary: Option<&Bound<'py, Vocabulary>>,
    finish: &str,
    tools: Option<&Bound<'py, PyAny>>,
    start: &str,
    parse_reasoning: bool,
    lenient: bool,
    coerce: bool,
    spaced: bool,
) -> PyResult<Bound<'py, PyAny>> {
    let py = output.py();
    let finish = finish_named(finish)?;
    let options = Options { tools, start, parse_reasoning, lenient, coerce, spaced };
    let mut parser = options.parser(vocabulary.map(Bound::get))?;
    let message = if let Ok(text) = output.cast::<PyString>() {
        let text = convert::text(text)?;
        folded(py, text.len(), |fold| {
            parser.push_text(&text, fold)?;
            parser.finish(finish, fold)
        })
    } else {
        let ids = Ids::read(output)?;
        let ids = ids.as_slice();
        folded(py, ids.len().saturating_mul(4), |fold| {
            parser.push(ids, fold)?;
            parser.finish(finish, fold)
        })
    };
    to_python(py, message.map_err(errors::in_value)?)
}

fn folded(
    py: Python<'_>,
    bytes: usize,
    run: impl FnOnce(&mut Fold) -> Result<(), core::Error> + Send,
) -> Result<core::Message, core::Error> {
    let mut fold = Fold::default();
    if bytes > LONG { py.detach(|| run(&mut fold)) } else { run(&mut fold) }?;
    Ok(fold.into_message())
}

/// The message with the classes that Python code sees.
fn to_python(py: Python<'_>, message: core::Message) -> PyResult<Bound<'_, PyAny>> {
    static MESSAGE: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    static TOOL_CALL: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    static UNPARSED: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    let home = "gemma4_parser.message";

    let class = TOOL_CALL.import(py, home, "ToolCall")?;
    let mut calls = Vec::with_capacity(message.tool_calls.len());
    for call in message.tool_calls {
        let status = call.status().as_str();
        let repairs = PyTuple::new(py, call.repairs.iter().map(|repair| repair.as_str()))?;
        calls.push(class.call1((call.name, call.arguments, status, repairs))?);
    }
    let class = UNPARSED.import(py, home, "Unparsed")?;
    let mut spans = Vec::with_capacity(message.unparsed.len());
    for span in message.unparsed {
        spans.push(class.call1((span.text, span.reason.as_str(), span.name, span.arguments))?);
    }
    let (calls, spans) = (PyTuple::new(py, calls)?, PyTuple::new(py, spans)?);
    MESSAGE.import(py, home, "Message")?.call1((message.reasoning, message.content, calls, spans, message.end))
}
