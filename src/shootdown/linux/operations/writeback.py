"""fsync(2), msync(MS_SYNC) and flusher threads: write_cache_pages(), folio_clear_dirty_for_io().

Each dirty page: locked, write-protected in every MAP_SHARED mapping so that the next write faults
and makes it dirty again, then clean, then stored (mm/page-writeback.c). For each mapping
S, [P-, C, X, P+ read-only and clean], E (row 20), or invalidate_page until 4.12. The dirty bit of
an entry counts only after the entry is flushed; the page is stored only after it is clean.

DAX keeps no copy in the page cache: what is mapped is the file. dax_writeback_one() write-protects
with the same function (pfn_mkclean_range() since 5.17, dax_entry_mkclean() before) and flushes CPU
caches (row 21).
"""

from __future__ import annotations

from shootdown.lang.declare import PageRange
from shootdown.linux.filemap import NO_FOLIO, Mapping
from shootdown.linux.rmap import folio_mkclean
from shootdown.linux.task import Task


def fsync(task: Task, range: PageRange) -> None:
    """Store the dirty pages of the mapped file."""
    mapping = task.mm.mapping
    if mapping is not None:
        for page in range:
            frame = mapping.cached_folio(page)
            if frame != NO_FOLIO:
                write_folio(task, mapping, page, frame)


def write_folio(task: Task, mapping: Mapping, page: int, frame: int) -> None:
    """One round of write_cache_pages(). The caller's reference is put."""
    this = PageRange(page, page + 1)
    task.mm.begin(this)
    folios = mapping.folios
    folios.folio_lock(frame)
    store = False
    if mapping.folio[page] == frame and folios.dirty[frame]:
        store = folio_clear_dirty_for_io(mapping, page, frame)
    if store:
        folios.store(frame)
    folios.folio_unlock_and_put(frame)
    task.mm.end(this)


def folio_clear_dirty_for_io(mapping: Mapping, page: int, frame: int) -> bool:
    """folio_clear_dirty_for_io(): clean, and nobody can write without making it dirty. What entries
    knew goes to the page first, and the page's own bit is taken last."""
    if folio_mkclean(mapping, page, frame):
        mapping.folios.dirty[frame] = True
    return mapping.folios.test_clear_dirty(frame)


def dax_writeback(task: Task, range: PageRange) -> None:
    """Write back a file on persistent memory that is mapped directly."""
    fsync(task, range)
