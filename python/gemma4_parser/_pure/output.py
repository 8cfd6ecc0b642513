"""From findings to events: neighbours of one kind are joined, so that a step gives as few events as it can."""

from .event import Event, make_event


class Output:
    """Collects the findings of one step."""

    __slots__ = ("_events", "_pending", "_pieces")

    def __init__(self) -> None:
        self._events: list[Event] = []
        self._pieces: list[str] = []
        self._pending: tuple[str, int | None, tuple[str, ...]] | None = None

    def flush(self) -> None:
        """Makes an event of what has been collected."""
        if self._pending:
            kind, index, detail = self._pending
            self._events.append(make_event(kind, "".join(self._pieces), index, detail))
            self._pieces, self._pending = [], None

    def text(self, thought: bool, text: str) -> None:
        """A piece of reasoning or content."""
        if text:
            self.join("reasoning" if thought else "content", text)

    def join(self, kind: str, text: str, index: int | None = None, detail: tuple[str, ...] = ()) -> None:
        """A piece of reasoning, content, arguments or an unparsed span, of which an empty one is an event too."""
        pending = (kind, index, detail)
        if self._pending != pending:
            self.flush()
            self._pending = pending
        self._pieces.append(text)

    def event(self, kind: str, text: str, index: int | None = None, detail: tuple[str, ...] = ()) -> None:
        """An event of its own."""
        self.flush()
        self._events.append(make_event(kind, text, index, detail))

    def take(self) -> list[Event]:
        """The events of the step."""
        self.flush()
        events, self._events = self._events, []
        return events
