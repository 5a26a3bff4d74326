"""Timers, as in kernel/time/timer.c. Time is not modelled: a pending timer fires some time later.

The handler runs in a softirq, where nothing may sleep, on a CPU of its own. It is no longer pending
when its handler begins, so a handler may arm its own timer again.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Any

from shootdown.lang.declare import Atomic, EnumState, indivisible, wait_until
from shootdown.lang.deferred import InSoftirq


class Armed(Enum):
    """Whether a timer will fire."""

    IDLE = "not armed"
    PENDING = "fires at some later time"
    SHUT_DOWN = "can never be armed again"


class Timer(InSoftirq):
    """struct timer_list: `self.timer = Timer(self.method)`, as timer_setup() leaves it."""

    def __init__(self, function: Callable[[], Any]) -> None:
        super().__init__(function)
        self.armed = Atomic(EnumState(Armed))

    @indivisible
    def begin(self) -> None:
        """expire_timers(): detached and marked as running under the lock of its base."""
        wait_until(self.armed == Armed.PENDING, idle=True)
        self.armed = Armed.IDLE
        self.running = True

    @indivisible
    def arm(self) -> bool:
        """__mod_timer(): under the lock of its base."""
        was_pending = self.armed == Armed.PENDING
        if self.armed != Armed.SHUT_DOWN:
            self.armed = Armed.PENDING
        return was_pending

    @indivisible
    def disarm(self) -> bool:
        """__timer_delete(): detached if it is pending."""
        if self.armed != Armed.PENDING:
            return False
        self.armed = Armed.IDLE
        return True

    @indivisible
    def disarm_when_done(self, then: Armed) -> bool:
        """__timer_delete_sync(): tries again as long as the handler runs."""
        wait_until(not self.running)
        was_pending = self.armed == Armed.PENDING
        if self.armed != Armed.SHUT_DOWN:
            self.armed = then
        return was_pending


def mod_timer(timer: Timer) -> bool:
    """mod_timer(): it fires some time later; whether it was pending already. One step. Does nothing
    to a timer that was shut down."""
    return timer.arm()


def timer_pending(timer: Timer) -> bool:
    """timer_pending(): whether it is armed. What is no longer pending may still be running."""
    return timer.armed == Armed.PENDING


def del_timer(timer: Timer) -> bool:
    """del_timer(), called timer_delete() since 6.2: disarms it; whether it was pending. One step.
    Does not wait for a handler that runs."""
    return timer.disarm()


def del_timer_sync(timer: Timer) -> bool:
    """del_timer_sync(), called timer_delete_sync() since 6.2: waits until the handler is not
    running and disarms it in the same step; whether it was pending. Anybody may arm it again
    afterwards. Spins; from the handler itself, or with a lock that the handler takes, it waits for
    ever."""
    return timer.disarm_when_done(Armed.IDLE)


def timer_shutdown_sync(timer: Timer) -> bool:
    """timer_shutdown_sync(), since 6.2: del_timer_sync(), and nobody can arm it again."""
    return timer.disarm_when_done(Armed.SHUT_DOWN)
