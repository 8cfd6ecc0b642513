"""The model check: each thing that may be wrong with a model directory, and its repair."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from tokenizers import Tokenizer

from check_cases import NEIGHBOUR, added, contents, found, right, token_of, tokenizer, write_model
from gemma4_parser import CONTROL_TOKENS, chat_template
from gemma4_parser.check import check, fix, templates, tokens

Files = dict[str, Any]


@pytest.fixture(autouse=True)
def _implementation(impl: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "Vocabulary", impl.Vocabulary)


def fixed(folder: Path) -> None:
    """Repairs a directory in which all can be repaired; backups hold what was there, and a second run finds nothing."""
    before = contents(folder)
    problems = found(folder)
    report = fix(folder)
    assert [f"{finding.file}: {finding.problem}" for finding in report.findings][: len(problems)] == problems
    assert all(finding.repair for finding in report.findings)
    assert report.remaining == ()
    after = contents(folder)
    for change in report.changes:
        if change.backup is None:
            assert change.file not in before
        else:
            assert after.pop(change.backup) == before[change.file]
        assert after.pop(change.file) != before.get(change.file)
        before.pop(change.file, None)
    assert after == before, "all else is as it was"
    assert found(folder) == []
    assert fix(folder) == report._replace(findings=(), changes=())


def changed(change: Callable[[Files], object]) -> Files:
    files = right()
    change(files)
    return files


def read(folder: Path, name: str) -> Any:
    return json.loads((folder / name).read_bytes())


def test_a_right_directory(tmp_path: Path) -> None:
    write_model(tmp_path, right())
    assert found(tmp_path) == []
    assert check(str(tmp_path)).model == "large"
    before = contents(tmp_path)
    assert fix(tmp_path).changes == ()
    assert contents(tmp_path) == before


# stop ids


@pytest.mark.parametrize(
    ("value", "problems", "repaired"),
    [
        ([1, 106], ["eos_token_id lacks 50, <|tool_response>"], [1, 106, 50]),
        ([1, 50], ["eos_token_id lacks 106, <turn|>"], [1, 50, 106]),
        ([106, 50], ["eos_token_id lacks 1, <eos>"], [106, 50, 1]),
        ([1, 106, 49, 50], ["eos_token_id has 49, <tool_call|>"], [1, 106, 50]),
        ([49], ["lacks 1,", "lacks 106,", "lacks 50,", "has 49,"], [1, 106, 50]),
        (106, ["eos_token_id is 106, not a list", "lacks 1,", "lacks 50,"], [106, 1, 50]),
        (None, ["lacks 1,", "lacks 106,", "lacks 50,"], [1, 106, 50]),
        ("<eos>", ['is "<eos>", not a list', "lacks 1,", "lacks 106,", "lacks 50,"], [1, 106, 50]),
        ([1, 106, 50, "x", True], ['eos_token_id is [1, 106, 50, "x", true]'], [1, 106, 50]),
        ([], ["lacks 1,", "lacks 106,", "lacks 50,"], [1, 106, 50]),
        ([50, 107, 106, 1], [], [50, 107, 106, 1]),
    ],
)
def test_stop_ids(tmp_path: Path, value: Any, problems: list[str], repaired: list[int]) -> None:
    write_model(tmp_path, changed(lambda files: files["generation_config.json"].update(eos_token_id=value)))
    told = found(tmp_path)
    assert len(told) == len(problems)
    for text, part in zip(told, problems, strict=True):
        assert text.startswith("generation_config.json: ")
        assert part in text
    before = read(tmp_path, "generation_config.json")
    fixed(tmp_path)
    assert read(tmp_path, "generation_config.json") == {**before, "eos_token_id": repaired}


def test_no_stop_ids(tmp_path: Path) -> None:
    write_model(tmp_path, changed(lambda files: files["generation_config.json"].pop("eos_token_id")))
    assert len(found(tmp_path)) == 3
    fixed(tmp_path)
    assert read(tmp_path, "generation_config.json")["eos_token_id"] == [1, 106, 50]


def test_no_generation_config(tmp_path: Path) -> None:
    write_model(tmp_path, changed(lambda files: files.pop("generation_config.json")))
    assert found(tmp_path) == ["generation_config.json: is missing"]
    fixed(tmp_path)
    stops = {"bos_token_id": 2, "eos_token_id": [1, 106, 50], "pad_token_id": 0}
    assert read(tmp_path, "generation_config.json") == stops


def test_the_ids_of_config_json_count_less(tmp_path: Path) -> None:
    """Google's lack 50, and what reads the other file does not see them."""
    files = right()
    for value in (1, [1], None):
        files["config.json"]["eos_token_id"] = value
        assert found(write_model(tmp_path, files)) == []
    write_model(tmp_path, changed(lambda files: files["config.json"].update(eos_token_id=[1, 49, 106])))
    assert found(tmp_path) == ["config.json: eos_token_id has 49, <tool_call|>"]
    fixed(tmp_path)
    assert read(tmp_path, "config.json")["eos_token_id"] == [1, 106]


@pytest.mark.parametrize(
    ("changes", "problems", "repaired"),
    [
        ({"eos_token_id": 49}, ["eos_token_id is 49"], ([1, 106, 50], 1)),
        ({"eos_token_id": [49]}, ["eos_token_id has 49"], ([1, 106, 50], 1)),
        ({"text_config": {"eos_token_id": 49}}, ["text_config.eos_token_id is 49"], ([1, 106], [1, 106, 50])),
        ({"text_config": {"eos_token_id": [1, 49]}}, ["text_config.eos_token_id has 49"], ([1, 106], [1])),
        (
            {"eos_token_id": [49, 1], "text_config": {"eos_token_id": 49}},
            ["eos_token_id has 49", "text_config.eos_token_id is 49"],
            ([1], [1, 106, 50]),
        ),
        ({"eos_token_id": "49", "text_config": None}, [], None),
    ],
)
def test_the_end_of_a_call_in_config_json(
    tmp_path: Path, changes: Files, problems: list[str], repaired: tuple[Any, Any] | None
) -> None:
    """As the only id, in a list, for the whole model and for its text."""
    files = right()
    config = files["config.json"]
    inner = {**config["text_config"], **(changes.get("text_config") or {})}
    config |= {**changes, "text_config": inner if changes.get("text_config", 0) is not None else None}
    write_model(tmp_path, files)
    assert found(tmp_path) == [f"config.json: {problem}, <tool_call|>" for problem in problems]
    if repaired:
        fixed(tmp_path)
        text = {**inner, "eos_token_id": repaired[1]}
        assert read(tmp_path, "config.json") == {**config, "eos_token_id": repaired[0], "text_config": text}


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        ({"eos_token_id": [1, 106]}, "generation stops where config.json says, which does not name 50"),
        ({"eos_token_id": 1}, "generation stops where config.json says, which does not name 106, 50"),
        ({"text_config": {"eos_token_id": 106}}, "generation stops where config.json says, which does not name 1, 50"),
        ({"eos_token_id": None, "text_config": {"eos_token_id": [50, 1]}}, "config.json says, which does not name 106"),
        ({"eos_token_id": [50, 1, 106]}, "generation stops where config.json says, which not every server reads"),
        ({}, "nothing names the ids to stop at"),
        ({"text_config": []}, "nothing names the ids to stop at"),
        (None, "nothing names the ids to stop at"),
    ],
)
def test_what_stops_without_generation_config(tmp_path: Path, config: Files | None, reason: str) -> None:
    files = changed(lambda files: (files.pop("generation_config.json"), files.pop("config.json")))
    if config is not None:
        files["config.json"] = {"model_type": "gemma4", **config}
    write_model(tmp_path, files)
    (told,) = check(tmp_path, model="large").findings
    assert told.problem == "is missing"
    assert told.reason.endswith(reason)


# chat templates


def published(monkeypatch: pytest.MonkeyPatch, date: str, model: str) -> str:
    """A text that stands for one of Google's, which are known by their digests."""
    text = f"{{{{ bos_token }}}}<|turn>of {date} for {model}"
    digest = hashlib.sha256(text.encode()).hexdigest()
    known = templates.Published(date, model, len(text), digest[:8] if date == "2026-04-02" else digest)
    monkeypatch.setattr(templates, "PUBLISHED", (*templates.PUBLISHED, known))
    templates._digests.cache_clear()
    return text


def test_the_known_templates() -> None:
    dates = sorted({published.date for published in templates.PUBLISHED})
    assert [*sorted(templates.FAULTS), templates.CURRENT] == dates
    for known in templates.PUBLISHED:
        assert len(known.digest) == 64 or known.size == 12_045
        assert known.model in templates.SIZES
    assert len({known.size for known in templates.PUBLISHED}) == len(templates.PUBLISHED)


@pytest.mark.parametrize("date", ["2026-04-02", "2026-04-09", "2026-04-28", "2026-05"])
@pytest.mark.parametrize("copied", [lambda text: text, lambda text: text + "\n", lambda text: text + "\r\n"])
def test_an_outdated_template(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, date: str, copied: Callable[[str], str]
) -> None:
    files = right()
    files["chat_template.jinja"] = copied(published(monkeypatch, date, "large"))
    write_model(tmp_path, files)
    (told,) = check(tmp_path).findings
    assert told.problem == f"is Google's of {date} for 12B, 26B-A4B and 31B, which is outdated"
    assert told.reason == templates.FAULTS[date]
    fixed(tmp_path)
    assert (tmp_path / "chat_template.jinja").read_bytes() == chat_template("large").encode()


CONFIGS: dict[str, Files] = {
    "small": {"model_type": "gemma4", "text_config": {"hidden_size_per_layer_input": 256}},
    "large": {"model_type": "gemma4_unified"},
    "diffusion": {"model_type": "diffusion_gemma"},
}


@pytest.mark.parametrize("model", ["small", "large", "diffusion"])
@pytest.mark.parametrize("theirs", ["small", "large", "diffusion"])
@pytest.mark.parametrize("own", [False, True])
def test_a_template_for_another_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: str, theirs: str, own: bool
) -> None:
    text = chat_template(theirs) if own else published(monkeypatch, templates.CURRENT, theirs)
    write_model(tmp_path, {**right(), "config.json": CONFIGS[model], "chat_template.jinja": text})
    assert check(tmp_path).model == model
    told = found(tmp_path)
    prompted_alike = model == theirs or ((own or theirs == "small") and "large" not in (model, theirs))
    assert bool(told) != prompted_alike
    if told:
        whose = "gemma4-parser's" if own else "Google's of 2026-07-09"
        about = f"is {whose} for {templates.NAMES[theirs]}, and this model is one of {templates.NAMES[model]}"
        assert told == [f"chat_template.jinja: {about}"]
        fixed(tmp_path)
        assert (tmp_path / "chat_template.jinja").read_text(encoding="utf-8") == chat_template(model)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{{ bos_token }}<|turn>user", "is neither Google's nor gemma4-parser's"),
        ("<start_of_turn>user\n<|turn>", "is one for an earlier Gemma"),
        ("<|im_start|>user", "is not for Gemma 4"),
        ("", "is not for Gemma 4"),
        (chat_template("large") + "{# mine #}", "is gemma4-parser's, but of another version or changed"),
        (b"<|turn>\xff", "is neither Google's nor gemma4-parser's"),
    ],
)
def test_a_template_from_elsewhere(tmp_path: Path, text: str | bytes, problem: str) -> None:
    write_model(tmp_path, {**right(), "chat_template.jinja": text})
    assert found(tmp_path) == [f"chat_template.jinja: {problem}"]
    fixed(tmp_path)


def test_no_template(tmp_path: Path) -> None:
    write_model(tmp_path, changed(lambda files: files.pop("chat_template.jinja")))
    assert found(tmp_path) == ["chat_template.jinja: is missing, and no other file has a chat template"]
    fixed(tmp_path)
    assert (tmp_path / "chat_template.jinja").read_text(encoding="utf-8") == chat_template("large")


@pytest.mark.parametrize("file", ["tokenizer_config.json", "chat_template.json", "processor_config.json"])
@pytest.mark.parametrize("beside", [False, True])
def test_a_template_in_a_json_file(tmp_path: Path, file: str, beside: bool) -> None:
    """It is replaced there, and no other file is written."""
    files = right()
    files.setdefault(file, {"first": "Grüße 😀"})["chat_template"] = "<|turn>東京 \ud83d\n"
    files[file]["last"] = [1.0, {"x": 10**30}]
    if not beside:
        del files["chat_template.jinja"]
    write_model(tmp_path, {**files, file: json.dumps(files[file], indent=4).encode()})
    assert found(tmp_path) == [f"{file}: chat_template is neither Google's nor gemma4-parser's"]
    fixed(tmp_path)
    assert read(tmp_path, file) == {**files[file], "chat_template": chat_template("large")}
    assert list(read(tmp_path, file)) == list(files[file])


def test_named_templates(tmp_path: Path) -> None:
    named = [{"name": name, "template": f"<|turn>{name}"} for name in ("default", "rag", "tool_use")]
    write_model(tmp_path, changed(lambda files: files["tokenizer_config.json"].update(chat_template=named)))
    beginning = "tokenizer_config.json: chat_template"
    assert [text.split(" is ")[0] for text in found(tmp_path)] == [f"{beginning} 'default'", f"{beginning} 'tool_use'"]
    fixed(tmp_path)
    own = chat_template("large")
    for entry, text in zip(named, (own, "<|turn>rag", own), strict=True):
        entry["template"] = text
    assert read(tmp_path, "tokenizer_config.json")["chat_template"] == named
    write_model(tmp_path, {"chat_template.json": {"chat_template": {"default": "<|turn>", "rag": "x"}}})
    fixed(tmp_path)
    assert read(tmp_path, "chat_template.json")["chat_template"] == {"default": own, "rag": "x"}
    write_model(tmp_path, {"additional_chat_templates/tool_use.jinja": "<|turn>", "chat_template.json": {}})
    assert [text.split(":")[0] for text in found(tmp_path)] == ["additional_chat_templates/tool_use.jinja"]
    fixed(tmp_path)
    # What is no text is no template.
    for nothing in (None, 5, [None, {"name": "default"}], {"default": 5}):
        write_model(tmp_path, {"chat_template.json": {"chat_template": nothing}})
        assert found(tmp_path) == []


def test_the_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By config.json, by the name, by the caller, by a template that is known; without any nothing is guessed."""
    untold = {**right(), "config.json": {"model_type": "gemma4"}, "chat_template.jinja": "<|turn>"}
    folder = write_model(tmp_path / "model", untold)
    assert check(folder).model is None
    (told,) = check(folder).findings
    assert told.repair is None
    assert "nothing tells the size" in told.reason
    assert fix(folder).remaining == (told,)
    for model in ("small", "large", "diffusion"):
        copy = shutil.copytree(folder, tmp_path / f"copy-{model}")
        assert fix(copy, model=model).remaining == ()
        assert (copy / "chat_template.jinja").read_text(encoding="utf-8") == chat_template(model)
    # Which of Google's it was says for which size.
    text = published(monkeypatch, "2026-05", "small")
    write_model(folder, {"chat_template.jinja": text})
    assert check(folder).model == "small"
    fixed(folder)
    assert (folder / "chat_template.jinja").read_text(encoding="utf-8") == chat_template("small")
    for name, model in (("gemma-4-E2B-it", "small"), ("models--google--gemma-4-31B-it/snapshots/abc", "large")):
        write_model(tmp_path / name, untold)
        assert check(tmp_path / name).model == model
    (tmp_path / "link").symlink_to(tmp_path / "gemma-4-E2B-it")
    assert check(tmp_path / "link").model == "small"
    # The weights go before the name.
    write_model(tmp_path / "gemma-4-E2B-it", {"config.json": CONFIGS["large"]})
    assert check(tmp_path / "gemma-4-E2B-it").model == "large"
    with pytest.raises(ValueError, match="small, large, diffusion"):
        check(folder, model="medium")


# control tokens


def test_tokens_that_are_not_special(tmp_path: Path) -> None:
    files = right()
    for literal, flag in (("<|turn>", False), ("<turn|>", None), ("<|video|>", 1)):
        token_of(files["tokenizer.json"], literal)["special"] = flag
    del token_of(files["tokenizer.json"], '<|"|>')["special"]
    write_model(tmp_path, files)
    assert found(tmp_path) == ['tokenizer.json: <|"|>, <|turn>, <turn|>, <|video|> are not special']
    before = (tmp_path / "tokenizer.json").read_bytes()
    fixed(tmp_path)
    after = read(tmp_path, "tokenizer.json")
    for literal in CONTROL_TOKENS:
        assert token_of(after, literal) == added(literal)
    assert NEIGHBOUR in after["added_tokens"]
    # The rest is the same to the byte.
    tail = before[before.index(b'"normalizer"') :]
    assert (tmp_path / "tokenizer.json").read_bytes().endswith(tail)
    loaded = Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    assert loaded.get_added_tokens_decoder()[105].special
    assert loaded.encode("<|turn>").ids == [105]


@pytest.mark.parametrize("indent", [None, 1, 2])
def test_tokens_that_are_only_pieces(tmp_path: Path, indent: int | None) -> None:
    files = right()
    lost = {"<pad>", "<|tool>", "<tool|>", "<|video|>"}
    record = files["tokenizer.json"]
    record["added_tokens"] = [token for token in record["added_tokens"] if token["content"] not in lost]
    token_of(record, "<|turn>")["special"] = False
    text = json.dumps(record, indent=indent, ensure_ascii=False)
    write_model(tmp_path, {**files, "tokenizer.json": text})
    assert found(tmp_path) == [
        "tokenizer.json: <|turn> is not special",
        "tokenizer.json: <pad>, <|tool>, <tool|>, <|video|> are not among its added_tokens",
    ]
    fixed(tmp_path)
    whole = json.dumps(tokenizer(), indent=indent, ensure_ascii=False)
    assert (tmp_path / "tokenizer.json").read_text(encoding="utf-8") == whole, "in the style of the file"


@pytest.mark.parametrize("value", [[], None, "none"])
def test_no_added_tokens(tmp_path: Path, value: Any) -> None:
    files = right()
    files["tokenizer.json"]["added_tokens"] = value
    if value == "none":
        del files["tokenizer.json"]["added_tokens"]
    write_model(tmp_path, files)
    fixed(tmp_path)
    assert read(tmp_path, "tokenizer.json")["added_tokens"] == [added(literal) for literal in CONTROL_TOKENS]


def test_absent_tokens(tmp_path: Path) -> None:
    """A file cannot give the model what it has not learnt."""
    files = right()
    for literal in ("<|tool_call>", "<|image|>"):
        del files["tokenizer.json"]["model"]["vocab"][literal]
        files["tokenizer.json"]["added_tokens"].remove(added(literal))
    write_model(tmp_path, files)
    assert found(tmp_path) == [
        "tokenizer.json: has no control tokens <|tool_call>",
        "tokenizer.json: has no control tokens <|image|>",
    ]
    before = contents(tmp_path)
    report = fix(tmp_path)
    assert report.remaining == report.findings
    assert not any(finding.repair for finding in report.findings)
    assert contents(tmp_path) == before


def test_other_ids(tmp_path: Path) -> None:
    """They cannot be repaired; but the stop ids are those that these tokens have here."""
    files = right()
    record = files["tokenizer.json"]
    for literal, number in (("<turn|>", 7), ("<unused1>", 106)):
        record["model"]["vocab"][literal] = number
        token_of(record, literal)["id"] = number
    write_model(tmp_path, files)
    assert found(tmp_path) == [
        "generation_config.json: eos_token_id lacks 7, <turn|>",
        "tokenizer.json: has other ids: <turn|> is 7, not 106",
    ]
    report = fix(tmp_path)
    assert [finding.file for finding in report.remaining] == ["tokenizer.json"]
    assert read(tmp_path, "generation_config.json")["eos_token_id"] == [1, 106, 50, 7]


def test_added_tokens_decoder(tmp_path: Path) -> None:
    decoder = {str(number): {"content": literal, "special": True} for literal, number in CONTROL_TOKENS.items()}
    decoder |= {"7": {"content": "<unused1>", "special": False}, "8": {}}
    files = right()
    files["tokenizer_config.json"]["added_tokens_decoder"] = decoder
    assert found(write_model(tmp_path, files)) == []
    decoder["105"]["special"] = False
    del decoder["106"]["special"]
    assert found(write_model(tmp_path, files)) == ["tokenizer_config.json: <|turn>, <turn|> are not special"]
    fixed(tmp_path)
    decoder["105"]["special"] = decoder["106"]["special"] = True
    assert read(tmp_path, "tokenizer_config.json")["added_tokens_decoder"] == decoder
    decoder["104"] = decoder.pop("105")
    write_model(tmp_path, files)
    problem = "tokenizer_config.json: added_tokens_decoder has other ids: <|turn> is 104, not 105"
    assert found(tmp_path) == [problem]
    assert fix(tmp_path).remaining


def test_a_vocabulary_that_the_parser_cannot_read(tmp_path: Path) -> None:
    files = right()
    files["tokenizer.json"]["decoder"] = {"type": "WordPiece"}
    token_of(files["tokenizer.json"], "<|turn>")["special"] = False
    write_model(tmp_path, files)
    (special, unread) = check(tmp_path).findings
    assert special.problem == "<|turn> is not special"
    assert unread.problem == "is no vocabulary for this parser"
    assert "`WordPiece`" in unread.reason
    assert str(tmp_path) not in unread.reason
    report = fix(tmp_path)
    assert report.remaining == (unread,)
    assert len(report.changes) == 1


def test_a_vocabulary_with_scores(tmp_path: Path) -> None:
    """The other form of `model.vocab`: the place is the id."""
    files = right()
    files["tokenizer.json"]["model"] = {"vocab": [["<pad>", 0.0], ["<eos>", 0.0], 5]}
    files["tokenizer.json"]["added_tokens"] = files["tokenizer.json"]["added_tokens"][1:]
    write_model(tmp_path, files)
    assert "tokenizer.json: <pad> is not among its added_tokens" in found(tmp_path)


def test_no_tokenizer(tmp_path: Path) -> None:
    write_model(tmp_path, changed(lambda files: files.pop("tokenizer.json")))
    assert found(tmp_path) == ["tokenizer.json: is missing"]
    assert fix(tmp_path).changes == ()


# <bos>


def test_add_bos_token(tmp_path: Path) -> None:
    write_model(tmp_path, changed(lambda files: files["tokenizer_config.json"].update(add_bos_token=True)))
    problem = "add_bos_token is true, and the chat template prints <bos> itself"
    assert found(tmp_path) == [f"tokenizer_config.json: {problem}"]
    fixed(tmp_path)
    assert read(tmp_path, "tokenizer_config.json")["add_bos_token"] is False


@pytest.mark.parametrize("nested", [False, True])
def test_a_post_processor_that_adds_bos(tmp_path: Path, nested: bool) -> None:
    record = tokenizer(bos=True)
    if nested:
        processors = [{"type": "ByteLevel"}, record["post_processor"]]
        record["post_processor"] = {"type": "Sequence", "processors": processors}
    write_model(tmp_path, {**right(), "tokenizer.json": record})
    problem = "post_processor adds <bos>, and the chat template prints it itself"
    assert found(tmp_path) == [f"tokenizer.json: {problem}"]
    prompt = "<bos><|turn>user\n"
    if not nested:
        assert Tokenizer.from_file(str(tmp_path / "tokenizer.json")).encode(prompt).ids[:3] == [2, 2, 105]
    fixed(tmp_path)
    after = read(tmp_path, "tokenizer.json")["post_processor"]
    assert (after["processors"][1] if nested else after) == tokenizer()["post_processor"]
    if not nested:
        assert Tokenizer.from_file(str(tmp_path / "tokenizer.json")).encode(prompt).ids[:2] == [2, 105]


@pytest.mark.parametrize("kind", ["BertProcessing", "RobertaProcessing"])
@pytest.mark.parametrize("nested", [False, True])
@pytest.mark.parametrize("separator", [["<eos>", 1], ["<bos>", 2]])
def test_a_classifier_that_adds_bos(tmp_path: Path, kind: str, nested: bool, separator: list[Any]) -> None:
    """What it adds besides is still added."""
    record, other = tokenizer(), tokenizer(bos=True)["post_processor"]
    step: dict[str, Any] = {"type": kind, "sep": separator, "cls": ["<bos>", 2]}
    if kind == "RobertaProcessing":
        step.update(trim_offsets=True, add_prefix_space=False)
    record["post_processor"] = {"type": "Sequence", "processors": [step, other]} if nested else step
    write_model(tmp_path, {**right(), "tokenizer.json": record})
    place = str(tmp_path / "tokenizer.json")
    before = Tokenizer.from_file(place)
    assert found(tmp_path) == ["tokenizer.json: post_processor adds <bos>, and the chat template prints it itself"]
    fixed(tmp_path)
    after = Tokenizer.from_file(place)
    # Of two templates behind each other, tokenizers reads one text only, and numbers what the first has added anew.
    for texts in (("<|turn>",),) if nested else (("<|turn>",), ("<|turn>", "<turn|>")):
        one, two = before.encode(*texts), after.encode(*texts)
        kept = [(number, part) for number, part in zip(one.ids, one.type_ids, strict=True) if number != 2]
        assert two.ids == [number for number, _ in kept]
        assert nested or two.type_ids == [part for _, part in kept]
    step["cls"] = ["<pad>", 0]
    record["post_processor"] = step
    assert found(write_model(tmp_path, {"tokenizer.json": record})) == []
    broken: Any
    for broken in (None, "<bos>", [], ["<bos>"], [["<bos>"], 2]):
        step["cls"] = broken
        write_model(tmp_path, {"tokenizer.json": record})
        assert not any("<bos>" in text for text in found(tmp_path))


def test_a_bos_that_becomes_one_too_many(tmp_path: Path) -> None:
    """The tokenizer's is right as long as the template prints none: its repair is part of that of the template."""
    files = changed(lambda files: files["tokenizer_config.json"].update(add_bos_token=True))
    write_model(tmp_path, {**files, "chat_template.jinja": "<|turn>", "tokenizer.json": tokenizer(bos=True)})
    assert [text.split(":")[0] for text in found(tmp_path)] == ["chat_template.jinja"]
    fixed(tmp_path)
    names = [".".join(name.split(".")[:2]) for name in contents(tmp_path) if name.endswith(".bak")]
    assert names == ["chat_template.jinja", "tokenizer.json", "tokenizer_config.json"]
