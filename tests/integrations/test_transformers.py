"""transformers: its streamer, its server's reading of events, tokenizers and pipelines, with this package's parser."""

from __future__ import annotations

import asyncio
import importlib
import json
import os
import subprocess
import sys
from decimal import Decimal
from typing import Any

import pytest

pytest.importorskip("transformers", minversion="5.0", reason="transformers 5 is not installed here")
import gemma4_parser as g4
from gemma4_parser.integrations import transformers as ours
from gemma4_parser.integrations.counters import COUNTERS
from gemma4_parser.integrations.others import plain
from helpers import CONTROL_IDS, Case, tokenise
from integrations.hostile import outputs, texts
from integrations.hosts import SIZES, TEXT_CASES, Turn, call_text, deltas, expected_content, tokenizer, tools_of, turns

SERVING = "transformers.cli.serving.utils"
PARSING = "transformers.utils.chat_parsing"
serving: Any = pytest.importorskip(SERVING, reason="the parts for serving are not installed")
GEMMA4: Any = next(template for kinds, template in serving._RESPONSE_TEMPLATE_FALLBACKS.items() if "gemma4" in kinds)
PROMPTS = {"content": "<|turn>user\nHi<turn|>\n<|turn>model\n", "reasoning": "<tool_response|><|channel>thought\n"}
CASES = [case for case in TEXT_CASES if case.options.get("parse_reasoning", True)]
"""transformers has no switch for thoughts."""


def chat_parsing() -> Any:
    return importlib.import_module(PARSING)


def message_of(case: Case, output: Any = None, vocabulary: Any = None) -> g4.Message:
    """As the parser reads it, where an end marker says that the output is whole, and none that it was cut."""
    start: Any = case.options.get("start", "content")
    given = case.text if output is None else output
    cut = g4.parse(given, vocabulary, tools=tools_of(case), start=start, finish="length")
    end = case.text.replace("<pad>", "").rstrip(" \t\r\n")
    if cut.end == "length" and not end.endswith(("<turn|>", "<eos>", "<|tool_response>")):
        return cut
    return g4.parse(given, vocabulary, tools=tools_of(case), start=start)


def check(message: dict[str, Any], expected: g4.Message) -> None:
    assert message["role"] == "assistant"
    assert message.get("reasoning_content", "") == (expected.reasoning or "")
    assert message.get("content", "") == expected_content(expected, started=False)
    calls = [{"name": call.name, "arguments": plain(call.value())} for call in expected.tool_calls]
    assert [call["function"] for call in message.get("tool_calls", [])] == calls
    assert all(call["type"] == "function" for call in message.get("tool_calls", []))
    spans = [(span["reason"], span["text"], span["name"]) for span in message.get("unparsed", [])]
    assert spans == [(span.reason, span.text, span.name) for span in expected.unparsed]


def check_events(events: list[dict[str, Any]], message: dict[str, Any]) -> None:
    """Regions open and close in turn, their chunks are their values, and together they are the message."""
    fields: dict[str, list[Any]] = {}
    inside, text = None, ""
    for event in events:
        if event["type"] == "region_open":
            assert inside is None
            inside, text = event["field"], ""
            continue
        assert event["field"] == inside
        if event["type"] == "region_chunk":
            text += event["text"]
            assert event["dirty"] is (inside == "tool_calls")
        else:
            assert event["type"] == "region_close"
            value = event["value"]
            assert inside == "tool_calls" or value == text
            fields.setdefault(str(inside), []).append(value)
            inside = None
    assert inside is None
    joined = {field: values if field == "tool_calls" else "".join(values) for field, values in fields.items()}
    joined = {field: value for field, value in joined.items() if value}  # a thought that the prompt opens may be empty
    assert joined == {field: value for field, value in message.items() if field not in ("role", "unparsed")}


@pytest.mark.parametrize("size", SIZES)
def test_vectors_as_text(size: str) -> None:
    for case in CASES:
        prompt = PROMPTS[case.options.get("start", "content")]
        parser = ours.Gemma4ResponseParser(prefix=prompt, tools=tools_of(case))
        events = list(parser.initial_events)
        for delta in deltas(case.text, size):
            events += parser.feed(delta)
        message, last = parser.finalize()
        check(message, message_of(case))
        check_events(events + last, message)


def test_vectors_as_ids() -> None:
    attached = ours.attach(tokenizer())
    vocabulary = g4.Vocabulary.from_tokenizer(attached)
    for case in CASES:
        if "ids" not in case.forms or not case.text:  # no ids are no outputs, as transformers has it
            continue
        ids = tokenise(case.text)
        prompt = attached.encode(PROMPTS[case.options.get("start", "content")], add_special_tokens=False)
        expected = message_of(case, ids, vocabulary)
        check(attached.parse_response(ids, prefix=prompt, tools=tools_of(case)), expected)
        check(attached.parse_response(ids, prefix=attached.decode(prompt), tools=tools_of(case)), expected)
        parser = attached.get_response_parser(prefix=prompt, tools=tools_of(case))
        for at in range(0, len(ids), 4):
            parser.feed(ids[at : at + 4])
        check(parser.finalize()[0], expected)


@pytest.mark.parametrize("size", ["1 character", "4", "whole"])
def test_what_no_model_should_write(size: str) -> None:
    for number, text in enumerate(texts(150, seed=9)):
        start = ("content", "reasoning")[number % 2]
        case = CASES[0]._replace(text=text, options={"start": start})
        parser = ours.Gemma4ResponseParser(prefix=PROMPTS[start], tools=tools_of(case))
        events = list(parser.initial_events)
        for delta in deltas(text, size):
            events += parser.feed(delta)
        message, last = parser.finalize()
        check(message, message_of(case))
        check_events(events + last, message)


def test_ids_that_the_tokenizer_does_not_have() -> None:
    """They have no text, in prompts and in outputs."""
    attached = ours.attach(tokenizer())
    before = COUNTERS.value("unparsed", "unknown_id")
    ids = [300_000, *tokenise("Hi"), -100, CONTROL_IDS["<turn|>"]]
    assert attached.parse_response(ids, prefix=[300_000, *PROMPT])["content"] == "Hi"
    assert COUNTERS.value("unparsed", "unknown_id") > before


@pytest.mark.parametrize("policy", ["empty", "never", "always"])
def test_unparsed_text(policy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GEMMA4_PARSER_UNPARSED", policy)
    bad = "<|tool_call>nonsense<tool_call|>"
    for text in ("", "Hi"):
        message = ours.parse_response(f"{text}{bad}<turn|>", prefix="")
        handed_over = policy == "always" or (policy == "empty" and not text)
        assert message.get("content", "") == text + (bad if handed_over else "")
        assert [span["reason"] for span in message["unparsed"]] == ["not_a_call"]


def served(ids: list[int], prompt: list[int], template: Any = GEMMA4) -> tuple[str, str, list[tuple[str, Any]]]:
    """What `transformers serve` queues for a stream: reasoning, content and calls."""
    torch: Any = importlib.import_module("torch")
    made = tokenizer()

    async def run() -> list[Any]:
        queue: asyncio.Queue[Any] = asyncio.Queue()
        parser = serving.ResponseParser(template, prefix=made.decode(prompt))
        streamer = serving.DirectStreamer(made._tokenizer, asyncio.get_running_loop(), queue, parser)
        streamer.put(torch.tensor(prompt))
        for token in ids:
            streamer.put(torch.tensor([token]))
        streamer.end()
        found = []
        while (item := await queue.get()) is not None:
            found.append(item)
        return found

    items = asyncio.run(run())
    reasoning = "".join(item for item in items if isinstance(item, serving.ReasoningText))
    content = "".join(item for item in items if type(item) is str)
    calls = [(item.name, json.loads(item.arguments)) for item in items if isinstance(item, serving.ToolCall)]
    return reasoning, content, calls


STOPS = {CONTROL_IDS[literal] for literal in ("<eos>", "<turn|>", "<|tool_response>")}
PROMPT = [CONTROL_IDS["<|turn>"], *tokenise("model\n")]


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """`take_over`, and all as before behind the test."""
    for place in ("transformers.tokenization_utils_base", PARSING, f"{PARSING}.response_parser", SERVING):
        module = importlib.import_module(place)
        for name in ("ResponseParser", "parse_response", "_template_parse_response"):
            if hasattr(module, name):
                monkeypatch.setattr(module, name, getattr(module, name))
    monkeypatch.setattr(serving, "_RESPONSE_TEMPLATE_FALLBACKS", dict(serving._RESPONSE_TEMPLATE_FALLBACKS))
    assert ours.take_over()
    assert ours.take_over()


@pytest.mark.usefixtures("taken")
def test_the_servers_streamer_is_never_in_trouble() -> None:
    for ids in outputs(60, seed=2)[::4]:
        text = tokenizer().decode(ids)
        if "\ufffd" in text:
            continue  # its own decoder fails on bytes that are no characters
        reasoning, content, calls = served(ids, PROMPT)
        message = g4.parse(text, finish="stop" if ids[-1] in STOPS else "length")
        assert calls == [(call.name, json.loads(json.dumps(plain(call.value())))) for call in message.tool_calls]
        assert reasoning == (message.reasoning or "")
        assert content == expected_content(message, started=False)


@pytest.mark.usefixtures("taken")
def test_the_servers_streamer_and_its_whole_messages() -> None:
    from types import SimpleNamespace

    for number, turn in enumerate(turns(100, seed=5)):
        kind = ("gemma4", "gemma4_unified")[number % 2]
        model = SimpleNamespace(config=SimpleNamespace(model_type=kind))
        ids = [*tokenise(turn.text), CONTROL_IDS["<turn|>"]]
        assert served(ids, PROMPT) == (turn.reasoning, turn.content, turn.calls)
        content, reasoning, calls = serving.parse_assistant_message(tokenizer(), model, ids, PROMPT)
        assert (reasoning or "", content) == (turn.reasoning, turn.content)
        assert [(call.name, json.loads(call.arguments)) for call in calls or []] == turn.calls


@pytest.mark.usefixtures("taken")
def test_a_marker_in_a_string_and_a_cut_call_in_the_server() -> None:
    call = call_text("f", {"a": "x<tool_call|>y"})
    assert served([*tokenise(call), CONTROL_IDS["<turn|>"]], PROMPT)[2] == [("f", {"a": "x<tool_call|>y"})]
    assert served(tokenise(call)[:-1], PROMPT)[2] == []


@pytest.mark.usefixtures("taken")
def test_other_templates_are_read_as_before() -> None:
    other = next(iter(serving._RESPONSE_TEMPLATE_FALLBACKS.values()))
    parser = serving.ResponseParser(other, prefix="")
    assert not isinstance(parser, ours.Gemma4ResponseParser)
    parser.feed("<think>a</think>b")
    assert parser.finalize()[0] == {"role": "assistant", "reasoning_content": "a", "content": "b"}


def test_the_template_is_one_of_transformers() -> None:
    parse_response = chat_parsing().parse_response
    load_response_template = importlib.import_module(f"{PARSING}.response_templates").load_response_template
    text = "<|channel>thought\nhm<channel|>Hi" + call_text("a-b", {"n": 1}) + "<turn|>"
    message = parse_response(text, ours.RESPONSE_TEMPLATE, prefix="")
    assert message["tool_calls"][0]["function"] == {"name": "a-b", "arguments": {"n": 1}}
    for template in (GEMMA4, load_response_template(GEMMA4), ours.RESPONSE_TEMPLATE):
        assert ours.is_gemma4_template(template)
    others = [template for template in serving._RESPONSE_TEMPLATE_FALLBACKS.values() if template is not GEMMA4]
    assert not any(ours.is_gemma4_template(template) for template in (*others, {}, None, "x"))


def test_batches_and_arrays() -> None:
    np: Any = importlib.import_module("numpy")
    torch: Any = importlib.import_module("torch")
    attached = ours.attach(tokenizer())
    row = tokenise("Hi<turn|>")
    two = attached.parse_response([row, [*row, 0, 0]], prefix=[PROMPT, PROMPT])
    assert two == [{"role": "assistant", "content": "Hi"}] * 2
    for form in (np.array(row), torch.tensor(row), row):
        assert attached.parse_response(form, prefix="") == two[0]
    assert attached.parse_response(torch.tensor([row, row]), prefix=PROMPT) == two
    assert attached.parse_response(["Hi", "Ho"], prefix="")[1]["content"] == "Ho"
    assert attached.parse_response([], prefix="") == []
    with pytest.raises(ValueError, match="2 outputs, but 3 prefixes"):
        attached.parse_response([row, row], prefix=["", "", ""])
    with pytest.raises(ValueError, match="prefix"):
        attached.parse_response(row)


def test_functions_are_tools() -> None:
    def get_weather(zip_code: str) -> str:
        """Tells the weather.

        Args:
            zip_code: Where.
        """
        return zip_code

    text = "<|tool_call>call:get_weather{zip_code:02134}<tool_call|>"
    message = ours.parse_response(text, prefix="", tools=[get_weather])
    assert message["tool_calls"][0]["function"]["arguments"] == {"zip_code": "02134"}


# Where transformers reads what the chat template writes differently.
DIFFERENCES = {
    "thought": "Blanks at the ends of a thought are stripped there",
    "name": "Names of calls are letters, digits and underscores there; another one is an error",
    "key": "Keys of calls are letters, digits and underscores there; another one is an error",
}


def test_beside_the_built_in() -> None:
    parse_response = chat_parsing().parse_response
    found: set[str] = set()
    equal = 0
    for turn in turns(400, seed=6):
        mine = ours.parse_response(turn.text + "<turn|>", prefix="")
        assert mine.get("content", "") == turn.content and mine.get("reasoning_content", "") == turn.reasoning
        assert [tuple(call["function"].values()) for call in mine.get("tool_calls", [])] == turn.calls
        try:
            theirs = parse_response(turn.text + "<turn|>", GEMMA4, prefix="")
        except ValueError:
            found |= causes(turn)
            continue
        equal += 1
        assert theirs == mine
    assert equal > 100
    padded = "<|channel>thought\n hm \n<channel|>Hi<turn|>"
    assert parse_response(padded, GEMMA4, prefix="")["reasoning_content"] == "hm"
    assert ours.parse_response(padded, prefix="")["reasoning_content"] == " hm "
    found.add("thought")
    assert found == set(DIFFERENCES)


def causes(turn: Turn) -> set[str]:
    found = {"name" for name, _ in turn.calls if not name.isidentifier()}
    found |= {"key" for _, given in turn.calls for key in keys(given) if not key.isidentifier()}
    assert found, turn
    return found


def keys(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [*value, *(key for member in value.values() for key in keys(member))]
    return [key for member in value for key in keys(member)] if isinstance(value, list) else []


def test_numbers_that_json_cannot_write_are_text() -> None:
    message = ours.parse_response("<|tool_call>call:f{n:1e999}<tool_call|>", prefix="")
    assert message["tool_calls"][0]["function"]["arguments"] == {"n": str(Decimal("1e999"))}


def test_the_command() -> None:
    """`transformers serve --help` by way of this module."""
    command = [sys.executable, "-m", "gemma4_parser.integrations.transformers", "serve", "--help"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    run = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert "serve" in run.stdout and "parses the output of Gemma 4 for transformers" in run.stderr
