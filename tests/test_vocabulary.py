"""`Vocabulary`: from pieces, and from a tokenizer of Gemma's shape and size."""

from __future__ import annotations

import gc
import json
import random
import time
import weakref
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers

from gemma4_parser import CONTROL_TOKENS
from helpers import CONTROL_IDS, pieces, run

SIZE = 262_144
FIRST_BYTE = 238
REQUIRED = [literal for literal in CONTROL_IDS if literal not in ("<pad>", "<bos>", "<unk>", "<mask>")]


def gemma_pieces() -> list[str]:
    """Distinct pieces in the shape of Gemma's: control tokens and bytes in their places, blanks, characters, words."""
    table: dict[int, str] = {number: literal for literal, number in CONTROL_TOKENS.items()}
    table |= {FIRST_BYTE + byte: f"<0x{byte:02X}>" for byte in range(256)}
    table |= {106 + length: "\n" * length for length in range(1, 32)}
    table |= {137 + length: "▁" * length for length in range(2, 32)}
    table[212] = "</s>"
    others = (
        *(chr(code) for code in range(0x20, 0x250) if not chr(code).isspace() and chr(code).isprintable()),
        *(chr(code) for code in range(0x4E00, 0x9FA6)),
        *(chr(code) for code in range(0xAC00, 0xD7A4)),
        *(chr(code) for code in range(0x1F600, 0x1F650)),
        *("▁", "e\u0301", "thought", "call", "é▁x", "\u2028", "\r\n", "\t", "<unused>", "▁▁x", "\u200d", "\ufeff"),
    )
    free = (number for number in range(SIZE) if number not in table)
    table |= dict(zip(free, dict.fromkeys(others), strict=False))
    count = 0
    for number in range(SIZE):
        if number not in table:
            count += 1
            table[number] = ("▁w", "w", "語", "ж", "_W")[count % 5] + str(count)
    return [table[number] for number in range(SIZE)]


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    """What Google's tokenizer.json describes: BPE with byte fallback, `▁` for a blank, special control tokens."""
    vocabulary = {piece: number for number, piece in enumerate(gemma_pieces())}
    assert len(vocabulary) == SIZE
    made = Tokenizer(models.BPE(vocab=vocabulary, merges=[], byte_fallback=True, fuse_unk=True, unk_token="<unk>"))
    made.normalizer = normalizers.Replace(" ", "▁")
    made.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])
    made.add_special_tokens([AddedToken(literal, special=True, normalized=False) for literal in CONTROL_TOKENS])
    return made


@pytest.fixture(scope="module")
def tokenizer_json(tokenizer: Tokenizer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "tokenizer.json"
    tokenizer.save(str(path), pretty=False)
    return path


@pytest.fixture(scope="module")
def gemma(impl: ModuleType, tokenizer_json: Path) -> Any:
    """The vocabulary of that tokenizer."""
    start = time.perf_counter()
    vocabulary = impl.Vocabulary.from_file(tokenizer_json)
    seconds = time.perf_counter() - start
    print(f"{tokenizer_json.stat().st_size / 1e6:.1f} MB of tokenizer.json read in {seconds * 1e3:.0f} ms")
    return vocabulary


def random_ids(source: random.Random, *, control: bool) -> list[int]:
    """Random ids that spell valid UTF-8: words, characters in bytes, and control tokens where asked for."""
    ids: list[int] = []
    controls = sorted(CONTROL_TOKENS.values())
    for _ in range(source.randint(1, 40)):
        choice = source.random()
        if choice < 0.25:
            character = chr(source.choice([0x41, 0xE9, 0x3BB, 0x20AC, 0x6F22, 0x1F600, 0x10FFF0]) + source.randrange(8))
            if character.isprintable() or character > "\U00010000":
                ids += [FIRST_BYTE + byte for byte in character.encode()]
        elif choice < 0.35:
            ids += [source.choice(controls)] * control
        else:
            number = source.randrange(SIZE)
            if number not in controls and not FIRST_BYTE <= number < FIRST_BYTE + 256:
                ids.append(number)
    return ids


def test_size_and_control_ids(gemma: Any) -> None:
    assert len(gemma) == SIZE
    assert repr(gemma) == "<Vocabulary of 262144 tokens>"
    for literal, number in CONTROL_TOKENS.items():
        assert gemma.control_id(literal) == number
    for wrong in ("", "call", "<|tool_call", "<|tool_call|>", "</s>", "<|tool_call> ", "\ud800"):
        with pytest.raises(KeyError) as caught:
            gemma.control_id(wrong)
        assert caught.value.args == (wrong,)


def test_decode_equals_the_tokenizer(gemma: Any, tokenizer: Tokenizer) -> None:
    source = random.Random(4)
    for _ in range(300):
        ids = random_ids(source, control=True)
        assert gemma.decode(ids) == tokenizer.decode(ids, skip_special_tokens=False)
    assert gemma.decode([]) == ""


def test_every_piece(gemma: Any) -> None:
    for number, piece in enumerate(gemma_pieces()):
        if FIRST_BYTE <= number < FIRST_BYTE + 256:
            assert gemma.decode(number) == bytes([number - FIRST_BYTE]).decode("utf-8", "replace")
        else:
            assert gemma.decode(number) == piece.replace("▁", " ")


def test_split_at_every_place(impl: ModuleType, gemma: Any, tokenizer: Tokenizer) -> None:
    source = random.Random(5)
    stream = impl.StreamParser(gemma)
    for _ in range(40):
        ids = random_ids(source, control=False)
        expected = tokenizer.decode(ids, skip_special_tokens=False)
        for place in range(len(ids) + 1):
            stream.reset()
            events = run(stream, [ids[:place], ids[place:]])
            assert "".join(event.text for event in events if event.kind == "content") == expected


def test_spelled_control_tokens_are_text(impl: ModuleType, gemma: Any, tokenizer: Tokenizer) -> None:
    literal = "<|tool_call>call:f{}<tool_call|>"
    ids = [number for character in literal for number in tokenizer.encode(character).ids]
    assert not set(ids) & set(CONTROL_TOKENS.values())
    assert impl.parse(ids, gemma).content == literal
    assert len(impl.parse(tokenizer.encode(literal).ids, gemma).tool_calls) == 1


def test_from_tokenizer(impl: ModuleType, gemma: Any, tokenizer: Tokenizer) -> None:
    ids = random_ids(random.Random(6), control=True)
    for given_tokenizer in (
        tokenizer,
        SimpleNamespace(backend_tokenizer=tokenizer, _tokenizer=None),
        SimpleNamespace(_tokenizer=tokenizer),
    ):
        made = impl.Vocabulary.from_tokenizer(given_tokenizer)
        assert len(made) == SIZE
        assert made.decode(ids) == gemma.decode(ids)
    for wrong in (None, "google/gemma", object(), SimpleNamespace(backend_tokenizer=None), {}):
        with pytest.raises(TypeError, match=r"tokenizers\.Tokenizer"):
            impl.Vocabulary.from_tokenizer(wrong)


def test_the_tokenizer_is_not_kept(impl: ModuleType, tokenizer_json: Path) -> None:
    class Once:
        calls = 0

        def to_str(self) -> str:
            self.calls += 1
            return tokenizer_json.read_text(encoding="utf-8")

    once = Once()
    vocabulary = impl.Vocabulary.from_tokenizer(once)
    vocabulary.decode([1000])
    assert once.calls == 1
    alive = weakref.ref(once)
    del once
    gc.collect()
    assert alive() is None
    assert len(vocabulary) == SIZE


def test_bad_files(impl: ModuleType, tmp_path: Path) -> None:
    from_file = impl.Vocabulary.from_file
    missing = tmp_path / "missing.json"
    for path in (missing, str(missing)):
        with pytest.raises(FileNotFoundError) as caught:
            from_file(path)
        assert caught.value.filename == str(missing)
        assert str(missing) in str(caught.value)
    with pytest.raises(OSError, match="directory"):
        from_file(tmp_path)
    file = tmp_path / "tokenizer.json"
    for content in (b"", b"not JSON", b"\xff\xfe", b"[]", b"{}", b'{"model":{"type":"BPE","vocab":{}}}'):
        file.write_bytes(content)
        with pytest.raises(ValueError) as error:
            from_file(file)
        assert str(file) in str(error.value)
    with pytest.raises(TypeError):
        from_file(None)
    decoder = {"type": "Sequence", "decoders": [{"type": "ByteFallback"}, {"type": "Fuse"}]}
    without = {"model": {"type": "BPE", "vocab": {"a": 0, "<eos>": 1}}, "added_tokens": [], "decoder": decoder}
    file.write_text(json.dumps(without))
    with pytest.raises(ValueError, match=r"<\|tool_call>"):
        from_file(file)


# from pieces


def test_pieces(impl: ModuleType) -> None:
    table = pieces()
    made = impl.Vocabulary(table)
    dense = [table.get(number, b"") for number in range(max(table) + 1)]
    listed = impl.Vocabulary(dense)
    for vocabulary in (made, listed):
        assert vocabulary.control_id("<|tool_call>") == 48
        assert vocabulary.decode([48, FIRST_BYTE + 0x41]) == "<|tool_call>A"
    with pytest.raises(KeyError):
        made.control_id("<|image>")
    assert impl.Vocabulary({number: table[number] for number in reversed(table)}).decode([1000]) == made.decode([1000])


def test_other_control_ids(impl: ModuleType) -> None:
    """No id is assumed: control tokens are found by their literals."""
    table = {7 + 3 * number: literal.encode() for number, literal in enumerate(REQUIRED)}
    vocabulary = impl.Vocabulary({**table, 1: b"call:f{}"})
    opener, close = vocabulary.control_id("<|tool_call>"), vocabulary.control_id("<tool_call|>")
    assert len(impl.parse([opener, 1, close], vocabulary).tool_calls) == 1


@pytest.mark.parametrize("literal", REQUIRED)
def test_missing_control_tokens_are_named(impl: ModuleType, literal: str) -> None:
    table = pieces()
    del table[CONTROL_IDS[literal]]
    with pytest.raises(ValueError) as caught:
        impl.Vocabulary(table)
    assert literal in str(caught.value)
    assert sum(other in str(caught.value) for other in REQUIRED) == 1


def test_bad_pieces(impl: ModuleType) -> None:
    table = pieces()
    wrong: Any
    for wrong in (None, "pieces", 1, {"0": b"a"}, {0: "a"}, ["a"], [None], {0.5: b"a"}, {**table, 5: "x"}, {b"a": 1}):
        with pytest.raises(TypeError):
            impl.Vocabulary(wrong)
    unusable: list[Any] = [{-1: b"a"}, {2**32: b"a"}, {}, [], {**table, 2**32 - 1: b"a"}]
    for wrong in unusable:
        with pytest.raises(ValueError):
            impl.Vocabulary(wrong)


@given(data=st.lists(st.binary(max_size=5), max_size=12))
def test_invalid_bytes(impl: ModuleType, vocabulary: Any, data: list[bytes]) -> None:
    """However bytes come, they read as Python reads them."""
    whole = b"".join(data)
    expected = whole.decode("utf-8", "replace")
    ids = [FIRST_BYTE + byte for byte in whole]
    assert vocabulary.decode(ids) == expected
    cut = [[FIRST_BYTE + byte for byte in part] for part in data]
    for deltas in ([ids], [[number] for number in ids], cut):
        # With a channel marker as text in front, the text is not at the very start of the output.
        events = run(impl.StreamParser(vocabulary), [[CONTROL_IDS["<tool_call|>"]], *deltas])
        assert "".join(event.text for event in events if event.kind == "content") == expected


def test_a_control_token_ends_a_character(impl: ModuleType, vocabulary: Any) -> None:
    euro = [FIRST_BYTE + byte for byte in "€".encode()]
    eos = CONTROL_IDS["<eos>"]
    assert vocabulary.decode([*euro[:2], eos, *euro]) == "\ufffd<eos>€"
    stream = impl.StreamParser(vocabulary)
    assert stream.push(euro[:2]) == []
    assert stream.push(eos) == [impl.Event("content", "\ufffd")]


def test_immutable(vocabulary: Any) -> None:
    with pytest.raises(AttributeError):
        vocabulary.x = 1
    with pytest.raises(TypeError):
        vocabulary["x"] = 1


def test_pieces_that_change_meanwhile(impl: ModuleType) -> None:
    """Reading an id may run code that changes the dict: never a panic."""

    class Clears:
        def __index__(self) -> int:
            table.clear()
            return 5000

        def __hash__(self) -> int:
            return 1

    table: dict[Any, bytes] = {**pieces(), Clears(): b"q", 6000: b"r"}
    assert impl.Vocabulary(table).decode([5000, 6000]) == "qr"
