//! The functions over the text of one call's arguments.

use gemma4_parser as core;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyString;

use crate::{convert, errors};

/// The JSON text of a call's arguments: what stands between the braces, in the canonical or the lenient grammar.
///
/// text: for example `location:<|"|>Tokyo<|"|>,n:42`.
/// spaced: with the spaces of Python's json.dumps; else compact.
/// The rules are those of DESIGN.md, "The call", "Values" and part 2.
/// Raises ArgumentError, with the place in characters, where the text fits no accepted form; TypeError for no str.
#[pyfunction]
#[pyo3(signature = (text, *, spaced = false))]
pub(crate) fn arguments_to_json(text: &Bound<'_, PyString>, spaced: bool) -> PyResult<String> {
    let py = text.py();
    let text = convert::text(text)?;
    core::arguments_to_json(&text, spaced).map_err(|error| errors::in_arguments(py, &error, &text))
}

/// The value of a call's arguments as a dict: see `arguments_to_json` for the text, `ToolCall.value` for the numbers.
///
/// Raises ArgumentError, with the place in characters, where the text fits no accepted form; TypeError for no str.
#[pyfunction]
pub(crate) fn parse_arguments<'py>(text: &Bound<'py, PyString>) -> PyResult<Bound<'py, PyAny>> {
    static VALUE_OF: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let json = arguments_to_json(text, false)?;
    VALUE_OF.import(text.py(), "gemma4_parser._json", "json_value")?.call1((json,))
}

/// What the chat template prints between the braces of a call with these arguments; the inverse of parse_arguments.
///
/// mapping: from str to None, bool, int, float, Decimal, str, list, tuple and further mappings. Keys are
/// sorted by their lower-cased text at every level; strings stand raw between delimiters.
/// Raises TypeError for any other type, naming its place, and ValueError beyond a depth of 256.
#[pyfunction]
pub(crate) fn format_arguments(mapping: &Bound<'_, PyAny>) -> PyResult<String> {
    Ok(core::format_arguments(&convert::pairs(mapping)?))
}
