"""The public API, line by line: names, signatures, events, streams, whole outputs."""

from __future__ import annotations

import copy
import inspect
import pickle
from types import ModuleType
from typing import Any

import pytest

import gemma4_parser as g4
from helpers import CONTROL_IDS, merge_events, tokenise

CALL = '<|tool_call>call:f{a:<|"|>x<|"|>,n:42}<tool_call|>'
JSON = '{"a":"x","n":42}'

NAMES = [
    "ArgumentError",
    "Event",
    "Message",
    "Prompt",
    "RenderError",
    "StreamParser",
    "ToolCall",
    "Unparsed",
    "Vocabulary",
    "arguments_to_json",
    "format_arguments",
    "is_gemma4",
    "model_kind",
    "parse",
    "parse_arguments",
    "render",
]
"""What each implementation offers."""
SHARED = ["ArgumentError", "Message", "Prompt", "RenderError", "ToolCall", "Unparsed"]
"""What both make or raise, written once."""
ALSO = ["CONTROL_TOKENS", "STOP_TOKEN_IDS", "__implementation__", "__version__", "chat_template", "strip_thoughts"]
"""What only the package offers."""


# names


def test_package_names() -> None:
    assert sorted(g4.__all__) == sorted([*NAMES, *ALSO])
    assert g4.__implementation__ in ("rust", "python")
    for name in g4.__all__:
        assert hasattr(g4, name)


def test_implementation_names(impl: ModuleType) -> None:
    assert sorted(impl.__all__) == NAMES
    for name in SHARED:
        assert getattr(impl, name) is getattr(g4, name), "data classes and errors are shared"


def test_everything_has_a_docstring(impl: ModuleType) -> None:
    for name in [*NAMES, "chat_template", "strip_thoughts"]:
        thing = getattr(impl, name) if name in NAMES else getattr(g4, name)
        assert thing.__doc__
        for member in vars(thing) if inspect.isclass(thing) else ():
            if not member.startswith("_") and not inspect.ismemberdescriptor(getattr(thing, member)):
                assert inspect.getdoc(getattr(thing, member)), f"{name}.{member}"


OPTIONS = "*, {}tools=None, start='content', parse_reasoning=True, lenient=True, coerce=False, spaced=False"
PROMPT_OPTIONS = (
    "model='large', style='fixed', add_generation_prompt=True, enable_thinking=False, preserve_thinking=False, "
    "continue_final_message=False, bos='<bos>'"
)


@pytest.mark.parametrize(
    ("name", "signature"),
    [
        ("Event", "(kind, text, index=None, detail=())"),
        ("StreamParser", f"(vocabulary=None, {OPTIONS.format('')})"),
        ("StreamParser.push", "(self, /, ids)"),
        ("StreamParser.push_text", "(self, /, text)"),
        ("StreamParser.finish", "(self, /, reason='stop')"),
        ("StreamParser.reset", "(self, /, start=None)"),
        ("StreamParser.start_of", "(prompt, vocabulary=None)"),
        ("Vocabulary", "(pieces)"),
        ("Vocabulary.from_tokenizer", "(tokenizer)"),
        ("Vocabulary.from_file", "(path)"),
        ("Vocabulary.control_id", "(self, /, literal)"),
        ("Vocabulary.decode", "(self, /, ids)"),
        ("parse", "(output, vocabulary=None, {})".format(OPTIONS.format("finish='stop', "))),
        ("parse_arguments", "(text)"),
        ("arguments_to_json", "(text, *, spaced=False)"),
        ("format_arguments", "(mapping)"),
        ("render", f"(messages, tools=None, *, {PROMPT_OPTIONS})"),
        ("Prompt", "(text, controls, start, warnings)"),
        ("Prompt.ids", "(self, tokenizer)"),
        ("RenderError", "(place, reason)"),
        ("is_gemma4", "(model_id)"),
        ("model_kind", "(model_id)"),
    ],
)
def test_signatures(impl: ModuleType, name: str, signature: str) -> None:
    thing: Any = impl
    for part in name.split("."):
        thing = getattr(thing, part)
    assert signature_of(thing) == signature


def test_signatures_of_the_package() -> None:
    assert signature_of(g4.chat_template) == "(model='large', style='fixed')"
    assert signature_of(g4.strip_thoughts) == "(messages, policy='current_turn')"


class Question:
    """A message in the manner of pydantic."""

    def model_dump(self) -> dict[str, Any]:
        return {"role": "user", "content": "q"}


def test_a_class_is_no_message(impl: ModuleType) -> None:
    """It has the method of its objects; each error says where it stands."""
    assert g4.strip_thoughts([question := Question()]) == [question]
    for function in (g4.strip_thoughts, impl.render):
        with pytest.raises(TypeError, match=r"messages\[1\]"):
            function([Question(), Question])
    with pytest.raises(TypeError, match=r"messages\[0\]\['content'\]\[0\] must be a mapping, not type"):
        g4.strip_thoughts([{"role": "assistant", "content": [Question]}], "none")


def signature_of(thing: Any) -> str:
    """Without the types."""
    found = inspect.signature(thing)
    plain = [parameter.replace(annotation=inspect.Parameter.empty) for parameter in found.parameters.values()]
    return str(found.replace(parameters=plain, return_annotation=inspect.Signature.empty))


# events


def test_event_fields(impl: ModuleType) -> None:
    event = impl.Event("content", "Hi")
    assert (event.kind, event.text, event.index, event.detail) == ("content", "Hi", None, ())
    event = impl.Event("call_end", "repaired", index=3, detail=("json_string", "bare_string"))
    assert (event.kind, event.text, event.index, event.detail) == (
        *("call_end", "repaired", 3),
        ("json_string", "bare_string"),
    )
    assert repr(impl.Event("content", 'a"\n')) == "Event(kind='content', text='a\"\\n', index=None, detail=())"
    assert eval(repr(event), {"Event": impl.Event}) == event


def test_event_is_equal_by_value(impl: ModuleType) -> None:
    (event,) = impl.StreamParser().push_text("Hi")
    assert event == impl.Event("content", "Hi")
    assert hash(event) == hash(impl.Event("content", "Hi"))
    assert len({event, impl.Event("content", "Hi"), impl.Event("content", "Ho")}) == 2
    for other in [
        *(impl.Event("reasoning", "Hi"), impl.Event("content", "Hi "), impl.Event("content", "Hi", 0)),
        impl.Event("content", "Hi", None, ("x",)),
    ]:
        assert event != other
    assert event != ("content", "Hi", None, ())
    assert event != "Hi"
    assert event.__eq__(object()) is NotImplemented
    with pytest.raises(TypeError):
        event < event  # noqa: B015


def test_event_unpacks_and_matches(impl: ModuleType) -> None:
    event = impl.Event("call_start", "f", 0)
    kind, text, index, detail = event
    assert (kind, text, index, detail) == ("call_start", "f", 0, ())
    assert len(event) == 4
    assert event[0] == "call_start"
    assert event[-1] == ()
    assert event[1:3] == ("f", 0)
    with pytest.raises(IndexError):
        event[4]
    match event:
        case impl.Event("call_start", name, number):
            assert (name, number) == ("f", 0)
        case _:
            pytest.fail("did not match")


def test_event_is_immutable(impl: ModuleType) -> None:
    event = impl.Event("content", "Hi")
    for name in ("kind", "text", "index", "detail", "other"):
        with pytest.raises(AttributeError):
            setattr(event, name, "x")


def test_event_copies(impl: ModuleType) -> None:
    events = impl.StreamParser().push_text(CALL + "<|tool_call>call:f{a:<tool_call|>")
    assert copy.copy(events) == events
    assert copy.deepcopy(events) == events
    for event in events:
        assert copy.copy(event) == event
        # The package's own class is the one that a pickle names.
        if impl.Event is g4.Event:
            assert pickle.loads(pickle.dumps(event)) == event


def test_event_refuses_other_types(impl: ModuleType) -> None:
    for arguments in [(1, "x"), ("content", 1), ("content", "x", "0"), ("content", "x", None, ["y"]), ("content",)]:
        with pytest.raises(TypeError):
            impl.Event(*arguments)


# streams


def test_text_stream(impl: ModuleType) -> None:
    stream = impl.StreamParser()
    assert stream.push_text("") == []
    assert stream.push_text("Hello") == [impl.Event("content", "Hello")]
    events = stream.push_text(CALL)
    assert merge_events(events) == [
        ("call_start", "f", 0, ()),
        ("call_arguments", JSON, 0, ()),
        ("call_end", "complete", 0, ()),
    ]
    assert not stream.ended
    assert stream.push_text("<turn|>") == []
    assert stream.ended
    assert stream.finish() == [impl.Event("end", "turn")]
    assert isinstance(events, list)
    assert type(events[0]) is impl.Event


def test_ids_stream(impl: ModuleType, vocabulary: Any) -> None:
    stream = impl.StreamParser(vocabulary)
    events = [event for token in tokenise("Hi" + CALL) for event in stream.push(token)]
    assert stream.push(CONTROL_IDS["<eos>"]) == []
    assert stream.ended
    assert merge_events(events + stream.finish("stop")) == [
        ("content", "Hi", None, ()),
        ("call_start", "f", 0, ()),
        ("call_arguments", JSON, 0, ()),
        ("call_end", "complete", 0, ()),
        ("end", "eos", None, ()),
    ]


def test_repairs_and_reasons_are_in_the_detail(impl: ModuleType) -> None:
    events = impl.StreamParser().push_text("<|tool_call>call:f{a='x',b=1}<tool_call|>")
    assert events[-1] == impl.Event("call_end", "repaired", 0, ("equals_sign", "single_quotes"))
    events = impl.StreamParser().push_text("<|tool_call>call:f{a=1}<tool_call|>")
    assert events[-1].detail == ("equals_sign",)
    stream = impl.StreamParser()
    events = stream.push_text("<|tool_call>call:f{a:1") + stream.finish("length")
    assert [event for event in events if event.kind in ("call_end", "unparsed", "end")][0:1] == [
        impl.Event("call_end", "rejected", 0, ("truncated_call",))
    ]
    assert events[-1] == impl.Event("end", "length")


@pytest.mark.parametrize("reason", ["stop", "length", "abort"])
def test_finish_reasons(impl: ModuleType, reason: str) -> None:
    assert impl.StreamParser().finish(reason) == [impl.Event("end", reason)]


def test_after_finish(impl: ModuleType, vocabulary: Any) -> None:
    for stream in (impl.StreamParser(vocabulary), impl.StreamParser()):
        stream.finish()
        with pytest.raises(RuntimeError, match="finished"):
            stream.push([])
        with pytest.raises(RuntimeError, match="finished"):
            stream.push_text("x")
        with pytest.raises(RuntimeError, match="finished"):
            stream.finish("stop")
        stream.reset()
        assert stream.push_text("x") == [impl.Event("content", "x")]


def test_ids_and_text_do_not_mix(impl: ModuleType, vocabulary: Any) -> None:
    stream = impl.StreamParser(vocabulary)
    stream.push(tokenise("a"))
    with pytest.raises(RuntimeError):
        stream.push_text("b")
    assert impl.Message.from_events(stream.push(tokenise("c")) + stream.finish()).content == "c"
    for stream in (impl.StreamParser(vocabulary), impl.StreamParser()):
        stream.push_text("a")
        with pytest.raises(RuntimeError):
            stream.push(tokenise("b"))
        assert stream.push_text("c") == [impl.Event("content", "c")]


def test_ids_need_a_vocabulary(impl: ModuleType) -> None:
    with pytest.raises(ValueError, match="vocabulary"):
        impl.StreamParser().push([1])
    with pytest.raises(ValueError, match="vocabulary"):
        impl.parse([1])
    with pytest.raises(ValueError, match="vocabulary"):
        impl.StreamParser.start_of([1])
    stream = impl.StreamParser()
    with pytest.raises(ValueError, match="vocabulary"):
        stream.push(1)
    assert stream.push_text("x") == [impl.Event("content", "x")], "the failed push left no trace"


def test_bad_words(impl: ModuleType) -> None:
    for wrong in ("Stop", "", "eos", "\udc80"):
        with pytest.raises(ValueError):
            impl.StreamParser().finish(wrong)
        with pytest.raises(ValueError):
            impl.StreamParser(start=wrong)
        with pytest.raises(ValueError):
            impl.StreamParser().reset(start=wrong)
        with pytest.raises(ValueError):
            impl.parse("x", finish=wrong)
    with pytest.raises(ValueError, match="'stop', 'length', 'abort'"):
        impl.StreamParser().finish("eos")
    with pytest.raises(ValueError, match="'content', 'reasoning'"):
        impl.StreamParser(start="thought")
    with pytest.raises(TypeError):
        impl.StreamParser().finish(None)
    with pytest.raises(TypeError):
        impl.StreamParser().push_text(b"x")
    with pytest.raises(TypeError):
        impl.StreamParser("vocabulary")


def test_start_and_reset(impl: ModuleType) -> None:
    stream = impl.StreamParser(start="reasoning")
    assert stream.push_text("Hm") == [impl.Event("reasoning", "Hm")]
    stream.reset()
    assert stream.push_text("Hm") == [impl.Event("reasoning", "Hm")]
    stream.reset(start="content")
    assert stream.push_text("Hm") == [impl.Event("content", "Hm")]
    stream.push_text("<turn|>")
    assert stream.ended
    stream.reset()
    assert not stream.ended
    with pytest.raises(ValueError):
        impl.StreamParser(start="reasoning", parse_reasoning=False)
    with pytest.raises(ValueError):
        impl.StreamParser(parse_reasoning=False).reset(start="reasoning")


@pytest.mark.parametrize(
    ("prompt", "start"),
    [
        ("", "content"),
        ("<bos><|turn>user\nHi<turn|>\n<|turn>model\n", "content"),
        ("<|turn>model\n<|channel>thought\n<channel|>", "content"),
        ("<tool_response|>", "content"),
        ("<tool_response|><|channel>thought\n", "reasoning"),
        ("<|turn>model\n<|channel>thought\nSo far", "reasoning"),
        ("<|channel>thought\nunclosed<turn|>\n<|turn>model\n", "content"),
    ],
)
def test_start_of(impl: ModuleType, vocabulary: Any, prompt: str, start: str) -> None:
    assert impl.StreamParser.start_of(prompt) == start
    assert impl.StreamParser.start_of(prompt, vocabulary) == start
    assert impl.StreamParser.start_of(tokenise(prompt), vocabulary) == start
    assert impl.StreamParser.start_of(tuple(tokenise(prompt)), vocabulary=vocabulary) == start


def test_options(impl: ModuleType) -> None:
    thought = "<|channel>thought\nx<channel|>y"
    assert impl.parse(thought).reasoning == "x"
    assert impl.parse(thought, parse_reasoning=False).content == thought
    assert impl.parse("<|tool_call>call:f{a=1}<tool_call|>").tool_calls[0].status == "repaired"
    assert impl.parse("<|tool_call>call:f{a=1}<tool_call|>", lenient=False).tool_calls == ()
    assert impl.parse(CALL, spaced=True).tool_calls[0].arguments == '{"a": "x", "n": 42}'
    tool = {"type": "function", "function": {"name": "f", "parameters": {"properties": {"a": {"type": "integer"}}}}}
    quoted = '<|tool_call>call:f{a:<|"|>20<|"|>}<tool_call|>'
    assert impl.parse(quoted, tools=[tool]).tool_calls[0].value() == {"a": "20"}
    assert impl.parse(quoted, tools=[tool], coerce=True).tool_calls[0].value() == {"a": 20}
    for name in ("parse_reasoning", "lenient", "coerce", "spaced"):
        with pytest.raises(TypeError):
            impl.StreamParser(**{name: "yes"})


class Model:
    """A stand-in for a pydantic model."""

    def __init__(self, value: dict[str, Any], method: str) -> None:
        setattr(self, method, lambda: value)


@pytest.mark.parametrize("method", ["model_dump", "dict"])
def test_tools_may_be_models(impl: ModuleType, method: str) -> None:
    tool = {"type": "function", "function": {"name": "f", "parameters": {"properties": {"a": {"type": "string"}}}}}
    text = "<|tool_call>call:f{a:90210}<tool_call|>"
    assert impl.parse(text, tools=[tool]).tool_calls[0].value() == {"a": "90210"}
    assert impl.parse(text, tools=[Model(tool, method)]).tool_calls[0].value() == {"a": "90210"}
    parts = {"type": "function", "function": Model(tool["function"], method)}  # type: ignore[arg-type]
    assert impl.parse(text, tools=(parts,)).tool_calls[0].value() == {"a": "90210"}
    assert impl.parse(text, tools=[]).tool_calls[0].value() == {"a": 90210}
    assert impl.parse(text, tools=None).tool_calls[0].value() == {"a": 90210}


def test_bad_tools(impl: ModuleType) -> None:
    itself: list[Any] = []
    itself.append(itself)
    for wrong, error in [
        *(("[]", TypeError), ({}, TypeError), (1, TypeError), ([object()], TypeError), ([{"a": b"x"}], TypeError)),
        *(([1], ValueError), (["f"], ValueError), ([{"a": float("nan")}], ValueError), (itself, ValueError)),
    ]:
        with pytest.raises(error, match="tool"):
            impl.StreamParser(tools=wrong)
        with pytest.raises(error, match="tool"):
            impl.parse("x", tools=wrong)


def test_lone_surrogates_become_replacement_characters(impl: ModuleType) -> None:
    stream = impl.StreamParser()
    assert stream.push_text("a\ud83d") == [impl.Event("content", "a\ufffd")]
    assert stream.push_text("\ude00é😀\udfff\ud800") == [impl.Event("content", "\ufffdé😀\ufffd\ufffd")]
    assert impl.parse("\ud800<|tool_call>call:f{a:\udfff}<tool_call|>").content == "\ufffd"
    assert impl.arguments_to_json('k:<|"|>\ud800<|"|>') == '{"k":"\ufffd"}'
    assert impl.format_arguments({"k\udc00": "\ud800"}) == 'k\ufffd:<|"|>\ufffd<|"|>'
    assert impl.StreamParser.start_of("\ud800<|channel>thought\n") == "reasoning"


# whole outputs


def test_parse(impl: ModuleType, vocabulary: Any) -> None:
    text = f"<|channel>thought\nHm\n<channel|>Hello{CALL}<turn|>\nrest"
    for output in (text, tokenise(text), tuple(tokenise(text))):
        message = impl.parse(output, vocabulary)
        assert type(message) is impl.Message
        assert message.reasoning == "Hm"
        assert message.content == "Hello"
        assert message.tool_calls == (impl.ToolCall("f", JSON),)
        assert message.unparsed == (impl.Unparsed("rest", "after_turn_end"),)
        assert message.end == "turn"
        assert message.finish_reason == "tool_calls"
    with pytest.raises(ValueError):
        impl.parse([99_999], vocabulary)
    with pytest.raises(TypeError):
        impl.parse(None)
    with pytest.raises(TypeError):
        impl.parse(b"x")


def test_parse_of_nothing(impl: ModuleType, vocabulary: Any) -> None:
    empty = impl.Message(None, None, (), (), "stop")
    assert impl.parse("") == impl.parse([], vocabulary) == impl.parse((), vocabulary) == empty


def test_parse_of_much(impl: ModuleType, vocabulary: Any) -> None:
    """Long inputs are parsed with the interpreter released; the result is the same."""
    text = "Hello 東京 " * 20_000 + CALL
    for output in (text, tokenise(text)):
        message = impl.parse(output, vocabulary)
        assert message.content == "Hello 東京 " * 20_000
        assert message.tool_calls == (impl.ToolCall("f", JSON),)
