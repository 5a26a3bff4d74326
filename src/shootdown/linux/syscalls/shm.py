"""Segments of System V: shmat(2) with SHM_REMAP and shmdt(2), ipc/shm.c of 6.18.

A segment is a file in memory. Each shmat() opens it anew, so VMAs of two of them never merge; and
it has no map_pages(), so that a fault maps one page (shm_vm_ops).
"""

from __future__ import annotations

from errno import EINVAL

from shootdown.lang.declare import PageRange
from shootdown.linux.syscalls.mmap import mmap_region
from shootdown.linux.syscalls.munmap import do_munmap
from shootdown.linux.syscalls.process import Process
from shootdown.linux.vma import ATTACHMENT, ATTACHMENTS, MAYNOTWRITE, SEGMENT, SHARED
from shootdown.linux.vma_merge import Traits
from shootdown.program.kind import READ_WRITE


def shmat(process: Process, range: PageRange, rights: int, number: int) -> int:
    """do_shmat(): the whole segment; this is the `number`th time, from 1 on. Attached for reading
    (SHM_RDONLY) it can never be written."""
    process.shmem.i_size[SEGMENT] = len(range)
    flags = SHARED | number * ATTACHMENT
    if rights != READ_WRITE:
        flags = flags | MAYNOTWRITE
    with process.mm.mmap_lock.write():
        return mmap_region(process, range, Traits(rights, flags, SEGMENT), 0)


def shmdt(process: Process, address: int) -> int:
    """ksys_shmdt(): VMAs of segments that are where they would be if a segment had been attached
    here. The first says which attachment is meant; then what is left of that, as far as the segment
    reaches. What is sealed stays, and that is no error."""
    vmas, found = process.vmas, -1
    with process.mm.mmap_lock.write():
        page, end = address, vmas.used.end
        while page < end:
            page = vmas.first_in(PageRange(page, end))
            if page < end:
                vma_end = vmas.end_of(page)
                if _belongs(process, page, address, found, vma_end):
                    found = _attachment(process, page)
                    do_munmap(process, PageRange(page, vma_end))
                page = vma_end
    if found < 0:
        return -EINVAL
    return 0


def _belongs(process: Process, page: int, address: int, found: int, end: int) -> bool:
    """A VMA that begins here."""
    vmas = process.vmas
    if not vmas.begins[page] or vmas.file[page] != SEGMENT:
        return False
    if vmas.offset[page] != page - address:
        return False
    if found < 0:
        return True
    reaches = end - address <= process.shmem.i_size[SEGMENT]
    return reaches and _attachment(process, page) == found


def _attachment(process: Process, page: int) -> int:
    return process.vmas.flags[page] // ATTACHMENT % ATTACHMENTS
