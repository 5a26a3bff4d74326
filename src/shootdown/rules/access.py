"""Rules about one access through a translation, judged at the moment it lands in memory.

`mm.changing[page]` counts the operations of Linux that are changing this page right now; until they
return, the old translation may still be in use and only freed memory is forbidden. When nobody is
changing the page, the access must agree with the CPU's page table.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shootdown.lang.declare import Pte, ghost, require
from shootdown.rules.contents import LOST_DIRTY_BIT, LOST_WRITE
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
    table names. Documentation/mm/mmu_notifier.rst says why replacing a page needs this too. (A page
    that a device has for itself is named by an entry that CPUs cannot use.)"""

    name = "stale-translation"
    sentence = "no access through an old translation after the operation that changed it returned"

    @ghost
    def judge(self, mm: Mm, page: int, pte: Pte, write: bool) -> None:
        """Called with the translation the access uses."""
        if mm.changing[page] == 0:
            current = mm.pte[page]
            agrees = current.readable and current.frame == pte.frame
            if mm.swap_entries is not None and mm.swap_entries.names(page, pte.frame):
                agrees = True
            require(agrees, self)


class ReplacedPage(Rule):
    """M5, D5: where an entry is replaced by one for a page with other contents, both flushes come
    before the new entry. If one agent can read the new page while another still reads the old one,
    two writes can be seen in the wrong order (Documentation/mm/mmu_notifier.rst, the case of two
    pages and two CPUs; B14).

    Not for an entry that was cleared before, by somebody else: a fault may fill it in while that
    one has not flushed yet, as with MADV_DONTNEED. Nor for equal contents, as with KSM."""

    name = "replaced-page"
    sentence = "no access to the old page once another one is mapped in its place"

    @ghost
    def judge(self, mm: Mm, page: int, pte: Pte, write: bool) -> None:
        """Called with the translation the access uses."""
        old, current = mm.replaced[page], mm.pte[page]
        replaced = old.present and current.readable and current.frame != old.frame
        require(not (replaced and pte.frame == old.frame), self)


class DiscardedPage(Rule):
    """M5 for reclaim: what MADV_FREE gave up is unmapped and leaves nothing in its place, so that a
    fault maps another page as soon as the page-table lock is given back. A device that can still
    use the old one then reads what the process has already overwritten. For this reason Linux
    tells secondary TLBs under that lock (the comment at `discard` in try_to_unmap_one() of 4.15);
    from 3.7 to 4.10 invalidate_page came after it (B5; MADV_FREE is of 4.5).

    Judged for devices only: CPUs may be flushed later, in a batch, as after MADV_DONTNEED. Other
    pages that reclaim or migration unmaps are locked, and whoever faults on them waits for that."""

    name = "discarded-page"
    sentence = "no device uses a page that reclaim discarded once another is mapped in its place"

    @ghost
    def judge(self, mm: Mm, page: int, pte: Pte, write: bool) -> None:
        """Called with the translation the access uses."""
        if mm.reclaim is not None:
            old, current = mm.reclaim.discarded[page], mm.pte[page]
            replaced = old.present and current.readable and current.frame != old.frame
            require(not (replaced and pte.frame == old.frame), self)


class StalePermission(Rule):
    """D1, rights: after mprotect or fork returned, nobody writes through the permission that was
    withdrawn. For fork this is what keeps parent and child apart (B15 in the catalogue)."""

    name = "stale-permission"
    sentence = "no write through a permission that was withdrawn"

    @ghost
    def judge(self, mm: Mm, page: int, pte: Pte, write: bool) -> None:
        """Called with the translation the access uses."""
        if write and mm.changing[page] == 0:
            allowed = mm.pte[page].writable
            if mm.swap_entries is not None and mm.swap_entries.lets_write(page):
                allowed = True
            require(allowed, self)


class UnrecordedWrite(Rule):
    """B16: what a page table watches for writes (soft-dirty, write-protecting userfaultfd,
    PAGEMAP_SCAN) is not written without leaving a trace: whoever collects the dirty pages, to move
    a process or to save it, would miss this one. Found in 3.11-rc with a KVM guest."""

    name = "unrecorded-write"
    sentence = "no write to a page that is watched for writes goes unrecorded"

    @ghost
    def judge(self, mm: Mm, page: int, pte: Pte, write: bool) -> None:
        """Called with the translation the access uses."""
        if write and mm.changing[page] == 0:
            if mm.soft_dirty is not None:
                require(mm.soft_dirty.dirty[page], self)
            if mm.userfaultfd is not None:
                require(not mm.userfaultfd.wp[page], self)


class ForbiddenAccess(Rule):
    """When munmap() or mprotect() has returned, nobody does what it forbade, even if reclaim or
    migration is at work on the page and has put the CPU flush off: an entry that they cleared is
    no proof that nobody has it cached (B27, commit 3ea277194daa; B28, commit 4b634918384c).

    `StalePermission` says the same of pages that nobody is changing."""

    name = "forbidden-access"
    sentence = "no access that the process may not do, after the call that forbade it returned"

    @ghost
    def judge(self, mm: Mm, page: int, pte: Pte, write: bool) -> None:
        """Called with the translation the access uses. Only reclaim and migration leave anything
        to be found by it."""
        if mm.folios is not None and mm.changing[page] == mm.reclaiming[page]:
            require(mm.permits(page, write), self)


class FreedTable(Rule):
    """M6, D4 (tables): a page-table page is freed only after walk caches forgot it; otherwise the
    walker reads translations from whatever the page holds now (B4; lkml 2014, invalidate_range)."""

    name = "freed-table"
    sentence = "no walk through a freed page-table page"


FREED_FRAME, FREED_TABLE = FreedFrame(), FreedTable()
REPLACED_PAGE, DISCARDED_PAGE = ReplacedPage(), DiscardedPage()
STALE_TRANSLATION, STALE_PERMISSION = StaleTranslation(), StalePermission()
UNRECORDED_WRITE, FORBIDDEN_ACCESS = UnrecordedWrite(), ForbiddenAccess()

ACCESS_RULES = (
    LOST_WRITE,
    FREED_FRAME,
    STALE_TRANSLATION,
    REPLACED_PAGE,
    UNRECORDED_WRITE,
    STALE_PERMISSION,
    FORBIDDEN_ACCESS,
    LOST_DIRTY_BIT,
)
"""in the order in which a landing access is judged: the worst first"""

DEVICE_RULES = (*ACCESS_RULES, DISCARDED_PAGE)
"""what is asked of devices beyond that"""

PINNED_RULES = (FREED_FRAME,)
"""D3: of a driver that holds references of the pages it has mapped: what it reaches may be old, but
must not be anybody else's"""
