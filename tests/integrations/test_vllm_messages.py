"""Messages that are made without the host's constructors, and the short way of the steps, against the host's own."""

from __future__ import annotations

import copy
import importlib
import pickle
from typing import Any

import pytest

pytest.importorskip("vllm", reason="vLLM is not installed here")

from helpers import Case
from integrations.test_vllm_stream import (
    CALL,
    CASES,
    SIZES,
    THOUGHT,
    TOOLS,
    output,
    settings,
    settings_of,
    tools_of,
    turn,
)
from integrations.vllm_host import PROMPT, STOPS, Said, Server, composed, request, two_halves


def models() -> Any:
    from gemma4_parser.integrations import vllm_messages

    return vllm_messages


def made_and_wanted() -> list[tuple[Any, Any]]:
    """Messages of ours, each with that of the host's constructors."""
    host = models()
    message, call, function = host.DeltaMessage, host.DeltaToolCall, host.DeltaFunctionCall

    def first(index: int, arguments: str) -> Any:
        return call(id="i", type="function", index=index, function=function(name="f", arguments=arguments))

    def more(index: int, arguments: str) -> Any:
        return call(index=index, function=function(arguments=arguments))

    piece = importlib.import_module("gemma4_parser.integrations.delta").CallPiece
    start, go_on = piece(0, "i", "f", "{"), piece(0, None, None, "x")
    return [
        (host.delta_message("a"), message(content="a")),
        (host.delta_message(None), message()),
        (host.delta_message(None, "r"), message(reasoning="r")),
        (host.text_message("content", "é"), message(content="é")),
        (host.text_message("reasoning", "r"), message(reasoning="r")),
        (host.fragment_message(3, '"x'), message(tool_calls=[more(3, '"x')])),
        (host.pieces_message(None, "a", []), message(content="a")),
        (host.pieces_message(None, None, [go_on]), message(tool_calls=[more(0, "x")])),
        (host.pieces_message(None, None, [start]), message(tool_calls=[first(0, "{")])),
    ]


def test_messages_are_those_of_the_host() -> None:
    for made, wanted in made_and_wanted():
        assert made == wanted
        assert type(made) is type(wanted)
        assert made.model_dump() == wanted.model_dump()
        for options in ({}, {"exclude_unset": True}, {"exclude_none": True}):
            assert made.model_dump_json(**options) == wanted.model_dump_json(**options)
        assert repr(made) == repr(wanted)
        pairs = [(made, wanted)]
        while pairs:
            one, other = pairs.pop()
            assert vars(one) == vars(other) and list(vars(one)) == list(vars(other))
            assert one.model_fields_set == other.model_fields_set
            assert one.__pydantic_extra__ == other.__pydantic_extra__
            assert one.__pydantic_private__ == other.__pydantic_private__
            calls = zip(getattr(one, "tool_calls", ()), getattr(other, "tool_calls", ()), strict=True)
            pairs += [*calls, *([(one.function, other.function)] if hasattr(one, "function") else [])]
        assert pickle.loads(pickle.dumps(made)) == copy.deepcopy(made) == made.model_copy() == wanted
        assert type(made).model_validate(made.model_dump()) == wanted


def test_the_server_may_change_a_message() -> None:
    """Nothing is shared between two messages."""
    for (changed, _), (made, wanted) in zip(made_and_wanted(), made_and_wanted(), strict=True):
        for call in changed.tool_calls:
            call.function.arguments = "changed"
            call.function.name = "changed"
            call.id = "changed"
        changed.tool_calls.append("changed")
        changed.role = changed.content = changed.reasoning = changed.unknown = "changed"
        assert made == wanted
        assert made.model_fields_set == wanted.model_fields_set
    again = made_and_wanted()
    assert all(made == wanted and made.model_fields_set == wanted.model_fields_set for made, wanted in again)


# The short way.


def own_way(parser_class: Any) -> Any:
    """The same class with all steps on the server's own way."""
    host = importlib.import_module("vllm.parser.abstract_parser")
    return type("OwnWay", (parser_class,), {"parse_delta": host.DelegatingParser.parse_delta})


def without_ids(said: Said) -> Any:
    for message in said.messages:
        for piece in message.get("tool_calls", ()):
            piece.pop("id", None)
    return said.messages, said.finish_reason


def counts() -> dict[tuple[str, ...], float]:
    """What the server counts of parsers."""
    metrics: Any = importlib.import_module("vllm.parser.metrics")
    (found,) = metrics._tool_call_parser_invocations.collect()
    return {tuple(sorted(one.labels.items())): one.value for one in found.samples if one.name.endswith("_total")}


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """As `vllm serve` has it."""
    metrics: Any = importlib.import_module("vllm.parser.metrics")
    monkeypatch.setattr(metrics, "_tool_call_parser_invocations", metrics._tool_call_parser_invocations)
    metrics.init_parser_metrics(model_name="m")


def run(case: Case, size: int, parser_class: Any, **fields: Any) -> Any:
    ids = output(case)
    limit = {} if case.finish == "stop" else {"max_completion_tokens": len(ids)}
    asked = request(tools_of(case), ignore_eos=not STOPS.isdisjoint(ids[:-1]), **limit, **fields)
    server = Server(asked, prompt=PROMPT[case.options.get("start", "content")], parser_class=parser_class)
    before = counts()
    said = server.run(ids, size, case.finish if case.finish != "stop" else "stop")
    after = counts()
    counted = {label: value - before.get(label, 0.0) for label, value in after.items()}
    return without_ids(said), counted, server.parser.tool_parser.push is not None


@pytest.mark.skipif(not two_halves(), reason="0.22 has one way")
@pytest.mark.parametrize("size", SIZES)
def test_the_short_way_says_and_counts_what_the_long_one_does(size: int, counted: None) -> None:
    short = composed()
    for case in CASES:
        with settings(settings_of(case)):
            said, seen, used = run(case, size, short)
            wanted, wanted_seen, _ = run(case, size, own_way(short))
        assert (said, seen) == (wanted, wanted_seen), case.id
        assert used


@pytest.mark.skipif(not two_halves(), reason="0.22 has one way")
@pytest.mark.parametrize(
    "fields",
    [
        {"include_reasoning": False},
        {"stop": ["END"]},
        {"tool_choice": "none"},
        {"tool_choice": "required"},
        {"parallel_tool_calls": False},
    ],
)
@pytest.mark.parametrize("names", [("gemma4_rust", "gemma4_rust"), ("gemma4_rust", "gemma4"), ("gemma4_rust", None)])
def test_the_short_way_of_other_requests(fields: dict[str, Any], names: tuple[str, str | None], counted: None) -> None:
    short = composed(*names)
    ids = turn(THOUGHT + "One." + CALL + "Two." + CALL)
    for size in (1, 3):
        found = []
        for parser_class in (short, own_way(short)):
            before = counts()
            said = Server(request(TOOLS, **fields), prompt=PROMPT["content"], parser_class=parser_class).run(ids, size)
            after = counts()
            found.append((without_ids(said), {label: value - before.get(label, 0) for label, value in after.items()}))
        assert found[0] == found[1]


@pytest.mark.skipif(not two_halves(), reason="0.22 has one way")
def test_another_server_is_gone_through_its_own_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the functions of a step are not those that are known, none of them is left out."""
    from gemma4_parser.integrations import vllm_composed

    assert vllm_composed.server_step() == vllm_composed.SERVER_STEP, "a step of this vLLM differs: read it, then add it"
    abstract: Any = importlib.import_module("vllm.parser.abstract_parser")
    seen: list[int] = []
    own = abstract.DelegatingParser.extract_tool_calls_streaming

    def other(self: Any, *args: Any, **kwargs: Any) -> Any:
        seen.append(len(args) + len(kwargs))
        return own(self, *args, **kwargs)

    monkeypatch.setattr(abstract.DelegatingParser, "extract_tool_calls_streaming", other)
    assert vllm_composed.server_step() != vllm_composed.SERVER_STEP
    composed.cache_clear()
    ids = turn("One." + CALL)
    said = Server(request(TOOLS), prompt=PROMPT["content"]).run(ids, 1)
    assert (said.content, len(said.accepted())) == ("One.", 1)
    assert len(seen) == len(ids)
    monkeypatch.undo()
    composed.cache_clear()
