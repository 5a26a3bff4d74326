"""What is alike in a program, so that a search may take one for the other.

Actors that run the same code on state of their own: the threads of one `@thread(n)`, two tasks that
perform the same operation, devices with their workers. They come in *columns*: the actors that
have to change places together, such as device 0 and worker 0. Each pair of columns is tried, and
`renaming.is_automorphism` decides; columns that can change places with each other form a *family*,
and any permutation of a family is a composition of such exchanges, so it changes nothing either.

A loop over the devices in one fixed order, as in `for unit in units: unit.flush()`, tells them
apart: that device 0 was flushed and device 1 is waited for has no mirror image. Such devices are
not alike, and nothing is done about them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from itertools import combinations, pairwise

from shootdown.program.operation import Operation
from shootdown.program.program import Actor, Program
from shootdown.program.renaming import Element, Renaming, apply, is_automorphism
from shootdown.program.unify import guess_renaming


@dataclass(frozen=True, slots=True)
class Family:
    """Columns of actors that are alike, and the renamings that exchange neighbours."""

    columns: tuple[tuple[int, ...], ...]
    exchanges: tuple[Renaming, ...]
    """exchange i swaps columns i and i + 1"""

    @property
    def size(self) -> int:
        """How many columns there are."""
        return len(self.columns)


def find_families(program: Program) -> tuple[Family, ...]:
    """The families of actors, disjoint. Costs nothing where no two actors have the same shape."""
    classes = _shapes(program)
    found: list[Family] = []
    used: list[frozenset[int]] = []
    for count in range(1, len(classes) + 1):
        for chosen in combinations(range(len(classes)), count):
            rows = [classes[number] for number in chosen]
            if any(family <= set(chosen) for family in used) or len({*map(len, rows)}) > 1:
                continue
            families = list(_families(program, list(zip(*rows, strict=True))))
            found += families
            if families:
                used.append(frozenset(chosen))
    return _disjoint(found)


def _disjoint(families: list[Family]) -> tuple[Family, ...]:
    """Families without an actor that an earlier one has: they could not be permuted at will."""
    taken: set[int] = set()
    kept = []
    for family in families:
        actors = {actor for column in family.columns for actor in column}
        if not actors & taken:
            kept.append(family)
            taken |= actors
    return tuple(kept)


def _families(program: Program, columns: list[tuple[int, ...]]) -> Iterator[Family]:
    """Columns of the same actors, sorted into families."""
    rest = list(range(len(columns)))
    while rest:
        first, *others = rest
        alike = [first, *(other for other in others if _exchange(program, columns, first, other))]
        rest = [number for number in others if number not in alike]
        exchanges = [_exchange(program, columns, *pair) for pair in pairwise(alike)]
        known = tuple(renaming for renaming in exchanges if renaming)
        if known and len(known) == len(exchanges):
            yield Family(tuple(columns[number] for number in alike), known)


def _exchange(
    program: Program, columns: list[tuple[int, ...]], one: int, other: int
) -> Renaming | None:
    """The renaming that swaps two columns, if that changes nothing."""
    actors = list(range(len(program.actors)))
    for a, b in zip(columns[one], columns[other], strict=True):
        actors[a], actors[b] = b, a
    renaming = guess_renaming(program, tuple(actors))
    if renaming is None or not is_automorphism(program, renaming):
        return None
    return renaming if _keeps_starts(program, renaming) or _same_places(program, renaming) else None


def _keeps_starts(program: Program, renaming: Renaming) -> bool:
    """Whether the starts, renamed, are the starts: then so is everything that can be reached.

    Where they are not, a line that only one of two equal actors reaches would be taken for reached
    by both; that is harmless only if it is the same line.
    """
    starts = [_start(program, start) for start in program.initials]
    zeros = all(apply(values, 0) == 0 for row in renaming.registers for values in row)
    return zeros and all(_renamed(renaming, start) in starts for start in starts)


def _start(program: Program, start: tuple[tuple[int, int, int], ...]) -> dict[Element, int]:
    values = {
        (number, index): value
        for number, variable in enumerate(program.variables)
        for index, value in enumerate(variable.initial)
    }
    return values | {(number, index): value for number, index, value in start}


def _renamed(renaming: Renaming, start: dict[Element, int]) -> dict[Element, int]:
    return {
        renaming.elements[number][index]: apply(renaming.values[number][index], value)
        for (number, index), value in start.items()
    }


def _same_places(program: Program, renaming: Renaming) -> bool:
    """Whether actors that change places run the same lines of the source."""
    pairs = ((program.actors[n], program.actors[renaming.actors[n]]) for n in renaming.moved)
    return all(
        operation.where == twin.where
        for one, other in pairs
        for operation, twin in zip(one.code, other.code, strict=True)
    )


def _shapes(program: Program) -> list[list[int]]:
    """Actors whose code is equal but for operands, where there are at least two of them."""
    found: dict[tuple[object, ...], list[int]] = {}
    for number, actor in enumerate(program.actors):
        found.setdefault(_shape(actor), []).append(number)
    return [numbers for numbers in found.values() if len(numbers) > 1]


_OPERANDS = ("where", "access", "a", "b", "variable", "index")


def _shape(actor: Actor) -> tuple[object, ...]:
    return (actor.daemon, len(actor.registers), *map(_outline, actor.code))


def _outline(operation: Operation) -> tuple[object, ...]:
    rows = (field.name for field in fields(operation) if field.name not in _OPERANDS)
    return (type(operation), *(getattr(operation, name) for name in rows))
