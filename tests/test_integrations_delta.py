"""Deltas, chunk styles, profiles, counters and pacing: what the integrations share, on both implementations."""

from __future__ import annotations

import json
import logging
from types import ModuleType
from typing import Any

import pytest

from gemma4_parser.integrations import delta as module
from gemma4_parser.integrations.counters import COUNTERS, Counters
from gemma4_parser.integrations.delta import (
    CallPiece,
    Delta,
    DeltaStream,
    Settings,
    as_written,
    known_ids,
    rewrite,
    tool_dicts,
    unparsed_text,
)
from gemma4_parser.integrations.pacing import Pacer
from gemma4_parser.integrations.profiles import PROFILES, profile
from gemma4_parser.message import ToolCall
from helpers import CONTROL_IDS, FIRST_BYTE, Case, cases, cuts, tokenise

CALL = '<|tool_call>call:f{a:1,s:<|"|>x<|"|>}<tool_call|>'
ARGUMENTS = '{"a":1,"s":"x"}'
CASES = cases()


@pytest.fixture
def stream(impl: ModuleType, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Makes a `DeltaStream` of the implementation, with ids `c0`, `c1`, …"""
    monkeypatch.setattr(module, "StreamParser", impl.StreamParser)
    numbers = iter(range(10_000))

    def make(vocabulary: Any = None, **options: Any) -> DeltaStream:
        return DeltaStream(vocabulary, new_id=lambda: f"c{next(numbers)}", **options)

    return make


class Client:
    """What a client makes of deltas."""

    def __init__(self) -> None:
        self.reasoning = ""
        self.content = ""
        self.calls: dict[int, list[str]] = {}

    def add(self, delta: Delta | None) -> None:
        if delta is None:
            return
        assert delta.reasoning or delta.content or delta.calls
        self.reasoning += delta.reasoning or ""
        self.content += delta.content or ""
        for index, call_id, name, arguments in delta.calls:
            if index not in self.calls:
                assert call_id and name
                self.calls[index] = [name, ""]
            self.calls[index][1] += arguments


def fed(stream: DeltaStream, deltas: list[Any], finish: Any = "stop") -> Client:
    client = Client()
    for piece in deltas:
        client.add(stream.push_text(piece) if isinstance(piece, str) else stream.push(piece))
    client.add(stream.finish(finish))
    return client


@pytest.mark.parametrize("case", CASES, ids=[case.id for case in CASES])
def test_vectors(impl: ModuleType, vocabulary: Any, stream: Any, case: Case) -> None:
    """The deltas of every cut add up to the message; nothing is handed over where that is off."""
    options = {name: value for name, value in case.options.items() if name in ("tools", "start", "parse_reasoning")}
    settings = Settings(
        profile=PROFILES["spaced" if case.options.get("spaced") else "default"],
        unparsed="never",
        lenient=case.options.get("lenient", True),
        coerce=case.options.get("coerce", False),
    )
    for whole in [case.text] * ("text" in case.forms) + [tokenise(case.text)] * ("ids" in case.forms):
        message = impl.parse(whole, vocabulary, finish=case.finish, **case.options)
        for cut in list(cuts(whole, 3, seed=len(case.id))):
            made = stream(vocabulary, settings=settings, **options)
            client = fed(made, cut, case.finish)
            assert client.reasoning == (message.reasoning or "")
            assert client.content == (message.content or "")
            accepted = [call for call in made.calls if call.status in ("complete", "repaired")]
            assert [(call.name, call.arguments) for call in accepted] == [
                (call.name, call.arguments) for call in message.tool_calls
            ]
            for call in made.calls:
                assert client.calls[call.index] == [call.name, call.arguments]


def test_one_step(stream: Any) -> None:
    made = stream()
    assert made.push_text("Text." + CALL) == Delta(None, "Text.", [CallPiece(0, "c0", "f", ARGUMENTS)])
    assert made.push_text("") is None
    assert made.finish("stop") is None
    assert made.finish("stop") is None
    assert made.push_text("late") is None


def test_styles(stream: Any) -> None:
    """Of two calls, each in pieces, and one that is rejected."""
    pieces = [*CALL, *CALL, *"<|tool_call>call:g{a:<tool_call|>", "<turn|>"]
    sent: dict[str, list[CallPiece]] = {}
    for style in ("standard", "repeat_ids", "whole_calls"):
        made = stream(settings=Settings(style=style))
        deltas = [made.push_text(piece) for piece in pieces]
        sent[style] = [piece for delta in deltas if delta for piece in delta.calls]
    assert [piece.id is not None for piece in sent["standard"] if piece.index == 0].count(True) == 1
    assert sent["standard"][0] == CallPiece(0, "c0", "f", "{")
    assert {(piece.index, piece.name) for piece in sent["repeat_ids"]} == {(0, "f"), (1, "f"), (2, "g")}
    assert len({piece.id for piece in sent["repeat_ids"]}) == 3
    assert [(piece.index, piece.arguments) for piece in sent["whole_calls"]] == [(0, ARGUMENTS), (1, ARGUMENTS)]


def test_what_cannot_be_parsed(stream: Any, caplog: pytest.LogCaptureFixture) -> None:
    COUNTERS.clear()
    caplog.set_level(logging.WARNING, "gemma4_parser")
    assert fed(stream(), ["<|tool_call>non", "sense<turn|>"]).content == "<|tool_call>nonsense"
    assert COUNTERS.snapshot() == {("unparsed", "not_a_call"): 1, ("handed_over", "empty"): 1}
    assert "not_a_call" in caplog.text
    assert fed(stream(settings=Settings(unparsed="never")), ["<|tool_call>nonsense"]).content == ""
    assert fed(stream(), ["Text.<|tool_call>nonsense"]).content == "Text."
    always = Settings(unparsed="always")
    assert fed(stream(settings=always), ["Text.<|tool_call>nonsense"]).content == "Text.<|tool_call>nonsense"
    # A thought is no answer, and a stray marker is nothing to hand over.
    assert fed(stream(), ["<|channel>thought\nHm.<channel|><|tool_call>x"]).content == "<|tool_call>x"
    assert fed(stream(), ["<channel|>"]).content == ""
    # What was sent of a call that is cut off is not sent again; where nothing was, it is.
    cut = '<|tool_call>call:f{path:<|"|>/tmp/a'
    assert fed(stream(), [cut], "length").content == ""
    whole = fed(stream(settings=Settings(style="whole_calls")), [cut], "length")
    assert whole.calls == {} and "/tmp/a" in whole.content


def test_no_tool_may_be_called(stream: Any) -> None:
    COUNTERS.clear()
    client = fed(stream(calls=False), ["Text.", CALL])
    assert (client.content, client.calls) == ("Text.", {})
    assert COUNTERS.value("call", "suppressed") == 1
    assert "call:f" in fed(stream(calls=False), [CALL]).content
    always = Settings(unparsed="always")
    assert fed(stream(calls=False, settings=always), [f"Text.{CALL}"]).content.count("call:f") == 1
    assert "call:f" not in fed(stream(calls=False, settings=Settings(unparsed="never")), [CALL]).content


def test_counters_count_repairs_and_statuses(stream: Any) -> None:
    COUNTERS.clear()
    fed(stream(), [CALL, "<|tool_call>:g{a=1}<tool_call|>", "<|tool_call>call:h{a:1"], "length")
    assert COUNTERS.snapshot() == {
        ("call", "complete"): 1,
        ("call", "repaired"): 1,
        ("call", "rejected"): 1,
        ("repair", "colon_opener"): 1,
        ("repair", "equals_sign"): 1,
        ("unparsed", "truncated_call"): 1,
    }


def test_counters_alone() -> None:
    counters = Counters()
    assert counters.value("call", "complete") == 0
    counters.add("call", "complete")
    counters.add("call", "complete")
    assert counters.snapshot() == {("call", "complete"): 2}


def test_settings_of_the_environment() -> None:
    assert Settings.from_environment({}) == Settings()
    variables = {
        "GEMMA4_PARSER_PROFILE": "vllm-0.22",
        "GEMMA4_PARSER_CHUNKS": "whole_calls",
        "GEMMA4_PARSER_UNPARSED": "never",
    }
    asked = Settings.from_environment(variables)
    assert (asked.profile.name, asked.style, asked.unparsed) == ("vllm-0.22", "whole_calls", "never")
    for name, right in (("PROFILE", "vllm-0.33"), ("CHUNKS", "repeat_ids"), ("UNPARSED", "always")):
        with pytest.raises(ValueError, match=right):
            Settings.from_environment({f"GEMMA4_PARSER_{name}": "other"})


VALUES = 'i:42,n:-0,f:1.50,e:1e-05,x:1.5e3,t:true,z:null,s:<|"|>42<|"|>,q:<|"|>a"1\\<|"|>,l:[1,[],{k:2.0}],o:{}'
PROPERTIES = {
    **{"i": {"type": "integer"}, "f": {"type": "number"}, "x": {"type": "integer"}, "t": {"type": "boolean"}},
    **{
        "z": {"type": ["string", "null"]},
        "s": {"type": "integer"},
        "l": {"type": "array", "items": {"type": "number"}},
    },
}
TOOLS = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": PROPERTIES}}}]


@pytest.mark.parametrize(
    ("name", "tools", "arguments"),
    [
        (
            "vllm-0.22",
            TOOLS,
            '{"i": 42, "n": 0, "f": 1.5, "e": "1e-05", "x": 1500.0, "t": true, "z": null, "s": "42", "q": "a\\"1\\\\", '
            '"l": [1, [], {"k": 2.0}], "o": {}}',
        ),
        (
            "vllm-0.33",
            [],
            '{"i": "42", "n": "-0", "f": "1.50", "e": "1e-05", "x": "1.5e3", "t": "true", "z": "null", "s": "42", '
            '"q": "a\\"1\\\\", "l": ["1", [], {"k": "2.0"}], "o": {}}',
        ),
        (
            "vllm-0.33",
            TOOLS,
            '{"i": 42, "n": "-0", "f": 1.5, "e": "1e-05", "x": 1500.0, "t": true, "z": null, "s": 42, '
            '"q": "a\\"1\\\\", "l": [1, [], {"k": "2.0"}], "o": {}}',
        ),
        (
            "spaced",
            [],
            '{"i": 42, "n": -0, "f": 1.50, "e": 1e-05, "x": 1.5e3, "t": true, "z": null, "s": "42", "q": "a\\"1\\\\", '
            '"l": [1, [], {"k": 2.0}], "o": {}}',
        ),
    ],
)
def test_profiles(stream: Any, name: str, tools: list[dict[str, Any]], arguments: str) -> None:
    text = f"<|tool_call>call:f{{{VALUES}}}<tool_call|>"
    settings = Settings(profile=profile(name))
    for _ in range(2):
        for cut in cuts(text, 6, seed=1):
            assert fed(stream(settings=settings, tools=tools), cut).calls[0] == ["f", arguments]


def test_profiles_of_whole_calls() -> None:
    call = ToolCall("f", '{"a":1.50,"b":"x"}')
    assert rewrite(call, Settings(), []) == call.arguments
    assert rewrite(call, Settings(profile=profile("vllm-0.33")), []) == '{"a": "1.50", "b": "x"}'
    with pytest.raises(ValueError, match=r"vllm-0\.33"):
        profile("vllm")


@pytest.mark.parametrize("name", PROFILES)
@pytest.mark.parametrize("style", ["standard", "whole_calls"])
def test_what_a_profile_holds_of_a_rejected_call_is_not_lost(stream: Any, name: str, style: Any) -> None:
    cut = '<|tool_call>call:f{a:<|"|>x y'
    for pieces in ([cut], list(cut)):
        made = stream(settings=Settings(profile=profile(name), style=style, unparsed="always"))
        client = fed(made, pieces, "length")
        sent = "".join(arguments for _, arguments in client.calls.values())
        assert ("<|tool_call>call:f{" in client.content) is (style == "whole_calls")
        assert "x y" in sent + client.content and (sent + client.content).count("x y") == 1
    made = stream(settings=Settings(profile=profile(name), style=style), calls=False)
    client = fed(made, ['<|tool_call>call:f{a:<|"|>x y<|"|>}<tool_call|>'])
    assert client.calls == {} and "x y" in client.content and client.content.startswith("<|tool_call>call:f{")


def test_tools_may_be_models() -> None:
    class Model:
        def model_dump(self) -> dict[str, Any]:
            return TOOLS[0]

    assert tool_dicts([Model(), TOOLS[0]]) == [TOOLS[0]] * 2
    assert tool_dicts(None) == []


def test_unparsed_text(impl: ModuleType) -> None:
    message = impl.parse("a<|tool_call>x<tool_call|>b<channel|>c<|tool_call>call:f{a:1", finish="length")
    assert unparsed_text(message).startswith("<|tool_call>x<tool_call|><|tool_call>call:f{")


@pytest.mark.parametrize(
    ("output", "written"),
    (
        ('<|tool_call>call:f{a:<|"|>x', '<|tool_call>call:f{a:<|"|>x'),
        (
            "Text.<|tool_call>call:f{}<tool_call|><|tool_call>call:g{<turn|><eos>",
            "<|tool_call>call:f{}<tool_call|><|tool_call>call:g{",
        ),
        (
            "<|channel>thought\nA<channel|>\n<|tool_call>call:a{x:[}<tool_call|><|channel>thought\nSECRET<channel|>\n",
            "<|tool_call>call:a{x:[}<tool_call|>",
        ),
        (
            "<|tool_call>call:a{}<tool_call|><|tool_response>response:a{x:1}<tool_response|>x<|tool_call>call:b{}<tool_call|>",
            "<|tool_call>call:a{}<tool_call|><|tool_call>call:b{}<tool_call|>",
        ),
        ("<|tool_call>call:a{x:1}<tool_call|><|channel>thought\nS<channel|>", "<|tool_call>call:a{x:1}<tool_call|>"),
        (
            '<|tool_call>call:a{x:<|"|><tool_call|>y<|"|>,}}<tool_call|>',
            '<|tool_call>call:a{x:<|"|><tool_call|>y<|"|>,}}<tool_call|>',
        ),
        (
            "<|channel>thought\n<|tool_call>x<channel|>A<|tool_call>call:f{<|tool_response>",
            "<|tool_call>x<|tool_call>call:f{",
        ),
        ("call:f{", ""),
        ("", ""),
    ),
)
def test_calls_as_they_were_written(output: str, written: str) -> None:
    assert as_written(output) == written


@pytest.mark.parametrize("size", [1, 2, 5])
@pytest.mark.parametrize("lag", range(7))
def test_pacing(vocabulary: Any, size: int, lag: int) -> None:
    """Ids are given on as far as the text has come, whatever runs ahead; what was cut off never."""
    ids = tokenise("Hé 東京 <|channel>thought\nx<channel|>y😀 END", words=False)
    text = vocabulary.decode(ids)
    pacer = Pacer(vocabulary, frozenset(CONTROL_IDS.values()))
    given: list[int] = []
    sent = 0
    for at in range(0, len(ids), size):
        upto = max(sent, len(vocabulary.decode(ids[: at + size]).rstrip("\ufffd")) - lag)
        given += pacer.push(ids[at : at + size], text[sent:upto])
        sent = upto
        assert vocabulary.decode(given) == text[: len(vocabulary.decode(given))]
        assert len(vocabulary.decode(given)) <= sent
    if lag == 4:  # the text was cut there, for good
        assert pacer.rest() == []
        assert vocabulary.decode(given) == text[:-lag]
        return
    given += pacer.push([], text[sent:])
    assert given == ids


def test_pacing_where_a_token_is_cut(vocabulary: Any) -> None:
    """A stop string may begin within a token: what stands before it is spelled by the ids of single bytes."""
    letters = [FIRST_BYTE + byte for byte in range(256)]
    ids = tokenise("An é Paris and<turn|>")
    for cut in ("An é Pa", "An é P", "An ", "A", "", "An é"):
        pacer = Pacer(vocabulary, frozenset(CONTROL_IDS.values()), letters)
        given = [*pacer.push(ids[:3], ""), *pacer.push(ids[3:], cut), *pacer.rest()]
        assert vocabulary.decode(given) == cut
    pacer = Pacer(vocabulary, frozenset(CONTROL_IDS.values()), letters)
    assert [*pacer.push(ids, "An é Paris and"), *pacer.rest()] == ids


def test_pacing_of_a_whole_output_is_linear(vocabulary: Any) -> None:
    """Each id is decoded once, and the text is not copied for each."""
    decoded: list[int] = []

    class Counting:
        def decode(self, ids: Any) -> str:
            decoded.append(len(ids))
            text: str = vocabulary.decode(ids)
            return text

    ids = tokenise("Some text. " * 500)
    known: Any = Counting()
    pacer = Pacer(known, frozenset(CONTROL_IDS.values()))
    assert pacer.push([*ids, CONTROL_IDS["<turn|>"]], vocabulary.decode(ids)) == ids
    assert pacer.rest() == [CONTROL_IDS["<turn|>"]]
    assert sum(decoded) < 3 * len(ids)


def test_ids_that_the_vocabulary_does_not_have(vocabulary: Any) -> None:
    COUNTERS.clear()
    assert known_ids(vocabulary, [300, 300_000, -1, 301]) == [300, 301]
    assert known_ids(vocabulary, [300]) == [300]
    assert COUNTERS.snapshot() == {("unparsed", "unknown_id"): 1}
    pacer = Pacer(vocabulary, frozenset(CONTROL_IDS.values()))
    assert pacer.push([300, 300_000, 301], vocabulary.decode([300, 301])) == [300, 301]


def test_pacing_with_text_without_special_tokens(vocabulary: Any) -> None:
    pacer = Pacer(vocabulary, frozenset(CONTROL_IDS.values()))
    ids = tokenise("<|channel>thought\nx<channel|>y")
    assert pacer.push(ids, "thought\nxy") == ids


def test_json_is_never_broken_by_a_profile(stream: Any) -> None:
    settings = Settings(profile=profile("vllm-0.22"))
    number = "9" * 5000
    client = fed(stream(settings=settings), [f"<|tool_call>call:f{{a:{number},b:1.0e999}}<tool_call|>"])
    assert json.loads(client.calls[0][1])["a"] == number
