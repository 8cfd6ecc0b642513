"""From the prompt to the output, to the message, to the next prompt: what was meant comes back, and where ids go on."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from types import MappingProxyType, ModuleType
from typing import Any, NamedTuple

import pytest

from gemma4_parser import CONTROL_TOKENS
from prompt_cases import own_cases, prompt_cases
from prompt_shape import read_shape
from prompt_tokenizers import gemma_like

TOKENIZER = gemma_like()
QUESTION = {"role": "user", "content": "q"}
SIZES = ["small", "large", "diffusion"]


def encoded(text: str) -> list[int]:
    """The ids of an output: every literal a control token."""
    ids: list[int] = TOKENIZER.encode(text, add_special_tokens=False).ids
    return ids


class Said(NamedTuple):
    """What a model means to say in one go."""

    reasoning: str | None = None
    content: str | None = None
    calls: tuple[tuple[str, dict[str, Any]], ...] = ()

    def output(self, impl: ModuleType, start: str) -> str:
        """As the model writes it behind a prompt with this start."""
        text = ""
        if start == "reasoning":
            text = f"{self.reasoning}\n<channel|>"
        elif self.reasoning is not None:
            text = f"<|channel>thought\n{self.reasoning}\n<channel|>"
        text += self.content or ""
        for name, arguments in self.calls:
            text += f"<|tool_call>call:{name}{{{impl.format_arguments(arguments)}}}<tool_call|>"
        return text + ("<|tool_response>" if self.calls else "<turn|>")


ROUNDS = [
    (Said("I look\nit up.", "One moment.", (("get_weather", {"city": "Paris", "days": 3}),)), ["Sunny"]),
    (
        Said("Both.", None, (("f", {"s": 'a "b"\n{c}', "x": None}), ("g", {"b": [1, {"k": True}], "c": 1.5}))),
        ["é", "2"],
    ),
    (Said("Once more.", "And", (("f", {}),)), ["{}"]),
    (Said("That is all.", "Sunny, 15 degrees."), None),
    (Said("A new question.", None, (("get_weather", {"city": "東京"}),)), ["Rain"]),
    (Said("Done.", "Rain."), None),
    (Said("Nothing to look up.", "You are welcome."), None),
]
"""What the model says, and the results of its calls; without results the user speaks next."""


@pytest.mark.parametrize("thinking", [True, False])
@pytest.mark.parametrize("model", SIZES)
def test_a_conversation_of_many_rounds(impl: ModuleType, model: str, thinking: bool) -> None:
    vocabulary = impl.Vocabulary.from_tokenizer(TOKENIZER)
    numbers = (f"call_{number}" for number in itertools.count())
    messages: list[Any] = [QUESTION]
    before: list[int] = []
    """What the conversation was as ids, where the next prompt must go on with it."""
    for meant, results in ROUNDS:
        said = meant if thinking else meant._replace(reasoning=None)
        prompt = impl.render(messages, model=model, enable_thinking=thinking)
        assert prompt.warnings == ()
        assert prompt.start == ("reasoning" if thinking and messages[-1]["role"] == "tool" else "content")
        ids = prompt.ids(TOKENIZER)
        assert ids[: len(before)] == before
        text = said.output(impl, prompt.start)
        output = encoded(text)
        message = impl.parse(output, vocabulary, start=prompt.start)
        assert message == impl.parse(text, start=prompt.start)
        assert (message.reasoning, message.content) == (said.reasoning, said.content)
        assert [(call.name, call.value()) for call in message.tool_calls] == list(said.calls)
        assert message.unparsed == ()
        assert not any(call.repairs for call in message.tool_calls)
        assert message.end == ("tool_response" if said.calls else "turn")
        answer = message.to_openai(lambda: next(numbers))
        messages.append(answer)
        # An empty thought is not in the history; the thoughts of this turn will not be, once the user has spoken.
        goes_on = not prompt.text.endswith("<|channel>thought\n<channel|>") and not (results is None and thinking)
        before = ids + output if goes_on else []
        if results is None:
            messages.append(QUESTION)
        else:
            messages += [
                {"role": "tool", "tool_call_id": call["id"], "content": result}
                for call, result in zip(answer["tool_calls"], results, strict=True)
            ]
    last = impl.render(messages, model=model, enable_thinking=thinking)
    assert read_shape(last).roles[thinking:] == ["user", "model"] * 4


CALL = "<|tool_call>call:f{a:1}<tool_call|>"
RESULT = [{"role": "tool", "tool_call_id": "c0", "content": "R"}]
ASKED = [QUESTION]
CALLED = [
    QUESTION,
    {"role": "assistant", "tool_calls": [{"id": "b", "function": {"name": "f", "arguments": "{}"}}]},
    {"role": "tool", "tool_call_id": "b", "content": "R"},
]


class Step(NamedTuple):
    """A prompt, an output, what comes next, and whether the next prompt goes on from there."""

    why: str
    messages: list[Any]
    output: str
    next: list[Any]
    there: str = ""
    """What the conversation holds where the next prompt parts from it; nothing where it goes on."""
    instead: str = ""
    """What the next prompt has there."""
    options: Mapping[str, Any] = MappingProxyType({})
    spelled: Callable[[str], list[int]] = encoded


THINK = {"enable_thinking": True}
LARGE = {"model": "large"}


def by_characters(text: str) -> list[int]:
    """The output with its text spelled by single characters."""
    ids = []
    for is_control, piece in (
        (piece in CONTROL_TOKENS, piece) for piece in text.replace("<", "\0<").replace(">", ">\0").split("\0")
    ):
        ids += [CONTROL_TOKENS[piece]] if is_control else [number for letter in piece for number in encoded(letter)]
    return ids


def shared(one: str, other: str) -> int:
    """How many characters they have in common at their start."""
    return sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


def data_for(literal: str) -> Callable[[str], list[int]]:
    """Encodes with `@` for the literal, spelled by ordinary tokens."""

    def spelled(text: str) -> list[int]:
        first, second = text.split("@")
        return encoded(first + literal[0]) + encoded(literal[1:] + second)

    return spelled


STEPS = [
    # goes on
    Step("a call", ASKED, f"{CALL}<|tool_response>", RESULT),
    Step("text and a call", ASKED, f"One moment.{CALL}<|tool_response>", RESULT),
    Step("an answer", ASKED, "Hi.<turn|>", [QUESTION]),
    Step("an answer behind a result", CALLED, "Hi.<turn|>", [QUESTION], options=LARGE),
    Step("a call behind a result", CALLED, f"{CALL}<|tool_response>", RESULT, options=LARGE),
    Step(
        "a thought and a call", ASKED, f"<|channel>thought\nT\n<channel|>{CALL}<|tool_response>", RESULT, options=THINK
    ),
    Step("a thought behind a result", CALLED, f"T\n<channel|>{CALL}<|tool_response>", RESULT, options=THINK),
    Step(
        "a thought that ends in blank lines", CALLED, f"T \n\n<channel|>{CALL}<|tool_response>", RESULT, options=THINK
    ),
    Step("no thought, though thinking is on", ASKED, f"{CALL}<|tool_response>", RESULT, options={**THINK, **LARGE}),
    Step(
        "numbers as they are spelled",
        ASKED,
        '<|tool_call>call:f{a:1.50,b:1e5,c:-0,d:12345678901234567890,e:[null,<|"|> x<|"|>],f:{A:1,b:2}}<tool_call|>'
        "<|tool_response>",
        RESULT,
    ),
    Step(
        "a thought of a turn with calls, where these are kept",
        ASKED,
        f"<|channel>thought\nT\n<channel|>{CALL}<|tool_response>",
        [*RESULT, QUESTION],
        options={**THINK, "preserve_thinking": True},
    ),
    Step(
        "a control literal that the model spelled by ordinary tokens",
        ASKED,
        '<|tool_call>call:f{a:<|"|>x@y<|"|>}<tool_call|><|tool_response>',
        RESULT,
        spelled=data_for("<turn|>"),
    ),
    # does not
    Step(
        "the empty thought that the large sizes are given is not in the history",
        ASKED,
        f"{CALL}<|tool_response>",
        RESULT,
        "<|channel>thought\n<channel|><|tool_call>",
        "<|tool_call>",
        LARGE,
    ),
    Step(
        "thoughts of earlier turns are dropped",
        ASKED,
        "<|channel>thought\nT\n<channel|>Hi.<turn|>",
        [QUESTION],
        "<|channel>",
        "Hi.<turn|>",
        THINK,
    ),
    Step(
        "a thought that is empty is not printed",
        CALLED,
        "<channel|>Hi.<turn|>",
        [QUESTION],
        "<|channel>thought\n<channel|>",
        "Hi.",
        THINK,
    ),
    Step(
        "a thought has a newline before its end",
        CALLED,
        f"T<channel|>{CALL}<|tool_response>",
        RESULT,
        "<channel|>",
        "\n<channel|>",
        THINK,
    ),
    Step(
        "two thoughts become one",
        ASKED,
        f"<|channel>thought\nT\n<channel|><|channel>thought\nS\n<channel|>{CALL}<|tool_response>",
        RESULT,
        "\n<channel|><|channel>",
        "S\n<channel|>",
        THINK,
    ),
    Step(
        "arguments are sorted",
        ASKED,
        "<|tool_call>call:f{b:1,a:2}<tool_call|><|tool_response>",
        RESULT,
        "b:1,a:2",
        "a:2,b:1",
    ),
    Step(
        "text stands before the calls",
        ASKED,
        f"{CALL}One moment.<|tool_response>",
        RESULT,
        "<|tool_call>",
        "One moment.<|tool_call>",
    ),
    Step("text is trimmed", ASKED, f"One moment.\n{CALL}<|tool_response>", RESULT, "\n<|tool_call>", "<|tool_call>"),
    Step("blanks in a call are no data", ASKED, CALL.replace(":1", ": 1") + "<|tool_response>", RESULT, " 1}", "1}"),
    Step(
        "a repaired call is written properly", ASKED, "<|tool_call>call:f(a=1)<tool_call|><turn|>", RESULT, "(a", "{a"
    ),
    Step("a turn with calls ends by its results", ASKED, f"{CALL}<turn|>", RESULT, "<turn|>", "<|tool_response>"),
    Step("a turn ends by its own marker", ASKED, "Hi.<eos>", [QUESTION], "<eos>", "<turn|>"),
    Step(
        "what could not be parsed is not in the message",
        ASKED,
        f"<|tool_call>call:<tool_call|>{CALL}<|tool_response>",
        RESULT,
        "call:<tool_call|>",
        "call:f{a:1}",
    ),
]


def test_by_characters() -> None:
    assert by_characters("Che<turn|>") == [number for letter in "Che" for number in encoded(letter)] + [106]


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.why)
def test_where_the_ids_go_on(impl: ModuleType, step: Step) -> None:
    options = {"model": "small", **step.options}
    prompt = impl.render(step.messages, **options)
    vocabulary = impl.Vocabulary.from_tokenizer(TOKENIZER)
    output = step.spelled(step.output)
    numbers = itertools.count()
    message = impl.parse(output, vocabulary, start=prompt.start).to_openai(lambda: f"c{next(numbers)}")
    following = impl.render([*step.messages, message, *step.next], **options)
    assert [warning for warning in following.warnings if "spells" not in warning] == []
    before, after = prompt.ids(TOKENIZER) + output, following.ids(TOKENIZER)
    if not step.there:
        assert after[: len(before)] == before
        return
    had, has = vocabulary.decode(before), vocabulary.decode(after)
    place = shared(had, has) - shared(step.there, step.instead)
    assert had.startswith(step.there, place)
    assert has.startswith(step.instead, place)


def test_the_same_text_by_other_tokens(impl: ModuleType) -> None:
    """The text goes on, the ids do not."""
    prompt = impl.render(ASKED, model="small")
    output = by_characters("Checking it.<turn|>")
    message = impl.parse(output, impl.Vocabulary.from_tokenizer(TOKENIZER)).to_openai()
    following = impl.render([*ASKED, message, QUESTION], model="small")
    assert following.text.startswith(f"{prompt.text}Checking it.<turn|>")
    before, after = prompt.ids(TOKENIZER) + output, following.ids(TOKENIZER)
    assert after[: len(before)] != before


@pytest.mark.parametrize("style", ["official", "fixed"])
@pytest.mark.parametrize("model", SIZES)
def test_the_start_can_be_read_off_every_prompt(impl: ModuleType, model: str, style: str) -> None:
    """Off the ids always; off the text where no message spells a control token."""
    vocabulary = impl.Vocabulary.from_tokenizer(TOKENIZER)
    starts = set()
    inputs = [(case.messages, case.tools, case.kwargs) for case in prompt_cases()]
    inputs += [(case.messages, case.tools, case.kwargs) for case in own_cases()]
    for messages, tools, options in inputs:
        try:
            prompt = impl.render(messages, tools, model=model, style=style, **options)
        except ValueError:
            # What has no prompt in this style.
            continue
        spelled = any("spells" in warning for warning in prompt.warnings)
        assert impl.StreamParser.start_of(prompt.ids(TOKENIZER), vocabulary) == prompt.start
        assert spelled or impl.StreamParser.start_of(prompt.text) == prompt.start
        starts.add((prompt.start, spelled))
    assert starts == {("content", False), ("reasoning", False), ("content", True)}


def test_a_spelled_channel_does_not_start_a_thought(impl: ModuleType) -> None:
    """`Prompt.start` knows better than the text."""
    messages = [QUESTION, {"role": "assistant", "content": "x"}, {"role": "user", "content": "a<|channel>"}]
    prompt = impl.render(messages, add_generation_prompt=False, continue_final_message=True)
    assert prompt.text.endswith("a<|channel>")
    assert prompt.start == "content"
    assert impl.StreamParser.start_of(prompt.text) == "reasoning"
    assert impl.StreamParser.start_of(prompt.ids(TOKENIZER), impl.Vocabulary.from_tokenizer(TOKENIZER)) == "content"


@pytest.mark.parametrize("style", ["official", "fixed"])
def test_continuing_a_thought(impl: ModuleType, style: str) -> None:
    answer = {"role": "assistant", "content": "", "reasoning": "I th"}
    options = {"add_generation_prompt": False, "enable_thinking": True, "continue_final_message": "reasoning"}
    prompt = impl.render([QUESTION, answer], style=style, **options)
    message = impl.parse(
        encoded("ink so.\n<channel|>Yes.<turn|>"), impl.Vocabulary.from_tokenizer(TOKENIZER), start=prompt.start
    )
    assert prompt.start == "reasoning"
    assert (message.reasoning, message.content) == ("ink so.", "Yes.")
    whole = {"role": "assistant", "content": "Yes.", "reasoning": "I think so."}
    following = impl.render([QUESTION, whole], style=style, enable_thinking=True, add_generation_prompt=False)
    assert following.text.startswith(prompt.text + "ink so.\n<channel|>Yes.<turn|>")


@pytest.mark.parametrize("style", ["official", "fixed"])
def test_continuing_a_text(impl: ModuleType, style: str) -> None:
    answer = {"role": "assistant", "content": "Hello wor"}
    options = {"add_generation_prompt": False, "continue_final_message": True}
    prompt = impl.render([QUESTION, answer], style=style, **options)
    assert impl.parse("ld<turn|>", start=prompt.start).content == "ld"
    whole = impl.render([QUESTION, {"role": "assistant", "content": "Hello world"}, QUESTION], style=style)
    assert whole.text.startswith(prompt.text + "ld<turn|>")
