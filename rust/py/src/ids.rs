//! Token ids from Python: an int, a list, a tuple, or a one-dimensional contiguous buffer of 32- or 64-bit integers.

use pyo3::buffer::{Element, ElementType, PyUntypedBuffer};
use pyo3::exceptions::{PyOverflowError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyByteArray, PyBytes, PyInt, PyList, PyMemoryView, PyString, PyTuple};

use crate::convert::type_name;

const ACCEPTED: &str = "token ids must be an int, a list, a tuple or a one-dimensional contiguous buffer of 32- or \
                        64-bit integers";

/// A step has one id, or as many as a speculative decoder guesses; these need no allocation.
const INLINE: usize = 16;

/// A run of token ids.
pub(crate) struct Ids {
    inline: [u32; INLINE],
    used: usize,
    heap: Vec<u32>,
}

impl Ids {
    /// Reads the ids; exact ints come first because a step is one most of the time, buffers before anything that
    /// would walk them item by item.
    ///
    /// Raises `TypeError` for what holds no ids, `ValueError` for an id below 0 or above 32 bits and for a buffer of
    /// another shape.
    pub(crate) fn read(ids: &Bound<'_, PyAny>) -> PyResult<Self> {
        let mut read = Self { inline: [0; INLINE], used: 0, heap: Vec::new() };
        if ids.is_exact_instance_of::<PyInt>() {
            read.push(id_of(ids)?);
        } else if let Ok(list) = ids.cast::<PyList>() {
            // The items of a tuple can be borrowed; but what is no int may run code, which may change the list.
            let mut done = if list.len() > INLINE { read.ints(&list.to_tuple())? } else { 0 };
            while done < list.len() {
                read.push(id_of(&list.get_item(done)?)?);
                done += 1;
            }
        } else if let Ok(tuple) = ids.cast::<PyTuple>() {
            let done = read.ints(tuple)?;
            for item in tuple.iter_borrowed().skip(done) {
                read.push(id_of(&item)?);
            }
        } else if is_text(ids) {
            return Err(unfit(ids, None));
        } else if let Some(buffer) = buffer_of(ids) {
            read.buffer(ids, &buffer)?;
        } else {
            // What is left is one id at best: a bool, a scalar of an array library.
            read.push(id_of(ids).map_err(|error| {
                if error.is_instance_of::<PyTypeError>(ids.py()) { unfit(ids, Some(error)) } else { error }
            })?);
        }
        Ok(read)
    }

    /// The ids.
    pub(crate) fn as_slice(&self) -> &[u32] {
        if self.heap.is_empty() { self.inline.get(..self.used).unwrap_or_default() } else { &self.heap }
    }

    /// Reads the ints that the tuple begins with; how many there are.
    fn ints(&mut self, tuple: &Bound<'_, PyTuple>) -> PyResult<usize> {
        if tuple.len() > INLINE {
            self.heap.reserve_exact(tuple.len());
        }
        for (at, item) in tuple.iter_borrowed().enumerate() {
            if !item.is_exact_instance_of::<PyInt>() {
                return Ok(at);
            }
            self.push(id_of(&item)?);
        }
        Ok(tuple.len())
    }

    #[inline]
    fn push(&mut self, id: u32) {
        if self.heap.capacity() > 0 {
            self.heap.push(id);
        } else if let Some(slot) = self.inline.get_mut(self.used) {
            *slot = id;
            self.used += 1;
        } else {
            self.heap.extend_from_slice(&self.inline);
            self.heap.push(id);
        }
    }

    fn buffer(&mut self, ids: &Bound<'_, PyAny>, buffer: &PyUntypedBuffer) -> PyResult<()> {
        use ElementType::{SignedInteger, UnsignedInteger};

        let element = ElementType::from_format(buffer.format());
        if !matches!(element, SignedInteger { bytes: 4 | 8 } | UnsignedInteger { bytes: 4 | 8 }) {
            let format = buffer.format().to_string_lossy();
            return Err(PyTypeError::new_err(format!("{ACCEPTED}, not a buffer of format '{format}'")));
        }
        if buffer.dimensions() != 1 {
            let dimensions = buffer.dimensions();
            return Err(PyValueError::new_err(format!("{ACCEPTED}; this buffer has {dimensions} dimensions")));
        }
        if !buffer.is_c_contiguous() {
            return Err(PyValueError::new_err(format!("{ACCEPTED}; this buffer is strided")));
        }
        match element {
            UnsignedInteger { bytes: 4 } => {
                self.elements::<u32, 4>(ids, buffer, u32::from_le_bytes, u32::from_be_bytes)
            }
            SignedInteger { bytes: 4 } => self.elements::<i32, 4>(ids, buffer, i32::from_le_bytes, i32::from_be_bytes),
            UnsignedInteger { .. } => self.elements::<u64, 8>(ids, buffer, u64::from_le_bytes, u64::from_be_bytes),
            _ => self.elements::<i64, 8>(ids, buffer, i64::from_le_bytes, i64::from_be_bytes),
        }
    }

    /// Native and aligned elements are copied as they are; others (a fixed byte order, an odd address) byte by byte.
    fn elements<T, const N: usize>(
        &mut self,
        ids: &Bound<'_, PyAny>,
        buffer: &PyUntypedBuffer,
        little: fn([u8; N]) -> T,
        big: fn([u8; N]) -> T,
    ) -> PyResult<()>
    where
        T: Element + Default + TryInto<u32> + std::fmt::Display,
    {
        let order = buffer.format().to_bytes().first();
        if !matches!(order, Some(b'<' | b'>' | b'!' | b'=')) {
            if let Ok(typed) = buffer.as_typed::<T>() {
                let mut inline = [T::default(); INLINE];
                if let Some(part) = inline.get_mut(..typed.item_count()) {
                    typed.copy_to_slice(ids.py(), part)?;
                    for value in part {
                        self.push(checked(*value)?);
                    }
                    return Ok(());
                }
                self.heap = typed.to_vec(ids.py())?.into_iter().map(checked).collect::<PyResult<_>>()?;
                return Ok(());
            }
        }
        let swapped = matches!(order, Some(b'>' | b'!'));
        let read = if swapped || cfg!(target_endian = "big") && order != Some(&b'<') { big } else { little };
        let bytes = PyMemoryView::from(ids)?.call_method0("tobytes")?.cast_into::<PyBytes>()?;
        let elements = bytes.as_bytes().chunks_exact(N).filter_map(|element| element.try_into().ok());
        self.heap = elements.map(|element| checked(read(element))).collect::<PyResult<_>>()?;
        Ok(())
    }
}

fn checked<T: TryInto<u32> + std::fmt::Display + Copy>(value: T) -> PyResult<u32> {
    value.try_into().map_err(|_| out_of_range(&value.to_string()))
}

/// One id: an int, or what Python itself would take as an index.
pub(crate) fn id_of(item: &Bound<'_, PyAny>) -> PyResult<u32> {
    item.extract::<u32>().map_err(|error| explain(item, error))
}

#[cold]
fn explain(item: &Bound<'_, PyAny>, error: PyErr) -> PyErr {
    let py = item.py();
    if error.is_instance_of::<PyOverflowError>(py) {
        let number = item.call_method0("__index__").and_then(|number| number.str());
        return out_of_range(&number.map_or_else(|_| "of thousands of digits".to_owned(), |text| text.to_string()));
    }
    if error.is_instance_of::<PyTypeError>(py) && !item.hasattr("__index__").unwrap_or(false) {
        let name = type_name(item);
        return PyTypeError::new_err(format!("a token id must be an int, not '{name}'"));
    }
    error
}

fn out_of_range(number: &str) -> PyErr {
    let what = if number.starts_with('-') { "is negative" } else { "does not fit into 32 bits" };
    PyValueError::new_err(format!("token id {number} {what}"))
}

/// The buffer, if there is one of at least one dimension. Some (those of ctypes) say nothing of their strides; Python's
/// own view of them does.
fn buffer_of(ids: &Bound<'_, PyAny>) -> Option<PyUntypedBuffer> {
    let buffer = PyUntypedBuffer::get(ids).or_else(|_| PyUntypedBuffer::get(PyMemoryView::from(ids)?.as_any()));
    buffer.ok().filter(|buffer| buffer.dimensions() > 0)
}

fn is_text(ids: &Bound<'_, PyAny>) -> bool {
    ids.is_instance_of::<PyString>() || ids.is_instance_of::<PyBytes>() || ids.is_instance_of::<PyByteArray>()
}

fn unfit(ids: &Bound<'_, PyAny>, cause: Option<PyErr>) -> PyErr {
    let name = type_name(ids);
    let error = PyTypeError::new_err(format!("{ACCEPTED}, not '{name}'"));
    error.set_cause(ids.py(), cause);
    error
}
