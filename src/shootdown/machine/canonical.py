"""Canonical forms: of all the states that are alike, one, always the same.

A search with symmetry keeps of each state only its canonical form: the least, as words, of all that
exchanges of actors can make of it (`program.symmetry`), each with its page frames renumbered
(`machine.renumber`). The form is a function of the state and of
nothing else, so the search loops need not know about it, and neither threads nor checkpoints can
change what is found. A state and its form can do the same, so the shortest way to a broken rule is
as long among forms as it is among states; `search.retrace` turns it into a run that happens.

`Plan` says how packed words change when neighbours change places, in terms both engines carry
out: copy bits, then rename some values. This file carries it out in Python; `native.canon` makes
machine code of it. Every permutation of a family is met by walking from one to the next by
exchanges of neighbours ("plain changes", Knuth, TAOCP 4A, 7.2.1.2, algorithm P). Where there are
more than MOST_IMAGES of them the walk only sorts: neighbours change places if that makes the state
less. Alike states may then have several forms, which costs states and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import factorial, prod

from shootdown.machine.renumber import FramePlan, make_frame_plan, renumbered
from shootdown.program.frames import Frames
from shootdown.program.layout import WORD, Field, Frame, Layout
from shootdown.program.program import Program
from shootdown.program.renaming import Renaming, ValueMap, apply
from shootdown.program.symmetry import Family

MOST_IMAGES = 720
"""states compared for one canonical form; six threads that are alike"""

_Words = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Copy:
    """Bits that go somewhere else: `bits` bits, from (word, shift) to (word, shift)."""

    bits: int
    source: tuple[int, int]
    target: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Rename:
    """A value that becomes another on its way; `when` is a pc and its value, None for always."""

    source: Field
    target: Field
    values: ValueMap
    when: tuple[Field, int] | None = None
    """of the actor whose register it is, before it moved"""


@dataclass(frozen=True, slots=True)
class Exchange:
    """What becomes of the words when two neighbours change places."""

    kept: tuple[int, ...]
    """per word, the bits that stay"""
    copies: tuple[Copy, ...]
    renames: tuple[Rename, ...]
    """done last, with values from before"""


@dataclass(frozen=True, slots=True)
class Plan:
    """How to find the canonical form of a state."""

    families: tuple[Family, ...]
    exchanges: tuple[Exchange, ...]
    walk: tuple[int, ...]
    """exchanges one after the other"""
    sorts: bool
    """an exchange that does not make the state less is taken back"""
    frames: FramePlan | None
    """every state compared has its frames renumbered first"""


def make_plan(
    program: Program, layout: Layout, families: Sequence[Family], frames: Frames | None = None
) -> Plan | None:
    """The plan for families of actors and for frames; None if nothing is alike."""
    exchanges = [
        _exchange(program, layout, renaming) for family in families for renaming in family.exchanges
    ]
    fresh = (
        {number: program.variables[number].initial[0] for number in frames.arrays} if frames else {}
    )
    frame_plan = make_frame_plan(frames, layout, fresh)
    if not exchanges and frame_plan is None:
        return None
    sizes = [family.size for family in families]
    sorts = prod(map(factorial, sizes)) > MOST_IMAGES
    walk = _sorting(sizes) if sorts else _all_permutations(sizes)
    return Plan(tuple(families), tuple(exchanges), tuple(walk), sorts, frame_plan)


def canonical(plan: Plan, words: _Words) -> _Words:
    """The form that stands for the state."""
    best = current = _settled(plan, words)
    for number in plan.walk:
        current = exchanged(plan.exchanges[number], best if plan.sorts else current)
        current = _settled(plan, current)
        best = min(best, current)
    return best


def _settled(plan: Plan, words: _Words) -> _Words:
    return renumbered(plan.frames, words) if plan.frames else words


def credited(plan: Plan | None, reached: frozenset[tuple[int, int]]) -> frozenset[tuple[int, int]]:
    """What actors reached, as (actor, operation), credited to all that are alike.

    Of runs that differ only in who is who, a search with symmetry sees one.
    """
    more: set[tuple[int, int]] = set()
    for family in plan.families if plan else ():
        for row in zip(*family.columns, strict=True):
            found = {index for actor, index in reached if actor in row}
            more.update((actor, index) for actor in row for index in found)
    return reached | more


def exchanged(exchange: Exchange, words: _Words) -> _Words:
    """The state after two neighbours changed places."""
    out = [word & kept for word, kept in zip(words, exchange.kept, strict=True)]
    for copy in exchange.copies:
        (source, low), (target, shift) = copy.source, copy.target
        out[target] |= (words[source] >> low & (1 << copy.bits) - 1) << shift
    for rename in exchange.renames:
        if rename.when is None or _raw(words, rename.when[0]) == rename.when[1]:
            field = rename.target
            old = _raw(words, rename.source) + rename.source.low
            mask = (1 << field.bits) - 1 << field.shift
            value = apply(rename.values, old) - field.low << field.shift
            out[field.word] = out[field.word] & ~mask | value & mask
    return tuple(out)


def _raw(words: _Words, field: Field) -> int:
    return words[field.word] >> field.shift & (1 << field.bits) - 1


# --- walks --------------------------------------------------------------------------------------


def _all_permutations(sizes: Sequence[int]) -> list[int]:
    """Exchanges that lead through every arrangement of all families together, once each."""
    first = sum(size - 1 for size in sizes)
    walk: list[int] = []
    for size in reversed(sizes):
        first -= size - 1
        longer = list(walk)
        for change in plain_changes(size):
            longer += [first + change, *walk]
        walk = longer
    return walk


def plain_changes(size: int) -> Iterator[int]:
    """Which neighbours to exchange, in turn, to meet all arrangements of `size` things."""
    if size < 2:
        return
    inner = [*plain_changes(size - 1), None]
    for turn, change in enumerate(inner):
        down = turn % 2 == 0
        yield from reversed(range(size - 1)) if down else range(size - 1)
        if change is not None:
            yield change + down


def _sorting(sizes: Sequence[int]) -> Iterator[int]:
    """Bubble sort, family by family."""
    first = 0
    for size in sizes:
        for last in range(size - 1, 0, -1):
            yield from range(first, first + last)
        first += size - 1


# --- exchanges ----------------------------------------------------------------------------------


def _exchange(program: Program, layout: Layout, renaming: Renaming) -> Exchange:
    copies: list[Copy] = []
    renames: list[Rename] = []
    for number, slots in enumerate(layout.variables):
        for index in range(slots.length):
            variable, image = renaming.elements[number][index]
            source, target = slots.at(index), layout.variables[variable].at(image)
            values = renaming.values[number][index]
            copies += _copy(source, target)
            if values:
                renames.append(Rename(source, target, values))
    for number, actor in enumerate(renaming.actors):
        one, other = layout.actors[number], layout.actors[actor]
        copies += _copy(one.pc, other.pc)
        copies += _copy_area(one, other)
        renames += _rename_registers(one, other, renaming.registers[number])
    moved = [copy for copy in copies if copy.source != copy.target]
    kept = [(1 << WORD) - 1] * layout.words
    for copy in moved:
        kept[copy.target[0]] &= ~((1 << copy.bits) - 1 << copy.target[1])
    return Exchange(tuple(kept), tuple(_joined(moved)), tuple(r for r in renames if r.source.bits))


def _copy(source: Field, target: Field) -> list[Copy]:
    places = (source.word, source.shift), (target.word, target.shift)
    return [Copy(source.bits, *places)] if source.bits else []


def _copy_area(one: Frame, other: Frame) -> Iterator[Copy]:
    """The registers, wherever they lie: at different points they share bits."""
    places = {
        ((a.word, bit), (b.word, bit - a.shift + b.shift))
        for row, twin in zip(one.registers, other.registers, strict=True)
        for (_, a), (_, b) in zip(row, twin, strict=True)
        for bit in range(a.shift, a.shift + a.bits)
    }
    for source, target in sorted(places):
        yield Copy(1, source, target)


def _rename_registers(one: Frame, other: Frame, maps: Sequence[ValueMap]) -> Iterator[Rename]:
    for point, (row, twin) in enumerate(zip(one.registers, other.registers, strict=True)):
        for (register, source), (_, target) in zip(row, twin, strict=True):
            if maps[register]:
                yield Rename(source, target, maps[register], (one.pc, point))


def _joined(copies: Iterable[Copy]) -> Iterator[Copy]:
    """Neighbouring bits that go to neighbouring places are one copy."""
    last: Copy | None = None
    for copy in sorted(copies, key=lambda copy: copy.source):
        if last and _continues(last, copy):
            last = Copy(last.bits + copy.bits, last.source, last.target)
            continue
        if last:
            yield last
        last = copy
    if last:
        yield last


def _continues(last: Copy, copy: Copy) -> bool:
    places = ((last.source, copy.source), (last.target, copy.target))
    return all((a[0], a[1] + last.bits) == b for a, b in places)
