"""Google's chat template and dialog's serialiser: the same bytes, and the same values back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

import gemma4_parser as g4
from references.asked import Reference
from references.corpus import Values, odd_values, values
from references.findings import dumped
from references.report import tell
from references.writers import DIALOG, EARLIER, FILES, TEMPLATE, WRITERS, Writing, conversation, differences, in_order

Give = Callable[[str], Reference]
COUNT = 6000
SERVERS = {TEMPLATE: "template", EARLIER: "template", DIALOG: "dialog"}
"""By writer: the reference that runs it."""


def rows(one: Writing) -> list[int]:
    return [number for number, row in enumerate(WRITERS) if row.reference == one.reference and row.when(one)]


@pytest.mark.parametrize("file", [FILES[TEMPLATE], "diffusion_gemma"])
def test_values_come_back(reference: Give, file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of what the format can carry, template and `format_arguments` make the same bytes, and the values come back."""
    monkeypatch.setitem(FILES, TEMPLATE, file)
    given = list(values(COUNT, 11))
    assert differences(reference("template"), TEMPLATE, given) == []
    tell(f"template {file}: {len(given)} values, the same bytes, and the same values back")


def test_turns_come_back(reference: Give) -> None:
    """A thought and several calls, as the template writes them."""
    made = Values(12)
    turns: list[tuple[str, list[tuple[str, Any]]]] = []
    for _ in range(1000):
        names = made.source.choices(("f", "get_weather", "ns.tool-1", "x:y/z"), k=made.source.randint(1, 4))
        turns.append((made.source.choice(("", "Hm.", "Two\nlines", "a")), [(name, made.arguments()) for name in names]))
    requests = []
    for thought, calls in turns:
        tool_calls = [{"function": {"name": name, "arguments": arguments}} for name, arguments in calls]
        turn = {"reasoning": thought, "tool_calls": tool_calls}
        requests.append({"do": "render", "template": FILES[TEMPLATE], "pickle": conversation(turn)})
    for (thought, calls), prompt in zip(turns, reference("template").ask(requests), strict=True):
        message = g4.parse(prompt.partition("<|turn>model\n")[2], lenient=False)
        assert (message.reasoning or "") == thought
        assert [(call.name, dumped(call.value())) for call in message.tool_calls] == [
            (name, dumped(in_order(arguments))) for name, arguments in calls
        ]
        assert (message.content, message.unparsed, message.end) == (None, (), "tool_response")
    tell(f"template: {len(turns)} turns of {sum(len(calls) for _, calls in turns)} calls, all back as they were")


@pytest.mark.parametrize("name", [TEMPLATE, EARLIER, DIALOG])
def test_every_difference_is_explained(reference: Give, name: str) -> None:
    given = list(odd_values(COUNT, 13) if name == TEMPLATE else values(COUNT, 14))
    given += [row.example for row in WRITERS if row.reference == name]
    found = differences(reference(SERVERS[name]), name, given)
    hits: Counter[int] = Counter()
    for one in found:
        assert len(rows(one)) == 1, (one, [WRITERS[row].reason for row in rows(one)])
        hits[rows(one)[0]] += 1
    tell(f"{name}: {len(given)} values, {len(found)} differences, each explained")
    for number, row in enumerate(WRITERS):
        if row.reference == name:
            assert hits[number], f"nothing needs {row.rule}: {row.reason}"


@pytest.mark.parametrize("row", WRITERS, ids=lambda row: f"{row.reference}, {row.rule}, {row.example!r:.30}")
def test_examples(reference: Give, row: Any) -> None:
    found = differences(reference(SERVERS[row.reference]), row.reference, [row.example])
    assert {number for one in found for number in rows(one)} == {WRITERS.index(row)}
    (one,) = (one for one in found if one.kind == row.kind)
    assert (one.ours, one.theirs) == (row.ours, row.theirs)
