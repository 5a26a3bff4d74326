"""RCU: readers without a lock, and what waits for them. Documentation/RCU/rcu.rst.

The promise is modelled as it is written: a grace period has ended when every reader that was inside
when it began has left. It is a condition and no actor, so grace periods never hold up each other,
and one can end as early as the promise allows. Linux only ever ends one later.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, cast

from shootdown.lang.declare import (
    CpuMask,
    Flag,
    PerCpu,
    indivisible,
    might_sleep,
    smp_processor_id,
    wait_until,
)
from shootdown.lang.deferred import Flushed, InSoftirq
from shootdown.lang.sections import Section, SectionPart


class Rcu(SectionPart):
    """What rcu_read_lock() protects. Linux has one for all, here everyone declares his own.

    Readers nest and may not sleep. A reader that calls `synchronize` would wait for itself; it
    breaks the rule `sleep-in-atomic` before that.
    """

    def __init__(self) -> None:
        self.readers = CpuMask()
        """who is inside"""
        self.awaited = PerCpu(CpuMask)
        """for each caller of `synchronize`, the readers it still waits for"""
        self.heads: list[RcuHead] = []

    def sections(self) -> dict[str, Section]:
        return {"read": Section(self.read_lock, self.read_unlock, atomic=True)}

    def read(self) -> AbstractContextManager[None]:
        """`with rcu.read():`  rcu_read_lock() … rcu_read_unlock()"""
        return cast(AbstractContextManager[None], self.sections()["read"])

    @indivisible
    def read_lock(self) -> bool:
        """rcu_read_lock(): whether this is inside another one."""
        me = 1 << smp_processor_id()
        nested: bool = self.readers & me != 0
        self.readers |= me
        return nested

    def read_unlock(self, nested: bool) -> None:
        """rcu_read_unlock(): the outermost one ends what others wait for."""
        if not nested:
            self._leave()

    @indivisible
    def _leave(self) -> None:
        me = 1 << smp_processor_id()
        self.readers ^= me
        for cpu in range(len(self.awaited)):
            self.awaited[cpu] -= self.awaited[cpu] & me
        for head in self.heads:
            head.awaited -= head.awaited & me

    def synchronize(self) -> None:
        """synchronize_rcu(): every reader that was inside when this began has left. Two steps.
        Sleeps."""
        might_sleep()
        self._begin_waiting()
        wait_until(self.awaited[smp_processor_id()] == 0)

    @indivisible
    def _begin_waiting(self) -> None:
        self.awaited[smp_processor_id()] = self.readers


class RcuHead(InSoftirq, Flushed):
    """struct rcu_head with its callback: `self.head = RcuHead(self.rcu, self.free)`.

    Callbacks run in a softirq (rcu_do_batch(), kernel/rcu/tree.c), so they may not sleep. Each has
    a CPU of its own: they run in any order.
    """

    def __init__(self, rcu: Rcu, function: Callable[[], Any]) -> None:
        super().__init__(function)
        self.queued = Flag()
        self.awaited = CpuMask()
        """the readers its grace period still waits for"""
        self.rcu = rcu
        rcu.heads.append(self)

    def is_pending(self) -> bool:
        """Whether its grace period has not ended, or its callback has not begun."""
        return self.queued

    @indivisible
    def begin(self) -> None:
        """The grace period has ended; the callback may use the head again."""
        wait_until(self.queued and self.awaited == 0, idle=True)
        self.queued = False
        self.running = True
        self.queued_moves_up()

    @indivisible
    def call(self) -> None:
        """Its grace period begins."""
        assert not self.queued, "call_rcu() again only after the callback has begun"
        self.queued = True
        self.awaited = self.rcu.readers


def call_rcu(head: RcuHead) -> None:
    """call_rcu(): the callback runs once, some time after every reader that is inside now has left.
    One step. Never sleeps. A head that is queued already breaks the rule `assertion`
    (debug_rcu_head_queue() in __call_rcu_common(), kernel/rcu/tree.c)."""
    head.call()


def rcu_barrier(rcu: Rcu) -> None:
    """rcu_barrier(): returns when every callback queued before has ended. Up to two steps for each
    head. Sleeps."""
    for head in rcu.heads:
        head.flush()
