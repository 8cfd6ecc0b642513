"""The style `official`: what Google's chat template prints, byte for byte, and its failures."""

from typing import Any, NamedTuple

from gemma4_parser.errors import RenderError

from .jinja import UNDEFINED, Undefined, equality, item, items, string, truth
from .official_tools import Declaration
from .parts import PLACEHOLDERS, part_kind, strip_thoughts
from .writer import (
    CALL_CLOSE,
    CALL_OPEN,
    CHANNEL_CLOSE,
    CHANNEL_OPEN,
    HAS_RESPONSES,
    NO_CALL,
    PART,
    RESPONSE_CLOSE,
    RESPONSE_OPEN,
    THINK,
    TRIMMED,
    TURN_CLOSE,
    TURN_OPEN,
    Place,
    Writer,
    call,
    message,
    response,
    tool,
)


class Options(NamedTuple):
    """What a prompt is rendered with; `field` is the one of the last message that is continued, empty for none."""

    model: str
    add_generation_prompt: bool
    enable_thinking: bool
    preserve_thinking: bool
    field: str


def generation_prompt(out: Writer, options: Options, *, behind_results: bool) -> None:
    """Where the output starts, but for prompts that end in calls without results."""
    if behind_results:
        if options.enable_thinking:
            out.add(CHANNEL_OPEN, "thought\n")
        return
    out.add(TURN_OPEN, "model\n")
    if options.model == "large" and not options.enable_thinking:
        out.add(CHANNEL_OPEN, "thought\n", CHANNEL_CLOSE)


class Official:
    """Renders one prompt."""

    def __init__(self, out: Writer, messages: list[Any], tools: list[Any], options: Options) -> None:
        self.out, self.messages, self.tools, self.options = out, messages, tools, options
        self.roles = [item(each, "role") for each in messages]
        self.last_user = max((number for number, role in enumerate(self.roles) if role == "user"), default=-1)

    def render(self) -> None:
        """All of it."""
        first, count = self._system_turn(), len(self.messages)
        # Of each message: the number of the next one whose role is not `tool`.
        following = [count] * count
        for number in range(count - 2, -1, -1):
            behind = number + 1
            following[number] = behind if self.roles[behind] != "tool" else following[behind]
        before: Any = None
        self.printed_last = ""
        for number in range(first, count):
            if self.roles[number] != "tool":
                self._message(number, before, following[number])
            if self.roles[number] != "tool" or self.options.model == "diffusion":
                before = self.roles[number]
        if self.options.add_generation_prompt and self.printed_last != "call":
            generation_prompt(self.out, self.options, behind_results=self.printed_last == "result")
        self._warn_of_results(first)

    def _system_turn(self) -> int:
        """The system turn, if there is one, and the number of the first message behind it."""
        out, has_text = self.out, self.roles[:1] == ["system"] or self.roles[:1] == ["developer"]
        if self.options.enable_thinking or self.tools or has_text:
            out.add(TURN_OPEN, "system\n")
            if self.options.enable_thinking:
                out.add(THINK, "\n")
            if has_text:
                self._system_text(item(self.messages[0], "content"))
            for number, each in enumerate(self.tools):
                out.at(tool(number))
                Declaration(out, tool(number)).print(each)
            out.add(TURN_CLOSE, "\n")
        return int(has_text)

    def _system_text(self, content: Any) -> None:
        self.out.at(message(0))
        if type(content) is str:
            self.out.add(content.strip(TRIMMED))
        elif isinstance(content, list | dict | Undefined):
            for part in items(content) or ():
                text = item(part, "text")
                if text is UNDEFINED:
                    self.out.warn(message(0), PART, part_kind(part))
                self.out.add(string(text).strip(TRIMMED), " ")

    def _message(self, number: int, before: Any, following: int) -> None:
        """A message with the tool messages directly behind it, up to the number `following`."""
        out, place, role = self.out, message(number), self.roles[number]
        if type(role) is not str:
            raise RenderError(str(place), "the role must be a string")
        out.at(place)
        this, is_model = self.messages[number], role in ("assistant", "model")
        if not (is_model and before == "assistant"):
            out.add(TURN_OPEN, f"{'model' if is_model else role}\n")
        calls = this.get("tool_calls")
        self._thought(this, number > self.last_user or (self.options.preserve_thinking and truth(calls)), place)
        if truth(calls):
            self._calls(calls, number)
        answered = self._results(this, calls, number, following)
        self.printed_last = "result" if answered else "call" if truth(calls) else ""
        content = self._content(this.get("content"), is_model, place)
        out.at(place)
        out.add(*content)
        has_next = following < len(self.messages)
        if truth(calls) and not answered:
            out.add(RESPONSE_OPEN)
        elif is_model and has_next and self.roles[following] == "assistant":
            pass
        elif has_next or not answered or "".join(content).strip(TRIMMED):
            out.add(TURN_CLOSE, "\n")

    def _thought(self, this: dict[str, Any], is_shown: bool, place: Place) -> None:
        text = this.get("reasoning")
        if not truth(text):
            text = this.get("reasoning_content")
        if truth(text) and is_shown:
            if type(text) is not str:
                raise RenderError(str(place), "the reasoning must be a string")
            self.out.add(CHANNEL_OPEN, f"thought\n{text}\n", CHANNEL_CLOSE)

    def _calls(self, calls: Any, number: int) -> None:
        each_call = items(calls)
        if each_call is None:
            raise RenderError(str(message(number)), "tool_calls must be a list")
        for within, each in enumerate(each_call):
            place = call(number, within)
            self.out.at(place)
            name = item(function := item(each, "function"), "name")
            if type(name) is not str:
                raise RenderError(str(place), "the call has no function with a name")
            arguments = function.get("arguments", UNDEFINED)
            if not isinstance(arguments, dict) and arguments is not None:
                raise RenderError(str(place), "the arguments must be a mapping")
            self.out.add(CALL_OPEN, f"call:{name}")
            self.out.value(arguments or {})
            self.out.add(CALL_CLOSE)

    def _results(self, this: dict[str, Any], calls: Any, number: int, following: int) -> bool:
        """The results of a message; whether there are any."""
        responses = this.get("tool_responses")
        if truth(responses):
            entries = items(responses)
            if entries is None:
                raise RenderError(str(message(number)), "tool_responses must be a list")
            for within, entry in enumerate(entries):
                name = item(entry, "name")
                self._result(name if truth(name) else "unknown", item(entry, "response"), response(number, within))
            return True
        if not truth(calls) or following == number + 1:
            return False
        names = {equality(each.get("id")): each["function"]["name"] for each in calls}
        for behind in range(number + 1, following):
            follow = self.messages[behind]
            own = follow.get("name")
            name = names.get(equality(follow.get("tool_call_id")), own if truth(own) else "unknown")
            self._tool_message(follow.get("content"), name, message(behind))
        return following > number + 1

    def _tool_message(self, content: Any, name: Any, place: Place) -> None:
        if not isinstance(content, list | dict):
            self._result(name, content, place)
            return
        text, media = "", []
        for part in content:
            kind = self._part_type(part, place)
            if kind == "text":
                if type(part.get("text")) is not str:
                    raise RenderError(str(place), "the text of a content part must be a string")
                text += part["text"]
            elif kind in PLACEHOLDERS:
                media.append(PLACEHOLDERS[kind])
        self._result(name, text, place)
        self.out.add(*media)

    def _part_type(self, part: Any, place: Place) -> str:
        """The type of a content part; none where it is left out."""
        if not isinstance(part, dict):
            raise RenderError(str(place), "a content part must be a mapping")
        kind = part.get("type")
        if type(kind) is str and (kind == "text" or kind in PLACEHOLDERS):
            return kind
        self.out.warn(place, PART, part_kind(part))
        return ""

    def _result(self, name: Any, result: Any, place: Place) -> None:
        if type(name) is not str:
            raise RenderError(str(place), "the name must be a string")
        self.out.at(place)
        print_result(self.out, name, [] if result is UNDEFINED else result)

    def _content(self, content: Any, is_model: bool, place: Place) -> list[str]:
        """The pieces of a message's text."""
        if type(content) is str:
            return [strip_thoughts(content, self.out, place) if is_model else content.strip(TRIMMED)]
        pieces: list[str] = []
        for part in content if isinstance(content, list | dict) else ():
            kind = self._part_type(part, place)
            if kind == "text":
                text = part.get("text", UNDEFINED)
                if is_model and type(text) is not str:
                    raise RenderError(str(place), "the text of a content part must be a string")
                pieces.append(strip_thoughts(text, self.out, place) if is_model else string(text).strip(TRIMMED))
            elif kind:
                pieces.append(PLACEHOLDERS[kind])
        return pieces

    def _warn_of_results(self, first: int) -> None:
        """Which tool messages have not been printed."""
        owner: dict[str, Any] = {}
        for number in range(first, len(self.messages)):
            if self.roles[number] != "tool":
                owner, of = self.messages[number], number
            elif not truth(owner.get("tool_calls")):
                self.out.warn(message(number), NO_CALL)
            elif truth(owner.get("tool_responses")):
                self.out.warn(message(number), HAS_RESPONSES, of)


def print_result(out: Writer, name: str, result: Any) -> None:
    """The block of a result: a mapping as it is, anything else as its `value`."""
    out.add(RESPONSE_OPEN, f"response:{name}")
    out.value(result if isinstance(result, dict) else {"value": result})
    out.add(RESPONSE_CLOSE)
