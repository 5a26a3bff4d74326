"""Migration: migrate_folio_unmap() and migrate_folio_move(), mm/migrate.c (row 15).

The page is locked, its entries become migration entries, its contents are copied to a new page,
and the entries come back with that one. Until 6.2 every entry is flushed when it is cleared; from
6.3 on (commit 7e12beb8ca2a) the flush is put off, and comes before anything is copied. Whoever
writes through an old translation after the copy writes into a page that nobody reads any more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shootdown.lang.declare import Array, count, indivisible
from shootdown.lang.part import Part
from shootdown.linux import rmap
from shootdown.linux.swap import NOT_CACHED, Swap
from shootdown.linux.version import Version

if TYPE_CHECKING:
    from shootdown.linux.mm import Mm
    from shootdown.linux.task import Task

BATCHES: Version = (6, 3, 0)
"""TTU_BATCH_FLUSH in migrate_pages_batch()"""


class Migration(Part):
    """Whoever moves pages: compaction, NUMA balancing, move_pages()."""

    def __init__(self, mm: Mm) -> None:
        self.label = "migration"
        self.mm = mm
        self.swap = mm.swap or Swap(mm)
        self.folios = self.swap.folios
        self.batched = mm.kernel >= BATCHES
        mm.migration = self

    def migrate_page(self, task: Task, page: int) -> None:
        """Move the page that is mapped, or cached, there to another frame."""
        old = self.isolate(page)
        if old == NOT_CACHED:
            return
        self.folios.folio_lock(old)
        new = self.mm.memory.alloc_page()
        self.folios.folio_lock(new)
        self.unmap(task, page, old)
        self.move(page, old, new)
        self.folios.folio_unlock_and_put(new)

    @indivisible
    def isolate(self, page: int) -> int:
        """folio_isolate_lru(), as for reclaim."""
        if not rmap.takes(self.mm, page):
            return NOT_CACHED
        frame = self.mm.pte[page].frame
        if self.mm.mapping is not None and frame == NOT_CACHED:
            frame = self.mm.mapping.folio[page]
        if frame != NOT_CACHED:
            self.mm.memory.get_page(frame)
        return frame

    def unmap(self, task: Task, page: int, old: int) -> None:
        """try_to_migrate(): every entry becomes a migration entry, and is flushed."""
        mapping = self.mm.mapping
        if mapping is not None and self.mm.is_file_page(page, old):
            with mapping.i_mmap_rwsem.read():
                rmap.try_to_migrate_one(task, page, old, self.batched)
        else:
            rmap.try_to_migrate_one(task, page, old, self.batched)
        task.tlb_ubc.try_to_unmap_flush()

    def move(self, page: int, old: int, new: int) -> None:
        """move_to_new_folio(), if nobody else has a reference, and remove_migration_ptes()."""
        if self.folio_migrate_mapping(page, old, new):
            self.folios.copy(old, new)
            rmap.remove_migration_pte(self.mm, page, old, new)
            self.folios.folio_unlock(old)
            self.folios.drop(old)
            count("pages migrated")
        else:
            rmap.remove_migration_pte(self.mm, page, old, old)
            self.folios.folio_unlock_and_put(old)

    def folio_migrate_mapping(self, page: int, old: int, new: int) -> bool:
        """The cache names the new page, if all references of the old one are known: the caller's,
        and that of the cache."""
        mapping = self.mm.mapping
        if mapping is not None and self.mm.is_file_page(page, old):
            return self.replace_in(mapping.folio, page, old, new)
        return self.is_alone(old)

    @indivisible
    def replace_in(self, cache: Array[int], page: int, old: int, new: int) -> bool:
        """Under the lock of i_pages, with references frozen."""
        if cache[page] != old or self.mm.memory.refcount[old] != 2:
            return False
        cache[page] = new
        self.mm.memory.refcount[old] = 1
        self.mm.memory.refcount[new] += 1
        return True

    @indivisible
    def is_alone(self, old: int) -> bool:
        """Anonymous memory: no entry and nobody else refers to it any more."""
        return self.mm.memory.refcount[old] == 1
