"""The vocabulary: which text, bytes or control token an id stands for (rule `ids-form`)."""

import re
from os import PathLike, fsencode, fspath
from typing import Any, NoReturn

from .ids import Ids, id_of, read_ids, type_name, typed, without_surrogates
from .json import Number, Reader
from .token import CONTROLS, REQUIRED, ControlToken
from .utf8 import Utf8

Piece = str | bytes | ControlToken
"""Text; bytes that are no UTF-8 by themselves; a control token."""
_Entries = list[tuple[int, str | bytes]]

MAX_ID = 1 << 24
"""Ids above this are refused: a slip must not become gigabytes."""
SPACE = "\u2581"
PLAIN = re.compile(r"[^\x00-\x1f\"\\,<'`})\]]*[^\x00-\x20\"\\,<'`})\]]")
"""A text that cannot end a string, a value or a call, whatever was before it."""
_BYTE = re.compile("<0x([+0-9A-Fa-f][0-9A-Fa-f])>")
_ABSENT = object()


class Vocabulary:
    """What each token id spells, and which ids are control tokens. Immutable; shared by streams and threads.

    pieces: the bytes of each token, as list[bytes] (the index is the id) or dict[int, bytes]. Control tokens are
    found by their literal.
    Rule `ids-form` of DESIGN.md. Raises ValueError that names the missing ones where the Gemma 4 control tokens are not
    all there, and for ids below 0 or above 2**24; TypeError for other containers and pieces.
    """

    __module__ = "gemma4_parser"
    __slots__ = ("_controls", "_pieces", "_plain")
    _controls: dict[str, int]
    _pieces: dict[int, Piece]
    _plain: dict[int, str]

    def __new__(cls, pieces: list[bytes] | dict[int, bytes]) -> "Vocabulary":
        if not isinstance(pieces, list | dict):
            raise TypeError(f"pieces must be list[bytes] or dict[int, bytes], not {type_name(pieces)}")
        # A copy: reading an id may run code that changes the dict.
        pairs = [*dict.items(pieces)] if isinstance(pieces, dict) else enumerate(list.__iter__(pieces))
        entries: _Entries = []
        for key, piece in pairs:
            number = id_of(key)
            if not isinstance(piece, bytes):
                raise TypeError(f"the piece of token id {number} must be bytes, not {type_name(piece)}")
            try:
                entries.append((number, piece.decode()))
            except UnicodeDecodeError:
                entries.append((number, piece))
        return _build([(_sized(number), piece) for number, piece in entries], [])

    def __init_subclass__(cls) -> NoReturn:
        raise TypeError("type 'gemma4_parser.Vocabulary' is not an acceptable base type")

    @staticmethod
    def from_tokenizer(tokenizer: Any) -> "Vocabulary":
        """The vocabulary of a Hugging Face tokenizer: a `tokenizers.Tokenizer`, or a fast tokenizer of transformers.

        The tokenizer is read once and not kept.
        Raises TypeError for anything else, ValueError where the Gemma 4 control tokens are not all there.
        """
        for candidate in (tokenizer, _attribute(tokenizer, "backend_tokenizer"), _attribute(tokenizer, "_tokenizer")):
            if (to_str := _attribute(candidate, "to_str")) is not _ABSENT:
                return _from_json(without_surrogates(typed(to_str(), str)))
        needed = "a tokenizers.Tokenizer or a fast tokenizer of transformers is needed"
        raise TypeError(f"{needed}, not {type_name(tokenizer)}")

    @staticmethod
    def from_file(path: str | PathLike[str]) -> "Vocabulary":
        """The vocabulary of a Hugging Face `tokenizer.json`.

        Raises OSError where the file cannot be read, ValueError where it is no tokenizer.json with the Gemma 4 control
        tokens.
        """
        path = typed(fspath(path), str)
        name = fsencode(path).decode("utf-8", "replace")
        if "\0" in path:
            raise OSError(f"{name}: file name contained an unexpected NUL byte")
        try:
            with open(path, "rb") as file:
                json = file.read().decode()
            return _from_json(json)
        except OSError as error:
            error.filename = path
            raise
        except UnicodeDecodeError:
            raise ValueError(f"{name}: not UTF-8 text") from None
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from None

    def control_id(self, /, literal: str) -> int:
        """The id of a control token by its literal, such as `<|tool_call>`.

        Raises KeyError where that is no control token of Gemma 4, or one that this vocabulary does not have.
        """
        number = self._controls.get(without_surrogates(typed(literal, str)))
        if number is None:
            raise KeyError(literal)
        return number

    def decode(self, /, ids: Any) -> str:
        """The text that the parser would read from these ids, control tokens spelled out.

        ids: an int, a list, a tuple, or a one-dimensional contiguous buffer of 32- or 64-bit integers. Invalid UTF-8
        becomes U+FFFD as in bytes.decode("utf-8", "replace"); a control token ends a character.
        Raises ValueError for an id outside the vocabulary.
        """
        out, utf8 = [], Utf8()
        for piece in self._known(read_ids(ids)):
            if isinstance(piece, bytes):
                out.append(utf8.push(piece))
            elif piece:
                out += utf8.flush(), piece if isinstance(piece, str) else piece.literal
        return "".join((*out, utf8.flush()))

    def _known(self, numbers: Ids) -> list[Piece]:
        """What the ids stand for. Raises ValueError for one outside the vocabulary."""
        try:
            return [self._pieces[number] for number in numbers]
        except KeyError as error:
            raise ValueError(f"token id {error.args[0]} is not in the vocabulary") from None

    def __len__(self) -> int:
        return len(self._pieces)

    def __repr__(self) -> str:
        return f"<Vocabulary of {len(self)} tokens>"

    def __setattr__(self, name: str, value: object = None) -> NoReturn:
        kind = "attribute '{}' is read-only" if hasattr(self, name) else "has no attribute '{}'"
        raise AttributeError(f"'gemma4_parser.Vocabulary' object {kind.format(name)}")

    __delattr__ = __setattr__

    def __reduce__(self) -> NoReturn:
        raise TypeError("cannot pickle 'gemma4_parser.Vocabulary' object")


def _attribute(value: object, name: str) -> Any:
    try:
        return getattr(value, name, _ABSENT)
    except Exception:
        return _ABSENT


def _sized(number: int) -> int:
    if number > MAX_ID:
        raise ValueError(f"token id {number} is too large: {MAX_ID} is the highest")
    return number


def _from_json(json: str) -> Vocabulary:
    reader = Reader(json)
    model: _Entries | None = None
    added: _Entries = []
    decoder = None
    if reader.pull() != ("{", None):
        raise ValueError("tokenizer.json is no JSON object")
    for _, key in iter(reader.pull, ("}", None)):
        if key == "model":
            model = _read_model(reader)
        elif key == "added_tokens":
            added = _read_added_tokens(reader)
        elif key == "decoder":
            decoder = reader.value(64)
        else:
            reader.skip_value()
    reader.pull()
    if model is None:
        raise ValueError("tokenizer.json has no `model.vocab`")
    return _build(model, added, decoder)


def _build(model: _Entries, added: _Entries, *decoder: Any) -> Vocabulary:
    """Added tokens come before pieces of the model; `decoder`: the one of tokenizer.json, none for true bytes."""
    table: dict[int, str | bytes] = {}
    twice: list[int] = []
    for source in (model, added):
        own: dict[int, str | bytes] = {}
        twice += [number for number, piece in source if own.setdefault(number, piece) != piece]
        table |= own
    if twice:
        raise ValueError(f"token id {min(twice)} is given twice with different pieces")
    spelled = sorted(table.items())
    pieces = {number: CONTROLS.get(piece, piece) if isinstance(piece, str) else piece for number, piece in spelled}
    controls = {piece.literal: number for number, piece in reversed(pieces.items()) if isinstance(piece, ControlToken)}
    if missing := [literal for literal in REQUIRED if literal not in controls]:
        raise ValueError(f"this is no vocabulary of Gemma 4, it has no control tokens {', '.join(missing)}")
    steps = _read_steps(decoder[0]) if decoder else set()
    plain: dict[int, str] = {}
    for number, piece in pieces.items():
        if isinstance(piece, str):
            if "ByteFallback" in steps and (found := _BYTE.fullmatch(piece)):
                byte = int(found[1], 16)
                piece = chr(byte) if byte < 0x80 else bytes([byte])
            elif "Replace" in steps:
                piece = piece.replace(SPACE, " ")
            pieces[number] = piece
            if isinstance(piece, str) and PLAIN.fullmatch(piece):
                plain[number] = piece
    made = object.__new__(Vocabulary)
    for name, value in (("_controls", controls), ("_pieces", pieces), ("_plain", plain)):
        object.__setattr__(made, name, value)
    return made


def _read_steps(decoder: Any) -> set[str | None]:
    """What the decoder does to every piece."""
    steps: set[str | None] = set()
    waiting = [decoder]
    while waiting:
        step = waiting.pop()
        name, inner, to = _text(step, "type"), _get(step, "decoders"), _text(step, "content")
        source, regex = _text(step, "pattern", "String"), _text(step, "pattern", "Regex")
        if name == "Sequence" and isinstance(inner, list):
            waiting += inner
        elif name in ("ByteFallback", "Fuse") or (name, source, to) == ("Replace", SPACE, " "):
            steps.add(name)
        else:
            found = "a step without a `type`" if name is None else f"the step `{name}`"
            if name == "Replace":
                found += f" of `{source or ''}`" if regex is None else f" of the regex `{regex}`"
                found += f" by `{to or ''}`"
            has = "no `decoder`" if decoder is None else found
            where = "tokenizer.json" if decoder is None else "the decoder of tokenizer.json"
            supported = f"`Replace` of `{SPACE}` by a space, `ByteFallback` and `Fuse`"
            raise ValueError(f"{where} has {has}; supported are {supported}")
    return steps


def _get(value: Any, *path: str) -> Any:
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _text(value: Any, *path: str) -> str | None:
    found = _get(value, *path)
    return found if type(found) is str else None


def _read_model(reader: Reader) -> _Entries | None:
    """The field `model`, if it has a vocabulary."""
    entries = None
    if reader.pull() != ("{", None):
        raise ValueError("the field `model` of tokenizer.json is no object")
    for _, key in iter(reader.pull, ("}", None)):
        if key == "vocab":
            entries = _read_vocab(reader)
        else:
            reader.skip_value()
    return entries


def _read_vocab(reader: Reader) -> _Entries:
    """`model.vocab`: an object of piece and id, or an array of pairs of piece and score."""
    entries: _Entries = [(_sized(number), piece) for piece, number in reader.pairs()]
    if entries:
        return entries
    opened, _ = reader.pull()
    if opened not in ("{", "["):
        raise ValueError("`model.vocab` of tokenizer.json is no object and no array")
    for kind, piece in iter(reader.pull, ("}" if opened == "{" else "]", None)):
        number: int | None = len(entries)
        if opened == "[":
            (first, piece), (second, score), (third, _) = [
                reader.pull() if kind == "[" else ("", None) for _ in range(3)
            ]
            if (first, second, third) != ("value", "value", "]") or type(piece) is not str or type(score) is not Number:
                raise ValueError(f"entry {number} of `model.vocab` of tokenizer.json is no pair of piece and score")
        elif (number := _id(reader.pull()[1])) is None:
            raise ValueError(f"`model.vocab` of tokenizer.json has no usable id for the piece `{piece}`")
        entries.append((_sized(number or 0), piece))
    return entries


def _read_added_tokens(reader: Reader) -> _Entries:
    """The field `added_tokens`; `null` is an empty one."""
    entries: _Entries = []
    tokens = reader.value(64)
    if not isinstance(tokens, list | None):
        raise ValueError("the field `added_tokens` of tokenizer.json is no array")
    for place, token in enumerate(tokens or ()):
        number, content = _id(_get(token, "id")), _text(token, "content")
        if number is None or content is None:
            raise ValueError(f"entry {place} of `added_tokens` of tokenizer.json has no usable `id` and `content`")
        entries.append((_sized(number), content))
    return entries


def _id(value: Any) -> int | None:
    """A number that is an id; None for anything else."""
    fits = type(value) is Number and value.isdigit() and len(value) < 11 and int(value) < 1 << 32
    return int(value) if fits else None
