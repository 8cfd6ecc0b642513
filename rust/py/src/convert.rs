//! Python text and Python values as the core wants them.

use std::borrow::Cow;

use gemma4_parser::json::Value;
use pyo3::PyTypeInfo;
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBool, PyBytes, PyDict, PyFloat, PyInt, PyList, PyMapping, PyString, PyTuple, PyType};

/// Values may be nested as deep as the parser accepts arguments; the outermost list or mapping is depth 1.
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

/// A Python value laid out flat: what is in a list or mapping follows it, up to its `Close`. Values borrow from it.
pub(crate) struct Tape<'py> {
    entries: Vec<Entry<'py>>,
}

enum Entry<'py> {
    /// A text, or the key of the value that follows.
    Text(Bound<'py, PyString>),
    Null,
    Bool(bool),
    /// With its spelling.
    Number(Bound<'py, PyString>),
    /// With the number of items.
    List(usize),
    /// With the number of pairs.
    Mapping(usize),
    Close,
}

/// What is still to be read.
enum Work<'py> {
    Value(Bound<'py, PyAny>),
    Pair(Bound<'py, PyAny>, Bound<'py, PyAny>),
    Close,
}

impl<'py> Tape<'py> {
    /// Reads a list, tuple or mapping of None, bool, int, float, Decimal, str and further ones; where `models`, also
    /// of objects with `model_dump()`.
    ///
    /// Raises `TypeError` for any other type, naming its place with `name` for the whole; `ValueError` where it is
    /// nested deeper than 256.
    pub(crate) fn read(root: &Bound<'py, PyAny>, name: &str, models: bool) -> PyResult<Self> {
        let mut tape = Self { entries: Vec::new() };
        let mut work = Vec::from([Work::Value(root.clone())]);
        let mut depth = 0;
        while let Some(next) = work.pop() {
            let value = match next {
                Work::Value(value) => value,
                Work::Pair(key, value) => {
                    let key = match key.cast_into::<PyString>() {
                        Ok(key) => key,
                        Err(error) => {
                            let (place, kind) = (tape.place(name)?, type_name(&error.into_inner()));
                            return Err(PyTypeError::new_err(format!("{place} has a key of type {kind}")));
                        }
                    };
                    tape.entries.push(Entry::Text(key));
                    value
                }
                Work::Close => {
                    tape.entries.push(Entry::Close);
                    depth -= 1;
                    continue;
                }
            };
            let Err(value) = tape.take_scalar(value)? else { continue };
            let value = if models { model_dump(value)? } else { value };
            let start = work.len();
            work.push(Work::Close);
            if !tape.open(&value, &mut work)? {
                let (place, kind) = (tape.place(name)?, type_name(&value));
                return Err(PyTypeError::new_err(format!("{place} is of type {kind}, which the format cannot carry")));
            }
            if depth == MAX_DEPTH {
                return Err(PyValueError::new_err(format!("{name} are nested deeper than {MAX_DEPTH}")));
            }
            depth += 1;
            // The first of them is to be taken first, the end last.
            if let Some(inner) = work.get_mut(start + 1..) {
                inner.reverse();
            }
        }
        Ok(tape)
    }

    /// Takes a text, a number, a bool or None; gives back what is none of these.
    fn take_scalar(&mut self, value: Bound<'py, PyAny>) -> PyResult<Result<(), Bound<'py, PyAny>>> {
        let py = value.py();
        let value = match value.cast_into::<PyString>() {
            Ok(text) => {
                self.entries.push(Entry::Text(text));
                return Ok(Ok(()));
            }
            Err(error) => error.into_inner(),
        };
        if value.is_exact_instance_of::<PyDict>() || value.is_exact_instance_of::<PyList>() {
            return Ok(Err(value));
        }
        self.entries.push(if value.is_none() {
            Entry::Null
        } else if let Ok(value) = value.cast::<PyBool>() {
            Entry::Bool(value.is_true())
        } else if value.is_instance_of::<PyInt>() {
            Entry::Number(digits(&value)?)
        } else if value.is_instance_of::<PyFloat>() {
            Entry::Number(own_repr::<PyFloat>(&value)?)
        } else if value.is_instance(decimal(py)?)? {
            Entry::Number(value.str()?)
        } else {
            return Ok(Err(value));
        });
        Ok(Ok(()))
    }

    /// Begins a list or mapping: what is in it is to be read. False for anything else.
    fn open(&mut self, value: &Bound<'py, PyAny>, work: &mut Vec<Work<'py>>) -> PyResult<bool> {
        let start = work.len();
        let mut entry: fn(usize) -> Entry<'py> = Entry::List;
        if let Ok(dict) = value.cast_exact::<PyDict>() {
            // No Python code runs here, which could change the dict.
            work.extend(dict.iter().map(|(key, value)| Work::Pair(key, value)));
            entry = Entry::Mapping;
        } else if let Ok(list) = value.cast_exact::<PyList>() {
            work.extend(list.iter().map(Work::Value));
        } else if value.is_instance_of::<PyList>() || value.is_instance_of::<PyTuple>() {
            for item in value.try_iter()? {
                work.push(Work::Value(item?));
            }
        } else if is_mapping(value) {
            for pair in value.call_method0(intern!(value.py(), "items"))?.try_iter()? {
                let (key, value) = pair?.extract()?;
                work.push(Work::Pair(key, value));
            }
            entry = Entry::Mapping;
        } else {
            return Ok(false);
        }
        self.entries.push(entry(work.len() - start));
        Ok(true)
    }

    /// Where the value that comes next stands, or the mapping whose key comes next.
    fn place(&self, name: &str) -> PyResult<String> {
        // What is open: its key or the number of its items.
        let mut open: Vec<(bool, usize, Option<&Bound<'_, PyString>>)> = Vec::new();
        for entry in &self.entries {
            match (entry, open.last_mut()) {
                (Entry::Text(text), Some((true, _, key @ None))) => {
                    *key = Some(text);
                    continue;
                }
                (Entry::List(_) | Entry::Mapping(_), _) => {
                    open.push((matches!(entry, Entry::Mapping(_)), 0, None));
                    continue;
                }
                (Entry::Close, _) => {
                    open.pop();
                }
                _ => {}
            }
            if let Some((_, done, key)) = open.last_mut() {
                *done += 1;
                *key = None;
            }
        }
        let mut place = name.to_owned();
        for (is_mapping, done, key) in open {
            match key {
                // The `repr` of the key.
                Some(key) => place.extend(["[", &PyString::new(key.py(), &text(key)?).repr()?.to_cow()?, "]"]),
                None if is_mapping => {}
                None => place.extend(["[", &done.to_string(), "]"]),
            }
        }
        Ok(place)
    }

    /// The value.
    pub(crate) fn value(&self) -> PyResult<Value<'_>> {
        let mut open: Vec<(Value<'_>, Option<Cow<'_, str>>)> = Vec::new();
        for entry in &self.entries {
            let value = match entry {
                Entry::Text(spelled) => {
                    let spelled = text(spelled)?;
                    if let Some((Value::Object(_), key @ None)) = open.last_mut() {
                        *key = Some(spelled);
                        continue;
                    }
                    Value::String(spelled)
                }
                Entry::Null => Value::Null,
                Entry::Bool(value) => Value::Bool(*value),
                Entry::Number(spelling) => Value::Number(text(spelling)?),
                Entry::List(length) => {
                    open.push((Value::Array(Vec::with_capacity(*length)), None));
                    continue;
                }
                Entry::Mapping(length) => {
                    open.push((Value::Object(Vec::with_capacity(*length)), None));
                    continue;
                }
                Entry::Close => open.pop().map_or(Value::Null, |(value, _)| value),
            };
            match open.last_mut() {
                Some((Value::Array(items), _)) => items.push(value),
                Some((Value::Object(pairs), key)) => pairs.push((key.take().unwrap_or_default(), value)),
                _ => return Ok(value),
            }
        }
        Ok(Value::Null)
    }
}

/// The digits of an int; beyond Python's digit limit, Decimal prints them.
fn digits<'py>(value: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyString>> {
    own_repr::<PyInt>(value).or_else(|_| decimal(value.py())?.call1((value,))?.str())
}

/// What the `__repr__` of the type `T` itself says: that of a subclass (an enum) may print a name.
fn own_repr<'py, T: PyTypeInfo>(value: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyString>> {
    if value.is_exact_instance_of::<T>() {
        return value.repr();
    }
    let py = value.py();
    Ok(py.get_type::<T>().call_method1(intern!(py, "__repr__"), (value,))?.cast_into()?)
}

/// What `model_dump()` of an object returns, as pydantic's have one; any other value as it is.
fn model_dump(value: Bound<'_, PyAny>) -> PyResult<Bound<'_, PyAny>> {
    if value.is_exact_instance_of::<PyDict>()
        || value.is_instance_of::<PyList>()
        || value.is_instance_of::<PyTuple>()
        || is_mapping(&value)
        || value.is_instance_of::<PyType>()
    {
        return Ok(value);
    }
    match value.getattr_opt(intern!(value.py(), "model_dump"))? {
        Some(method) if method.is_callable() => method.call0(),
        _ => Ok(value),
    }
}

fn decimal(py: Python<'_>) -> PyResult<&Bound<'_, PyType>> {
    static DECIMAL: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    DECIMAL.import(py, "decimal", "Decimal")
}

/// Whether the value is a dict or another mapping.
pub(crate) fn is_mapping(value: &Bound<'_, PyAny>) -> bool {
    value.is_instance_of::<PyDict>() || value.cast::<PyMapping>().is_ok()
}

/// The name of the value's type, for messages.
pub(crate) fn type_name(value: &Bound<'_, PyAny>) -> String {
    value.get_type().name().map_or_else(|_| "?".to_owned(), |name| name.to_string())
}
