"""UTF-8 that arrives in pieces, as byte tokens make it."""

from codecs import getincrementaldecoder

_Decoder = getincrementaldecoder("utf-8")


class Utf8:
    """Bytes and text in, text out; what is no UTF-8 becomes U+FFFD, one for each maximal subpart."""

    def __init__(self) -> None:
        self._decoder = _Decoder("replace")
        self.is_empty = True

    def push(self, piece: bytes) -> str:
        """The text that is decided with these bytes."""
        text = self._decoder.decode(piece)
        pending = self._decoder.getstate()[0]
        self.is_empty = not pending
        # A surrogate is none, but the decoder waits for its third byte: an error handler might take it.
        return text + self.flush() if pending[:1] == b"\xed" and pending[1:] >= b"\xa0" else text

    def flush(self) -> str:
        """An incomplete character becomes one U+FFFD: text or a control token follows, or the end."""
        if self.is_empty:
            return ""
        self.is_empty = True
        return self._decoder.decode(b"", True)
