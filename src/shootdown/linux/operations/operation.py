"""What an operation is: a function, the kernels that have it, where it is worth looking at, and the
kernels that do it wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum

from shootdown.lang.declare import PageRange
from shootdown.linux.mm import Mm
from shootdown.linux.start import ANONYMOUS, Pattern
from shootdown.linux.task import Task
from shootdown.linux.version import Version

OLDEST: Version = (2, 6, 27)


class LifetimeRole(Enum):
    """What an operation does to a subscription, or to the address space it is on."""

    BEGINS = "a subscription begins"
    SHARES = "a counted subscription gets one user more"
    ENDS = "a subscription ends"
    PUTS = "a counted subscription loses a user, and may end"
    EXITS = "the address space ends"


_AT_THE_SAME_TIME = (
    {LifetimeRole.ENDS, LifetimeRole.EXITS},
    {LifetimeRole.PUTS, LifetimeRole.EXITS},
    {LifetimeRole.PUTS, LifetimeRole.SHARES},
)
"""everything else happens once, or in an order"""


@dataclass(frozen=True, slots=True)
class KnownBug:
    """Kernels whose own code is wrong here: there a correct driver breaks a rule, and has to."""

    rule: str
    """the rule that it breaks"""
    source: str
    """commit, CVE or entry of the literature"""
    since: Version = OLDEST
    until: Version = (99, 0, 0)
    """the last kernel that has the bug"""
    drivers: tuple[str, ...] = ()
    """those it can be seen with; empty: all"""
    archs: tuple[str, ...] = ()
    """where it can be seen; empty: everywhere"""

    def concerns(self, driver: str, kernel: Version, arch: str) -> bool:
        """Whether it shows with this driver on this kernel and architecture."""
        return (
            self.since <= kernel <= self.until
            and (not self.drivers or driver in self.drivers)
            and (not self.archs or arch in self.archs)
        )


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation that a scenario can run: its name and its function of a task and a range."""

    name: str
    function: Callable[[Task, PageRange], None]
    since: Version = OLDEST
    """the first kernel that has it"""
    until: Version | None = None
    """the last one, if it is gone"""
    patterns: tuple[Pattern, ...] = ANONYMOUS
    """address spaces on which it is worth looking at"""
    known_bugs: tuple[KnownBug, ...] = ()
    """kernels on which it is wrong"""
    needs: tuple[str, ...] = ()
    """callbacks of which a driver must have one to be checked with it unasked"""
    required: str | None = None
    """a callback without which it cannot be performed"""
    lifetime: LifetimeRole | None = None
    """what it does to subscriptions or the address space"""
    outside: bool = False
    """whoever performs it is no user of the address space (mm_users), which may end meanwhile"""
    parts: tuple[Callable[[Mm], object], ...] = ()
    """parts of the address space that a scenario without such an operation does without: each is
    made with it, and makes itself known to it"""

    own_starts: bool = False
    """it takes what is mapped for what its own patterns map, or relies on nothing being mapped
    somewhere: beside another operation, the patterns of that one mean nothing to it"""

    tables: int = 1
    """how many page tables it takes to show something"""

    linear: bool = False
    """it goes from pages to the entries that map them, and takes page n of a file for the one that
    is mapped at page n"""
    nonlinear: bool = False
    """it brings pages of the file to other places"""

    def goes_with(self, other: Operation) -> bool:
        """Whether both at the same time mean anything: a driver makes and gives up a subscription
        once, and a process ends once. What may be at the same time is the end of both, and a user
        of a counted subscription who comes while another goes. Whoever looks for pages of a file at
        one place does not find them at others."""
        if (self.linear and other.nonlinear) or (self.nonlinear and other.linear):
            return False
        if self.lifetime is None or other.lifetime is None:
            return True
        return {self.lifetime, other.lifetime} in _AT_THE_SAME_TIME

    def is_for(self, kernel: Version, callbacks: Iterable[str]) -> bool:
        """Whether a kernel has it, and a driver with these callbacks is ready for it."""
        present = set(callbacks)
        ready = not self.needs or not present.isdisjoint(self.needs)
        able = self.required is None or self.required in present
        return ready and able and self.exists_in(kernel)

    def exists_in(self, kernel: Version) -> bool:
        """Whether a kernel has it."""
        return self.since <= kernel and (self.until is None or kernel <= self.until)

    @property
    def summary(self) -> str:
        """The first line of the function's docstring."""
        return (self.function.__doc__ or "").strip().splitlines()[0]
