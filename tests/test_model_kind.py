"""`is_gemma4` and `model_kind`: which names of models are Gemma 4's, and of which size."""

from __future__ import annotations

from types import ModuleType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gemma4_parser import _pure, _rust

LARGE = [
    *("google/gemma-4-26b-a4b", "google/gemma-4-31B-it", "google/gemma-4-12b-it", "google/gemma-4-26B-A4B-it"),
    *("gemma4:31b", "gemma4:12b", "gemma4:26b-a4b-it-q4_K_M", "library/gemma4:31b-cloud", "gemma4-large"),
    *("gemma-4-12b", "gemma_4_12b", "gemma4_31b", "gemma4-26b", "GEMMA-4-31B", "Gemma 4 31B", "gemma4.large"),
    *("/models/gemma-4-31b-it/", "/models//gemma-4-31b-it//", "./gemma-4-31b-it", r"C:\models\gemma-4-31b-it"),
    *("D:\\gemma-4-31b-it\\", "/srv/gemma-4-31b-it/checkpoint-500", "gemma-4-31B-it-UD-Q4_K_XL.gguf"),
    "~/.cache/huggingface/hub/models--google--gemma-4-31B-it/snapshots/419b2efe/",
    *("google.gemma-4-31b-it-v1:0", "openrouter/google/gemma-4-31b-it:free", "@cf/google/gemma-4-26b-a4b-it"),
    *("hf.co/unsloth/gemma-4-31B-it-GGUF:Q4_K_M", "publishers/google/models/gemma-4-31b-it@001"),
    *("someone/my-gemma-4-31b-tuned", "google/gemma-4/transformers/gemma-4-31b-it/1", "gemma-4-it-31b-e4b"),
    *("gemma-4-31b-it/gguf", "gemma-4-31b-it-v1.5", "a/gemma-3-to-gemma-4-31b"),
]
SMALL = [
    *("unsloth/gemma-4-E4B-it-GGUF", "google/gemma-4-E2B-it", "gemma4:e2b", "gemma4:e4b-it-q8_0", "gemma4-small"),
    *("mlx-community/gemma-4-e4b-it-4bit", "gemma-4-E2B-it-Q4_K_M.gguf", r"C:\llm\gemma-4-E2B-it-Q4_K_M.gguf"),
    *("gemma_4_e4b", "gemma4-e4b", "/models/gemma-4-E4B/model.gguf", "gemma-4-e4b-31b"),
]
DIFFUSION = [
    *("diffusiongemma-26B-A4B-it", "google/diffusiongemma-26B-A4B-it", "DiffusionGemma", "diffusion_gemma"),
    *("diffusion-gemma-4-26b", "diffusiongemma4", "/models/diffusiongemma-26b/model.safetensors", "diffusiongemma:26b"),
]
UNTOLD = [
    *("gemma4", "gemma4:latest", "google/gemma-4", "gemma-4", "gemma_4", "GEMMA 4", "/models/gemma-4/", "gemma-4.gguf"),
    *(
        "gemma-4-9b",
        "gemma-4-it",
        "gemma-4-e4bit",
        "gemma-4-a31b",
        "gemma-4-31bit",
        "31b-gemma-4",
        "gemma-4-",
        "31b/gemma-4",
    ),
    *("gemma4.Q4_K_M.gguf", "gemma-4-ſmall", "gemma-4-31bé"),
]
OTHERS = [
    *("", "/", "gemma", "gemma-", "google/gemma", "4", "gpt-4", "llama-4-31b", "gemini-4-31b"),
    *(
        "gemma-4b",
        "gemma-4b-it",
        "google/gemma-4b-it",
        "gemma4b",
        "my-gemma-40b",
        "gemma-40",
        "gemma-4n-e4b",
        "gemma-44-31b",
    ),
    *(
        "gemma-3-4b",
        "gemma-3-4b-it",
        "gemma3:4b",
        "gemma3n:e4b",
        "gemma-2-4-9b",
        "gemma-2-4-31b",
        "gemma2-4",
        "gemma-04",
    ),
    *("gemma-4.5", "gemma-4.5-31b", "gemma4.1:31b", "gemma-v4", "gemma--4", "gemma-it-4", "gemma/4-31b", "gemma:4"),
    *("codegemma-4", "codegemma-4-31b", "embeddinggemma-4-300m", "medgemma-4-31b", "xgemma4", "4gemma-4", "égemma-4"),
    *("gemma-4é-31b", "gemma-4x", "gemma-٤", "ｇemma-4", "gemma-4/llama-3-8b", "/home/gemma4/models/llama-3-31b"),
    *("gemma-4-31b/gemma-3-4b.gguf", "gemma4/codegemma", "Gemma4ForConditionalGeneration"),
    *(
        "diffusiongemma-3-1b",
        "diffusiongemma-5",
        "diffusiongemma-4.5",
        "diffusiongemma2",
        "diffusiongemmas",
        "diffusion-4",
    ),
    *("mydiffusiongemma-26b", "stablediffusion-gemma-3", "diffusiongemma26b"),
]


@pytest.mark.parametrize(
    ("model_id", "kind"),
    [(name, kind) for names, kind in [(LARGE, "large"), (SMALL, "small"), (DIFFUSION, "diffusion")] for name in names],
)
def test_sizes(impl: ModuleType, model_id: str, kind: str) -> None:
    for spelled in (model_id, model_id.upper(), model_id.lower()):
        assert impl.model_kind(spelled) == kind
        assert impl.is_gemma4(spelled) is True


@pytest.mark.parametrize("model_id", UNTOLD)
def test_sizes_that_are_not_told(impl: ModuleType, model_id: str) -> None:
    assert impl.model_kind(model_id) is None
    assert impl.is_gemma4(model_id) is True


@pytest.mark.parametrize("model_id", OTHERS)
def test_other_models(impl: ModuleType, model_id: str) -> None:
    assert impl.model_kind(model_id) is None
    assert impl.is_gemma4(model_id) is False


def test_wrong_types(impl: ModuleType) -> None:
    for wrong in (None, 4, b"gemma-4", ["gemma-4"]):
        for function in (impl.is_gemma4, impl.model_kind):
            with pytest.raises(TypeError):
                function(wrong)
    assert impl.model_kind("gemma-4-\ud800-31b") == "large"
    assert not impl.is_gemma4("\ud800gemma-4")


WORDS = [
    *(
        "gemma",
        "Gemma",
        "gemma4",
        "diffusion",
        "diffusiongemma",
        "4",
        "4b",
        "5",
        "40",
        "e2b",
        "E4B",
        "12b",
        "26b",
        "31B",
    ),
    *("small", "large", "a4b", "it", "google", "code", "é", "ſmall", "K", "٤", "\ud800", "", "x"),
]
NAMES = st.lists(
    st.tuples(st.sampled_from(WORDS), st.sampled_from(["-", "_", " ", "", ".", ":", "/", "\\", "--", "\n", "\0", "@"])),
    max_size=8,
).map(lambda pairs: "".join(word + joint for word, joint in pairs))


@settings(max_examples=3000, deadline=None)
@given(model_id=NAMES | st.text(max_size=20).map(lambda text: f"gemma-4{text}"))
def test_the_implementations_agree(model_id: str) -> None:
    kind = _rust.model_kind(model_id)
    assert _pure.model_kind(model_id) == kind
    assert _pure.is_gemma4(model_id) is _rust.is_gemma4(model_id)
    assert kind is None or _rust.is_gemma4(model_id)


def test_long_names(impl: ModuleType) -> None:
    """In linear time: a quadratic search would take hours."""
    for part in ("gemma-", "-gemma-3", "gemma4x", "/", "-", "4", "é", "diffusion-gemma-3 "):
        assert not impl.is_gemma4(part * 200_000)
    assert impl.model_kind("gemma-4" + "-4" * 200_000) is None
    assert impl.model_kind("gemma-4-31b" + "/x" * 200_000) == "large"
