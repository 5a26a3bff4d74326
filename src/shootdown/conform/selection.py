"""Which programs are to be compared: random ones of a seed, or those of a file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from shootdown.live.generate import generate
from shootdown.live.programs import Program, Recording, read_programs

PROGRAMS = 1000
"""random ones unless asked otherwise"""


@dataclass(frozen=True, slots=True)
class Selection:
    """Conditions; None is none."""

    count: int | None = None
    profile: str | None = None
    only: frozenset[int] | None = None
    """numbers of programs"""

    @property
    def numbers(self) -> Sequence[int]:
        """Of random programs."""
        if self.only is None:
            return range(self.count or PROGRAMS)
        return sorted(self.only)[: self.count]

    @property
    def size(self) -> int:
        """How many random programs that is."""
        return len(self.numbers)

    def generated(self, seed: int) -> Iterator[Program]:
        """Random programs, of the profile."""
        return (generate(seed, number, self.profile) for number in self.numbers)

    def recorded(self, path: Path) -> Iterator[Recording]:
        """Those of a file.

        Raises:
            ProgramFileError: at the first line that is none.
            OSError: if the file cannot be read.
        """
        return islice(filter(self._wants, read_programs(path)), self.count)

    def _wants(self, recording: Recording) -> bool:
        program = recording.program
        return self.profile in (None, program.profile) and (
            self.only is None or program.id in self.only
        )
