"""What a model imports.

State is declared in `__init__` and used like the plain value it holds: `self.seq = Counter()`, then
`self.seq += 1`. The functions below therefore promise a type checker the value's type, while at run
time they return a `Declaration` that the compiler recognises.

None of the functions that act (`choose`, `wait_until`, …) is ever executed: the compiler knows
them.
"""

# ruff: noqa: N802  (kinds of state are named like the types they stand for)

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import Enum
from enum import Flag as FlagEnum
from typing import TYPE_CHECKING, Any, Generic, NoReturn, TypeVar, cast, overload

from shootdown.lang.geometry import Geometry
from shootdown.program import kind as kinds
from shootdown.program.kind import Kind

if TYPE_CHECKING:
    from shootdown.lang.part import Part

T = TypeVar("T")
E = TypeVar("E", bound=Enum)
F = TypeVar("F", bound=Callable[..., Any])


# --- kinds of state -----------------------------------------------------------------------------


@dataclass(slots=True, eq=False)
class Declaration:
    """A state variable: `shape` names the size in the geometry, None for a single value."""

    family: str
    low: int = 0
    high: int = 0
    initial: int = 0
    shape: str | int | None = None
    ghost: bool = False
    owner: Part | None = None
    attribute: str = ""
    names: tuple[str, ...] = ()
    """what reports call the values, from `low` on"""
    title: str = ""
    """the Enum the values are members of"""

    @property
    def name(self) -> str:
        """`mm.pte`: the owner's name, unless it has none, and the attribute."""
        holder = self.owner.name if self.owner else "?"
        return f"{holder}.{self.attribute}" if holder else self.attribute

    @property
    def is_array(self) -> bool:
        return self.shape is not None

    @property
    def is_lock(self) -> bool:
        return self.family in ("lock", "rwlock")

    def length(self, geometry: Geometry) -> int:
        """Number of elements; 1 for a single value."""
        if isinstance(self.shape, str):
            return int(getattr(geometry, self.shape))
        return 1 if self.shape is None else self.shape

    def kind(self, geometry: Geometry, counter_bits: int, actors: tuple[str, ...]) -> Kind:
        """The values the variable may hold in a machine of this size."""
        match self.family:
            case "flag":
                return kinds.FLAG
            case "counter":
                return kinds.counter(counter_bits)
            case "pte":
                return kinds.pte(geometry.frames)
            case "frame":
                return kinds.integer(0, geometry.frames - 1)
            case "enum":
                return Kind(kinds.Family.ENUM, 0, self.high, self.names, title=self.title)
            case "page":
                return kinds.integer(0, geometry.pages)
            case "lock":
                return Kind(kinds.Family.LOCK, 0, len(actors), actors)
            case "rwlock":
                count = len(actors)
                return Kind(kinds.Family.RWLOCK, 0, 2 * count, actors, readers=count)
            case _:
                return kinds.integer(self.low, self.high, self.names)


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
                "enum", 0, kind.high, members.index(first), names=kind.names, title=kind.title
            )
        ),
    )


def enum_kind(enum: type[Enum]) -> Kind:
    """The kind of all members of an Enum: a value is the position of one."""
    names = tuple(member.name for member in enum)
    title = f"{enum.__module__}.{enum.__qualname__}"
    return Kind(kinds.Family.ENUM, 0, len(names) - 1, names, title=title)


def Counter() -> int:
    """Counts up from 0 and wraps, as an unsigned integer in C.

    The checker picks a width, and takes a wider one when a run could tell the difference. Going
    below 0 breaks the rule `counter-underflow`: begin and end did not balance.
    """
    return cast(int, _declared(Declaration("counter")))


def FrameNumber() -> int:
    """The number of a page frame, a pfn."""
    return cast(int, _declared(Declaration("frame")))


def PageNumber() -> int:
    """The number of a page, or the number of pages: the end of a range."""
    return cast(int, _declared(Declaration("page")))


class Array(Generic[T]):
    """A fixed number of values: `Array(Flag, 2)`, `Array(Int(0, 3), 4)`.

    Also what `PerPage` and its sisters promise to the type checker; a `Declaration` at run time.
    """

    @overload
    def __new__(cls, element: Callable[..., T], length: int) -> Array[T]: ...
    @overload
    def __new__(cls, element: T, length: int) -> Array[T]: ...
    def __new__(cls, element: Any, length: int) -> Any:
        if length < 1:
            raise ValueError(f"Array(…, {length}): an array has at least one element")
        return _array(element, length)

    def __getitem__(self, index: int) -> T:
        raise NotCompiledError

    def __setitem__(self, index: int, value: T) -> None:
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


def Ghost(state: T) -> T:
    """State that only rules use. Touching it is never a step and never visible to the system."""
    if not isinstance(state, Declaration) or state.is_lock:
        raise TypeError("Ghost takes a kind of state: Ghost(Int(0, 3))")
    state.ghost = True
    return cast(T, state)


# --- page-table entries -------------------------------------------------------------------------


class Pte:
    """A page-table entry: nothing, or a frame with rights.

    One integer, the rights in the two low bits and the frame above them (`program.kind`). The
    methods are compiled like those of any model.
    """

    __slots__ = ("value",)

    def __init__(self, frame: int, rights: int) -> None:
        self.value = kinds.make_pte(frame, rights) if rights else 0

    def __repr__(self) -> str:
        return kinds.show_pte(self.value)

    @property
    def frame(self) -> int:
        """The frame number, pte_pfn() in Linux."""
        return self.value >> kinds.RIGHTS_BITS

    @property
    def rights(self) -> int:
        """0 for an empty entry, else PROT_NONE, READ_ONLY or READ_WRITE."""
        return self.value & kinds.RIGHTS_MASK

    @property
    def present(self) -> bool:
        """pte_present(): the entry names a frame, even if nobody may use it (PROT_NONE)."""
        return self.rights != kinds.NO_RIGHTS

    @property
    def readable(self) -> bool:
        """Hardware may read through the entry."""
        return self.rights >= kinds.READ_ONLY

    @property
    def writable(self) -> bool:
        """pte_write()"""
        return self.rights == kinds.READ_WRITE

    def allows(self, write: bool) -> bool:
        """Whether hardware may use the entry for this access."""
        if write:
            return self.writable
        return self.readable

    def with_rights(self, rights: int) -> Pte:
        """The same frame with other rights: pte_modify()."""
        return Pte(self.frame, rights)


EMPTY = Pte(0, 0)
"""The entry that maps nothing: pte_none()."""


# --- ranges -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PageRange:
    """Pages from `start` up to but not including `end`, as every range of mmu_notifier."""

    start: int
    end: int

    def __iter__(self) -> Iterator[int]:
        return iter(range(self.start, self.end))

    def __len__(self) -> int:
        return max(0, self.end - self.start)

    def __contains__(self, page: int) -> bool:
        return self.start <= page < self.end


# --- locks --------------------------------------------------------------------------------------


class Lock(Declaration):
    """What all locks share. Held for the length of a `with` block."""

    def __enter__(self) -> None:
        raise NotCompiledError

    def __exit__(self, *unused: object) -> None:
        raise NotCompiledError


class Spinlock(Lock):
    """Mutual exclusion without sleeping."""

    def __init__(self) -> None:
        super().__init__("lock")


class Mutex(Lock):
    """Mutual exclusion; the owner may sleep."""

    def __init__(self) -> None:
        super().__init__("lock")


class SharedLock(Declaration):
    """What locks with readers share: many readers or one writer."""

    def __init__(self) -> None:
        super().__init__("rwlock")

    def read(self) -> AbstractContextManager[None]:
        """`with lock.read():`  down_read() … up_read(), read_lock() … read_unlock()"""
        raise NotCompiledError

    def write(self) -> AbstractContextManager[None]:
        """`with lock.write():`  down_write() … up_write(), write_lock() … write_unlock()"""
        raise NotCompiledError


class RwLock(SharedLock):
    """rwlock_t: many readers or one writer, without sleeping.

    Readers get in while a writer waits. Linux lets a reader in interrupt context do so, and may
    make others queue (kernel/locking/qrwlock.c), which removes runs and never adds one.
    """


class RwSemaphore(SharedLock):
    """Many readers or one writer. No fairness: a waiting writer does not hold up readers.

    Linux's rwsem hands the lock over in order of arrival as long as it can (kernel/locking/
    rwsem.c), which removes runs and never adds one, so what holds here holds there.
    """

    def downgrade(self) -> None:
        """downgrade_write(): from here on held for reading. Only directly inside `with write()`."""
        raise NotCompiledError


# --- what a compiled method can say -------------------------------------------------------------


class NotCompiledError(RuntimeError):
    """A model's method was called by Python itself; only the machine runs it."""

    def __init__(self) -> None:
        super().__init__("this method belongs to a model: it is compiled, Python cannot call it")


def choose(*options: Any) -> Any:
    """Any of them, every choice explored: `choose(range)`, `choose(4)`, `choose(False, True)`."""
    raise NotCompiledError


def wait_until(condition: object, idle: bool = False) -> None:
    """Go on only when `condition` is true; looking at it is one step with going on.

    `idle=True` is for a worker that waits for work: waiting there for ever is no deadlock.
    """
    raise NotCompiledError


def rest() -> None:
    """The actor may stop here for good, although it could go on: a device between two accesses."""
    raise NotCompiledError


def require(condition: object, rule: Any) -> None:
    """The rule is broken if the condition is false. `rule` has a `name` and a `sentence`."""
    raise NotCompiledError


def count(name: str, amount: int = 1) -> None:
    """Add to an event counter of the bill. Costs nothing and changes nothing when checking."""
    raise NotCompiledError


def indivisible(method: F) -> F:
    """The method is one step: hardware (or an atomic instruction) does it without interruption."""
    cast(Any, method).__indivisible__ = True
    return method


def ghost(method: F) -> F:
    """The method belongs to a rule. What it reads costs the system no step.

    The obligation: it must not depend on state that changes in the middle of a section protected
    by a lock, because such a section may be one step (see `program.points`). It may write only
    state declared `Ghost`.
    """
    cast(Any, method).__ghost__ = True
    return method


def unreachable() -> NoReturn:
    """For branches that the rest of the model excludes; being here breaks the rule `assertion`."""
    raise NotCompiledError


# --- atomic operations ----------------------------------------------------------------------------
# Each is one step. `state` is named, not read: `atomic_inc(self.users)`.


def atomic_inc(state: int) -> None:
    """Add 1."""
    raise NotCompiledError


def atomic_dec(state: int) -> None:
    """Take 1 away."""
    raise NotCompiledError


def atomic_add(amount: int, state: int) -> None:
    """Add a number; as in the kernel, the number comes first."""
    raise NotCompiledError


def atomic_dec_and_test(state: int) -> bool:
    """Take 1 away; whether it is 0 now."""
    raise NotCompiledError


def atomic_inc_not_zero(state: int) -> bool:
    """Add 1 unless it is 0; whether that was done."""
    raise NotCompiledError


def xchg(state: T, new: T) -> T:
    """Put a value in; the one that was there."""
    raise NotCompiledError


def cmpxchg(state: T, old: T, new: T) -> T:
    """Put `new` in if `old` is there; what was there."""
    raise NotCompiledError


def test_and_set_bit(number: int, state: int) -> bool:
    """Set a bit; whether it was set before. A Flag has bit 0."""
    raise NotCompiledError


def test_and_clear_bit(number: int, state: int) -> bool:
    """Clear a bit; whether it was set before."""
    raise NotCompiledError


ATOMIC_FUNCTIONS: frozenset[object] = frozenset({
    atomic_inc, atomic_dec, atomic_add, atomic_dec_and_test, atomic_inc_not_zero, xchg, cmpxchg,
    test_and_set_bit, test_and_clear_bit,
})  # fmt: skip
