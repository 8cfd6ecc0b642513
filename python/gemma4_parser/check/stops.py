"""Where generation stops: `eos_token_id`."""

from __future__ import annotations

import json
from collections.abc import Iterator

from gemma4_parser import CONTROL_TOKENS
from gemma4_parser.check.directory import CONFIG, GENERATION, Examination
from gemma4_parser.check.json_text import Place

__all__ = ["at_eos_alone", "examine"]

STOPS = {
    "<eos>": "the small sizes end some of their calls with it, and go on with noise",
    "<turn|>": "the model goes on behind its answer and writes the user's next message itself",
    "<|tool_response>": "behind its calls the model goes on and invents their results until the budget ends",
}
"""The control tokens that end a turn, and what happens without each."""
NO_STOP = "<tool_call|>"
CUTS = "generation stops behind the first call, and those parallel to it are lost"


def examine(found: Examination) -> None:
    """Adds what is wrong with the stop ids, which are those of the tokenizer's control tokens."""
    known = {**CONTROL_TOKENS, **found.ids}
    stops = {literal: known[literal] for literal in STOPS}
    if GENERATION not in found.data:
        content = {"bos_token_id": known["<bos>"], "eos_token_id": list(stops.values()), "pad_token_id": known["<pad>"]}
        repair = f"the file is written, with eos_token_id {_shown(list(stops.values()))}"
        found.add(GENERATION, "stop-ids", "is missing", _without_file(found, stops), repair)
        found.write(GENERATION, json.dumps(content, indent=2).encode() + b"\n")
    elif GENERATION in found.json:
        _examine_file(found, stops, known[NO_STOP])
    _examine_config(found, stops, known[NO_STOP])


def at_eos_alone(found: Examination) -> bool:
    """Whether generation stops at `<eos>` alone, as that of a base model does."""
    return found.value(GENERATION, "eos_token_id") in (None, CONTROL_TOKENS["<eos>"], [CONTROL_TOKENS["<eos>"]])


def _examine_file(found: Examination, stops: dict[str, int], no_stop: int) -> None:
    text = found.json[GENERATION]
    place = text.members.get("eos_token_id")
    value = place.value if place else None
    given = value if isinstance(value, list) else [value]
    numbers = [number for number in given if type(number) is int]
    missing = [(literal, number) for literal, number in stops.items() if number not in numbers]
    kept = [number for number in numbers if number != no_stop]
    wanted = kept + [number for _, number in missing]
    if place is None:
        edit = text.added("eos_token_id", wanted)
    elif isinstance(value, list):
        places = [item for item in text.items_of(place) if type(item.value) is int and item.value != no_stop]
        edit = text.relisted(place, [*places, *(number for _, number in missing)])
    else:
        edit = text.replaced(place, wanted)
    problems = []
    if value is not None and not isinstance(value, list):
        problems.append((f"eos_token_id is {_shown(value)}, not a list", "only a list names all the ids to stop at"))
    elif len(numbers) < len(given) and value is not None:
        problems.append((f"eos_token_id is {_shown(value)}", "a list of ids holds whole numbers only"))
    for literal, number in missing:
        problems.append((f"eos_token_id lacks {number}, {literal}", STOPS[literal]))
    if no_stop in numbers:
        problems.append((f"eos_token_id has {no_stop}, {NO_STOP}", CUTS))
    for problem, reason in problems:
        found.add(GENERATION, "stop-ids", problem, reason, f"eos_token_id becomes {_shown(wanted)}", edit)


def _without_file(found: Examination, stops: dict[str, int]) -> str:
    """What it means that generation_config.json is missing."""
    values = [place.value for _, place in _config_places(found) if place.value is not None]
    if not values:
        return "nothing names the ids to stop at"
    # That of text_config counts only where the other is not.
    named = values[0] if isinstance(values[0], list) else [values[0]]
    missing = [str(number) for number in stops.values() if number not in named]
    lack = f"does not name {', '.join(missing)}" if missing else "not every server reads"
    return f"generation stops where {CONFIG} says, which {lack}"


def _examine_config(found: Examination, stops: dict[str, int], no_stop: int) -> None:
    """The ids of config.json count only for what does not read the other file: Google's lack 50 as well."""
    for name, place in _config_places(found):
        text, listed = found.json[CONFIG], isinstance(place.value, list)
        if no_stop not in (place.value if listed else [place.value]):
            continue
        kept = [item for item in text.items_of(place) if item.value != no_stop] if listed else []
        # Without any id nothing would stop.
        wanted = [item.value for item in kept] or list(stops.values())
        edit = text.relisted(place, kept or wanted) if listed else text.replaced(place, wanted)
        problem = f"{name} {'has' if listed else 'is'} {no_stop}, {NO_STOP}"
        found.add(CONFIG, "stop-ids", problem, CUTS, f"{name} becomes {_shown(wanted)}", edit)


def _config_places(found: Examination) -> Iterator[tuple[str, Place]]:
    """Each `eos_token_id` of config.json, with its name."""
    if CONFIG not in found.json:
        return
    text = found.json[CONFIG]
    inner = text.members.get("text_config")
    inner_members = text.members_of(inner) if inner and isinstance(inner.value, dict) else {}
    for prefix, members in (("", text.members), ("text_config.", inner_members)):
        if "eos_token_id" in members:
            yield f"{prefix}eos_token_id", members["eos_token_id"]


def _shown(value: object) -> str:
    text = json.dumps(value)
    return text if len(text) < 60 else f"{text[:56]} ..."
