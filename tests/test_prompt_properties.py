"""Properties of the fixed style: nothing is lost in silence; what needs no repair is as Google's template prints it."""

from __future__ import annotations

import json
from types import ModuleType
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from prompt_junk import MESSAGES, OPTIONS

SETTINGS = settings(derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck))
WORDS = {"role", "type", "id", "tool_call_id", "name"}
"""Fields that are no text of their own."""
MEDIA = ["image", "image_url", "input_image", "audio", "input_audio", "video"]
"""Parts that are placeholders, whatever else they hold."""


class Marked:
    """A conversation in which every text ends with a mark of its own."""

    def __init__(self, messages: list[Any]) -> None:
        self.marks: dict[str, tuple[int, str]] = {}
        """By mark: the number of the message, and its field."""
        self.messages = [
            {field: self.marked(value, number, field) for field, value in message.items()}
            if isinstance(message, dict)
            else message
            for number, message in enumerate(messages)
        ]

    def marked(self, value: Any, number: int, field: str, key: str = "") -> Any:
        if field in WORDS or key in WORDS:
            return value
        if isinstance(value, str):
            mark = f"({len(self.marks)})"
            if key == "arguments" and isinstance(self.loaded(value), dict):
                self.marks[mark] = (number, field)
                return json.dumps({"a": mark})
            if key == "arguments" and not value.strip(" \n"):
                return value
            self.marks[mark] = (number, field)
            return value + mark
        if isinstance(value, dict) and value.get("type") not in MEDIA:
            return {name: self.marked(inner, number, field, name) for name, inner in value.items()}
        if isinstance(value, list | tuple):
            return [self.marked(inner, number, field, key) for inner in value]
        return value

    @staticmethod
    def loaded(text: str) -> Any:
        try:
            return json.loads(text)
        except ValueError:
            return None

    def dropped_by_rule(self, mark: str) -> bool:
        """Whether it is a thought of an earlier turn."""
        number, field = self.marks[mark]
        last = max((at for at, message in enumerate(self.messages) if _role(message) == "user"), default=-1)
        return field in ("reasoning", "reasoning_content") and number < last


def _role(message: Any) -> Any:
    return message.get("role") if isinstance(message, dict) else None


@given(messages=MESSAGES, options=OPTIONS)
@settings(SETTINGS, max_examples=300)
def test_nothing_is_lost_in_silence(impl: ModuleType, messages: list[Any], options: dict[str, Any]) -> None:
    conversation = Marked(messages)
    try:
        prompt = impl.render(conversation.messages, **{**options, "style": "fixed"})
    except ValueError:
        return
    warned = {warning.partition(": ")[0].partition(".")[0] for warning in prompt.warnings if "left out" in warning}
    for mark, (number, field) in conversation.marks.items():
        if mark not in prompt.text and not conversation.dropped_by_rule(mark):
            assert f"messages[{number}]" in warned, (field, prompt.text)
        assert prompt.text.count(mark) <= 1, "printed twice"


# What needs no repair


TEXT = st.text(st.sampled_from("ab \n\u00a0\u200b<|>{}é語"), max_size=6)
NAME = st.sampled_from(["f", "get_weather", "a.b-c"])
KEY = st.sampled_from(["a", "B", "b", "_c", "city", "type"])
VALUE: st.SearchStrategy[Any] = st.recursive(
    st.one_of(TEXT, st.none(), st.booleans(), st.integers(), st.floats()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEY, inner, max_size=3),
    max_leaves=6,
)
PARTS = st.lists(
    st.one_of(
        st.fixed_dictionaries({"type": st.just("text"), "text": TEXT}),
        st.fixed_dictionaries({"type": st.sampled_from(["image", "image_url", "audio", "input_audio", "video"])}),
    ),
    max_size=3,
)
THOUGHT: st.SearchStrategy[Any] = st.one_of(
    st.just({}), TEXT.map(lambda text: {"reasoning": text}), TEXT.map(lambda text: {"reasoning_content": text})
)


@st.composite
def turns(draw: st.DrawFn) -> list[Any]:
    """A message of the user, rounds of calls and results, and an answer."""
    made: list[Any] = [{"role": "user", "content": draw(TEXT | PARTS)}]
    for number in range(draw(st.integers(0, 3))):
        named = draw(
            st.lists(st.tuples(NAME, st.none() | st.dictionaries(KEY, VALUE, max_size=3)), min_size=1, max_size=3)
        )
        calls = [
            {"id": f"{number}-{at}", "type": "function", "function": {"name": name, "arguments": arguments}}
            for at, (name, arguments) in enumerate(named)
        ]
        answer = {
            "role": "assistant",
            "content": draw(st.sampled_from([None, "", " \n"])),
            **draw(THOUGHT),
            "tool_calls": calls,
        }
        contents = [draw(st.one_of(TEXT, st.none(), st.integers(), st.booleans(), PARTS)) for _ in calls]
        if draw(st.booleans()):
            responses = [{"name": name, "response": draw(VALUE)} for name, _ in named]
            made.append({**answer, "tool_responses": responses})
        else:
            answered = draw(st.permutations(list(zip(calls, contents, strict=True))))
            made += [
                answer,
                *({"role": "tool", "tool_call_id": call["id"], "content": content} for call, content in answered),
            ]
    return made


SCHEMA: st.SearchStrategy[Any] = st.recursive(
    st.fixed_dictionaries(
        {"type": st.sampled_from(["string", "INTEGER", "number", "boolean"])},
        optional={"description": TEXT, "nullable": st.booleans()},
    )
    | st.fixed_dictionaries({"type": st.just("string"), "enum": st.lists(TEXT, max_size=2)}),
    lambda inner: st.fixed_dictionaries(
        {"type": st.just("object"), "properties": st.dictionaries(KEY, inner, max_size=3)},
        optional={"description": TEXT, "required": st.lists(KEY, max_size=2)},
    ),
    max_leaves=5,
)
# What is empty or false in items is printed by Google's template and left out here.
ITEMS = SCHEMA.map(lambda schema: {key: value for key, value in schema.items() if value or key == "properties"})
LISTED = SCHEMA | ITEMS.map(lambda schema: {"type": "array", "items": schema})
TOOL = st.fixed_dictionaries(
    {"name": NAME},
    optional={
        "description": TEXT,
        "parameters": st.fixed_dictionaries(
            {"type": st.just("object")},
            optional={"properties": st.dictionaries(KEY, LISTED, max_size=3), "required": st.lists(KEY, max_size=2)},
        ),
    },
).map(lambda function: {"type": "function", "function": function})


@given(
    system=st.sampled_from(["system", "developer"]).flatmap(
        lambda role: st.lists((TEXT | st.none()).map(lambda content: {"role": role, "content": content}), max_size=1)
    ),
    rounds=st.lists(st.tuples(turns(), THOUGHT, TEXT), max_size=3),
    last=turns() | st.just([]),
    tools=st.lists(TOOL, max_size=2),
    options=st.fixed_dictionaries(
        {},
        optional={
            "add_generation_prompt": st.booleans(),
            "enable_thinking": st.booleans(),
            "preserve_thinking": st.booleans(),
            "bos": st.sampled_from(["<bos>", "", "<s>"]),
        },
    ),
    model=st.sampled_from(["large", "small", "diffusion"]),
)
@settings(SETTINGS, max_examples=300)
def test_what_needs_no_repair(
    impl: ModuleType, system: list[Any], rounds: list[Any], last: list[Any], tools: list[Any], options: Any, model: str
) -> None:
    """Tidy conversations are rendered alike in both styles, without a warning."""
    messages = list(system)
    for turn, thought, answer in rounds:
        messages += [*turn, {"role": "assistant", "content": answer, **thought}]
    messages += last
    fixed = impl.render(messages, tools, model=model, **options)
    # The official style of DiffusionGemma opens a turn behind every result.
    google = "small" if model == "diffusion" else model
    assert fixed == impl.render(messages, tools, model=google, style="official", **options)
    assert fixed.warnings == ()
