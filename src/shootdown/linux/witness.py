"""What a subscriber knows of the page table if it believes what it is told.

Whenever an operation or a fault begins or ends, and at every end of a range, every entry is
compared with what it was when last looked at. Between a start and its end anything may happen to
it; else it may only have come to map its first page, or have got more rights. This is the rule
`announced-change`. It looks late, so that the code that changes entries need not know of it: what
was changed without a word is found at the latest when the operation returns.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shootdown.lang.declare import Flag, Ghost, Int, PageRange, PerPage, Pte, ghost, require
from shootdown.lang.part import Part
from shootdown.rules.announced import ANNOUNCED_CHANGE

if TYPE_CHECKING:
    from shootdown.linux.mm import Mm


class Witness(Part):
    """Of one address space."""

    def __init__(self, mm: Mm) -> None:
        self.label = "witness"
        self.mm = mm
        geometry = mm.geometry
        nested = 2 * (geometry.tasks + geometry.devices + geometry.cpus)
        self.announced = Ghost(PerPage(Int(0, nested)))
        """starts without an end that cover the page"""
        self.seen = Ghost(PerPage(Pte))
        self.over = Ghost(Flag())
        """release was called: nothing is told any more"""
        mm.watchers.append(self)

    @ghost
    def look(self, range: PageRange, busy: int = 0) -> None:
        """Something begins or ends here, and no more than `busy` operations are under way: until
        4.12 a single entry changes first and is told of afterwards, under the page-table lock."""
        for page in range:
            quiet = self.announced[page] == 0 and self.mm.changing[page] <= busy
            if quiet and not self.over:
                self._compare(page)
                self.seen[page] = self.mm.pte[page]

    def _compare(self, page: int) -> None:
        seen, now = self.seen[page], self.mm.pte[page]
        if seen.present:
            same = now.present and now.frame == seen.frame and now.rights >= seen.rights
            require(same, ANNOUNCED_CHANGE)

    @ghost
    def begins(self, range: PageRange) -> None:
        """invalidate_range_start()"""
        self.look(range, busy=1)
        for page in range:
            self.announced[page] += 1

    @ghost
    def ends(self, range: PageRange) -> None:
        """invalidate_range_end()"""
        for page in range:
            self.announced[page] -= 1
            self.seen[page] = self.mm.pte[page]

    @ghost
    def told(self, page: int) -> None:
        """invalidate_page(), change_pte()"""
        self.seen[page] = self.mm.pte[page]

    @ghost
    def ends_for_good(self) -> None:
        """release()"""
        self.over = True
