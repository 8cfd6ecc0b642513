"""Which models are Gemma 4, by their names, and the sizes as far as prompts differ."""

import re
from typing import Literal, TypeAlias

from .ids import typed

Model: TypeAlias = Literal["small", "large", "diffusion"]

MODELS: tuple[Model, ...] = ("small", "large", "diffusion")
"""The sizes of Gemma 4 as far as their prompts differ."""

# Words are runs of ASCII letters and digits and of everything beyond ASCII.
_LETTER = r"[0-9a-z\x80-\U0010ffff]"
_FOUR = rf"[-_ ]?4(?!{_LETTER}|\.[0-9])"
_NAME = rf"(?<!{_LETTER})(?:gemma{_FOUR}|(diffusion[-_ ]?gemma)(?:{_FOUR}|(?!{_LETTER}|[-_ ][0-9]+(?!{_LETTER}))))"
_SIZE = rf"(?<!{_LETTER})(?:(e2b|e4b|small)|12b|26b|31b|large)(?!{_LETTER})"
_ASCII_CASE = re.ASCII | re.IGNORECASE


def is_gemma4(model_id: str) -> bool:
    """Whether the id of a model, or the path of its file or folder, is a Gemma 4's.

    `google/gemma-4-31b-it`, `gemma4:e4b`, `gemma-4-E2B-it-Q4_K_M.gguf`, `diffusiongemma-26B-A4B-it`; not `gemma-4b`,
    `gemma-3-4b`, `gemma-4.5`, `codegemma-4`. Case does not matter; the rule is `model-name` of DESIGN.md.
    Raises TypeError for no str.
    """
    return _named(model_id) is not None


def model_kind(model_id: str) -> Model | None:
    """Which of the sizes the id of a model, or the path of its file or folder, names, as far as prompts differ.

    "small" for E2B and E4B, "large" for 12B, 26B-A4B and 31B, "diffusion" for DiffusionGemma; None for other models and
    where none of these sizes is named. Raises TypeError for no str.
    """
    return _named(model_id) or None


def _named(model_id: str) -> Model | Literal[""] | None:
    """Rule `model-name`: None for other models, else the size, empty where it is not told."""
    parts = [part for part in re.split(r"[/\\]", typed(model_id, str)) if part]
    for behind, part in enumerate(reversed(parts)):
        if "gemma" in part.lower():
            found = re.search(_NAME, part, _ASCII_CASE)
            kind = _size(part, found) if found else None
            # A folder or an organisation says what is in it only where it is called as a model is.
            return kind if behind == 0 else kind or None
    return None


def _size(part: str, name: re.Match[str]) -> Model | Literal[""]:
    if name[1]:
        return "diffusion"
    found = re.compile(_SIZE, _ASCII_CASE).search(part, name.end())
    return "" if not found else "small" if found[1] else "large"
