"""Google's chat templates and the style `official`: the same text, and an error where the template fails."""

from __future__ import annotations

import random
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import replace
from types import ModuleType
from typing import Any

import pytest

from differential import prompts
from differential.prompts import Request
from differential.tape import Tape, random_tape
from prompt_cases import Error, Outcome, own_cases, prompt_cases
from references.asked import Reference, Refusal, pickled
from references.report import tell

Give = Callable[[str], Reference]

COUNT = 5000
FILES = {"large": "gemma4_v5, large", "small": "gemma4_v5", "diffusion": "diffusion_gemma"}
"""By model: the file of 2026-07-09."""
DIGESTS = {
    "gemma4_v5, large": "ae53464bf3be25802b3a5b37def7fd89667067d7577049b3b2d74c4d8de4c6d4",
    "gemma4_v5": "0a2c8073c878ab1da004bee933a998606537bbb62016310352c7285c3f01c5b5",
    "diffusion_gemma": "9aeb7eac68ad87bba7567e9d4597ff203e5609f1b427d9e823437d0142cc61bf",
    "gemma4_v4, large": "36e3a42e5cf14cd0020e72d92e1fdd9970f59b82170e421f0cbe1bb42bead3f0",
    "gemma4, large": "94899c0f917d93f6fe81c95744d1e8ddab2d21d39228d2e4aec1fb2a25bff413",
    "gemma4_v3, large": "85a08664d16d8f3be4416c92427b3ac10df1024ac566cc0b4bc3bab409393f98",
}
"""SHA-256 of the files as Google has published them; those of the large sizes are made of the small ones."""
VERSIONS = {
    "v4-large": "gemma4_v5, large",
    "v4-small": "gemma4_v5",
    "v4-diffusiongemma": "diffusion_gemma",
    "v3b-large": "gemma4_v4, large",
    "v3-large": "gemma4, large",
    "v2-large": "gemma4_v3, large",
}
"""By the name in the vectors: the file."""
OPTIONS = ("model", "add_generation_prompt", "enable_thinking", "preserve_thinking", "bos")
DEFAULTS = {"add_generation_prompt": True, "enable_thinking": False, "preserve_thinking": False}


def request(file: str, case: Request) -> dict[str, Any]:
    """What the server is asked."""
    given = {name: case.options.get(name, default) for name, default in DEFAULTS.items()}
    given |= {"messages": case.messages, "tools": case.tools, "bos_token": case.options.get("bos", "<bos>")}
    field = case.options.get("continue_final_message")
    if field:
        given["continue_final_message"] = field
    return {"do": "continue" if field else "render", "template": file, "pickle": pickled(given)}


def theirs(reference: Reference, cases: list[Request]) -> list[str | None]:
    """The prompts of the template; None where it fails."""
    answers = reference.ask([request(FILES[case.options.get("model", "large")], case) for case in cases])
    return [None if isinstance(answer, Refusal) else answer for answer in answers]


def ours(impl: ModuleType, case: Request) -> str | None:
    try:
        return str(impl.render(case.messages, case.tools, **{**case.options, "style": "official"}).text)
    except ValueError:
        return None


def plain(tape: Tape) -> Request:
    case = prompts.plain(tape)
    return replace(case, options={name: given for name, given in case.options.items() if name in OPTIONS})


def odd(tape: Tape) -> Request:
    return prompts.odd(tape, make=plain)


def continued(tape: Tape) -> Request:
    """The last message is to be continued, and nearly always has something that could be."""
    field = "foo" if tape.chance(40) else tape.pick(prompts.CONTINUED[:5])
    case = odd(tape) if tape.chance(3) else plain(tape)
    if case.messages and isinstance(last := case.messages[-1], dict) and not tape.chance(8):
        name = "content" if field is True else field
        last[name] = last.get(name) or prompts.text(tape)
    # Together with a generation prompt it is an error.
    generation = {"continue_final_message": field, "add_generation_prompt": tape.chance(40)}
    return replace(case, options={**case.options, **generation})


PROFILES: dict[str, Callable[[Tape], Request]] = {
    "plain": plain,
    "as clients send it": prompts.case,
    "odd": odd,
    "continued": continued,
}


def some(profile: str) -> Iterator[Request]:
    source = random.Random(profile)
    for _ in range(COUNT):
        yield PROFILES[profile](random_tape(source))


def test_the_files_are_googles(reference: Give) -> None:
    asked = reference("template").ask([{"do": "digest", "template": name} for name in DIGESTS])
    assert dict(zip(DIGESTS, asked, strict=True)) == DIGESTS


@pytest.mark.parametrize("profile", PROFILES)
def test_prompts(reference: Give, impl: ModuleType, profile: str) -> None:
    asked = reference("template")
    cases = list(some(profile))
    expected = theirs(asked, cases)

    def differs(case: Request) -> bool:
        return ours(impl, case) != theirs(asked, [case])[0]

    for case, prompt in zip(cases, expected, strict=True):
        if ours(impl, case) != prompt:
            small = prompts.minimised(case, differs)
            pytest.fail(f"{small}\n  ours:   {ours(impl, small)!r}\n  theirs: {theirs(asked, [small])[0]!r}")
    failed = expected.count(None)
    assert len(cases) / 10 < failed < len(cases) * 0.8 or profile == "plain"
    tell(f"template, {impl.__name__}, {profile}: {len(cases)} prompts, {failed} of them errors, all as the template's")


USER = {"role": "user", "content": "x"}


def calling(arguments: Any) -> Request:
    return Request([USER, {"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": arguments}}]}])


def declaring(**fields: Any) -> Request:
    return Request([USER], [{"type": "function", "function": {"name": "f", **fields}}])


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


CONTINUING = {"continue_final_message": True, "add_generation_prompt": False}
OTHERWISE: dict[str, tuple[Request, str | None]] = {
    "more digits than Python converts": (calling({"a": -(10**4300)}), f"call:f{{a:-1{'0' * 4300}}}"),
    "nested deeper than 256, which Python's stack decides there": (calling({"a": nested(260)}), None),
    "lone surrogates, which are no characters": (calling({"a\udc80": 1}), "call:f{a\ufffd:1}"),
    "keys that are not strings": (calling({1: 2}), None),
    "tuples as Python prints them": (declaring(description=("a",)), "description:<|\"|>['a']<|\"|>"),
    "the field `thinking`, which transformers copies when it continues a message": (
        Request([{"role": "assistant", "thinking": "y", "content": "x"}], None, CONTINUING),
        "<|turn>model\nx",
    ),
}
"""What is not as in the template, and what is printed instead; None where it is refused."""


@pytest.mark.parametrize("name", OTHERWISE)
def test_what_is_otherwise(reference: Give, impl: ModuleType, name: str) -> None:
    case, expected = OTHERWISE[name]
    try:
        prompt = impl.render(case.messages, case.tools, **{**case.options, "style": "official"}).text
    except (TypeError, ValueError):
        prompt = None
    assert prompt != theirs(reference("template"), [case])[0] or prompt is None
    assert (prompt is None) == (expected is None)
    assert expected is None or expected in prompt


def every_character() -> Iterator[list[str]]:
    """The characters that this Python knows, in lists."""
    known = [chr(number) for number in range(0x110000) if unicodedata.category(chr(number)) not in ("Cn", "Cs")]
    for start in range(0, len(known), 4096):
        yield known[start : start + 4096]


def test_every_character(reference: Give, impl: ModuleType) -> None:
    """What is trimmed, in which order keys stand, what `repr` escapes, and upper case."""
    asked = reference("template")
    for characters in every_character():
        parts = [{"type": "text", "text": f"{character}x{character}"} for character in characters]
        keys = {f"{character}z": number for number, character in enumerate(characters)}
        for case in (
            Request([{"role": "user", "content": parts}]),
            calling(keys),
            declaring(description=["".join(characters)]),
        ):
            assert ours(impl, case) == theirs(asked, [case])[0]
        upper = declaring(parameters={"type": "\n".join(characters)})
        mine, other = ours(impl, upper), theirs(asked, [upper])[0]
        assert mine is not None
        assert other is not None
        for one, expected in zip(mine.split("\n"), other.split("\n"), strict=True):
            # Rust may know capitals that came to Unicode after this Python.
            assert one == expected or "Cn" in map(unicodedata.category, one)
    tell(f"template, {impl.__name__}: every character of Unicode {unicodedata.unidata_version}, as in the template's")


def test_vectors(reference: Give) -> None:
    """What the vectors expect of the style, and of older versions, is what the files print."""
    expected: list[tuple[str, Outcome, dict[str, Any]]] = []
    for case in prompt_cases():
        for version, text in case.texts.items():
            options = {"add_generation_prompt": False, **case.kwargs}
            asked = request(VERSIONS[version], Request(case.messages, case.tools, options))
            expected.append((f"{case.id}, {version}", text, asked))
    for own in own_cases():
        asked = request(FILES[own.model], Request(own.messages, own.tools, own.kwargs))
        expected.append((own.id, own.official, asked))
    answers = reference("template").ask([asked for _, _, asked in expected])
    for (name, text, _), answer in zip(expected, answers, strict=True):
        assert isinstance(answer, Refusal) == isinstance(text, Error), (name, answer)
        assert isinstance(answer, Refusal) or answer == text, name
    assert {version for case in prompt_cases() for version in case.texts} == set(VERSIONS)
    tell(f"template: {len(expected)} expectations of the vectors, each what the file prints")
