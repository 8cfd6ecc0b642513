"""What the commands share: failures, files, and JSON in and out."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO, TypeAlias

from gemma4_parser import Event, Message, Prompt
from gemma4_parser._json import json_value

PROGRAM = "gemma4-parser"

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


class Failure(Exception):
    """Something the user can mend; its text is the one line that is shown."""


def one_line(text: str) -> str:
    """The text with line breaks as spaces, and escapes for what a terminal must not see."""
    shown = " ".join(text.splitlines())
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in shown)


def shown_name(path: str | None) -> str:
    """What messages call an input."""
    if path is None or path == "-":
        return "standard input"
    return path if path.strip() else repr(path)


@contextmanager
def open_input(path: str | None) -> Iterator[BinaryIO]:
    """The bytes of the file, or of the standard input where `path` is None or `-`.

    Raises `Failure` where it cannot be read.
    """
    name = shown_name(path)
    try:
        if path is None or path == "-":
            if sys.stdin is None:
                raise Failure("standard input is closed")
            yield sys.stdin.buffer
        else:
            with open(path, "rb") as file:
                yield file
    except BrokenPipeError:
        raise
    except OSError as error:
        raise Failure(f"{name}: {error.strerror or error}") from error


def not_utf8(path: str | None, at: int) -> Failure:
    """The failure of an input whose byte `at` is no UTF-8."""
    return Failure(f"{shown_name(path)}: not UTF-8 text at byte {at}")


def read_text(path: str | None) -> str:
    """All of the input as text. Raises `Failure` where it cannot be read or is not UTF-8."""
    with open_input(path) as file:
        data = file.read()
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise not_utf8(path, error.start) from error


def read_json(path: str | None, *, exact: bool = False) -> Any:
    """All of the input as a JSON value. Raises `Failure` where it is none.

    exact: numbers that int and float cannot hold are a `Decimal`.
    """
    text = read_text(path)
    try:
        return json_value(text) if exact else json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Failure(f"{shown_name(path)}: not JSON: {error}") from error


def event_json(event: Event) -> str:
    """An event as one line of JSON."""
    record = {"kind": event.kind, "text": event.text, "index": event.index, "detail": event.detail}
    return json.dumps(record, ensure_ascii=False)


def message_json(message: Message) -> str:
    """A message as JSON, a call or span to a line.

    The `arguments` of a call are spliced in as they are, so that numbers keep their digits.
    """
    calls = [
        f'{{"name": {_dumps(call.name)}, "arguments": {call.arguments}, "arguments_text": {_dumps(call.arguments)}, '
        f'"status": {_dumps(call.status)}, "repairs": {_dumps(call.repairs)}}}'
        for call in message.tool_calls
    ]
    spans = [
        _dumps({"text": span.text, "reason": span.reason, "name": span.name, "arguments": span.arguments})
        for span in message.unparsed
    ]
    fields = {
        "reasoning": _dumps(message.reasoning),
        "content": _dumps(message.content),
        "tool_calls": _lines(calls),
        "unparsed": _lines(spans),
        "end": _dumps(message.end),
        "finish_reason": _dumps(message.finish_reason),
    }
    return _object(fields)


def prompt_json(prompt: Prompt) -> str:
    """A prompt as JSON, a segment or warning to a line."""
    fields = {
        "text": _dumps(prompt.text),
        "segments": _lines([_dumps(segment) for segment in prompt.segments]),
        "start": _dumps(prompt.start),
        "stop_token_ids": _dumps(prompt.stop_token_ids),
        "warnings": _lines([_dumps(warning) for warning in prompt.warnings]),
    }
    return _object(fields)


def write_exactly(text: str) -> None:
    """Writes the text to the standard output as it is, on every system."""
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(newline="")
    sys.stdout.write(text)


def _dumps(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _object(fields: dict[str, str]) -> str:
    return "{\n" + ",\n".join(f'  "{name}": {value}' for name, value in fields.items()) + "\n}"


def _lines(items: list[str]) -> str:
    return "[" + ",".join(f"\n    {item}" for item in items) + ("\n  ]" if items else "]")
