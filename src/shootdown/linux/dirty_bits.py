"""The dirty bit of page-table entries.

Hardware sets it when it walks for a write, in the same atomic access that finds the entry writable;
what it caches then may be written through without looking at the entry again. What it caches after
a walk for a read, of an entry that is not dirty, lets nobody write: the first write walks again
(Intel SDM vol. 3A, 4.8; VT-d 4.1, 3.6.2). So whoever has cleared an entry finds in the bit whether
anybody may still write through what was cached, which reclaim relies on (comment in
try_to_unmap_one(): a clean entry cannot be written through any more once it is cleared).

Software reads and clears the bit under the page-table lock, after it has cleared the entry.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shootdown.lang.declare import Atomic, Flag, PerPage, Pte
from shootdown.lang.part import Part
from shootdown.program.kind import READ_ONLY

if TYPE_CHECKING:
    from shootdown.linux.folio import Folios
    from shootdown.linux.mm import Mm


class DirtyBits(Part):
    """_PAGE_DIRTY of every entry; the bit of an entry that is not present means nothing."""

    def __init__(self, mm: Mm) -> None:
        self.label = "dirty_bits"
        self.mm = mm
        self.dirty = Atomic(PerPage(Flag))
        mm.dirty_bits = self

    def walked(self, page: int, pte: Pte, write: bool) -> Pte:
        """Part of one hardware walk."""
        if pte.writable and not self.dirty[page]:
            if write:
                self.dirty[page] = True
            else:
                return pte.with_rights(READ_ONLY)
        return pte

    def transfer(self, folios: Folios, page: int, frame: int) -> bool:
        """The entry was cleared; was it dirty? The page is from now on."""
        dirty = self.dirty[page]
        if dirty:
            self.dirty[page] = False
            folios.dirty[frame] = True
        return dirty

    def got(self, page: int, pte: Pte, write: bool) -> Pte:
        """follow_page_pte() with FOLL_TOUCH: who gets a page to write it makes it dirty. A device
        that gets it to read may only read: it has no dirty bit that the kernel would see."""
        if write:
            self.mark_dirty(pte.frame)
            return pte
        return pte.with_rights(READ_ONLY)

    def mark_dirty(self, frame: int) -> None:
        """set_page_dirty()"""
        if self.mm.folios is not None:
            self.mm.folios.dirty[frame] = True
