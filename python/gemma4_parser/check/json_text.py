"""JSON texts that are changed in places and stay byte for byte what they were everywhere else."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from json import JSONDecodeError, JSONDecoder
from typing import Any, NamedTuple

__all__ = ["BadJson", "Edit", "JsonText", "Place", "edited"]

_BLANKS = re.compile(r"[ \t\r\n]*")
_CLOSING = {"{": "}", "[": "]"}
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_read = JSONDecoder().raw_decode


class BadJson(ValueError):
    """A text is no JSON object; the message, which follows the name of a file, says where it goes wrong."""


class Edit(NamedTuple):
    """The bytes from `start` to `end` become `text`."""

    start: int
    end: int
    text: bytes


class Place(NamedTuple):
    """A value and the bytes in which it is written.

    Letters beyond ASCII are read byte by byte in `value`: `JsonText.string` reads them.
    """

    value: Any
    start: int
    end: int


class _Item(NamedTuple):
    """A member of an object or an item of an array: where it begins, with its key, and its value."""

    at: int
    place: Place


def edited(data: bytes, edits: Sequence[Edit]) -> bytes:
    """The bytes with all edits made. Raises ValueError where two overlap."""
    out, at = [], 0
    for start, end, text in sorted(edits):
        if start < at:
            raise ValueError(f"two edits of byte {start}")
        out += [data[at:start], text]
        at = end
    return b"".join((*out, data[at:]))


class JsonText:
    """A JSON object in a file: where its values are, and edits that change them in the style of the file.

    Its members are read when it is made, each once, at the speed of the `json` module. Raises `BadJson`.
    """

    def __init__(self, data: bytes) -> None:
        self.data = data
        # One character a byte: places are the same in both, and 32 MB stay 32 MB.
        self._text = data.decode("latin-1")
        try:
            self._top = self._read_whole()
        except UnicodeDecodeError as error:
            raise BadJson(f"is not UTF-8 text, at byte {error.start}") from None
        except JSONDecodeError as error:
            raise BadJson(f"is not JSON: {error.msg} at {self._position(error.pos)}") from None
        except RecursionError:
            raise BadJson("is nested too deeply") from None
        except ValueError as error:
            raise BadJson(str(error)) from None
        self.members = self._keyed(self._top)

    def members_of(self, place: Place) -> dict[str, Place]:
        """The members of an object in it; of equal keys the last one counts, as for every reader."""
        return self._keyed(self._walk(place.start)[0])

    def items_of(self, place: Place) -> list[Place]:
        """The items of an array in it."""
        return [item.place for item in self._walk(place.start)[0]]

    def string(self, place: Place) -> str:
        """The text of a string in it."""
        return str(json.loads(self.data[place.start : place.end]))

    def replaced(self, place: Place, value: object) -> Edit:
        """The edit that puts another value in a place. A list for a list keeps to one line or to several."""
        line = self._blanks(self._text.rfind("\n", 0, place.start) + 1)
        on_one_line = isinstance(place.value, list) and b"\n" not in self.data[place.start : place.end]
        return Edit(place.start, place.end, self._written(value, "" if on_one_line else self._blank_before(line)))

    def relisted(self, place: Place, items: Sequence[object]) -> Edit:
        """The edit that gives an array other items: those of its own that are kept, as places, and new values."""
        before = self.items_of(place)
        if not before or not items:
            return self.replaced(place, list(items))
        blank, between = self._spacing(before)
        written = [
            self.data[item.start : item.end] if isinstance(item, Place) else self._written(item, blank)
            for item in items
        ]
        return Edit(before[0].start, before[-1].end, between.join(written))

    def inserted(self, place: Place, index: int, values: Sequence[object]) -> Edit:
        """The edit that puts new items before that of an index in an array, or behind all of them."""
        before = self.items_of(place)
        if not before:
            return self.replaced(place, list(values))
        blank, between = self._spacing(before)
        written = between.join(self._written(value, blank) for value in values)
        if index < len(before):
            return Edit(before[index].start, before[index].start, written + between)
        return Edit(before[-1].end, before[-1].end, between + written)

    def added(self, key: str, value: object, place: Place | None = None) -> Edit:
        """The edit that gives an object one more member, at its end: the whole one, or that in a place."""
        members = self._top if place is None else self._walk(place.start)[0]
        if not members:
            start = self._text.index("{", place.start if place else 0)
            return Edit(start, self._blanks(start + 1) + 1, self._written({key: value}, "\n"))
        at, last = members[-1]
        blank = self._blank_before(at) or " "
        written = self._written(key, "") + b": " + self._written(value, blank)
        return Edit(last.end, last.end, b"," + blank.encode() + written)

    def _read_whole(self) -> list[_Item]:
        if self.data.startswith(_BYTE_ORDER_MARK):
            raise ValueError("starts with a byte order mark, which JSON does not have")
        self.data.decode()
        start = self._blanks(0)
        if self._text[start : start + 1] in ("[", '"'):
            raise ValueError("is no JSON object")
        members, end = self._walk(start)
        end = self._blanks(end)
        if end < len(self._text):
            raise JSONDecodeError("Extra data", self._text, end)
        return members

    def _walk(self, start: int) -> tuple[list[_Item], int]:
        """What is in an object or an array, and the place behind it."""
        text, items = self._text, list[_Item]()
        closing = _CLOSING.get(text[start : start + 1], "")
        if not closing:
            raise JSONDecodeError("Expecting an object", text, start)
        at = self._blanks(start + 1)
        if text.startswith(closing, at):
            return items, at + 1
        while True:
            begin = at
            if closing == "}":
                if not text.startswith('"', at):
                    raise JSONDecodeError("Expecting a key in double quotes", text, at)
                at = self._blanks(_read(text, at)[1])
                if not text.startswith(":", at):
                    raise JSONDecodeError("Expecting ':' delimiter", text, at)
                at = self._blanks(at + 1)
            value, end = _read(text, at)
            items.append(_Item(begin, Place(value, at, end)))
            at = self._blanks(end)
            if text.startswith(closing, at):
                return items, at + 1
            if not text.startswith(",", at):
                raise JSONDecodeError("Expecting ',' delimiter", text, at)
            at = self._blanks(at + 1)

    def _spacing(self, items: list[Place]) -> tuple[str, bytes]:
        """What stands before the items of an array, and what between them."""
        blank = self._blank_before(items[0].start)
        between = self.data[items[0].end : items[1].start] if len(items) > 1 else b"," + (blank.encode() or b" ")
        return blank, between

    def _keyed(self, items: list[_Item]) -> dict[str, Place]:
        return {_read(self._text, item.at)[0]: item.place for item in items}

    def _blanks(self, at: int) -> int:
        """The first place from `at` on where no blank is."""
        found = _BLANKS.match(self._text, at)
        return found.end() if found else at

    def _blank_before(self, at: int) -> str:
        start = at
        while start and self._text[start - 1] in " \t\r\n":
            start -= 1
        return self._text[start:at]

    def _written(self, value: object, blank: str) -> bytes:
        """A value as JSON; over several lines where `blank`, what stands before it, has a line break."""
        if "\n" not in blank:
            return json.dumps(value, ensure_ascii=False).encode()
        first = self._blank_before(self._top[0].at) if self._top else ""
        text = json.dumps(value, ensure_ascii=False, indent=first.rpartition("\n")[2] or "  ")
        newline = "\r\n" if "\r" in blank else "\n"
        return text.replace("\n", newline + blank.rpartition("\n")[2]).encode()

    def _position(self, at: int) -> str:
        before = self.data[:at]
        column = len(before.rpartition(b"\n")[2].decode("utf-8", "replace")) + 1
        return f"line {before.count(10) + 1}, column {column}"
