"""What a prompt for tool calling must be like: seventeen behaviours, in both styles."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import pytest

SYSTEM = "<bos><|turn>system\n"
USER = "<|turn>user\nq<turn|>\n"
MODEL = "<|turn>model\n"
GENERATION = "<|turn>model\n<|channel>thought\n<channel|>"
"""The generation prompt of the large sizes with thinking off."""
QUESTION = {"role": "user", "content": "q"}
TOOL = {
    "type": "function",
    "function": {
        "name": "f",
        "description": "D",
        "parameters": {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]},
    },
}
DECLARATION = (
    '<|tool>declaration:f{description:<|"|>D<|"|>,parameters:{properties:{a:{type:<|"|>INTEGER<|"|>}},'
    'required:[<|"|>a<|"|>],type:<|"|>OBJECT<|"|>}}<tool|>'
)


def answer(content: Any = None, *calls: Any, **fields: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": content, **({"tool_calls": list(calls)} if calls else {}), **fields}


def call(name: str = "f", number: str | None = "1", **arguments: Any) -> dict[str, Any]:
    made = {"type": "function", "function": {"name": name, "arguments": arguments}}
    return made if number is None else {"id": number, **made}


def result(content: Any = "R", number: str | None = "1", **fields: Any) -> dict[str, Any]:
    return {"role": "tool", "content": content, **({"tool_call_id": number} if number else {}), **fields}


def called(name: str = "f", arguments: str = "") -> str:
    return f"<|tool_call>call:{name}{{{arguments}}}<tool_call|>"


def responded(name: str = "f", text: str = "R") -> str:
    return f'<|tool_response>response:{name}{{value:<|"|>{text}<|"|>}}<tool_response|>'


def thought(text: str) -> str:
    return f"<|channel>thought\n{text}\n<channel|>"


@pytest.fixture(params=["official", "fixed"])
def render(request: pytest.FixtureRequest, impl: ModuleType) -> Any:
    """The text that one implementation renders in one style. No warning but that calls wait for their results."""

    def text(messages: list[Any], tools: list[Any] | None = None, **options: Any) -> str:
        prompt = impl.render(messages, tools, style=request.param, **options)
        assert [warning for warning in prompt.warnings if "have no results yet" not in warning] == []
        found: str = prompt.text
        return found

    return text


def test_01_chat_of_one_and_of_several_turns(render: Any) -> None:
    assert render([QUESTION]) == f"<bos>{USER}{GENERATION}"
    several = [QUESTION, answer("b"), {"role": "user", "content": "c"}]
    turns = f"<bos>{USER}{MODEL}b<turn|>\n<|turn>user\nc<turn|>\n"
    assert render(several) == turns + GENERATION
    assert render(several, model="small") == turns + MODEL
    assert render(several, model="diffusion") == turns + MODEL


def test_02_a_first_system_or_developer_message_is_the_system_turn(render: Any) -> None:
    for role in ("system", "developer"):
        messages = [{"role": role, "content": " Be brief.\n"}, QUESTION]
        assert render(messages) == f"{SYSTEM}Be brief.<turn|>\n{USER}{GENERATION}"
        thinking = f"{SYSTEM}<|think|>\nBe brief.<turn|>\n{USER}{MODEL}"
        assert render(messages, enable_thinking=True) == thinking


def test_03_declarations_stand_in_the_system_turn(render: Any) -> None:
    system = {"role": "system", "content": "S"}
    assert render([QUESTION], [TOOL]) == f"{SYSTEM}{DECLARATION}<turn|>\n{USER}{GENERATION}"
    assert render([system, QUESTION], [TOOL]) == f"{SYSTEM}S{DECLARATION}<turn|>\n{USER}{GENERATION}"
    two = render([system, QUESTION], [TOOL, {"type": "function", "function": {"name": "g", "description": "E"}}])
    second = '<|tool>declaration:g{description:<|"|>E<|"|>}<tool|>'
    assert two == f"{SYSTEM}S{DECLARATION}{second}<turn|>\n{USER}{GENERATION}"
    thinking = render([QUESTION], [TOOL], enable_thinking=True)
    assert thinking == f"{SYSTEM}<|think|>\n{DECLARATION}<turn|>\n{USER}{MODEL}"


def test_04_a_call_without_result_leaves_the_turn_open(render: Any) -> None:
    for generation in (True, False):
        text = render([QUESTION, answer(None, call(a=1))], add_generation_prompt=generation)
        assert text == f"<bos>{USER}{MODEL}{called(arguments='a:1')}<|tool_response>"


def test_05_a_result_stands_in_the_model_turn(render: Any) -> None:
    text = render([QUESTION, answer(None, call(a=1)), result("Sunny")])
    assert text == f"<bos>{USER}{MODEL}{called(arguments='a:1')}{responded(text='Sunny')}"
    assert "<|turn>tool" not in text


def test_06_call_result_and_answer_are_one_turn(render: Any) -> None:
    messages = [QUESTION, answer(None, call()), result(), answer("Done.")]
    text = render(messages, add_generation_prompt=False)
    assert text == f"<bos>{USER}{MODEL}{called()}{responded()}Done.<turn|>\n"


def test_07_parallel_calls_stand_side_by_side(render: Any) -> None:
    calls = [call("f", "1"), call("g", "2", b="x"), call("f", "3")]
    both = called("f") + called("g", 'b:<|"|>x<|"|>') + called("f")
    assert render([QUESTION, answer(None, *calls)]) == f"<bos>{USER}{MODEL}{both}<|tool_response>"
    results = [result("A", "1"), result("B", "2"), result("C", "3")]
    text = render([QUESTION, answer(None, *calls), *results])
    assert text == f"<bos>{USER}{MODEL}{both}{responded('f', 'A')}{responded('g', 'B')}{responded('f', 'C')}"


def test_08_results_out_of_order_keep_their_order_and_find_their_names(render: Any) -> None:
    calls = [call("f", "1"), call("g", "2")]
    text = render([QUESTION, answer(None, *calls), result("B", "2"), result("A", "1")])
    assert text == f"<bos>{USER}{MODEL}{called('f')}{called('g')}{responded('g', 'B')}{responded('f', 'A')}"


def test_09_a_loop_of_several_rounds_is_one_turn(render: Any) -> None:
    messages: list[Any] = [QUESTION]
    expected = f"<bos>{USER}{MODEL}"
    for number in "123":
        messages += [answer(None, call("f", number)), result(number, number)]
        expected += called() + responded(text=number)
        assert render(messages) == expected
    text = render([*messages, answer("Done.")], add_generation_prompt=False)
    assert text == f"{expected}Done.<turn|>\n"
    assert text.count("<|turn>model") == 1


def test_10_a_new_user_message_opens_a_new_turn(render: Any) -> None:
    loop = [QUESTION, answer(None, call()), result()]
    first = f"<bos>{USER}{MODEL}{called()}{responded()}"
    with_answer = render([*loop, answer("Done."), QUESTION])
    assert with_answer == f"{first}Done.<turn|>\n{USER}{GENERATION}"
    assert render([*loop, QUESTION]) == f"{first}<turn|>\n{USER}{GENERATION}"
    again = [*loop, answer("Done."), QUESTION, answer(None, call("g", "2")), result("S", "2"), answer("Again.")]
    second = f"{USER}{MODEL}{called('g')}{responded('g', 'S')}Again.<turn|>\n"
    assert render(again, add_generation_prompt=False) == f"{first}Done.<turn|>\n{second}"


def test_11_tool_responses_of_the_assistant_message_are_printed(render: Any) -> None:
    response = {"weather": "sunny", "temperature": 15}
    legacy = answer(None, call(), tool_responses=[{"name": "f", "response": response}])
    text = render([QUESTION, legacy])
    printed = '<|tool_response>response:f{temperature:15,weather:<|"|>sunny<|"|>}<tool_response|>'
    assert text == f"<bos>{USER}{MODEL}{called()}{printed}"
    with_content = render([QUESTION, {**legacy, "content": "It is 15."}], add_generation_prompt=False)
    assert with_content == f"<bos>{USER}{MODEL}{called()}{printed}It is 15.<turn|>\n"
    scalar = answer(None, call(), tool_responses=[{"name": "f", "response": "R"}])
    assert render([QUESTION, scalar]) == f"<bos>{USER}{MODEL}{called()}{responded()}"


def test_12_the_id_of_a_result_gives_its_name(render: Any) -> None:
    messages = [QUESTION, answer(None, call("f", "1"), call("g", "2")), result("B", "2")]
    assert responded("g", "B") in render([*messages, result("A", "1")])
    assert responded("f", "A") in render([*messages, result("A", "1", name="other")])
    assert "unknown" not in render([*messages, result("A", "1")])


def test_13_parts_of_results_are_joined_and_media_follow(render: Any) -> None:
    parts = [{"type": "text", "text": "a "}, {"type": "image"}, {"type": "text", "text": "b"}]
    text = render([QUESTION, answer(None, call()), result(parts)])
    assert text == f"<bos>{USER}{MODEL}{called()}{responded(text='a b')}<|image|>"


def test_14_a_thought_stands_before_its_call_behind_the_last_user_message_alone(render: Any) -> None:
    loop = [QUESTION, answer(None, call(), reasoning="T1"), result(), answer("Done.", reasoning="T2")]
    text = render(loop, add_generation_prompt=False)
    assert text == f"<bos>{USER}{MODEL}{thought('T1')}{called()}{responded()}{thought('T2')}Done.<turn|>\n"
    later = f"<bos>{USER}{MODEL}{called()}{responded()}Done.<turn|>\n{USER}{GENERATION}"
    assert render([*loop, QUESTION]) == later
    kept = f"<bos>{USER}{MODEL}{thought('T1')}{called()}{responded()}Done.<turn|>\n{USER}{GENERATION}"
    assert render([*loop, QUESTION], preserve_thinking=True) == kept


def test_15_reasoning_content_is_read_like_reasoning(render: Any) -> None:
    def messages(name: str) -> list[Any]:
        return [QUESTION, answer(None, call(), **{name: "T1"}), result(), answer("Done.", **{name: " T2\n"})]

    for generation in (True, False):
        one, other = (
            render(messages(name), add_generation_prompt=generation) for name in ("reasoning", "reasoning_content")
        )
        assert one == other
        assert thought("T1") + called() in one
        assert thought(" T2\n") + "Done." in one
    empty = answer("Done.", reasoning="", reasoning_content="T")
    assert thought("T") in render([QUESTION, empty], add_generation_prompt=False)


def test_16_a_generation_prompt_where_it_is_asked_for_and_nothing_is_open(render: Any) -> None:
    pending = [QUESTION, answer(None, call())]
    answered = [*pending, result()]
    ends: dict[tuple[int, bool, bool], str] = {
        (0, True, False): GENERATION,
        (0, True, True): MODEL,
        (0, False, False): "",
        (1, True, False): "<|tool_response>",
        (1, True, True): "<|tool_response>",
        (1, False, False): "<|tool_response>",
        (2, True, False): responded(),
        (2, True, True): responded() + "<|channel>thought\n",
        (2, False, True): responded(),
        (2, False, False): responded(),
    }
    for (which, generation, thinking), end in ends.items():
        messages = [[QUESTION], pending, answered][which]
        text = render(messages, add_generation_prompt=generation, enable_thinking=thinking)
        before = f"{SYSTEM}<|think|>\n<turn|>\n" if thinking else "<bos>"
        assert text == before + USER + ("" if which == 0 else MODEL + called()) + end


def test_17_generation_stops_at_the_end_of_a_turn_or_of_calls_and_never_at_the_end_of_one_call(
    impl: ModuleType,
) -> None:
    for style in ("official", "fixed"):
        prompt = impl.render([QUESTION], style=style)
        assert prompt.stop_token_ids == (1, 106, 50)
        assert 49 not in prompt.stop_token_ids
