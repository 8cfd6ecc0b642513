//! The names of models.

use gemma4_parser as core;
use pyo3::prelude::*;
use pyo3::types::PyString;

use crate::convert;

/// Whether the id of a model, or the path of its file or folder, is a Gemma 4's.
///
/// `google/gemma-4-31b-it`, `gemma4:e4b`, `gemma-4-E2B-it-Q4_K_M.gguf`, `diffusiongemma-26B-A4B-it`; not `gemma-4b`,
/// `gemma-3-4b`, `gemma-4.5`, `codegemma-4`. Case does not matter; the rule is `model-name` of DESIGN.md.
/// Raises TypeError for no str.
#[pyfunction]
pub(crate) fn is_gemma4(model_id: &Bound<'_, PyString>) -> PyResult<bool> {
    Ok(core::is_gemma4(&convert::text(model_id)?))
}

/// Which of the sizes the id of a model, or the path of its file or folder, names, as far as prompts differ.
///
/// "small" for E2B and E4B, "large" for 12B, 26B-A4B and 31B, "diffusion" for DiffusionGemma; None for other models and
/// where none of these sizes is named. Raises TypeError for no str.
#[pyfunction]
pub(crate) fn model_kind(model_id: &Bound<'_, PyString>) -> PyResult<Option<&'static str>> {
    Ok(core::model_kind(&convert::text(model_id)?).map(core::Model::as_str))
}
