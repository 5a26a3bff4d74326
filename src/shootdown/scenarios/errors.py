"""What a user can ask for that is not there, or cannot be had together."""

from __future__ import annotations


class TargetError(Exception):
    """What was asked for is not there, or does not go with the target. `help` says what does."""

    def __init__(self, message: str, help: str = "") -> None:
        super().__init__(message)
        self.help = help

    def __reduce__(self) -> tuple[type[TargetError], tuple[str, str]]:
        return (type(self), (str(self), self.help))


class RunFileError(TargetError):
    """A file that should hold runs does not; it is known in which line."""

    def __init__(self, file: str, line: int, message: str, help: str) -> None:
        super().__init__(message, help)
        self.file = file
        self.line = line

    def __reduce__(self) -> tuple[type[RunFileError], tuple[str, int, str, str]]:  # type: ignore[override]
        return (type(self), (self.file, self.line, str(self), self.help))
