"""A whole model: its shared variables, its actors, and the rules they are judged by."""

from __future__ import annotations

from dataclasses import dataclass, field

from shootdown.program.kind import Kind
from shootdown.program.operation import Operation, Point


@dataclass(frozen=True, slots=True)
class Variable:
    """A piece of shared state: `length` values of one kind, all starting at those of `initial`.

    `segment` groups variables that live and die together: `mm` for one address space, `machine`
    for what all address spaces share. Search keeps both in one state; replay runs many address
    spaces over one machine.
    """

    name: str
    kind: Kind
    length: int
    initial: tuple[int, ...]
    array: bool = False
    segment: str = "mm"
    ghost: bool = False

    def label(self, index: int) -> str:
        """`mm.pte[1]`, or just the name of a variable that is not an array."""
        return f"{self.name}[{index}]" if self.array else self.name


@dataclass(frozen=True, slots=True)
class Register:
    """A local value of an actor."""

    name: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class Actor:
    """Something that runs by itself: a task in a system call, a device, a worker.

    A `daemon` need not end. An actor waits at one of its points; its first operation is one.
    """

    name: str
    code: tuple[Operation, ...]
    registers: tuple[Register, ...]
    daemon: bool = False
    points: tuple[int, ...] = field(init=False, repr=False, compare=False)
    """indexes of the points in `code`; a position in this tuple is a value of the pc"""

    def __post_init__(self) -> None:
        points = tuple(index for index, op in enumerate(self.code) if isinstance(op, Point))
        object.__setattr__(self, "points", points)

    @property
    def halted(self) -> int:
        """The pc of an actor that is done: one more than the last point."""
        return len(self.points)


@dataclass(frozen=True, slots=True)
class Rule:
    """Something that must hold, by name, with the sentence that says what was broken.

    `verdict` tells what a failed check means: `violated` for a rule of the model, `widen` when the
    machine chose a counter too narrow and must choose again, `known` when a search is to look past
    it (`program.known`).
    """

    name: str
    sentence: str
    verdict: str = "violated"


@dataclass(frozen=True, slots=True)
class Program:
    """Everything a machine needs. Immutable; every pass makes a new one.

    `initials` holds the alternative starts: each maps (variable, index) to the value it has instead
    of `Variable.initial`. At least one, the plain start being the empty mapping.
    """

    variables: tuple[Variable, ...]
    actors: tuple[Actor, ...]
    rules: tuple[Rule, ...]
    counters: tuple[str, ...] = ()
    initials: tuple[tuple[tuple[int, int, int], ...], ...] = ((),)
    """alternative starts, each a tuple of (variable, index, value)"""
