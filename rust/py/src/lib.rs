//! The extension module `gemma4_parser._rust`: the core's types for Python, nothing more.
//!
//! Data classes and exceptions live once, in Python (`gemma4_parser.message`, `gemma4_parser.errors`), and are only
//! passed on from here. No lock is held while Python code may run, and nothing here needs `unsafe`.

#![allow(clippy::doc_markdown, reason = "the comments on what Python sees are docstrings: plain text")]

mod arguments;
mod convert;
mod errors;
mod event;
mod ids;
mod model;
mod output;
mod prompt;
mod stream;
mod tools;
mod vocabulary;
mod words;

use pyo3::prelude::*;

/// The names of the package as the Rust core implements them.
#[pymodule(name = "_rust")]
mod rust_module {
    use super::{Bound, PyAnyMethods, PyModule, PyModuleMethods, PyResult, wrap_pyfunction};

    #[pymodule_export]
    use super::arguments::{arguments_to_json, format_arguments, parse_arguments};
    #[pymodule_export]
    use super::event::Event;
    #[pymodule_export]
    use super::model::{is_gemma4, model_kind};
    #[pymodule_export]
    use super::output::parse;
    #[pymodule_export]
    use super::prompt::render;
    #[pymodule_export]
    use super::stream::StreamParser;
    #[pymodule_export]
    use super::vocabulary::Vocabulary;

    /// Passes on what is written in Python, so that both implementations share the same objects.
    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        let py = module.py();
        module.setattr("__version__", env!("CARGO_PKG_VERSION"))?;
        module.setattr("__implementation__", "rust")?;
        // Not one of the names that `add` would export.
        module.setattr("_one_event", wrap_pyfunction!(super::event::one_event, module)?)?;
        for (home, names) in [
            ("gemma4_parser.errors", &["ArgumentError", "RenderError"][..]),
            ("gemma4_parser.message", &["Message", "ToolCall", "Unparsed"][..]),
            ("gemma4_parser.prompt", &["Prompt"][..]),
        ] {
            let home = py.import(home)?;
            for name in names {
                module.add(*name, home.getattr(*name)?)?;
            }
        }
        Ok(())
    }
}
