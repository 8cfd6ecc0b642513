"""The chat template prints what `render` prints, and fails where it fails, in the engines that servers run it in."""

from __future__ import annotations

import json
import math
import random
import struct
from collections.abc import Callable, Iterator
from decimal import Decimal
from itertools import product
from time import perf_counter
from types import ModuleType
from typing import Any, NoReturn

import jinja2
import minijinja
import pytest
from hypothesis import HealthCheck, given, settings
from jinja2.ext import loopcontrols
from jinja2.sandbox import ImmutableSandboxedEnvironment

import gemma4_parser
from differential import prompts
from differential.tape import Tape, tapes
from gemma4_parser import CONTROL_TOKENS, chat_template, format_arguments
from prompt_cases import Error, Outcome, OwnCase, PromptCase, outcome, own_cases, prompt_cases

MODELS = ("large", "small", "diffusion")
FLAGS = ("add_generation_prompt", "enable_thinking", "preserve_thinking")
FAST = settings(derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck))
QUESTION = {"role": "user", "content": "q"}

Render = Callable[..., str]
"""Renders the template with the variables that it is given."""


class RefusedError(Exception):
    """What raise_exception raises."""


def refuse(message: str) -> NoReturn:
    """The global that hosts give to templates."""
    raise RefusedError(message)


class Namespace(jinja2.utils.Namespace):
    """As in transformers: it refuses names that begin with an underscore."""

    def __init__(*given: Any, **names: Any) -> None:
        assert not [name for name in names if name.startswith("_")]
        jinja2.utils.Namespace.__init__(*given, **names)


def in_jinja2(text: str, *, trims: bool) -> Render:
    """Jinja's sandbox; `trims`: with the settings of transformers, which vLLM and SGLang use as well."""
    environment = ImmutableSandboxedEnvironment(trim_blocks=trims, lstrip_blocks=trims, extensions=[loopcontrols])
    environment.globals |= {"raise_exception": refuse, "namespace": Namespace}
    return environment.from_string(text).render


def in_minijinja(text: str) -> Render:
    """Its Python package as it is, but for the global."""
    environment = minijinja.Environment(templates={"prompt": text})
    environment.add_global("raise_exception", refuse)
    return lambda **variables: environment.render_template("prompt", **variables)


def engines(text: str) -> dict[str, Render]:
    """The template in each engine. SGLang puts line breaks for `\\n` in the text of a template file."""
    return {
        "transformers": in_jinja2(text, trims=True),
        "jinja2": in_jinja2(text, trims=False),
        "SGLang": in_jinja2(text.strip("\n").replace("\\n", "\n"), trims=True),
        "minijinja": in_minijinja(text),
    }


ENGINES = {model: engines(chat_template(model)) for model in MODELS}


def printed(render: Render, **variables: Any) -> Outcome:
    """What the template prints, or what it says to raise_exception. Any other exception is a bug of the template."""
    try:
        return render(**variables)
    except RefusedError as error:
        return Error(str(error))


def carried(value: Any) -> bool:
    """Whether minijinja can carry it: whole numbers have 128 bits there."""
    if isinstance(value, dict):
        return all(map(carried, value.values()))
    if isinstance(value, list):
        return all(map(carried, value))
    return not isinstance(value, int) or -(2**127) <= value < 2**127


def check(messages: Any, tools: Any = None, *, model: str = "large", bos: str = "<bos>", **given: Any) -> None:
    """The template equals `render` in all engines; where one fails, the others do."""
    flags = {"add_generation_prompt": True, **given}
    wanted = outcome(gemma4_parser, messages, tools, model=model, bos=bos, **flags)
    for name, render in ENGINES[model].items():
        if name != "minijinja" or carried([messages, tools]):
            found = printed(render, messages=messages, tools=tools, bos_token=bos, **flags)
            assert found == wanted or (isinstance(found, Error) and isinstance(wanted, Error)), name


def combinations() -> Iterator[dict[str, Any]]:
    """Every model with all flags."""
    for model, flags in product(MODELS, product((False, True), repeat=3)):
        yield {"model": model, **dict(zip(FLAGS, flags, strict=True))}


# What continues a message is left out: continue_final_message is the host's, which cuts what the template prints.
ALL: list[PromptCase | OwnCase] = [*prompt_cases(), *own_cases()]
CASES = {case.id: (case.messages, case.tools) for case in ALL if not case.kwargs.get("continue_final_message")}


@pytest.mark.parametrize("name", CASES)
def test_vectors(name: str) -> None:
    for options in combinations():
        check(*CASES[name], **options)


def test_own_vectors_as_they_are_written() -> None:
    """Not by way of `render`."""
    texts = [case for case in own_cases() if isinstance(case.expected, str) and case.id in CASES]
    assert len(texts) > 80
    for case in texts:
        for name, render in ENGINES[case.model].items():
            found = printed(render, messages=case.messages, tools=case.tools, bos_token="<bos>", **case.kwargs)
            assert found == case.expected, (case.id, name)


@pytest.mark.parametrize("make", [prompts.case, prompts.plain, prompts.odd], ids=["clients", "plain", "odd"])
def test_generated_requests(make: Callable[[Tape], prompts.Request]) -> None:
    @settings(FAST, max_examples=300)
    @given(tape=tapes())
    def run(tape: Tape) -> None:
        request = make(tape)
        left_out = ("style", "continue_final_message")
        chosen = {name: option for name, option in request.options.items() if name not in left_out}
        check(request.messages, request.tools, **chosen)

    run()


def call(arguments: Any) -> list[Any]:
    """A conversation that ends in a call with these arguments."""
    function = {"name": "f", "arguments": arguments}
    return [QUESTION, {"role": "assistant", "tool_calls": [{"type": "function", "function": function}]}]


PIECES = (
    *'{}[],:" \n\t\r\\x-', '{"a":', '"a"', '"b":', "[1,2]", "{}", "1", "-0", "0.50", "1e5", "01", "1.", "+1", "true",
    "null", "nul", "NaN", '"\\u00e9"', '"\\ud83d\\ude00"', '"\\ud83d"', '"\\ude00\\ud83d\\ud83d\\ude00"', '"\\"\\\\"',
    '"\\\\n\\n"', '"\\/\\b\\f\\r\\t"', '"\\u12g4"', '"\\u005c\\u0022\\u0001"', '"\\x"', '"é"', '"\x01"', "\xa0", "\x02",
    '"\x7f\u2028"',
)  # fmt: skip


def json_text(tape: Tape) -> str:
    """A JSON text, mostly of an object, often with an accident."""
    value = prompts.mapping(tape) if tape.below(8) else prompts.value(tape)
    text = json.dumps(value, ensure_ascii=tape.chance(2), indent=tape.pick((None, 1)))
    for _ in range(tape.pick((0, 0, 1, 3))):
        at = tape.below(len(text) + 1)
        text = text[:at] + tape.pick(PIECES) + text[at + tape.below(3) :]
    return text


def test_arguments_as_json_text() -> None:
    accepted = []

    @settings(FAST, max_examples=600)
    @given(tape=tapes())
    def run(tape: Tape) -> None:
        messages = call(json_text(tape))
        check(messages)
        accepted.append(not isinstance(outcome(gemma4_parser, messages), Error))

    run()
    assert 0.2 < sum(accepted) / len(accepted) < 0.8, "both are common"


def in_the_middle(number: float) -> bool:
    """Whether it is as far from one shortest spelling as from another: then minijinja may choose the other."""
    exact, shortest = (Decimal(text).normalize().as_tuple().digits for text in (number, repr(number)))
    return len(exact) == len(shortest) + 1 and exact[-1] == 5


def test_numbers() -> None:
    """As Python prints them."""
    source = random.Random(1)
    numbers = [struct.unpack("<d", source.randbytes(8))[0] for _ in range(3000)]
    numbers += [source.uniform(-1, 1) * 10.0 ** source.randint(-8, 14) for _ in range(3000)]
    numbers += [sign * 10.0**power for sign in (1, -1, 1.5) for power in range(-30, 30)]
    odd = [number for number in numbers if math.isfinite(number) and in_the_middle(number)]
    check(call({"x": [*set(numbers).difference(odd), math.inf, -math.inf, math.nan, 0.0, -0.0]}))
    for name in ("transformers", "jinja2"):
        assert f"f{{{format_arguments({'x': odd})}}}" in ENGINES["large"][name](messages=call({"x": odd}))


def nested(depth: int, is_list: bool) -> Any:
    """Lists or mappings within each other."""
    value: Any = 1
    for _ in range(depth):
        value = [value] if is_list else {"a": value}
    return value


@pytest.mark.parametrize("is_list", [False, True])
def test_depth(is_list: bool) -> None:
    """The engines limit values, and half as deep schemas; JSON text goes as deep as in `render`."""
    check(call({"x": nested(60, is_list)}))
    check(call(json.dumps({"x": nested(255, is_list)})), None)
    with pytest.raises(RefusedError, match=r"messages\[1\]\.tool_calls\[0\]"):
        ENGINES["large"]["minijinja"](messages=call(json.dumps({"x": nested(256, is_list)})))
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(25):
        schema = {"type": "array", "items": schema} if is_list else {"type": "object", "properties": {"a": schema}}
    check([], [{"name": "f", "parameters": {"type": "object", "properties": {"x": schema}}}])


def test_keys_beyond_ascii_in_more_than_one_batch() -> None:
    """Equal keys in lower case keep their order; values are of types that cannot be compared."""
    order = random.Random(1)
    keys = [before + letter + str(number) for number in range(100) for before in "Éé" for letter in "ßẞ"]
    order.shuffle(keys)
    mapping: dict[str, Any] = {key: order.choice([None, 1, "s", [], {}]) for key in keys}
    check(call(mapping), [{"name": "f", "parameters": {"type": "object", "properties": {key: {} for key in keys}}}])


def test_many_keys_and_many_results_of_earlier_calls() -> None:
    """Each result of the second kind has the id of a call that has its result; keys in a time far from the square."""
    history = call({f"é{number}": number for number in range(4_000)})
    for name, render in ENGINES["large"].items():
        start = perf_counter()
        render(messages=history)
        assert perf_counter() - start < 4, name
    history = [QUESTION]
    for number in range(200):
        function = {"name": f"f{number}", "arguments": {}}
        history.append({"role": "assistant", "tool_calls": [{"id": f"c{number}", "function": function}]})
        history.append({"role": "tool", "tool_call_id": f"c{number // 2 * 2}", "content": "x"})
        history.append(QUESTION)
    check(history)


def test_every_variable_may_be_missing() -> None:
    for render in ENGINES["small"].values():
        assert render() == ""
        assert render(messages=[QUESTION]) == "<|turn>user\nq<turn|>\n"


def test_errors_name_the_place() -> None:
    for messages, tools, place in (
        ([QUESTION, {"role": "user", "content": 5}], None, "messages[1]: the content"),
        (call("[1]"), None, "messages[1].tool_calls[0]: the arguments"),
        ([{"role": "assistant", "tool_responses": ["x"]}], None, "messages[0].tool_responses[0]: "),
        ([QUESTION], [{"name": "f"}, {"type": "function"}], "tools[1]: the tool has no function"),
        ([QUESTION], [{"name": "f", "parameters": 5}], "tools[0].parameters: parameters must"),
    ):
        for render in ENGINES["large"].values():
            found = printed(render, messages=messages, tools=tools)
            assert isinstance(found, Error), place
            assert found.text.startswith(place)


def test_control_tokens_are_whole() -> None:
    """Hosts look in the template's constants for the tokens that it prints, to tell them from those in messages."""
    nodes: Iterator[Any] = jinja2.Environment().parse(chat_template()).find_all(jinja2.nodes.Const)
    text = "\0".join(node.value for node in nodes if isinstance(node.value, str))
    absent = {"<pad>", "<eos>", "<bos>", "<unk>", "<mask>", "<|image>", "<image|>", "<|audio>", "<audio|>"}
    assert {literal for literal in CONTROL_TOKENS if literal not in text} == absent


def test_what_hosts_look_for() -> None:
    """vLLM and SGLang read in the template that it goes over content parts and how thinking is switched on."""
    text = chat_template()
    for part in (
        "{%- for message in messages -%}",
        "{%- macro texts(content, ",
        "{%- for part in content -%}",
        " texts(message['content'], ",
        "enable_thinking|default(false)",
        "preserve_thinking|default(false)",
        "'developer'",
    ):
        assert part in text


def test_models_and_styles(impl: ModuleType) -> None:
    texts = {model: chat_template(model) for model in MODELS}
    assert len(set(texts.values())) == len(texts)
    assert chat_template() == texts["large"]
    for model in MODELS:
        wanted = outcome(impl, [QUESTION], model=model)
        variables = {"messages": [QUESTION], "bos_token": "<bos>", "add_generation_prompt": True}
        assert ENGINES[model]["transformers"](**variables) == wanted
    with pytest.raises(ValueError, match="model must be one of 'small', 'large', 'diffusion', not 'medium'"):
        chat_template("medium")
    with pytest.raises(ValueError, match="style must be 'fixed' or 'official', not 'google'"):
        chat_template(style="google")
    with pytest.raises(ValueError, match="Google's own file"):
        chat_template(style="official")
