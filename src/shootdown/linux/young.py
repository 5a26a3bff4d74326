"""Which pages were used lately: the accessed bit of entries.

Hardware sets it when a walk uses the entry (CPUs; an IOMMU that shares the page table), faults set
it when they make one (pte_mkyoung()). Reclaim and others look at it and clear it; what devices with
page tables of their own used, the young callbacks say. The bit changes while others hold the
page-table lock, as hardware asks for none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shootdown.lang.declare import Atomic, Flag, Ghost, PerPage, ghost, require
from shootdown.lang.part import Part
from shootdown.rules.young import LOST_REFERENCE

if TYPE_CHECKING:
    from shootdown.linux.mm import Mm


class Young(Part):
    """The bit of every entry."""

    def __init__(self, mm: Mm) -> None:
        self.label = "young"
        self.mm = mm
        self.accessed = Atomic(PerPage(Flag))
        self.walked = Ghost(PerPage(Flag))
        """a device has translated the page since it was last asked for"""
        mm.young = self

    @ghost
    def translated(self, page: int) -> None:
        """A device has walked, and found an entry."""
        self.walked[page] = True

    @ghost
    def judge(self, page: int, referenced: bool) -> None:
        """This is what is known about the page. While somebody changes it, the bit may be on its
        way from one place to the other, and be found the next time."""
        if self.mm.changing[page] == 0:
            require(referenced or not self.walked[page], LOST_REFERENCE)
            self.walked[page] = False
        elif referenced:
            self.walked[page] = False
