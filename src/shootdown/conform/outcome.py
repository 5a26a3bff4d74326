"""What became of a program."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from shootdown.conform.compare import Disagreement
from shootdown.live.programs import Operation, Program, Recording

Status = Literal["agrees", "disagrees", "unsupported", "skipped", "unstable", "lost"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """One program, on the model and on the kernel."""

    program: Program
    status: Status
    compared: int
    """operations that were compared, from the first on"""
    ranges: int
    """that those sent"""
    reason: str = ""
    """why it was not compared to its end"""
    disagreement: Disagreement | None = None
    recording: Recording | None = None
    """what two runs on the kernel agree on, if that was asked for"""

    @property
    def operations(self) -> tuple[Operation, ...]:
        """Those that were compared."""
        return self.program.operations[: self.compared]
