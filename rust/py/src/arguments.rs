//! The functions over the text of one call's arguments.

use gemma4_parser as core;
use gemma4_parser::canonical::{self, Canonical, Number, Token};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBool, PyDict, PyFloat, PyInt, PyList, PyString};

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
    // What is written as models mostly do can be copied over.
    canonical::to_json(&text, spaced).map_or_else(|| lenient_to_json(py, &text, spaced), Ok)
}

fn lenient_to_json(py: Python<'_>, text: &str, spaced: bool) -> PyResult<String> {
    core::arguments_to_json(text, spaced).map_err(|error| errors::in_arguments(py, &error, text))
}

/// The value of a call's arguments as a dict: see `arguments_to_json` for the text, `ToolCall.value` for the numbers.
///
/// Raises ArgumentError, with the place in characters, where the text fits no accepted form; TypeError for no str.
#[pyfunction]
pub(crate) fn parse_arguments<'py>(text: &Bound<'py, PyString>) -> PyResult<Bound<'py, PyAny>> {
    let py = text.py();
    let text = convert::text(text)?;
    // Only what is written as models mostly do can be read at once.
    if let Some(value) = canonical_value(py, &text)? {
        return Ok(value);
    }
    json_value(py, &lenient_to_json(py, &text, false)?)
}

/// An object or array in the making; of an object with the key that waits for its value.
enum Open<'py> {
    Object(Bound<'py, PyDict>, Option<Bound<'py, PyString>>),
    Array(Vec<Bound<'py, PyAny>>),
}

/// The value of canonical arguments; None where they are written otherwise.
fn canonical_value<'py>(py: Python<'py>, text: &str) -> PyResult<Option<Bound<'py, PyAny>>> {
    let mut reader = Canonical::new(text);
    let mut open = Vec::new();
    let mut keys = Keys::default();
    let mut innermost = Open::Object(PyDict::new(py), None);
    loop {
        let value = match reader.pull() {
            Token::Integer(value) => PyInt::new(py, value).into_any(),
            Token::Number(spelling) => match reader.float() {
                Some(value) => PyFloat::new(py, value).into_any(),
                None => number(py, spelling)?,
            },
            Token::Digits(spelling) => json_value(py, spelling)?,
            Token::String(text) => PyString::new(py, text).into_any(),
            Token::Bool(value) => PyBool::new(py, value).to_owned().into_any(),
            Token::Null => py.None().into_bound(py),
            Token::Key(text) => {
                if let Open::Object(_, key) = &mut innermost {
                    *key = Some(keys.get(py, text));
                }
                continue;
            }
            Token::Object => {
                open.push(std::mem::replace(&mut innermost, Open::Object(PyDict::new(py), None)));
                continue;
            }
            Token::Array => {
                open.push(std::mem::replace(&mut innermost, Open::Array(Vec::new())));
                continue;
            }
            Token::Close => {
                let Some(outer) = open.pop() else { return Ok(None) };
                match std::mem::replace(&mut innermost, outer) {
                    Open::Object(dict, _) => dict.into_any(),
                    Open::Array(items) => PyList::new(py, items)?.into_any(),
                }
            }
            Token::End => match innermost {
                Open::Object(dict, _) => return Ok(Some(dict.into_any())),
                Open::Array(_) => return Ok(None),
            },
            Token::Other => return Ok(None),
        };
        match &mut innermost {
            Open::Array(items) => {
                items.push(value);
                items.extend(reader.numbers().map(|number| match number {
                    Number::Integer(value) => PyInt::new(py, value).into_any(),
                    Number::Float(value) => PyFloat::new(py, value).into_any(),
                }));
            }
            Open::Object(dict, key) => {
                if let Some(key) = key.take() {
                    dict.set_item(key, value)?;
                }
            }
        }
    }
}

/// The keys met last: those of the objects of an array are the same again and again.
#[derive(Default)]
struct Keys<'t, 'py>([Option<(&'t str, Bound<'py, PyString>)>; 32]);

impl<'t, 'py> Keys<'t, 'py> {
    fn get(&mut self, py: Python<'py>, text: &'t str) -> Bound<'py, PyString> {
        let bytes = text.as_bytes();
        let [first, last] = [bytes.first(), bytes.last()].map(|byte| usize::from(byte.copied().unwrap_or_default()));
        let place = (first * 3 + last * 5 + bytes.len()) % self.0.len();
        let Some(slot) = self.0.get_mut(place) else { return PyString::new(py, text) };
        match slot {
            Some((known, key)) if *known == text => key.clone(),
            _ => slot.insert((text, PyString::new(py, text))).1.clone(),
        }
    }
}

/// The value of a JSON number with fraction or exponent.
fn number<'py>(py: Python<'py>, spelling: &str) -> PyResult<Bound<'py, PyAny>> {
    match spelling.parse::<f64>() {
        Ok(value) if value.is_finite() => Ok(PyFloat::new(py, value).into_any()),
        _ => json_value(py, spelling),
    }
}

/// The value of a JSON text; it knows what to do with numbers that are beyond the machine's.
fn json_value<'py>(py: Python<'py>, json: &str) -> PyResult<Bound<'py, PyAny>> {
    static JSON_VALUE: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    JSON_VALUE.import(py, "gemma4_parser._json", "json_value")?.call1((json,))
}

/// What the chat template prints between the braces of a call with these arguments; the inverse of parse_arguments.
///
/// mapping: from str to None, bool, int, float, Decimal, str, list, tuple and further mappings. Keys are
/// sorted by their lower-cased text at every level; strings stand raw between delimiters.
/// Raises TypeError for any other type, naming its place, and ValueError beyond a depth of 256.
#[pyfunction]
pub(crate) fn format_arguments(mapping: &Bound<'_, PyAny>) -> PyResult<String> {
    if !convert::is_mapping(mapping) {
        let name = convert::type_name(mapping);
        return Err(PyTypeError::new_err(format!("arguments must be a mapping, not {name}")));
    }
    let tape = convert::Tape::read(mapping, "arguments", false)?;
    Ok(core::format_arguments(tape.value()?.as_object().unwrap_or_default()))
}
