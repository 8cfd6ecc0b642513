"""The parts of the integrations that need no server: both halves for SGLang, wrappers, what happens without a host."""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import json
import random
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from decimal import Decimal
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

import gemma4_parser as g4
from gemma4_parser.integrations import delta as delta_module
from gemma4_parser.integrations import mlx_lm, others, sglang, transformers
from gemma4_parser.integrations.counters import COUNTERS
from gemma4_parser.integrations.delta import Settings
from helpers import ROOT, cases, cuts, pieces, tokenise
from integrations import hostile
from integrations.served import commands

CASES = [case for case in cases() if "text" in case.forms]


@pytest.fixture(autouse=True)
def either(impl: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test with each implementation."""
    for name in ("StreamParser", "Vocabulary", "parse", "Event"):
        monkeypatch.setattr(g4, name, getattr(impl, name))
        for module in (delta_module, others):
            if hasattr(module, name):
                monkeypatch.setattr(module, name, getattr(impl, name))


# SGLang


def both_sides(texts: list[str], tools: Any, start: Any) -> tuple[str, str, dict[int, list[str]], set[int]]:
    """What the server would hand from one to the other."""
    first, second = sglang.ReasoningSide(start=start, calls=True), sglang.CallSide()
    first.tools = tools
    reasoning = content = ""
    calls: dict[int, list[str]] = {}
    for step in [*(first.push(text) for text in texts), first.finish()]:
        reasoning += step[0]
        said, pieces = second.push(step[1], [])
        content += said
        for index, _, name, arguments in pieces:
            assert (name is not None) == (index not in calls)
            calls.setdefault(index, [name or ""]).append(arguments)
    assert second.finish() == ("", [])
    return reasoning, content, calls, second.rejected


def test_both_sides_of_sglang_say_what_the_parser_says() -> None:
    for case in CASES:
        tools, start = case.options.get("tools") or [], case.options.get("start", "content")
        message = g4.parse(case.text, tools=tools or None, start=start, spaced=True, finish="length")
        for texts in cuts(case.text, 2, seed=1):
            reasoning, content, calls, rejected = both_sides(texts, tools, start)
            assert reasoning == (message.reasoning or "")
            assert content.startswith(message.content or "")
            accepted = [(name, "".join(rest)) for i, (name, *rest) in calls.items() if i not in rejected]
            assert accepted == [(call.name, call.arguments) for call in message.tool_calls]
            assert list(calls) == list(range(len(calls)))
        whole = sglang.ReasoningSide(start=start, calls=True)
        whole.tools = tools
        thought, rest = whole.whole(case.text)
        found = sglang.CallSide().whole(rest, [])[1]
        assert thought == (message.reasoning or "")
        assert [(piece.name, piece.arguments) for piece in found] == [(c.name, c.arguments) for c in message.tool_calls]


def test_a_step_survives_what_a_server_does_with_text() -> None:
    side = sglang.ReasoningSide(calls=True)
    _, step = side.push("<|tool_call>call:f{a:1}<tool_call|>")
    assert step and step == "" and isinstance(step, sglang.Step)
    for joined in (step + "", "" + step, (step or "") + "x", "x" + step):
        assert isinstance(joined, sglang.Step) and len(joined.calls) == len(step.calls) == 1
    assert json.dumps("x" + step) == '"x"'
    assert not side.push("")[1]


def test_calls_as_text_leaves_all_but_thoughts_as_it_came() -> None:
    source = random.Random(1)
    words = (
        "<|tool_call",
        ">",
        "call:f{",
        "a:1",
        "}",
        "<tool_call|>",
        "\ufdd0",
        "\ufdd1",
        "\ufdd2",
        "<",
        "|",
        "x",
        "<|tool_call|>",
    )
    for _ in range(300):
        text = "".join(source.choice(words) for _ in range(source.randrange(12)))
        output = f"<|channel>thought\nhm{text.replace('<tool_call|>', '')}\n<channel|>!{text}"
        for texts in cuts(output, 2, seed=2):
            stream = sglang.CallsAsText("content")
            made = [delta for delta in (*map(stream.push_text, texts), stream.finish("length")) if delta is not None]
            assert "".join(delta.reasoning or "" for delta in made) == "hm" + text.replace("<tool_call|>", "")
            assert "".join(delta.content or "" for delta in made) == "!" + text
            assert not any(delta.calls for delta in made)


def test_sglang_cannot_repeat_ids(monkeypatch: pytest.MonkeyPatch) -> None:
    assert (sglang.settings().profile.name, sglang.settings().style) == ("spaced", "standard")
    assert sglang.settings(whole=True).style == "whole_calls"
    monkeypatch.setenv("GEMMA4_PARSER_CHUNKS", "repeat_ids")
    monkeypatch.setenv("GEMMA4_PARSER_PROFILE", "default")
    assert (sglang.settings().profile.name, sglang.settings().style) == ("default", "whole_calls")


class Function:
    name = "f"
    parameters = None


class ChatTool:
    function = Function


def test_tools_of_both_of_sglangs_interfaces() -> None:
    expected = {"type": "function", "function": {"name": "f", "parameters": None}}
    assert sglang.openai_tools([ChatTool, Function, object()]) == [expected, expected]
    assert sglang.openai_tools([expected]) == [expected]
    assert sglang.openai_tools(None) == []


# Wrappers


def folded(choices: list[dict[str, Any]]) -> tuple[str, str, list[tuple[str, str]], str]:
    """The chunks as a client folds them."""
    calls: list[tuple[str, str]] = []
    reasoning = content = ""
    for number, choice in enumerate(choices):
        said = choice["delta"]
        assert ("role" in said) == (number == 0)
        assert (choice["finish_reason"] is not None) == (number == len(choices) - 1)
        reasoning += said.get("reasoning", "")
        content += said.get("content", "")
        for call in said.get("tool_calls", ()):
            function = call["function"]
            if call["index"] == len(calls):
                assert call["id"] and call["type"] == "function"
                calls.append((function["name"], ""))
            name, before = calls[call["index"]]
            calls[call["index"]] = (name, before + function["arguments"])
    return reasoning, content, calls, choices[-1]["finish_reason"]


def test_deltas_of_texts_and_ids(vocabulary: Any) -> None:
    text = "<|channel>thought\nhm\n<channel|>Hi<|tool_call>call:f{a:1}<tool_call|>"
    text += "<|tool_call>call:f{b:é}<tool_call|><turn|>x"
    expected = ("hm", "Hi", [("f", '{"a":1}'), ("f", '{"b":"é"}')], "tool_calls")
    for steps in cuts(text, 5, seed=3):
        assert folded(list(others.to_openai_deltas(steps, settings=Settings())))[:3] == expected[:3]
    for ids in cuts(tokenise(text), 5, seed=3):
        steps = [step[0] if len(step) == 1 else step for step in ids]
        assert folded(list(others.to_openai_deltas(steps, vocabulary, finish="stop"))) == expected

    async def later() -> AsyncIterator[str]:
        for character in text:
            yield character

    async def collect() -> list[dict[str, Any]]:
        return [choice async for choice in others.async_to_openai_deltas(later(), finish="stop")]

    assert folded(asyncio.run(collect())) == expected


def test_an_end_marker_ends_the_steps() -> None:
    asked = []

    def steps() -> Iterator[str]:
        for step in ("Hi", "<turn|>", "never"):
            asked.append(step)
            yield step

    assert folded(list(others.to_openai_deltas(steps()))) == ("", "Hi", [], "stop")
    assert asked == ["Hi", "<turn|>"]


@pytest.mark.parametrize(
    ("finish", "reason"), [("stop", "tool_calls"), ("length", "length"), (lambda: "abort", "length")]
)
def test_the_reason_decides(finish: Any, reason: str) -> None:
    choices = list(others.to_openai_deltas(["<|tool_call>call:f{a:1}"], finish=finish))
    _, _, calls, found = folded(choices)
    assert found == reason
    assert (calls == [("f", '{"a":1}')]) is (reason == "tool_calls")


def test_no_steps() -> None:
    assert list(others.to_openai_deltas([], finish="stop")) == [
        {"index": 0, "delta": {"role": "assistant"}, "finish_reason": "stop"}
    ]


@pytest.mark.parametrize("style", ["standard", "repeat_ids", "whole_calls"])
@pytest.mark.parametrize("finish", ["stop", "length", "abort"])
def test_what_no_model_should_write(style: Any, finish: Any) -> None:
    """Nothing raises; a client folds the chunks to what the parser says."""
    for text in hostile.texts(60, seed=4):
        message = g4.parse(text, finish=finish)
        for steps in cuts(text, 1, seed=5):
            settings = Settings(style=style, unparsed="never")
            made = list(others.to_openai_deltas(steps, settings=settings, finish=finish))
            reasoning, content, calls, _ = folded(made)
            assert json.dumps(made)
            if message.end in ("stop", "length", "abort"):  # behind an end marker no more is read
                assert (reasoning, content) == (message.reasoning or "", message.content or ""), text
                accepted = [(name, arguments) for name, arguments in calls if is_json(arguments)]
                assert accepted == [(call.name, call.arguments) for call in message.tool_calls], text


def is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


@pytest.mark.parametrize("policy", ["empty", "never", "always"])
def test_unparsed_text(policy: Any) -> None:
    bad = "<|tool_call>nonsense<tool_call|>"
    for text in ("", "Hi"):
        handed_over = policy == "always" or (policy == "empty" and not text)
        settings = Settings(unparsed=policy)
        _, content, _, _ = folded(list(others.to_openai_deltas([text, bad, "<turn|>"], settings=settings)))
        assert content == text + (bad if handed_over else "")


def test_ids_that_the_vocabulary_does_not_have(vocabulary: Any) -> None:
    """They have no text, and are counted."""
    before = COUNTERS.value("unparsed", "unknown_id")
    ids = tokenise("Hi")
    made = others.to_openai_deltas([300_000, [*ids, -100], 300_000, [300_000]], vocabulary, settings=Settings())
    assert folded(list(made))[1] == "Hi"
    assert COUNTERS.value("unparsed", "unknown_id") == before + 4
    with pytest.raises(ValueError, match="vocabulary"):
        list(others.to_openai_deltas([300]))


def rows_of_the_readme() -> dict[str, str]:
    """The expressions for servers that ask nobody for a parser, by the server."""
    readme = (ROOT / "README.md").read_text("utf-8")
    table = readme[readme.index("| server | `steps` |") :].partition("\n\n")[0].partition("\n")[2]
    return dict(re.findall(r"^\| ([^|`]+) \| .*?`(.+?)`(?:[^`\n]*|[^|\n]*)\|$", table, re.MULTILINE))


async def each(given: list[Any]) -> AsyncIterator[Any]:
    for one in given:
        yield one


def test_the_rows_of_the_readme(vocabulary: Any) -> None:
    """With plain objects of the shape that each server gives: what is run is the expression as it stands there."""
    text = 'Hi<|tool_call>call:f{a:<|"|>é<|"|>}<tool_call|>'
    ids = tokenise(text)
    made = SimpleNamespace
    names: dict[str, Any] = {
        "prompt": "?",
        "prompt_ids": [2],
        "params": None,
        "stream": [made(choices=[made(delta=made(content=piece))]) for piece in (*text, None)],
        "client": made(text_generation=lambda prompt, stream, details: (made(token=made(id=token)) for token in ids)),
    }
    engines = {
        "llama-cpp-python": made(generate=lambda prompt: iter(ids)),
        "TensorRT-LLM": made(
            generate_async=lambda prompt, params, streaming: each([made(outputs=[made(token_ids_diff=ids)])])
        ),
    }
    rows = rows_of_the_readme()
    assert set(rows) == {"llama-cpp-python", "TGI", "TensorRT-LLM", "LiteLLM"}
    for server, expression in rows.items():
        steps = eval(expression, {**names, "llm": engines.get(server)})
        if hasattr(steps, "__aiter__"):

            async def collect(steps: Any = steps) -> list[dict[str, Any]]:
                return [one async for one in others.async_to_openai_deltas(steps, vocabulary, finish=lambda: "stop")]

            choices = asyncio.run(collect())
        else:
            choices = list(others.to_openai_deltas(steps, vocabulary, finish=lambda: "stop"))
        assert folded(choices) == ("", "Hi", [("f", '{"a":"é"}')], "tool_calls"), server


def test_the_wrapper_of_the_readme(vocabulary: Any) -> None:
    """The two lines above the table."""
    readme = (ROOT / "README.md").read_text("utf-8")
    code = next(block for block in re.findall(r"```py\n(.*?)```", readme, re.DOTALL) if "in to_openai_deltas(" in block)
    sent: list[Any] = []
    steps = [tokenise("Hi"), tokenise("<turn|>")]
    names = {"steps": steps, "vocabulary": vocabulary, "tools": None, "reason": "stop", "chunk": {"id": "x"}}
    exec(code, {**names, "send": sent.append})
    assert [one["id"] for one in sent] == ["x"] * len(sent)
    assert folded([choice for one in sent for choice in one["choices"]]) == ("", "Hi", [], "stop")


SERVERS = "### SGLang, transformers, mlx-lm"


def test_every_command_of_a_server_in_the_readme_is_run() -> None:
    """A further one needs a test that runs it, as those in `tests/integrations` do, and a line here."""
    run = {  # how many: test_vllm_server, test_sglang, test_commands; those under Prompts: the first two
        ("### vLLM", "vllm"): 2,
        (SERVERS, "sglang"): 1,
        (SERVERS, "gemma4_parser.integrations.transformers"): 1,
        (SERVERS, "gemma4_parser.integrations.mlx_lm"): 1,
        ("## Prompts", "vllm"): 1,
        ("## Prompts", "sglang"): 1,
    }
    for (heading, program), count in run.items():
        assert len(commands(heading, program)) == count, (heading, program)
    readme = (ROOT / "README.md").read_text("utf-8")
    blocks = "".join(re.findall(r"```sh\n(.*?)```", readme, re.DOTALL))
    found = re.findall(r"^(?:\w+=\S+ )*(?:vllm|sglang|python -m gemma4_parser\.integrations)\b", blocks, re.MULTILINE)
    assert len(found) == sum(run.values())


def test_plain() -> None:
    assert others.plain({"a": [Decimal("1e999"), {"b": 1}], "c": None}) == {"a": ["1E+999", {"b": 1}], "c": None}


# transformers and mlx-lm, as far as they need no host


def test_a_prompt_tells_where_the_message_begins(vocabulary: Any) -> None:
    known = g4.Vocabulary(pieces())
    ends = {
        "<|turn>user\nx<turn|>\n<|turn>model\n": ("a", "content"),
        "<|turn>model\n<|channel>thought\n": ("a", "reasoning_content"),
        "<|turn>model\n<|channel>thought\n<channel|>": ("a", "content"),
        "<tool_response|><|channel>thought\n": ("a", "reasoning_content"),
        "<|turn>model\nThe answer is ": ("The answer is a", "content"),
        "no anchor": ("a", "content"),
        "": ("a", "content"),
    }
    for prompt, (text, field) in ends.items():
        for prefix in (prompt, tokenise(prompt)):
            parser = transformers.Gemma4ResponseParser(prefix=prefix, vocabulary=known)
            events = parser.initial_events + parser.feed("a")
            message, last = parser.finalize()
            events += last
            written = text if isinstance(prefix, str) else message[field]
            assert message == {"role": "assistant", field: written}
            assert written.endswith("a")
            ids = transformers.parse_response(tokenise("a"), prefix=prefix, vocabulary=known)
            assert ids[field].endswith("a")
    with pytest.raises(ValueError, match="prefix"):
        transformers.Gemma4ResponseParser()
    with pytest.raises(ValueError, match="vocabulary"):
        transformers.Gemma4ResponseParser(prefix=[1])


def test_the_template_names_the_field_of_thoughts() -> None:
    output = "<|channel>thought\nhm<channel|>Yes."
    fields = {"thinking": {"open": "<|channel>thought\n", "close": "<channel|>"}, "content": {"close": "<turn|>"}}
    for template in ({"fields": fields}, SimpleNamespace(fields=fields)):
        found = transformers.parse_response(output, template, prefix="")
        assert found == {"role": "assistant", "thinking": "hm", "content": "Yes."}
    for other in (
        None,
        transformers.RESPONSE_TEMPLATE,
        {"fields": {"content": {"open": "<|channel>"}}},
        {"fields": None},
    ):
        assert transformers.parse_response(output, other, prefix="")["reasoning_content"] == "hm"


def test_a_thought_that_the_prompt_opens_is_an_open_region() -> None:
    opened = [{"type": "region_open", "field": "reasoning_content"}]
    parser = transformers.Gemma4ResponseParser(prefix="<|turn>model\n<|channel>thought\n")
    assert parser.initial_events == opened
    assert parser.feed("a") == [{"type": "region_chunk", "field": "reasoning_content", "text": "a", "dirty": False}]
    begun = transformers.Gemma4ResponseParser(prefix="<|turn>model\n<|channel>thought\nIt ")
    assert begun.initial_events[:1] == opened and len(begun.initial_events) == 2
    assert transformers.Gemma4ResponseParser(prefix="<|turn>model\n").initial_events == []


def test_a_response_is_finalized_once() -> None:
    parser = transformers.Gemma4ResponseParser(prefix="")
    parser.feed("x")
    assert parser.finalize()[0] == {"role": "assistant", "content": "x"}
    with pytest.raises(RuntimeError):
        parser.feed("y")
    with pytest.raises(RuntimeError):
        parser.finalize()


def test_unparsed_text_is_counted_and_told() -> None:
    bad = "<|tool_call>nonsense<tool_call|>"
    before = COUNTERS.value("unparsed", "not_a_call")
    message = transformers.parse_response(bad, prefix="")
    assert message["content"] == bad
    assert message["unparsed"] == [{"reason": "not_a_call", "text": bad, "name": None, "arguments": ""}]
    with pytest.raises(ValueError, match="not_a_call"):
        mlx_lm.parse_tool_call("nonsense")
    assert COUNTERS.value("unparsed", "not_a_call") == before + 2


def test_the_text_between_two_markers_is_a_call_or_a_value_error() -> None:
    for text in hostile.texts(60, seed=6):
        try:
            found = mlx_lm.parse_tool_call(text)
        except ValueError:
            continue
        for call in found if isinstance(found, list) else [found]:
            assert call["name"] and isinstance(call["arguments"], dict)
            assert json.dumps(call)


def test_a_call_of_mlx_lm_may_have_its_markers() -> None:
    bare = 'call:f{a:1,b:<|"|>x<|"|>}'
    for text in (bare, f"<|tool_call>{bare}", f"<|tool_call>{bare}<tool_call|>", f"\n<|tool_call>{bare}<tool_call|>\n"):
        assert mlx_lm.parse_tool_call(text) == {"name": "f", "arguments": {"a": 1, "b": "x"}}


PROBE = """
import sys
from gemma4_parser.integrations import mlx_lm, others, sglang, transformers
assert not {"sglang", "transformers", "mlx_lm"} & set(sys.modules)
import importlib.util
for module in (mlx_lm, sglang, transformers):
    module.find_spec = lambda name: None
assert sglang.register() == () and sglang.plugin() is None
assert mlx_lm.register() == () and not mlx_lm.take_over()
assert not transformers.take_over()
"""


def test_without_the_hosts() -> None:
    run = subprocess.run([sys.executable, "-c", PROBE], capture_output=True, text=True)
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")


@pytest.mark.skipif(importlib.util.find_spec("mlx_lm") is not None, reason="mlx-lm is installed")
def test_the_commands_say_what_is_missing() -> None:
    command = [sys.executable, "-m", "gemma4_parser.integrations.mlx_lm"]
    run = subprocess.run(command, capture_output=True, text=True)
    assert run.returncode == 1 and run.stderr == "mlx-lm is not installed\n"
