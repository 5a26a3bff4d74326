"""struct mmu_interval_notifier: a range of one driver, and the collision-retry protocol (5.5).

The driver reads entries without any lock that keeps operations out, and asks afterwards whether an
invalidation has hit its interval meanwhile:

    seq = interval.read_begin()          waits for a phase that hit this interval
    … read entries, may sleep …
    with lock:                           the driver's own, which `invalidate` takes too
        if interval.read_retry(seq):     hit since: again
        …install…

`invalidate(interval, range, cur_seq)` takes the lock, calls `interval.set_seq(cur_seq)` whatever it
does besides, and removes what it has of the range. There is no callback at the end: the sequence of
the address space moves on when the last range under way has ended.

Who runs at the same time: any number of operations in mn_itree_invalidate(), serialised only by the
spinlock of the address space; readers, who hold nothing; insert and remove, which put themselves
off while the tree is frozen. Source: mm/mmu_notifier.c of 5.10 and 6.18, mmu_interval_read_begin()
and the comment above mmu_notifier_subscriptions (section 3.6 of the facts).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from shootdown.lang.declare import (
    READ_ONCE,
    WRITE_ONCE,
    Atomic,
    Counter,
    Flag,
    Ghost,
    PageRange,
    ghost,
    require,
    wait_until,
)
from shootdown.lang.part import Part
from shootdown.rules.lifetime import CALLBACK_AFTER_UNREGISTER

if TYPE_CHECKING:
    from shootdown.linux.mm import Mm

FIRST_SEQUENCE = 2
"""invalidate_seq of an address space, even while nothing is hit; that of an interval is always odd
"""


class IntervalUser(Protocol):
    """A driver with interval notifiers."""

    mm: Mm

    def invalidate(self, interval: Any, range: Any, cur_seq: int) -> Any: ...


class MmuIntervalNotifier(Part):
    """The pages from `start` to before `end`, by default all, on behalf of a driver.

    Where intervals do not come and go it is in the tree from the start, and nothing is asked.
    """

    def __init__(self, driver: IntervalUser, start: int = 0, end: int | None = None) -> None:
        self.driver = driver
        self.mm = driver.mm
        self.start = start
        self.end = self.mm.pages if end is None else end
        lifetime = self.mm.lifetime
        self.invalidate_seq = Atomic(Counter(FIRST_SEQUENCE - 1))
        """READ_ONCE and WRITE_ONCE: readers look without the lock"""
        self.in_tree = True if lifetime is None else Flag(lifetime.inserted)
        self.deferred = False if lifetime is None else Flag()
        """on the deferred_list: to be inserted, or removed if it is in the tree"""
        self.freed = Ghost(Flag())

    def overlaps(self, range: PageRange) -> bool:
        """interval_tree_iter_first() would find it."""
        return range.start < self.end and self.start < range.end

    # --- for the driver -------------------------------------------------------------------------

    def read_begin(self) -> int:
        """mmu_interval_read_begin(): the sequence to ask `read_retry` about. May sleep."""
        notifiers: Any = self.mm.notifiers
        with notifiers.lock:
            seq = READ_ONCE(self.invalidate_seq)
            is_invalidating = seq == notifiers.invalidate_seq
        if is_invalidating:
            wait_until(notifiers.invalidate_seq != seq)
        return seq

    def read_retry(self, seq: int) -> bool:
        """mmu_interval_read_retry(), under the driver's lock: hit since `read_begin`."""
        return READ_ONCE(self.invalidate_seq) != seq

    def set_seq(self, cur_seq: int) -> None:
        """mmu_interval_set_seq(), first thing in `invalidate`, under the same lock."""
        WRITE_ONCE(self.invalidate_seq, cur_seq)

    # --- rules -----------------------------------------------------------------------------------

    @ghost
    def judge_alive(self) -> None:
        """Nobody may touch it after it was freed."""
        require(not self.freed, CALLBACK_AFTER_UNREGISTER)

    @ghost
    def free(self) -> None:
        """kfree() of what holds it."""
        self.freed = True
