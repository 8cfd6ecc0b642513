//! `StreamParser` for Python.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gemma4_parser as core;
use gemma4_parser::{Finish, Start};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::sync::MutexExt;
use pyo3::types::{PyList, PyString};

use crate::convert;
use crate::errors;
use crate::event::Step;
use crate::ids::Ids;
use crate::tools;
use crate::vocabulary::Vocabulary;

/// Parses one stream of model output as it arrives, as token ids or as text with special tokens kept.
///
/// vocabulary: needed for ids, not for text.
/// tools: OpenAI's list of tools, as dicts or as objects with model_dump().
/// start: "content", or "reasoning" where the prompt ends inside a thought; see start_of.
/// parse_reasoning: False leaves the markers of thoughts in the text.
/// lenient: False accepts only the canonical grammar of calls.
/// coerce: read delimited values as what their schema asks for, where it allows no string.
/// spaced: arguments with the spaces of Python's json.dumps; else compact.
/// Rule `use` of DESIGN.md. Raises ValueError and TypeError for options that cannot be used. May be shared by threads: each call is one step.
#[pyclass(frozen, module = "gemma4_parser", name = "StreamParser")]
pub(crate) struct StreamParser {
    parser: Mutex<core::StreamParser>,
}

/// The options of a stream as Python gives them.
pub(crate) struct Options<'a, 'py> {
    pub(crate) tools: Option<&'a Bound<'py, PyAny>>,
    pub(crate) start: &'a str,
    pub(crate) parse_reasoning: bool,
    pub(crate) lenient: bool,
    pub(crate) coerce: bool,
    pub(crate) spaced: bool,
}

impl Options<'_, '_> {
    /// A fresh parser with these options.
    pub(crate) fn parser(&self, vocabulary: Option<&Vocabulary>) -> PyResult<core::StreamParser> {
        let options = core::Options {
            start: start_named(self.start)?,
            parse_reasoning: self.parse_reasoning,
            lenient: self.lenient,
            coerce: self.coerce,
            spaced: self.spaced,
            tools: tools::read(self.tools)?,
        };
        let vocabulary = vocabulary.map(|vocabulary| Arc::clone(&vocabulary.core));
        core::StreamParser::new(vocabulary, options).map_err(errors::in_value)
    }
}

impl StreamParser {
    fn lock(&self, py: Python<'_>) -> MutexGuard<'_, core::StreamParser> {
        self.parser.lock_py_attached(py).unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs one step under the lock and returns its events. No Python code runs while the lock is held.
    fn step<'py>(
        &self,
        py: Python<'py>,
        run: impl FnOnce(&mut core::StreamParser, &mut Step) -> Result<(), core::Error>,
    ) -> PyResult<Bound<'py, PyList>> {
        let mut step = Step::new();
        let done = run(&mut self.lock(py), &mut step);
        done.map_err(errors::in_use)?;
        step.into_list(py)
    }
}

#[pymethods]
impl StreamParser {
    #[new]
    #[pyo3(signature = (
        vocabulary = None, *, tools = None, start = "content", parse_reasoning = true, lenient = true, coerce = false,
        spaced = false
    ))]
    fn new(
        vocabulary: Option<&Bound<'_, Vocabulary>>,
        tools: Option<&Bound<'_, PyAny>>,
        start: &str,
        parse_reasoning: bool,
        lenient: bool,
        coerce: bool,
        spaced: bool,
    ) -> PyResult<Self> {
        let options = Options { tools, start, parse_reasoning, lenient, coerce, spaced };
        let parser = options.parser(vocabulary.map(Bound::get))?;
        Ok(Self { parser: Mutex::new(parser) })
    }

    /// Takes the next token ids and returns the events that they make certain; often none.
    ///
    /// Rule `ids-form` of DESIGN.md.
    /// ids: an int, a list, a tuple, or a one-dimensional contiguous buffer of 32- or 64-bit integers (a numpy array).
    /// Raises ValueError for an id outside the vocabulary, before anything changes, and where the stream has no
    /// vocabulary; TypeError for what holds no ids; RuntimeError after finish and where the stream was fed text.
    fn push<'py>(&self, py: Python<'py>, ids: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyList>> {
        let ids = Ids::read(ids)?;
        self.step(py, |parser, step| parser.push(ids.as_slice(), step))
    }

    /// Takes the next piece of text, special tokens kept, and returns the events that it makes certain.
    ///
    /// Rule `text-form` of DESIGN.md. A lone surrogate is read as U+FFFD. Other threads wait meanwhile.
    /// Raises TypeError for what is no str, RuntimeError after finish and where the stream was fed ids.
    fn push_text<'py>(&self, py: Python<'py>, text: &Bound<'py, PyString>) -> PyResult<Bound<'py, PyList>> {
        let text = convert::text(text)?;
        self.step(py, |parser, step| parser.push_text(&text, step))
    }

    /// Ends the stream and returns the last events; the last one is of kind "end".
    ///
    /// Rules `cut-off`, `partial-literal` and `marker-in-string` of DESIGN.md.
    /// reason: "stop" where the model stopped by itself, "length" where a limit cut it off, "abort" where the caller did.
    /// Raises ValueError for another reason, RuntimeError where the stream is finished already.
    #[pyo3(signature = (reason = "stop"))]
    fn finish<'py>(&self, py: Python<'py>, reason: &str) -> PyResult<Bound<'py, PyList>> {
        let reason = finish_named(reason)?;
        self.step(py, |parser, step| parser.finish(reason, step))
    }

    /// Whether an end marker was seen: the caller may stop generating.
    #[getter]
    fn ended(&self, py: Python<'_>) -> bool {
        self.lock(py).ended()
    }

    /// Makes the stream as new, with the same vocabulary and options.
    ///
    /// start: "content" or "reasoning" from now on; None leaves it as it was.
    /// Raises ValueError for another start.
    #[pyo3(signature = (start = None))]
    fn reset(&self, py: Python<'_>, start: Option<&str>) -> PyResult<()> {
        let start = start.map(start_named).transpose()?;
        let mut parser = self.lock(py);
        if let Some(start) = start {
            return parser.reset_to(start).map_err(errors::in_value);
        }
        parser.reset();
        Ok(())
    }

    /// Where the output of this prompt starts: "content", or "reasoning" where the prompt ends inside a thought.
    ///
    /// Rule `start` of DESIGN.md.
    /// prompt: its text, or its token ids (which need the vocabulary; those that it does not know are passed over).
    /// Raises ValueError for ids without a vocabulary, TypeError for what is neither.
    #[staticmethod]
    #[pyo3(signature = (prompt, vocabulary = None))]
    fn start_of(prompt: &Bound<'_, PyAny>, vocabulary: Option<&Bound<'_, Vocabulary>>) -> PyResult<&'static str> {
        if let Ok(text) = prompt.cast::<PyString>() {
            return Ok(core::StreamParser::start_of_text(&convert::text(text)?).as_str());
        }
        let ids = Ids::read(prompt)?;
        let vocabulary = vocabulary.ok_or_else(|| PyValueError::new_err("token ids need a vocabulary"))?;
        Ok(core::StreamParser::start_of_ids(ids.as_slice(), &vocabulary.get().core).as_str())
    }
}

/// The reason of a finish by its name.
pub(crate) fn finish_named(name: &str) -> PyResult<Finish> {
    named(Finish::ALL, Finish::as_str, name, "finish reason")
}

fn start_named(name: &str) -> PyResult<Start> {
    named(Start::ALL, Start::as_str, name, "start")
}

/// The value of that name.
pub(crate) fn named<T: Copy>(all: &[T], name_of: fn(T) -> &'static str, name: &str, what: &str) -> PyResult<T> {
    all.iter().copied().find(|value| name_of(*value) == name).ok_or_else(|| {
        let allowed: Vec<_> = all.iter().map(|value| format!("'{}'", name_of(*value))).collect();
        PyValueError::new_err(format!("{what} must be one of {}, not '{name}'", allowed.join(", ")))
    })
}
