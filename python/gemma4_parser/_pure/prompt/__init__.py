"""Prompts: OpenAI messages and tools in, out the text in which the model has learnt to read them (DESIGN, part 8)."""

from typing import Any

from gemma4_parser.prompt import Prompt

from ..convert import plain
from ..ids import type_name, typed, without_surrogates, word
from ..model import MODELS
from .continuation import cut, marked
from .fixed import Fixed
from .official import Official, Options
from .writer import Writer, message

STYLES = ("official", "fixed")
FIELDS = ("content", "reasoning", "reasoning_content")


def render(
    messages: Any,
    tools: Any = None,
    *,
    model: str = "large",
    style: str = "fixed",
    add_generation_prompt: bool = True,
    enable_thinking: bool = False,
    preserve_thinking: bool = False,
    continue_final_message: bool | str = False,
    bos: str = "<bos>",
) -> Prompt:
    """The prompt for a list of OpenAI messages.

    messages, tools: as dicts or as objects with model_dump().
    model: "small" (E2B, E4B), "large" (12B, 26B-A4B, 31B) or "diffusion" (DiffusionGemma).
    style: "fixed" repairs the defects of Google's template; "official" prints what that prints.
    add_generation_prompt: end where the output of the model starts.
    enable_thinking: ask the model to think.
    preserve_thinking: print the thoughts of earlier turns too, of messages with calls.
    continue_final_message: True or "content" to end behind the content of the last message, "reasoning" or
    "reasoning_content" to end behind its reasoning; not with add_generation_prompt.
    bos: what stands first; empty for nothing.
    The rules are those of DESIGN.md, part 8. Raises RenderError, a ValueError, where a message or a tool cannot be
    rendered; ValueError for an option that cannot be used and for what is nested deeper than 256; TypeError for
    other types.
    """
    flags = [typed(flag, bool) for flag in (add_generation_prompt, enable_thinking, preserve_thinking)]
    model, style, bos = word(model), word(style), without_surrogates(typed(bos, str))
    field = ""
    if isinstance(continue_final_message, str):
        field = word(continue_final_message)
        _named(FIELDS, field, "continue_final_message", "True, False, ")
    elif typed(continue_final_message, bool):
        field = "content"
    _named(MODELS, model, "model")
    _named(STYLES, style, "style")
    if field and add_generation_prompt:
        raise ValueError("continue_final_message and add_generation_prompt exclude each other")
    options = Options(model, flags[0], flags[1], flags[2], field)
    if not isinstance(messages, list | tuple):
        raise TypeError(f"messages must be a list of dicts, not {type_name(messages)}")
    tools = tools or []
    if not isinstance(tools, list | tuple):
        raise TypeError(f"tools must be a list of dicts or None, not {type_name(tools)}")
    plain_messages = plain(messages, "messages", models=True)
    plain_tools = plain(tools, "tools", models=True)
    out = Writer(bos)
    if style == "fixed":
        Fixed(out, plain_messages, plain_tools, options).render()
    elif field:
        marked_messages, text = marked(plain_messages, field)
        Official(out, marked_messages, plain_tools, options).render()
        cut(out, text, field, message(len(plain_messages) - 1))
    else:
        Official(out, plain_messages, plain_tools, options).render()
    return out.prompt()


def _named(names: tuple[str, ...], name: str, what: str, besides: str = "") -> None:
    if name not in names:
        raise ValueError(f"{what} must be {besides or 'one of '}{', '.join(map(repr, names))}, not '{name}'")
