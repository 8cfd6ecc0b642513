"""`strip_thoughts`: which thoughts of a conversation go back to the model."""

from __future__ import annotations

import copy
from collections import UserDict
from types import MappingProxyType, ModuleType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gemma4_parser as g4

THOUGHT = "<|channel>thought\nHm.\n<channel|>"
CALLS = [{"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]


def user(text: str = "Hi") -> dict[str, Any]:
    return {"role": "user", "content": text}


def model(**fields: Any) -> dict[str, Any]:
    return {"role": "assistant", **fields}


CONVERSATION: list[dict[str, Any]] = [
    {"role": "system", "content": "Be brief.", "reasoning": "of nobody"},
    user(),
    model(content=None, reasoning="old call", tool_calls=CALLS),
    {"role": "tool", "tool_call_id": "c1", "content": THOUGHT},
    model(content=f"{THOUGHT}Old answer.", reasoning_content="old answer"),
    user(THOUGHT),
    model(content=THOUGHT, reasoning="new call", tool_calls=CALLS),
    {"role": "tool", "tool_call_id": "c1", "content": "1"},
    model(content="New answer.", thinking="new answer"),
]
KEPT = {"current_turn": {6, 8}, "tool_turns": {2, 6, 8}, "all": {2, 4, 6, 8}, "none": set[int]()}
STRIPPED = {
    2: model(content=None, tool_calls=CALLS),
    4: model(content="Old answer."),
    6: model(content="", tool_calls=CALLS),
    8: model(content="New answer."),
}


@pytest.mark.parametrize("policy", KEPT)
def test_policies(policy: Any) -> None:
    before = copy.deepcopy(CONVERSATION)
    found = g4.strip_thoughts(CONVERSATION, policy)
    assert before == CONVERSATION, "the input is not changed"
    for at, (message, given_) in enumerate(zip(found, CONVERSATION, strict=True)):
        if at in STRIPPED and at not in KEPT[policy]:
            assert message == STRIPPED[at]
        else:
            assert message is given_
    assert g4.strip_thoughts(tuple(CONVERSATION), policy) == found
    assert g4.strip_thoughts(found, policy) == found


def test_the_default_is_the_current_turn() -> None:
    assert g4.strip_thoughts(CONVERSATION) == g4.strip_thoughts(CONVERSATION, "current_turn")
    assert g4.strip_thoughts(CONVERSATION, policy="none") != g4.strip_thoughts(CONVERSATION)


def test_only_users_start_a_turn() -> None:
    """Results, and system and developer messages, are within it; without a user, all of it is the current turn."""
    within = [
        model(reasoning="x", tool_calls=CALLS),
        {"role": "tool", "content": "1"},
        {"role": "developer", "content": "Go on."},
        {"role": "system", "content": "Go on."},
        model(reasoning="y", content="z"),
    ]
    assert g4.strip_thoughts(within) == within
    assert g4.strip_thoughts([*within, user()]) == [
        *(model(tool_calls=CALLS), *within[1:4], model(content="z"), user()),
    ]


def test_a_message_whose_turn_is_over_keeps_its_calls_and_all_else() -> None:
    message = model(content="a", name="n", refusal=None, tool_calls=CALLS, reasoning="x", audio={"id": "a"}, custom=[1])
    (found, _) = g4.strip_thoughts([message, user()])
    assert found == {key: value for key, value in message.items() if key != "reasoning"}
    assert list(found) == [key for key in message if key != "reasoning"]
    assert g4.strip_thoughts([message, user()], "tool_turns")[0] is message
    old = model(content=None, function_call={"name": "f", "arguments": "{}"}, reasoning="x")
    assert g4.strip_thoughts([old, user()], "tool_turns")[0] is old
    nothing: Any
    for nothing in ([], None):
        none = model(content="a", tool_calls=nothing, reasoning="x")
        assert g4.strip_thoughts([none, user()], "tool_turns")[0] == model(content="a", tool_calls=nothing)


@pytest.mark.parametrize(
    "field", ["reasoning", "reasoning_content", "reasoning_details", "thinking", "thinking_blocks"]
)
def test_fields(field: str) -> None:
    for value in ("x", ["x"], [{"type": "text", "text": "x"}], {"text": "x"}):
        for role in ("assistant", "model"):
            message = {"role": role, "content": "a", field: value}
            assert g4.strip_thoughts([message], "none") == [{"role": role, "content": "a"}]
        for role in ("user", "tool", "system", "critic"):
            message = {"role": role, "content": "a", field: value}
            assert g4.strip_thoughts([message], "none")[0] is message
    nothing: Any
    for nothing in (None, "", []):
        message = model(content="a", **{field: nothing})
        assert g4.strip_thoughts([message], "none")[0] is message


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        (THOUGHT, ""),
        (f"{THOUGHT}Hi", "Hi"),
        (f"{THOUGHT}\n\nHi", "Hi"),
        (f" \t\r\n{THOUGHT} Hi ", "Hi "),
        (f"Hi{THOUGHT}", "Hi"),
        (f" Hi \n{THOUGHT}\n", " Hi"),
        (f"a{THOUGHT}b", "ab"),
        (f" a {THOUGHT} b ", " a  b "),
        (f"{THOUGHT}a{THOUGHT}b{THOUGHT}", "ab"),
        (f"{THOUGHT}{THOUGHT} a", "a"),
        ("a<|channel>thought\nunclosed", "a"),
        ("a <|channel>", "a"),
        ("<|channel>thought\nunclosed", ""),
        ("a<channel|>b", "ab"),
        ("<channel|>b", "b"),
        (" <channel|> b <channel|> ", "b"),
        ("thought\nx\n<channel|>b", "thought\nx\nb"),
        ("a<|channel>x<|channel>y<channel|>b", "ab"),
        ("a<|channel>x<channel|>b<channel|>c", "abc"),
        ("a<|channel>final\nx<channel|>b", "ab"),
        (f"{THOUGHT}\u00a0a\u2028", "\u00a0a\u2028"),
        ("<|channel><channel|>", ""),
    ],
)
def test_inline_channels(text: str, rest: str) -> None:
    for message in (model(content=text), {"role": "model", "content": text}):
        assert g4.strip_thoughts([message], "none") == [{**message, "content": rest}]
        assert g4.strip_thoughts([message], "current_turn")[0] is message
    as_part = model(content=[{"type": "text", "text": text}])
    parts = [{"type": "text", "text": rest}] if rest else ""
    assert g4.strip_thoughts([as_part], "none") == [model(content=parts)]


@pytest.mark.parametrize(
    "text", ["", " Hi ", "\n", "<|channel", "channel|>", "<|turn>model\n", "<think>x</think>", "\ud800"]
)
def test_texts_without_thoughts(text: str) -> None:
    for message in (model(content=text), model(content=[{"type": "text", "text": text}, text])):
        assert g4.strip_thoughts([message], "none")[0] is message


def test_parts() -> None:
    image = {"type": "image_url", "image_url": {"url": "x"}}
    text = {"type": "text", "text": f"{THOUGHT}Hi", "cache_control": {"type": "ephemeral"}}
    content = [
        {"type": "thinking", "thinking": "x", "signature": "s"},
        {"type": "redacted_thinking", "data": "x"},
        {"type": "reasoning", "text": "x"},
        *(
            text,
            image,
            THOUGHT,
            f"{THOUGHT}b",
            "c",
            {"type": "output_text", "text": THOUGHT},
            {"type": "text", "text": ""},
        ),
    ]
    message = model(content=content)
    before = copy.deepcopy(message)
    (found,) = g4.strip_thoughts([message], "none")
    rest = [{"type": "text", "text": "Hi", "cache_control": {"type": "ephemeral"}}, image, "b", "c"]
    assert found == model(content=[*rest, {"type": "text", "text": ""}])
    assert found["content"][1] is image
    assert message == before
    assert g4.strip_thoughts([model(content=(text,))], "none") == [model(content=rest[:1])]
    assert g4.strip_thoughts([model(content=content[:3])], "none") == [model(content="")]
    for same in ([], (), [image], ["a"], [{"type": "refusal", "refusal": THOUGHT}]):
        assert g4.strip_thoughts([model(content=same)], "none")[0]["content"] is same


class Dumped:
    """A stand-in for a pydantic model."""

    def __init__(self, **fields: Any) -> None:
        self.fields = fields

    def model_dump(self) -> dict[str, Any]:
        return self.fields


def test_other_mappings_and_models() -> None:
    for kind in (UserDict, MappingProxyType, lambda fields: Dumped(**fields)):
        with_thought, without = kind(model(content="a", reasoning="x")), kind(model(content="a"))
        assert g4.strip_thoughts([with_thought, without], "none") == [model(content="a"), without]
        assert g4.strip_thoughts([with_thought], "current_turn")[0] is with_thought
    part = Dumped(type="text", text=f"{THOUGHT}a")
    assert g4.strip_thoughts([model(content=[part])], "none") == [model(content=[{"type": "text", "text": "a"}])]


def test_wrong_policy() -> None:
    for wrong in ("", "current", "All", "none "):
        with pytest.raises(ValueError, match="'current_turn', 'tool_turns', 'all' or 'none'") as caught:
            g4.strip_thoughts([], wrong)  # type: ignore[arg-type]
        assert repr(wrong) in str(caught.value)
    for no_text in (None, 1, ["all"]):
        with pytest.raises(TypeError, match="policy"):
            g4.strip_thoughts([], no_text)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("messages", "place"),
    [
        *((None, "messages"), ("x", "messages"), ({"role": "user"}, "messages"), (iter([]), "messages")),
        ([user(), 1], "messages[1]"),
        ([user(), ["role"]], "messages[1]"),
        ([{"role": 1}], "messages[0]['role']"),
        ([model(content=1)], "messages[0]['content']"),
        ([model(content={"type": "text"})], "messages[0]['content']"),
        ([user(), model(content=["a", 1])], "messages[1]['content'][1]"),
        ([model(content=[None])], "messages[0]['content'][0]"),
    ],
)
def test_wrong_types(messages: Any, place: str) -> None:
    with pytest.raises(TypeError) as caught:
        g4.strip_thoughts(messages, "none")
    assert str(caught.value).startswith(f"{place} must be ")


def test_of_nothing() -> None:
    nothing: Any
    for nothing in ([], ()):
        for policy in KEPT:
            assert g4.strip_thoughts(nothing, policy) == []  # type: ignore[arg-type]
    odd = [{}, {"content": THOUGHT}, {"role": None, "reasoning": "x"}]
    assert g4.strip_thoughts(odd, "none") == odd


def test_long_histories_and_texts() -> None:
    """In linear time: a quadratic search would take minutes."""
    text = "".join(f"{number}<|channel>x<channel|>" for number in range(100_000))
    (found,) = g4.strip_thoughts([model(content=text)], "none")
    assert found["content"] == "".join(map(str, range(100_000)))
    history = [user(), model(content="a", reasoning="x"), model(tool_calls=CALLS, reasoning="y")] * 50_000
    assert sum("reasoning" in message for message in g4.strip_thoughts(history)) == 2
    assert sum("reasoning" in message for message in g4.strip_thoughts(history, "tool_turns")) == 50_001


# The same rule as the renderer's

TEXTS = st.lists(
    st.sampled_from(["<|channel>", "<channel|>", "thought\n", "a", "b", " ", "\n", "\u00a0"]), max_size=7
).map("".join)
FIELD_VALUES = {"reasoning": st.sampled_from(["", "r"]), "reasoning_content": st.sampled_from([None, "r"])}
PARTS: Any = st.builds(dict, type=st.sampled_from(["text", "reasoning"]), text=TEXTS)
ASSISTANTS = st.fixed_dictionaries(
    {"role": st.just("assistant"), "content": st.none() | TEXTS | st.lists(PARTS, max_size=2)},
    optional={**FIELD_VALUES, "tool_calls": st.just(CALLS)},
)
RESULTS: Any = st.builds(dict, role=st.just("tool"), tool_call_id=st.just("c1"), content=TEXTS)
MESSAGES = st.lists(st.one_of(ASSISTANTS, ASSISTANTS, RESULTS, TEXTS.map(user)), max_size=6)


@settings(max_examples=300, deadline=None)
@given(messages=MESSAGES, thinking=st.booleans(), preserve=st.booleans())
def test_the_renderer_drops_the_same(impl: ModuleType, messages: list[Any], thinking: bool, preserve: bool) -> None:
    """Stripped by the policy that the option stands for, a conversation makes the same prompt."""
    options = {"enable_thinking": thinking, "preserve_thinking": preserve}
    stripped = g4.strip_thoughts(messages, "tool_turns" if preserve else "current_turn")
    last_user = max((at for at, message in enumerate(messages) if message["role"] == "user"), default=-1)
    for message in stripped[: max(last_user, 0)]:
        if message["role"] == "assistant" and not (preserve and message.get("tool_calls")):
            assert not message.get("reasoning")
            assert not message.get("reasoning_content")
            assert "<|channel>" not in str(message["content"])
            assert "<channel|>" not in str(message["content"])
            assert "'reasoning'" not in str(message["content"])
    assert impl.render(stripped, **options).text == impl.render(messages, **options).text
