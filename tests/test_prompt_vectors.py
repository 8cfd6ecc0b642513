"""Every case of vectors/prompt.jsonl: Google's text in the official style, and what the fixed style makes of it."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import pytest

from prompt_cases import MODELS, Error, PromptCase, holds, outcome, prompt_cases
from prompt_shape import check_segments, read_shape

CASES = prompt_cases()
BY_ID = {case.id: case for case in CASES}
EMPTY_THOUGHT = "<|channel>thought\n<channel|>"
"""What the large sizes have at the end of a generation prompt."""

OLDER: dict[tuple[str, str], list[tuple[str, str]]] = {
    # The first of two messages was closed, and the second had no turn.
    ("A21-consecutive-assistants", "v3-large"): [("LEFTRIGHT", "LEFT<turn|>\nRIGHT")],
    # Properties named like a keyword were lost.
    ("B29-property-named-like-keyword", "v2-large"): [
        ('description:{type:<|"|>STRING<|"|>},name:', "name:"),
        (',required:{type:<|"|>BOOLEAN<|"|>},type:{description:<|"|>t<|"|>,type:<|"|>STRING<|"|>}', ""),
    ],
    # Arguments that were JSON text were pasted between the braces.
    ("C12-args-json-string", "v3-large"): [("call:f{a:1}", 'call:f{{"a": 1}}')],
    # Of media in results, first none were printed, then not all.
    ("D10-multimodal-parts", "v3b-large"): [("<|image|><|image|><|audio|><|video|>", "<|image|><|video|>")],
    ("D10-multimodal-parts", "v3-large"): [("<|image|><|image|><|audio|><|video|>", "")],
    # A thought was printed for messages with calls alone.
    ("E04-reasoning-between-calls", "v3-large"): [("<|channel>thought\nT3\n<channel|>", "")],
    # Whether a message has content was asked before its thoughts were taken out.
    ("F07-thought-only-content-with-call", "v2-large"): [("<tool_response|>", "<tool_response|><turn|>\n")],
    ("F07-thought-only-content-with-call", "v3-large"): [],
    # `image_url` and `input_audio` were not known.
    ("I01-user-multimodal", "v3-large"): [("<|image|><|image|><|audio|><|audio|>", "<|image|><|audio|>")],
    # Null was printed as Python prints it.
    ("K04-v3-null", "v3-large"): [("a:null", "a:None")],
    ("K05-v3-think-newline", "v2-large"): [],
}
"""What older versions printed: the official text with these pieces replaced, each there exactly once."""

REPAIRED: dict[str, tuple[str, list[tuple[str, str]] | str]] = {
    "A21-consecutive-assistants": ("adjacent-text", [("LEFTRIGHT", "LEFT\nRIGHT")]),
    "B13-params-no-type": ("declaration", [(",}<tool|>", ',type:<|"|>OBJECT<|"|>}}<tool|>')]),
    "B18-enum-non-string-dropped": ("declaration", [("i:{type:", "i:{enum:[1,2],type:")]),
    "B25-type-union-property": (
        "declaration",
        [("type:<|\"|>['STRING', 'NULL']<|\"|>", 'type:[<|"|>STRING<|"|>,<|"|>NULL<|"|>]')],
    ),
    "B28-object-pseudo-properties": (
        "declaration",
        [
            ("r:{properties:{additional", "r:{additional"),
            ('enum:{type:<|"|><|"|>},', 'enum:[<|"|>a<|"|>],properties:{},'),
            ('title:{type:<|"|><|"|>}},', 'title:<|"|>T<|"|>,'),
        ],
    ),
    "B30-anyof-ref-const-dropped": (
        "declaration",
        [
            ('a:{type:<|"|><|"|>}', 'a:{anyOf:[{type:<|"|>STRING<|"|>},{type:<|"|>NULL<|"|>}]}'),
            ('c:{type:<|"|><|"|>}', 'c:{properties:{},type:<|"|>OBJECT<|"|>}'),
            ('d:{type:<|"|><|"|>}', "d:{const:3}"),
        ],
    ),
    "B31-format-default-min-dropped": (
        "declaration",
        [
            ("parameters:{", "parameters:{additionalProperties:false,"),
            (
                "e:{",
                'e:{default:<|"|>z<|"|>,format:<|"|>date<|"|>,minLength:1,pattern:<|"|>^a<|"|>,title:<|"|>T<|"|>,',
            ),
            (",f:{", ",f:{default:2,minimum:0,"),
        ],
    ),
    "B32-property-empty-schema": (
        "declaration",
        [('a:{type:<|"|><|"|>}', "a:{}"), ('b:{type:<|"|><|"|>}', "b:true")],
    ),
    "B33-response-object": (
        "declaration",
        [('<|"|>R<|"|>,type', '<|"|>R<|"|>,properties:{x:{type:<|"|>STRING<|"|>}},type')],
    ),
    "B34-response-nonobject": ("declaration", [(",}<tool|>", ',type:<|"|>STRING<|"|>}}<tool|>')]),
    "B35-response-null": ("declaration", [(",response:{}", "}")]),
    "B38-bare-tool-dict": (
        "tool-shape",
        '<bos><|turn>system\n<|tool>declaration:f{description:<|"|>D<|"|>}<tool|><turn|>\n<|turn>user\nu<turn|>\n'
        "<|turn>model\n<|channel>thought\n<channel|>",
    ),
    "C12-args-json-string": (
        "string-arguments",
        "<bos><|turn>user\nq<turn|>\n<|turn>model\n<|tool_call>call:f{a:1}<tool_call|><|tool_response>",
    ),
    "D08-mapping-raises": (
        "result-shape",
        "<bos><|turn>user\nq<turn|>\n<|turn>model\n<|tool_call>call:f{a:1}<tool_call|>"
        '<|tool_response>response:f{A:<|"|>x<|"|>,b:2}<tool_response|>',
    ),
    "D12-list-of-scalars-raises": (
        "result-shape",
        "<bos><|turn>user\nq<turn|>\n<|turn>model\n<|tool_call>call:f{a:1}<tool_call|>"
        "<|tool_response>response:f{value:[1,2]}<tool_response|>",
    ),
    "E15-pending-then-user": ("pending-call", [("<|tool_response><|turn>", "<turn|>\n<|turn>")]),
    "E16-pending-then-assistant": ("pending-call", [("<|tool_response>hmm", "hmm")]),
    "F01-content-and-pending-call": (
        "content-order",
        [("<|tool_call>call:f{a:1}<tool_call|>Checking", "Checking<|tool_call>call:f{a:1}<tool_call|>")],
    ),
    "H03-legacy-no-name": ("result-name", [("response:unknown{", "response:f{")]),
}
"""Where the fixed style differs, for every size: the repair, and the pieces of Google's text that it replaces, or the
whole text for a large size where Google's template fails."""

OPTIONS = {"J07-continue-and-agp"}
"""Wrong options: the error is not about a message."""


def named(case: PromptCase) -> str:
    return case.id


def replaced(text: str, pieces: list[tuple[str, str]]) -> str:
    for there, instead in pieces:
        assert text.count(there) == 1, (there, text)
        text = text.replace(there, instead)
    return text


def test_there_are_cases() -> None:
    assert len(CASES) == 105
    assert len(BY_ID) == len(CASES)
    assert {case.id for case in CASES} >= REPAIRED.keys()
    # What a call without the option does differs: it is a default of `render` and none of the template's.
    assert all("add_generation_prompt" in case.kwargs for case in CASES)


@pytest.mark.parametrize("case", CASES, ids=named)
def test_official(impl: ModuleType, case: PromptCase) -> None:
    """Google's text, byte for byte, for every size that the case names."""
    for model, expected in case.official().items():
        found = outcome(impl, case.messages, case.tools, model=model, style="official", **case.kwargs)
        if isinstance(expected, Error):
            assert isinstance(found, Error)
        else:
            assert found == expected


@pytest.mark.parametrize("case", CASES, ids=named)
def test_official_facts(impl: ModuleType, case: PromptCase) -> None:
    """The facts hold for the template that they were made for; an older one's were about its own text."""
    assert all(holds(fact, case.texts[case.made_for]) for fact in case.facts)
    if case.made_for in MODELS:
        model = MODELS[case.made_for]
        found = outcome(impl, case.messages, case.tools, model=model, style="official", **case.kwargs)
        assert [fact for fact in case.facts if not holds(fact, found)] == []


def test_errors_of_official_name_the_message(impl: ModuleType) -> None:
    places = {
        "B38-bare-tool-dict": "tools[0]",
        "C12-args-json-string": "messages[1].tool_calls[0]",
        "D08-mapping-raises": "messages[2]",
        "D12-list-of-scalars-raises": "messages[2]",
        "J06-continue-with-thought-in-content": "messages[1]",
    }
    for name, place in places.items():
        case = BY_ID[name]
        with pytest.raises(impl.RenderError) as caught:
            impl.render(case.messages, case.tools, style="official", **case.kwargs)
        assert caught.value.place == place
        assert str(caught.value) == f"{place}: {caught.value.reason}"
    raising = {case.id for case in CASES for text in case.official().values() if isinstance(text, Error)}
    assert raising == places.keys() | OPTIONS


def test_older_versions(impl: ModuleType) -> None:
    """What Google's template printed before, where the cases tell it: our text differs in these pieces alone."""
    assert {(case.id, template) for case in CASES for template in case.older()} == OLDER.keys()
    for (name, template), pieces in OLDER.items():
        case = BY_ID[name]
        found = outcome(impl, case.messages, case.tools, style="official", **case.kwargs)
        if name == "C12-args-json-string":
            assert isinstance(found, Error)
            found = outcome(impl, case.messages, case.tools, **case.kwargs)
        assert not isinstance(found, Error)
        assert replaced(found, pieces) == case.texts[template]


def fixed(impl: ModuleType, case: PromptCase, model: str) -> Any:
    return impl.render(case.messages, case.tools, model=model, **case.kwargs)


@pytest.mark.parametrize("case", CASES, ids=named)
def test_fixed_differs_where_it_repairs(impl: ModuleType, case: PromptCase) -> None:
    for model, official in case.official().items():
        repair, pieces = REPAIRED.get(case.id, ("", []))
        if case.id == "K02-diffusiongemma-loop":
            assert not isinstance(official, Error)
            expected: Any = official.replace("<tool_response|><|turn>model\n", "<tool_response|>")
        elif isinstance(pieces, str):
            assert isinstance(official, Error)
            expected = pieces if model == "large" else pieces.removesuffix(EMPTY_THOUGHT)
        elif isinstance(official, Error):
            assert not repair
            with pytest.raises(ValueError) as caught:
                fixed(impl, case, model)
            error: Any = caught.value
            assert isinstance(error, impl.RenderError) == (case.id not in OPTIONS)
            assert case.id in OPTIONS or error.place == "messages[1]"
            continue
        else:
            expected = replaced(official, pieces)
        assert (expected == official) == (not repair and case.id != "K02-diffusiongemma-loop")
        assert fixed(impl, case, model).text == expected


@pytest.mark.parametrize("case", CASES, ids=named)
def test_official_also_holds_segments(impl: ModuleType, case: PromptCase) -> None:
    for model, official in case.official().items():
        if not isinstance(official, Error):
            check_segments(impl.render(case.messages, case.tools, model=model, style="official", **case.kwargs))


@pytest.mark.parametrize("model", ["small", "large", "diffusion"])
@pytest.mark.parametrize("case", [case for case in CASES if case.id[0] != "J" or case.id[:3] < "J06"], ids=named)
def test_fixed_is_balanced(impl: ModuleType, case: PromptCase, model: str) -> None:
    prompt = fixed(impl, case, model)
    check_segments(prompt)
    shape = read_shape(prompt)
    if case.kwargs.get("continue_final_message"):
        assert shape.end in ("turn", "thought")
    elif case.kwargs["add_generation_prompt"]:
        assert shape.end in ("turn", "thought", "results", "pending")
        assert shape.roles[-1] == "model"
    else:
        assert shape.end in ("closed", "results", "pending")
    assert prompt.start == ("reasoning" if shape.end == "thought" else "content")
    assert impl.StreamParser.start_of(prompt.text) == prompt.start
    assert prompt.stop_token_ids == (1, 106, 50)


@pytest.mark.parametrize("case", CASES, ids=named)
def test_sizes_differ_in_the_empty_thought_alone(impl: ModuleType, case: PromptCase) -> None:
    if any(isinstance(text, Error) for text in case.official().values()) and case.id not in REPAIRED:
        return
    large, small, diffusion = (fixed(impl, case, model) for model in ("large", "small", "diffusion"))
    assert diffusion == small
    assert large.text.removesuffix(EMPTY_THOUGHT) == small.text.removesuffix(EMPTY_THOUGHT)
    assert large.warnings == small.warnings
    assert large.start == small.start
    added = large.text != small.text
    asked = case.kwargs["add_generation_prompt"] and not case.kwargs.get("enable_thinking")
    assert added == (asked and small.text.endswith("<|turn>model\n"))
