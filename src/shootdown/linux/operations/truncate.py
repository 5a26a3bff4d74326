"""ftruncate(2), fallocate(FALLOC_FL_PUNCH_HOLE) and madvise(MADV_REMOVE): truncate_pagecache(),
truncate_pagecache_range(), mm/truncate.c; row 3.

The file's lock (i_mmap_rwsem, for reading) leads to the mappings; nobody holds mmap_lock. For each:
S, [P-] with C, X, R whenever the batch is full, E, then C, X, R. Then the pages leave the cache one
by one, locked; whatever a fault has mapped meanwhile is unmapped again. Truncation takes private
copies too (even_cows), and does the first part twice, because a private mapping may have copied a
page in between (comment in truncate_pagecache()); a running 6.18 kernel shows the whole list of
ranges twice. Sources: unmap_mapping_range(), zap_page_range_single(), truncate_cleanup_folio().
"""

from __future__ import annotations

from shootdown.lang.declare import PageRange, choose
from shootdown.linux.filemap import NO_FOLIO, Mapping
from shootdown.linux.notifiers.range import Event, MmuNotifierRange
from shootdown.linux.task import Task


def truncate(task: Task, range: PageRange) -> None:
    """Cut the mapped file off at some page of the range."""
    mapping = task.mm.mapping
    if mapping is not None:
        cut = PageRange(choose(range), range.end)
        task.mm.begin(cut)
        mapping.i_size = cut.start
        unmap_mapping_range(task, mapping, cut, even_cows=True)
        truncate_inode_pages(task, mapping, cut)
        unmap_mapping_range(task, mapping, cut, even_cows=True)
        task.mm.end(cut)


def punch_hole(task: Task, range: PageRange) -> None:
    """Punch a hole into the mapped file: the first page of the range."""
    mapping = task.mm.mapping
    if mapping is not None:
        truncate_pagecache_range(task, mapping, PageRange(range.start, range.start + 1))


def madvise_remove(task: Task, range: PageRange) -> None:
    """madvise(MADV_REMOVE): punch a hole into the file through a shared mapping of it.

    madvise_remove(), mm/madvise.c: mmap_lock is given back before vfs_fallocate(), so that nobody
    holds it while pages are unmapped (since 3.5, commit 3f31d07571ee; before, vmtruncate_range()).
    """
    mm, mapping = task.mm, task.mm.mapping
    if mapping is not None:
        with mm.mmap_lock.read():
            page = range.start
            allowed = mapping.is_shared(page) and mm.permits(page, True)
        if allowed:
            truncate_pagecache_range(task, mapping, PageRange(page, page + 1))


def truncate_pagecache_range(task: Task, mapping: Mapping, hole: PageRange) -> None:
    """truncate_pagecache_range(): private copies stay, which is why once is enough."""
    task.mm.begin(hole)
    unmap_mapping_range(task, mapping, hole, even_cows=False)
    truncate_inode_pages(task, mapping, hole)
    task.mm.end(hole)


def unmap_mapping_range(task: Task, mapping: Mapping, range: PageRange, *, even_cows: bool) -> None:
    """unmap_mapping_range(): the mappings of a part of the file."""
    if range and mapping.is_mapped_in(range):
        with mapping.i_mmap_rwsem.read():
            zap_page_range_single(task, range, even_cows)


def zap_page_range_single(task: Task, range: PageRange, even_cows: bool) -> None:
    """zap_page_range_single(): a part of one VMA; of a hole that is punched all but the private
    copies (`even_cows`)."""
    mm = task.mm
    announced = MmuNotifierRange(
        range.start, range.end, Event.CLEAR, "zap_page_range_single_batched"
    )
    mm.notifiers.invalidate_range_start(announced)
    task.gather.zap_page_range(range, even_cows)
    mm.notifiers.invalidate_range_end(announced)
    task.gather.flush()


def truncate_inode_pages(task: Task, mapping: Mapping, range: PageRange) -> None:
    """truncate_inode_pages_range(): out of the cache, with whatever they contain."""
    for page in range:
        frame = mapping.cached_folio(page)
        if frame != NO_FOLIO:
            mapping.folios.folio_lock(frame)
            if mapping.folio[page] == frame:
                if task.mm.pte[page].frame == frame:
                    this = PageRange(page, page + 1)
                    unmap_mapping_range(task, mapping, this, even_cows=False)
                mapping.delete_folio(page)
            mapping.folios.folio_unlock_and_put(frame)
