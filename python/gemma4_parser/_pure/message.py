"""Whole outputs, and the functions over the text of one call's arguments."""

from typing import Any

from gemma4_parser._json import json_value
from gemma4_parser.errors import ArgumentError
from gemma4_parser.message import Message

from .arguments import Arguments, Context
from .ids import typed, without_surrogates
from .output import Output
from .schema import ANY
from .stream import StreamParser, finish_named, of_types
from .text import Assembler
from .token import ControlToken
from .vocabulary import Vocabulary


def parse(
    output: Any,
    vocabulary: Vocabulary | None = None,
    *,
    finish: str = "stop",
    tools: Any = None,
    start: str = "content",
    parse_reasoning: bool = True,
    lenient: bool = True,
    coerce: bool = False,
    spaced: bool = False,
) -> Message:
    """Parses a whole output: exactly what a StreamParser and Message.from_events give.

    output: token ids (which need the vocabulary) or text with special tokens kept.
    finish: "stop", "length" or "abort", as for StreamParser.finish.
    The other options are those of StreamParser.
    The rules are those of DESIGN.md. Raises ValueError for ids without a vocabulary, for unknown ids and for options
    that cannot be used, TypeError for what is neither ids nor text; never for what the model wrote.
    """
    (finish, start), _ = of_types(vocabulary, [finish, start], [parse_reasoning, lenient, coerce, spaced])
    finish_named(finish)
    stream = StreamParser(
        vocabulary,
        tools=tools,
        start=start,
        parse_reasoning=parse_reasoning,
        lenient=lenient,
        coerce=coerce,
        spaced=spaced,
    )
    events = stream.push_text(output) if isinstance(output, str) else stream.push(output)
    return Message.from_events(events + stream.finish(finish))


def arguments_to_json(text: str, *, spaced: bool = False) -> str:
    """The JSON text of a call's arguments: what stands between the braces, in the canonical or the lenient grammar.

    text: for example `location:<|"|>Tokyo<|"|>,n:42`.
    spaced: with the spaces of Python's json.dumps; else compact.
    The rules are those of DESIGN.md, "The call", "Values" and part 2.
    Raises ArgumentError, with the place in characters, where the text fits no accepted form; TypeError for no str.
    """
    text = without_surrogates(typed(text, str))
    out, assembler = Output(), Assembler()
    arguments = Arguments(Context(spaced=typed(spaced, bool)), out, 0, "{", "", ANY)
    encoded, pushed, what = text.encode(), 0, "the text ends within the arguments"
    # The bracket may decide what was held, so that the arguments end before the text does.
    for symbol in [*assembler.push(text), *assembler.finish(stop=False), "}"]:
        pushed += len((symbol.literal if isinstance(symbol, ControlToken) else symbol).encode())
        verdict = arguments.push(symbol)
        if verdict.kind != "more":
            break
    else:
        if arguments.state == "complete":
            arguments.finish(stop=True)
            return "".join(event.text for event in out.take())
    place = pushed - max(len(arguments.tail.bytes) - arguments.cursor, 0)
    if pushed <= len(encoded):
        what = verdict.what or "the arguments end before the text does"
    elif verdict.kind == "rejected" and place < len(encoded):
        what = verdict.what
    else:
        place = len(encoded)
    raise ArgumentError(what, len(encoded[:place].decode(errors="replace")))


def parse_arguments(text: str) -> dict[str, Any]:
    """The value of a call's arguments as a dict; see `arguments_to_json` for the text, `ToolCall.value` for numbers.

    Raises ArgumentError, with the place in characters, where the text fits no accepted form; TypeError for no str.
    """
    value: dict[str, Any] = json_value(arguments_to_json(text))
    return value
