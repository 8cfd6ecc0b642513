"""Control tokens, blanks and literals. There is one object of each control token, so that `is` compares them."""

import re

from gemma4_parser.tokens import CONTROL_TOKENS

BLANKS = " \t\r\n"
QUOTES = "\"'`"


class ControlToken:
    """What a control token spells, and what it does in strings and in quotes."""

    __slots__ = ("breaks_quotes", "is_end_marker", "is_marker_in_string", "literal")

    def __init__(self, literal: str) -> None:
        self.literal = literal
        # Rules `turn-end` and `marker-in-string`; in quotes these are no data.
        self.is_end_marker = literal in ("<turn|>", "<|tool_response>", "<eos>", "<|turn>", "<pad>")
        self.is_marker_in_string = self.is_end_marker or literal == "<tool_call|>"
        self.breaks_quotes = self.is_marker_in_string or literal == "<|tool_call>"


Symbol = str | ControlToken
"""One step of the input, however it was delivered: text, or a control token."""

CONTROLS = {literal: ControlToken(literal) for literal in CONTROL_TOKENS}
PAD, EOS, CALL_OPEN, CALL_CLOSE = (CONTROLS[name] for name in ("<pad>", "<eos>", "<|tool_call>", "<tool_call|>"))
RESPONSE_OPEN, RESPONSE_CLOSE = CONTROLS["<|tool_response>"], CONTROLS["<tool_response|>"]
DELIMITER, CHANNEL_OPEN, CHANNEL_CLOSE = CONTROLS['<|"|>'], CONTROLS["<|channel>"], CONTROLS["<channel|>"]
TURN_OPEN, TURN_CLOSE = CONTROLS["<|turn>"], CONTROLS["<turn|>"]

REQUIRED = [literal for literal, number in CONTROL_TOKENS.items() if number == 1 or 46 <= number <= 106]
"""`<eos>` and the twelve of rule `text-form`: what a vocabulary must have and what is found in text."""
LITERAL = re.compile("|".join(map(re.escape, REQUIRED)))
PARTIAL = frozenset(literal[:end] for literal in REQUIRED for end in range(1, len(literal)))
"""The proper prefixes of these literals (rule `partial-literal`)."""
