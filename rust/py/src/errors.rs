//! The core's errors as Python exceptions.

use gemma4_parser::{Error, ErrorKind, RenderError};
use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyType;

/// An error of a stream in use: wrong order of calls is a `RuntimeError`, anything else a `ValueError`.
#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
pub(crate) fn in_use(error: Error) -> PyErr {
    if error.kind() == ErrorKind::Usage {
        PyRuntimeError::new_err(error.message().to_owned())
    } else {
        PyValueError::new_err(error.to_string())
    }
}

/// An error of what the caller gave: a `ValueError`.
#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
pub(crate) fn in_value(error: Error) -> PyErr {
    PyValueError::new_err(error.to_string())
}

/// An error in an argument text: an `ArgumentError` with its offset in characters of `text`.
pub(crate) fn in_arguments(py: Python<'_>, error: &Error, text: &str) -> PyErr {
    static ARGUMENT_ERROR: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    let offset = text.char_indices().take_while(|(at, _)| *at < error.offset()).count();
    let made = ARGUMENT_ERROR
        .import(py, "gemma4_parser.errors", "ArgumentError")
        .and_then(|class| class.call1((error.message(), offset)));
    match made {
        Ok(made) => PyErr::from_value(made),
        Err(error) => error,
    }
}

/// What could not be rendered: a `RenderError`.
#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
pub(crate) fn in_prompt(py: Python<'_>, error: RenderError) -> PyErr {
    static RENDER_ERROR: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    let made = RENDER_ERROR
        .import(py, "gemma4_parser.errors", "RenderError")
        .and_then(|class| class.call1((error.place(), error.reason())));
    match made {
        Ok(made) => PyErr::from_value(made),
        Err(error) => error,
    }
}
