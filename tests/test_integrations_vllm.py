"""What of the vLLM integration needs no vLLM: whole outputs in its shapes, and that nothing happens without it."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from importlib.metadata import distribution
from importlib.util import find_spec
from types import ModuleType
from typing import Any

import pytest

import gemma4_parser as g4
from gemma4_parser.integrations import vllm, vllm_offline
from gemma4_parser.integrations.vllm_offline import has_tool_response_tag, parse_thinking_output, parse_tool_calls
from references.corpus import Values

CALL = '<|tool_call>call:get_weather{city:<|"|>Paris<|"|>,days:3,when:{a:[1,<|"|>b<|"|>]}}<tool_call|>'


@pytest.fixture(autouse=True)
def implementation(impl: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vllm_offline, "parse", impl.parse)


def test_calls_in_the_shape_of_vllm() -> None:
    """All values are strings there."""
    assert (
        parse_tool_calls(f"Text.{CALL}{CALL}<|tool_response>")
        == [{"name": "get_weather", "arguments": {"city": "Paris", "days": "3", "when": '{"a":[1,"b"]}'}}] * 2
    )
    assert parse_tool_calls(CALL, typed=True)[0]["arguments"] == {"city": "Paris", "days": 3, "when": {"a": [1, "b"]}}
    assert parse_tool_calls("No call.") == []


def test_calls_of_generated_values() -> None:
    for seed in range(150):
        arguments = Values(seed).arguments()
        text = f"<|tool_call>call:f{{{g4.format_arguments(arguments)}}}<tool_call|>"
        assert parse_tool_calls(text, typed=True) == [{"name": "f", "arguments": arguments}]
        found = parse_tool_calls(text)[0]["arguments"]
        assert set(found) == set(arguments)
        for key, value in arguments.items():
            assert found[key] == value if isinstance(value, str) else json.loads(found[key]) == value


def test_calls_without_special_tokens() -> None:
    assert parse_tool_calls("call:get_weather{city:Paris,days:3}") == [
        {"name": "get_weather", "arguments": {"city": "Paris", "days": "3"}}
    ]
    assert [call["name"] for call in parse_tool_calls("Text. call:f{a:{b:1}} call:g{}<call>h{}")] == ["f", "g", "h"]
    assert parse_tool_calls("<|channel>thought\nx\n<channel|>call:f{a:1}") == [{"name": "f", "arguments": {"a": "1"}}]
    assert parse_tool_calls("call:f{a:1}", strict=True) == []
    assert parse_tool_calls("recall:f{a:1} and call:g{a:1") == []


@pytest.mark.parametrize(
    ("text", "thinking", "answer"),
    [
        ("<|channel>thought\nHm.\n<channel|>Hi<turn|>", "Hm.", "Hi"),
        ("<|channel>thought\n<channel|>Hi", "", "Hi"),
        ("thought\nHi", None, "Hi"),
        (" Hi <eos>", None, "Hi"),
        ("Hm.<channel|>Hi", "Hm.", "Hi"),
        ("thought\nHm.<channel|>Hi", "Hm.", "Hi"),
        ("<|channel>thought\nHm.", "Hm.", ""),
        ("<|channel>thought\nA<channel|>B<|channel>thought\nC<channel|>D", "AC", "BD"),
        (f"<|channel>thought\nHm.<channel|>{CALL}<|tool_response>", "Hm.", f"{CALL}<|tool_response>"),
        (f"<|channel>thought\nHm.{CALL}So.<channel|>Hi", f"Hm.{CALL}So.", "Hi"),
    ],
)
def test_thoughts_in_the_shape_of_vllm(text: str, thinking: str | None, answer: str) -> None:
    assert parse_thinking_output(text) == {"thinking": thinking, "answer": answer}


@pytest.mark.parametrize("ends", ("<turn|>", "<turn|><eos>", "<eos><turn|>", " <turn|> <eos>\n", "<turn|><turn|>"))
@pytest.mark.parametrize("thought", ("", "<|channel>thought\nT\n<channel|>"))
def test_all_that_ends_a_turn_is_taken_off(thought: str, ends: str) -> None:
    assert parse_thinking_output(f"{thought} final answer{ends}")["answer"] == "final answer"


def test_many_ends_cost_no_more_than_their_length() -> None:
    assert parse_thinking_output("a" + "<turn|> " * 200_000)["answer"] == "a"


def test_the_tag_of_a_response() -> None:
    assert has_tool_response_tag("x<|tool_response> \n")
    assert not has_tool_response_tag("x<|tool_response><eos>")


@pytest.mark.skipif(find_spec("vllm") is not None, reason="vLLM is installed here")
def test_without_vllm_nothing_happens(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    assert vllm.register() == ()
    assert vllm.register(replace=True) == ()
    assert caplog.text == ""
    monkeypatch.setenv("GEMMA4_PARSER_VLLM", "yes")
    with pytest.raises(ValueError, match="add, replace or off"):
        vllm.register()
    assert vllm.parse_tool_calls is parse_tool_calls
    with pytest.raises(AttributeError):
        _ = vllm.nothing


def test_the_entry_point() -> None:
    (found,) = distribution("gemma4-parser").entry_points.select(group="vllm.general_plugins")
    loaded: Any = found.load()
    assert loaded is vllm.register


def test_importing_the_package_imports_no_integration() -> None:
    code = "import gemma4_parser, sys; sys.exit(any('integrations' in name for name in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
