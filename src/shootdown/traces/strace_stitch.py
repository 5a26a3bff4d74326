"""Puts the two halves of an interrupted call together, and calls in the order of their effect.

strace prints a call when it returns, unless another task does something meanwhile. Then it prints
the first half, marked `<unfinished ...>`, and later the rest:

    TASK 10                                    TASK 11
    munmap(0x7000, 4096 <unfinished ...>
                                               mmap(NULL, 4096, …) = 0x7000
    <... munmap resumed>) = 0

When did the `munmap` take effect? At some moment between its two halves, and here it can only be
before the `mmap`, which got the page it gave back. The other way round, an unfinished `mmap` that
returns what another task's `munmap` gave up meanwhile can only have happened after it. So: calls
that give up or change something count from their *first* half, calls that obtain an address from
their *second*. Forks count from their first half, since the child may run before its parent
returns. This order never maps a page that is not free yet; where several orders are possible it is
one of them.

Calls that count from their first half must wait for their second to be complete. Meanwhile all
later calls wait behind them, up to a bound: then the oldest is let go and counts from its second
half after all (and this is told).
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from shootdown.traces.call import EXECS

T = TypeVar("T")

AT_RETURN = frozenset({"mmap", "mremap", "brk", "shmat", "shmget", "execve", "execveat"})
"""Calls that take effect when they return, as far as others can tell."""

_MOST_WAITING = 1 << 16
_MOST_UNFINISHED = 1 << 14
_LONGEST_HALF = 4096


@dataclass(slots=True, eq=False)
class Slot(Generic[T]):
    """A place in the order: taken at the first half, filled or given up at the second."""

    filled: T | None = None
    waiting: bool = True


@dataclass(slots=True)
class Half(Generic[T]):
    """The first half of a call."""

    tid: int
    name: str
    text: str
    time: int
    slot: Slot[T] | None
    """Its place in the order, if it counts from here."""


class Order(Generic[T]):
    """Lets items through in order, holding back what comes after a place that is not filled yet."""

    def __init__(self, report: Callable[[str], None], most: int = _MOST_WAITING) -> None:
        self._report = report
        self._most = most
        self._waiting: deque[Slot[T]] = deque()

    def reserve(self) -> Slot[T]:
        """A place for an item that is still to come."""
        slot = Slot[T]()
        self._waiting.append(slot)
        return slot

    def add(self, item: T) -> Iterable[T]:
        """Everything that may pass now that this item has come."""
        if not self._waiting:
            return (item,)
        self._waiting.append(Slot(item, waiting=False))
        if len(self._waiting) > self._most:
            self._waiting[0].waiting = False
            self._report("a call took so long that it counts from its return")
        return self._passing()

    def fill(self, slot: Slot[T], item: T | None) -> Iterator[T]:
        """Fills a place (with nothing, if the call came to nothing)."""
        if not slot.waiting:
            yield from self.add(item) if item is not None else ()
            return
        slot.filled, slot.waiting = item, False
        yield from self._passing()

    def is_late(self, slot: Slot[T]) -> bool:
        """Whether the order has gone on without this place."""
        return not slot.waiting

    def _passing(self) -> Iterator[T]:
        waiting = self._waiting
        while waiting and not waiting[0].waiting:
            item = waiting.popleft().filled
            if item is not None:
                yield item


class Halves(Generic[T]):
    """The calls that are begun and not finished, one for each task at most."""

    def __init__(self, order: Order[T]) -> None:
        self._order = order
        self._begun: OrderedDict[int, Half[T]] = OrderedDict()
        self.lost = 0
        """First halves that no second half ever followed."""

    def begin(self, tid: int, name: str, text: str, time: int) -> Iterator[T]:
        """Keeps a first half. An older one of the same task can have no second half any more."""
        yield from self.drop(tid)
        if len(self._begun) >= _MOST_UNFINISHED:
            yield from self.drop(next(iter(self._begun)))
        slot = None if name in AT_RETURN else self._order.reserve()
        kept = "" if name in EXECS else text[:_LONGEST_HALF]
        self._begun[tid] = Half(tid, name, kept, time, slot)

    def take(self, tid: int, name: str) -> Half[T] | None:
        """The first half of what this task now finishes, if it is known."""
        half = self._begun.get(tid)
        if half is None or half.name != name:
            return None
        del self._begun[tid]
        return half

    def move(self, old: int, new: int) -> None:
        """A thread that executes a program takes the number of its process while it does."""
        half = self._begun.pop(old, None)
        if half is not None:
            half.tid = new
            self._begun[new] = half

    def drop(self, tid: int) -> Iterator[T]:
        """Gives up the first half of a task that died, or of a text that ended."""
        half = self._begun.pop(tid, None)
        if half is not None:
            self.lost += 1
            if half.slot is not None:
                yield from self._order.fill(half.slot, None)

    def drop_all(self) -> Iterator[T]:
        """Gives up everything unfinished, at the end of the text."""
        for tid in list(self._begun):
            yield from self.drop(tid)
