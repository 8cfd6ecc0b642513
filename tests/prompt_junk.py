"""Conversations and tools for hypothesis: what clients send, and what they should not."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from gemma4_parser import CONTROL_TOKENS

Strategy = st.SearchStrategy[Any]

TEXTS = [
    "x", "", " ", "a\n", "\u00a0", "{", "}", "[", '"', "null", "None", "{}", '{"a": [1, null]}', "[1]", "\ud800", "é",
    "thought\n", *CONTROL_TOKENS, "<|channel>thought\ny<channel|>z",
]  # fmt: skip
NAMES = ["f", "g", "F", "a_b", "é", ""]
ROLES = ["user", "assistant", "system", "tool", "developer", "model", "function", "critic", ""]
KINDS = [
    "text", "input_text", "output_text", "image", "image_url", "input_image", "audio", "input_audio", "video",
    "video_url", "file", "x",
]  # fmt: skip
KEYWORDS = [
    "type", "properties", "required", "items", "anyOf", "enum", "description", "nullable", "$ref", "$defs", "const",
    "additionalProperties", "title", "default", "minimum", "f", "g",
]  # fmt: skip
NUMBERS = [0, 1, -1, 2**64, 10**30, 0.0, -0.0, 1.5, 1e16, 1e-7, 1e300, float("inf"), float("nan")]

texts = st.sampled_from(TEXTS)
names = st.sampled_from(NAMES)
values: Strategy = st.recursive(
    st.one_of(texts, st.none(), st.booleans(), st.sampled_from(NUMBERS)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(names, inner, max_size=3), st.lists(inner, max_size=2).map(tuple)
    ),
    max_leaves=5,
)


def mostly(usual: Strategy, other: Strategy = values, *, one_in: int = 30) -> Strategy:
    """The usual, and once in a while the other."""
    # Not the least and not the greatest number: hypothesis likes these.
    return st.integers(0, one_in).flatmap(lambda number: other if number == one_in // 2 else usual)


def fields(**strategies: Strategy) -> Strategy:
    """Some of these fields."""
    return st.fixed_dictionaries({}, optional=strategies)


part = st.fixed_dictionaries({"type": st.sampled_from(KINDS)}, optional={"text": texts})
parts = st.lists(mostly(part, texts | values, one_in=6), max_size=3)
# With a field that parts have and nobody reads, or one that makes a result's list a value.
fuller = st.fixed_dictionaries(
    {"type": st.sampled_from(["text", "output_text", "file"]), "text": texts, "detail": texts}
)
foreign = st.fixed_dictionaries({"type": st.sampled_from(["text", "input_text", "image"]), "text": texts, "x": texts})
content_parts = st.lists(mostly(st.one_of(part, part, fuller, foreign), texts | values, one_in=6), max_size=3)
contents = mostly(st.one_of(texts, st.none(), content_parts))
ids = st.sampled_from(["1", "2", "3", "", None, 1])
some_names = mostly(st.sampled_from(["f", "g"]), names, one_in=100)
arguments = mostly(
    st.dictionaries(names, values, max_size=3)
    | st.sampled_from([None, '{"a": 1}', '{"b": "x", "a": [1.50, {}], "a": null}', "", " ", "null"]),
    one_in=100,
)
functions = mostly(st.fixed_dictionaries({"name": some_names}, optional={"arguments": arguments}), one_in=100)
calls = mostly(
    st.one_of(
        st.fixed_dictionaries({"id": ids, "type": st.just("function"), "function": functions}),
        st.fixed_dictionaries({"name": some_names, "arguments": arguments}, optional={"id": ids, "x": texts}),
    ),
    one_in=100,
)
reasonings = mostly(texts | st.none(), parts, one_in=5)
thinking = fields(reasoning=reasonings, reasoning_content=reasonings)
results = st.one_of(
    st.fixed_dictionaries(
        {"role": st.just("tool"), "content": st.one_of(texts, values, content_parts), "tool_call_id": ids}
    ),
    fields(content=contents, tool_call_id=ids, name=names).map(lambda found: {"role": "tool", **found}),
    fields(content=contents, name=names, x=texts).map(lambda found: {"role": "function", **found}),
)
responses = mostly(fields(name=some_names, response=values, x=texts))
answers = st.builds(
    lambda *found: {"role": "assistant", **{name: value for part in found for name, value in part.items()}},
    thinking,
    fields(content=contents, refusal=texts, name=names),
    st.one_of(
        fields(tool_calls=mostly(st.lists(calls, max_size=3)), tool_responses=mostly(st.lists(responses, max_size=2))),
        st.just({}),
        fields(tool_calls=st.lists(calls, min_size=1, max_size=3)),
        fields(function_call=functions, tool_responses=st.lists(responses, max_size=2)),
    ),
)
messages = mostly(
    st.one_of(
        st.fixed_dictionaries({"role": mostly(st.sampled_from(ROLES)), "content": contents}),
        answers,
        answers,
        results,
        results,
        results,
    ),
    one_in=100,
)
schemas: Strategy = st.recursive(
    mostly(fields(type=mostly(st.sampled_from(["string", "object", "array", "integer"])), description=texts)),
    lambda inner: st.one_of(
        st.fixed_dictionaries(
            {
                "type": st.just("object"),
                "properties": mostly(st.dictionaries(st.sampled_from(KEYWORDS), inner, max_size=3)),
            },
            optional={
                "required": mostly(st.lists(names, max_size=2)),
                "$defs": st.dictionaries(names, inner, max_size=2),
            },
        ),
        st.fixed_dictionaries({"type": st.just("array"), "items": inner}),
        st.fixed_dictionaries({"anyOf": st.lists(inner, max_size=2)}),
        st.fixed_dictionaries({"$ref": st.sampled_from(["#", "#/$defs/f", "#/properties/f", "#/x", "x", 1])}),
        st.dictionaries(st.sampled_from(KEYWORDS), values, max_size=4),
    ),
    max_leaves=6,
)
described = fields(description=mostly(texts), parameters=schemas, response=mostly(schemas), strict=st.booleans())
tools = mostly(
    st.builds(
        lambda name, found, wrapped: (
            {"type": "function", "function": {"name": name, **found}} if wrapped else {"name": name, **found}
        ),
        names,
        described,
        mostly(st.just(True), st.just(False), one_in=6),
    )
)

rounds = st.builds(
    lambda *found: [message for part in found for message in part],
    st.lists(
        st.builds(
            lambda answer, made: {**answer, "role": "assistant", "tool_calls": made},
            fields(content=texts, reasoning=texts),
            st.lists(calls, min_size=1, max_size=3),
        ),
        min_size=1,
        max_size=2,
    ),
    st.lists(results, max_size=3),
    mostly(st.just([]), st.lists(messages, max_size=1), one_in=4),
    mostly(st.just([]), st.lists(results, max_size=2), one_in=4),
)
MESSAGES = st.lists(messages.map(lambda message: [message]) | rounds, max_size=4).map(
    lambda found: [message for part in found for message in part]
)
TOOLS = st.none() | st.lists(tools, max_size=2)
OPTIONS = st.builds(
    lambda *found: {name: value for part in found for name, value in part.items()},
    st.fixed_dictionaries(
        {"model": st.sampled_from(["large", "small", "diffusion"]), "style": st.sampled_from(["fixed", "official"])}
    ),
    fields(
        enable_thinking=st.booleans(),
        preserve_thinking=st.booleans(),
        bos=st.sampled_from(["<bos>", "", "x", "<|turn>"]),
    ),
    mostly(
        st.sampled_from([{}, {"add_generation_prompt": True}, {"add_generation_prompt": False}]),
        st.fixed_dictionaries(
            {"continue_final_message": st.sampled_from([True, "content", "reasoning", "reasoning_content"])},
            optional={"add_generation_prompt": st.sampled_from([False, False, False, True])},
        ).map(lambda found: {"add_generation_prompt": False, **found}),
        one_in=5,
    ),
)
