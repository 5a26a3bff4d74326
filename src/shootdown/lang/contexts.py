"""The contexts of Linux in which code runs, and what a spinlock has to do with them.

A softirq (timers, RCU callbacks) interrupts processes, a hard interrupt both. Whoever holds a
spinlock can be interrupted on its own CPU by a handler that wants the same lock: then each waits
for the other, for ever. So a spinlock that some handler takes is taken everywhere else with that
kind of interrupt off (Documentation/locking/lockdep-design.rst, "Single-lock state rules").

Handlers have a CPU of their own here, so that deadlock is in no run. It is a rule instead, which
lockdep reports as "inconsistent lock state": broken by taking such a lock, whoever holds it then.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum
from typing import Any, TypeVar, cast

F = TypeVar("F", bound=Callable[..., Any])


class Context(IntEnum):
    """Who can interrupt whom: each of these everything before it."""

    PROCESS = 0
    SOFTIRQ = 1
    HARDIRQ = 2


def runs_in(context: Context) -> Callable[[F], F]:
    """The method runs in this context, and nothing may sleep there."""

    def mark(method: F) -> F:
        cast(Any, method).__context__ = context
        return method

    return mark


def atomic_context(method: F) -> F:
    """Nothing may sleep in the method, as in a process that has disabled preemption."""
    return runs_in(Context.PROCESS)(method)
