"""What a step can start and what then runs by itself: the base of work, timers, RCU and IRQs.

A `Deferred` belongs to the part that declares it, like a lock, and brings an actor of its own,
which exists as soon as some method uses it. The life of its actor:

    idle ──(somebody asks)──> pending ──(its actor begins, at any later time)──> running ──> idle

Pending and running are independent: what is asked for again while it runs runs once more, after
that. It never runs twice at the same time. `function` is a bound method, compiled into the actor.
Beginning and ending are a step each, because Linux does both under a lock of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from inspect import signature
from typing import Any

from shootdown.lang.contexts import Context, runs_in
from shootdown.lang.declare import (
    Atomic,
    Flag,
    Int,
    PerCpu,
    indivisible,
    might_sleep,
    smp_processor_id,
    wait_until,
)
from shootdown.lang.part import Part

NOBODY, BEHIND_RUNNING, BEHIND_PENDING = 0, 1, 2


class Deferred(Part):
    """A function that runs later. Subclasses say when it may begin."""

    follows = True

    def __init__(self, function: Callable[[], Any]) -> None:
        if not isinstance(getattr(function, "__self__", None), Part):
            kind = type(self).__name__
            raise TypeError(f"{kind}(…) takes a method of a part: {kind}(self.run_later)")
        try:
            signature(function).bind()
        except TypeError:
            name, kind = function.__name__, type(self).__name__
            raise TypeError(f"{kind}(…) gives `{name}` nothing: it takes self only") from None
        self.function = function
        self.running = Atomic(Flag())

    @property
    def name(self) -> str:
        """`driver.work`: whose method it runs, unless that has no name, and the attribute."""
        part: Any = self.function.__self__  # type: ignore[attr-defined]
        return f"{part.name}.{self.label}" if part.name else self.label

    @property
    def later(self) -> Callable[[], None] | None:
        """Its actor."""
        return self.run_for_ever

    def run_for_ever(self) -> None:
        """The actor."""
        while True:
            self.begin()
            self.invoke()
            self.end()

    def begin(self) -> None:
        """One step: waits, idle, until the function may run, and says that it is running."""
        raise NotImplementedError

    def invoke(self) -> None:
        """Runs the function in a context that may sleep."""
        self.function()

    def end(self) -> None:
        """One step at most: the function has returned."""
        self.running = False


class InSoftirq(Deferred):
    """Its function runs in a softirq, and may not sleep."""

    @runs_in(Context.SOFTIRQ)
    def invoke(self) -> None:
        """Runs the function where nothing may sleep."""
        self.function()


class Flushed(Deferred):
    """One that can be waited for: until what is pending or running *now* has ended.

    Whoever waits has an entry of its own in `waiting`: behind what is pending, else behind what
    is running. It moves up when that begins and is free when that ends, whatever is asked for
    meanwhile. (A flag `busy` would not do: of something that asks for itself again it never goes.)
    """

    def __init__(self, function: Callable[[], Any]) -> None:
        super().__init__(function)
        self.waiting = PerCpu(Int(NOBODY, BEHIND_PENDING))

    def is_pending(self) -> bool:
        """Whether it has been asked for and has not begun."""
        raise NotImplementedError

    def queued_moves_up(self) -> None:
        """Part of the step in which what was pending begins."""
        for cpu in range(len(self.waiting)):
            if self.waiting[cpu] == BEHIND_PENDING:
                self.waiting[cpu] = BEHIND_RUNNING

    def queued_goes_away(self) -> None:
        """Part of the step in which what was pending is cancelled: who waits for it need not."""
        for cpu in range(len(self.waiting)):
            if self.waiting[cpu] == BEHIND_PENDING:
                self.waiting[cpu] = NOBODY

    @indivisible
    def end(self) -> None:
        """The function has returned; so may those who wait for it."""
        self.running = False
        for cpu in range(len(self.waiting)):
            if self.waiting[cpu] == BEHIND_RUNNING:
                self.waiting[cpu] = NOBODY

    def flush(self) -> bool:
        """Returns when what was pending or running has ended; whether anything was."""
        might_sleep()
        waits = self._wait_behind()
        if waits:
            wait_until(self.waiting[smp_processor_id()] == NOBODY)
        return waits

    @indivisible
    def _wait_behind(self) -> bool:
        if self.is_pending():
            self.waiting[smp_processor_id()] = BEHIND_PENDING
        elif self.running:
            self.waiting[smp_processor_id()] = BEHIND_RUNNING
        else:
            return False
        return True
