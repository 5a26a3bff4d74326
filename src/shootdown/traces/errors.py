"""What is wrong with a trace, a command or an output path, said so that its owner can act on it."""

from __future__ import annotations

TraceErrorState = tuple[str, str | None, int | None, str | None]


class TraceError(Exception):
    """A trace, a command to record or an output path that cannot be used: the user's to mend.

    It says what is wrong, where (file and line, where there is one) and what to do about it. The
    command line prints it as it is and exits with 2. It can be pickled, so that a worker may raise
    it.
    """

    def __init__(
        self,
        message: str,
        file: str | None = None,
        line: int | None = None,
        help: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.file = file
        self.line = line
        self.help = help

    def __str__(self) -> str:
        place = [str(part) for part in (self.file, self.line) if part is not None]
        first = ": ".join([":".join(place), f"error: {self.message}"]).removeprefix(": ")
        return first if self.help is None else f"{first}\nhelp: {self.help}"

    def __reduce__(self) -> tuple[type[TraceError], TraceErrorState]:
        return (type(self), (self.message, self.file, self.line, self.help))


class LineError(Exception):
    """One line of a trace that does not read; its text is what was expected instead.

    It never leaves the importer, which counts it, keeps the first few and goes on with the next
    line.
    """


def shown(text: str) -> str:
    """The start of a foreign text, fit for a terminal: no control characters, no other alphabet."""
    return ascii(text[:40])[1:-1]
