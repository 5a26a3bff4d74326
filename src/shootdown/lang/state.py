"""Kinds of state, named like the types they stand for.

State is declared in `__init__` and used like the plain value it holds: `self.seq = Counter()`, then
`self.seq += 1`. The functions below therefore promise a type checker the value's type, while at run
time they return a `Declaration` that the compiler recognises.
"""

# ruff: noqa: N802  (kinds of state are named like the types they stand for)

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import Enum
from enum import Flag as FlagEnum
from typing import Any, Generic, TypeVar, cast, overload

from shootdown.lang.actions import NotCompiledError
from shootdown.lang.declaration import ACTORS, Declaration
from shootdown.lang.paging import Pte
from shootdown.program import kind as kinds
from shootdown.program.kind import Kind

MOST_ELEMENTS = 1 << 16
"""of one array: many kilobytes for each state are no model that anybody can search"""

T = TypeVar("T")
E = TypeVar("E", bound=Enum)


def _declared(declaration: Declaration) -> Any:
    return declaration


def Flag(initial: bool = False) -> bool:
    """True or false."""
    return cast(bool, _declared(Declaration("flag", initial=int(initial))))


def Int(low: int, high: int, initial: int | None = None, names: Sequence[str] = ()) -> int:
    """A whole number from `low` to `high`; leaving the range breaks the rule `range`.

    `names` are the words that reports use for the values: `Int(0, 1, names=("idle", "busy"))`.
    """
    first = low if initial is None else initial
    if not low <= first <= high:
        raise ValueError(f"Int({low}, {high}) cannot start with {first}")
    if names and (isinstance(names, str) or len(names) != high - low + 1):
        raise ValueError(f"Int({low}, {high}) takes {high - low + 1} names, one for each value")
    return cast(int, _declared(Declaration("int", low, high, first, names=tuple(names))))


def EnumState(enum: type[E], initial: E | None = None) -> E:
    """A member of an Enum, at first `initial` or the one defined first.

    Members are equal to themselves only: an Enum that is also a number, or defines `==`, is none.
    """
    members = list(enum) if isinstance(enum, type) and issubclass(enum, Enum) else []
    if not members or enum.__eq__ is not object.__eq__ or issubclass(enum, FlagEnum):
        raise TypeError("EnumState takes a plain Enum; for numbers write Int(low, high, names=…)")
    first = members[0] if initial is None else initial
    if first not in members:
        raise ValueError(f"EnumState({enum.__name__}) cannot start with {first!r}")
    kind = enum_kind(enum)
    return cast(
        E,
        _declared(
            Declaration(
                "enum",
                0,
                kind.high,
                members.index(first),
                names=kind.names,
                title=kind.title,
                members=tuple(members),
            )
        ),
    )


def enum_kind(enum: type[Enum]) -> Kind:
    """The kind of all members of an Enum: a value is the position of one."""
    names = tuple(member.name for member in enum)
    title = f"{enum.__module__}.{enum.__qualname__}"
    return Kind(kinds.Family.ENUM, 0, len(names) - 1, names, title=title)


def Counter(initial: int = 0) -> int:
    """Counts up from `initial` and wraps, as an unsigned integer in C.

    The checker picks a width, and takes a wider one when a run could tell the difference. Going
    below 0 breaks the rule `counter-underflow`: begin and end did not balance.
    """
    return cast(int, _declared(Declaration("counter", initial=initial)))


def FrameNumber() -> int:
    """The number of a page frame, a pfn."""
    return cast(int, _declared(Declaration("frame")))


def PageNumber() -> int:
    """The number of a page, or the number of pages: the end of a range."""
    return cast(int, _declared(Declaration("page")))


def CpuMask() -> int:
    """A set of CPUs, one bit for each: cpumask_t. Every actor is a CPU, by its number."""
    return cast(int, _declared(Declaration("cpumask")))


class Array(Generic[T]):
    """A fixed number of values: `Array(Flag, 2)`, `Array(Int(0, 3), 4)`.

    Also what `PerPage` and its sisters promise to the type checker; a `Declaration` at run time.
    """

    @overload
    def __new__(cls, element: Callable[..., T], length: int) -> Array[T]: ...
    @overload
    def __new__(cls, element: T, length: int) -> Array[T]: ...
    def __new__(cls, element: Any, length: int) -> Any:
        if not 1 <= length <= MOST_ELEMENTS:
            raise ValueError(f"Array(…, {length}): an array has 1 to {MOST_ELEMENTS} elements")
        return _array(element, length)

    def __getitem__(self, index: int) -> T:
        raise NotCompiledError

    def __setitem__(self, index: int, value: T) -> None:
        raise NotCompiledError

    def __len__(self) -> int:
        raise NotCompiledError


def _array(element: Any, shape: str | int) -> Any:
    if element is Pte:
        return Declaration("pte", shape=shape)
    declaration = element() if callable(element) else element
    if not isinstance(declaration, Declaration) or declaration.is_array or declaration.is_lock:
        raise TypeError("an array holds Pte, Flag, Counter, Int(low, high) or a number of a frame")
    declaration.shape = shape
    return declaration


@overload
def PerPage(element: Callable[..., T]) -> Array[T]: ...
@overload
def PerPage(element: T) -> Array[T]: ...
def PerPage(element: Any) -> Any:
    """One value for each page of the address space: `PerPage(Pte)`, `PerPage(Int(0, 2))`."""
    return _array(element, "pages")


@overload
def PerTable(element: Callable[..., T]) -> Array[T]: ...
@overload
def PerTable(element: T) -> Array[T]: ...
def PerTable(element: Any) -> Any:
    """One value for each page table of the lowest level."""
    return _array(element, "tables")


@overload
def PerFrame(element: Callable[..., T]) -> Array[T]: ...
@overload
def PerFrame(element: T) -> Array[T]: ...
def PerFrame(element: Any) -> Any:
    """One value for each page frame."""
    return _array(element, "frames")


@overload
def PerGather(element: Callable[..., T]) -> Array[T]: ...
@overload
def PerGather(element: T) -> Array[T]: ...
def PerGather(element: Any) -> Any:
    """One value for each page that an mmu_gather can hold."""
    return _array(element, "gather")


@overload
def PerCpu(element: Callable[..., T]) -> Array[T]: ...
@overload
def PerCpu(element: T) -> Array[T]: ...
def PerCpu(element: Any) -> Any:
    """One value for each CPU: `self.hits[smp_processor_id()]`, DEFINE_PER_CPU in Linux.

    Every actor runs on a CPU of its own. So an element is never shared by two tasks that take turns
    on one CPU, and what only disabling preemption would protect is not found wrong.
    """
    return _array(element, ACTORS)


@overload
def PerDevice(element: Callable[..., T]) -> Array[T]: ...
@overload
def PerDevice(element: T) -> Array[T]: ...
def PerDevice(element: Any) -> Any:
    """One value for each device bound to the address space."""
    return _array(element, "devices")


def Atomic(state: T) -> T:
    """State that is made for concurrency: every access to it is a marked one, so that none is part
    of a data race. For what Linux only touches through functions that see to it (an atomic_t, page
    table entries), or what is not memory: `Atomic(PerPage(Pte))`.
    """
    if not isinstance(state, Declaration) or state.is_lock:
        raise TypeError("Atomic takes a kind of state: Atomic(Counter())")
    state.marked = True
    return cast(T, state)


def Ghost(state: T) -> T:
    """State that only rules use. Touching it is never a step and never visible to the system."""
    if not isinstance(state, Declaration) or state.is_lock:
        raise TypeError("Ghost takes a kind of state: Ghost(Int(0, 3))")
    state.ghost = True
    return cast(T, state)
