"""The commands `render` and `template`, as a user runs them: each case in its own process."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import gemma4_parser as g4
from prompt_tokenizers import gemma_like
from test_cli import ENVIRONMENT, command, failure, output

TOOL = {
    "type": "function",
    "function": {"name": "f", "parameters": {"type": "object", "properties": {"a": {"type": "string"}}}},
}
CALL = {"id": "c", "type": "function", "function": {"name": "f", "arguments": '{"a": "東京"}'}}
MESSAGES: list[dict[str, Any]] = [
    {"role": "user", "content": "Grüße 😀"},
    {"role": "assistant", "content": None, "reasoning": "Hm.", "tool_calls": [CALL]},
    {"role": "tool", "tool_call_id": "c", "content": "1"},
]
USER = [{"role": "user", "content": "Hi"}]


def rendered(request: Any, *options: str) -> str:
    return output("render", *options, given=json.dumps(request))


def test_request(tmp_path: Path) -> None:
    request = {"model": "gemma4:31b", "messages": MESSAGES, "tools": [TOOL], "stream": True, "temperature": 1}
    expected = g4.render(MESSAGES, [TOOL], model="large").text
    path = tmp_path / "request.json"
    path.write_text(json.dumps(request), encoding="utf-8")
    assert output("render", str(path)) == expected, "and nothing behind it"
    assert rendered(request) == output("render", "-", given=json.dumps(request)) == expected
    assert rendered({"messages": MESSAGES, "functions": [TOOL["function"]]}) == expected


def test_list_of_messages(tmp_path: Path) -> None:
    tools = tmp_path / "tools.json"
    tools.write_text(json.dumps([TOOL]))
    assert rendered(MESSAGES) == g4.render(MESSAGES).text
    assert rendered(MESSAGES, "--tools", str(tools)) == g4.render(MESSAGES, [TOOL]).text
    assert rendered({"messages": MESSAGES, "tools": []}, "--tools", str(tools)) == g4.render(MESSAGES, [TOOL]).text


@pytest.mark.parametrize(
    ("asked", "options", "model"),
    [
        *((None, [], "large"), ("", [], "large"), ("google/gemma-4-E4B-it", [], "small")),
        *(("gpt-4o", ["--model", "small"], "small"), ("gemma4:latest", ["--model", "large"], "large")),
        *(("gemma4:31b", [], "large"), ("gemma4:31b", ["--model", "small"], "small")),
        *(("diffusiongemma-26B-A4B-it", [], "diffusion"), (None, ["--model", "diffusion"], "diffusion")),
    ],
)
def test_model(asked: str | None, options: list[str], model: Any) -> None:
    request = {"messages": USER, "model": asked}
    assert rendered(request, *options) == g4.render(USER, model=model).text


@pytest.mark.parametrize("asked", ["gpt-4o", "gemma4:latest", "a\nb"])
def test_a_model_of_no_known_size(asked: str) -> None:
    """It is rendered as large, and a warning says so before all others."""
    messages = [{"role": "user", "content": "a <turn|> b"}]
    prompt = g4.render(messages, model="large")
    given = json.dumps({"messages": messages, "model": asked})
    done = command("render", given=given)
    assert done.returncode == 0
    assert done.stdout.decode() == prompt.text
    first, second = done.stderr.decode().splitlines()
    assert second == f"gemma4-parser: warning: {prompt.warnings[0]}"
    for part in ("warning: model: ", repr(asked), "large", "--model"):
        assert part in first
    record = json.loads(output("render", "--json", given=given))
    assert [f"gemma4-parser: warning: {warning}" for warning in record["warnings"]] == [first, second]
    assert record["segments"] == [list(segment) for segment in prompt.segments]


def test_numbers_keep_their_value(tmp_path: Path) -> None:
    """Also those with more digits than Python converts, and beyond infinity."""
    digits = "1" + "0" * 5000 + "7"
    call = '{"id": "c", "function": {"name": "f", "arguments": {"a": NUMBER, "b": -NUMBER, "c": 1.5, "d": 1e400}}}'
    result = '{"role": "tool", "tool_call_id": "c", "content": "x"}'
    given = f'[{{"role": "assistant", "tool_calls": [{call}]}}, {result}]'.replace("NUMBER", digits)
    text = output("render", given=given)
    assert f"call:f{{a:{digits},b:-{digits},c:1.5,d:1E+400}}" in text
    tools = tmp_path / "tools.json"
    tools.write_text(
        json.dumps([TOOL]).replace('"string"', f'"integer", "description": "D", "minimum": {digits}'), encoding="utf-8"
    )
    assert digits in output("render", "--tools", str(tools), given=json.dumps(USER))


def test_style() -> None:
    message = {"role": "assistant", "content": "a", "tool_calls": [{"function": {"name": "f", "arguments": {"n": 1}}}]}
    request = [*USER, message, {"role": "tool", "name": "f", "content": "1"}]
    fixed, official = (g4.render(request, style=style).text for style in ("fixed", "official"))
    assert fixed != official
    assert rendered(request) == rendered(request, "--style", "fixed") == fixed
    assert rendered(request, "--style", "official") == official
    assert "messages[1]" in failure("render", "--style", "official", given=json.dumps([*USER, MESSAGES[1]]))


SWITCHES: list[tuple[dict[str, Any], list[str], dict[str, Any]]] = [
    ({}, ["--thinking"], {"enable_thinking": True}),
    ({"chat_template_kwargs": {"enable_thinking": True}}, [], {"enable_thinking": True}),
    ({"chat_template_kwargs": {"enable_thinking": True}}, ["--no-thinking"], {}),
    ({"chat_template_kwargs": {"enable_thinking": None, "other": 1}}, [], {}),
    ({"chat_template_kwargs": None, "reasoning_effort": None}, [], {}),
    ({"reasoning_effort": "low"}, [], {"enable_thinking": True}),
    ({"reasoning_effort": "none"}, [], {}),
    ({"reasoning_effort": "high", "chat_template_kwargs": {"enable_thinking": False}}, [], {}),
    ({}, ["--preserve-thinking"], {"preserve_thinking": True}),
    ({"chat_template_kwargs": {"preserve_thinking": True}}, [], {"preserve_thinking": True}),
    ({"chat_template_kwargs": {"preserve_thinking": True}}, ["--no-preserve-thinking"], {}),
    ({}, ["--no-generation-prompt"], {"add_generation_prompt": False}),
    ({"add_generation_prompt": False}, [], {"add_generation_prompt": False}),
    ({"add_generation_prompt": False}, ["--generation-prompt"], {}),
]


@pytest.mark.parametrize(("fields", "options", "expected"), SWITCHES)
def test_switches(fields: dict[str, Any], options: list[str], expected: dict[str, Any]) -> None:
    messages = [*MESSAGES, *USER]
    assert rendered({"messages": messages, **fields}, *options) == g4.render(messages, **expected).text


def test_continue_final_message() -> None:
    answer, thought = ({"role": "assistant", field: "It is"} for field in ("content", "reasoning"))
    content = g4.render([*USER, answer], add_generation_prompt=False, continue_final_message=True).text
    reasoning = g4.render([*USER, thought], add_generation_prompt=False, continue_final_message="reasoning").text
    assert content != reasoning
    assert rendered([*USER, answer], "--continue-final-message") == content
    assert rendered([*USER, answer], "--continue-final-message", "content") == content
    assert rendered([*USER, thought], "--continue-final-message=reasoning") == reasoning
    fields: dict[str, Any] = {"messages": [*USER, answer], "continue_final_message": True}
    assert rendered(fields) == rendered({**fields, "add_generation_prompt": False}) == content
    assert rendered({**fields, "messages": [*USER, thought]}, "--continue-final-message=reasoning") == reasoning
    both = ["--continue-final-message", "--generation-prompt"]
    assert "continue_final_message" in failure("render", *both, given=json.dumps(USER))


def test_json() -> None:
    messages = [*USER, {"role": "tool", "content": "<turn|>"}]
    prompt = g4.render(messages)
    assert prompt.warnings
    assert json.loads(rendered(messages, "--json")) == {
        "text": prompt.text,
        "segments": [list(segment) for segment in prompt.segments],
        "start": "content",
        "stop_token_ids": [1, 106, 50],
        "warnings": list(prompt.warnings),
    }
    assert json.loads(rendered(MESSAGES, "--json", "--thinking"))["start"] == "reasoning"


def test_warnings_are_on_the_error_output() -> None:
    messages = [{"role": "user", "content": "a <turn|> b"}, {"role": "tool", "content": "x"}]
    prompt = g4.render(messages)
    done = command("render", given=json.dumps(messages))
    assert done.returncode == 0
    assert done.stdout.decode() == prompt.text
    assert len(prompt.warnings) == 2
    assert done.stderr.decode() == "".join(f"gemma4-parser: warning: {warning}\n" for warning in prompt.warnings)


def test_ids(tmp_path: Path) -> None:
    path = tmp_path / "tokenizer.json"
    gemma_like().save(str(path))
    messages = [{"role": "user", "content": "<turn|>"}]
    done = command("render", "--ids", "--tokenizer", str(path), given=json.dumps(messages))
    ids = json.loads(done.stdout)
    assert ids == g4.render(messages).ids(gemma_like())
    assert ids.count(g4.CONTROL_TOKENS["<turn|>"]) == 1
    assert b"warning" in done.stderr
    given = json.dumps(USER)
    assert "missing" in failure("render", "--ids", "--tokenizer", str(tmp_path / "missing"), given=given)
    path.write_text("{}")
    assert str(path) in failure("render", "--ids", "--tokenizer", str(path), given=given)
    assert "--tokenizer" in failure("render", "--ids", given=given)
    assert "--ids" in failure("render", "--tokenizer", str(path), given=given)


@pytest.mark.parametrize(
    ("given", "word"),
    [
        *(("", "not JSON"), ("{", "not JSON"), ("1", "request"), ('"x"', "request"), ("null", "request")),
        *(("{}", "no messages"), ('{"messages": null}', "no messages"), ('{"messages": "x"}', "messages")),
        *(('{"messages": {}}', "messages"), ("[1]", "messages[0]"), ('[{"role": 1}]', "messages[0]")),
        ('{"messages": [], "tools": "x"}', "tools"),
        ('{"messages": [], "tools": [1]}', "tools[0]"),
        ('{"messages": [], "model": 4}', "model"),
        ('{"messages": [], "chat_template_kwargs": []}', "chat_template_kwargs"),
        ('{"messages": [], "chat_template_kwargs": [1]}', "chat_template_kwargs"),
        ('{"messages": [], "chat_template_kwargs": {"enable_thinking": "yes"}}', "enable_thinking"),
        ('{"messages": [], "add_generation_prompt": 1}', "add_generation_prompt"),
        ('{"messages": [], "continue_final_message": "all"}', "continue_final_message"),
        ('{"messages": [], "continue_final_message": 1}', "continue_final_message must be true, false or the name"),
        ('{"messages": [], "continue_final_message": []}', "continue_final_message must be true, false or the name"),
        ('{"messages": [{"role": "assistant", "tool_calls": [{}]}]}', "messages[0].tool_calls[0]"),
    ],
)
def test_failures(given: str, word: str, tmp_path: Path) -> None:
    assert word in failure("render", given=given)
    path = tmp_path / "request.json"
    path.write_text(given)
    error = failure("render", str(path))
    assert error.startswith(f"gemma4-parser: {path}: ")
    assert word in error


def test_failures_of_files(tmp_path: Path) -> None:
    missing = str(tmp_path / "missing")
    assert "missing" in failure("render", missing)
    assert "missing" in failure("render", "--tools", missing, given="[]")
    assert "UTF-8" in failure("render", given=b"\xff")


@pytest.mark.parametrize(
    "arguments",
    [
        *(["render", "a", "b"], ["render", "--model", "gemma4:31b"], ["render", "--style", "x"]),
        *(["render", "--json", "--ids"], ["render", "--continue-final-message", "x"], ["render", "--continue"]),
        *(["template", "x"], ["template", "--model", "medium"], ["template", "--style", "x"]),
        ["template", "--style", "official"],
    ],
)
def test_usage_errors(arguments: list[str]) -> None:
    assert "--help" in failure(*arguments)


def test_help() -> None:
    text = output("--help")
    for word in ("render", "template"):
        assert word in text
        assert "usage: gemma4-parser" in output(word, "--help")


# template


@pytest.mark.parametrize("model", ["small", "large", "diffusion"])
def test_template(model: Any, tmp_path: Path) -> None:
    text = g4.chat_template(model)
    assert output("template", "--model", model) == text
    path = tmp_path / "template.jinja"
    assert output("template", "--model", model, "--style", "fixed", "--output", str(path)) == ""
    assert path.read_bytes() == text.encode()


def test_template_of_the_large_model() -> None:
    assert output("template") == g4.chat_template("large", "fixed")


def test_failures_of_template(tmp_path: Path) -> None:
    assert str(tmp_path) in failure("template", "--output", str(tmp_path))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no device that is always full")
@pytest.mark.parametrize("words", [["render", "FILE"], ["render", "--json", "FILE"], ["template"]])
def test_full_output(words: list[str], tmp_path: Path) -> None:
    path = tmp_path / "request.json"
    path.write_text(json.dumps(USER))
    line = [sys.executable, "-m", "gemma4_parser", *(str(path) if word == "FILE" else word for word in words)]
    with open("/dev/full", "wb") as full:
        done = subprocess.run(line, stdout=full, stderr=subprocess.PIPE, check=False, env=ENVIRONMENT, timeout=60)
    assert done.returncode == 2
    assert done.stderr.decode().startswith("gemma4-parser: standard output: ")
