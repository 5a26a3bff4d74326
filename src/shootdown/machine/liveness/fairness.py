"""Who may stand still where, and for whom progress is asked."""

from __future__ import annotations

from enum import IntEnum

from shootdown.machine.result import Liveness
from shootdown.program.operation import Acquire, Patience, Point, Progress
from shootdown.program.program import Actor, Program


class Stay(IntEnum):
    """What it takes to stay at a point for ever."""

    FREE = 0
    """nothing: the actor is done, or may rest here"""
    WEAK = 1
    """that it cannot go on, again and again"""
    LOCK = 2
    """that it can never go on: it waits for a lock, and locks are given to those who wait"""
    IDLE = 3
    """as WEAK; and while it cannot go on it has no work"""


SYSTEM = -1
"""in place of the number of an actor: progress of anybody counts"""


def stays_of(actor: Actor) -> tuple[Stay, ...]:
    """For each pc of an actor, the last of which is that of one that is done."""
    return (*(_stay_at(actor, index) for index in actor.points), Stay.FREE)


def _stay_at(actor: Actor, index: int) -> Stay:
    point = actor.code[index]
    assert isinstance(point, Point)
    if point.patience is Patience.REST:
        return Stay.FREE
    if isinstance(actor.code[index + 1], Acquire):
        return Stay.LOCK
    return Stay.IDLE if point.patience is Patience.IDLE else Stay.WEAK


def is_at_work(stay: Stay, enabled: bool) -> bool:
    """Whether an actor that stands so has something to get done."""
    return stay is not Stay.FREE and (stay is not Stay.IDLE or enabled)


def watched(program: Program, liveness: Liveness) -> tuple[int, ...]:
    """Whose progress is asked for, in the order of asking.

    A daemon that never says `progress()` has promised nothing: it serves others, whose progress
    is asked for.
    """
    if liveness is Liveness.SYSTEM:
        return (SYSTEM,)
    promised = (
        number
        for number, actor in enumerate(program.actors)
        if not actor.daemon or any(isinstance(op, Progress) for op in actor.code)
    )
    return (SYSTEM, *promised)
