"""Lines of a byte stream in bounded memory, however long the stream or any of its lines is."""

from __future__ import annotations

from collections.abc import Callable, Iterator

_CHUNK = 1 << 18
LONGEST_LINE = 1 << 20


class LineReader:
    """Yields the lines of a stream without their ends, decoded byte for byte (latin-1).

    Bytes are not decoded as UTF-8: strace copies the names of files and the machine's words for
    errors as they are, and nothing of them is used. A line above the limit is not kept; `None`
    stands in its place.
    """

    def __init__(self, read: Callable[[int], bytes]) -> None:
        self._read = read
        self.complete = True
        """Whether the last line yielded ended with a line feed."""

    def lines(self) -> Iterator[str | None]:
        """One line after the other."""
        begun: str | None = ""
        while chunk := self._read(_CHUNK):
            first, *others = chunk.decode("latin-1").split("\n")
            begun = None if begun is None else begun + first
            if begun is not None and len(begun) > LONGEST_LINE:
                begun = None
            if others:
                yield begun
                yield from others[:-1]
                begun = others[-1]
        if begun != "":
            self.complete = False
            yield begun
