"""Interrupts, as in kernel/irq/manage.c. Whoever raises one is another actor: a step of the
driver, or hardware (`rest()`, then `raise_irq(…)` in a loop).

The handler runs in atomic context on a CPU of its own. What would go wrong on the CPU that it
really interrupts is a rule of its own (`contexts`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from shootdown.lang.contexts import Context, runs_in
from shootdown.lang.declare import Atomic, Counter, Flag, indivisible, might_sleep, wait_until
from shootdown.lang.deferred import Deferred


class Irq(Deferred):
    """An interrupt line with its handler, as request_irq() leaves it: `Irq(self.handler)`.

    Edge triggered: raised while its handler runs, or while it is disabled, it stays pending, and
    the handler runs afterwards, once (IRQS_PENDING in handle_edge_irq(), kernel/irq/chip.c).
    """

    def __init__(self, function: Callable[[], Any]) -> None:
        super().__init__(function)
        self.raised = Atomic(Flag())
        self.disabled = Counter()
        """how often: disable_irq() nests"""
        self.freed = Atomic(Flag())

    @indivisible
    def begin(self) -> None:
        """handle_irq_event(): in progress, and no longer pending."""
        wait_until(self.raised and self.disabled == 0 and not self.freed, idle=True)
        self.raised = False
        self.running = True

    @runs_in(Context.HARDIRQ)
    def invoke(self) -> None:
        """Runs the handler where nothing may sleep, and nothing interrupts."""
        self.function()

    @indivisible
    def disable(self) -> None:
        """__disable_irq(): one deeper."""
        self.disabled += 1

    @indivisible
    def enable(self) -> None:
        """__enable_irq(): warns "Unbalanced enable for IRQ" at depth 0."""
        assert self.disabled > 0, "enable_irq() once for each disable_irq()"
        self.disabled -= 1

    def wait_for_handler(self) -> None:
        """synchronize_irq()"""
        might_sleep()
        wait_until(not self.running)


def raise_irq(irq: Irq) -> None:
    """The line is raised: the handler runs some time later. One step."""
    irq.raised = True


def disable_irq_nosync(irq: Irq) -> None:
    """disable_irq_nosync(): no handler begins any more; one that runs goes on. One step."""
    irq.disable()


def disable_irq(irq: Irq) -> None:
    """disable_irq(): no handler begins any more, and the one that runs has ended. Two steps.
    Sleeps; from the handler itself it waits for ever."""
    irq.disable()
    irq.wait_for_handler()


def enable_irq(irq: Irq) -> None:
    """enable_irq(): takes back one disable_irq(); what is pending runs. One more than there were
    breaks the rule `assertion`. One step."""
    irq.enable()


def synchronize_irq(irq: Irq) -> None:
    """synchronize_irq(): waits until the handler is not running. One step. Sleeps."""
    irq.wait_for_handler()


def free_irq(irq: Irq) -> None:
    """free_irq(): no handler begins ever again, and the one that runs has ended. Two steps.
    Sleeps."""
    irq.freed = True
    irq.wait_for_handler()
