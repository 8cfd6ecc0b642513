//! `render`: OpenAI messages and tools as a prompt.

use gemma4_parser as core;
use gemma4_parser::json::Value;
use gemma4_parser::{MessageField, Model, PromptOptions, Style};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyList, PyString, PyTuple, PyType};

use crate::convert::{self, Tape, type_name};
use crate::errors;
use crate::stream::named;

/// The prompt for a list of OpenAI messages.
///
/// messages, tools: as dicts or as objects with model_dump().
/// model: "small" (E2B, E4B), "large" (12B, 26B-A4B, 31B) or "diffusion" (DiffusionGemma).
/// style: "fixed" repairs the defects of Google's template; "official" prints what that prints.
/// add_generation_prompt: end where the output of the model starts.
/// enable_thinking: ask the model to think.
/// preserve_thinking: print the thoughts of earlier turns too, of messages with calls.
/// continue_final_message: True or "content" to end behind the content of the last message, "reasoning" or
/// "reasoning_content" to end behind its reasoning; not with add_generation_prompt.
/// bos: what stands first; empty for nothing.
/// The rules are those of DESIGN.md, part 8. Raises RenderError, a ValueError, where a message or a tool cannot be
/// rendered; ValueError for an option that cannot be used and for what is nested deeper than 256; TypeError for
/// other types.
#[pyfunction]
#[pyo3(signature = (
    messages, tools = None, *, model = "large", style = "fixed", add_generation_prompt = true, enable_thinking = false,
    preserve_thinking = false, continue_final_message = Field(None), bos = Bos::default()
), text_signature = "(messages, tools=None, *, model='large', style='fixed', add_generation_prompt=True, \
enable_thinking=False, preserve_thinking=False, continue_final_message=False, bos='<bos>')")]
#[expect(
    clippy::too_many_arguments,
    clippy::needless_pass_by_value,
    reason = "options by keyword, as Python gives them"
)]
pub(crate) fn render<'py>(
    messages: &Bound<'py, PyAny>,
    tools: Option<&Bound<'py, PyAny>>,
    model: &str,
    style: &str,
    add_generation_prompt: bool,
    enable_thinking: bool,
    preserve_thinking: bool,
    continue_final_message: Field,
    bos: Bos,
) -> PyResult<Bound<'py, PyAny>> {
    let py = messages.py();
    let Field(continue_final_message) = continue_final_message;
    let options = PromptOptions {
        model: named(Model::ALL, Model::as_str, model, "model")?,
        style: named(Style::ALL, Style::as_str, style, "style")?,
        add_generation_prompt,
        enable_thinking,
        preserve_thinking,
        continue_final_message,
        bos: &bos.0,
    };
    if continue_final_message.is_some() && add_generation_prompt {
        let text = "continue_final_message and add_generation_prompt exclude each other";
        return Err(PyValueError::new_err(text));
    }
    let tools = tools.map_or(Ok(None), |tools| Ok::<_, PyErr>(tools.is_truthy()?.then_some(tools)))?;
    check(messages, "messages", "a list of dicts")?;
    tools.map_or(Ok(()), |tools| check(tools, "tools", "a list of dicts or None"))?;
    let messages = Tape::read(messages, "messages", true)?;
    let tools = tools.map(|tools| Tape::read(tools, "tools", true)).transpose()?;
    let messages = messages.value()?;
    let tools = tools.as_ref().map_or(Ok(Value::Null), Tape::value)?;
    let (messages, tools) = (messages.as_array().unwrap_or_default(), tools.as_array().unwrap_or_default());
    let prompt = core::render(messages, tools, &options).map_err(|error| errors::in_prompt(py, error))?;
    to_python(py, &prompt)
}

fn check(value: &Bound<'_, PyAny>, name: &str, wanted: &str) -> PyResult<()> {
    if value.is_instance_of::<PyList>() || value.is_instance_of::<PyTuple>() {
        return Ok(());
    }
    Err(PyTypeError::new_err(format!("{name} must be {wanted}, not {}", type_name(value))))
}

/// The field that is to be continued; none for False.
pub(crate) struct Field(Option<MessageField>);

impl FromPyObject<'_, '_> for Field {
    type Error = PyErr;

    fn extract(value: Borrowed<'_, '_, PyAny>) -> PyResult<Self> {
        let Ok(name) = value.cast::<PyString>() else {
            return Ok(Self(value.extract::<bool>()?.then_some(MessageField::Content)));
        };
        let name = name.to_str()?;
        let found = MessageField::ALL.iter().find(|field| field.as_str() == name).copied();
        found.map(|field| Self(Some(field))).ok_or_else(|| {
            let names: Vec<_> = MessageField::ALL.iter().map(|field| format!("'{field}'")).collect();
            let names = names.join(", ");
            PyValueError::new_err(format!("continue_final_message must be True, False, {names}, not '{name}'"))
        })
    }
}

/// What stands first.
pub(crate) struct Bos(String);

impl Default for Bos {
    fn default() -> Self {
        Self(PromptOptions::default().bos.to_owned())
    }
}

impl FromPyObject<'_, '_> for Bos {
    type Error = PyErr;

    fn extract(value: Borrowed<'_, '_, PyAny>) -> PyResult<Self> {
        let text = value.cast::<PyString>()?;
        Ok(Self(convert::text(&text)?.into_owned()))
    }
}

/// The prompt as the class that Python code sees, with the places of the control tokens in characters.
fn to_python<'py>(py: Python<'py>, prompt: &core::Prompt) -> PyResult<Bound<'py, PyAny>> {
    static PROMPT: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    let text = prompt.text();
    let mut controls: Vec<usize> = prompt.controls().map(|(at, _)| at).collect();
    if !text.is_ascii() {
        let (mut byte, mut character) = (0, 0);
        for control in &mut controls {
            character += text.get(byte..*control).map_or(0, |between| between.chars().count());
            byte = std::mem::replace(control, character);
        }
    }
    let (controls, warnings) = (PyTuple::new(py, controls)?, PyTuple::new(py, prompt.warnings())?);
    let class = PROMPT.import(py, "gemma4_parser.prompt", "Prompt")?;
    class.call1((text, controls, prompt.start().as_str(), warnings))
}
