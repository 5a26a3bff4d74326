"""The operations: everything a program can do, and nothing else.

An actor is a list of these, executed from index 0. Operands are registers of the actor or
constants; all values are integers of at most 63 bits. Shared state is only touched by the
operations of the groups *shared state* and *locks*. Jumps name the index of an operation in the
same list.

The unit of interleaving is the **step**: an actor waits at a `Point`; a step executes everything
from there to the next `Point` (or `Halt`). Nobody else runs in between. A step whose `Guard` fails
or whose `Acquire` finds the lock taken does not happen at all: no effect of it is kept, and the
actor stays at its point. `wellformed` states the rest of the rules.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from shootdown.program.where import Where


@dataclass(frozen=True, slots=True)
class Reg:
    """A register of the actor, by its index in `Actor.registers`."""

    index: int


@dataclass(frozen=True, slots=True)
class Const:
    """A constant."""

    value: int


Operand = Reg | Const


class Arithmetic(Enum):
    """Operators of `Binary`. Comparisons yield 0 or 1; division and modulus floor, as in Python."""

    ADD = "+"
    SUB = "-"
    MUL = "*"
    DIV = "//"
    MOD = "%"
    AND = "&"
    OR = "|"
    XOR = "^"
    SHL = "<<"
    SHR = ">>"
    EQ = "=="
    NE = "!="
    LT = "<"
    LE = "<="


class Mode(Enum):
    """How a lock is held. A spinlock or mutex only knows WRITE."""

    READ = "read"
    WRITE = "write"


class Patience(Enum):
    """What it means that an actor never leaves a point; this decides what is a deadlock."""

    MUST = "must go on"
    """a system call, a lock: staying here for ever is a hang"""
    IDLE = "idle while blocked"
    """a worker without work: harmless while it cannot go on, but it does go on when it can"""
    REST = "may rest"
    """a device between two accesses: it may stop for good although it could go on"""


class Manner(Enum):
    """How an operation touches shared state; this decides what is a data race (`machine.races`)."""

    PLAIN = "plain"
    """as C does it: no other actor may come near meanwhile"""
    MARKED = "marked"
    """READ_ONCE, WRITE_ONCE, an atomic operation, a wait, hardware: made for concurrency"""
    RULE = "by a rule"
    """the system does not do this at all"""


@dataclass(frozen=True, slots=True)
class Access:
    """Why a point stands where it stands: the variable touched, and the locks held meanwhile."""

    variable: int
    write: bool
    held: frozenset[tuple[int, Mode]]
    ghost: bool = False
    """made by a rule, not by the system: it never needs a point and never makes others need one"""


# --- values -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Move:
    """dst = a"""

    where: Where
    dst: Reg
    a: Operand


@dataclass(frozen=True, slots=True)
class Binary:
    """dst = a operator b; the divisor of DIV and MOD is a non-zero constant"""

    where: Where
    dst: Reg
    operator: Arithmetic
    a: Operand
    b: Operand


@dataclass(frozen=True, slots=True)
class Choose:
    """dst = any of 0 .. bound - 1; every choice is explored"""

    where: Where
    dst: Reg
    bound: int


# --- shared state -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Load:
    """dst = variable[index]"""

    where: Where
    dst: Reg
    variable: int
    index: Operand
    manner: Manner = Manner.PLAIN


@dataclass(frozen=True, slots=True)
class Store:
    """variable[index] = a; a COUNTER keeps the low bits of a, any other kind already holds a"""

    where: Where
    variable: int
    index: Operand
    a: Operand
    manner: Manner = Manner.PLAIN


# --- locks --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Acquire:
    """take the lock in this mode; where it is not free, the step does not happen"""

    where: Where
    variable: int
    mode: Mode


@dataclass(frozen=True, slots=True)
class Release:
    """give the lock back, held in this mode"""

    where: Where
    variable: int
    mode: Mode


@dataclass(frozen=True, slots=True)
class Downgrade:
    """turn a write-held lock into a read-held one; never waits"""

    where: Where
    variable: int


# --- control ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Jump:
    """go on at target"""

    where: Where
    target: int


@dataclass(frozen=True, slots=True)
class Branch:
    """go on at then if a is not 0, at other if it is"""

    where: Where
    a: Operand
    then: int
    other: int


@dataclass(frozen=True, slots=True)
class Point:
    """others may run here"""

    where: Where
    access: Access | None = None
    """the access that follows; None: the point stays whatever the passes find (waits, locks)"""
    loop: bool = False
    """stands at the head of a loop, and is only needed if the loop has no other point"""
    patience: Patience = Patience.MUST


@dataclass(frozen=True, slots=True)
class Guard:
    """go on only if a is not 0; otherwise the step does not happen"""

    where: Where
    a: Operand


@dataclass(frozen=True, slots=True)
class Halt:
    """the actor is done"""

    where: Where


# --- judgement and account ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Check:
    """the rule is broken if a is 0; every check reached counts as an exercise of the rule"""

    where: Where
    a: Operand
    rule: int


@dataclass(frozen=True, slots=True)
class Count:
    """add a to an event counter, which is not part of the state: replay reads it, search not"""

    where: Where
    counter: int
    a: Operand


@dataclass(frozen=True, slots=True)
class Progress:
    """the step gets something done: a run that goes on for ever without one gets nowhere"""

    where: Where


Operation = (
    Move
    | Binary
    | Choose
    | Load
    | Store
    | Acquire
    | Release
    | Downgrade
    | Jump
    | Branch
    | Point
    | Guard
    | Halt
    | Check
    | Count
    | Progress
)


def targets(operation: Operation, index: int) -> tuple[int, ...]:
    """The indexes at which execution can go on after the operation at `index`."""
    match operation:
        case Jump():
            return (operation.target,)
        case Branch():
            return (operation.then, operation.other)
        case Halt():
            return ()
        case _:
            return (index + 1,)


def reads(operation: Operation) -> tuple[int, ...]:
    """The registers whose values the operation needs."""
    match operation:
        case Move() | Branch() | Guard() | Check() | Count():
            used: tuple[Operand, ...] = (operation.a,)
        case Binary():
            used = (operation.a, operation.b)
        case Load():
            used = (operation.index,)
        case Store():
            used = (operation.index, operation.a)
        case _:
            used = ()
    return tuple(operand.index for operand in used if isinstance(operand, Reg))


def writes(operation: Operation) -> int | None:
    """The register the operation sets, if it sets one."""
    match operation:
        case Move() | Binary() | Choose() | Load():
            return operation.dst.index
        case _:
            return None
