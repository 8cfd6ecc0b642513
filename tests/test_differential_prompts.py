"""The implementations render alike: text, segments, start, warnings, or the same error; and the checks would notice."""

from __future__ import annotations

import ast
import random
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import takewhile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

import fuzz
import gemma4_parser._rust as rust
from differential import prompt_checks, prompts
from differential.compare import DisagreementError, Pair, implementations, outcome
from differential.prompt_checks import check_request
from differential.prompts import Request
from differential.tape import Tape, random_tape, tapes
from gemma4_parser._pure import prompt
from gemma4_parser.errors import RenderError
from gemma4_parser.prompt import Prompt
from helpers import ROOT
from prompt_cases import own_cases, prompt_cases

FAST = settings(derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck))
EXAMPLES = {"prompts of clients": 3000, "odd prompts": 3000, "foreign prompts": 1500}
MODELS = ("large", "small", "diffusion")
STYLES = ("fixed", "official")


@pytest.mark.parametrize("name", prompt_checks.ON_TAPES)
def test_on_tapes(name: str) -> None:
    pair = implementations()

    @settings(FAST, max_examples=EXAMPLES[name])
    @given(tape=tapes())
    def run(tape: Tape) -> None:
        prompt_checks.ON_TAPES[name](pair, tape)

    run()


def every_option() -> Iterator[dict[str, Any]]:
    """All combinations, and what continues a message."""
    for number in range(3 * 2 * 2**3):
        model, style, flags = MODELS[number % 3], STYLES[number // 3 % 2], number // 6
        names = ("add_generation_prompt", "enable_thinking", "preserve_thinking")
        yield {"model": model, "style": style} | {name: bool(flags >> at & 1) for at, name in enumerate(names)}
    for style in STYLES:
        for field in (True, "content", "reasoning", "reasoning_content"):
            for thinking in (False, True):
                more = {"continue_final_message": field, "enable_thinking": thinking}
                yield {"style": style, "add_generation_prompt": False, **more}


@pytest.mark.parametrize("name", ["prompt.jsonl", "prompt_own.jsonl"])
def test_vectors(name: str) -> None:
    """The conversations of the vectors with all options."""
    for case in prompt_cases() if name == "prompt.jsonl" else own_cases():
        for options in every_option():
            check_request(implementations(), Request(case.messages, case.tools, options))


USER: list[Any] = [{"role": "user", "content": "x"}]
# fmt: off
ODD_REQUESTS: tuple[tuple[Any, Any, dict[str, Any]], ...] = (
    *(((messages, None, {})) for messages in ([], (), None, "x", 5, {}, {"role": "user"}, b"x", iter(USER), tuple(USER),
                                             object(), [None], [[]], [5], ["x"], [object()], [set()])),
    *((USER, tools, {}) for tools in ([], (), {}, "", "x", 0, 5, False, True, b"", object(), ({"name": "f"},), [None],
                                     [[]], ["x"], [5], [{}], [object()], iter([]))),
    *((USER, None, {name: given}) for name in ("model", "style")
      for given in ("", "Large", "x", None, 5, b"large", True, "large ", "\ud800", ["large"], "v4")),
    *((USER, None, {name: given}) for name in ("add_generation_prompt", "enable_thinking", "preserve_thinking")
      for given in (None, 0, 1, "", "yes", [], 1.0, object())),
    *((USER, None, {"continue_final_message": given, **more}) for more in ({}, {"add_generation_prompt": False})
      for given in (None, 0, 1, "", "yes", "thinking", "role", [], 1.0, "\ud800", b"content", object())),
    *((USER, None, {"bos": given}) for given in ("", "\ud800", None, 5, b"<bos>", "<eos>", "<bos>x", "x<pad>")),
    (USER, None, {"other": 1}),
)
# fmt: on


@pytest.mark.parametrize("style", STYLES)
def test_odd_requests(style: str) -> None:
    """Wrong and unusual values of every parameter."""
    for messages, tools, options in ODD_REQUESTS:
        check_request(implementations(), Request(messages, tools, {"style": style, **options}))


def test_places_of_parameters() -> None:
    pair = implementations()
    pair.both("by place", lambda impl: impl.render(USER, None))
    pair.both("by name", lambda impl: impl.render(messages=USER, tools=None))
    for call in (lambda impl: impl.render(), lambda impl: impl.render(USER, None, "large")):
        assert [type(_error(call, impl)) for impl in (pair.rust, pair.pure)] == [TypeError, TypeError]


def _error(call: Callable[[Any], Any], impl: Any) -> Exception | None:
    try:
        call(impl)
    except Exception as error:
        return error
    return None


def nested(depth: int, inner: Any, *, mappings: bool = True) -> Any:
    for _ in range(depth):
        inner = {"items": inner} if mappings else [inner]
    return inner


def deep(depth: int, innermost: Any = 1) -> Iterator[Request]:
    """Something of this depth in each place."""
    for mappings in (False, True):
        value = nested(depth, innermost, mappings=mappings)
        text = ('{"a":' * depth + "1" + "}" * depth) if mappings else "[" * depth + "]" * depth
        for arguments in ({"a": value}, f'{{"a":{text}}}', text):
            call = {"id": "c", "function": {"name": "f", "arguments": arguments}}
            yield Request([*USER, {"role": "assistant", "tool_calls": [call]}])
        call = {"id": "c", "function": {"name": "f", "arguments": {}}}
        for content in (value, [{"type": "text", "text": "x", "more": value}], [value, 1]):
            yield Request([*USER, {"role": "assistant", "tool_calls": [call]}, {"role": "tool", "content": content}])
        responses = [{"name": "f", "response": value}]
        yield Request([*USER, {"role": "assistant", "tool_calls": [call], "tool_responses": responses}])
        yield Request([{"role": "user", "content": value}])
        yield Request([{"role": "user", "content": "x", "more": value}])
        for schema in ({"a": {"enum": value}}, {"a": nested(depth, {"type": "string"}, mappings=mappings)}):
            tool = {"name": "f", "parameters": {"type": "object", "properties": schema}}
            yield Request(USER, [tool])
            yield Request(USER, [{"function": tool}])
        yield Request(USER, [{"function": {"name": "f", "description": value, "response": {"x": value}}}])


def circle() -> list[Any]:
    made: list[Any] = []
    made.append(made)
    return made


@pytest.mark.parametrize("style", STYLES)
def test_values_within_themselves(style: str) -> None:
    for request in deep(1, circle()):
        check_request(implementations(), replace(request, options={"style": style}))


@pytest.mark.parametrize("depth", [100, *range(246, 260), 400])
@pytest.mark.parametrize("style", STYLES)
def test_depth(style: str, depth: int) -> None:
    for request in deep(depth):
        check_request(implementations(), replace(request, options={"style": style}))


def schemas() -> Iterator[tuple[str, dict[str, Any]]]:
    """Parameters that are large only once references are replaced, and chains of them."""
    doubling = {str(n): {"anyOf": [{"$ref": f"#/$defs/{n + 1}"}] * 2} for n in range(12)} | {"12": {"type": "null"}}
    yield "doubling", {"$defs": doubling, "properties": {"a": {"$ref": "#/$defs/0"}}}
    for count in (255, 256, 257):
        chain = {str(n): {"items": {"$ref": f"#/$defs/{n + 1}"}} for n in range(count)} | {str(count): {"type": "null"}}
        yield f"chain of {count}", {"$defs": chain, "properties": {"a": {"$ref": "#/$defs/0"}}}
        straight = {str(n): {"$ref": f"#/$defs/{n + 1}"} for n in range(count)} | {str(count): {"type": "null"}}
        yield f"straight chain of {count}", {"$defs": straight, "properties": {"a": {"$ref": "#/$defs/0"}}}
        row = {f"k{n}": {"$ref": "#/$defs/s"} for n in range(count)}
        yield f"row of {count}", {"$defs": {"s": {"type": "string"}}, "properties": row}
    circle = {"a": {"anyOf": [{"$ref": "#/$defs/b"}]}, "b": {"not": {"$ref": "#/$defs/a"}, "items": {"$ref": "#"}}}
    yield "circle", {"$defs": circle, "properties": {"x": {"$ref": "#/$defs/a"}, "y": {"$ref": "#/$defs/b"}}}


SCHEMAS = dict(schemas())


@pytest.mark.parametrize("name", SCHEMAS)
def test_references_in_schemas(name: str) -> None:
    for key in ("parameters", "response"):
        check_request(implementations(), Request(USER, [{"name": "f", key: SCHEMAS[name]}, {"name": "g", key: {}}]))


def test_long_history() -> None:
    """Many messages, of which each tool message has a call far before it."""
    calls = [{"id": f"c{n}", "function": {"name": f"f{n}", "arguments": "{}"}} for n in range(300)]
    results = [{"role": "tool", "tool_call_id": f"c{299 - n}", "content": str(n)} for n in range(300)]
    for messages in (
        [*USER, {"role": "assistant", "tool_calls": calls}, *results],
        [*USER, *({"role": "assistant", "tool_calls": [call]} for call in calls), *results],
        [*USER, {"role": "assistant", "tool_calls": calls}, *USER, *results, *USER],
    ):
        for style in STYLES:
            check_request(implementations(), Request(messages, None, {"style": style}))


# The proof is not hollow.


@pytest.fixture(scope="module")
def seen() -> Counter[str]:
    """What Rust says of some thousand requests: `warning the call has no result`, and so on."""
    found: Counter[str] = Counter()
    source = random.Random(1)
    makers = (prompts.case, prompts.odd, lambda tape: prompts.odd(tape, make=prompts.plain))
    for number in range(16_000):
        request = makers[number % 3](random_tape(source))
        given = (request.messages, request.tools)
        found.update(prompt_checks.words(outcome(lambda: rust.render(*given, **request.options))))  # noqa: B023
    return found


def test_every_warning_is_reached(seen: Counter[str]) -> None:
    """All of DESIGN.md's table, and both starts."""
    design = (ROOT / "DESIGN.md").read_text(encoding="utf-8").partition("\n| warning | |\n")[2].partition("\n\n")[0]
    told = [prompt_checks.reason(row) for row in re.findall(r"^\| `([^`]+)`", design, re.MULTILINE)]
    assert len(told) == 16
    words = [*(f"warning {warning}" for warning in told), "start content", "start reasoning"]
    assert not {word: seen[word] for word in words if seen[word] < 5}


def test_every_error_is_reached(seen: Counter[str]) -> None:
    """All that the source of the Python implementation raises."""
    assert prompt.__file__
    patterns = set()
    for path in Path(prompt.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("RenderError", "self._refused"):
                patterns.add(pattern_of(node.args[-1]))
    assert len(patterns) > 30
    errors = [word.removeprefix("RenderError ") for word in seen]
    assert not {pattern for pattern in patterns if not any(re.fullmatch(pattern, error) for error in errors)}


def pattern_of(text: ast.expr) -> str:
    """A pattern of what a string or an f-string gives."""
    parts = text.values if isinstance(text, ast.JoinedStr) else [text]
    return "".join(re.escape(ast.literal_eval(part)) if isinstance(part, ast.Constant) else ".*" for part in parts)


def implementation(render: Callable[..., Any]) -> Any:
    """What has the function's name."""
    return type("Implementation", (), {"render": staticmethod(render)})


def changed(change: Callable[[Prompt], Prompt]) -> Any:
    """Rust, whose prompts are changed."""
    return implementation(lambda *given, **more: change(rust.render(*given, **more)))


def failing(change: Callable[[RenderError], Exception]) -> Any:
    """Rust, whose errors are changed."""

    def render(*given: Any, **more: Any) -> Any:
        try:
            return rust.render(*given, **more)
        except RenderError as error:
            raise change(error) from None

    return implementation(render)


def without(pattern: str) -> Any:
    """Rust, which does not warn of this."""

    def change(prompt: Prompt) -> Prompt:
        warnings = tuple(warning for warning in prompt.warnings if not re.search(pattern, warning))
        return Prompt(prompt.text, prompt.controls, prompt.start, warnings)

    return changed(change)


def respelled(old: str, new: str) -> Any:
    """Rust, which prints something else."""
    return changed(lambda p: Prompt(p.text.replace(old, new), p.controls, p.start, p.warnings))


BREAKAGES: dict[str, Any] = {
    "a control token is text": changed(lambda p: Prompt(p.text, p.controls[:-1], p.start, p.warnings)),
    "a literal is a control token": changed(
        lambda p: Prompt(p.text, tuple(m.start() for m in re.finditer("<[^<>]*>", p.text)), p.start, p.warnings)
    ),
    "the start is another": changed(lambda p: Prompt(p.text, p.controls, "content", p.warnings)),
    "warnings in another order": changed(lambda p: Prompt(p.text, p.controls, p.start, p.warnings[::-1])),
    "floats in another form": respelled("1e-07", "1e-7"),
    "another blank": respelled("\x1f", ""),
    "an error names no place": failing(lambda error: RenderError("messages", error.reason)),
    "an error is another": failing(lambda error: ValueError(str(error))),
}
for words in (
    "spells",
    "answers no call",
    "is moved",
    "by its order",
    "has no result",
    "left out for",
    "is printed as",
):
    BREAKAGES[f"no warning: {words}"] = without(words)


@pytest.mark.parametrize("name", BREAKAGES)
def test_a_breakage_is_noticed(name: str) -> None:
    pair = Pair(rust, BREAKAGES[name])
    source = random.Random(2)
    with pytest.raises(DisagreementError):
        for _ in range(4000):
            prompt_checks.check_clients(pair, random_tape(source))
            prompt_checks.check_odd(pair, random_tape(source))


def test_a_difference_is_made_small() -> None:
    pair = Pair(rust, respelled("東京", "Tokyo"))
    source = random.Random(3)
    found = None
    while found is None:
        found = prompt_checks.smallest(pair, prompts.case(random_tape(source)))
    assert "東京" in found.what
    assert len(found.what) < 150


def test_the_fuzzer_checks_prompts() -> None:
    pair = Pair(rust, rust)
    names = takewhile(lambda name: name != "machine", (name for name, _ in fuzz.rounds(pair, fuzz.Progress(pair))))
    assert set(prompt_checks.ON_TAPES) < set(names)
