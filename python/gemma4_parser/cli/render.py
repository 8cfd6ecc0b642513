"""`gemma4-parser render`: the request of a chat in, the prompt out."""

from __future__ import annotations

import argparse
import importlib
import json
import sys
from typing import Any

from gemma4_parser import Prompt, model_kind, render
from gemma4_parser.cli.common import (
    PROGRAM,
    Commands,
    Failure,
    one_line,
    open_input,
    prompt_json,
    read_json,
    shown_name,
    write_exactly,
)

SWITCHES = {
    "enable_thinking": ("--thinking", "ask for thoughts"),
    "preserve_thinking": ("--preserve-thinking", "keep the thoughts of all messages with calls"),
    "add_generation_prompt": ("--generation-prompt", "end with the opening of the model's turn"),
}
"""Options of `render` that are on or off, and how they are called here."""


def add_to(commands: Commands) -> None:
    """Adds the command."""
    summary = "render the messages and tools of a request as a prompt"
    about = (
        f"{summary.capitalize()}. FILE is a Chat Completions request as JSON, or its list of messages. Of a request, "
        "messages, tools (or functions), model, add_generation_prompt, continue_final_message, reasoning_effort "
        "(thinking is on unless it is none), and enable_thinking and preserve_thinking in chat_template_kwargs are "
        "read; options given here go first. Warnings go to the standard error output."
    )
    command = commands.add_parser("render", help=summary, description=about)
    command.add_argument("file", nargs="?", metavar="FILE", help="the request (default: stdin)")
    command.add_argument("--tools", metavar="FILE", help="JSON file with the list of tools")
    add_choices(command, "the request's model, else large", ("fixed", "official"))
    for name, (option, about_it) in SWITCHES.items():
        command.add_argument(option, dest=name, action=argparse.BooleanOptionalAction, help=about_it)
    command.add_argument(
        "--continue-final-message",
        nargs="?",
        const=True,
        choices=("content", "reasoning", "reasoning_content"),
        metavar="FIELD",
        help="end within the last message, behind its content, or its reasoning where FIELD says so",
    )
    form = command.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print text, segments, start, stop ids and warnings as JSON")
    form.add_argument("--ids", action="store_true", help="print the token ids as a JSON list (needs tokenizers)")
    command.add_argument("--tokenizer", metavar="PATH", help="the tokenizer.json for --ids")
    command.set_defaults(run=run)


def add_choices(command: argparse.ArgumentParser, default: str, styles: tuple[str, ...]) -> None:
    """Adds what `template` has too."""
    sizes = "small: E2B, E4B; large: 12B, 26B-A4B, 31B; diffusion: DiffusionGemma"
    command.add_argument("--model", choices=("small", "large", "diffusion"), help=f"{sizes} (default: {default})")
    official = "as Google's template prints" if "official" in styles else "that is the model's own chat_template.jinja"
    command.add_argument("--style", choices=styles, default="fixed", help=f"official: {official}")


def run(options: argparse.Namespace) -> None:
    """Renders the request and prints what is asked for."""
    if options.ids != (options.tokenizer is not None):
        raise Failure("--ids and --tokenizer need each other")
    name = shown_name(options.file)
    request = _request(read_json(options.file, exact=True), name)
    tools = request["tools"] if options.tools is None else read_json(options.tools, exact=True)
    switches = _switches(request, options, name)
    asked = _model(request["model"], name)
    kind = options.model or model_kind(asked)
    try:
        prompt = render(request["messages"], tools, model=kind or "large", style=options.style, **switches)
    except (TypeError, ValueError) as error:
        raise Failure(f"{name}: {error}") from error
    if asked and not kind:
        guess = f"model: {asked!r} names no size of Gemma 4, so this is the prompt of large; --model names the size"
        prompt = Prompt(prompt.text, prompt.controls, prompt.start, (guess, *prompt.warnings))
    if options.json:
        print(prompt_json(prompt))
        return
    for warning in prompt.warnings:
        print(f"{PROGRAM}: warning: {one_line(warning)}", file=sys.stderr)
    if options.ids:
        print(json.dumps(_ids(prompt, options.tokenizer)))
    else:
        write_exactly(prompt.text)


FIELDS = (
    *("messages", "tools", "model", "chat_template_kwargs", "reasoning_effort"),
    *("add_generation_prompt", "continue_final_message"),
)


def _request(given: Any, name: str) -> dict[str, Any]:
    """The fields of the request that count; those that are not there are None."""
    if isinstance(given, list):
        given = {"messages": given}
    if not isinstance(given, dict):
        raise Failure(f"{name}: neither a request with messages nor a list of messages")
    if given.get("messages") is None:
        raise Failure(f"{name}: the request has no messages")
    request = {field: given.get(field) for field in FIELDS}
    if request["tools"] is None:
        request["tools"] = given.get("functions")
    return request


def _model(asked: Any, name: str) -> str:
    if asked is not None and not isinstance(asked, str):
        raise Failure(f"{name}: model must be text")
    return asked or ""


def _switches(request: dict[str, Any], options: argparse.Namespace, name: str) -> dict[str, Any]:
    """The options of `render` that are on or off, by the rules of the servers."""
    more = {} if request["chat_template_kwargs"] is None else request["chat_template_kwargs"]
    if not isinstance(more, dict):
        raise Failure(f"{name}: chat_template_kwargs must be an object")
    found = {
        "enable_thinking": more.get("enable_thinking"),
        "preserve_thinking": more.get("preserve_thinking"),
        "add_generation_prompt": request["add_generation_prompt"],
        "continue_final_message": request["continue_final_message"],
    }
    if found["enable_thinking"] is None and request["reasoning_effort"] is not None:
        found["enable_thinking"] = request["reasoning_effort"] != "none"
    for option in found:
        asked = getattr(options, option)
        found[option] = found[option] if asked is None else asked
    if found["add_generation_prompt"] is None:
        found["add_generation_prompt"] = not found["continue_final_message"]
    switches = {option: value for option, value in found.items() if value is not None}
    for option, value in switches.items():
        names_field = option == "continue_final_message"
        if not isinstance(value, bool) and not (names_field and isinstance(value, str)):
            kinds = "true, false or the name of a field" if names_field else "true or false"
            raise Failure(f"{name}: {option} must be {kinds}")
    return switches


def _ids(prompt: Prompt, path: str) -> list[int]:
    try:
        tokenizers = importlib.import_module("tokenizers")
    except ImportError as error:
        raise Failure(f"--ids needs the package tokenizers: {error}") from error
    with open_input(path) as file:
        data = file.read()
    try:
        tokenizer = tokenizers.Tokenizer.from_buffer(data)
    except Exception as error:  # The package reports every fault as that.
        raise Failure(f"{shown_name(path)}: {error}") from error
    try:
        return prompt.ids(tokenizer)
    except ValueError as error:
        raise Failure(f"{shown_name(path)}: {error}") from error
