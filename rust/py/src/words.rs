//! The fixed words of the events as Python objects, made once.

use gemma4_parser::{Detail, End, Kind, Reason, Repair, Status};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyString, PyTuple};

/// Interned strings for kinds, statuses and ends; shared tuples for the details of one name and of none.
pub(crate) struct Words {
    kinds: Vec<Py<PyString>>,
    statuses: Vec<Py<PyString>>,
    ends: Vec<Py<PyString>>,
    reasons: Vec<Py<PyTuple>>,
    repairs: Vec<Py<PyTuple>>,
    nothing: Py<PyTuple>,
}

static WORDS: PyOnceLock<Words> = PyOnceLock::new();

impl Words {
    /// The words, made at the first call.
    pub(crate) fn get(py: Python<'_>) -> PyResult<&'static Self> {
        WORDS.get_or_try_init(py, || {
            let word = |text| PyString::intern(py, text).unbind();
            let single = |text| PyTuple::new(py, [word(text)]).map(Bound::unbind);
            Ok(Self {
                kinds: Kind::ALL.iter().map(|kind| word(kind.as_str())).collect(),
                statuses: Status::ALL.iter().map(|status| word(status.as_str())).collect(),
                ends: End::ALL.iter().map(|end| word(end.as_str())).collect(),
                reasons: Reason::ALL.iter().map(|reason| single(reason.as_str())).collect::<PyResult<_>>()?,
                repairs: Repair::ALL.iter().map(|repair| single(repair.as_str())).collect::<PyResult<_>>()?,
                nothing: PyTuple::empty(py).unbind(),
            })
        })
    }

    /// The kind's word.
    pub(crate) fn kind(&self, py: Python<'_>, kind: Kind) -> Py<PyString> {
        shared(py, &self.kinds, kind as usize).unwrap_or_else(|| PyString::new(py, kind.as_str()).unbind())
    }

    /// The event's text: one of the shared words where the kind has only a few.
    pub(crate) fn text(&self, py: Python<'_>, kind: Kind, text: &str) -> Py<PyString> {
        let word = match kind {
            Kind::CallEnd => shared_by_name(py, &self.statuses, Status::ALL, Status::as_str, text),
            Kind::End => shared_by_name(py, &self.ends, End::ALL, End::as_str, text),
            _ => None,
        };
        word.unwrap_or_else(|| PyString::new(py, text).unbind())
    }

    /// The detail's names as a tuple.
    pub(crate) fn detail<'py>(&self, py: Python<'py>, detail: &Detail) -> PyResult<Bound<'py, PyTuple>> {
        let tuple = match detail {
            Detail::None => Some(self.nothing.clone_ref(py)),
            Detail::Reason(reason) => shared(py, &self.reasons, *reason as usize),
            Detail::Repairs(repairs) => match repairs.as_slice() {
                [] => Some(self.nothing.clone_ref(py)),
                [repair] => shared(py, &self.repairs, *repair as usize),
                _ => None,
            },
        };
        match tuple {
            Some(tuple) => Ok(tuple.into_bound(py)),
            None => PyTuple::new(py, detail.names().map(|name| PyString::intern(py, name)).collect::<Vec<_>>()),
        }
    }
}

fn shared<T>(py: Python<'_>, words: &[Py<T>], number: usize) -> Option<Py<T>> {
    words.get(number).map(|word| word.clone_ref(py))
}

fn shared_by_name<T: Copy>(
    py: Python<'_>,
    words: &[Py<PyString>],
    all: &[T],
    name: fn(T) -> &'static str,
    text: &str,
) -> Option<Py<PyString>> {
    let number = all.iter().position(|value| name(*value) == text)?;
    shared(py, words, number)
}
