"""Which steps may be taken at once, because it does not matter who runs before them.

The partial-order reduction of a search. Where an actor stands before a step that conflicts with
nothing that others can do before it (`footprints`), the runs in which others go first differ from
those in which it goes first only in order. So after every step, as long as there is an actor with
such a step, that step is taken as well, and no state is kept in between.

When step t of actor a may be taken at once in a state:

* t does not choose, and is enabled;
* every actor b whose future from here conflicts with t is *blocked* here: its step does not happen,
  and nobody outside this group could ever wake it before a moves, because no future of an outsider
  changes what decides b's step. So a group: a, the blocked, and those who could wake them, who are
  blocked too. Futures are taken up to locks that a, or the blocked one, holds;
* a does not stand at a point where it may rest for good, and t passes no check of a rule that a
  search looks past.

Then {t} is a persistent set (Godefroid, "Partial-Order Methods for the Verification of Concurrent
Systems", LNCS 1032, 1996, ch. 4). What it keeps, for a run from the state to an event, which is a
broken check, a deadlock, or an operation being reached, also in a step that is blocked in the
end: if a's group moves in it, t is its first step, and can be moved to the front; if not, t can
be put before it, and what the others do is the same after t. A deadlock is no exception: t would
still be enabled in it, and from where its actor may not rest, so it would be none.

Nothing is put off for ever: at most `MOST_EAGER` steps follow at once, and the state after them is
kept. States that are kept are expanded in full, by every actor. So every cycle has a state that is
expanded in full (the proviso C3 of Clarke, Grumberg and Peled, "Model Checking", 1999, 10.3).

All this is a function of the state alone. So both engines, any number of threads, and a search
taken up from a checkpoint do the same.

Not kept are the lengths of runs. `machine.search` therefore looks again, in full, for a shortest
run to what is broken.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from shootdown.program.footprints import NOTHING, Footprint, Footprints, step_from
from shootdown.program.known import KNOWN
from shootdown.program.operation import (
    Acquire,
    Check,
    Choose,
    Guard,
    Halt,
    Patience,
    Point,
    targets,
)
from shootdown.program.program import Actor, Program

MOST_EAGER = 256
"""how many steps are taken at once after a step; chains in shipped models are shorter than 30"""

Row = tuple[bool, ...]
"""one answer for each value of a pc, the last for the actor that is done"""


@dataclass(frozen=True, slots=True)
class Independence:
    """What decides, from pcs alone, which steps may be taken at once if others are blocked."""

    eager: tuple[Row, ...]
    """for each actor and its pc: it may have such a step"""
    waits: tuple[Row, ...]
    """for each actor and its pc: it may be blocked, and does not choose"""
    conflicts: tuple[tuple[tuple[Row, ...], ...], ...]
    """[a][b][pc of a][pc of b]: the future of b conflicts with the step of a"""
    wakes: tuple[tuple[tuple[Row, ...], ...], ...]
    """[a][b][pc of a][pc of b]: the future of b may change whether a is blocked"""

    def group(self, pcs: Sequence[int], actor: int) -> frozenset[int] | None:
        """Who else must be blocked for the step of an actor to be taken at once; None if somebody
        who is never blocked where it stands is among them, or the actor has no such step."""
        if not self.eager[actor][pcs[actor]]:
            return None
        found, work = {actor}, [actor]
        while work:
            one = work.pop()
            table = self.conflicts if one == actor else self.wakes
            for other in range(len(pcs)):
                if other not in found and table[one][other][pcs[one]][pcs[other]]:
                    if not self.waits[other][pcs[other]]:
                        return None
                    found.add(other)
                    work.append(other)
        return frozenset(found - {actor})


def find_independence(program: Program) -> Independence | None:
    """The tables of a program; None if no step of it can ever be taken at once."""
    steps = [tuple(_steps(program, actor)) for actor in program.actors]
    waits = tuple((*(step.waits for step in row), False) for row in steps)
    ends = [any(isinstance(op, Halt) for op in actor.code) for actor in program.actors]
    tables = _Tables(program, steps)
    conflicts, wakes = tables.make(wakes=False), tables.make(wakes=True)
    eager = tuple(
        (
            *(
                step.is_plain and _is_hopeful(conflicts[a], p, waits, ends)
                for p, step in enumerate(row)
            ),
            False,
        )
        for a, row in enumerate(steps)
    )
    if not any(any(row) for row in eager):
        return None
    return Independence(eager, waits, conflicts, wakes)


def _is_hopeful(
    conflicts: Sequence[Sequence[Row]], point: int, waits: Sequence[Row], ends: Sequence[bool]
) -> bool:
    """Whether every other actor can stand where it does not conflict, or may be blocked."""
    for other, table in enumerate(conflicts):
        if not table:
            continue
        row = table[point]
        places = zip(row if ends[other] else row[:-1], waits[other], strict=False)
        if all(conflict and not waits_there for conflict, waits_there in places):
            return False
    return True


@dataclass(frozen=True, slots=True)
class _Step:
    """The step from one point."""

    operations: tuple[int, ...]
    deciding: tuple[int, ...]
    """those after which the step may still turn out to be blocked"""
    chooses: bool
    looks_past: bool
    rests: bool

    @property
    def is_plain(self) -> bool:
        """It has one outcome, and the actor does not stay where it is for good."""
        return not (self.chooses or self.looks_past or self.rests)

    @property
    def waits(self) -> bool:
        """It may be blocked, and trying it is simple."""
        return bool(self.deciding) and not (self.chooses or self.looks_past)


def _steps(program: Program, actor: Actor) -> Iterator[_Step]:
    for start in actor.points:
        point = actor.code[start]
        assert isinstance(point, Point)
        operations = tuple(sorted(step_from(actor, start)))
        code = [actor.code[index] for index in operations]
        yield _Step(
            operations,
            tuple(_deciding(actor, operations)),
            any(isinstance(operation, Choose) for operation in code),
            any(isinstance(op, Check) and program.rules[op.rule].verdict == KNOWN for op in code),
            point.patience is Patience.REST,
        )


def _deciding(actor: Actor, operations: Sequence[int]) -> Iterator[int]:
    """The operations of a step from which a Guard or an Acquire can be reached in it."""
    inside = set(operations)
    found: set[int] = set()
    changed = True
    while changed:
        changed = False
        for index in inside - found:
            operation = actor.code[index]
            if isinstance(operation, Guard | Acquire) or found & set(targets(operation, index)):
                found.add(index)
                changed = True
    return iter(sorted(found))


class _Tables:
    """Conflicts of the steps of each actor with the futures of the others."""

    def __init__(self, program: Program, steps: Sequence[Sequence[_Step]]) -> None:
        self.program = program
        self.steps = steps
        self.footprints = Footprints(program)

    def make(self, wakes: bool) -> tuple[tuple[tuple[Row, ...], ...], ...]:
        """[a][b][pc of a][pc of b]; empty where a is b."""
        actors = range(len(self.program.actors))
        return tuple(
            tuple(() if a == b else tuple(self._rows(a, b, wakes)) for b in actors) for a in actors
        )

    def _rows(self, one: int, other: int, wakes: bool) -> Iterator[Row]:
        actor = self.program.actors[one]
        for start, step in zip(actor.points, self.steps[one], strict=True):
            footprint = self._footprint(one, step, wakes)
            futures = self.footprints.futures(other, self.footprints.locks.held[one][start])
            yield tuple(footprint.conflicts(future) for future in futures)
        yield (False,) * (self.program.actors[other].halted + 1)

    def _footprint(self, actor: int, step: _Step, wakes: bool) -> Footprint:
        if wakes:
            return self.footprints.of_all(actor, step.deciding).as_reads
        return self.footprints.of_all(actor, step.operations) if step.is_plain else NOTHING
