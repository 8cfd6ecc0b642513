"""The chat template: what `render` prints, for programs that take Jinja."""

from __future__ import annotations

__all__ = ["chat_template"]

_MODELS = ("small", "large", "diffusion")
_PARTS = ("values", "declarations", "messages")


def chat_template(model: str = "large", style: str = "fixed") -> str:
    """A Jinja template of our own that prints what `render` prints, for servers and libraries that take one.

    model: whose generation prompt it prints: "large", "small" or "diffusion".
    style: "fixed".

    Its variables are messages, tools, add_generation_prompt, enable_thinking, preserve_thinking and bos_token; all may
    be missing. Where `render` raises RenderError it calls raise_exception, with a text that begins with the place. It
    runs in jinja2 3.1, also in its sandbox, and in minijinja, with and without trim_blocks and lstrip_blocks.
    The engines limit the depth of values, to about 60 levels in minijinja, and of schemas to half of that; arguments
    as JSON text have the limit of `render`. Continuing the last message is up to the program that runs the template.

    Raises ValueError for another model, and for the style "official": that template is Google's own file.
    """
    if model not in _MODELS:
        raise ValueError(f"model must be one of {', '.join(map(repr, _MODELS))}, not '{model}'")
    if style == "official":
        raise ValueError("the template of the style 'official' is Google's own file, chat_template.jinja of the model")
    if style != "fixed":
        raise ValueError(f"style must be 'fixed' or 'official', not '{style}'")
    from importlib.resources import files

    folder = files("gemma4_parser").joinpath("templates")
    parts = [folder.joinpath(f"{name}.jinja").read_text(encoding="utf-8") for name in _PARTS]
    return "\n".join([f"{{%- set MODEL = '{model}' -%}}", *parts])
