"""The offline functions beside those of vLLM whose place they take, on well-formed output: equal, or for a reason."""

from __future__ import annotations

import importlib
import json
from typing import Any

import pytest

pytest.importorskip("vllm", reason="vLLM is not installed here")

from gemma4_parser.integrations.vllm import parse_thinking_output, parse_tool_calls
from gemma4_parser.integrations.vllm_offline import has_tool_response_tag
from integrations.test_vllm_built_in import CASES, VERSION, Case

calls_of: Any = importlib.import_module("vllm.tool_parsers.gemma4_utils")
thoughts_of: Any = importlib.import_module("vllm.reasoning.gemma4_utils")


def plain(case: Case) -> bool:
    """What 0.22's function reads: strings without quotes, by keys of letters."""
    return all(
        isinstance(value, str) and '"' not in value and key.isidentifier()
        for arguments in case.arguments
        for key, value in arguments.items()
    )


def test_calls() -> None:
    compared = 0
    for case in CASES:
        if not all(name.isidentifier() for name in case.names) or (VERSION == "0.22" and not plain(case)):
            continue  # it finds no calls with other names, and loses other values
        for strict in (False, True):
            ours = parse_tool_calls(case.output, strict=strict)
            theirs = calls_of.parse_tool_calls(case.output, strict=strict)
            assert [call["name"] for call in ours] == [call["name"] for call in theirs] == case.names
            for their, our in zip(theirs, ours, strict=True):
                assert list(their["arguments"]) == list(our["arguments"])
                for key, value in our["arguments"].items():
                    compared += 1
                    if value[:1] in ("{", "["):  # JSON here, Python's text there
                        assert isinstance(json.loads(value), dict | list)
                    else:
                        assert their["arguments"][key] == value, case.output
    assert compared > (200 if VERSION == "0.33" else 0)


def test_thoughts() -> None:
    for case in CASES:
        outputs = (case.output, case.output + "<turn|>", case.output.removeprefix("<|channel>"))
        for text in (*outputs, f"thought\n{case.text}"):
            assert parse_thinking_output(text) == thoughts_of.parse_thinking_output(text), text


def test_tags() -> None:
    for text in ("", "x", "<|tool_response>", f"{Case(1).output}<|tool_response>\n", "<|tool_response><eos>"):
        assert has_tool_response_tag(text) == calls_of.has_tool_response_tag(text)
