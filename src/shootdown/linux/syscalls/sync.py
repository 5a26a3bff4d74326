"""msync(2) with MS_SYNC and fsync(2): mm/msync.c, fs/sync.c, and what ext4 does (ext4_sync_file(),
ext4_writepages()) on 6.18.

Only the file of the disk has something behind it. What is dirty of it is written in the order of
the file; before that nobody may write to it any more without a fault (folio_clear_dirty_for_io()).
"""

from __future__ import annotations

from errno import ENOMEM

from shootdown.lang.declare import PageRange
from shootdown.linux.filemap import NO_FOLIO
from shootdown.linux.i_mmap import BEFORE_ALL, next_vma
from shootdown.linux.rmap import page_vma_mkclean_one
from shootdown.linux.shmem import FILE_PAGES
from shootdown.linux.syscalls.process import Process
from shootdown.linux.vma import DISK, SHARED


def msync(process: Process, range: PageRange) -> int:
    """What the VMAs of the range map with MAP_SHARED; holes are passed over and told at the end."""
    vmas = process.vmas
    page = vmas.first_in(range)
    while page < range.end:
        part = vmas.part_of(range, page)
        if vmas.file[page] == DISK and vmas.has(page, SHARED):
            first = vmas.offset[page]
            _write_back(process, PageRange(first, first + len(part)))
        page = vmas.first_in(PageRange(part.end, range.end))
    if vmas.gap_in(range) != range.end:
        return -ENOMEM
    return 0


def fsync(process: Process) -> int:
    """All of the file."""
    _write_back(process, PageRange(0, FILE_PAGES))
    return 0


def _write_back(process: Process, part: PageRange) -> None:
    shmem, size = process.shmem, process.shmem.i_size[DISK]
    end = part.end
    if end > size:
        end = size
    for index in PageRange(part.start, end):
        frame = shmem.cached(DISK, index)
        if frame != NO_FOLIO and shmem.dirty[frame]:
            _folio_mkclean(process, index, frame)
            shmem.dirty[frame] = False


def _folio_mkclean(process: Process, index: int, frame: int) -> None:
    """folio_mkclean(): a page that is mapped anywhere; every mapping with MAP_SHARED that covers it
    is announced, also those that have no entry for it or only allow to read."""
    vmas = process.vmas
    if process.mm.memory.refcount[frame] == 1:
        return
    this = PageRange(index, index + 1)
    page = next_vma(vmas, DISK, this, BEFORE_ALL, BEFORE_ALL)
    while page < vmas.pages:
        if vmas.has(page, SHARED):
            page_vma_mkclean_one(process.mm, page + (index - vmas.offset[page]), frame)
        page = next_vma(vmas, DISK, this, vmas.offset[page], vmas.order[page])
