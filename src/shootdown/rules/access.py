"""Rules about one access through a translation, judged at the moment it lands in memory.

`mm.changing[page]` counts the operations of Linux that are changing this page right now; until they
return, the old translation may still be in use and only freed memory is forbidden. When nobody is
changing the page, the access must agree with the CPU's page table.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shootdown.lang.declare import Pte, ghost, require
from shootdown.rules.rule import Rule

if TYPE_CHECKING:
    from shootdown.linux.mm import Mm


class FreedFrame(Rule):
    """M4, D4 (page reuse): the mm may drop the last reference of a page only when no secondary TLB
    can still use it. Linux: the order flush, then free of tlb_flush_mmu(), mm/mmu_gather.c."""

    name = "freed-frame"
    sentence = "no access to a freed page frame"

    @ghost
    def judge(self, mm: Mm, page: int, pte: Pte, write: bool) -> None:
        """Called with the translation the access uses."""
        require(mm.memory.refcount[pte.frame] > 0, self)


class StaleTranslation(Rule):
    """D1: when no operation is under way, a translation in use names the page that the CPU's page
    table names. Documentation/mm/mmu_notifier.rst says why replacing a page needs this too."""

    name = "stale-translation"
    sentence = "no access through an old translation after the operation that changed it returned"

    @ghost
    def judge(self, mm: Mm, page: int, pte: Pte, write: bool) -> None:
        """Called with the translation the access uses."""
        if mm.changing[page] == 0:
            current = mm.pte[page]
            require(current.readable and current.frame == pte.frame, self)


class StalePermission(Rule):
    """D1, rights: after mprotect or fork returned, nobody writes through the permission that was
    withdrawn. For fork this is what keeps parent and child apart (B15 in the catalogue)."""

    name = "stale-permission"
    sentence = "no write through a permission that was withdrawn"

    @ghost
    def judge(self, mm: Mm, page: int, pte: Pte, write: bool) -> None:
        """Called with the translation the access uses."""
        if write and mm.changing[page] == 0:
            require(mm.pte[page].writable, self)


class FreedTable(Rule):
    """M6, D4 (tables): a page-table page is freed only after walk caches forgot it; otherwise the
    walker reads translations from whatever the page holds now (B4; lkml 2014, invalidate_range)."""

    name = "freed-table"
    sentence = "no walk through a freed page-table page"


FREED_FRAME, FREED_TABLE = FreedFrame(), FreedTable()
STALE_TRANSLATION, STALE_PERMISSION = StaleTranslation(), StalePermission()

ACCESS_RULES = (FREED_FRAME, STALE_TRANSLATION, STALE_PERMISSION)
"""in the order in which a landing access is judged: the worst first"""
