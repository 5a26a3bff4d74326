"""A system in, a program out.

Each actor is a method of some part; it is lowered by itself, and lowering it twice gives the same
operations, so that a second round with better known register ranges can simply start over. When all
actors are lowered, the points that nobody could notice are taken out, and the result is checked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from types import MethodType
from typing import Any, cast

from shootdown.lang.contexts import Context
from shootdown.lang.declaration import Declaration
from shootdown.lang.errors import RefusedError
from shootdown.lang.output import LOCAL_HIGH, ROUNDS
from shootdown.lang.source import place_of
from shootdown.lang.statements import Statements
from shootdown.lang.tables import Hints, Key, Options, Tables
from shootdown.lang.values import Static
from shootdown.program.kind import Family, Kind
from shootdown.program.points import settle_points
from shootdown.program.program import Actor, Program
from shootdown.program.wellformed import check_program


@dataclass(frozen=True, slots=True)
class Entry:
    """An actor before compilation: a name and the bound method that it runs once.

    `arguments` are what the method is called with: Python objects, known before the run.
    """

    name: str
    method: Callable[..., None]
    daemon: bool = False
    arguments: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class Start:
    """Values that differ from the declared initial ones: (array or variable, index) -> value."""

    values: Mapping[tuple[Any, int], int] = field(default_factory=dict)


def compile_system(
    entries: Sequence[Entry], options: Options, starts: Sequence[Start] = (Start(),)
) -> Program:
    """Lower every actor and put the program together.

    Raises:
        ModelError: with every mistake found in the methods reached.
    """
    tables, actors = _lower_all(entries, options)
    tables.errors.raise_if_any()
    # Starts may name state that no actor uses; it is entered so that its values are kept.
    initials = tuple(_initial(tables, start) for start in starts)
    program = Program(
        tuple(tables.variables),
        settle_points(actors, tables.touches if options.merged else (), options.overlaps),
        tuple(tables.rules),
        tuple(tables.counters),
        initials,
    )
    return check_program(program)


def _lower_all(entries: Sequence[Entry], options: Options) -> tuple[Tables, list[Actor]]:
    """Every actor lowered: those given, then those of parts that work by themselves and that
    somebody uses. How many there are matters to locks, and so do the locks that they take: what is
    found late means starting over.
    """
    every = list(entries)
    takers: frozenset[tuple[int, Context]] = frozenset()
    while True:
        tables = Tables(options, tuple(entry.name for entry in every), takers=takers)
        actors = [_lower(tables, number, entry) for number, entry in enumerate(every)]
        known = [entry.method for entry in every]
        found = [part.later for part in tables.later]
        new = [method for method in found if method is not None and method not in known]
        if not new and tables.handlers <= takers:
            return tables, actors
        takers |= tables.handlers
        for method in new:
            every.append(Entry(_unused(method, every), method, daemon=True))


def _unused(method: Callable[..., None], entries: Sequence[Entry]) -> str:
    """The name of the part, with a number if somebody else is called so."""
    part: Any = cast(MethodType, method).__self__
    taken = {entry.name for entry in entries}
    names = (part.name if number == 1 else f"{part.name}#{number}" for number in count(1))
    return next(name for name in names if name not in taken)


def _lower(tables: Tables, number: int, entry: Entry) -> Actor:
    """Lower one actor, again and again until no range grows any more after it was used.

    This ends: ranges only grow, and from round `ROUNDS` on each round caps at least one register
    for good, of which there are as many as places in the code.
    """
    kinds: dict[Key, Kind] = {}
    capped: set[Key] = set()
    mark = len(tables.touches)
    for round_number in count():
        del tables.touches[mark:]
        lowering = Lowering(tables, number, Hints(kinds, frozenset(capped)))
        lowering.run(entry)
        grown, late = lowering.grown()
        if not late or tables.errors.found:
            break
        bounded = {key: kinds[key] for key in capped}
        kinds = {**kinds, **grown, **bounded}
        if round_number + 1 >= ROUNDS:
            capped |= late
            kinds.update({key: _widened(kinds[key], tables) for key in late})
    code, registers = lowering.finish()
    return Actor(entry.name, code, registers, entry.daemon)


def _widened(kind: Kind, tables: Tables) -> Kind:
    """A range that keeps growing stops at a bound; what is assigned is then checked."""
    if kind.family not in (Family.INT, Family.COUNTER):
        return kind
    geometry = tables.options.geometry
    high = max(LOCAL_HIGH, geometry.pages, geometry.frames, kind.high)
    return Kind(kind.family, min(-high, kind.low) if kind.low < 0 else 0, high)


def _initial(tables: Tables, start: Start) -> tuple[tuple[int, int, int], ...]:
    return tuple(
        (tables.variable(declaration), index, value)
        for (declaration, index), value in start.values.items()
        if isinstance(declaration, Declaration)
    )


class Lowering(Statements):
    """The compiler for one actor."""

    def run(self, entry: Entry) -> None:
        """Lower the entry method; the actor's first operation is a point."""
        method = entry.method
        assert isinstance(method, MethodType)
        function: Any = method.__func__
        self.where = place_of(function)
        self.point()
        try:
            self.inline(function, Static(method.__self__), [*map(Static, entry.arguments)])
        except RefusedError as refused:
            if refused.diagnostic is not None:  # else an earlier one says it
                self.tables.errors.add(refused.diagnostic)
