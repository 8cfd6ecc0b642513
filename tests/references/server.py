"""One reference, asked line by line: a JSON list of requests in, a JSON list of answers out.

    python server.py NAME FOLDER

Runs in the reference's own environment and knows nothing of this project. A request has a `do` and its operands; an
answer is `{"value": …}` or, where the reference refuses, `{"error": "…"}`.
"""

from __future__ import annotations

import ast
import base64
import contextlib
import dataclasses
import functools
import hashlib
import importlib
import inspect
import json
import logging
import math
import pickle
import re
import sys
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

Request = dict[str, Any]
Handler = Callable[[Request], Any]


def definitions(path: Path, names: Iterable[str], given: dict[str, Any]) -> dict[str, Any]:
    """Functions, constants and static methods of a module, as they stand there, without its imports.

    vLLM's modules import torch and half of vLLM before they define these functions, which need the standard library
    only. What they take from elsewhere is in `given`.

    Raises:
        LookupError: The module has not all the names.
    """
    wanted = set(names)
    body: list[ast.stmt] = []

    def look(nodes: Iterable[ast.stmt]) -> None:
        for node in nodes:
            if isinstance(node, ast.ClassDef) and node.name not in wanted:
                look(node.body)
                continue
            target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
            name = getattr(node, "name", None) or getattr(target, "id", None)
            if name in wanted:
                wanted.remove(name)
                body.append(node)

    look(ast.parse(path.read_text(encoding="utf-8")).body)
    if wanted:
        raise LookupError(f"{path} has no {', '.join(sorted(wanted))}")
    lazy = ast.parse("from __future__ import annotations").body
    namespace = dict(given)
    exec(compile(ast.Module([*lazy, *body], []), str(path), "exec"), namespace)
    return namespace


def vllm_0_22(folder: Path) -> dict[str, Handler]:
    """The argument parser of the tool parser `gemma4`."""
    names = ("STRING_DELIM", "_parse_gemma4_value", "_parse_gemma4_args", "_parse_gemma4_array")
    path = folder / "vllm/tool_parsers/gemma4_tool_parser.py"
    parse = definitions(path, names, {"logger": logging.getLogger("vllm")})["_parse_gemma4_args"]
    return {"read": lambda request: parse(request["text"])}


def vllm_0_33(folder: Path) -> dict[str, Handler]:
    """The argument converter of the parser `gemma4`, and the correction of types by the tool's schema behind it."""
    strings = ("STRING_DELIM", "_DELIM_LEN", "_PARTIAL_DELIM_SUFFIXES", "_strip_partial_delim", "_drop_call_closer")
    values = ("_parse_gemma4_args", "_parse_gemma4_fields", "_parse_gemma4_array", "_gemma4_arg_converter")
    given = {"logger": logging.getLogger("vllm"), "json": json}
    convert = definitions(folder / "vllm/parser/gemma4.py", strings + values, given)["_gemma4_arg_converter"]
    schema = ("_is_json_finite", "_TYPE_ALIASES", "coerce_to_schema_type", "extract_types_from_schema")
    types = definitions(folder / "vllm/tool_parsers/utils.py", schema, {"json": json, "math": math, "Any": Any})
    engine = definitions(folder / "vllm/parser/engine/parser_engine.py", ("_coerce_value", "_coerce_dict"), types)
    coerce = engine["_coerce_dict"].__func__
    engine["ParserEngine"] = type("ParserEngine", (), {key: engine[key] for key in ("_coerce_value", "_coerce_dict")})

    def read(request: Request) -> Any:
        # The engine hands over all behind the opening bracket, the closing one included.
        closed = request["text"] if request.get("cut") else request["text"] + "}"
        value = json.loads(convert(closed, False))
        return coerce(value, request["properties"])[0] if "properties" in request else value

    return {"read": read}


def dialog(folder: Path) -> dict[str, Handler]:
    """Google's grammar of calls, and the serialiser behind `dialog.ToolCall`."""
    public = importlib.import_module("dialog")
    grammar = importlib.import_module("dialog._src.string.tool_grammar")

    def read(request: Request) -> Any:
        tree = grammar.parse("call:f{" + request["text"] + ("" if request.get("cut") else "}"))
        return tree.as_conversation(kind="tool_call")["arguments"]

    def write(request: Request) -> Any:
        value = pickle.loads(base64.b64decode(request["pickle"]))
        return public.ToolCall({"name": "f", "arguments": value}).as_text()

    return {"read": read, "write": write}


def template(folder: Path) -> dict[str, Handler]:
    """Google's chat template, rendered as transformers renders one."""
    jinja2 = importlib.import_module("jinja2")
    sandbox = importlib.import_module("jinja2.sandbox")
    environment = sandbox.ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"]
    )

    def raise_exception(message: str) -> None:
        raise jinja2.exceptions.TemplateError(message)

    def tojson(
        value: Any, ensure_ascii: bool = False, indent: Any = None, separators: Any = None, sort_keys: bool = False
    ) -> str:
        return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)

    environment.filters["tojson"] = tojson
    environment.globals["raise_exception"] = raise_exception
    sources = {path.stem: path.read_text(encoding="utf-8") for path in folder.glob("trl==*/trl/chat_templates/*.jinja")}
    sources |= {f"{name}, large": large(sources[name], name) for name in LARGE}
    loaded = {name: environment.from_string(source) for name, source in sources.items()}

    def render(request: Request) -> Any:
        return loaded[request["template"]].render(pickle.loads(base64.b64decode(request["pickle"])))

    def continued(request: Request) -> Any:
        variables = pickle.loads(base64.b64decode(request["pickle"]))
        conversation = variables.pop("messages")
        # What `apply_chat_template` does before it calls the function that is taken from its file.
        if not conversation or variables["add_generation_prompt"]:
            raise ValueError("transformers refuses this")
        conversation = [{name: field for name, field in one.items() if field is not None} for one in conversation]
        rendered, _ = transformers["render_jinja_template"](
            [conversation], chat_template=sources[request["template"]], **variables
        )
        return rendered[0]

    transformers = chat_template_utils(folder, jinja2)

    def digest(request: Request) -> Any:
        return hashlib.sha256(sources[request["template"]].encode()).hexdigest()

    return {"render": render, "continue": continued, "digest": digest}


def chat_template_utils(folder: Path, jinja2: Any) -> dict[str, Any]:
    """transformers' function that renders a template, with those that it calls."""
    (path,) = folder.glob("transformers==*/transformers/utils/chat_template_utils.py")
    for name in ("exceptions", "ext", "nodes", "parser", "runtime", "utils"):
        importlib.import_module(f"jinja2.{name}")
    compiled = ("_compile_jinja_template", "_cached_compile_jinja_template")
    names = (*compiled, "_REASONING_FIELDS", "_alias_reasoning_fields", "_plain_template_data", "render_jinja_template")
    given = {
        **{"jinja2": jinja2, "Extension": jinja2.ext.Extension, "json": json, "dataclasses": dataclasses},
        **{"ImmutableSandboxedEnvironment": jinja2.sandbox.ImmutableSandboxedEnvironment, "re": re, "Mapping": Mapping},
        **{"lru_cache": functools.lru_cache, "no_type_check": typing.no_type_check, "is_jinja_available": lambda: True},
        **{"contextmanager": contextlib.contextmanager, "isfunction": inspect.isfunction, "inspect": inspect},
        # Of numpy and packaging: a class of which there is no object, and versions in order.
        "np": types.SimpleNamespace(generic=type("generic", (), {})),
        "version": types.SimpleNamespace(parse=lambda text: tuple(map(int, text.split(".")))),
    }
    return definitions(path, names, given)


LARGE = {
    "gemma4_v5": ("", "        {{- '<|turn>' + role + '\\n' }}\n"),
    "gemma4_v4": (" | default(false)", ""),
    "gemma4": (" | default(false)", ""),
    "gemma4_v3": (" | default(false)", "{%- endif -%}"),
}
"""Files of the small sizes: how those of the large ones ask for thinking, and where they have an empty line more."""


def large(small: str, name: str) -> str:
    """The file of the large sizes: with thinking off, their generation prompt has an empty thought."""
    default, line = LARGE[name]
    opening = "        {{- '<|turn>model\\n' -}}\n"
    before, found, behind = small.partition(opening)
    branch = (
        f"        {{%- if not enable_thinking{default} -%}}\n"
        "            {{- '<|channel>thought\\n<channel|>' -}}\n"
        "        {%- endif -%}\n"
    )
    if not found:
        raise LookupError(f"{name} has no generation prompt")
    whole = before + opening + branch + behind
    place = whole.rfind(line) + len(line)
    return f"{whole[:place]}\n{whole[place:]}" if line else whole


REFERENCES: dict[str, Callable[[Path], dict[str, Handler]]] = {
    "template": template,
    "dialog": dialog,
    "vllm 0.22.1": vllm_0_22,
    "vllm 0.33.0": vllm_0_33,
}


def answer(handlers: dict[str, Handler], request: Request) -> dict[str, Any]:
    try:
        return {"value": handlers[request["do"]](request)}
    except (NameError, ImportError):
        raise  # our way of running it is broken: no answer of the reference
    except Exception as error:
        return {"error": f"{type(error).__name__}: {str(error)[:200]}"}


def main() -> None:
    name, folder = sys.argv[1:]
    logging.disable()
    handlers = REFERENCES[name](Path(folder))
    print("ready", flush=True)
    for line in sys.stdin:
        print(json.dumps([answer(handlers, request) for request in json.loads(line)]), flush=True)


if __name__ == "__main__":
    main()
