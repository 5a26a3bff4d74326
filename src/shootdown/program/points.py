"""Where others may run in between: the pass that keeps a point only where somebody could notice.

Lowering puts a candidate point before every access to shared state. A candidate goes away when the
access is provably private:

* the variable is never written, or only one actor ever touches it;
* one lock protects it: every write holds that lock for writing and every read holds it somehow.
  Then nobody else can be inside such a section at the same time, so the access commutes with every
  step of the others and may belong to the step before it (Lipton, "Reduction", CACM 18(12), 1975).

A release needs no point of its own for the same reason: giving a lock back commutes to the left.

For runs that go on for ever one thing can be noticed after all: readers that overlap again and
again, and so keep a writer out without any of them staying. A section under a lock held for reading
that is one step overlaps with none. So for liveness points inside such sections stay. Sections of
one holder may be one step: whoever waits for their lock gets it in the end (`machine.liveness`),
whether others hold it for a step or for several.
Points of waits and acquires always stay. Accesses by rules (`ghost`) neither get points nor cost
the system's accesses theirs; what a rule may therefore look at is said in `lang.declare.ghost`.

A loop must not turn for ever inside one step, so the candidate at the head of a loop stays if
the loop has no other point left on some way round.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from shootdown.program.operation import (
    Access,
    Branch,
    Jump,
    Mode,
    Operation,
    Patience,
    Point,
    targets,
)
from shootdown.program.program import Actor


@dataclass(frozen=True, slots=True)
class Touch:
    """One access found while lowering: who, what, and under which locks."""

    actor: int
    access: Access


def settle_points(
    actors: Sequence[Actor], touches: Sequence[Touch], overlaps: bool = False
) -> tuple[Actor, ...]:
    """The actors with only the points that matter. `touches` are all accesses of all actors; with
    `overlaps`, those under a lock held for reading matter."""
    private = private_variables(touches)
    return tuple(_settle(actor, private, overlaps) for actor in actors)


def private_variables(touches: Sequence[Touch]) -> frozenset[int]:
    """The variables whose accesses nobody can observe in between."""
    rows: dict[int, list[Touch]] = defaultdict(list)
    for touch in touches:
        if not touch.access.ghost:
            rows[touch.access.variable].append(touch)
    return frozenset(variable for variable, found in rows.items() if _is_private(found))


def _is_private(touches: Sequence[Touch]) -> bool:
    if len({touch.actor for touch in touches}) == 1:
        return True
    if not any(touch.access.write for touch in touches):
        return True
    return bool(frozenset.intersection(*(_protectors(touch.access) for touch in touches)))


def _protectors(access: Access) -> frozenset[int]:
    """The locks that protect this access: any mode for a read, WRITE for a write."""
    return frozenset(lock for lock, mode in access.held if mode is Mode.WRITE or not access.write)


def _shares(access: Access) -> bool:
    """Whether a lock is held that others may hold at the same time."""
    return any(mode is Mode.READ for _, mode in access.held)


def _settle(actor: Actor, private: frozenset[int], overlaps: bool) -> Actor:
    drop = {
        index
        for index, op in enumerate(actor.code)
        if isinstance(op, Point)
        and index > 0
        and op.access is not None
        and (op.access.ghost or op.access.variable in private)
        and (op.access.ghost or not (overlaps and _shares(op.access)))
    }
    loops = [i for i, op in enumerate(actor.code) if isinstance(op, Point) and op.loop]
    drop.update(loops)
    for head in reversed(loops):
        if _turns_without_point(actor.code, head, drop):
            drop.discard(head)
    code = remove(actor.code, drop - {0})
    return replace(actor, code=remove(code, set(_empty_steps(code))))


def _empty_steps(code: Sequence[Operation]) -> list[int]:
    """Points directly before another point: a step in which nothing happens."""
    return [
        index
        for index, (here, after) in enumerate(pairwise(code))
        if isinstance(here, Point) and isinstance(after, Point) and here.patience is Patience.MUST
    ]


def _turns_without_point(code: Sequence[Operation], head: int, dropped: set[int]) -> bool:
    """Whether execution can come back to `head` without passing a point that stays."""
    seen: set[int] = set()
    work = list(targets(code[head], head))
    while work:
        index = work.pop()
        if index == head:
            return True
        if index in seen or (isinstance(code[index], Point) and index not in dropped):
            continue
        seen.add(index)
        work += targets(code[index], index)
    return False


def remove(code: Sequence[Operation], drop: set[int]) -> tuple[Operation, ...]:
    """The code without some operations; jumps to one of them lead to what follows it."""
    new_index, kept = [], 0
    for index in range(len(code)):
        new_index.append(kept)
        kept += index not in drop
    return tuple(
        retarget(operation, new_index) for index, operation in enumerate(code) if index not in drop
    )


def retarget(operation: Operation, new_index: Sequence[int]) -> Operation:
    match operation:
        case Jump():
            return replace(operation, target=new_index[operation.target])
        case Branch():
            then, other = new_index[operation.then], new_index[operation.other]
            return replace(operation, then=then, other=other)
        case _:
            return operation
