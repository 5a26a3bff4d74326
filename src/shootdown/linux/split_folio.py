"""split_folio(): a large folio becomes small ones, __folio_split(), mm/huge_memory.c of 6.18.

unmap_folio() looks for the folio in every VMA that could have it, in the order of the interval tree
of its anon_vma, and announces what each can have of it: S, [P-: migration entries], E
(try_to_migrate_one(), row 15), until it is mapped no more. remap_page() then maps its pages again,
which nobody is told; of those that hold nothing but zeroes the zero page takes the place
(try_to_map_unused_to_zeropage(), since 6.12), unless their VMA is locked.

Programs write nothing but zeroes, so here that is all of them. The folio belongs to this address
space alone, as callers have looked (folio_maybe_mapped_shared()).
"""

from __future__ import annotations

from shootdown.lang.declare import EMPTY, PageRange, Pte, count, indivisible
from shootdown.lang.part import Part
from shootdown.linux.folios import Folios
from shootdown.linux.huge_memory import HugeMemory
from shootdown.linux.lazyfree import LAZYFREE, SWAPBACKED, LazyFree
from shootdown.linux.memory import ZERO_FRAME
from shootdown.linux.mm import Mm
from shootdown.linux.notifiers.range import Event, MmuNotifierRange
from shootdown.linux.vma import LOCKED, NO_VMA, Vmas
from shootdown.program.kind import READ_ONLY, READ_WRITE

BEFORE_ALL = -1


class FolioSplitter(Part):
    """What it takes to split the folios of one address space."""

    def __init__(
        self, mm: Mm, huge: HugeMemory, folios: Folios, vmas: Vmas, lazyfree: LazyFree
    ) -> None:
        self.label = "splitter"
        self.mm = mm
        mm.splitter = self
        self.huge = huge
        self.folios = folios
        self.vmas = vmas
        self.lazyfree = lazyfree

    # --- who maps it --------------------------------------------------------------------------

    def own(self, head: int) -> int:
        """How many of its pages this address space maps."""
        found = 0
        for table in range(self.mm.geometry.tables):
            if self.mm.table[table] or self.huge.leaf[table]:
                for page in self.huge.block(table * self.mm.entries):
                    if self.maps(page, head):
                        found += 1
        return found

    def maps(self, page: int, head: int) -> bool:
        """The entry maps a page of the folio."""
        pte = self.mm.pte[page]
        return pte.present and self.folios.head[pte.frame] == head

    def is_shared(self, head: int) -> bool:
        """folio_maybe_mapped_shared(): some other address space maps a page of it."""
        mapped = self.folios.mapcount[head]
        return mapped > self.mm.entries or mapped != self.own(head)

    def may_reuse(self, frame: int) -> bool:
        """do_wp_page() and __wp_can_reuse_large_anon_folio() for a page of a large folio that is
        mapped by itself: it is known to be ours, or all that is mapped of the folio is. The last
        page of a folio is copied, so that the folio can go."""
        head = self.folios.head[frame]
        if not self.folios.exclusive[frame]:
            if self.folios.mapcount[head] <= 1 or self.is_shared(head):
                return False
            self.folios.exclusive[frame] = True
        return True

    def batch(self, page: int, end: int) -> int:
        """madvise_folio_pte_batch(): how many entries from this one on map the folio in order, in
        this page table and before `end`."""
        pte = self.mm.pte[page]
        head, number = self.folios.head[pte.frame], self.folios.number[pte.frame]
        limit = page - page % self.mm.entries + self.mm.entries
        if limit > end:
            limit = end
        for at in range(page, limit):
            other = self.mm.pte[at]
            if not other.present or self.folios.head[other.frame] != head:
                return at - page
            if self.folios.number[other.frame] != number + (at - page):
                return at - page
        return limit - page

    # --- unmapping, wherever it may be ----------------------------------------------------------

    def walk_rmap(self, head: int, site: str) -> None:
        """rmap_walk_anon(): announce what every VMA can have of the folio, until none is left that
        has. `site` is the function that would change the entries."""
        left = self.own(head)
        offset, start = BEFORE_ALL, BEFORE_ALL
        while left > 0:
            vma = self._next(head, offset, start)
            offset, start = self.vmas.offset[vma.start], vma.start
            part = self._part(vma, head)
            self._announce(part, site)
            for page in part:
                if self.maps(page, head):
                    left -= 1

    def _next(self, head: int, offset: int, start: int) -> PageRange:
        """The next VMA in the interval tree: by offset, then, of those that are alike, by place."""
        found = PageRange(0, 0)
        best = BEFORE_ALL
        page = self.vmas.first_in(self.mm.whole)
        while page < self.mm.pages:
            vma = self.vmas.find(page)
            own = self.vmas.offset[page]
            later = own > offset or (own == offset and page > start)
            if later and (best == BEFORE_ALL or own < best) and self._may_have(vma, head):
                best = own
                found = vma
            page = self.vmas.first_in(PageRange(vma.end, self.mm.pages))
        return found

    def _may_have(self, vma: PageRange, head: int) -> bool:
        """The anon_vma is the folio's, and the offsets meet."""
        if self.vmas.anon_vma[vma.start] != self.folios.anon_vma[head]:
            return False
        first = self.vmas.offset[vma.start]
        index = self.folios.index[head]
        return first < index + self.mm.entries and index < first + len(vma)

    def _part(self, vma: PageRange, head: int) -> PageRange:
        """vma_address() to vma_address_end()"""
        shift = vma.start - self.vmas.offset[vma.start]
        first = self.folios.index[head] + shift
        last = first + self.mm.entries
        if first < vma.start:
            first = vma.start
        if last > vma.end:
            last = vma.end
        return PageRange(first, last)

    def _announce(self, part: PageRange, site: str) -> None:
        announced = MmuNotifierRange(part.start, part.end, Event.CLEAR, site)
        self.mm.notifiers.invalidate_range_start(announced)
        with self.mm.page_table_lock:
            self.mm.arch.flush_tlb_range(part)
        self.mm.notifiers.invalidate_range_end(announced)

    # --- a part of memory -----------------------------------------------------------------------

    def split_partly_covered(self, range: PageRange) -> None:
        """What MADV_FREE, MADV_COLD and MADV_PAGEOUT do with large folios of which not all is
        mapped, in order, in the range: they are split, unless somebody else has them too."""
        self._for_each_large(range, whole=False)

    def reclaim(self, range: PageRange) -> None:
        """shrink_folio_list() for the large folios of a part of one page table, which is all of
        them after that. Without swap what is not lazily freed is split."""
        self._for_each_large(range, whole=True)

    def _for_each_large(self, range: PageRange, whole: bool) -> None:
        """Shrink those of which all is mapped there, or split those of which not all is. What
        somebody else has too is left alone."""
        page = range.start
        while page < range.end:
            pte = self.mm.pte[page]
            step = 1
            if pte.present and self.folios.is_large(pte.frame):
                head = self.folios.head[pte.frame]
                step = self.batch(page, range.end)
                if (step == self.mm.entries) == whole and not self.is_shared(head):
                    if whole:
                        self._shrink(head, PageRange(page, page + step))
                    else:
                        self.split(head)
            page += step

    def _shrink(self, head: int, block: PageRange) -> None:
        """A folio whose pages are all here."""
        lazy = self.lazyfree.lazy[head]
        if lazy == SWAPBACKED:
            self.split(head)
            return
        self.walk_rmap(head, "try_to_unmap_one")
        self._link_table(block.start)
        if lazy == LAZYFREE:
            for page in block:
                frame = self.mm.pte[page].frame
                self.mm.pte[page] = EMPTY
                self.mm.memory.put_page(frame)
        else:
            self.lazyfree.keep(head)

    # --- splitting ----------------------------------------------------------------------------

    def split(self, head: int) -> None:
        """split_folio() of a folio that nobody else maps."""
        self.walk_rmap(head, "try_to_migrate_one")
        self._remap(head)
        self.folios.dissolve(head)
        count("large folios split")

    @indivisible
    def _remap(self, head: int) -> None:
        """remap_page(), after split_huge_pmd_locked() if a huge entry mapped it."""
        for page in self.mm.whole:
            pte = self.mm.pte[page]
            if pte.present and self.folios.head[pte.frame] == head:
                self._link_table(page)
                self._remap_one(page, pte, head)

    def _link_table(self, page: int) -> None:
        table = self.huge.table_of(page)
        if self.huge.leaf[table]:
            self.huge.leaf[table] = False
            self.mm.table[table] = True

    def _remap_one(self, page: int, pte: Pte, head: int) -> None:
        """remove_migration_pte()"""
        lazyfree = self.lazyfree
        if self.vmas.has(page, LOCKED):
            lazyfree.lazy[pte.frame] = lazyfree.lazy[head]
            lazyfree.dirty[pte.frame] = lazyfree.dirty[head]
            return
        self.mm.memory.put_page(pte.frame)
        rights = self.mm.vma[page]
        if rights == READ_WRITE:
            rights = READ_ONLY
        if rights == NO_VMA:
            self.mm.pte[page] = EMPTY
        else:
            self.mm.pte[page] = Pte(ZERO_FRAME, rights)
