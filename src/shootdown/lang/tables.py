"""What is known about the system as a whole while its actors are compiled."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass, field

from shootdown.lang.contexts import Context
from shootdown.lang.declaration import Declaration
from shootdown.lang.errors import Collector
from shootdown.lang.geometry import Geometry
from shootdown.lang.part import Part
from shootdown.program.kind import Kind
from shootdown.program.points import Touch
from shootdown.program.program import Rule, Variable
from shootdown.program.where import Where

Key = tuple[Where, str, int]
"""a register: the place where it is made, its name, and how many equal ones came before"""

RANGE = Rule("range", "an Int stays within its bounds")
INDEX = Rule("index", "an index stays within its array")
UNDERFLOW = Rule("counter-underflow", "a counter does not go below zero")
WIDTH = Rule("counter-width", "a counter does not wrap in the width chosen", verdict="widen")
ASSERTION = Rule("assertion", "an assertion of the model holds")
INTERRUPTED = Rule(
    "interrupted-lock", "a spinlock that a handler takes is taken elsewhere with interrupts off"
)
SLEEP = Rule(
    "sleep-in-atomic", "nothing sleeps while a spinlock is held, in an RCU reader or an interrupt"
)


@dataclass(frozen=True, slots=True)
class Options:
    """How to compile: for the checker (all checks, no counts) or for replay (the reverse)."""

    geometry: Geometry
    counter_bits: int = 3
    checked: bool = True
    counted: bool = False
    merged: bool = True
    """private accesses belong to the step before them (`program.points`); False: every access to
    shared state is a step of its own"""
    overlaps: bool = False
    """but not those under a lock held for reading: what readers do while others read counts, as in
    runs that go on for ever"""


@dataclass(slots=True)
class Tables:
    """What the actors of a system share while they are compiled."""

    options: Options
    actors: tuple[str, ...]
    variables: list[Variable] = field(default_factory=list)
    numbers: dict[int, int] = field(default_factory=dict)
    declarations: list[Declaration] = field(default_factory=list)
    rules: list[Rule] = field(default_factory=list)
    counters: list[str] = field(default_factory=list)
    touches: list[Touch] = field(default_factory=list)
    errors: Collector = field(default_factory=Collector)
    takers: Set[tuple[int, Context]] = frozenset()
    """spinlocks, by identity, that are known to be taken in handlers, and in which context"""
    handlers: set[tuple[int, Context]] = field(default_factory=set)
    """those found now"""
    later: list[Part] = field(default_factory=list)
    """parts that work by themselves, in the order of their first use"""

    def variable(self, declaration: Declaration) -> int:
        """The number of a variable, entered at its first use."""
        number = self.numbers.get(id(declaration))
        if number is None:
            number = len(self.variables)
            self.numbers[id(declaration)] = number
            self.declarations.append(declaration)
            self._note(declaration.owner)
            self.variables.append(self._make(declaration))
        return number

    def _note(self, owner: Part | None) -> None:
        """A part that works by itself has an actor of its own once anybody uses its state."""
        if owner is not None and owner.later is not None and owner not in self.later:
            self.later.append(owner)

    def _make(self, declaration: Declaration) -> Variable:
        options = self.options
        kind = declaration.kind(options.geometry, options.counter_bits, self.actors)
        length = self.length(declaration)
        owner = declaration.owner
        return Variable(
            declaration.name,
            kind,
            length,
            (declaration.initial,) * length,
            array=declaration.is_array,
            segment=owner.segment if owner is not None else "mm",
            ghost=declaration.ghost,
        )

    def length(self, declaration: Declaration) -> int:
        """Number of elements of a variable; 1 for a single value."""
        return declaration.length(self.options.geometry, len(self.actors))

    def rule(self, rule: Rule) -> int:
        """The number of a rule, entered at its first use."""
        if rule not in self.rules:
            self.rules.append(rule)
        return self.rules.index(rule)

    def counter(self, name: str) -> int:
        """The number of an event counter."""
        if name not in self.counters:
            self.counters.append(name)
        return self.counters.index(name)


@dataclass(frozen=True, slots=True)
class Hints:
    """What earlier rounds learned about growing registers."""

    kinds: Mapping[Key, Kind] = field(default_factory=dict)
    capped: Set[Key] = frozenset()
