"""From a page to its mappings: mm/rmap.c.

Whoever has a page and not an address (reclaim, migration, write-back) finds the entries that map it
through the file or the anon_vma. It holds the folio's lock and the lock of that tree
(i_mmap_rwsem, anon_vma), and no mmap_lock: address spaces are changed under their feet, and are
told so. Under the page-table lock it looks whether the entry still maps the page.

    4.13 on:     S → [P-, C or Cq, X] → E
    3.7 to 4.10: [P-, C] → invalidate_page, after the lock (B5)
    others:      [P-, C, invalidate_page]

Then the page goes on without this mapping (rows 13 to 15 and 20 of the call-site table).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shootdown.lang.declare import EMPTY, PageRange, Pte
from shootdown.linux.notifiers.range import Event, MmuNotifierRange
from shootdown.linux.swapops import MIGRATION
from shootdown.program.kind import READ_ONLY

if TYPE_CHECKING:
    from shootdown.linux.filemap import Mapping
    from shootdown.linux.mm import Mm
    from shootdown.linux.task import Task


def takes(mm: Mm, page: int) -> bool:
    """Whether reclaim, migration and KSM look at what is mapped there. Pages of hugetlb are on none
    of their lists; a huge page they split first, which is left to those who split it."""
    if mm.hugetlb is not None:
        return False
    return mm.huge is None or not mm.huge.leaf[page // mm.entries]


# --- write-protecting -----------------------------------------------------------------------------


def folio_mkclean(mapping: Mapping, page: int, frame: int) -> bool:
    """folio_mkclean(): nobody writes this page of a file from now on without a fault; did anybody?
    Only mappings with MAP_SHARED are looked at. Caller holds the folio's lock."""
    cleaned = False
    with mapping.i_mmap_rwsem.read():
        if mapping.is_shared(page):
            cleaned = page_vma_mkclean_one(mapping.mm, page, frame)
    return cleaned


def page_vma_mkclean_one(mm: Mm, page: int, frame: int) -> bool:
    """page_vma_mkclean_one() (page_mkclean_one() before 5.17): one mapping."""
    announced = MmuNotifierRange(page, page + 1, Event.PROTECTION_PAGE, "page_vma_mkclean_one")
    if mm.notifiers.rmap_is_announced:
        mm.notifiers.invalidate_range_start(announced)
    cleaned = False
    with mm.page_table_lock:
        pte = mm.pte[page]
        if pte.present and pte.frame == frame and _may_be_dirty(mm, page, pte):
            mm.arch.ptep_clear_flush(page)
            _clear_dirty(mm, page)
            mm.pte[page] = pte.with_rights(READ_ONLY)
            mm.notifiers.page_cleaned(page)
            cleaned = True
    if cleaned:
        mm.notifiers.page_unlocked(page)
    if mm.notifiers.rmap_is_announced:
        mm.notifiers.invalidate_range_end(announced)
    return cleaned


def _may_be_dirty(mm: Mm, page: int, pte: Pte) -> bool:
    return pte.writable or (mm.dirty_bits is not None and mm.dirty_bits.dirty[page])


def _clear_dirty(mm: Mm, page: int) -> None:
    if mm.dirty_bits is not None:
        mm.dirty_bits.dirty[page] = False


# --- unmapping ------------------------------------------------------------------------------------


def try_to_unmap_one(task: Task, page: int, frame: int) -> bool:
    """try_to_unmap_one() with TTU_BATCH_FLUSH: one mapping of a page that reclaim wants; whether it
    is unmapped now (not folio_mapped()). The caller flushes what was put off before the page is
    stored or freed.

    A page of anonymous memory leaves a swap entry; one that MADV_FREE gave up leaves nothing if it
    is still clean, and is mapped again if it is not (row 14). One that mremap() has moved meanwhile
    is not looked for at its new place: it stays mapped, and reclaim keeps it.
    """
    return _unmap_one(task, page, frame, "try_to_unmap_one", batched=True, moves=False)


def _unmap_one(task: Task, page: int, frame: int, site: str, *, batched: bool, moves: bool) -> bool:
    """One mapping goes, if the entry still maps the page; whether nothing here maps it any more,
    where reclaim asks."""
    mm = task.mm
    announced = MmuNotifierRange(page, page + 1, Event.CLEAR, site)
    if mm.notifiers.rmap_is_announced:
        mm.notifiers.invalidate_range_start(announced)
    found = False
    with mm.page_table_lock:
        pte = mm.pte[page]
        found = pte.present and pte.frame == frame
        if found:
            _clear_entry(task, page, pte, batched)
            if moves:
                if mm.swap_entries is not None:
                    mm.swap_entries.set(page, MIGRATION, pte)
                mm.notifiers.page_unmapped(page)
                mm.memory.put_page(frame)
            else:
                if not _map_again(mm, page, pte):
                    _leave_swap_entry(mm, page, pte)
                    if mm.reclaim is not None and mm.reclaim.folios.lazyfree[frame]:
                        mm.reclaim.discards(page, pte)
                    mm.memory.put_page(frame)
                mm.notifiers.page_unmapped(page)
        unmapped = moves or mm.reclaim is None or not mm.is_mapped(frame)
    if found:
        mm.notifiers.page_unlocked(page)
    if mm.notifiers.rmap_is_announced:
        mm.notifiers.invalidate_range_end(announced)
    if mm.reclaim is not None and not moves:
        mm.reclaim.discards(page, EMPTY)
    return unmapped


def _clear_entry(task: Task, page: int, pte: Pte, batched: bool) -> None:
    """P-, and C at once or put off; the dirty bit goes to the page."""
    mm = task.mm
    if batched and mm.arch.arch_tlbbatch_should_defer:
        mm.pte[page] = EMPTY
        dirty = mm.cleared_dirty(page, pte.frame)
        task.tlb_ubc.set_tlb_ubc_flush_pending(PageRange(page, page + 1), dirty)
    else:
        mm.arch.ptep_clear_flush(page)
        mm.cleared_dirty(page, pte.frame)


def _leave_swap_entry(mm: Mm, page: int, pte: Pte) -> None:
    if mm.swap is None or mm.folios is None:
        return
    if not mm.is_file_page(page, pte.frame) and not mm.folios.lazyfree[pte.frame]:
        mm.swap.swap_out(page, pte)


def _map_again(mm: Mm, page: int, pte: Pte) -> bool:
    """The page was written after MADV_FREE gave it up: set_pte_at() of the old entry, and it is an
    ordinary page from now on (folio_set_swapbacked())."""
    if mm.folios is None or not mm.folios.lazyfree[pte.frame] or not mm.folios.dirty[pte.frame]:
        return False
    mm.folios.lazyfree[pte.frame] = False
    mm.made_dirty(page)
    mm.pte[page] = pte
    return True


# --- moving ---------------------------------------------------------------------------------------


def try_to_migrate_one(task: Task, page: int, frame: int, batched: bool) -> None:
    """try_to_migrate_one() (try_to_unmap_one() with TTU_MIGRATION before 5.14): one mapping becomes
    a migration entry; whoever faults on it waits."""
    _unmap_one(task, page, frame, "try_to_migrate_one", batched=batched, moves=True)


def remove_migration_pte(mm: Mm, page: int, old: int, new: int) -> None:
    """remove_migration_pte(), mm/migrate.c: the entry names the new page, wherever mremap() has
    moved it meanwhile. Nothing is flushed: nobody caches what is not present."""
    if mm.swap_entries is None:
        return
    with mm.page_table_lock:
        at = page
        for each in mm.whole:
            if mm.swap_entries.is_migration_of(each, old):
                at = each
        if mm.swap_entries.is_migration_of(at, old):
            rights = mm.swap_entries.clear(at).rights
            mm.memory.get_page(new)
            mm.pte[at] = Pte(new, rights)
