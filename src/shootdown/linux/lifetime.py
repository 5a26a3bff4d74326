"""How subscriptions and the address space come and go, in scenarios where they do.

mm_users counts who keeps the address space alive: the process, and whoever handles a fault on its
behalf (mmget_not_zero(), include/linux/sched/mm.h; iommu_sva_handle_mm(); a vCPU thread is a thread
of the process). The last one to leave runs exit_mmap(); here that is always the task that exits,
which waits for the others instead: what a worker that drops the last reference would do in its own
context (B43) is not explored.

A driver is closed before it gives up its subscription: its devices issue nothing new, and what they
had begun has ended. So what they do after that is not in question, what callbacks do is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shootdown.lang.declare import (
    Atomic,
    Flag,
    Ghost,
    Int,
    PerDevice,
    ghost,
    indivisible,
    require,
    wait_until,
)
from shootdown.lang.part import Part
from shootdown.rules.lifetime import ACCESS_AFTER_RELEASE

if TYPE_CHECKING:
    from shootdown.linux.mm import Mm


MOST_OPEN = 2
"""one user who is there at the start, one who comes"""


class Lifetime(Part):
    """Of one address space and the subscriptions on it, which are there at the start."""

    registered: bool = True
    """subscriptions are on the list at the start"""
    inserted: bool = True
    """intervals are in the tree at the start"""

    def __init__(self, mm: Mm) -> None:
        self.label = "lifetime"
        geometry = mm.geometry
        self.users = Atomic(Int(0, 1 + geometry.tasks + geometry.devices + geometry.cpus, 1))
        """mm_users"""
        self.bound = Atomic(Int(0, MOST_OPEN, int(self.registered and self.inserted)))
        """how often the driver is open: devices may issue accesses while it is"""
        self.active = Atomic(PerDevice(Flag))
        """a device has begun an access and not ended it"""
        self.released = Ghost(Flag())
        """release has returned"""
        if mm.lifetime is None:
            mm.lifetime = self

    # --- users of the address space -------------------------------------------------------------

    @indivisible
    def mmget_not_zero(self) -> bool:
        """One more user, unless the last one has left."""
        if self.users == 0:
            return False
        self.users += 1
        return True

    @indivisible
    def mmput(self) -> None:
        """One user less; never the last one."""
        self.users -= 1

    @indivisible
    def last_user_leaves(self) -> None:
        """The process drops its reference when all others have dropped theirs."""
        wait_until(self.users == 1)
        self.users = 0

    @ghost
    def release_returned(self) -> None:
        """From now on nobody is told of anything."""
        self.released = True

    @ghost
    def judge_access(self) -> None:
        """A device has accessed the address space."""
        require(not self.released, ACCESS_AFTER_RELEASE)

    # --- devices --------------------------------------------------------------------------------

    @indivisible
    def bind(self) -> None:
        """The driver is ready: devices may begin."""
        self.bound += 1

    def unbind(self) -> None:
        """The driver is closed: devices stop, unless somebody else has it open, and what they had
        begun ends."""
        self._stop()
        for number in range(len(self.active)):
            wait_until(not self.active[number])

    @indivisible
    def _stop(self) -> None:
        self.bound -= 1


class Unregistered(Lifetime):
    """The same with nobody on the list at the start."""

    registered = False


class NotInserted(Lifetime):
    """The same with no interval in the tree at the start."""

    inserted = False
