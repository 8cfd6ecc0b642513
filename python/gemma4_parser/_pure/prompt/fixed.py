"""The style `fixed`: the conversation as OpenAI clients send it, without the defects of Google's template."""

from typing import Any

from gemma4_parser.errors import RenderError

from ..format import Control
from .continuation import check
from .declaration import Declaration
from .jinja import truth
from .official import Options, generation_prompt, print_result
from .parts import (
    arguments_of,
    is_parts,
    joined_texts,
    part_kind,
    part_left_out,
    part_text,
    placeholder,
    strip_thoughts,
)
from .results import MODEL_ROLES, RESULT_ROLES, Plan, Result, calls_of, function_of
from .writer import (
    CALL_CLOSE,
    CALL_OPEN,
    CHANNEL_CLOSE,
    CHANNEL_OPEN,
    FIELD,
    NO_RESULT,
    PART,
    PENDING,
    RESPONSE_OPEN,
    ROLE,
    THINK,
    TRIMMED,
    TURN_CLOSE,
    TURN_OPEN,
    TWO_REASONINGS,
    Place,
    Writer,
    call,
    message,
)

_SYSTEM_ROLES = ("system", "developer")
_KNOWN_ROLES = (*_SYSTEM_ROLES, "user", *MODEL_ROLES)


class Fixed:
    """Renders one prompt."""

    def __init__(self, out: Writer, messages: list[Any], tools: list[Any], options: Options) -> None:
        self._out, self._messages, self._tools, self._options = out, messages, tools, options
        self._roles = [each.get("role") if isinstance(each, dict) else None for each in messages]
        self._last_user = max((number for number, role in enumerate(self._roles) if role == "user"), default=-1)
        self._continued = len(messages) - 1 if options.field else -1
        # A turn of the model is open; the last thing in it is a message's text.
        self._in_turn = self._behind_text = False
        # What the prompt ends with: "calls" without results, "results", or anything else.
        self._end = ""

    def render(self) -> None:
        """All of it."""
        options, count = self._options, len(self._messages)
        if options.field:
            check(self._messages, options.field)
        first = self._system_turn()
        plan = Plan(self._out, self._messages, self._roles)
        # Of each message: the number of the next one that is no result.
        following = [count] * count
        for number in range(count - 2, -1, -1):
            behind = number + 1
            following[number] = following[behind] if self._roles[behind] in RESULT_ROLES else behind
        for number in range(first, count):
            role = self._roles[number]
            if role in MODEL_ROLES:
                self._model_message(number, following[number], plan)
            elif role not in RESULT_ROLES:
                self._other_message(number)
        if options.add_generation_prompt and self._end != "calls":
            generation_prompt(self._out, options, behind_results=self._end == "results")

    def _system_turn(self) -> int:
        """The system turn, if there is one, and the number of the first message behind it."""
        out, has_text = self._out, bool(self._roles) and self._roles[0] in _SYSTEM_ROLES
        if self._options.enable_thinking or self._tools or has_text:
            out.add(TURN_OPEN, "system\n")
            if self._options.enable_thinking:
                out.add(THINK, "\n")
            if has_text:
                self._system_text(self._messages[0])
            for number, each in enumerate(self._tools):
                Declaration(out, number).print(each)
            out.add(TURN_CLOSE, "\n")
        return int(has_text)

    def _system_text(self, this: dict[str, Any]) -> None:
        out, place, content = self._out, message(0), this.get("content")
        out.at(place)
        out.left_out(place, this, ("role", "content"))
        if not isinstance(content, list):
            out.add(*self._content(content, place, is_model=False))
            return
        for part in content:
            text = part.get("text") if isinstance(part, dict) else None
            text = text if type(text) is str else part_text(part, place)
            if text is None:
                out.warn(place, PART, part_kind(part))
            else:
                part_left_out(part, out, place)
            out.add((text or "").strip(TRIMMED), " ")

    def _other_message(self, number: int) -> None:
        """A message that is neither the model's nor a result: a turn of its own."""
        out, place, role, this = self._out, message(number), self._roles[number], self._messages[number]
        if not isinstance(this, dict):
            raise RenderError(str(place), "a message must be a mapping")
        if type(role) is not str:
            raise RenderError(str(place), "the role must be a string")
        if role not in _KNOWN_ROLES:
            out.warn(place, ROLE, role)
        out.left_out(place, this, ("role", "content"))
        self._end = ""
        out.at(place)
        out.add(TURN_OPEN, f"{role}\n", *self._content(this.get("content"), place, is_model=False))
        if number != self._continued:
            out.add(TURN_CLOSE, "\n")

    def _model_message(self, number: int, following: int, plan: Plan) -> None:
        out, place, this = self._out, message(number), self._messages[number]
        calls, results = plan.calls.get(number), plan.results.get(number, [])
        self._end, is_legacy = "", truth(this.get("tool_responses"))
        read = ("role", "content", "reasoning", "reasoning_content", "tool_calls", "tool_responses")
        out.left_out(place, this, read if truth(this.get("tool_calls")) else (*read, "function_call"))
        out.at(place)
        if not self._in_turn:
            out.add(TURN_OPEN, "model\n")
            self._in_turn, self._behind_text = True, False
        if number == self._continued and self._options.field != "content":
            out.add(CHANNEL_OPEN, f"thought\n{self._reasoning(this, place)}")
            if truth(this.get("content")):
                out.warn(place, FIELD, "content")
            return
        if number > self._last_user or (self._options.preserve_thinking and calls_of(this)):
            self._thought(self._reasoning(this, place))
        if not is_legacy:
            self._text(this, place)
        self._calls(this, number)
        self._results(this, results, place)
        if is_legacy and self._text(this, place):
            self._end = ""
        is_pending = self._end == "calls" and following == len(self._messages)
        if calls is not None and not is_pending:
            for within, is_answered in enumerate(calls.answered):
                if not is_answered:
                    out.warn(call(number, within), NO_RESULT)
        if is_pending:
            out.add(RESPONSE_OPEN)
            if self._options.add_generation_prompt:
                out.warn(place, PENDING)
        elif number != self._continued and not self._goes_on(following):
            out.add(TURN_CLOSE, "\n")
            self._in_turn = False

    def _goes_on(self, following: int) -> bool:
        """Whether the turn stays open behind a message."""
        if following == len(self._messages):
            return self._end == "results"
        return self._roles[following] in MODEL_ROLES

    def _reasoning(self, this: dict[str, Any], place: Place) -> str:
        """The text of a message's reasoning (the repair `reasoning-parts`)."""
        first, second = joined_texts(this.get("reasoning")), joined_texts(this.get("reasoning_content"))
        if first and second != "" and first != second:
            self._out.warn(place, TWO_REASONINGS)
        text = second if first == "" else first
        if text is None:
            raise RenderError(str(place), "the reasoning must be a string or a list of texts")
        return text

    def _thought(self, text: str) -> None:
        if text:
            self._out.add(CHANNEL_OPEN, f"thought\n{text}\n", CHANNEL_CLOSE)
            self._behind_text = False

    def _text(self, this: dict[str, Any], place: Place) -> bool:
        """The content of a message of the model; whether there is any."""
        self._out.at(place)
        pieces = [piece for piece in self._content(this.get("content"), place, is_model=True) if piece]
        if pieces:
            if self._behind_text and type(pieces[0]) is not Control:
                self._out.add("\n")
            self._out.add(*pieces)
            self._behind_text = type(pieces[-1]) is not Control
        return bool(pieces)

    def _content(self, content: Any, place: Place, *, is_model: bool) -> list[str]:
        """The pieces of a content: its texts, trimmed one by one, and placeholders."""
        if content is None:
            return []
        if type(content) is not str and not isinstance(content, list):
            raise RenderError(str(place), "the content must be a string, a list or null")
        pieces: list[str] = []
        would_stay = place[1] > self._last_user
        for part in [content] if type(content) is str else content:
            text = part_text(part, place)
            if text is not None:
                part_left_out(part, self._out, place)
                if is_model:
                    pieces.append(strip_thoughts(text, self._out, place, would_stay=would_stay))
                else:
                    pieces.append(text.strip(TRIMMED))
            elif control := placeholder(part):
                pieces.append(control)
            else:
                self._out.warn(place, PART, part_kind(part))
        return pieces

    def _calls(self, this: dict[str, Any], number: int) -> None:
        out, calls = self._out, this.get("tool_calls")
        if truth(calls) and not isinstance(calls, list):
            raise RenderError(str(message(number)), "tool_calls must be a list")
        for within, each in enumerate(calls_of(this)):
            place, function = call(number, within), function_of(each)
            name, arguments = function.get("name"), arguments_of(function.get("arguments"))
            if type(name) is not str:
                raise RenderError(str(place), "the call has no function with a name")
            if arguments is None:
                raise RenderError(str(place), "the arguments are no JSON object")
            if function is each:
                out.left_out(place, each, ("function", "name", "arguments"))
            else:
                out.left_out(place, each, ("function",))
                out.left_out(place, function, ("name", "arguments"))
            out.at(place)
            out.add(CALL_OPEN, f"call:{name}")
            out.value(arguments)
            out.add(CALL_CLOSE)
            self._end, self._behind_text = "calls", False

    def _results(self, this: dict[str, Any], results: list[Result], place: Place) -> None:
        """The results that belong to a message."""
        entries = this.get("tool_responses")
        if truth(entries) and not isinstance(entries, list):
            raise RenderError(str(place), "tool_responses must be a list")
        for result in results:
            if not isinstance(result.value, dict):
                raise RenderError(str(result.place), "a tool response must be a mapping")
            if type(result.name) is not str:
                raise RenderError(str(result.place), "the name must be a string")
            self._out.at(result.place)
            if result.is_entry:
                self._out.left_out(result.place, result.value, ("name", "response"))
                print_result(self._out, result.name, result.value.get("response"))
            else:
                self._out.left_out(result.place, result.value, ("role", "content", "tool_call_id", "name"))
                self._tool_message(result.value.get("content"), result.name, result.place)
            self._end, self._behind_text = "results", False

    def _tool_message(self, content: Any, name: str, place: Place) -> None:
        """A value, or content parts: their texts joined, and the placeholders behind the block."""
        media: list[str] = []
        if isinstance(content, list) and is_parts(content):
            texts: list[str] = []
            for part in content:
                if (text := part_text(part, place)) is not None:
                    part_left_out(part, self._out, place)
                    texts.append(text)
                elif control := placeholder(part):
                    media.append(control)
                else:
                    self._out.warn(place, PART, part_kind(part))
            content = "".join(texts)
        print_result(self._out, name, content)
        self._out.add(*media)
