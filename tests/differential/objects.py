"""The classes as Python objects: names, subclasses, copies, attributes, wrong numbers of arguments."""

from __future__ import annotations

import copy
import pickle
import re
from collections.abc import Callable
from typing import Any

import helpers


def _stream(impl: Any) -> Any:
    return impl.StreamParser()


def _vocabulary(impl: Any) -> Any:
    return impl.Vocabulary(helpers.pieces())


def _event(impl: Any) -> Any:
    return impl.Event("content", "x")


def type_of_error(call: Callable[[], Any]) -> str:
    """For errors whose words are the interpreter's own, and differ from version to version."""
    try:
        return repr(call())
    except Exception as error:
        return type(error).__name__


OBJECTS: dict[str, Callable[[Any], Any]] = {"StreamParser": _stream, "Vocabulary": _vocabulary, "Event": _event}

USES: dict[str, Callable[[Any], Any]] = {
    "repr": lambda thing: re.sub(" at 0x[0-9a-f]+", "", repr(thing)),
    "module": lambda thing: type(thing).__module__,
    "name": lambda thing: (type(thing).__name__, type(thing).__qualname__),
    "subclass": lambda thing: type_of_error(lambda: type("Sub", (type(thing),), {})),
    # A pickle of an event names the package's class, which is that of one implementation.
    "pickle": lambda thing: type(thing).__name__ == "Event" or type_of_error(lambda: pickle.dumps(thing)),
    "copy": lambda thing: re.sub(" at 0x[0-9a-f]+", "", repr(copy.copy(thing))),
    "deepcopy": lambda thing: re.sub(" at 0x[0-9a-f]+", "", repr(copy.deepcopy(thing))),
    "len": lambda thing: type_of_error(lambda: len(thing)),
    "truth": lambda thing: bool(thing),
    "hash": lambda thing: hash(thing) == hash(thing),
    "equal": lambda thing: thing == thing,
    "unlike": lambda thing: thing == object(),
    "iter": lambda thing: type_of_error(lambda: list(thing)),
    "set": lambda thing: type_of_error(lambda: setattr(thing, "more", 1)),
    "set own": lambda thing: type_of_error(lambda: setattr(thing, "push", 1)),
    "set ended": lambda thing: type_of_error(lambda: setattr(thing, "ended", True)),
    "delete": lambda thing: type_of_error(lambda: delattr(thing, "more")),
    "get": lambda thing: type_of_error(lambda: thing.more),
    "dict": lambda thing: hasattr(thing, "__dict__"),
    "weak": lambda thing: hasattr(thing, "__weakref__"),
    "public": lambda thing: sorted(name for name in dir(thing) if not name.startswith("_")),
    "call": lambda thing: type_of_error(lambda: thing()),
    "item": lambda thing: type_of_error(lambda: thing["x"]),
    "make without arguments": lambda thing: type_of_error(lambda: type(type(thing)())),
    "make with more": lambda thing: type_of_error(lambda: type(thing)(1, 2, 3, 4, 5, 6)),
    "make with other names": lambda thing: type_of_error(lambda: type(thing)(other=1)),
}
"""What may be done to each."""

CALLS: dict[str, Callable[[Any], Any]] = {
    "push()": lambda impl: _stream(impl).push(),
    "push(1, 2)": lambda impl: _stream(impl).push(1, 2),
    "push by name": lambda impl: _stream(impl).push(ids=[]),
    "push_text by name": lambda impl: [event.text for event in _stream(impl).push_text(text="x")],
    "finish by name": lambda impl: [event.text for event in _stream(impl).finish(reason="length")],
    "reset by name": lambda impl: _stream(impl).reset(start="reasoning"),
    "start_of by name": lambda impl: impl.StreamParser.start_of(prompt="<|channel>", vocabulary=None),
    "lenient by place": lambda impl: type(impl.StreamParser(None, None)).__name__,
    "parse by name": lambda impl: impl.parse(output="x", vocabulary=None).content,
    "parse by place": lambda impl: impl.parse("x", None, "stop"),
    "spaced by place": lambda impl: impl.arguments_to_json("a:1", True),
    "text by name": lambda impl: impl.arguments_to_json(text="a:1"),
    "mapping by name": lambda impl: impl.format_arguments(mapping={"a": 1}),
    "another option": lambda impl: impl.parse("x", strict=True),
    "decode by name": lambda impl: _vocabulary(impl).decode(ids=[1000]),
    "control_id by name": lambda impl: _vocabulary(impl).control_id(literal="<eos>"),
    "control_id of an int": lambda impl: _vocabulary(impl).control_id(5),
    "pieces by name": lambda impl: len(impl.Vocabulary(pieces=helpers.pieces())),
    "path by name": lambda impl: impl.Vocabulary.from_file(path="/nowhere"),
    "event by name": lambda impl: repr(impl.Event(kind="end", text="stop", index=None, detail=())),
}
"""Arguments by place and by name."""

OWN_WORDS = {"push_text by name", "path by name", "control_id of an int"}
"""Calls that are refused, if at all, in our words."""


def call(name: str, impl: Any) -> Any:
    """Does one of `CALLS`; where the words of an error are the interpreter's, its type alone counts."""
    return CALLS[name](impl) if name in OWN_WORDS else type_of_error(lambda: CALLS[name](impl))
