//! Lists of tools: OpenAI's shape, as Python data.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use gemma4_parser::Tools;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

use crate::errors;

/// The lists read last, the newest in front: many streams share a few lists. Never held while Python code runs.
static RECENT: Mutex<VecDeque<(String, Arc<Tools>)>> = Mutex::new(VecDeque::new());
const KEPT: usize = 64;
/// Longer lists are read anew each time, so that no more than a few MiB are ever kept (bytes of JSON text).
const LONGEST: usize = 64 * 1024;

/// The tools of a list of dicts, or of objects with `model_dump()` or `dict()`; None for None.
///
/// Raises `TypeError` where it is no list or holds what JSON cannot, `ValueError` where it is no list of tools.
pub(crate) fn read(tools: Option<&Bound<'_, PyAny>>) -> PyResult<Option<Arc<Tools>>> {
    static TOOLS_JSON: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let Some(tools) = tools else { return Ok(None) };
    let json: String =
        TOOLS_JSON.import(tools.py(), "gemma4_parser._json", "tools_json")?.call1((tools,))?.extract()?;
    if let Some(found) = recent(&json) {
        return Ok(Some(found));
    }
    let read = Arc::new(Tools::from_json(&json).map_err(errors::in_value)?);
    if json.len() <= LONGEST {
        let mut list = RECENT.lock().unwrap_or_else(PoisonError::into_inner);
        list.push_front((json, Arc::clone(&read)));
        list.truncate(KEPT);
    }
    Ok(Some(read))
}

fn recent(json: &str) -> Option<Arc<Tools>> {
    let mut list = RECENT.lock().unwrap_or_else(PoisonError::into_inner);
    let at = list.iter().position(|(text, _)| text == json)?;
    let found = list.remove(at)?;
    let tools = Arc::clone(&found.1);
    list.push_front(found);
    Some(tools)
}
