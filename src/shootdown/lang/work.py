"""Work items, as in kernel/workqueue.c.

A work item is pending at most once, and no two workers run it at the same time (every workqueue is
non-reentrant since 3.7). The pending bit goes before the function is called, so work that is queued
again while it runs runs again. Each item has a worker of its own here: queues with an order among
items, and deadlocks of items that wait for the one worker of their queue, are not modelled.

A delayed work is a work item: it is pending from the moment it is asked for, its delay is any.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Any

from shootdown.lang.declare import Atomic, EnumState, indivisible, might_sleep, wait_until
from shootdown.lang.deferred import Flushed


class Pending(Enum):
    """The pending bit of a work item, and who owns it."""

    IDLE = "not pending"
    QUEUED = "waits for its worker"
    CANCELING = "taken by cancel_work_sync, so that nobody can queue it"


class Work(Flushed):
    """struct work_struct: `self.work = Work(self.method)`. The function may sleep."""

    def __init__(self, function: Callable[[], Any]) -> None:
        super().__init__(function)
        self.pending = Atomic(EnumState(Pending))

    def is_pending(self) -> bool:
        """Whether its worker has it before it."""
        return self.pending == Pending.QUEUED

    @indivisible
    def begin(self) -> None:
        """process_one_work(): the pending bit goes first, under the lock of the pool."""
        wait_until(self.pending == Pending.QUEUED, idle=True)
        self.pending = Pending.IDLE
        self.running = True
        self.queued_moves_up()

    @indivisible
    def queue(self) -> bool:
        """test_and_set_bit(WORK_STRUCT_PENDING_BIT)"""
        if self.pending != Pending.IDLE:
            return False
        self.pending = Pending.QUEUED
        return True

    @indivisible
    def cancel(self) -> bool:
        """try_to_grab_pending(), and the bit is clear again."""
        if self.pending != Pending.QUEUED:
            return False
        self.pending = Pending.IDLE
        self.queued_goes_away()
        return True

    @indivisible
    def grab(self) -> bool:
        """Takes the pending bit, one at a time; whether the item was queued."""
        wait_until(self.pending != Pending.CANCELING)
        was_queued = self.pending == Pending.QUEUED
        self.pending = Pending.CANCELING
        if was_queued:
            self.queued_goes_away()
        return was_queued

    @indivisible
    def let_go(self) -> None:
        """The function has returned, if it was running: the bit is clear again."""
        wait_until(not self.running)
        self.pending = Pending.IDLE


def schedule_work(work: Work) -> bool:
    """schedule_work(), queue_work(): its function runs some time later, unless it is pending
    already. One step; False if it was pending, or is being cancelled. Never sleeps."""
    return work.queue()


def flush_work(work: Work) -> bool:
    """flush_work(): returns when what was queued or running at the call has ended; False if
    nothing was. It may be queued again by then. Sleeps (__flush_work(), kernel/workqueue.c)."""
    return work.flush()


def cancel_work(work: Work) -> bool:
    """cancel_work(): takes it off the queue; whether it was there. Does not wait for a function
    that runs, and never sleeps. One step."""
    return work.cancel()


def cancel_work_sync(work: Work) -> bool:
    """cancel_work_sync(): takes it off the queue and waits until its function has returned, which
    cannot queue itself meanwhile; whether it was queued. Two steps. Sleeps; from the function
    itself it waits for ever. (__cancel_work_timer() up to 6.9, __cancel_work_sync() since.)"""
    might_sleep()
    was_queued = work.grab()
    work.let_go()
    return was_queued


def work_pending(work: Work) -> bool:
    """work_pending(): the pending bit."""
    return work.pending != Pending.IDLE
