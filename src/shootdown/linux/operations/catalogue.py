"""The operations by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches

from shootdown.lang.declare import PageRange
from shootdown.linux.operations.fault import read_fault, write_fault
from shootdown.linux.operations.fork import fork
from shootdown.linux.operations.madvise_dontneed import madvise_dontneed
from shootdown.linux.operations.mmap import mmap
from shootdown.linux.operations.mprotect import mprotect
from shootdown.linux.operations.munmap import munmap
from shootdown.linux.start import ANONYMOUS, Pattern
from shootdown.linux.task import Task
from shootdown.linux.version import Version


class UnknownOperationError(ValueError):
    """There is no such operation."""


OLDEST: Version = (2, 6, 27)


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

    def exists_in(self, kernel: Version) -> bool:
        """Whether a kernel has it."""
        return self.since <= kernel and (self.until is None or kernel <= self.until)

    @property
    def summary(self) -> str:
        """The first line of the function's docstring."""
        return (self.function.__doc__ or "").strip().splitlines()[0]


OPERATIONS: dict[str, Operation] = {
    function.__name__: Operation(function.__name__, function)
    for function in (read_fault, write_fault, mmap, munmap, madvise_dontneed, mprotect, fork)
}


def find_operation(name: str) -> Operation:
    """The operation of that name.

    Raises:
        UnknownOperationError: with the nearest name, and all of them.
    """
    if name in OPERATIONS:
        return OPERATIONS[name]
    near = get_close_matches(name, OPERATIONS, 1)
    hint = f"did you mean {near[0]}? " if near else ""
    raise UnknownOperationError(
        f"there is no operation `{name}`; {hint}known are {', '.join(OPERATIONS)}"
    )
