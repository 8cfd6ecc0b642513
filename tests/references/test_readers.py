"""Google's grammar of calls and vLLM's argument parsers: where they read something else, the table says why."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator

import pytest

from references import corpus
from references.asked import Reference
from references.differences import NEW, READERS, TABLE, Difference
from references.findings import Finding, dumped, findings, findings_cut, findings_typed, smaller
from references.report import tell

Give = Callable[[str], Reference]
PARTS: dict[str, Callable[[], Iterator[str]]] = {
    "canonical": lambda: corpus.canonical(5000, 1),
    "lenient": lambda: corpus.lenient(5000, 2),
    "changed": lambda: corpus.changed(5000, 3),
    "marked": lambda: corpus.marked(1000, 4),
    "extreme": corpus.extreme,
    "cut": lambda: corpus.cut(2000, 5),
}
TYPED = 4000
USED: Counter[tuple[str, int]] = Counter()
"""By reference and row: the differences in the generated texts that it explains."""


def rows(one: Finding) -> list[int]:
    return [number for number, row in enumerate(TABLE) if one.reference.name in row.references and row.when(one)]


def row_of(one: Finding) -> int:
    """The row that explains a difference; one of several causes is taken apart first."""
    found = rows(one)
    if len(found) != 1:
        one = smaller(one, lambda other: len(rows(other)) == 1)
        found = rows(one)
    assert len(found) == 1, (one, [TABLE[number].reason for number in found])
    return found[0]


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("name", READERS)
def test_every_difference_is_explained(reference: Give, name: str, part: str) -> None:
    texts = list(dict.fromkeys(PARTS[part]()))
    asked = reference(name)
    asked.read(texts, cut=part == "cut")
    compare = findings_cut if part == "cut" else findings
    count = 0
    for text in texts:
        for one in compare(asked, text):
            assert part != "canonical" or one.kind in ("key", "value"), one
            USED[name, row_of(one)] += 1
            count += 1
    tell(f"{name}: {part}, {len(texts)} texts, {count} differences, each explained")


def test_every_difference_of_types_is_explained(reference: Give) -> None:
    """Scalars with a schema, which 0.33.0 makes its types of."""
    asked = reference(NEW)
    given = list(corpus.typed(TYPED, 6))
    count = 0
    for text, schema in given:
        for one in findings_typed(asked, text, schema):
            USED[NEW, row_of(one)] += 1
            count += 1
    tell(f"{NEW}: typed, {len(given)} texts with a schema, {count} differences, each explained")


@pytest.mark.parametrize("name", READERS)
def test_every_row_is_needed(name: str) -> None:
    """Without the row, differences in the generated texts would be unexplained."""
    if not any(used == name for used, _ in USED):
        pytest.skip("the comparison did not run")
    for number, row in enumerate(TABLE):
        if name in row.references:
            assert USED[name, number], f"nothing needs {row.rule}: {row.reason}"


@pytest.mark.parametrize(
    ("name", "row"),
    [(name, row) for row in TABLE for name in row.references],
    ids=lambda item: item if isinstance(item, str) else f"{item.rule}, {item.example!r:.30}",
)
def test_examples(reference: Give, name: str, row: Difference) -> None:
    """Each example differs as it says, by its own row only; without a schema, scalars are text besides."""
    asked = reference(name)
    assert (row.mine().json or row.mine().answer) == row.ours
    more = {"properties": {"a": json.loads(row.schema)}} if row.schema else {}
    assert [dumped(answer) for answer in asked.read([row.example], cut=row.is_cut, **more)] == [row.theirs]
    found = {row_of(one) for one in differences(asked, row)}
    scalars = {number for number, other in enumerate(TABLE) if other.example == "a:42" and not other.schema}
    assert TABLE.index(row) in found
    assert found <= {TABLE.index(row), *scalars}


def differences(asked: Reference, row: Difference) -> list[Finding]:
    """The differences in the example of a row."""
    if row.schema:
        return list(findings_typed(asked, row.example, json.loads(row.schema)))
    return list((findings_cut if row.is_cut else findings)(asked, row.example))


def damaged(one: Finding) -> Finding:
    """The difference with another answer: of this package, or where that does not count, of the reference."""
    if one.kind in ("rejected", "cut"):
        return one._replace(ours=one.ours._replace(answer="rejected: not_a_call", sentence="another"))
    if one.kind in ("key", "value", "whole", "typed") or one.theirs == "error":
        return one._replace(theirs='{"other":0}', ours=one.ours._replace(answer='{"another":0}', json='{"another":0}'))
    return one._replace(ours=one.ours._replace(answer='{"another":0}', json='{"another":0}'))


@pytest.mark.parametrize("name", READERS)
def test_rows_are_narrow(reference: Give, name: str) -> None:
    """No row explains a difference any more once an answer is another one."""
    asked = reference(name)
    for row in TABLE:
        if name in row.references:
            for one in differences(asked, row):
                assert rows(damaged(one)) == [], (one, row.rule)
