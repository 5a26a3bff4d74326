"""Models that know recorded programs by heart, some of them with a mistake."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

from shootdown.conform.compare import cut
from shootdown.conform.model import UnsupportedOperationError
from shootdown.live.programs import Observed, Program, Recording, read_programs

RECORDED = Path(__file__).parents[1] / "live" / "data" / "linux-6.18.jsonl"
RECORDINGS = list(read_programs(RECORDED))

Mistake = Callable[[Observed], Observed]


class Replaying:
    """Says what was recorded, of a program or its beginning."""

    def __init__(self, recordings: Iterable[Recording] = RECORDINGS) -> None:
        self._known = list(recordings)

    def perform(self, program: Program) -> tuple[Observed, ...]:
        """Looks it up."""
        count = len(program.operations)
        for each in self._known:
            if cut(each.program, count) == program:
                return each.observed[:count]
        raise KeyError(f"program {program.id} was never recorded")


class Mistaken(Replaying):
    """Makes a mistake wherever it changes something."""

    def __init__(self, mistake: Mistake) -> None:
        super().__init__()
        self._mistake = mistake

    def perform(self, program: Program) -> tuple[Observed, ...]:
        """What was recorded, changed."""
        return tuple(map(self._mistake, super().perform(program)))


class Ignorant(Replaying):
    """Does not know one operation."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self._name = name

    def perform(self, program: Program) -> tuple[Observed, ...]:
        """What was recorded, before that operation."""
        for number, operation in enumerate(program.operations):
            if operation[0] == self._name:
                raise UnsupportedOperationError(number, operation)
        return super().perform(program)


class Failing(Replaying):
    """Fails at one operation."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self._name = name

    def perform(self, program: Program) -> tuple[Observed, ...]:
        """What was recorded, without that operation."""
        assert all(operation[0] != self._name for operation in program.operations), "no such thing"
        return super().perform(program)


def without_blocks(each: Observed) -> Observed:
    """Forgets the first range of a block of 2 MiB that is split: the mistake of everybody who reads
    only the documentation."""
    if "__split_huge_pmd" not in each.sites:
        return each
    at = each.sites.index("__split_huge_pmd")
    return replace(
        each,
        ranges=each.ranges[:at] + each.ranges[at + 1 :],
        sites=each.sites[:at] + each.sites[at + 1 :],
    )
