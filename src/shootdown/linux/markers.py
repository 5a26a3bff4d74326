"""What an entry of a page table can be that maps nothing: a guard marker.

A guard marker (MADV_GUARD_INSTALL, 6.13) lets every access fail. It is an entry of its own kind, so
it goes where entries go: it is moved, forked, and dropped by munmap, but not by MADV_DONTNEED
(zap_drop_markers(), mm/memory.c).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shootdown.lang.declare import Flag, PageRange, PerPage
from shootdown.lang.part import Part

if TYPE_CHECKING:
    from shootdown.linux.mm import Mm


class Markers(Part):
    """Markers of an address space, where a scenario has any."""

    def __init__(self, mm: Mm) -> None:
        self.label = "markers"
        self.mm = mm
        mm.markers = self
        self.guard = PerPage(Flag)

    def move(self, range: PageRange, target: int) -> None:
        """They go where entries go."""
        for page in range:
            self.guard[target + page - range.start] = self.guard[page]
            self.guard[page] = False

    def drop(self, range: PageRange) -> None:
        """The entries are gone for good."""
        for page in range:
            self.guard[page] = False
