"""A buffer of symbols: their text in UTF-8, and where the control tokens stand that are spelled out in it."""

from bisect import bisect_left

from .token import ControlToken, Symbol


class Tail:
    """What is held of a call. Places are counted in bytes."""

    __slots__ = ("_places", "bytes", "controls")

    def __init__(self) -> None:
        self.bytes = bytearray()
        self.controls: dict[int, ControlToken] = {}
        self._places: list[int] = []

    def push(self, symbol: Symbol) -> None:
        if isinstance(symbol, ControlToken):
            self.controls[len(self.bytes)] = symbol
            self._places.append(len(self.bytes))
            symbol = symbol.literal
        self.bytes += symbol.encode()

    def slice(self, start: int, end: int) -> str:
        """The text from `start` to `end`, control tokens spelled out."""
        return self.bytes[start:end].decode()

    def run_end(self, at: int) -> int:
        """Where the next control token stands, or the end."""
        number = bisect_left(self._places, at)
        return self._places[number] if number < len(self._places) else len(self.bytes)

    def drop_front(self, to: int) -> None:
        """Forgets what stands before `to`."""
        del self.bytes[:to]
        self._places = [place - to for place in self._places if place >= to]
        self.controls = {place - to: token for place, token in self.controls.items() if place >= to}

    def symbols(self, at: int) -> list[Symbol]:
        """The symbols from `at` on."""
        found: list[Symbol] = []
        while at < len(self.bytes):
            token, end = self.controls.get(at), self.run_end(at)
            found.append(token or self.slice(at, end))
            at = at + len(token.literal) if token else end
        return found
