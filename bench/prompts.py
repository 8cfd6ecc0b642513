"""Times of rendering a conversation, against transformers with Google's chat template, in one process.

    python bench/prompts.py [--record] [--rounds N]

Compared are `apply_chat_template` of transformers with the template that TRL ships (what a server runs), and the
same function with our own template. The texts must be equal before anything is timed. transformers comes from
`make bench-peers`, the template from `make test-references`; what is not there is left out by name.
--record keeps the result in bench/record.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

from common import BENCH, machine, note, write_record

TARGET = BENCH.parent / "target"
TRANSFORMERS = TARGET / "peers" / "main" / "bin" / "python"
TEMPLATES = "references/trl==*/trl/chat_templates/gemma4_v5.jinja"
LENGTHS = (25, 50, 100, 200, 400, 800)
TOOLS = 40
GOOGLE, TEMPLATE = "transformers, Google's template", "transformers, our template"
WAYS = ("render, official", "render, fixed", "render, pure Python", TEMPLATE, GOOGLE)


def tools(count: int) -> list[dict[str, Any]]:
    """Functions of ten parameters each, as agents bring them."""
    words = ("path", "query", "limit", "recursive", "encoding", "pattern", "timeout", "format", "tags", "options")
    kinds: tuple[dict[str, Any], ...] = (
        {"type": "string"},
        {"type": "string", "enum": ["json", "text", "binary"]},
        {"type": "integer"},
        {"type": "boolean"},
        {"type": "array", "items": {"type": "string"}},
        {"type": "object", "properties": {"depth": {"type": "integer"}, "label": {"type": "string"}}},
    )
    return [
        {
            "type": "function",
            "function": {
                "name": f"tool_{number}",
                "description": f"Does thing number {number} with a file, and says what came of it.",
                "parameters": {
                    "type": "object",
                    "properties": {
                        word: {**kinds[(number + place) % len(kinds)], "description": f"The {word} to use."}
                        for place, word in enumerate(words)
                    },
                    "required": ["path", "query"],
                },
            },
        }
        for number in range(count)
    ]


def history(length: int) -> list[dict[str, Any]]:
    """A long agent turn after some chat: calls, results, answers."""
    messages: list[dict[str, Any]] = [{"role": "system", "content": "You are a careful engineer. Say what you do."}]
    while len(messages) < length:
        number = len(messages)
        messages += [
            {"role": "user", "content": f"Step {number}: look at the file and change what is wrong. " * 3},
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [
                    {
                        "id": f"call_{number}",
                        "type": "function",
                        "function": {
                            "name": f"tool_{number % TOOLS}",
                            "arguments": {"path": f"src/part_{number}.py", "query": "def main", "limit": number},
                        },
                    }
                ],
            },
            {"role": "tool", "tool_call_id": f"call_{number}", "content": "def main() -> None:\n    run()\n" * 8},
            {"role": "assistant", "content": f"The function of step {number} is there, and it calls `run`. " * 3},
        ]
    return messages[:length]


def contestants(site: str, template: str | None) -> dict[str, Callable[[list[Any], list[Any]], str]]:
    """Each way to render a conversation, and what this interpreter lacks left out."""
    sys.path.insert(0, site)
    import gemma4_parser as g4
    from gemma4_parser import _pure

    ways: dict[str, Callable[[list[Any], list[Any]], str]] = {
        WAYS[0]: lambda messages, tools: g4.render(messages, tools, model="small", style="official").text,
        WAYS[1]: lambda messages, tools: g4.render(messages, tools, model="small").text,
        WAYS[2]: lambda messages, tools: _pure.render(messages, tools, model="small").text,
    }
    assert g4.__implementation__ == "rust", "the extension is what is measured"
    try:
        from tokenizers import Tokenizer, models
        from transformers import PreTrainedTokenizerFast
    except ImportError as error:
        note(f"left out: transformers ({error})")
        return ways
    tokenizer: Any = PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer(models.BPE({"<bos>": 0}, [])), bos_token="<bos>"
    )

    def applied(chat_template: str) -> Callable[[list[Any], list[Any]], str]:
        def text(messages: list[Any], tools: list[Any]) -> str:
            return str(
                tokenizer.apply_chat_template(
                    messages, tools=tools, chat_template=chat_template, tokenize=False, add_generation_prompt=True
                )
            )

        return text

    ways[TEMPLATE] = applied(g4.chat_template("small"))
    if template is None:
        note(f"left out: {GOOGLE} (make test-references fetches it)")
    else:
        ways[GOOGLE] = applied(template)
    return ways


def measure(site: str, template: str | None, rounds: int) -> dict[str, Any]:
    """Seconds for each way and length: medians over the rounds, the order rotated from round to round."""
    ways = contestants(site, template)
    declared = tools(TOOLS)
    times: dict[str, dict[str, float]] = {name: {} for name in ways}
    for length in LENGTHS:
        messages = history(length)
        texts = {name: render(messages, declared) for name, render in ways.items()}
        assert len(set(texts.values())) == 1, f"the texts differ at {length} messages"
        taken: dict[str, list[float]] = {name: [] for name in ways}
        names = list(ways)
        for turn in range(rounds):
            for name in names[turn % len(names) :] + names[: turn % len(names)]:
                render, calls = ways[name], 1 if name in (GOOGLE, TEMPLATE) else 10
                start = time.perf_counter()
                for _ in range(calls):
                    render(messages, declared)
                taken[name].append((time.perf_counter() - start) / calls)
        for name in ways:
            times[name][str(length)] = median(taken[name])
        note(f"{length} messages: " + ", ".join(f"{name} {times[name][str(length)] * 1e3:.3f} ms" for name in ways))
    return {"tools": TOOLS, "characters": {str(length): len(texts[WAYS[0]])}, "seconds": times}


def table(result: dict[str, Any]) -> list[str]:
    """Milliseconds at each length, and how many times as long as ours it takes at 200 messages."""
    seconds = result["seconds"]
    ours = seconds[WAYS[1]]["200"]
    lines = ["| messages | " + " | ".join(map(str, LENGTHS)) + " | at 200 |"]
    lines.append("| --- |" + " ---: |" * (len(LENGTHS) + 1))
    for name, times in seconds.items():
        cells = " | ".join(f"{times[str(length)] * 1e3:.2f}" for length in LENGTHS)
        lines.append(f"| {name} | {cells} | {times['200'] / ours:.1f} × |")
    return lines


def main() -> int:
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("--record", action="store_true", help="keep the result in bench/record")
    options.add_argument("--rounds", type=int, default=9, metavar="N", help="repetitions; medians are shown (9)")
    options.add_argument("--worker", metavar="SITE", help=argparse.SUPPRESS)
    asked = options.parse_args()
    found = sorted(TARGET.glob(TEMPLATES))
    template = found[-1].read_text(encoding="utf-8") if found else None
    if asked.worker:
        print(json.dumps(measure(asked.worker, template, asked.rounds)))
        return 0
    about = machine()
    import gemma4_parser

    with tempfile.TemporaryDirectory() as site:
        (Path(site) / "gemma4_parser").symlink_to(Path(gemma4_parser.__file__).parent)
        python = str(TRANSFORMERS) if TRANSFORMERS.exists() else sys.executable
        command = [python, __file__, "--worker", site, "--rounds", str(asked.rounds)]
        environment = {**os.environ, "TRANSFORMERS_VERBOSITY": "error"}
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False, env=environment)
    if done.returncode != 0:
        return done.returncode
    result = json.loads(done.stdout.splitlines()[-1])
    print("\n".join(table(result)))
    if asked.record:
        write_record("prompts", about, result)
    return 0


if __name__ == "__main__":
    sys.exit(main())
