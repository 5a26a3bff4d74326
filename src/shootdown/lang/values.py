"""What an expression is while compiling.

Either it is known now (`Static`: any Python object) or only when the machine runs (`Dynamic`: an
operand and its kind); or it is built from both (`Struct`, `Items`), or stands for something that
can only be used in one way (`Method`, `LockUse`, `Parent`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum
from types import FunctionType
from typing import Any

from shootdown.lang.contexts import Context
from shootdown.lang.declaration import Declaration
from shootdown.lang.paging import Pte
from shootdown.lang.state import enum_kind
from shootdown.program import kind as kinds
from shootdown.program.kind import Family, Kind
from shootdown.program.operation import Arithmetic, Const, Mode, Operand


@dataclass(frozen=True, slots=True)
class Static:
    """A Python object known while compiling."""

    value: Any


@dataclass(frozen=True, slots=True)
class Dynamic:
    """A number that the machine computes."""

    operand: Operand
    kind: Kind


@dataclass(frozen=True, slots=True)
class Struct:
    """An instance of a frozen dataclass of which some field is only known when running."""

    cls: type
    fields: dict[str, Value]


@dataclass(frozen=True, slots=True)
class Items:
    """A tuple or a list of values."""

    values: tuple[Value, ...]
    type: type[tuple[Any, ...]] | type[list[Any]] = tuple


@dataclass(frozen=True, slots=True)
class Method:
    """A compiled function with the value it is called on."""

    function: FunctionType
    receiver: Value


@dataclass(frozen=True, slots=True)
class LockUse:
    """A lock and the mode in which `with` is to take it."""

    lock: Declaration
    mode: Mode
    off: Context = Context.PROCESS
    """what cannot interrupt whoever holds it; PROCESS: anything can"""


@dataclass(frozen=True, slots=True)
class Parent:
    """`super()`: the object, seen from above a class of its."""

    instance: Any
    above: type


@dataclass(frozen=True, slots=True)
class Poison:
    """The value of something already refused; using it raises no second error."""


Value = Static | Dynamic | Struct | Items | Method | LockUse | Parent | Poison

TRUE, FALSE, NONE = Static(True), Static(False), Static(None)


def is_scalar(value: Value) -> bool:
    """Whether the value is, or can be put into, one register."""
    if isinstance(value, Static):
        return isinstance(value.value, int | Pte | Enum)
    return isinstance(value, Dynamic)


def is_member(value: Value) -> bool:
    """Whether the value is a member of an Enum that is no number."""
    if isinstance(value, Static):
        return isinstance(value.value, Enum) and not isinstance(value.value, int)
    return isinstance(value, Dynamic) and value.kind.family is Family.ENUM


def _position(member: Enum) -> int:
    return list(type(member)).index(member)


def operand_of(value: Static | Dynamic) -> Operand:
    """The operand for a scalar."""
    if isinstance(value, Dynamic):
        return value.operand
    known = value.value
    if is_member(value):
        return Const(_position(known))
    return Const(known.value if isinstance(known, Pte) else int(known))


def kind_of(value: Static | Dynamic) -> Kind:
    """The kind of a scalar; a known one has a range of one value."""
    if isinstance(value, Dynamic):
        return value.kind
    known = value.value
    if is_member(value):
        position = _position(known)
        return replace(enum_kind(type(known)), low=position, high=position)
    if isinstance(known, Pte):
        return Kind(Family.PTE, known.value, known.value)
    if isinstance(known, bool):
        return kinds.FLAG
    return kinds.integer(known, known)


def describe(value: Value) -> str:
    """What a value is, for an error message."""
    match value:
        case Static(value=None):
            return "None"
        case Static(value=Declaration() as state):
            return f"the {'lock' if state.is_lock else 'state'} `{state.name}`"
        case Static(value=known):
            return _describe_known(known)
        case Dynamic(kind=Kind(family=Family.ENUM, title=title)):
            return f"a member of {title.rpartition('.')[2]}"
        case Dynamic(kind=kind):
            return f"{_FAMILIES[kind.family]} known only when the model runs"
        case Struct(cls=cls):
            return f"a {cls.__name__}"
        case Items():
            return f"a {value.type.__name__}"
        case LockUse():
            return "a lock"
        case _:
            return "a method"


def _describe_known(known: Any) -> str:
    if isinstance(known, Enum):
        return f"`{known}`"
    if isinstance(known, int | float | str | bytes | tuple | range | Pte):
        return f"{type(known).__name__} `{known!r}`"[:60]
    if isinstance(known, type | FunctionType):
        return f"`{known.__name__}`"
    return f"a {type(known).__name__}"


_FAMILIES = {
    Family.INT: "a number",
    Family.FLAG: "a flag",
    Family.COUNTER: "a counter",
    Family.CPUMASK: "a set of CPUs",
    Family.PTE: "a page-table entry",
    Family.LOCK: "a lock",
    Family.RWLOCK: "a lock",
}


def interval(operator: Arithmetic, a: Kind, b: Kind) -> Kind:
    """The range of `a operator b`."""
    if operator in COMPARISONS:
        return kinds.FLAG
    function = _INTERVALS[operator]
    low, high = function(a, b)
    return kinds.integer(low, high)


COMPARISONS = (Arithmetic.EQ, Arithmetic.NE, Arithmetic.LT, Arithmetic.LE)


def _corners(f: Callable[[int, int], int]) -> Callable[[Kind, Kind], tuple[int, int]]:
    def bounds(a: Kind, b: Kind) -> tuple[int, int]:
        found = [f(x, y) for x in (a.low, a.high) for y in (b.low, b.high)]
        return min(found), max(found)

    return bounds


def _bitwise(a: Kind, b: Kind) -> tuple[int, int]:
    if a.low < 0 or b.low < 0:
        size = 1 << max(k.bit_length() for k in (a.low, a.high, b.low, b.high))
        return -size, size - 1
    return 0, (1 << max(a.high.bit_length(), b.high.bit_length())) - 1


def _and(a: Kind, b: Kind) -> tuple[int, int]:
    if a.low >= 0 and b.low >= 0:
        return 0, min(a.high, b.high)
    return _bitwise(a, b)


def _shift(f: Callable[[int, int], int]) -> Callable[[Kind, Kind], tuple[int, int]]:
    def bounds(a: Kind, b: Kind) -> tuple[int, int]:
        clipped = Kind(Family.INT, max(b.low, 0), min(max(b.high, 0), 62))
        return _corners(f)(a, clipped)

    return bounds


def _mod(a: Kind, b: Kind) -> tuple[int, int]:
    return (a.low, a.high) if a.low >= 0 and a.high < b.low else (0, b.high - 1)


_INTERVALS: dict[Arithmetic, Callable[[Kind, Kind], tuple[int, int]]] = {
    Arithmetic.ADD: lambda a, b: (a.low + b.low, a.high + b.high),
    Arithmetic.SUB: lambda a, b: (a.low - b.high, a.high - b.low),
    Arithmetic.MUL: _corners(lambda x, y: x * y),
    Arithmetic.DIV: lambda a, b: (a.low // b.low, a.high // b.low),
    Arithmetic.MOD: _mod,
    Arithmetic.AND: _and,
    Arithmetic.OR: _bitwise,
    Arithmetic.XOR: _bitwise,
    Arithmetic.SHL: _shift(lambda x, y: x << y),
    Arithmetic.SHR: _shift(lambda x, y: x >> y),
}
