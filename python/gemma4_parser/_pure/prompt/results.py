"""Which result belongs to which call: the repairs `result-name`, `moved-result` and `separate-results`."""

from collections import deque
from typing import Any

from ..format import print_value
from .jinja import truth
from .writer import BY_ORDER, HAS_RESPONSES, MOVED, NO_CALL, ONE_MORE, Place, Writer, message, response

MODEL_ROLES = ("assistant", "model")
RESULT_ROLES = ("tool", "function")


class Result:
    """A tool message or an entry of `tool_responses`, and the name that it is printed with."""

    __slots__ = ("is_entry", "key", "name", "place", "value")

    def __init__(self, value: Any, place: Place, *, is_entry: bool) -> None:
        self.value, self.place, self.is_entry = value, place, is_entry
        fields = value if isinstance(value, dict) else {}
        name = fields.get("name")
        self.name: Any = name if truth(name) else None
        self.key = None if is_entry else _key(fields.get("tool_call_id"))


class Calls:
    """The calls of a message and what is known of their results."""

    __slots__ = ("_by_id", "_by_name", "_last_of_id", "_next", "answered", "has_responses", "names", "number")

    def __init__(self, number: int, calls: list[Any], *, has_responses: bool) -> None:
        self.number, self.has_responses = number, has_responses
        self.names: list[Any] = [function_of(each).get("name") for each in calls]
        self.answered = [False] * len(calls)
        self._next = 0
        self._by_id: dict[str, deque[int]] = {}
        self._by_name: dict[str, deque[int]] = {}
        self._last_of_id: dict[str, int] = {}
        for within, each in enumerate(calls):
            key = _key(each.get("id")) if isinstance(each, dict) else None
            if key is not None:
                self._by_id.setdefault(key, deque()).append(within)
                self._last_of_id[key] = within
            if type(name := self.names[within]) is str:
                self._by_name.setdefault(name, deque()).append(within)

    def ids(self) -> list[str]:
        """The ids of the calls, each once."""
        return list(self._last_of_id)

    def last_names(self) -> dict[str, Any]:
        """By id, the name of the last call of that id."""
        return {key: self.names[within] for key, within in self._last_of_id.items()}

    def take_by_id(self, result: Result, *, again: bool = False) -> bool:
        """Gives the result to the first call of its id that has none, or (`again`) to the last one; whether it did."""
        if result.key is None or result.key not in self._last_of_id:
            return False
        within = self._first(self._by_id[result.key])
        return self._give(result, self._last_of_id[result.key] if within is None and again else within)

    def take_by_name(self, result: Result) -> bool:
        """Gives the result to the first call of its name that has none; whether there is one."""
        found = self._by_name.get(result.name) if type(result.name) is str else None
        return self._give(result, self._first(found))

    def take_next(self, result: Result) -> bool:
        """Gives the result to the first call that has none; whether there is one."""
        while self._next < len(self.answered) and self.answered[self._next]:
            self._next += 1
        return self._give(result, self._next if self._next < len(self.answered) else None)

    def _first(self, numbers: deque[int] | None) -> int | None:
        while numbers and self.answered[numbers[0]]:
            numbers.popleft()
        return numbers[0] if numbers else None

    def _give(self, result: Result, within: int | None) -> bool:
        if within is None:
            return False
        self.answered[within] = True
        result.name = self.names[within]
        return True


class Plan:
    """Of each message of the model: its calls, and the results that are printed with it."""

    def __init__(self, out: Writer, messages: list[Any], roles: list[Any]) -> None:
        self._out = out
        self.calls: dict[int, Calls] = {}
        self.results: dict[int, list[Result]] = {}
        # The nearest message with calls; the same while only results and `tool_responses` have followed; by id, those
        # since the last message that is neither the model's nor a result; by id, the name of the last call so far.
        self._nearest: Calls | None = None
        self._open: Calls | None = None
        self._loop: dict[str, deque[Calls]] = {}
        self._earlier: dict[str, Any] = {}
        number, count = 0, len(messages)
        while number < count:
            end = number + 1
            if roles[number] in RESULT_ROLES:
                self._elsewhere(Result(messages[number], message(number), is_entry=False))
            else:
                if roles[number] in MODEL_ROLES:
                    while end < count and roles[end] in RESULT_ROLES:
                        end += 1
                    end = self._message(messages, number, end)
                else:
                    self._open, self._loop = None, {}
            number = end

    def _message(self, messages: list[Any], number: int, end: int) -> int:
        """A message of the model, with the tool messages behind it up to `end` if it has calls; where to go on."""
        entries = entries_of(messages[number])
        results = [Result(entry, response(number, at), is_entry=True) for at, entry in enumerate(entries)]
        calls = calls_of(messages[number])
        if not calls:
            if entries:
                self.results[number] = self._assigned(results, self._open)
            else:
                self._open = None
            return number + 1
        self._nearest = self._open = self.calls[number] = Calls(number, calls, has_responses=bool(entries))
        run = [Result(messages[at], message(at), is_entry=False) for at in range(number + 1, end)]
        if entries:
            for result in run:
                self._out.warn(result.place, HAS_RESPONSES, number)
            self.results[number] = self._assigned(results, self._nearest)
            self._open = None
        else:
            self.results[number] = self._assigned(run, self._nearest)
            for key in self._nearest.ids():
                self._loop.setdefault(key, deque()).append(self._nearest)
        self._earlier |= self._nearest.last_names()
        return end

    def _assigned(self, results: list[Result], calls: Calls | None) -> list[Result]:
        """Gives results to calls by id, then by name, then by order; returns those that have not been moved away."""
        moved, left = set(), []
        for result in results:
            if calls is not None and calls.take_by_id(result, again=True):
                continue
            if self._moved_by_id(result):
                moved.add(result)
            else:
                left.append(result)
        left = [result for result in left if calls is None or not calls.take_by_name(result)]
        for result in left:
            if result.key in self._earlier:
                result.name = self._earlier[result.key]
            elif result.name is None:
                if calls is not None and calls.take_next(result):
                    self._out.warn(result.place, BY_ORDER, result.name)
                else:
                    self._out.warn(result.place, ONE_MORE)
                    result.name = "unknown"
        return [result for result in results if result not in moved]

    def _moved_by_id(self, result: Result) -> bool:
        """Gives the result to a call of an earlier message of the loop."""
        found = self._loop.get(result.key) if result.key is not None else None
        while found:
            if found[0].take_by_id(result):
                self._move(result, found[0])
                return True
            found.popleft()
        return False

    def _elsewhere(self, result: Result) -> None:
        """A tool message that stands behind another message than one with calls."""
        calls = self._nearest
        if calls is not None and calls.has_responses:
            self._out.warn(result.place, HAS_RESPONSES, calls.number)
        elif calls is not None and calls.take_by_id(result):
            self._move(result, calls)
        elif not self._moved_by_id(result):
            if calls is not None and calls.take_by_name(result):
                self._move(result, calls)
            else:
                self._out.warn(result.place, NO_CALL)

    def _move(self, result: Result, calls: Calls) -> None:
        self.results[calls.number].append(result)
        self._out.warn(result.place, MOVED, calls.number)


def calls_of(this: dict[str, Any]) -> list[Any]:
    """The calls of a message of the model, also in the shape of old clients; none where they are no list."""
    calls, old = this.get("tool_calls"), this.get("function_call")
    if truth(calls):
        return calls if isinstance(calls, list) else []
    return [old] if truth(old) else []


def function_of(each: Any) -> dict[str, Any]:
    """What a call names and its arguments, with or without the wrapper `function`; empty where there is nothing."""
    if not isinstance(each, dict):
        return {}
    function = each.get("function")
    function = each if function is None else function
    return function if isinstance(function, dict) else {}


def entries_of(this: dict[str, Any]) -> list[Any]:
    """The entries of `tool_responses`; none where they are no list."""
    entries = this.get("tool_responses")
    return entries if isinstance(entries, list) else []


def _key(value: Any) -> str | None:
    """An id as it would be printed; none where there is none."""
    if value is None or value == "":
        return None
    out: list[str] = []
    print_value(value, out)
    return "".join(out)
