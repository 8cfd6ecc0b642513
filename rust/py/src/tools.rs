//! Lists of tools: OpenAI's shape, as Python data.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use gemma4_parser::Tools;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBool, PyDict, PyFloat, PyInt, PyList, PyString, PyTuple};

use crate::errors;

/// The lists read last with what tells them apart, the newest in front: many streams share a few lists. Never held
/// while Python code runs.
static RECENT: Mutex<VecDeque<(Vec<u8>, Arc<Tools>)>> = Mutex::new(VecDeque::new());
const KEPT: usize = 64;
/// Longer lists are read anew each time, so that no more than a few MiB are ever kept (bytes of what tells them apart).
const LONGEST: usize = 64 * 1024;

/// The tools of a list of dicts, or of objects with `model_dump()` or `dict()`; None for None.
///
/// Raises `TypeError` where it is no list or holds what JSON cannot, `ValueError` where it is no list of tools.
pub(crate) fn read(tools: Option<&Bound<'_, PyAny>>) -> PyResult<Option<Arc<Tools>>> {
    static TOOLS_JSON: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let Some(tools) = tools else { return Ok(None) };
    let key = key(tools);
    if let Some(found) = key.as_ref().and_then(|key| recent(key)) {
        return Ok(Some(found));
    }
    let json: String =
        TOOLS_JSON.import(tools.py(), "gemma4_parser._json", "tools_json")?.call1((tools,))?.extract()?;
    let key = key.unwrap_or_else(|| json.clone().into_bytes());
    if let Some(found) = recent(&key) {
        return Ok(Some(found));
    }
    let read = Arc::new(Tools::from_json(&json).map_err(errors::in_value)?);
    if key.len() <= LONGEST {
        let mut list = RECENT.lock().unwrap_or_else(PoisonError::into_inner);
        list.push_front((key, Arc::clone(&read)));
        list.truncate(KEPT);
    }
    Ok(Some(read))
}

fn recent(key: &[u8]) -> Option<Arc<Tools>> {
    let mut list = RECENT.lock().unwrap_or_else(PoisonError::into_inner);
    let at = list.iter().position(|(known, _)| known == key)?;
    let found = list.remove(at)?;
    let tools = Arc::clone(&found.1);
    list.push_front(found);
    Some(tools)
}

/// What tells a list from all others and from every JSON text: its values one after the other, the last ones first,
/// and each string with its length. None where it is not of plain dicts, lists and scalars, or too long to be kept.
fn key(tools: &Bound<'_, PyAny>) -> Option<Vec<u8>> {
    let mut key = Vec::with_capacity(1024);
    // Still to be written; None closes a list or dict.
    let mut open = vec![Some(tools.clone())];
    while let Some(value) = open.pop() {
        // A list may contain itself.
        if key.len() + open.len() > LONGEST {
            return None;
        }
        let Some(value) = value else {
            key.push(b')');
            continue;
        };
        if let Ok(text) = value.cast_exact::<PyString>() {
            let text = text.to_str().ok()?;
            key.push(b's');
            key.extend_from_slice(&text.len().to_le_bytes());
            key.extend_from_slice(text.as_bytes());
        } else if let Ok(dict) = value.cast_exact::<PyDict>() {
            key.push(b'{');
            open.push(None);
            for (name, value) in dict {
                name.cast_exact::<PyString>().ok()?;
                open.extend([Some(name), Some(value)]);
            }
        } else if let Ok(list) = value.cast_exact::<PyList>() {
            key.push(b'[');
            open.push(None);
            open.extend(list.iter().map(Some));
        } else if let Ok(list) = value.cast_exact::<PyTuple>() {
            key.push(b'[');
            open.push(None);
            open.extend(list.iter().map(Some));
        } else if value.is_none() {
            key.push(b'n');
        } else if let Ok(truth) = value.cast_exact::<PyBool>() {
            key.push(if truth.is_true() { b't' } else { b'f' });
        } else if let Ok(number) = value.cast_exact::<PyInt>() {
            key.push(b'i');
            key.extend_from_slice(&number.extract::<i64>().ok()?.to_le_bytes());
        } else {
            key.push(b'd');
            key.extend_from_slice(&value.cast_exact::<PyFloat>().ok()?.value().to_le_bytes());
        }
    }
    Some(key)
}
