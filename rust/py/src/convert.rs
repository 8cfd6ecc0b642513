//! Python text and Python values as the core wants them.

use std::borrow::Cow;

use gemma4_parser::json::Value;
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBool, PyBytes, PyDict, PyFloat, PyInt, PyIterator, PyList, PyMapping, PyString, PyTuple, PyType};

/// Arguments may be nested as deep as the parser accepts them; the arguments themselves are depth 1.
const MAX_DEPTH: usize = 256;

/// The text of a str: without a copy where Python can lend its UTF-8, and with U+FFFD for each lone surrogate.
pub(crate) fn text<'a>(text: &'a Bound<'_, PyString>) -> PyResult<Cow<'a, str>> {
    if let Ok(lent) = text.to_str() {
        return Ok(Cow::Borrowed(lent));
    }
    let py = text.py();
    let encoded = text.call_method1(intern!(py, "encode"), (intern!(py, "utf-8"), intern!(py, "surrogatepass")))?;
    Ok(Cow::Owned(without_surrogates(encoded.cast::<PyBytes>()?.as_bytes())))
}

/// Decodes UTF-8 in which surrogates may be encoded as three bytes; U+FFFD has three bytes as well.
fn without_surrogates(encoded: &[u8]) -> String {
    let mut bytes = encoded.to_vec();
    for at in 0..bytes.len() {
        if let Some([first @ 0xED, second @ 0xA0..=0xBF, third]) = bytes.get_mut(at..at + 3) {
            (*first, *second, *third) = (0xEF, 0xBF, 0xBD);
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// An array or object that is being read: what it was made from, and what has been read so far.
enum Level<'py> {
    Items { rest: Bound<'py, PyIterator>, done: Vec<Value> },
    Pairs { rest: Bound<'py, PyIterator>, key: String, done: Vec<(String, Value)> },
}

impl<'py> Level<'py> {
    fn items(list: &Bound<'py, PyAny>) -> PyResult<Self> {
        Ok(Self::Items { rest: list.try_iter()?, done: Vec::new() })
    }

    fn pairs(mapping: &Bound<'py, PyAny>) -> PyResult<Self> {
        let items = mapping.call_method0(intern!(mapping.py(), "items"))?;
        Ok(Self::Pairs { rest: items.try_iter()?, key: String::new(), done: Vec::new() })
    }

    /// The next value, its key noted; None at the end.
    fn next(&mut self, place: impl Fn() -> String) -> PyResult<Option<Bound<'py, PyAny>>> {
        match self {
            Self::Items { rest, .. } => rest.next().transpose(),
            Self::Pairs { rest, key, .. } => {
                let Some(pair) = rest.next().transpose()? else { return Ok(None) };
                let (name, value) = pair.extract::<(Bound<'py, PyAny>, Bound<'py, PyAny>)>()?;
                let Ok(name) = name.cast::<PyString>() else {
                    return Err(PyTypeError::new_err(format!("{} has a key of type {}", place(), type_name(&name))));
                };
                *key = text(name)?.into_owned();
                Ok(Some(value))
            }
        }
    }

    fn add(&mut self, value: Value) {
        match self {
            Self::Items { done, .. } => done.push(value),
            Self::Pairs { key, done, .. } => done.push((std::mem::take(key), value)),
        }
    }

    fn close(self) -> Value {
        match self {
            Self::Items { done, .. } => Value::Array(done),
            Self::Pairs { done, .. } => Value::Object(done),
        }
    }

    fn step(&self, py: Python<'py>) -> String {
        match self {
            Self::Items { done, .. } => format!("[{}]", done.len()),
            // The `repr` of the key.
            Self::Pairs { key, .. } => format!("[{:?}]", PyString::new(py, key)),
        }
    }
}

/// The pairs of a mapping of str to None, bool, int, float, Decimal, str, list, tuple and further mappings.
///
/// Raises `TypeError` for any other type, naming its place; `ValueError` where it is nested deeper than 256.
pub(crate) fn pairs(mapping: &Bound<'_, PyAny>) -> PyResult<Vec<(String, Value)>> {
    if !is_mapping(mapping) {
        return Err(PyTypeError::new_err(format!("arguments must be a mapping, not {}", type_name(mapping))));
    }
    let mut open = vec![Level::pairs(mapping)?];
    loop {
        let [outer @ .., level] = open.as_mut_slice() else { return Ok(Vec::new()) };
        let place = || outer.iter().fold("arguments".to_owned(), |path, level| path + &level.step(mapping.py()));
        if let Some(value) = level.next(place)? {
            if let Some(deeper) = deeper(&value)? {
                if open.len() == MAX_DEPTH {
                    return Err(PyValueError::new_err(format!("arguments are nested deeper than {MAX_DEPTH}")));
                }
                open.push(deeper);
            } else if let Some(scalar) = scalar(&value)? {
                level.add(scalar);
            } else {
                let (place, name) = (place() + &level.step(mapping.py()), type_name(&value));
                return Err(PyTypeError::new_err(format!("{place} is of type {name}, which the format cannot carry")));
            }
        } else if let Some(done) = open.pop().map(Level::close) {
            match (open.last_mut(), done) {
                (Some(level), done) => level.add(done),
                (None, Value::Object(pairs)) => return Ok(pairs),
                (None, _) => return Ok(Vec::new()),
            }
        }
    }
}

fn deeper<'py>(value: &Bound<'py, PyAny>) -> PyResult<Option<Level<'py>>> {
    if value.is_instance_of::<PyList>() || value.is_instance_of::<PyTuple>() {
        Level::items(value).map(Some)
    } else if is_mapping(value) {
        Level::pairs(value).map(Some)
    } else {
        Ok(None)
    }
}

fn scalar(value: &Bound<'_, PyAny>) -> PyResult<Option<Value>> {
    let py = value.py();
    Ok(Some(if value.is_none() {
        Value::Null
    } else if let Ok(text_value) = value.cast::<PyString>() {
        Value::String(text(text_value)?.into_owned())
    } else if let Ok(bool_value) = value.cast::<PyBool>() {
        Value::Bool(bool_value.is_true())
    } else if value.is_instance_of::<PyInt>() {
        // The type's own `__repr__`: a subclass (an enum) prints its name. Beyond Python's digit limit, Decimal does.
        let digits = py.get_type::<PyInt>().call_method1(intern!(py, "__repr__"), (value,));
        let digits = digits.or_else(|_| decimal(py)?.call1((value,))?.str().map(Bound::into_any))?;
        Value::Number(digits.extract()?)
    } else if value.is_instance_of::<PyFloat>() {
        Value::Number(py.get_type::<PyFloat>().call_method1(intern!(py, "__repr__"), (value,))?.extract()?)
    } else if value.is_instance(decimal(py)?)? {
        Value::Number(value.str()?.extract()?)
    } else {
        return Ok(None);
    }))
}

fn decimal(py: Python<'_>) -> PyResult<&Bound<'_, PyType>> {
    static DECIMAL: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    DECIMAL.import(py, "decimal", "Decimal")
}

fn is_mapping(value: &Bound<'_, PyAny>) -> bool {
    value.is_instance_of::<PyDict>() || value.cast::<PyMapping>().is_ok()
}

/// The name of the value's type, for messages.
pub(crate) fn type_name(value: &Bound<'_, PyAny>) -> String {
    value.get_type().name().map_or_else(|_| "?".to_owned(), |name| name.to_string())
}
