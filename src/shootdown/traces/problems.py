"""What an import could not use: counted all, the first few kept word for word."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

_KEPT = 10
_KINDS = 64
_OTHERS = "others"


@dataclass(slots=True)
class Problems:
    """Lines that were skipped, and doubts about lines that were not.

    Bounded, whatever the input: the number of different doubts and of kept messages is.
    """

    file: str
    skipped: int = 0
    first: list[str] = field(default_factory=list)
    """`file:line: expected …`, for the first few skipped lines."""
    first_line: int | None = None
    warnings: Counter[str] = field(default_factory=Counter)

    def skip(self, line: int, expected: str) -> None:
        """Counts a line that does not read."""
        self.skipped += 1
        if self.first_line is None:
            self.first_line = line
        if len(self.first) < _KEPT:
            self.first.append(f"{self.file}:{line}: expected {expected}")

    def warn(self, doubt: str) -> None:
        """Counts a line that was kept, but whose meaning is in doubt."""
        known = doubt in self.warnings or len(self.warnings) < _KINDS
        self.warnings[doubt if known else _OTHERS] += 1
