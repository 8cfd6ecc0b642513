"""What the fixed style repairs, case by case, and that the official style does not: vectors/prompt_own.jsonl."""

from __future__ import annotations

import re
from types import ModuleType
from typing import Any

import pytest

from helpers import ROOT
from prompt_cases import Error, OwnCase, holds, outcome, own_cases, prompt_cases
from prompt_shape import check_segments, read_shape

CASES = own_cases()
BY_ID = {case.id: case for case in CASES}

DEFECTS = {
    "F01": ["P01-content-before-pending-call"],
    "F02": ["P02-content-calls-results-last", "P04-content-calls-results-no-generation"],
    "F03": ["P03-content-calls-results-last-thinking"],
    "F04": ["P05-content-before-call-then-answer", "P06-content-before-call-then-user"],
    "A21": ["P11-three-texts"],
    "E15": ["P16-pending-then-user"],
    "E16": ["P17-pending-then-assistant"],
    "D22": ["P21-result-behind-user", "P22-result-behind-text", "P24-nothing-to-move-to"],
    "H04": ["P36-responses-in-their-own-message"],
    "B13": ["P74-no-type"],
    "B34": ["P77-response-of-another-type"],
    "B35": ["P78-response-null"],
    "D08": ["P47-mapping", "P48-empty-mapping"],
    "D12": ["P49-list-of-scalars"],
    "D19": ["P27-no-ids-no-names", "P28-no-ids-but-names"],
}
"""Google's template of 2026-07-09 is known for these: content and calls, last (F02, with thinking F03) or with more
behind them (F01, F04), neighbouring texts (A21), pending calls with more behind them (E15, E16, D22), results in a
message of their own (H04), declarations without a type (B13), with a response of another type (B34) or null (B35),
results that are mappings (D08) or lists (D12), results without ids (D19)."""

BOTH_STYLES = re.compile(
    r"the text spells .*|the result answers no call and is left out|the result is left out, since .*"
    r'|content of type ".*" is left out|an unclosed thought in the content is left out'
)


def named(case: OwnCase) -> str:
    return case.id


def design() -> str:
    return (ROOT / "DESIGN.md").read_text(encoding="utf-8")


def table(heading: str) -> list[str]:
    """The first cells of the first table behind a heading of DESIGN.md, without backticks."""
    section = re.split(r"\n##", design().split(f"\n### {heading}\n")[1])[0]
    rows = re.findall(r"^\| (`.*?`) \|", section, re.MULTILINE)
    return [row.strip("`").replace("\\|", "|") for row in rows]


def test_there_are_cases() -> None:
    assert len(BY_ID) == len(CASES) > 100
    assert not BY_ID.keys() & {case.id for case in prompt_cases()}


def test_every_repair_of_the_table_has_cases() -> None:
    repairs = table("The repairs of `fixed`")
    assert len(repairs) == len(set(repairs)) == 18
    assert {case.repair for case in CASES} - {""} == set(repairs)


def test_every_warning_of_the_table_has_a_case() -> None:
    texts = [warning.partition(": ")[2] for case in CASES for warning in case.warnings]
    for row in table("Warnings and errors"):
        # What stands for something else in the table's examples.
        pattern = re.escape(row)
        for example in (r"<turn\|>", r"messages\[1\]", "refusal", "video_url", "critic", r"\#/x"):
            pattern = pattern.replace(example, ".+?")
        pattern = pattern.replace(re.escape("the call of f "), r"the call of \w+ ")
        assert any(re.fullmatch(pattern, text) for text in texts), row
    assert len(table("Warnings and errors")) == 16


@pytest.mark.parametrize("case", CASES, ids=named)
def test_fixed(impl: ModuleType, case: OwnCase) -> None:
    if isinstance(case.expected, Error):
        with pytest.raises(impl.RenderError) as caught:
            impl.render(case.messages, case.tools, model=case.model, **case.kwargs)
        assert caught.value.place == case.expected.text
        assert caught.value.reason
        assert str(caught.value) == f"{caught.value.place}: {caught.value.reason}"
        return
    prompt = impl.render(case.messages, case.tools, model=case.model, style="fixed", **case.kwargs)
    assert prompt.text == case.expected
    assert list(prompt.warnings) == case.warnings
    assert prompt.start == case.start
    assert prompt == impl.render(case.messages, case.tools, model=case.model, **case.kwargs)
    check_segments(prompt)
    assert (read_shape(prompt).end == "thought") == (prompt.start == "reasoning")


@pytest.mark.parametrize("case", CASES, ids=named)
def test_official_has_the_defect(impl: ModuleType, case: OwnCase) -> None:
    """Google's text stays as it is: what is wanted does not hold in it."""
    found = outcome(impl, case.messages, case.tools, model=case.model, style="official", **case.kwargs)
    if isinstance(case.official, Error):
        assert isinstance(found, Error)
    else:
        assert found == case.official
    assert (found == case.expected) == (case.repair == "" and not isinstance(case.expected, Error))
    assert [fact for fact in case.wanted if not holds(fact, case.expected)] == []
    assert [fact for fact in case.wanted if holds(fact, found)] == []
    assert case.wanted or not case.repair or isinstance(case.expected, Error)


@pytest.mark.parametrize("defect", DEFECTS)
def test_known_defects(impl: ModuleType, defect: str) -> None:
    for case in (BY_ID[name] for name in DEFECTS[defect]):
        options: dict[str, Any] = {"model": case.model, **case.kwargs}
        assert case.wanted
        official = outcome(impl, case.messages, case.tools, style="official", **options)
        fixed = outcome(impl, case.messages, case.tools, style="fixed", **options)
        assert not any(holds(fact, official) for fact in case.wanted)
        assert all(holds(fact, fixed) for fact in case.wanted)


@pytest.mark.parametrize("case", [case for case in CASES if not case.repair and case.warnings], ids=named)
def test_warnings_of_official(impl: ModuleType, case: OwnCase) -> None:
    """Where both styles print the same, the official style warns of what Google's template itself loses."""
    prompt = impl.render(case.messages, case.tools, model=case.model, style="official", **case.kwargs)
    shared = [warning for warning in case.warnings if BOTH_STYLES.fullmatch(warning.partition(": ")[2])]
    assert list(prompt.warnings) == shared


def test_warnings_of_official_where_it_differs(impl: ModuleType) -> None:
    expected = {
        "P21-result-behind-user": ["messages[3]: the result answers no call and is left out"],
        "P24-nothing-to-move-to": [
            "messages[3]: the result answers no call and is left out",
            "messages[4]: the result answers no call and is left out",
        ],
        "P55-input-and-output-text": [
            'messages[0]: content of type "input_text" is left out',
            'messages[1]: content of type "output_text" is left out',
        ],
        "P74-no-type": [],
        "P27-no-ids-no-names": [],
    }
    for name, warnings in expected.items():
        case = BY_ID[name]
        prompt = impl.render(case.messages, case.tools, style="official", **case.kwargs)
        assert list(prompt.warnings) == warnings


def spells(place: str, literal: str) -> str:
    return f"{place}: the text spells {literal}, which is a control token for a tokenizer; ids() keeps it text"


def test_warnings_of_the_collected_cases(impl: ModuleType) -> None:
    """What the cases of prompt.jsonl lose is said, and nothing else."""
    pending = "messages[1]: the calls have no results yet: there is nothing to generate"
    inline = 'a thought in the content is left out; in the field "reasoning" it would stay'
    expected = {
        "A24-special-tokens-in-user-text": [spells("messages[0]", "<turn|>"), spells("messages[0]", "<|turn>")],
        "B13-params-no-type": ["tools[0].parameters: no type; OBJECT is assumed"],
        "B36-description-verbatim": [spells("tools[0]", '<|"|>')],
        "B37-transformers-return-key": ['tools[0]: the field "return" is left out'],
        "C08-args-string-with-delimiter": [pending, spells("messages[1].tool_calls[0]", '<|"|>')],
        "D10-multimodal-parts": ['messages[2]: content of type "video_url" is left out'],
        "D21-orphan-tool-dropped": ["messages[1]: the result answers no call and is left out"],
        "E09-reasoning-precedence": ['messages[1]: the field "reasoning_content" is left out for "reasoning"'],
        "E15-pending-then-user": ["messages[1].tool_calls[0]: the call has no result"],
        "E16-pending-then-assistant": ["messages[1].tool_calls[0]: the call has no result"],
        "F07-thought-only-content-with-call": [f"messages[1]: {inline}"],
        "G01-strip-thought-block": [f"messages[1]: {inline}"],
        "G02-strip-multiple": [f"messages[1]: {inline}"],
        "G03-strip-unclosed": ["messages[1]: an unclosed thought in the content is left out"],
        "G05-user-content-not-stripped": [
            spells("messages[0]", "<|channel>"),
            spells("messages[0]", "<channel|>"),
        ],
        "G07-current-turn-inline-thought": [f"messages[1]: {inline}", f"messages[3]: {inline}"],
        "H03-legacy-no-name": ["messages[1].tool_responses[0]: the result belongs to the call of f by its order"],
        "H05-legacy-wins-over-role-tool": ["messages[2]: the result is left out, since messages[1] has tool_responses"],
        "I01-user-multimodal": ['messages[0]: content of type "video_url" is left out'],
        "I02-assistant-parts": [f"messages[1]: {inline}"],
    }
    for case in prompt_cases():
        if case.id[:3] in ("J06", "J07"):
            continue
        warnings = list(impl.render(case.messages, case.tools, **case.kwargs).warnings)
        if case.id in expected:
            assert warnings == expected.pop(case.id), case.id
        else:
            assert set(warnings) <= {pending}, case.id
    assert not expected


def printed(impl: ModuleType, schema: Any) -> str:
    """How a schema is printed as that of the property `p`."""
    parameters = {"type": "object", "properties": {"p": schema}}
    text: str = impl.render([], [{"name": "f", "parameters": parameters}], add_generation_prompt=False).text
    return text.split("properties:{p:", 1)[1].removesuffix('},type:<|"|>OBJECT<|"|>}}<tool|><turn|>\n')


def test_keywords_that_hold_schemas(impl: ModuleType) -> None:
    """Types within are upper-cased; what is no schema there, and all else, is a value as it stands."""
    given, schema, value = {"type": "string"}, '{type:<|"|>STRING<|"|>}', '{type:<|"|>string<|"|>}'
    for keyword in (
        *("items", "additionalItems", "unevaluatedItems", "contains", "additionalProperties", "unevaluatedProperties"),
        *("propertyNames", "not", "if", "then", "else"),
    ):
        assert printed(impl, {keyword: given}) == f"{{{keyword}:{schema}}}"
        assert printed(impl, {keyword: [1]}) == f"{{{keyword}:[1]}}"
    for keyword in ("items", "anyOf", "oneOf", "allOf", "prefixItems"):
        assert printed(impl, {keyword: [given, True]}) == f"{{{keyword}:[{schema},true]}}"
    for keyword in ("properties", "patternProperties", "dependentSchemas"):
        assert printed(impl, {keyword: {"b": given, "a": True}}) == f"{{{keyword}:{{a:true,b:{schema}}}}}"
    for keyword in ("default", "const", "examples", "x-type", "dependencies"):
        assert printed(impl, {keyword: given}) == f"{{{keyword}:{value}}}"


def test_keywords_are_sorted_by_their_lower_case(impl: ModuleType) -> None:
    assert printed(impl, {"Zeta": 1, "type": "string", "alpha": 2}) == '{alpha:2,type:<|"|>STRING<|"|>,Zeta:1}'
    assert printed(impl, {"b": 1, "B": 2, "a": 3, "_": 4, "1": 5}) == "{1:5,_:4,a:3,b:1,B:2}"
