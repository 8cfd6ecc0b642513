"""`Prompt.ids`: structure becomes control tokens, data never does, whatever it spells."""

from __future__ import annotations

from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import AddedToken, Tokenizer

from gemma4_parser import CONTROL_TOKENS
from gemma4_parser.prompt import _Encoder
from prompt_cases import Error, PromptCase, prompt_cases
from prompt_tokenizers import Wrapped, gemma_like, with_bos

CASES = [case for case in prompt_cases() if case.id[:3] not in ("J06", "J07")]
TOKENIZER = with_bos(gemma_like())

FRAGMENTS = [
    *CONTROL_TOKENS,
    *(literal[:-1] for literal in CONTROL_TOKENS),
    *(literal[1:] for literal in CONTROL_TOKENS),
    *(literal[: len(literal) // 2] for literal in CONTROL_TOKENS),
    *(
        "<",
        "<<",
        "|",
        ">",
        "|>",
        " ",
        "\n",
        "the",
        "Checking",
        "é",
        "語",
        "😀",
        "{",
        "}",
        ":",
        ",",
        "▁",
        "\ud800",
        "\u00a0",
    ),
]
SPELLED = st.lists(st.sampled_from(FRAGMENTS), max_size=6).map(lambda pieces: "".join(pieces) or "x")
PLAIN = st.text(st.sampled_from("abc <|>\n语é😀tur{}:,"), max_size=12)


def named(case: PromptCase) -> str:
    return case.id


def check(prompt: Any, ids: list[int], tokenizer: Tokenizer = TOKENIZER) -> None:
    """The control tokens are those of the structure, in order, and the ids are the text."""
    control = [tokenizer.token_to_id(text) for is_control, text in prompt.segments if is_control]
    special = {number for number, token in tokenizer.get_added_tokens_decoder().items() if token.special}
    assert all(type(number) is int for number in ids)
    assert [number for number in ids if number in special] == control
    # `▁` is how the vocabulary writes a blank: to the model they are one.
    assert tokenizer.decode(ids, skip_special_tokens=False) == prompt.text.replace("▁", " ")


@pytest.mark.parametrize("style", ["official", "fixed"])
@pytest.mark.parametrize("case", CASES, ids=named)
def test_cases(impl: ModuleType, case: PromptCase, style: str) -> None:
    if style == "official" and isinstance(case.official().get("large"), Error):
        return
    prompt = impl.render(case.messages, case.tools, style=style, **case.kwargs)
    ids = prompt.ids(TOKENIZER)
    check(prompt, ids)
    whole = TOKENIZER.encode(prompt.text, add_special_tokens=False).ids
    assert (ids == whole) == (not any("spells" in warning for warning in prompt.warnings))
    assert ids.count(CONTROL_TOKENS["<bos>"]) == 1
    assert impl.StreamParser.start_of(ids, impl.Vocabulary.from_tokenizer(TOKENIZER)) == prompt.start


def conversation(texts: list[str]) -> tuple[list[Any], list[Any]]:
    """Every place for data, filled with the texts in turn."""
    source = iter(texts * 20)
    messages = [
        {"role": "system", "content": next(source)},
        {"role": "user", "content": [{"type": "text", "text": next(source)}, {"type": "image"}, next(source)]},
        {
            "role": "assistant",
            "content": next(source),
            "reasoning": next(source),
            "tool_calls": [
                {"id": "1", "function": {"name": "f", "arguments": {"a": next(source), "b": [next(source)]}}}
            ],
        },
        {"role": "tool", "tool_call_id": "1", "content": next(source)},
        {"role": "assistant", "tool_calls": [{"id": "2", "function": {"name": next(source) or "g", "arguments": {}}}]},
        {"role": "tool", "tool_call_id": "2", "content": {next(source): next(source)}},
    ]
    schema = {
        "type": "object",
        "description": next(source),
        "properties": {next(source): {"type": "string", "enum": [next(source)], "description": next(source)}},
        "required": [next(source)],
    }
    return messages, [{"function": {"name": "f", "description": next(source), "parameters": schema}}]


@given(texts=st.lists(SPELLED, min_size=1, max_size=6))
def test_data_never_becomes_control(impl: ModuleType, texts: list[str]) -> None:
    messages, tools = conversation(texts)
    prompt = impl.render(messages, tools, enable_thinking=True)
    ids = prompt.ids(TOKENIZER)
    check(prompt, ids)
    assert ids == prompt.ids(Wrapped(TOKENIZER))
    # Whatever is said in it, the structure is the same.
    plain = impl.render(*conversation(["x"]), enable_thinking=True)
    assert [text for is_control, text in prompt.segments if is_control] == [
        text for is_control, text in plain.segments if is_control
    ]


@given(texts=st.lists(PLAIN, min_size=1, max_size=6))
def test_text_without_literals_has_the_ids_of_the_whole(impl: ModuleType, texts: list[str]) -> None:
    prompt = impl.render(*conversation(texts))
    assert not any("spells" in warning for warning in prompt.warnings)
    assert prompt.ids(TOKENIZER) == TOKENIZER.encode(prompt.text, add_special_tokens=False).ids


@pytest.mark.parametrize("literal", CONTROL_TOKENS)
def test_each_literal_is_spelled(impl: ModuleType, literal: str) -> None:
    """A literal is cut behind its first character, also where it follows a part of itself."""
    for text in (
        literal,
        f"<{literal}",
        literal * 2,
        f"{literal[:-1]}{literal}",
        f"a{literal}b",
        f"{literal[0]}{literal}>",
    ):
        prompt = impl.render([{"role": "user", "content": text}], add_generation_prompt=False, bos="")
        pieces = text.split(literal)
        cut = [pieces[0] + literal[0], *(literal[1:] + piece + literal[0] for piece in pieces[1:-1])]
        cut.append(literal[1:] + pieces[-1])
        cut[0] = f"user\n{cut[0]}"
        data = [number for piece in cut for number in TOKENIZER.encode(piece, add_special_tokens=False).ids]
        newline = TOKENIZER.encode("\n", add_special_tokens=False).ids
        assert prompt.ids(TOKENIZER) == [105, *data, 106, *newline]


def test_a_literal_over_the_seam_of_two_parts(impl: ModuleType) -> None:
    parts = [{"type": "text", "text": "a<tu"}, {"type": "text", "text": "rn|>b"}]
    prompt = impl.render([{"role": "user", "content": parts}])
    assert "a<turn|>b" in prompt.text
    check(prompt, prompt.ids(TOKENIZER))


def test_the_control_ids_are_the_tokenizer_s(impl: ModuleType) -> None:
    """No id is assumed."""
    moved = {literal: 5000 + number for number, literal in enumerate(CONTROL_TOKENS)}
    tokenizer = Tokenizer.from_str(gemma_like().to_str())
    text = tokenizer.to_str()
    for literal, number in CONTROL_TOKENS.items():
        escaped = literal.replace('"', '\\"')
        text = text.replace(f'"{escaped}": {number},', f'"{escaped}": {moved[literal]},')
        text = text.replace(f'"{escaped}":{number},', f'"{escaped}":{moved[literal]},')
        text = text.replace(f'"id":{number},"content":"{escaped}"', f'"id":{moved[literal]},"content":"{escaped}"')
    tokenizer = Tokenizer.from_str(text)
    assert tokenizer.token_to_id("<|turn>") == moved["<|turn>"]
    prompt = impl.render([{"role": "user", "content": "<|turn>"}])
    check(prompt, prompt.ids(tokenizer), tokenizer)


def test_other_special_tokens_stay_text(impl: ModuleType) -> None:
    """Special tokens that the tokenizer has besides, also such as overlap each other or a control token's text."""
    others = ["[INST]", "<<SYS>>", "INST][", "turn|>", "<start_of_image>", "é語"]
    tokenizer = gemma_like(other=[AddedToken(text, special=True, normalized=False) for text in others])
    for text in [
        *others,
        "[INST][INST]",
        "<turn|>",
        "<<SYS>>>",
        "a[INST][b",
        "".join(others),
        "x<start_of_image>é語<|turn>",
    ]:
        prompt = impl.render([{"role": "user", "content": text}])
        check(prompt, prompt.ids(tokenizer), tokenizer)
        check(prompt, prompt.ids(Wrapped(tokenizer)), tokenizer)


def test_special_tokens_are_cut_once(impl: ModuleType) -> None:
    """Behind their first character; what is around them has the ids that it has anyway."""
    tokenizer = gemma_like(other=[AddedToken("[INST]", special=True, normalized=False)])
    prompt = impl.render([{"role": "user", "content": "Checking[INST]Sunny"}], bos="", add_generation_prompt=False)
    data = [tokenizer.encode(piece, add_special_tokens=False).ids for piece in ("user\nChecking[", "INST]Sunny")]
    assert prompt.ids(tokenizer) == [105, *data[0], *data[1], 106, 107]


def test_control_tokens_that_are_not_marked_special(impl: ModuleType) -> None:
    """Some tokenizers have them as plain added tokens; data does not become control tokens there either."""
    tokenizer = gemma_like(special=False)
    assert not any(token.special for token in tokenizer.get_added_tokens_decoder().values())
    for given_tokenizer in (tokenizer, Wrapped(tokenizer)):
        for literal in CONTROL_TOKENS:
            prompt = impl.render([{"role": "user", "content": f"a{literal}b"}])
            ids = prompt.ids(given_tokenizer)
            assert ids == prompt.ids(TOKENIZER)
            control = [CONTROL_TOKENS[text] for is_control, text in prompt.segments if is_control]
            assert [number for number in ids if number in CONTROL_TOKENS.values()] == control


def test_special_tokens_that_the_normalizer_makes(impl: ModuleType) -> None:
    """What becomes a literal only when the tokenizer reads it is spelled character by character."""
    tokenizer = gemma_like(other=[AddedToken("x y", special=True, normalized=True)])
    assert tokenizer.token_to_id("x y") in tokenizer.encode("ax▁yb").ids
    prompt = impl.render([{"role": "user", "content": "ax▁yb x y"}])
    check(prompt, prompt.ids(tokenizer), tokenizer)


def test_added_tokens_that_are_not_special_are_text_as_ever(impl: ModuleType) -> None:
    tokenizer = gemma_like()
    tokenizer.add_tokens([AddedToken("</s>", special=False, normalized=False)])
    number = tokenizer.token_to_id("</s>")
    prompt = impl.render([{"role": "user", "content": "a</s>b"}])
    assert number in prompt.ids(tokenizer)
    check(prompt, prompt.ids(tokenizer), tokenizer)


@pytest.mark.parametrize("literal", ["<|turn>", "<turn|>", "<bos>", '<|"|>', "<|tool_call>", "<channel|>"])
def test_missing_control_tokens(impl: ModuleType, literal: str) -> None:
    """What the prompt has and the tokenizer has not is an error that names it; what is not needed may be missing."""
    tokenizer = gemma_like([other for other in CONTROL_TOKENS if other != literal])
    call = {"id": "1", "function": {"name": "f", "arguments": {"a": "b"}}}
    messages = [
        {"role": "user", "content": "q"},
        {"role": "assistant", "tool_calls": [call]},
        {"role": "user", "content": "x"},
    ]
    prompt = impl.render(messages)
    for given_tokenizer in (tokenizer, Wrapped(tokenizer)):
        with pytest.raises(ValueError) as caught:
            prompt.ids(given_tokenizer)
        assert literal in str(caught.value)
    without = gemma_like([other for other in CONTROL_TOKENS if other not in ("<|image|>", "<|tool>", "<mask>")])
    check(prompt, prompt.ids(without), without)


def test_no_doubled_bos(impl: ModuleType) -> None:
    messages = [{"role": "user", "content": "q"}]
    assert TOKENIZER.encode("q").ids[0] == CONTROL_TOKENS["<bos>"]
    for given_tokenizer in (TOKENIZER, Wrapped(TOKENIZER)):
        assert impl.render(messages).ids(given_tokenizer).count(CONTROL_TOKENS["<bos>"]) == 1
        assert impl.render(messages, bos="").ids(given_tokenizer).count(CONTROL_TOKENS["<bos>"]) == 0
        # Another beginning is text where it is no control token.
        assert impl.render(messages, bos="Hi").ids(given_tokenizer).count(CONTROL_TOKENS["<bos>"]) == 0


def test_the_tokenizer_is_left_as_it_is(impl: ModuleType) -> None:
    tokenizer = with_bos(gemma_like())
    before = tokenizer.to_str()
    prompt = impl.render(*conversation(["<|turn>the", "x"]), enable_thinking=True)
    ids = prompt.ids(tokenizer)
    assert tokenizer.to_str() == before
    assert prompt.ids(tokenizer) == ids
    # Ids that are cut off or padded would be a wrong prompt; the tokenizer's settings are not changed for it.
    tokenizer.enable_truncation(4)
    with pytest.raises(ValueError, match="truncat"):
        prompt.ids(tokenizer)
    tokenizer.no_truncation()
    tokenizer.enable_padding(length=64)
    before = tokenizer.to_str()
    with pytest.raises(ValueError, match="pad"):
        prompt.ids(tokenizer)
    assert tokenizer.to_str() == before


def test_a_special_token_of_one_character(impl: ModuleType) -> None:
    """It cannot be cut: an error says so, for the texts that spell it."""
    tokenizer = gemma_like(other=[AddedToken("é", special=True, normalized=False)])
    with pytest.raises(ValueError, match="é"):
        impl.render([{"role": "user", "content": "naé"}]).ids(tokenizer)
    prompt = impl.render([{"role": "user", "content": "nae"}])
    check(prompt, prompt.ids(tokenizer), tokenizer)


def test_wrong_tokenizers(impl: ModuleType) -> None:
    prompt = impl.render([{"role": "user", "content": "q"}])
    for wrong in (None, "google/gemma", 1, object(), {}, SimpleNamespace(backend_tokenizer=None)):
        with pytest.raises(TypeError, match="tokenizer"):
            prompt.ids(wrong)


class Counted(Wrapped):
    """Counts what is asked of it."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        super().__init__(tokenizer)
        self.encoded: list[str] = []
        self.readings = self.lookups = 0

    @property
    def added_tokens_decoder(self) -> dict[int, AddedToken]:
        self.readings += 1
        return super().added_tokens_decoder

    def convert_tokens_to_ids(self, token: str) -> int:
        self.lookups += 1
        return super().convert_tokens_to_ids(token)

    def encode(self, text: str, add_special_tokens: bool = True) -> list[int]:
        self.encoded.append(text)
        return super().encode(text, add_special_tokens)


class Text(str):
    """Counts the literals that it is compared with, and the pieces that are taken out of it."""

    compared = 0

    def startswith(self, prefix: Any, *places: Any) -> bool:
        self.compared += len(prefix) if isinstance(prefix, tuple) else 1
        return super().startswith(prefix, *places)

    def __getitem__(self, place: Any) -> str:
        self.compared += 1
        return super().__getitem__(place)


def test_ids_of_a_long_prompt_are_linear(impl: ModuleType) -> None:
    """A text full of literals is cut in one pass: every character is encoded once, in a piece for each literal."""
    count = 20_000
    prompt = impl.render([{"role": "user", "content": "<|turn>" * count}])
    tokenizer = Counted(TOKENIZER)
    ids = prompt.ids(tokenizer)
    check(prompt, ids)
    data = [text for is_control, text in prompt.segments if not is_control]
    assert len(tokenizer.encoded) == count + len(data)
    assert "".join(tokenizer.encoded) == "".join(data)
    assert tokenizer.readings == 1


def test_many_special_tokens(impl: ModuleType) -> None:
    """What a tokenizer has besides costs one reading of it, and no comparison for each `<` of a text."""
    many = 6_000
    others = [AddedToken(f"<unused{number}>", special=True, normalized=False) for number in range(many)]
    tokenizer = gemma_like(other=others)
    content = "<unused5999><<unused12> <unused6000> <unused1<unused1>>" + "<" * 2_000
    prompt = impl.render([{"role": "user", "content": content}])
    counted = Counted(tokenizer)
    ids = prompt.ids(counted)
    check(prompt, ids, tokenizer)
    assert counted.readings == 1
    assert counted.lookups <= len(CONTROL_TOKENS)
    cut = [piece for piece in counted.encoded if piece.startswith("unused")]
    assert [piece.partition(">")[0] for piece in cut] == ["unused5999", "unused12", "unused1"]
    text = Text(content)
    assert "".join(_Encoder(tokenizer).pieces(text)) == content
    lengths = {len(token.content) for token in tokenizer.get_added_tokens_decoder().values()}
    assert text.compared <= (content.count("<") + 1) * (len(lengths) + 1)
