"""transformers 5: an object with the interface of its `ResponseParser`, for a tokenizer or for `transformers serve`.

    from gemma4_parser.integrations.transformers import attach

    attach(tokenizer)                                                       # this tokenizer parses with this package
    message = tokenizer.parse_response(output_ids, prefix=prompt_ids)       # exact: control ids are control tokens
    parser = tokenizer.get_response_parser(prefix=prompt_ids, tools=tools)  # feed(text), then finalize()

`python -m gemma4_parser.integrations.transformers serve …` is `transformers serve …` with this parser for all models
whose response template is that of Gemma 4.

A message is a dict with `role` and, where there are some, `reasoning_content`, `content`, `tool_calls` and `unparsed`.
Events are the dicts of transformers: `region_open`, `region_chunk` and `region_close`, with `field` and, where it says
something, `text`, `dirty` and `value`. The region of a call comes whole once the call is accepted.
"""

from __future__ import annotations

import functools
import logging
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from importlib.util import find_spec
from typing import Any, TypeVar

import gemma4_parser as g4
from gemma4_parser._impl import WHY
from gemma4_parser.integrations.delta import Settings, known_ids, note_call, note_unparsed, unparsed_text
from gemma4_parser.integrations.others import log_to_stderr, plain

__all__ = ["Gemma4ResponseParser", "attach", "is_gemma4_template", "main", "parse_response", "take_over"]

RESPONSE_TEMPLATE: dict[str, Any] = {
    "defaults": {"role": "assistant"},
    "start_anchor": ["<|turn>model\n", "<tool_response|>"],
    "fields": {
        "reasoning_content": {"open": "<|channel>thought\n", "close": "<channel|>", "content": "text"},
        "tool_calls": {
            "open_pattern": r"<\|tool_call>call:(?P<name>[^{]+)",
            "close": "<tool_call|>",
            "repeats": True,
            "content": "json",
            "content_args": {"unquoted_keys": True, "string_delims": [['<|"|>', '<|"|>']]},
            "transform": {"type": "function", "function": {"name": "{name}", "arguments": "{content}"}},
        },
        "content": {"close": ["<turn|>", "<|tool_response>", "<eos>"], "content": "text"},
    },
}
"""The format as transformers describes formats, for what asks a tokenizer whether it has one. It is not parsed with."""

_LOGGER = logging.getLogger("gemma4_parser")
_PACKAGE = "transformers.utils.chat_parsing"
_SERVING = "transformers.cli.serving.utils"
_Tokenizer = TypeVar("_Tokenizer")


class Gemma4ResponseParser:
    """Parses one output as it arrives.

    `prefix` is the prompt, as text or ids: what it holds of the message that is being generated (an opened thought, the
    start of an answer) belongs to the message, and its events are `initial_events`. "" where there is none; ids need
    the `vocabulary`. `tools` are those of `apply_chat_template`, functions included. Of the `response_template` only
    the name of the field for thoughts is read (`reasoning_content` without one).

    Raises `ValueError` without a prefix, as transformers does, and for ids without a vocabulary.
    """

    def __init__(
        self,
        response_template: object = None,
        prefix: Any = None,
        *,
        tools: Iterable[Any] | None = None,
        vocabulary: g4.Vocabulary | None = None,
    ) -> None:
        if prefix is None:
            raise ValueError('prefix (the prompt before the output) is needed; prefix="" says that there is none')
        self._vocabulary = vocabulary
        self._tools = None if tools is None else [_tool(tool) for tool in tools]
        prompt = prefix if isinstance(prefix, str) else _ids(prefix)
        if not isinstance(prompt, str):
            if vocabulary is None:
                raise ValueError("a prefix of ids needs the vocabulary")
            prompt = known_ids(vocabulary, prompt)
        self._start = g4.StreamParser.start_of(prompt, vocabulary)
        written = _behind_anchor(prompt, vocabulary)
        self._takes_text = isinstance(prompt, str)
        self._stream = self._open("content" if written is not None else self._start)
        self._regions = _Regions(reasoning_field(response_template))
        self._tail = ""
        self._fed = self._finalized = False
        self.initial_events: list[dict[str, Any]] = []
        if written:
            self.initial_events = self._regions.add(self._push(written))
        if self._start == "reasoning":
            self.initial_events += self._regions.begin_thought()

    def feed(self, output: Any) -> list[dict[str, Any]]:
        """The events of a further piece of the output: text, or ids if there is a vocabulary; one form throughout.

        Raises `RuntimeError` after `finalize` and for both forms in one output.
        """
        if self._finalized:
            raise RuntimeError("the parser is finalized")
        if not isinstance(output, str):
            output = _ids(output)
            if self._vocabulary is not None:
                output = known_ids(self._vocabulary, output)
        if isinstance(output, str) is not self._takes_text and not self._fed:
            # The prompt came in the other form. What matters of it now is whether it ends inside a thought.
            self._takes_text = not self._takes_text
            self._stream = self._open(self._start)
        self._fed = self._fed or len(output) > 0
        # Within a string that is still open, the stream cannot tell an end marker from data yet.
        text = output if isinstance(output, str) or self._vocabulary is None else self._vocabulary.decode(output[-8:])
        self._tail = _END_PADDING.sub("", (self._tail + str(text))[-_TAIL:])
        return self._regions.add(self._push(output))

    def finalize(self) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        """The message and the last events.

        An output that ends with an end marker is whole; any other is taken for cut off, so that a call which is still
        open is none. Raises `RuntimeError` the second time.
        """
        if self._finalized:
            raise RuntimeError("the parser is finalized")
        self._finalized = True
        whole = self._stream.ended or self._tail.endswith(_ENDS)
        events = self._regions.add(self._stream.finish("stop" if whole else "length"))
        message, last = self._regions.finish()
        return message, events + last

    def _open(self, start: Any) -> g4.StreamParser:
        return g4.StreamParser(self._vocabulary, tools=self._tools, start=start)

    def _push(self, output: str | list[int]) -> list[g4.Event]:
        return self._stream.push_text(output) if isinstance(output, str) else self._stream.push(output)


_TAIL = 64
_ENDS = ("<eos>", "<turn|>", "<|tool_response>")
_END_PADDING = re.compile(r"(?:<pad>|[ \t\r\n])+\Z")


class _Regions:
    """Makes the events of transformers, and the message that they tell of."""

    def __init__(self, thoughts: str) -> None:
        self._thoughts = thoughts
        self._hand_over = Settings.from_environment().unparsed
        self._field: str | None = None
        self._body: list[str] = []
        self._texts: dict[str, list[str]] = {thoughts: [], "content": []}
        self._calls: list[dict[str, Any]] = []
        self._open: list[g4.Event] = []  # the call that is open, or the rejected one whose span comes
        self._unparsed: list[g4.Event] = []

    def add(self, events: Iterable[g4.Event]) -> list[dict[str, Any]]:
        made: list[dict[str, Any]] = []
        for event in events:
            if event.kind != "unparsed" and self._unparsed and self._unparsed[-1].kind == "unparsed":
                self._unparsed.append(g4.Event("content", ""))  # what comes later is another span
            match event.kind:
                case "reasoning":
                    self._text(self._thoughts, event.text, made)
                case "content":
                    self._text("content", event.text, made)
                case "call_start":
                    self._open = [event]
                case "call_arguments":
                    self._open.append(event)
                case "call_end":
                    self._end(event, made)
                case "unparsed":
                    self._unparsed.append(event)
        return made

    def finish(self) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        """The message and the last events."""
        made: list[dict[str, Any]] = []
        left = g4.Message.from_events(self._unparsed)
        for span in left.unparsed:
            note_unparsed(span.reason, span.text, span.name)
        said = self._calls or "".join(self._texts["content"]).strip()
        if self._hand_over == "always" or (self._hand_over == "empty" and not said):
            self._text("content", unparsed_text(left), made)
        made += self._close()
        message: dict[str, Any] = {"role": "assistant"}
        message |= {field: "".join(texts) for field, texts in self._texts.items() if texts}
        if self._calls:
            message["tool_calls"] = self._calls
        if left.unparsed:
            message["unparsed"] = [
                {"reason": span.reason, "text": span.text, "name": span.name, "arguments": span.arguments}
                for span in left.unparsed
            ]
        return message, made

    def _end(self, event: g4.Event, made: list[dict[str, Any]]) -> None:
        call = self._open
        self._open = []
        note_call(event.text, event.detail if event.text != "rejected" else ())
        if event.text == "rejected":
            self._unparsed += [*call, event]
            return
        accepted = g4.ToolCall(call[0].text, "".join(fragment.text for fragment in call[1:]))
        function = {"name": accepted.name, "arguments": plain(accepted.value())}
        value = {"type": "function", "function": function}
        self._calls.append(value)
        made += self._close()
        made.append({"type": "region_open", "field": "tool_calls"})
        made.append({"type": "region_chunk", "field": "tool_calls", "text": accepted.arguments, "dirty": True})
        made.append({"type": "region_close", "field": "tool_calls", "value": value})

    def begin_thought(self) -> list[dict[str, Any]]:
        """The events of a thought that is open and has no text yet."""
        return self._begin(self._thoughts)

    def _begin(self, field: str) -> list[dict[str, Any]]:
        if self._field == field:
            return []
        closed = self._close()
        self._field = field
        return [*closed, {"type": "region_open", "field": field}]

    def _text(self, field: str, text: str, made: list[dict[str, Any]]) -> None:
        if not text:
            return
        made += self._begin(field)
        self._body.append(text)
        self._texts[field].append(text)
        made.append({"type": "region_chunk", "field": field, "text": text, "dirty": False})

    def _close(self) -> list[dict[str, Any]]:
        if self._field is None:
            return []
        event = {"type": "region_close", "field": self._field, "value": "".join(self._body)}
        self._field = None
        self._body = []
        return [event]


def parse_response(
    text: Any,
    response_template: object = None,
    *,
    prefix: Any = None,
    tools: Iterable[Any] | None = None,
    vocabulary: g4.Vocabulary | None = None,
) -> dict[str, Any]:
    """The message of one whole output, text or ids. Arguments and errors as for `Gemma4ResponseParser`."""
    parser = Gemma4ResponseParser(response_template, prefix, tools=tools, vocabulary=vocabulary)
    parser.feed(text)
    return parser.finalize()[0]


def attach(tokenizer: _Tokenizer) -> _Tokenizer:
    """Makes `parse_response` and `get_response_parser` of this tokenizer those of this package; returns it.

    Both take ids by their control tokens, where transformers decodes first. Where the tokenizer has no response
    template it gets that of Gemma 4, so that pipelines, which ask for one, parse as well.
    Raises `ValueError` for a tokenizer that is not Gemma 4's.
    """
    vocabulary = g4.Vocabulary.from_tokenizer(tokenizer)
    this: Any = tokenizer
    if getattr(this, "response_template", None) is None:
        this.response_template = RESPONSE_TEMPLATE

    def parse(response: Any, schema: object = None, *, prefix: Any = None, tools: Iterable[Any] | None = None) -> Any:
        if prefix is None:
            raise ValueError('prefix (the prompt before the output) is needed; prefix="" says that there is none')
        outputs, batched = _batch(response)
        prefixes, several = _batch(prefix)
        if several and len(prefixes) != len(outputs):
            raise ValueError(f"{len(outputs)} outputs, but {len(prefixes)} prefixes")
        known = None if tools is None else [_tool(tool) for tool in tools]
        messages = [
            parse_response(
                output,
                schema or this.response_template,
                prefix=prefixes[i if several else 0],
                tools=known,
                vocabulary=vocabulary,
            )
            for i, output in enumerate(outputs)
        ]
        return messages if batched else messages[0]

    def open_parser(
        response_template: object = None, *, prefix: Any = None, tools: Iterable[Any] | None = None
    ) -> Gemma4ResponseParser:
        template = response_template or this.response_template
        return Gemma4ResponseParser(template, prefix, tools=tools, vocabulary=vocabulary)

    this.parse_response = parse
    this.get_response_parser = open_parser
    return tokenizer


def _fields(template: object) -> Mapping[str, Any]:
    """The fields of a response template, which is a mapping or an object of transformers; none of anything else."""
    fields = template.get("fields") if isinstance(template, Mapping) else getattr(template, "fields", None)
    return fields if isinstance(fields, Mapping) else {}


def is_gemma4_template(template: object) -> bool:
    """Whether a response template reads Gemma 4's calls: by the opener and the delimiter in its field `tool_calls`."""
    said = repr(_fields(template).get("tool_calls"))
    return '<|"|>' in said and "tool_call>" in said


def reasoning_field(template: object) -> str:
    """What a response template calls the field for thoughts: that which the channel marker opens."""
    fields = _fields(template).items()
    found = (
        str(name) for name, field in fields if name not in ("content", "tool_calls") and "<|channel>" in repr(field)
    )
    return next(found, "reasoning_content")


def take_over() -> bool:
    """Makes transformers use this parser in this process wherever the response template is that of Gemma 4.

    That is in `transformers serve`, in tokenizers and in pipelines; other templates are parsed as before. Again is
    harmless. Returns False where transformers is not installed.
    """
    if find_spec("transformers") is None:
        return False
    ours: dict[str, Callable[..., Any]] = {
        "ResponseParser": Gemma4ResponseParser,
        "parse_response": parse_response,
        "_template_parse_response": parse_response,
    }
    news = False
    # The server has no template for the other kind of model that writes the same.
    known: Any = getattr(_imported(_SERVING), "_RESPONSE_TEMPLATE_FALLBACKS", {})
    for kind in ("gemma4", "gemma4_unified"):
        if not any(kind in kinds for kinds in known):
            known[(kind,)] = RESPONSE_TEMPLATE
    for place in (_PACKAGE, f"{_PACKAGE}.response_parser", "transformers.tokenization_utils_base", _SERVING):
        module = _imported(place)
        for name, mine in ours.items():
            theirs = getattr(module, name, None)
            if theirs is not None and not hasattr(theirs, _MARK):
                setattr(module, name, _choice(theirs, mine))
                news = True
    if news:
        implementation = (g4.__version__, g4.__implementation__, WHY)
        _LOGGER.info("gemma4-parser %s (%s: %s) parses the output of Gemma 4 for transformers", *implementation)
    return True


_MARK = "_gemma4_parser"


def _imported(place: str) -> Any:
    """The module, or None: the server asks for more packages than transformers does."""
    try:
        return import_module(place)
    except ImportError:
        return None


def _choice(theirs: Callable[..., Any], ours: Callable[..., Any]) -> Callable[..., Any]:
    """Calls `ours` where the first argument is the response template of Gemma 4."""

    @functools.wraps(theirs, updated=())
    def choose(*args: Any, **kwargs: Any) -> Any:
        template = kwargs.get("response_template", next((value for value in args if not isinstance(value, str)), None))
        return (ours if is_gemma4_template(template) else theirs)(*args, **kwargs)

    setattr(choose, _MARK, True)
    return choose


def _tool(tool: Any) -> Any:
    """A tool as a dict; transformers makes one of a function."""
    if callable(tool) and not isinstance(tool, Mapping):
        return import_module("transformers.utils").get_json_schema(tool)
    return tool


def _ids(value: Any) -> list[int]:
    """One sequence of ids from a list, a tuple, an array or a tensor. Raises `ValueError` for several."""
    found = value.tolist() if hasattr(value, "tolist") else list(value)
    if found and isinstance(found[0], list):
        if len(found) > 1:
            raise ValueError(f"one sequence of ids is needed, not {len(found)}")
        return list(found[0])
    return list(found)


def _batch(value: Any) -> tuple[list[Any], bool]:
    """The sequences of a value of `parse_response`, texts or ids, and whether they are a batch."""
    if isinstance(value, str):
        return [value], False
    found = value.tolist() if hasattr(value, "tolist") else list(value)
    if found and isinstance(found[0], int):
        return [found], False
    return found, True


def _behind_anchor(prompt: str | list[int], vocabulary: g4.Vocabulary | None) -> Any:
    """What the prompt holds of the message that is being generated, in its form; None where nothing tells."""
    if isinstance(prompt, str):
        ends = [place + len(anchor) for anchor in _ANCHORS if (place := prompt.rfind(anchor)) >= 0]
        return prompt[max(ends) :] if ends else None
    assert vocabulary is not None
    turn, response = vocabulary.control_id("<|turn>"), vocabulary.control_id("<tool_response|>")
    for place in range(len(prompt) - 1, -1, -1):
        if prompt[place] == response:
            return prompt[place + 1 :]
        if prompt[place] == turn:
            for end in range(place + 2, min(place + 8, len(prompt) + 1)):
                if vocabulary.decode(prompt[place + 1 : end]) == "model\n":
                    return prompt[end:]
            return None
    return None


_ANCHORS = ("<|turn>model\n", "<tool_response|>")


def main(arguments: list[str] | None = None) -> None:
    """The command `transformers` with this parser for Gemma 4."""
    with log_to_stderr():
        if not take_over():
            sys.exit("transformers is not installed")
    sys.argv = ["transformers", *(sys.argv[1:] if arguments is None else arguments)]
    import_module("transformers.cli.transformers").main()


if __name__ == "__main__":
    # By its name, so that there is one copy of the module.
    import_module("gemma4_parser.integrations.transformers").main()
