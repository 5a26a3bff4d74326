"""A place in the source, kept on every operation from the first pass to the last report."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Where:
    """A range of source text, and the call through which it was reached.

    Lines count from 1 and columns from 0, as in `ast`. `caller` is the call that was inlined here,
    so that a report can say how the driver got to this line.
    """

    file: str
    line: int
    column: int
    end_line: int
    end_column: int
    function: str
    text: str
    caller: Where | None = None

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"

    @property
    def chain(self) -> tuple[Where, ...]:
        """This place and the calls that led to it, innermost first."""
        found: list[Where] = []
        place: Where | None = self
        while place is not None:
            found.append(place)
            place = place.caller
        return tuple(found)


NOWHERE = Where("<built in>", 0, 0, 0, 0, "", "")
"""The place of operations that no source line stands for."""
