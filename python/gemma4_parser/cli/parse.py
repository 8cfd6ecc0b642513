"""`gemma4-parser parse`: model output in, message or events out."""

from __future__ import annotations

import argparse
import codecs
import json
from collections.abc import Iterable
from typing import Any

from gemma4_parser import Event, Message, StreamParser, Vocabulary
from gemma4_parser.cli.common import (
    Commands,
    Failure,
    event_json,
    message_json,
    not_utf8,
    open_input,
    read_json,
    shown_name,
)

PIECE = 64 * 1024
"""Bytes read at once; with --events, what is there is parsed without waiting for more."""


def add_to(commands: Commands) -> None:
    """Adds the command."""
    summary = "parse model output and print the message as JSON"
    command = commands.add_parser("parse", help=summary, description=summary.capitalize() + ".")
    command.add_argument("file", nargs="?", metavar="FILE", help="model output, special tokens kept (default: stdin)")
    command.add_argument("--ids", action="store_true", help="FILE holds a JSON list of token ids")
    command.add_argument("--tokenizer", metavar="PATH", help="the tokenizer.json for --ids")
    command.add_argument("--tools", metavar="FILE", help="JSON file with the list of tools of the request")
    command.add_argument("--start", choices=("content", "reasoning"), default="content", help="where the output starts")
    command.add_argument("--finish", choices=("stop", "length", "abort"), default="stop", help="how generation ended")
    command.add_argument("--no-reasoning", action="store_true", help="leave the markers of thoughts in the text")
    command.add_argument("--strict", action="store_true", help="accept only the canonical grammar of calls")
    command.add_argument("--coerce", action="store_true", help="read values as what the schema of the tools asks for")
    form = command.add_mutually_exclusive_group()
    form.add_argument("--events", action="store_true", help="print events as JSON lines, as the input is read")
    form.add_argument("--openai", action="store_true", help="print the message of the Chat Completions API")
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Parses the input piece by piece, as a stream."""
    if options.ids != (options.tokenizer is not None):
        raise Failure("--ids and --tokenizer need each other")
    vocabulary = _vocabulary(options.tokenizer)
    tools = None if options.tools is None else read_json(options.tools)
    try:
        stream = StreamParser(
            vocabulary,
            tools=tools,
            start=options.start,
            parse_reasoning=not options.no_reasoning,
            lenient=not options.strict,
            coerce=options.coerce,
        )
    except (TypeError, ValueError) as error:
        place = "" if options.tools is None else f"{shown_name(options.tools)}: "
        raise Failure(f"{place}{error}") from error
    try:
        steps = _push_ids(stream, options.file) if options.ids else _push_text(stream, options.file)
        if options.events:
            for events in steps:
                _print_events(events)
            _print_events(stream.finish(options.finish))
            return
        events = [event for step in steps for event in step]
        message = Message.from_events([*events, *stream.finish(options.finish)])
    except (TypeError, ValueError) as error:
        raise Failure(f"{shown_name(options.file)}: {error}") from error
    if options.openai:
        print(json.dumps(message.to_openai(), ensure_ascii=False, indent=2))
    else:
        print(message_json(message))


def _vocabulary(path: str | None) -> Vocabulary | None:
    if path is None:
        return None
    try:
        return Vocabulary.from_file(path)
    except OSError as error:
        raise Failure(f"{shown_name(path)}: {error.strerror or error}") from error
    except ValueError as error:
        raise Failure(f"{shown_name(path)}: {error}") from error


def _push_ids(stream: StreamParser, path: str | None) -> Iterable[list[Event]]:
    ids: Any = read_json(path)
    if not isinstance(ids, list):
        raise Failure(f"{shown_name(path)}: --ids needs a JSON list of token ids")
    yield stream.push(ids)


def _push_text(stream: StreamParser, path: str | None) -> Iterable[list[Event]]:
    decoder = codecs.getincrementaldecoder("utf-8")("strict")
    with open_input(path) as file:
        # A buffered reader gives what is there; it waits only where there is nothing.
        read = getattr(file, "read1", file.read)
        done = 0
        while True:
            piece = read(PIECE)
            # Bytes of an incomplete character, which the decoder holds, come before the piece.
            held = len(decoder.getstate()[0])
            try:
                text = decoder.decode(piece, final=not piece)
            except UnicodeDecodeError as error:
                raise not_utf8(path, done - held + error.start) from error
            done += len(piece)
            yield stream.push_text(text)
            if not piece:
                return


def _print_events(events: list[Event]) -> None:
    if events:
        print("\n".join(map(event_json, events)), flush=True)
