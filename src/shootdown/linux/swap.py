"""Swap space and the swap cache: mm/swap_state.c, mm/swapfile.c, do_swap_page() in mm/memory.c.

A page on its way out is in the swap cache, which holds a reference, from before its entries are
cleared until it has been stored and nobody else has it. A fault that comes earlier finds it there,
waits for its lock, and maps it again; one that comes later reads it from swap space into a new
page. Whoever maps it takes it out of the cache and marks it dirty, as Linux does when swap space is
short (should_try_to_free_swap()): the contents are then in the page alone.

Each page of the address space has a place of its own in swap space. The part exists in scenarios
with operations that swap or move pages; `Mm.swap` is None in all others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shootdown.lang.declare import FrameNumber, PerPage, Pte, indivisible
from shootdown.lang.part import Part
from shootdown.linux.dirty_bits import DirtyBits
from shootdown.linux.folio import Folios
from shootdown.linux.swapops import MIGRATION, SWAP, SwapEntries
from shootdown.program.kind import READ_ONLY, READ_WRITE

if TYPE_CHECKING:
    from shootdown.linux.mm import Mm

NOT_CACHED = 0
"""value of `Swap.cache` for a place whose page is not in memory"""


class Swap(Part):
    """Where the pages of an address space are that are not mapped."""

    def __init__(self, mm: Mm) -> None:
        self.label = "swap"
        self.mm = mm
        self.folios = mm.folios or Folios(mm)
        self.bits = mm.dirty_bits or DirtyBits(mm)
        self.entries = mm.swap_entries or SwapEntries(mm)
        self.cache = PerPage(FrameNumber())
        """the page that is in the swap cache for this place"""
        mm.swap = self

    # --- the cache ----------------------------------------------------------------------------

    @indivisible
    def add_to_swap_cache(self, page: int, frame: int) -> None:
        """folio_alloc_swap() (add_to_swap() before 6.17): a place, and a reference. The page is
        dirty from now on, whatever its entries say. Folio locked."""
        self.cache[page] = frame
        self.folios.dirty[frame] = True
        self.mm.memory.get_page(frame)

    @indivisible
    def free_swap(self, page: int) -> None:
        """folio_free_swap(): the place is given back too, so nothing has the contents but the
        page."""
        frame = self.cache[page]
        self.cache[page] = NOT_CACHED
        self.folios.dirty[frame] = True
        self.folios.note_written(frame)
        self.mm.memory.put_page(frame)

    @indivisible
    def swapin_folio(self, page: int) -> int:
        """swap_cache_get_folio(), or swapin_readahead(): the page with one reference more."""
        frame = self.cache[page]
        if frame == NOT_CACHED:
            frame = self.mm.memory.alloc_page()
            self.cache[page] = frame
        self.mm.memory.get_page(frame)
        return frame

    @indivisible
    def move_place(self, page: int, target: int) -> None:
        """The place that a page has in swap space goes with its entry."""
        self.cache[target] = self.cache[page]
        self.cache[page] = NOT_CACHED

    # --- entries, under the page-table lock ------------------------------------------------------

    def swap_out(self, page: int, pte: Pte) -> None:
        """try_to_unmap_one() writes a swap entry where it has cleared a present one."""
        self.entries.set(page, SWAP, pte)

    def zap(self, page: int) -> None:
        """zap_nonpresent_ptes(): nobody wants what is in that place any more."""
        if self.entries.kind[page] in (SWAP, MIGRATION):
            frame = self.entries.clear(page).frame
            self.mm.lets_go(page, frame)

    def is_protected(self, page: int) -> bool:
        """userfaultfd_pte_wp(): the entry withholds the right to write (pte_swp_uffd_wp())."""
        return self.mm.userfaultfd is not None and self.mm.userfaultfd.wp[page]

    # --- faults -------------------------------------------------------------------------------

    def do_swap_page(self, page: int, write: bool) -> None:
        """do_swap_page(). If something has changed meanwhile the caller faults again."""
        with self.mm.page_table_lock:
            kind = self.entries.kind[page]
            moving = self.entries.entry[page].frame
            if kind == MIGRATION:
                self.mm.memory.get_page(moving)
        if kind == MIGRATION:
            self.migration_entry_wait(moving)
        elif kind == SWAP:
            self.swap_in(page, write)

    def migration_entry_wait(self, frame: int) -> None:
        """migration_entry_wait(): until whoever moves the page unlocks it (softleaf_entry_wait()
        later; from 5.14 on no reference is taken, which only lets migration fail less)."""
        self.folios.folio_lock(frame)
        self.folios.folio_unlock_and_put(frame)

    def swap_in(self, page: int, write: bool) -> bool:
        """The page comes back, if its place is still that of the entry."""
        frame = self.swapin_folio(page)
        self.folios.folio_lock(frame)
        mapped = False
        if self.cache[page] == frame:
            mapped = self.map(page, frame, write)
        self.folios.folio_unlock_and_put(frame)
        return mapped

    def map(self, page: int, frame: int, write: bool) -> bool:
        """The end of do_swap_page(), and unuse_pte(): nothing is told to anybody, nothing flushed
        (row 50). If the entry is gone the page stays in the cache, for whoever gave it up."""
        mapped = False
        with self.mm.page_table_lock:
            if self.entries.kind[page] == SWAP:
                self.entries.clear(page)
                self.mm.memory.get_page(frame)
                self.free_swap(page)
                writable = write and not self.is_protected(page)
                if writable:
                    self.mm.made_dirty(page)
                self.mm.pte[page] = Pte(frame, READ_WRITE if writable else READ_ONLY)
                mapped = True
        return mapped
