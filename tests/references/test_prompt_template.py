"""Google's chat templates and the style `official`: the same text, and an error where the template fails."""

from __future__ import annotations

import random
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
