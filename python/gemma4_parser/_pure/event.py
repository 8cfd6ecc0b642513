"""Events: what the parser found, in order."""

from collections.abc import Iterator
from typing import Any, NoReturn

from .ids import typed


class Event:
    """One thing that the parser found: a record of four fields that unpacks like a tuple and compares by value.

    What each kind says: DESIGN.md, "Output". In `match` it is a class pattern: `case Event("content", text)`.

    kind: "reasoning", "content", "call_start", "call_arguments", "call_end", "unparsed" or "end".
    text: the piece of text, the function name, the fragment of JSON, the status of a call, or how the stream ended.
    index: number of the call, counted from 0; None where the event belongs to no call.
    detail: names of the repairs made, or the one reason of a rejection or of an unparsed span; else ().
    """

    __module__ = "gemma4_parser"
    __slots__ = __match_args__ = ("kind", "text", "index", "detail")
    kind: str
    text: str
    index: int | None
    detail: tuple[str, ...]

    def __init_subclass__(cls) -> NoReturn:
        raise TypeError("type 'gemma4_parser.Event' is not an acceptable base type")

    def __new__(cls, kind: str, text: str, index: int | None = None, detail: tuple[str, ...] = ()) -> "Event":
        typed(kind, str)
        typed(text, str)
        if index is not None:
            typed(index, int)
        return make_event(kind, text, index, () if detail is None else typed(detail, tuple))

    def __setattr__(self, name: str, value: object) -> NoReturn:
        known = name in self.__match_args__
        raise AttributeError(
            "readonly attribute" if known else f"'gemma4_parser.Event' object has no attribute '{name}'"
        )

    def __delattr__(self, name: str) -> NoReturn:
        self.__setattr__(name, None)

    def __eq__(self, other: object) -> bool:
        return self._fields() == other._fields() if isinstance(other, Event) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._fields())

    def __len__(self) -> int:
        return 4

    def __iter__(self) -> Iterator[Any]:
        return iter(self._fields())

    def __getitem__(self, key: Any) -> Any:
        return self._fields()[key]

    def __repr__(self) -> str:
        return f"Event(kind={self.kind!r}, text={self.text!r}, index={self.index!r}, detail={self.detail!r})"

    def __reduce__(self) -> tuple[type["Event"], tuple[str, str, int | None, tuple[str, ...]]]:
        return Event, self._fields()

    def _fields(self) -> tuple[str, str, int | None, tuple[str, ...]]:
        return self.kind, self.text, self.index, self.detail


_new = object.__new__
_set_kind, _set_text, _set_index, _set_detail = (vars(Event)[name].__set__ for name in Event.__match_args__)


def make_event(kind: str, text: str, index: int | None, detail: tuple[str, ...]) -> Event:
    """An event of fields that need no check."""
    event = _new(Event)
    _set_kind(event, kind)
    _set_text(event, text)
    _set_index(event, index)
    _set_detail(event, detail)
    return event
