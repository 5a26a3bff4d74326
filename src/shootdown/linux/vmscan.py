"""Reclaim: shrink_folio_list(), mm/vmscan.c.

One page at a time here: take it, lock it, ask whether it was used, unmap it, store it if it is
dirty, flush, and give it up if nobody else has it. Three orders matter:

- the flush that try_to_unmap_one() put off comes before the page is stored, if an entry was dirty
  (try_to_unmap_flush_dirty()): whoever can still write would write into what is already stored;
- and before the page is freed, in any case (try_to_unmap_flush());
- references are frozen before PG_dirty is looked at (__remove_mapping()): whoever had one may have
  written through it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shootdown.lang.declare import Array, Ghost, PerPage, Pte, count, ghost, indivisible
from shootdown.lang.part import Part
from shootdown.linux import rmap
from shootdown.linux.swap import NOT_CACHED, Swap

if TYPE_CHECKING:
    from shootdown.linux.mm import Mm
    from shootdown.linux.task import Task


class Reclaim(Part):
    """Whoever needs memory: kswapd, a task, MADV_PAGEOUT. Makes swap space known too."""

    def __init__(self, mm: Mm) -> None:
        self.label = "reclaim"
        self.mm = mm
        self.swap = mm.swap or Swap(mm)
        self.folios = self.swap.folios
        self.discarded = Ghost(PerPage(Pte))
        """the entry of a page that MADV_FREE gave up, from when it is cleared until all who could
        use it have been told"""
        mm.reclaim = self

    @ghost
    def discards(self, page: int, pte: Pte) -> None:
        """The entry is cleared, and nothing comes in its place (EMPTY: all have been told)."""
        self.discarded[page] = pte

    # --- one page -----------------------------------------------------------------------------

    def shrink_page(self, task: Task, page: int, ages: bool = True) -> None:
        """shrink_folio_list() for the page that is mapped, or cached, there. `ages`: a page that
        was used lately is kept."""
        frame = self.isolate(page)
        if frame == NOT_CACHED:
            return
        if not self.folios.folio_trylock(frame):
            self.mm.memory.put_page(frame)
            return
        if ages and self.was_used(page, frame):
            self.folios.folio_unlock_and_put(frame)
            return
        if self.mm.is_file_page(page, frame):
            self.shrink_file_page(task, page, frame)
        elif self.folios.lazyfree[frame]:
            self.shrink_lazyfree_page(task, page, frame)
        else:
            self.shrink_anonymous_page(task, page, frame)

    @indivisible
    def isolate(self, page: int) -> int:
        """folio_isolate_lru(): a page that somebody still has, with one reference more. The zero
        page is on no list."""
        if not rmap.takes(self.mm, page):
            return NOT_CACHED
        frame = self.mm.pte[page].frame
        if self.mm.mapping is not None and frame == NOT_CACHED:
            frame = self.mm.mapping.folio[page]
        if frame != NOT_CACHED:
            self.mm.memory.get_page(frame)
        return frame

    def was_used(self, page: int, frame: int) -> bool:
        """folio_referenced_one(): under the page-table lock, devices are asked (row 48)."""
        with self.mm.page_table_lock:
            young = False
            if self.mm.pte[page].frame == frame:
                young = self.mm.notifiers.ptep_clear_flush_young_notify(page)
        return young

    def shrink_file_page(self, task: Task, page: int, frame: int) -> None:
        """A page of a file: unmapped with the file's lock held; if it is dirty it stays, for
        write-back to deal with."""
        mapping = self.mm.mapping
        if mapping is None:
            return
        with mapping.i_mmap_rwsem.read():
            rmap.try_to_unmap_one(task, page, frame)
        task.tlb_ubc.try_to_unmap_flush_dirty()
        self.finish(task, frame, self.remove_mapping(mapping.folio, page, frame))

    def shrink_lazyfree_page(self, task: Task, page: int, frame: int) -> None:
        """MADV_FREE gave it up: away with it, unless somebody has written it since."""
        rmap.try_to_unmap_one(task, page, frame)
        self.finish(task, frame, self.is_alone(frame))

    def shrink_anonymous_page(self, task: Task, page: int, frame: int) -> None:
        """Into swap space, if nobody has it mapped any more."""
        self.swap.add_to_swap_cache(page, frame)
        unmapped = rmap.try_to_unmap_one(task, page, frame)
        task.tlb_ubc.try_to_unmap_flush_dirty()
        if unmapped and self.folios.test_clear_dirty(frame):
            self.pageout(frame)
        self.finish(task, frame, self.remove_mapping(self.swap.cache, page, frame))

    def pageout(self, frame: int) -> None:
        """pageout(), swap_writeout(): the contents go to their place in swap space. It is waited
        for here (a RAM disk; from other devices the page is given up in a later round)."""
        self.folios.store(frame)
        count("pages written to swap space")

    @indivisible
    def remove_mapping(self, cache: Array[int], page: int, frame: int) -> bool:
        """__remove_mapping(): out of its cache, if that and the caller have the only references
        (folio_ref_freeze()) and the page is clean."""
        alone = self.mm.memory.refcount[frame] == 2
        if cache[page] != frame or not alone or self.folios.dirty[frame]:
            return False
        cache[page] = NOT_CACHED
        self.mm.memory.refcount[frame] = 1
        return True

    @indivisible
    def is_alone(self, frame: int) -> bool:
        """folio_ref_freeze() for a page that is in no cache: nobody maps it any more."""
        return self.mm.memory.refcount[frame] == 1

    def finish(self, task: Task, frame: int, gone: bool) -> None:
        """The end of the loop: unlocked, then flushed, then freed or put back."""
        self.folios.folio_unlock(frame)
        task.tlb_ubc.try_to_unmap_flush()
        if gone:
            self.folios.drop(frame)
            count("pages reclaimed")
        else:
            self.mm.memory.put_page(frame)
