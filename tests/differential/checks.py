"""One input, two implementations: each check raises `DisagreementError` where they differ."""

from __future__ import annotations

import copy
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from differential import files, outputs, values, wire
from differential.cases import Case, mutated
from differential.compare import Pair, agree, outcome, plain, plain_events, raised
from differential.objects import type_of_error
from differential.schemas import ODD_LISTS, tool_list
from differential.tape import Tape
from gemma4_parser import CONTROL_TOKENS, Message


def check_case(pair: Pair, case: Case) -> None:
    """A stream step by step, events unmerged, and `parse` of the whole."""
    rust_vocabulary, pure_vocabulary = pair.vocabularies(case.vocabulary)
    options = case.options
    made = outcome(lambda: pair.rust.StreamParser(rust_vocabulary, **options))
    agree("StreamParser", made, outcome(lambda: pair.pure.StreamParser(pure_vocabulary, **options)))
    whole = case.whole
    message = outcome(lambda: pair.rust.parse(whole, rust_vocabulary, finish=case.finish, **options))
    found = outcome(lambda: pair.pure.parse(whole, pure_vocabulary, finish=case.finish, **options))
    agree("parse", message, found)
    if raised(made):
        return
    rust = pair.rust.StreamParser(rust_vocabulary, **options)
    pure = pair.pure.StreamParser(pure_vocabulary, **options)
    if case.before:
        _steps(rust, pure, case.deltas[: case.before])
        rust.reset()
        pure.reset()
        agree("ended after reset", rust.ended, pure.ended)
    events = _steps(rust, pure, case.deltas)
    last = outcome(lambda: rust.finish(case.finish), plain_events)
    agree("finish", last, outcome(lambda: pure.finish(case.finish), plain_events))
    agree("ended at the end", rust.ended, pure.ended)
    events += last
    pair.note(events)
    folded = Message.from_events(pair.rust.Event(*event) for event in events)
    agree("parse and the fold of the events", message, plain(folded))


def _steps(rust: Any, pure: Any, deltas: list[Any]) -> list[Any]:
    events: list[Any] = []
    for at, delta in enumerate(deltas):
        name = "push_text" if isinstance(delta, str) else "push"
        found = outcome(lambda: getattr(rust, name)(delta), plain_events)  # noqa: B023
        agree(f"{name} of delta {at}", found, outcome(lambda: getattr(pure, name)(delta), plain_events))  # noqa: B023
        agree(f"ended after delta {at}", rust.ended, pure.ended)
        if raised(found):
            break
        events += found
    return events


def check_arguments(pair: Pair, tape: Tape) -> None:
    """The text of arguments, read as JSON and as values."""
    text = outputs.arguments(tape)
    if tape.chance(2):
        text = mutated(tape, text)
    pair.both(f"arguments_to_json({text!r})", lambda impl: impl.arguments_to_json(text))
    pair.both(f"arguments_to_json({text!r}, spaced=True)", lambda impl: impl.arguments_to_json(text, spaced=True))
    pair.both(f"parse_arguments({text!r})", lambda impl: impl.parse_arguments(text))


def check_format(pair: Pair, tape: Tape) -> None:
    """Python values as arguments, and back."""
    given = values.arguments(tape)
    found = pair.both(f"format_arguments({short(given)})", lambda impl: impl.format_arguments(given))
    if not raised(found):
        text = found[1]
        pair.both(f"parse_arguments({short(text)})", lambda impl: impl.parse_arguments(text))


def check_vocabulary(pair: Pair, tape: Tape) -> None:
    """A vocabulary of pieces: whether it is made, and all that it says."""
    pieces = files.pieces(tape)
    _vocabulary(pair, tape, f"Vocabulary({short(pieces)})", lambda impl: impl.Vocabulary(pieces))


class _Tokenizer:
    """What `from_tokenizer` needs of a tokenizer."""

    def __init__(self, text: Any) -> None:
        self.text = text

    def to_str(self) -> Any:
        return self.text


def check_tokenizer(pair: Pair, tape: Tape) -> None:
    """A tokenizer.json, as a file and as a tokenizer gives it."""
    text = files.tokenizer_json(tape)
    if tape.chance(2):
        given = _Tokenizer(text if tape.below(40) else tape.pick((None, b"{}", 5)))
        holder = tape.pick(
            (given, _holding(backend_tokenizer=given), _holding(_tokenizer=given), _holding(), _Failing())
        )
        _vocabulary(pair, tape, f"from_tokenizer({short(text)})", lambda impl: impl.Vocabulary.from_tokenizer(holder))
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tokenizer.json"
        path.write_bytes(files.text_as_bytes(tape, text))
        given_path = tape.pick((path, str(path), path.parent, path / "x", str(path) + "\x00", bytes(path), None, 5, ""))
        given_path = path if tape.below(4) else given_path
        _vocabulary(pair, tape, f"from_file({short(text)})", lambda impl: impl.Vocabulary.from_file(given_path))


class _Failing:
    """No attribute can be asked for."""

    def __getattr__(self, name: str) -> Any:
        raise LookupError(name)


def _holding(**fields: Any) -> Any:
    return type("Holder", (), fields)()


def _vocabulary(pair: Pair, tape: Tape, what: str, make: Callable[[Any], Any]) -> None:
    found = outcome(lambda: make(pair.rust))
    agree(what, found, outcome(lambda: make(pair.pure)))
    if raised(found):
        return
    rust, pure = make(pair.rust), make(pair.pure)
    agree(f"len of {what}", len(rust), len(pure))
    for literal in (*CONTROL_TOKENS, "", "call", "<|tool_call", "\ud800", "<unused1>"):
        found = outcome(lambda: rust.control_id(literal))  # noqa: B023
        agree(f"control_id({literal!r}) of {what}", found, outcome(lambda: pure.control_id(literal)))  # noqa: B023
    known = []
    for number in (*range(420), *range(1000, 1060), 2**24, 2**24 + 1):
        decoded = outcome(lambda: rust.decode(number))  # noqa: B023
        agree(f"decode({number}) of {what}", decoded, outcome(lambda: pure.decode(number)))  # noqa: B023
        known += [] if raised(decoded) else [number]
    for _ in range(6):
        ids = [tape.pick(known) for _ in range(tape.below(8))] if known else []
        agree(f"decode({ids}) of {what}", *(outcome(lambda: made.decode(ids)) for made in (rust, pure)))  # noqa: B023


PROMPT = (
    *("<bos>", "<|turn>", "<turn|>", "user\n", "model\n", "<|channel>", "thought\n", "<channel|>", "<|tool_response>"),
    *("<tool_response|>", "x", "\n", "<|tool_call>", "<tool_call|>", "<|chan", "nel>", "\ud800", "é", "<|think|>"),
)


def check_start_of(pair: Pair, tape: Tape) -> None:
    """Where an output starts, by its prompt."""
    prompt: Any = "".join(tape.pick(PROMPT) for _ in range(tape.below(12)))
    which: Any = tape.pick((None, *wire.VOCABULARIES))
    if tape.chance(2):
        prompt, which = wire.tokens(tape, prompt)
        if tape.chance(4):
            prompt.insert(tape.below(len(prompt) + 1), tape.pick((99_999_999, 2**32, -1, None, 1.0, "x", True)))
        if tape.chance(8):
            which = None
    if tape.chance(10):
        prompt = values.ids(tape, 101)
    rust, pure = pair.vocabularies(which)
    found = outcome(lambda: pair.rust.StreamParser.start_of(prompt, rust))
    agree(f"start_of({short(prompt)})", found, outcome(lambda: pair.pure.StreamParser.start_of(prompt, pure)))


def check_use(pair: Pair, tape: Tape) -> None:
    """Options and inputs of any type, right or wrong, given to what makes or uses no stream."""
    rust, pure = pair.vocabularies(tape.pick(("words", "odd")))
    options: dict[str, Any] = {}
    for name in ("parse_reasoning", "lenient", "coerce", "spaced"):
        if tape.chance(6):
            options[name] = tape.pick(values.FLAGS)
    for name in ("start", "finish"):
        if tape.chance(4):
            options[name] = tape.pick(values.WORDS)
    if tape.chance(3):
        options["tools"] = tape.pick(ODD_LISTS) if tape.below(4) else tool_list(tape)
    given = tape.pick(values.TEXTS) if tape.chance(3) else values.ids(tape, 1000 + tape.below(4))
    texts = [vocabulary if tape.below(8) else tape.pick((None, 5, "x")) for vocabulary in (rust, pure)]
    if texts[0] is not rust or texts[1] is not pure:
        texts = [tape.pick((None, 5, "x"))] * 2
    agree(
        f"parse({short(given)}, {short(texts[0])}, **{short(options)})",
        outcome(lambda: pair.rust.parse(given, texts[0], **options)),
        outcome(lambda: pair.pure.parse(given, texts[1], **options)),
    )
    agree(f"decode({short(given)})", outcome(lambda: rust.decode(given)), outcome(lambda: pure.decode(given)))
    options.pop("finish", None)
    agree(
        f"StreamParser({short(texts[0])}, **{short(options)})",
        outcome(lambda: pair.rust.StreamParser(texts[0], **options)),
        outcome(lambda: pair.pure.StreamParser(texts[1], **options)),
    )
    for name in ("arguments_to_json", "parse_arguments", "format_arguments"):
        pair.both(f"{name}({short(given)})", lambda impl: getattr(impl, name)(given))  # noqa: B023
    flag = tape.pick(values.FLAGS)
    pair.both(f"arguments_to_json(spaced={flag!r})", lambda impl: impl.arguments_to_json("a:1,b:2", spaced=flag))


def check_event(pair: Pair, tape: Tape) -> None:
    """`Event` as a record."""
    fields: list[Any] = [
        tape.pick(("content", "call_end", "x", "", "\ud800", values.Word("end"), None, 5)),
        tape.pick(("", "a'b\"\n", "é😀", "\ud800", None, b"x")),
        tape.pick((None, 0, 3, -1, 10**30, True, values.Colour.RED, 1.0, "0")),
        tape.pick(((), ("a",), ("a", "b"), (1, None), [], "a", None)),
    ][: 2 + tape.below(3) if tape.below(8) else tape.below(2)]
    if raised(pair.both(f"Event({fields!r})", lambda impl: impl.Event(*fields))):
        return
    for what, use in EVENT_USES.items():
        pair.both(f"{what} of Event({fields!r})", lambda impl: use(impl.Event(*fields), impl))  # noqa: B023


EVENT_USES: dict[str, Callable[[Any, Any], Any]] = {
    "repr": lambda event, impl: repr(event),
    "str": lambda event, impl: str(event),
    "list": lambda event, impl: list(event),
    "len": lambda event, impl: len(event),
    "first": lambda event, impl: event[0],
    "last": lambda event, impl: event[-1],
    "slice": lambda event, impl: event[1:3],
    "beyond": lambda event, impl: event[4],
    "by name": lambda event, impl: event["kind"],
    "equal": lambda event, impl: event == impl.Event(*event),
    "unequal": lambda event, impl: event != impl.Event("content", "other"),
    "equal to a tuple": lambda event, impl: event == tuple(event),
    "order": lambda event, impl: type_of_error(lambda: event < event),
    "hash": lambda event, impl: hash(event) == hash(impl.Event(*event)),
    "copy": lambda event, impl: copy.copy(event),
    "deepcopy": lambda event, impl: copy.deepcopy(event),
    "reduce": lambda event, impl: event.__reduce__()[1],
    "match": lambda event, impl: impl.Event.__match_args__,
    "set": lambda event, impl: type_of_error(lambda: setattr(event, "kind", "x")),
    "set more": lambda event, impl: type_of_error(lambda: setattr(event, "more", "x")),
    "delete": lambda event, impl: type_of_error(lambda: delattr(event, "kind")),
    "contains": lambda event, impl: event[0] in event,
    "fold": lambda event, impl: impl.Message.from_events([event]),
}


def short(value: object) -> str:
    """What a difference is told with."""
    try:
        text = repr(value)
    except Exception as error:
        return f"<{type(value).__name__}, whose repr raises {type(error).__name__}>"
    return text if len(text) < 4000 else text[:4000] + "…"


ON_TAPES: dict[str, Callable[[Pair, Tape], None]] = {
    "arguments": check_arguments,
    "format": check_format,
    "vocabulary": check_vocabulary,
    "tokenizer": check_tokenizer,
    "start_of": check_start_of,
    "use": check_use,
    "event": check_event,
}
"""The checks that make their input of a tape by themselves."""
