"""Wide form: every element, pc and register an int32, for runs too big to pack.

A search needs small states; a replay needs one big state, quickly. Here every element has a place
of its own in one of two buffers: `mm` for one address space, `machine` for what all address
spaces share. The pc and the registers of every actor lie in `mm`.

Both engines of the runner keep to what this file says, so that their buffers are equal in the end:

* an actor **advances** from its saved point through point after point until it is back at a REST
  point, or halts, or is blocked, or has passed `Pace.fuel` points;
* pc and live registers are saved where it stops, and at every point whose step may fail, so that
  a step that fails needs no undoing: nothing else has happened yet (`wellformed` sees to that);
* while the driven actor is blocked, or out of fuel, the others take turns; each turn is an advance.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from shootdown.program.liveness import live_registers
from shootdown.program.operation import Acquire, Guard, Point, targets
from shootdown.program.program import Actor, Program

Buffer = NDArray[np.int32]
Numbers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Pace:
    """What keeps a run from spinning for ever in machine code."""

    fuel: int = 1 << 16
    """points an actor passes before the others get a turn"""
    turns: int = 256
    """turns of the others before a drive comes back to look for Ctrl-C"""
    patience: int = 1000
    """how often one row may come back so before it counts as endless"""


@dataclass(frozen=True, slots=True)
class Making:
    """How native code is made."""

    check_bounds: bool = False
    kept: str = ""
    """made quickly and kept on disk under this name, which no other program has: for programs that
    are large and do little in each drive; empty: made well, and not kept"""


class Status(IntEnum):
    """How an advance or a drive ended."""

    RESTED = 0
    """at a REST point; of a drive: every row done"""
    HALTED = 1
    BLOCKED = 2
    """of a drive: and nobody else can move"""
    SPENT = 3
    """out of fuel or turns; going on is possible"""
    ASLEEP = 4
    """asked to take a turn at a REST point or after its end"""
    BROKEN = 5
    """a check failed"""
    BAD_DIGIT = 6
    """a digit of the row is not among the choices"""
    NO_DIGIT = 7
    """the row has too few digits"""
    OUT_OF_RANGE = 8
    """an index left its array; only seen with bounds checks"""


class Board(IntEnum):
    """Places on the int64 board that passes between a drive and its caller."""

    ROW = 0
    """rows done"""
    POSITION = 1
    """digits of the row used so far"""
    RESUME = 2
    """1: the row has begun, go on"""
    TURN = 3
    """which of the others has its turn next"""
    PASSED = 4
    """points passed by the last advance"""
    RULE = 5
    ACTOR = 6
    PLACE = 7
    """rule, actor and operation of what went wrong"""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a variable lies: in the machine's buffer or the address space's, from `offset` on."""

    machine: bool
    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class WideLayout:
    """Sizes of the two buffers and where everything is."""

    mm: int
    machine: int
    variables: tuple[Place, ...]
    pcs: tuple[int, ...]
    registers: tuple[int, ...]
    """per actor where its registers begin in `mm`"""


def make_wide_layout(program: Program) -> WideLayout:
    """Actors first, so that what every row touches lies together; then variables as declared."""
    sizes = {False: 0, True: 0}
    pcs, registers, places = [], [], []
    for actor in program.actors:
        pcs.append(sizes[False])
        registers.append(sizes[False] + 1)
        sizes[False] += 1 + len(actor.registers)
    for variable in program.variables:
        machine = variable.segment == "machine"
        places.append(Place(machine, sizes[machine], variable.length))
        sizes[machine] += variable.length
    return WideLayout(sizes[False], sizes[True], tuple(places), tuple(pcs), tuple(registers))


def may_block(actor: Actor) -> tuple[bool, ...]:
    """For each point whether the step from there can meet a guard or an acquire."""
    return tuple(_meets_wait(actor, index) for index in actor.points)


def _meets_wait(actor: Actor, point: int) -> bool:
    seen: set[int] = set()
    work = list(targets(actor.code[point], point))
    while work:
        index = work.pop()
        operation = actor.code[index]
        if isinstance(operation, Guard | Acquire):
            return True
        if index in seen or isinstance(operation, Point):
            continue
        seen.add(index)
        work += targets(operation, index)
    return False


def saved_registers(actor: Actor) -> tuple[tuple[int, ...], ...]:
    """For each point the registers saved there."""
    return live_registers(actor)


@dataclass(frozen=True, slots=True, eq=False)
class Buffers:
    """What a drive works on: an address space, the machine, the event counters."""

    mm: Buffer
    machine: Buffer
    counters: Numbers


class Driver(Protocol):
    """An engine of the runner."""

    def drive(self, buffers: Buffers, actor: int, digits: Numbers, board: Numbers) -> Status:
        """Rows of digits, from row `board[ROW]` on, until done or something is in the way."""
