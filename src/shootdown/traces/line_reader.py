"""Lines of a byte stream in bounded memory, however long the stream or any of its lines is."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from shootdown.traces.errors import Malformed

_CHUNK = 1 << 18
LONGEST_LINE = 1 << 20


class LineReader:
    """Yields the lines of a stream without their ends, decoded byte for byte (latin-1).

    Bytes are not decoded as UTF-8, for strace copies the names of files and the machine's words for
    errors as they are, and nothing of them is used. A line above the limit is given up: its place is
    taken by an empty one, and `too_long` counts it.
    """

    def __init__(self, read: Callable[[int], bytes]) -> None:
        self._read = read
        self.complete = True
        """Whether the last line yielded ended with a line feed."""
        self.too_long = 0

    def lines(self) -> Iterator[str]:
        """One line after the other."""
        rest, skipping = b"", False
        while chunk := self._read(_CHUNK):
            first, *others = chunk.decode("latin-1").split("\n")
            whole = rest.decode("latin-1") + first
            if others:
                yield "" if skipping else whole
                yield from others[:-1]
                rest, skipping = others[-1].encode("latin-1"), False
            elif skipping or len(whole) > LONGEST_LINE:
                self.too_long += not skipping
                rest, skipping = b"", True
            else:
                rest = whole.encode("latin-1")
        if rest:
            self.complete = False
            yield rest.decode("latin-1")


__all__ = ["LONGEST_LINE", "LineReader", "Malformed"]
