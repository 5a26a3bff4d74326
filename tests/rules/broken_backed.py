"""Operations on backed pages that are wrong in one way each: an order changed, a call left out."""

from __future__ import annotations

from shootdown.lang.declare import EMPTY, PageRange, Pte
from shootdown.linux.filemap import NO_FOLIO
from shootdown.linux.ksm import Ksm
from shootdown.linux.migrate import Migration
from shootdown.linux.mm import Mm
from shootdown.linux.operations.truncate import truncate_inode_pages
from shootdown.linux.rmap import remove_migration_pte, try_to_migrate_one, try_to_unmap_one
from shootdown.linux.swapops import SWAP
from shootdown.linux.task import Task
from shootdown.linux.vmscan import Reclaim
from shootdown.linux.young import Young
from shootdown.program.kind import READ_ONLY

# --- reclaim --------------------------------------------------------------------------------------


class StoresBeforeFlush(Reclaim):
    """try_to_unmap_flush_dirty() forgotten: a CPU still writes into what is already stored."""

    def shrink_anonymous_page(self, task: Task, page: int, frame: int) -> None:
        self.swap.add_to_swap_cache(page, frame)
        try_to_unmap_one(task, page, frame)
        if self.folios.test_clear_dirty(frame):
            self.pageout(frame)
        self.finish(task, frame, self.remove_mapping(self.swap.cache, page, frame))


class FreesBeforeFlush(Reclaim):
    """try_to_unmap_flush() after the page was freed."""

    def finish(self, task: Task, frame: int, gone: bool) -> None:
        self.folios.folio_unlock(frame)
        self.mm.memory.put_page(frame)
        task.tlb_ubc.try_to_unmap_flush()


class ForgetsDirtyBit(Reclaim):
    """Clears the entry and does not look at its dirty bit; what MADV_FREE gave up goes though it
    was written since."""

    def shrink_lazyfree_page(self, task: Task, page: int, frame: int) -> None:
        mm = self.mm
        with mm.page_table_lock:
            if mm.pte[page].frame == frame:
                mm.arch.ptep_clear_flush(page)
                mm.memory.put_page(frame)
        self.finish(task, frame, self.is_alone(frame))


class UnmapsSilently(Reclaim):
    """No start, no end, no invalidate_page: B24 as reclaim would have it."""

    def shrink_anonymous_page(self, task: Task, page: int, frame: int) -> None:
        mm = self.mm
        self.swap.add_to_swap_cache(page, frame)
        with mm.page_table_lock:
            pte = mm.pte[page]
            if pte.present and pte.frame == frame:
                mm.arch.ptep_clear_flush(page)
                mm.cleared_dirty(page, frame)
                self.swap.entries.set(page, SWAP, pte)
                mm.memory.put_page(frame)
        if self.folios.test_clear_dirty(frame):
            self.pageout(frame)
        self.finish(task, frame, self.remove_mapping(self.swap.cache, page, frame))


# --- migration ------------------------------------------------------------------------------------


class CopiesBeforeFlush(Migration):
    """B32: the flush that was put off comes after the contents were copied."""

    def migrate_page(self, task: Task, page: int) -> None:
        old = self.isolate(page)
        if old == NO_FOLIO:
            return
        self.folios.folio_lock(old)
        new = self.mm.memory.alloc_page()
        self.folios.folio_lock(new)
        try_to_migrate_one(task, page, old, True)
        if self.folio_migrate_mapping(page, old, new):
            self.folios.copy(old, new)
            task.tlb_ubc.try_to_unmap_flush()
            remove_migration_pte(self.mm, page, old, new)
            self.folios.folio_unlock(old)
            self.folios.drop(old)
        else:
            task.tlb_ubc.try_to_unmap_flush()
            remove_migration_pte(self.mm, page, old, old)
            self.folios.folio_unlock_and_put(old)
        self.folios.folio_unlock_and_put(new)


# --- KSM ------------------------------------------------------------------------------------------


class MergesWritable(Ksm):
    """Compares and merges without having write-protected."""

    def write_protect_page(self, page: int, frame: int) -> bool:
        return True

    def replace_page(self, page: int, old: int, kpage: int) -> bool:
        mm = self.mm
        with mm.page_table_lock:
            pte = mm.pte[page]
            replaced = pte.frame == old
            if replaced:
                mm.memory.get_page(kpage)
                mm.arch.ptep_clear_flush(page)
                mm.pte[page] = Pte(kpage, READ_ONLY)
                mm.memory.put_page(old)
        return replaced


# --- files ----------------------------------------------------------------------------------------


def cleans_without_flush(task: Task, range: PageRange) -> None:
    """clean_record_shared_mapping_range() that keeps TLB entries: who has one writes on without
    setting the bit again."""
    mapping = task.mm.mapping
    if mapping is not None:
        task.mm.begin(range)
        with task.mm.page_table_lock:
            for page in range:
                if mapping.bits.dirty[page]:
                    mapping.folios.dirty[task.mm.pte[page].frame] = True
                    mapping.bits.dirty[page] = False
        store_dirty(task.mm, range)
        task.mm.end(range)


def store_dirty(mm: Mm, range: PageRange) -> None:
    """Whoever asked for the record stores what it says."""
    mapping = mm.mapping
    if mapping is not None:
        for page in range:
            frame = mapping.folio[page]
            if frame != NO_FOLIO and mapping.folios.test_clear_dirty(frame):
                mapping.folios.store(frame)


def stores_before_mkclean(task: Task, range: PageRange) -> None:
    """Write-back that takes the page's own bit, stores it, and write-protects the mappings after
    that; what they knew is thrown away."""
    mapping = task.mm.mapping
    if mapping is not None:
        task.mm.begin(range)
        store_dirty(task.mm, range)
        with task.mm.page_table_lock:
            for page in range:
                pte = task.mm.pte[page]
                if pte.writable:
                    task.mm.arch.ptep_clear_flush(page)
                    mapping.bits.dirty[page] = False
                    task.mm.pte[page] = pte.with_rights(READ_ONLY)
        task.mm.end(range)


def cold_with_a_window(task: Task, range: PageRange) -> None:
    """MADV_COLD that reads the entry and writes it back old: what hardware has put into it between
    the two, its dirty bit, is overwritten."""
    mm = task.mm
    if mm.young is not None and mm.dirty_bits is not None:
        mm.begin(range)
        with mm.page_table_lock:
            for page in range:
                if mm.pte[page].present and mm.young.accessed[page]:
                    dirty = mm.dirty_bits.dirty[page]
                    mm.young.accessed[page] = False
                    mm.dirty_bits.dirty[page] = dirty
        mm.end(range)


def removes_in_silence(task: Task, range: PageRange) -> None:
    """MADV_REMOVE without start and end, and with no flush but that of CPUs."""
    mm, mapping = task.mm, task.mm.mapping
    if mapping is not None:
        hole = PageRange(range.start, range.start + 1)
        mm.begin(hole)
        task.gather.zap_page_range(hole, False)
        task.gather.flush()
        truncate_inode_pages(task, mapping, hole)
        mm.end(hole)


def young_and_reclaimed(mm: Mm) -> None:
    """The parts of MADV_COLD."""
    Young(mm)
    Reclaim(mm)


def truncates_without_unmapping(task: Task, range: PageRange) -> None:
    """The pages leave the cache and are freed, whoever maps them."""
    mm, mapping = task.mm, task.mm.mapping
    if mapping is not None:
        mm.begin(range)
        mapping.i_size = range.start
        for page in range:
            with mm.page_table_lock:
                frame = mm.pte[page].frame
                mm.pte[page] = EMPTY
            if frame != NO_FOLIO:
                mm.memory.put_page(frame)
            if mapping.folio[page] != NO_FOLIO:
                mapping.delete_folio(page)
            mm.arch.flush_tlb_page(page)
        mm.end(range)


def unmaps_and_forgets(task: Task, range: PageRange) -> None:
    """munmap() that drops the dirty bits of a file's entries with the entries."""
    mm, mapping = task.mm, task.mm.mapping
    if mapping is not None:
        mm.begin(range)
        with mm.mmap_lock.write():
            for page in range:
                mm.vma[page] = 0
                with mm.page_table_lock:
                    pte = mm.pte[page]
                    if pte.present:
                        mm.arch.ptep_clear_flush(page)
                        mapping.bits.dirty[page] = False
                        mm.memory.put_page(pte.frame)
        mm.end(range)
