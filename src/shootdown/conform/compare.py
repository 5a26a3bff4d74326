"""Where what a model says and what a kernel did part.

Operations are compared in order, each in everything that can be seen of it. Nothing is compared
after the first operation that differs: what follows would only be its consequences.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shootdown.live.programs import Observed, Operation, Program

FIELDS: Mapping[str, Callable[[Observed], Any]] = {
    "result": lambda each: each.result,
    "ranges": lambda each: each.ranges,
    "sites": lambda each: each.sites,
    "young": lambda each: each.young,
    "vmas": lambda each: each.state.vmas,
    "pages": lambda each: each.state.pages,
}
"""what is compared, and where it is"""

FAILED = "error"
"""stands for a field where the model raised an exception instead"""


@dataclass(frozen=True, slots=True)
class Disagreement:
    """The first operation of a program for which the model does not say what the kernel did."""

    program: Program
    """cut after that operation"""
    number: int
    """of the operation, its last"""
    fields: tuple[str, ...]
    """what differs, of FIELDS; or FAILED"""
    expected: Observed | None
    """what the model says; None if it failed"""
    observed: Observed
    """what the kernel did"""
    before: Observed | None
    """what both say of the operation before"""
    error: str = ""
    """how the model failed"""

    @property
    def operation(self) -> Operation:
        """The operation itself."""
        return self.program.operations[self.number]

    @property
    def kind(self) -> tuple[str, str]:
        """What disagreements have in common that are probably one mistake: the operation, with the
        advice of madvise, and the first field."""
        return name_of(self.operation), self.fields[0]


def name_of(operation: Operation) -> str:
    """`munmap`, `madvise FREE`: what operations are counted by."""
    name = str(operation[0])
    return f"{name} {operation[-1]}" if name == "madvise" else name


def compare(
    program: Program, expected: Sequence[Observed], observed: Sequence[Observed]
) -> Disagreement | None:
    """The first operation that differs, as far as there are both; None if there is none.

    The end of a program may be missing on either side, which is for the caller to know.
    """
    before = None
    for number, (said, done) in enumerate(zip(expected, observed, strict=False)):
        fields = tuple(name for name, of in FIELDS.items() if of(said) != of(done))
        if fields:
            return Disagreement(cut(program, number + 1), number, fields, said, done, before)
        before = done
    return None


def cut(program: Program, count: int) -> Program:
    """Its first operations."""
    operations = program.operations[:count]
    return Program(program.id, program.profile, program.base, program.pages, operations)
