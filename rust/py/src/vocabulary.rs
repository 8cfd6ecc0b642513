//! `Vocabulary` for Python.

use std::path::PathBuf;
use std::sync::Arc;

use gemma4_parser as core;
use gemma4_parser::ControlToken;
use pyo3::exceptions::{PyKeyError, PyOSError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList, PyString};

use crate::convert::{self, type_name};
use crate::errors;
use crate::ids::{Ids, id_of};

/// What each token id spells, and which ids are control tokens. Immutable; built once, shared by streams and threads.
///
/// pieces: the bytes of each token, as list[bytes] (the index is the id) or dict[int, bytes]. Control tokens are
/// found by their literal.
/// Rule `ids-form` of DESIGN.md. Raises ValueError that names the missing ones where the Gemma 4 control tokens are not
/// all there, and for ids below 0 or above 2**24; TypeError for other containers and pieces.
#[pyclass(frozen, module = "gemma4_parser", name = "Vocabulary")]
pub(crate) struct Vocabulary {
    pub(crate) core: Arc<core::Vocabulary>,
}

impl Vocabulary {
    fn from_json(py: Python<'_>, json: &str) -> Result<Self, core::Error> {
        let core = py.detach(|| core::Vocabulary::from_tokenizer_json(json))?;
        Ok(Self { core: Arc::new(core) })
    }
}

#[pymethods]
impl Vocabulary {
    #[new]
    fn new(pieces: &Bound<'_, PyAny>) -> PyResult<Self> {
        let mut read = Vec::new();
        if let Ok(list) = pieces.cast::<PyList>() {
            for (id, piece) in (0..).zip(list) {
                read.push((id, piece_of(id, piece)?));
            }
        } else if let Ok(dict) = pieces.cast::<PyDict>() {
            // A copy: reading an id may run code that changes the dict.
            for pair in dict.items() {
                let (id, piece): (Bound<'_, PyAny>, Bound<'_, PyAny>) = pair.extract()?;
                let id = id_of(&id)?;
                read.push((id, piece_of(id, piece)?));
            }
        } else {
            let name = type_name(pieces);
            return Err(PyTypeError::new_err(format!("pieces must be list[bytes] or dict[int, bytes], not {name}")));
        }
        let core = core::Vocabulary::from_pieces(read.iter().map(|(id, piece)| (*id, piece.as_bytes())));
        Ok(Self { core: Arc::new(core.map_err(errors::in_value)?) })
    }

    /// The vocabulary of a Hugging Face tokenizer: a `tokenizers.Tokenizer`, or a fast tokenizer of transformers.
    ///
    /// The tokenizer is read once and not kept.
    /// Raises TypeError for anything else, ValueError where the Gemma 4 control tokens are not all there.
    #[staticmethod]
    fn from_tokenizer(tokenizer: &Bound<'_, PyAny>) -> PyResult<Self> {
        let inner = |name| tokenizer.getattr_opt(name).ok().flatten();
        let candidates = [Some(tokenizer.clone()), inner("backend_tokenizer"), inner("_tokenizer")];
        for candidate in candidates.into_iter().flatten() {
            if let Ok(Some(to_str)) = candidate.getattr_opt("to_str") {
                let json = to_str.call0()?.cast_into::<PyString>()?;
                return Self::from_json(tokenizer.py(), &convert::text(&json)?).map_err(errors::in_value);
            }
        }
        Err(PyTypeError::new_err(format!(
            "a tokenizers.Tokenizer or a fast tokenizer of transformers is needed, not {}",
            type_name(tokenizer)
        )))
    }

    /// The vocabulary of a Hugging Face `tokenizer.json`.
    ///
    /// Raises OSError where the file cannot be read, ValueError where it is no tokenizer.json with the Gemma 4 control
    /// tokens.
    #[staticmethod]
    #[expect(clippy::needless_pass_by_value, reason = "what PyO3 makes of a str or PathLike")]
    fn from_file(py: Python<'_>, path: PathBuf) -> PyResult<Self> {
        let json = py.detach(|| std::fs::read(&path)).map_err(|error| match error.raw_os_error() {
            Some(number) => {
                let words = error.to_string();
                let words = words.split(" (os error").next().unwrap_or_default().to_owned();
                PyOSError::new_err((number, words, path.clone().into_os_string()))
            }
            None => PyOSError::new_err(format!("{}: {error}", path.display())),
        })?;
        let name = path.display();
        let json = String::from_utf8(json).map_err(|_| PyValueError::new_err(format!("{name}: not UTF-8 text")))?;
        Self::from_json(py, &json).map_err(|error| PyValueError::new_err(format!("{name}: {error}")))
    }

    /// The id of a control token by its literal, such as `<|tool_call>`.
    ///
    /// Raises KeyError where that is no control token of Gemma 4, or one that this vocabulary does not have.
    fn control_id(&self, literal: &Bound<'_, PyString>) -> PyResult<u32> {
        let text = convert::text(literal)?;
        let found = ControlToken::from_literal(&text).and_then(|token| self.core.control_id(token));
        found.ok_or_else(|| PyKeyError::new_err(literal.clone().unbind()))
    }

    /// The text that the parser would read from these ids, control tokens spelled out.
    ///
    /// ids: an int, a list, a tuple, or a one-dimensional contiguous buffer of 32- or 64-bit integers. Invalid UTF-8
    /// becomes U+FFFD as in bytes.decode("utf-8", "replace"); a control token ends a character.
    /// Raises ValueError for an id outside the vocabulary.
    fn decode(&self, ids: &Bound<'_, PyAny>) -> PyResult<String> {
        self.core.decode(Ids::read(ids)?.as_slice()).map_err(errors::in_value)
    }

    fn __len__(&self) -> usize {
        self.core.len()
    }

    fn __repr__(&self) -> String {
        format!("<Vocabulary of {} tokens>", self.core.len())
    }
}

fn piece_of(id: u32, piece: Bound<'_, PyAny>) -> PyResult<Bound<'_, PyBytes>> {
    piece.cast_into::<PyBytes>().map_err(|error| {
        let name = type_name(&error.into_inner());
        PyTypeError::new_err(format!("the piece of token id {id} must be bytes, not {name}"))
    })
}
