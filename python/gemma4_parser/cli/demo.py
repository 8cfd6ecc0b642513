"""`gemma4-parser demo`: a long turn of an agent, played token by token through the parser."""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import time
from collections import deque
from collections.abc import Iterator
from typing import Any

from gemma4_parser import Event, Message, StreamParser, __implementation__, __version__
from gemma4_parser.cli.common import PROGRAM, Commands, Failure, event_json
from gemma4_parser.cli.demo_tokens import Tokens
from gemma4_parser.cli.demo_turn import Turn, turn

SHOWN_LINES = 12
"""Lines of a long argument that are shown at either end."""
SHOWN_CHARACTERS = 240
"""Characters of a long argument that the final message shows."""
ROUNDS = 5
"""How often the turn is parsed again for the time; the best round counts."""

COLOURS = {
    "reasoning": "\x1b[2;3m",
    "content": "\x1b[0m",
    "call_start": "\x1b[1;36m",
    "call_arguments": "\x1b[36m",
    "call_end": "\x1b[1;32m",
    "unparsed": "\x1b[31m",
    "end": "\x1b[1m",
}
OFF = "\x1b[0m"


def add_to(commands: Commands) -> None:
    """Adds the command."""
    summary = "play a long agent turn token by token through the parser"
    command = commands.add_parser("demo", help=summary, description=summary.capitalize() + ".")
    command.add_argument("--delay", type=seconds, default=0.0, metavar="SECONDS", help="pause after each token")
    command.add_argument("--full", action="store_true", help="show long arguments to the last line")
    form = command.add_mutually_exclusive_group()
    form.add_argument("--plain", action="store_true", help="no colours")
    form.add_argument("--events", action="store_true", help="print the events as JSON lines and nothing else")
    command.set_defaults(run=run)


def seconds(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 10:
        raise argparse.ArgumentTypeError("must be between 0 and 10")
    return value


def run(options: argparse.Namespace) -> None:
    """Plays the turn, then prints the final message, a check against what was written, and the time."""
    played = turn()
    tokens = Tokens(played.text)
    if options.events:
        for event in _play(tokens, options.delay):
            print(event_json(event), flush=options.delay > 0)
        return

    coloured = not options.plain and "NO_COLOR" not in os.environ and sys.stdout.isatty()
    count = f"{len(tokens.ids):,} tokens"
    print(f"{PROGRAM} {__version__} ({__implementation__}): one agent turn of {count}, one at a time\n")
    screen = Screen(coloured, None if options.full else SHOWN_LINES)
    events: list[Event] = []
    for event in _play(tokens, options.delay):
        events.append(event)
        screen.show(event)
        if options.delay:
            sys.stdout.flush()
    screen.close()
    message = Message.from_events(events)

    print("\nThe message as the Chat Completions API has it (long arguments are shortened here, and only here):\n")
    print(json.dumps(_shortened(message.to_openai()), ensure_ascii=False, indent=2))
    _check(message, played)
    print("\nWhat was parsed equals what was written: the thought, the text and both calls, to the last character.")
    seconds = min(_timed(tokens) for _ in range(ROUNDS))
    each = seconds / len(tokens.ids) * 1e9
    print(f"{count}, {len(events):,} events, {seconds:.4f} s, {each:,.0f} ns/token (without printing)")


def _play(tokens: Tokens, delay: float) -> Iterator[Event]:
    """One call of the parser for each token, as in a server's decoding loop."""
    stream = StreamParser(tokens.vocabulary)
    for token in tokens.ids:
        yield from stream.push(token)
        if delay:
            time.sleep(delay)
    yield from stream.finish("stop")


def _timed(tokens: Tokens) -> float:
    """Seconds for the whole turn."""
    stream = StreamParser(tokens.vocabulary)
    push, ids = stream.push, tokens.ids
    start = time.perf_counter()
    for token in ids:
        push(token)
    stream.finish("stop")
    return time.perf_counter() - start


def _check(message: Message, played: Turn) -> None:
    calls = tuple((call.name, call.value()) for call in message.tool_calls)
    found = (message.reasoning, message.content, calls, message.unparsed)
    if found != (played.reasoning, played.content, played.calls, ()):
        raise Failure("what was parsed differs from what was written: please report this")


def _shortened(message: dict[str, Any]) -> dict[str, Any]:
    for call in message.get("tool_calls", ()):
        text = call["function"]["arguments"]
        if len(text) > SHOWN_CHARACTERS:
            call["function"]["arguments"] = f"{text[:SHOWN_CHARACTERS]}… ({len(text):,} characters)"
    return message


class Screen:
    """Prints events as they come: pieces of one kind flow on, each line with its kind in front.

    Of arguments only the first and last lines are shown where there are many.
    """

    def __init__(self, coloured: bool, shown_lines: int | None) -> None:
        """`shown_lines`: lines of arguments at either end; None for all."""
        self.coloured = coloured
        self.shown_lines = shown_lines
        self.flowing: tuple[str, int | None] = ("", None)  # kind and call number of the piece printed last
        self.lines = 0  # finished lines of the flow
        self.line = ""  # what of the current line is held back; only where lines are left out
        self.held: deque[str] = deque(maxlen=shown_lines)
        self.at_start = True

    def show(self, event: Event) -> None:
        """Prints one event."""
        if (event.kind, event.index) != self.flowing:
            self.close()
            self.flowing = (event.kind, event.index)
        match event.kind:
            case "reasoning" | "content":
                self.flow(event.text, event.kind, None)
            case "call_arguments":
                # A line break in a string argument is shown as one.
                text = re.sub(r"\\(.)", lambda escape: "\n" if escape[1] == "n" else escape[0], event.text)
                self.flow(text, "call_arguments", self.shown_lines)
            case "call_start":
                self.flow(f"call {event.index}: {event.text}", "call_start", None)
            case "call_end":
                names = f" ({', '.join(event.detail)})" if event.detail else ""
                self.flow(f"call {event.index}: {event.text}{names}", "call_end", None)
            case _:
                names = f" ({', '.join(event.detail)})" if event.detail else ""
                self.flow(event.text + names, event.kind, None)

    def flow(self, text: str, kind: str, shown: int | None) -> None:
        """Prints the next piece of a flow; from line `shown` on, lines are held back and only the last are kept."""
        for number, part in enumerate(text.split("\n")):
            if number:
                self.end_line(shown)
            if shown is not None and self.lines >= shown:
                self.line += part
            elif part:
                self.write(part, kind)

    def end_line(self, shown: int | None) -> None:
        if shown is not None and self.lines >= shown:
            self.held.append(self.line)
            self.line = ""
        else:
            if self.at_start:
                self.write("", self.flowing[0])
            print()
            self.at_start = True
        self.lines += 1

    def write(self, part: str, kind: str) -> None:
        colour, off = (COLOURS[kind], OFF) if self.coloured else ("", "")
        label = f"{kind.removeprefix('call_'):>9} │ " if self.at_start else ""
        print(f"{label}{colour}{part}{off}", end="")
        self.at_start = False

    def close(self) -> None:
        """Ends the flow: prints what was held back."""
        kind = self.flowing[0]
        if self.line:
            self.end_line(self.shown_lines)
        left_out = self.lines - (self.shown_lines or 0) - len(self.held)
        if self.held and left_out > 0:
            self.write(f"… {left_out:,} lines more …", kind)
            print()
            self.at_start = True
        for line in self.held:
            self.write(line, kind)
            print()
            self.at_start = True
        if not self.at_start:
            print()
        self.flowing, self.lines, self.line, self.at_start = ("", None), 0, "", True
        self.held.clear()
