"""The turn: thought, content, calls and what ends them (rules `label`, `thought`, `quoted-marker`, `turn-end`, …)."""

from .arguments import Arguments, Context, Verdict
from .header import CALL, Header
from .output import Output
from .schema import ANY
from .token import (
    BLANKS,
    CALL_CLOSE,
    CALL_OPEN,
    CHANNEL_CLOSE,
    CHANNEL_OPEN,
    DELIMITER,
    PAD,
    PARTIAL,
    QUOTES,
    RESPONSE_OPEN,
    TURN_CLOSE,
    TURN_OPEN,
    ControlToken,
    Symbol,
)

_LABEL = "thought\n"
_ENDS = {TURN_CLOSE.literal: "turn", TURN_OPEN.literal: "turn", RESPONSE_OPEN.literal: "tool_response"}
_PIPE_OPENER, _COLON_OPENER = "<|tool_call|>", "<tool_call:"


class Turn:
    """The state machine over symbols. Its states:

    "text": reasoning or content; "place": a label, a lenient opener or the rest of a marker may come; "lenient_header":
    in the header of such an opener; "label": directly behind `<|channel>`; "quoted": behind a control token that
    a quote character stands directly before; "header": behind the opener; "call": behind the opening bracket;
    "skip": in a span that fits no form; "ended": behind the end of the turn.
    """

    def __init__(self, context: Context, out: Output, thought: bool, parse_reasoning: bool) -> None:
        self._context, self._out, self._thought, self._parse_reasoning = context, out, thought, parse_reasoning
        self._state = "text" if thought else "place"
        # What came directly before: "start" for nothing, "channel", "channel_blank", or "call" and blanks.
        self._place = "start"
        self._text_form = False
        # Nothing but blanks has come in this stretch of the thought, or in the span; text has come behind the end.
        self._blank_stretch, self._blank_span, self._text_behind = True, False, False
        self._quote = ""
        self._held_token = PAD
        self._span: tuple[str, int | None] = "", None
        self._calls = 0
        self._end = ""
        # Leading blanks of a thought's stretch, or the newline that may be the one before `<channel|>`.
        self._blanks: list[str] = []
        # A label, a lenient opener or a `<pad>` in the making.
        self._lead = ""
        self._header: Header
        self._arguments: Arguments

    def set_text_form(self) -> None:
        self._text_form = True

    def ended(self) -> bool:
        return bool(self._end)

    def plain_kind(self, text: str) -> tuple[str, int | None] | None:
        """The kind and index of the event that a plain piece of text is as it comes, if it is one."""
        if self._state == "text" and not (self._thought and (self._blank_stretch or self._blanks)):
            self._quote = ""
            return ("reasoning" if self._thought else "content"), None
        if self._state == "call" and self._arguments.takes_plain(text):
            return "call_arguments", self._calls - 1
        return None

    def push(self, symbol: Symbol) -> None:
        """Takes the next symbol."""
        if not self._parse_reasoning and symbol in (CHANNEL_OPEN, CHANNEL_CLOSE):
            # Channel markers are ordinary text then.
            symbol = symbol.literal if isinstance(symbol, ControlToken) else symbol
        self._push_all(self._symbol(symbol))

    def _push_all(self, symbols: list[Symbol]) -> None:
        """What a call has left is read again as what follows it. A call may end in that too, and leave something: that
        is read first."""
        unread = symbols[::-1]
        while unread:
            unread += self._symbol(unread.pop())[::-1]

    def _symbol(self, symbol: Symbol) -> list[Symbol]:
        """One symbol; gives back what a call that ended in it has left unread."""
        if isinstance(symbol, ControlToken):
            return self._control(symbol)
        while symbol:
            if self._state == "text":
                self._say(symbol)
                return []
            if self._state == "call":
                return self._verdict(self._arguments.push(symbol))
            if self._state == "skip":
                reason, index = self._span
                self._unparsed(reason, symbol, index)
                self._blank_span = self._blank_span and not symbol.strip(BLANKS)
                return []
            if self._state == "ended":
                self._after_end(symbol)
                return []
            if self._state == "quoted":
                self._state = "text"
                if symbol[0] == self._quote:
                    self._say(self._held_token.literal)
                else:
                    self._structure(self._held_token, after_call=False)
                continue
            read = {"place": self._at_place, "lenient_header": self._lenient_header, "label": self._label}
            symbol = read.get(self._state, self._read_header)(symbol)
        return []

    def _after_end(self, text: str) -> None:
        """Text behind the end of the turn, in which `<pad>` is structure too (a token of its own in ids)."""
        at = 0
        while self._text_form and at < len(text):
            if not self._lead:
                bracket = text.find("<", at) % (len(text) + 1)
                self._unparsed_end(text[at:bracket])
                at = bracket
            elif text[at] == "<":
                self._release_end()
            self._lead += text[at : at + 1]
            at += 1
            if self._lead == PAD.literal:
                self._lead = ""
            elif not PAD.literal.startswith(self._lead):
                self._release_end()
        self._unparsed_end(text[at:])

    def _release_end(self) -> None:
        """What was held as the beginning of a `<pad>` is text after all."""
        lead, self._lead = self._lead, ""
        self._unparsed_end(lead)

    def _unparsed(self, reason: str, text: str, index: int | None = None) -> None:
        self._out.join("unparsed", text, index, (reason,))

    def _unparsed_end(self, text: str) -> None:
        said = text if self._text_behind else text.lstrip(BLANKS)
        if said:
            self._text_behind = True
            self._unparsed("after_turn_end", said)

    def _say(self, text: str) -> None:
        """Reasoning or content, whichever it is now."""
        if not text:
            return
        self._quote = text[-1] if text[-1] in QUOTES else ""
        if not self._thought:
            self._out.text(False, text)
            return
        if self._blank_stretch and not text.strip(BLANKS):
            self._blanks.append(text)
            return
        self._blank_stretch = False
        self._out.text(True, "".join(self._blanks) + text.removesuffix("\n"))
        self._blanks = ["\n"] if text[-1] == "\n" else []

    def _say_newline(self) -> None:
        """The newline that was held is reasoning: what follows it is not the end of the thought."""
        if not self._blank_stretch:
            self._out.text(True, "".join(self._blanks))
            self._blanks = []

    def _end_stretch(self) -> None:
        """The end of a stretch of the thought: held blanks are reasoning unless it is blank."""
        self._say_newline()
        self._blanks, self._blank_stretch = [], True

    def _settle(self) -> None:
        """A control token or the end follows: what is held for the next characters is decided."""
        if self._state == "quoted":
            self._state = "text"
            self._structure(self._held_token, after_call=False)
        elif self._state == "label" and self._lead == "thought":
            self._state, self._lead = "text", ""
        else:
            if self._state == "lenient_header":
                self._lead += self._header.text()
            self._release()

    def _read_header(self, text: str) -> str:
        progress, rest = self._header.read(text)
        if progress == "no":
            self._not_a_call("not_a_call")
        elif progress:
            self._begin_call(progress, self._header.repair)
        return rest

    def _not_a_call(self, reason: str) -> None:
        """The header read so far, with its opener, is a span of its own."""
        self._unparsed(reason, CALL_OPEN.literal + self._header.text())
        self._state, self._span, self._blank_span = "skip", (reason, None), self._header.is_blank()

    def _begin_call(self, bracket: str, repair: str) -> None:
        if self._thought:
            self._end_stretch()
        self._quote, self._state = "", "call"
        self._start_call(self._header.name, bracket, repair)

    def _start_call(self, name: str, bracket: str, repair: str) -> None:
        index, tools = self._calls, self._context.tools
        self._calls += 1
        self._out.event("call_start", name, index)
        schema = tools.parameters(name) if tools else ANY
        self._arguments = Arguments(self._context, self._out, index, bracket, repair, schema)

    def _verdict(self, verdict: Verdict) -> list[Symbol]:
        """What a step of the arguments has decided; gives back what they have left unread."""
        while verdict.kind != "more":
            index, arguments = self._calls - 1, self._arguments
            if verdict.kind == "rejected":
                reason = verdict.word
                self._out.event("call_end", "rejected", index, (reason,))
                self._unparsed(reason, arguments.raw(), index)
                # Behind a truncated call the end of generation or the end marker, which is left, comes next.
                self._state = "text" if reason == "truncated_call" else "skip"
                self._span, self._blank_span = (reason, index), False
                return arguments.take_rest()
            repairs = tuple(arguments.repairs)
            self._out.event("call_end", "repaired" if repairs else "complete", index, repairs)
            if verdict.kind == "accepted":
                self._state, self._place = "place", "call"
                return arguments.take_rest()
            self._start_call(arguments.header.name, verdict.word, "calls_in_one_block")
            self._arguments.tail = arguments.tail
            self._arguments.cursor = self._arguments.mark = arguments.cursor
            verdict = self._arguments.run()
        return []

    def _control(self, token: ControlToken) -> list[Symbol]:
        if self._state == "call":
            return self._verdict(self._arguments.push(token))
        if self._state == "text":
            closes_thought = self._thought and token is CHANNEL_CLOSE
            if self._quote and not closes_thought and token is not DELIMITER:
                self._state, self._held_token = "quoted", token
            else:
                self._structure(token, after_call=False)
        elif self._state == "place" and not self._lead:
            self._state = "text"
            self._structure(token, after_call=self._place == "call")
        elif self._state == "header":
            self._not_a_call("truncated_call" if token.is_end_marker else "not_a_call")
            self._state = "text" if token.is_end_marker else "skip"
            return self._control(token)
        elif self._state == "skip":
            reason, index = self._span
            channel = (self._thought and token is CHANNEL_CLOSE) or (self._blank_span and token is CHANNEL_OPEN)
            if token is CALL_OPEN or token.is_end_marker or channel:
                self._state = "text"
                self._structure(token, after_call=False)
                return []
            self._unparsed(reason, token.literal, index)
            self._blank_span = False
            if token is CALL_CLOSE:
                self._state, self._place = "place", "call"
        elif self._state == "ended":
            self._release_end()
            if not token.is_end_marker:
                self._unparsed_end(token.literal)
        else:
            self._settle()
            return self._control(token)
        return []

    def _structure(self, token: ControlToken, after_call: bool) -> None:
        """A control token in reasoning or content; `after_call` where it stands directly behind a call."""
        self._quote = ""
        if token is DELIMITER:
            self._say(token.literal)
        elif token is CALL_OPEN:
            if self._thought:
                self._end_stretch()
            self._header, self._state = (
                Header(self._context.tools, lenient=self._context.lenient, drifted=True),
                "header",
            )
        elif token is CALL_CLOSE and after_call:
            self._state, self._place = "place", "call"
        elif token is CHANNEL_OPEN:
            if self._thought:
                self._say_newline()
            else:
                self._thought = self._blank_stretch = True
            self._state = "label"
        elif token is CHANNEL_CLOSE:
            if not self._thought:
                self._unparsed("stray_marker", token.literal)
            else:
                # The newline directly before it, or a blank stretch, is structure.
                self._thought, self._blanks = False, []
            self._state, self._place = "place", "channel"
        elif token.is_end_marker:
            if self._thought:
                self._end_stretch()
            self._end = _ENDS.get(token.literal, "eos")
            self._state = "ended"
        else:
            if self._thought:
                self._say_newline()
            self._unparsed("stray_marker", token.literal)

    def finish(self, reason: str) -> None:
        """The end of generation."""
        while self._state not in ("text", "skip", "ended"):
            if self._state == "header":
                self._not_a_call("truncated_call")
            elif self._state == "call":
                self._push_all(self._verdict(self._arguments.finish(reason == "stop")))
            else:
                if self._state == "place" and self._place == "call" and self._lead in PARTIAL:
                    self._unparsed("stray_marker", self._lead)
                    self._lead = ""
                self._settle()
        if self._state == "ended":
            self._release_end()
        if self._thought:
            self._end_stretch()
        self._out.event("end", self._end or reason)

    # Places where something else than text may come: labels and the lenient openers

    def _at_place(self, text: str) -> str:
        """Decides by the first characters of `text`."""
        rest = text.lstrip(BLANKS)
        if len(rest) < len(text) and not self._lead and self._place != "start":
            # Blanks are text wherever they stand; a call may still follow them.
            self._say(text[: len(text) - len(rest)])
            if self._place == "channel":
                self._place = "channel_blank"
            return rest
        for at, character in enumerate(text, 1):
            self._lead += character
            if self._lead == _LABEL and self._may_be_label():
                self._thought = self._place == "start"
                self._lead, self._blank_stretch, self._state = "", True, "text"
                return text[at:]
            if self._lenient_opener():
                # Only behind `<|tool_call|>` is `call:` still to come.
                declared = self._lead != _PIPE_OPENER or self._context.tools is not None
                self._header = Header(self._context.tools, declared=declared, named=self._lead != _PIPE_OPENER)
                self._state = "lenient_header"
                return text[at:]
            if not self._may_go_on():
                self._release()
                return text[at:]
        return ""

    def _may_be_label(self) -> bool:
        return self._parse_reasoning and self._place in ("start", "channel")

    def _lenient_opener(self) -> str:
        """The repair of the lenient opener that the lead spells, where it is allowed."""
        if self._lead in (_PIPE_OPENER, _COLON_OPENER) and self._may_go_on():
            return "drifted_opener"
        return "missing_opener" if self._lead == CALL and self._may_miss_opener() else ""

    def _may_miss_opener(self) -> bool:
        return self._context.lenient and self._context.tools is not None and self._place in ("start", "channel")

    def _may_go_on(self) -> bool:
        """Whether the lead is the beginning of something that may stand here."""
        lead, lenient = self._lead, self._context.lenient
        return (
            (_LABEL.startswith(lead) and self._may_be_label())
            or (CALL.startswith(lead) and self._may_miss_opener())
            or (lenient and _PIPE_OPENER.startswith(lead))
            or (lenient and self._context.tools is not None and _COLON_OPENER.startswith(lead))
            or (self._place == "call" and lead in PARTIAL)
        )

    def _release(self) -> None:
        """What was held at a place is text after all."""
        lead, self._lead, self._state = self._lead, "", "text"
        self._say(lead)

    def _lenient_header(self, text: str) -> str:
        progress, rest = self._header.read(text)
        if progress == "no":
            self._lead += self._header.text()
            self._release()
        elif progress:
            lead, self._lead = self._lead, ""
            self._begin_call(progress, "missing_opener" if lead == CALL else "drifted_opener")
            self._arguments.angle = lead == _COLON_OPENER
        return rest

    def _label(self, text: str) -> str:
        for at, character in enumerate(text, 1):
            self._lead += character
            if self._lead == _LABEL:
                self._lead, self._state = "", "text"
            elif not _LABEL.startswith(self._lead):
                self._release()
            if self._state == "text":
                return text[at:]
        return ""
