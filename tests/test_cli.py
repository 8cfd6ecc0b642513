"""The command line, as a user runs it: each case in its own process."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import gemma4_parser
from gemma4_parser.cli.demo_tokens import Tokens
from gemma4_parser.cli.demo_turn import ledger_module, turn
from helpers import CONTROL_IDS, event_of_json, pieces, tokenise

CALL = '<|channel>thought\nHm\n<channel|>Grüße 😀<|tool_call>call:f{a:<|"|>東京<|"|>,n:1.50}<tool_call|>'
ENVIRONMENT = {**os.environ, "PYTHONIOENCODING": "ascii", "LC_ALL": "C"}
"""The output is UTF-8 whatever the locale says."""


def command(*arguments: str, given: str | bytes = "") -> subprocess.CompletedProcess[bytes]:
    data = given if isinstance(given, bytes) else given.encode()
    line = [sys.executable, "-m", "gemma4_parser", *arguments]
    return subprocess.run(line, input=data, capture_output=True, check=False, env=ENVIRONMENT, timeout=60)


def output(*arguments: str, given: str | bytes = "") -> str:
    """What a run that succeeds prints."""
    done = command(*arguments, given=given)
    assert done.stderr == b""
    assert done.returncode == 0
    return done.stdout.decode()


def failure(*arguments: str, given: str | bytes = "") -> str:
    """The one line that a run that fails prints."""
    done = command(*arguments, given=given)
    assert done.returncode == 2
    assert done.stdout == b""
    error = done.stderr.decode()
    assert error.startswith("gemma4-parser: ")
    assert error.count("\n") == 1, error
    assert "Traceback" not in error
    return error


@pytest.fixture
def tokenizer_json(tmp_path: Path) -> str:
    """A tokenizer.json with the stand-in vocabulary's bytes and control tokens."""
    table = {number: piece.decode("latin-1") for number, piece in pieces().items() if number < 1000}
    vocabulary = {(f"<0x{number - 238:02X}>" if number >= 238 else piece): number for number, piece in table.items()}
    added = [{"id": number, "content": literal, "special": True} for literal, number in CONTROL_IDS.items()]
    model = {"type": "BPE", "vocab": vocabulary, "merges": [], "byte_fallback": True}
    decoder = {"type": "Sequence", "decoders": [{"type": "ByteFallback"}, {"type": "Fuse"}]}
    path = tmp_path / "tokenizer.json"
    path.write_text(json.dumps({"model": model, "added_tokens": added, "decoder": decoder}))
    return str(path)


# info


def test_info() -> None:
    lines = output("info").splitlines()
    assert lines[0].split() == ["version", gemma4_parser.__version__]
    assert lines[1].split()[:2] == ["implementation", "rust"]
    assert "installed" in lines[1]
    assert lines[2].split()[0] == "python"
    assert Path(lines[3].split(maxsplit=1)[1]).exists()


def test_version_and_script() -> None:
    assert output("--version") == f"gemma4-parser {gemma4_parser.__version__}\n"
    script = Path(sys.executable).parent / "gemma4-parser"
    done = subprocess.run([script, "info"], capture_output=True, text=True, check=True)
    assert done.stdout == output("info")


def test_help() -> None:
    text = output("--help")
    for word in ("info", "parse", "demo"):
        assert word in text
        assert "usage: gemma4-parser" in output(word, "--help")


# parse

EXPECTED = {
    "reasoning": "Hm",
    "content": "Grüße 😀",
    "tool_calls": [
        {
            "name": "f",
            "arguments": {"a": "東京", "n": 1.5},
            "arguments_text": '{"a":"東京","n":1.50}',
            "status": "complete",
            "repairs": [],
        }
    ],
    "unparsed": [],
    "end": "stop",
    "finish_reason": "tool_calls",
}


def test_parse(tmp_path: Path) -> None:
    assert json.loads(output("parse", given=CALL)) == EXPECTED
    assert json.loads(output("parse", "-", given=CALL)) == EXPECTED
    path = tmp_path / "output.txt"
    path.write_bytes(CALL.encode())
    assert json.loads(output("parse", str(path))) == EXPECTED
    assert '"n":1.50' in output("parse", str(path)), "numbers keep their digits"


def test_parse_of_nothing() -> None:
    message = json.loads(output("parse"))
    assert message == {
        **{"reasoning": None, "content": None, "tool_calls": [], "unparsed": [], "end": "stop"},
        "finish_reason": "stop",
    }


def test_parse_spans() -> None:
    message = json.loads(output("parse", "--finish", "length", given='<|tool_call>call:f{a:<|"|>x'))
    assert message["tool_calls"] == []
    assert message["finish_reason"] == "length"
    (span,) = message["unparsed"]
    assert (span["reason"], span["name"]) == ("truncated_call", "f")
    assert span["arguments"].startswith('{"a":"x')


def test_big_numbers() -> None:
    text = output("parse", given="<|tool_call>call:f{a:1e999,b:" + "9" * 5000 + "}<tool_call|>")
    # Python's reader has its own limit of digits; another one reads them.
    arguments = json.loads(text, parse_int=Decimal, parse_float=Decimal)["tool_calls"][0]["arguments"]
    assert arguments == {"a": Decimal("1e999"), "b": Decimal("9" * 5000)}


def test_options(tmp_path: Path) -> None:
    tools = tmp_path / "tools.json"
    schema = {"properties": {"a": {"type": "integer"}}}
    tools.write_text(json.dumps([{"type": "function", "function": {"name": "f", "parameters": schema}}]))
    quoted = '<|tool_call>call:f{a:<|"|>20<|"|>}<tool_call|>'

    def arguments(*options: str) -> Any:
        return json.loads(output("parse", *options, given=quoted))["tool_calls"][0]["arguments"]

    assert arguments() == {"a": "20"}
    assert arguments("--tools", str(tools)) == {"a": "20"}
    assert arguments("--tools", str(tools), "--coerce") == {"a": 20}
    assert json.loads(output("parse", "--start", "reasoning", given="Hm"))["reasoning"] == "Hm"
    assert json.loads(output("parse", "--no-reasoning", given=CALL))["reasoning"] is None
    assert json.loads(output("parse", given="<|tool_call>call:f{a=1}<tool_call|>"))["tool_calls"][0]["repairs"]
    strict = json.loads(output("parse", "--strict", given="<|tool_call>call:f{a=1}<tool_call|>"))
    assert strict["tool_calls"] == []


def test_openai() -> None:
    message = json.loads(output("parse", "--openai", given=CALL))
    assert message["role"] == "assistant"
    assert message["tool_calls"][0]["function"] == {"name": "f", "arguments": '{"a":"東京","n":1.50}'}


def test_events() -> None:
    lines = output("parse", "--events", given=CALL).splitlines()
    events = [event_of_json(line) for line in lines]
    assert gemma4_parser.Message.from_events(events) == gemma4_parser.parse(CALL)


def test_events_come_as_the_input_is_read() -> None:
    """What has been written so far is parsed and printed while the input is still open."""
    line = [sys.executable, "-m", "gemma4_parser", "parse", "--events"]
    with subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=ENVIRONMENT) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for part, expected in [(b"Gr\xc3", "Gr"), (b"\xbc\xc3\x9fe", "üße"), (b" <|tool", " ")]:
            process.stdin.write(part)
            process.stdin.flush()
            assert json.loads(process.stdout.readline())["text"] == expected
        process.stdin.close()
        assert [json.loads(rest)["text"] for rest in process.stdout] == ["<|tool", "stop"]


def test_ids(tmp_path: Path, tokenizer_json: str) -> None:
    path = tmp_path / "ids.json"
    path.write_text(json.dumps(tokenise(CALL, words=False)))
    assert json.loads(output("parse", "--ids", "--tokenizer", tokenizer_json, str(path))) == EXPECTED
    assert json.loads(output("parse", "--ids", "--tokenizer", tokenizer_json, given="[]"))["content"] is None


def test_failures(tmp_path: Path, tokenizer_json: str) -> None:
    missing = str(tmp_path / "missing")
    assert "missing" in failure("parse", missing)
    assert "directory" in failure("parse", str(tmp_path)).lower()
    assert "UTF-8" in failure("parse", given=b"abc\xff")
    assert "UTF-8" in failure("parse", given="é".encode()[:1])
    assert "missing" in failure("parse", "--tools", missing)
    tools = tmp_path / "tools.json"
    for content, word in [("{", "JSON"), ("{}", "tools"), ("[1]", "tool"), ("[" * 100_000, "JSON")]:
        tools.write_text(content)
        assert word in failure("parse", "--tools", str(tools), given="x")
    tools.write_bytes(b"\xff")
    assert "UTF-8" in failure("parse", "--tools", str(tools))
    assert "parse_reasoning" in failure("parse", "--start", "reasoning", "--no-reasoning")


def test_failures_with_ids(tmp_path: Path, tokenizer_json: str) -> None:
    assert "--tokenizer" in failure("parse", "--ids", given="[]")
    assert "--ids" in failure("parse", "--tokenizer", tokenizer_json, given="x")
    assert "missing" in failure("parse", "--ids", "--tokenizer", str(tmp_path / "missing"), given="[]")
    plain = tmp_path / "plain.json"
    model = {"type": "BPE", "vocab": {"a": 0}, "merges": []}
    plain.write_text(json.dumps({"model": model, "added_tokens": [], "decoder": {"type": "Fuse"}}))
    assert "<|tool_call>" in failure("parse", "--ids", "--tokenizer", str(plain), given="[]")
    for ids, word in [
        *(("{}", "list"), ("[1.5]", "token id"), ("[-1]", "token id"), ("[123456]", "token id"), ("x", "JSON")),
        *(("", "JSON"), ('["a"]', "token id"), ("[[1]]", "token id"), ("1", "list")),
    ]:
        assert word in failure("parse", "--ids", "--tokenizer", tokenizer_json, given=ids)


@pytest.mark.parametrize(
    "arguments",
    [[], ["unknown"], ["parse", "--start", "x"], ["parse", "a", "b"], ["parse", "--events", "--openai"], ["info", "x"]],
)
def test_usage_errors(arguments: list[str]) -> None:
    assert "--help" in failure(*arguments)


@pytest.mark.parametrize("delay", ["-1", "x", "nan", "11"])
def test_bad_delay(delay: str) -> None:
    assert "--delay" in failure("demo", "--delay", delay)


def test_closed_pipe() -> None:
    line = [sys.executable, "-m", "gemma4_parser", "demo", "--events"]
    with subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=ENVIRONMENT) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 141


def test_interrupt() -> None:
    line = [sys.executable, "-m", "gemma4_parser", "demo", "--events", "--delay", "0.5"]

    def heeds_interrupts() -> None:
        """A shell's background jobs ignore them, and so would their children."""
        signal.signal(signal.SIGINT, signal.SIG_DFL)

    pipe = subprocess.PIPE
    with subprocess.Popen(line, stdout=pipe, stderr=pipe, env=ENVIRONMENT, preexec_fn=heeds_interrupts) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        assert process.stderr.read() == b""
        process.stdout.read()
    assert process.returncode == 130


# demo


def test_demo() -> None:
    text = output("demo")
    assert "call 0: write_file" in text
    assert "call 1: edit_file" in text
    assert "lines more" in text
    assert "equals what was written" in text
    assert "ns/token" in text.splitlines()[-1]
    assert "\x1b" not in text
    full = output("demo", "--full", "--plain")
    assert "lines more" not in full
    assert full.count("\n") > 300


def test_demo_events() -> None:
    lines = output("demo", "--events").splitlines()
    events = [event_of_json(line) for line in lines]
    message = gemma4_parser.Message.from_events(events)
    played = turn()
    assert message == gemma4_parser.parse(played.text)
    assert tuple((call.name, call.value()) for call in message.tool_calls) == played.calls


def test_demo_turn_is_what_it_promises() -> None:
    played = turn()
    tokens = Tokens(played.text)
    assert tokens.vocabulary.decode(tokens.ids) == played.text
    assert len(tokens.ids) > 2_000
    assert (238 + 0xF0) in tokens.ids, "some emoji come in bytes"
    assert len(ledger_module().splitlines()) > 300
    compile(ledger_module(), "ledger.py", "exec")


# outputs and inputs that are closed or full


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no device that is always full")
@pytest.mark.parametrize("words", [["info"], ["parse", "FILE"], ["parse", "--events", "FILE"], ["demo"], ["--help"]])
def test_full_output(words: list[str], tmp_path: Path) -> None:
    path = tmp_path / "output"
    path.write_text(CALL, encoding="utf-8")
    line = [sys.executable, "-m", "gemma4_parser", *(str(path) if word == "FILE" else word for word in words)]
    with open("/dev/full", "wb") as full:
        done = subprocess.run(line, stdout=full, stderr=subprocess.PIPE, check=False, env=ENVIRONMENT, timeout=60)
    assert done.returncode == 2
    assert done.stderr.decode().startswith("gemma4-parser: standard output: ")
    assert done.stderr.count(b"\n") == 1


@pytest.mark.skipif(os.name == "nt", reason="closes streams by the words of a POSIX shell")
@pytest.mark.parametrize(
    ("words", "error"),
    [
        ("info >&-", "standard output is closed"),
        ("demo >&-", "standard output is closed"),
        ("parse <&-", "standard input is closed"),
    ],
)
def test_closed_streams(words: str, error: str) -> None:
    line = f'"{sys.executable}" -m gemma4_parser {words}'
    done = subprocess.run(["sh", "-c", line], capture_output=True, check=False, env=ENVIRONMENT, timeout=60)
    assert (done.returncode, done.stderr.decode()) == (2, f"gemma4-parser: {error}\n")


@pytest.mark.skipif(os.name == "nt", reason="closes streams by the words of a POSIX shell")
def test_an_error_never_goes_to_the_output() -> None:
    line = f'"{sys.executable}" -m gemma4_parser parse no/such/file 2>&-'
    done = subprocess.run(["sh", "-c", line], capture_output=True, check=False, env=ENVIRONMENT, timeout=60)
    assert (done.returncode, done.stdout) == (2, b"")


def test_unknown_options_are_named() -> None:
    assert "--bogus" in failure("--bogus")
    assert "--eve" in failure("parse", "--eve", given=CALL)
    assert "COMMAND" in failure()


def test_place_of_bad_bytes(tmp_path: Path) -> None:
    path = tmp_path / "output"
    path.write_bytes(b"x" * 200_000 + "é".encode() + b"\xff" + b"x" * 10)
    assert "byte 200002" in failure("parse", str(path))
    path.write_bytes(b"ab\xe2\x82")
    assert "byte 2" in failure("parse", str(path))
    path.write_bytes(b"x" * (64 * 1024 - 1) + b"\xe2(")
    assert f"byte {64 * 1024 - 1}" in failure("parse", str(path))


def test_errors_name_the_file(tmp_path: Path) -> None:
    path = tmp_path / "tools"
    path.write_text("{}")
    assert str(path) in failure("parse", "--tools", str(path), given=CALL)
    assert "''" in failure("parse", "")
    strange = tmp_path / "a\x0b\x1b[31mb"
    assert "\x1b" not in failure("parse", str(strange))
