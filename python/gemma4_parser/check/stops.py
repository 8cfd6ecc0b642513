"""Where generation stops: `eos_token_id`."""

from __future__ import annotations

import json

from gemma4_parser import CONTROL_TOKENS
from gemma4_parser.check.directory import CONFIG, GENERATION, Examination

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
        reason = f"generation stops where {CONFIG} says, which does not name {stops['<|tool_response>']}"
        found.add(GENERATION, "stop-ids", "is missing", reason, repair)
        found.write(GENERATION, json.dumps(content, indent=2).encode() + b"\n")
    elif GENERATION in found.json:
        _examine_file(found, stops, known[NO_STOP])
    _examine_config(found, known[NO_STOP])


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


def _examine_config(found: Examination, no_stop: int) -> None:
    """The ids of config.json count only for what does not read the other file: Google's lack 50 as well."""
    if CONFIG not in found.json:
        return
    text = found.json[CONFIG]
    place = text.members.get("eos_token_id")
    if place is None or not isinstance(place.value, list) or no_stop not in place.value:
        return
    kept = [item for item in text.items_of(place) if item.value != no_stop]
    repair = f"eos_token_id becomes {_shown([item.value for item in kept])}"
    problem = f"eos_token_id has {no_stop}, {NO_STOP}"
    found.add(CONFIG, "stop-ids", problem, CUTS, repair, text.relisted(place, kept))


def _shown(value: object) -> str:
    text = json.dumps(value)
    return text if len(text) < 60 else f"{text[:56]} ..."
