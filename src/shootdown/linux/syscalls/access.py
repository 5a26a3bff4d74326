"""What touches memory for a process and is not its CPU: process_vm_writev(2), process_vm_readv(2)
and /proc/PID/mem, mm/process_vm_access.c and mm/memory.c of 6.18. A byte of every page here.

All of them pin pages (get_user_pages_remote()), and mark what they wrote as dirty
(set_page_dirty_lock()).
"""

from __future__ import annotations

from errno import EFAULT, EIO

from shootdown.lang.declare import PageRange
from shootdown.linux.faults import handle_mm_fault
from shootdown.linux.memory import ZERO_FRAME
from shootdown.linux.syscalls.populate import fault_in, force_in, look_up, touch
from shootdown.linux.syscalls.process import Process
from shootdown.linux.vma import SHARED
from shootdown.program.kind import READ_ONLY, READ_WRITE


def process_vm_writev(process: Process, range: PageRange) -> int:
    """Up to the first page that cannot be written."""
    for page in range:
        error = touch(process, page, True)
        if error != 0:
            return error
        look_up(process, page)
        _set_page_dirty(process, page)
    return 0


def process_vm_readv(process: Process, range: PageRange) -> int:
    """A page that is pinned for reading must be nobody else's (gup_must_unshare()): one that is
    shared after fork is copied first, and stays read-only (FAULT_FLAG_UNSHARE)."""
    mm = process.mm
    for page in range:
        with mm.mmap_lock.read():
            if not mm.permits(page, False) or fault_in(process, page, False) != 0:
                return -EFAULT
            if _is_shared(process, page):
                handle_mm_fault(mm, page, True)
                mm.pte[page] = mm.pte[page].with_rights(READ_ONLY)
            look_up(process, page)
    return 0


def _is_shared(process: Process, page: int) -> bool:
    """An anonymous page, and not PageAnonExclusive()."""
    pte = process.mm.pte[page]
    if pte.frame == ZERO_FRAME or process.shmem.is_file[pte.frame]:
        return False
    return process.mm.memory.refcount[pte.frame] > 1


def mem_write(process: Process, range: PageRange) -> int:
    """mem_write(), fs/proc/base.c: with FOLL_FORCE, so that private memory is written even where
    the process may not; the entry then has no more rights than the VMA."""
    mm = process.mm
    for page in range:
        with mm.mmap_lock.read():
            if not process.vmas.is_mapped(page):
                return -EIO
            if mm.vma[page] != READ_WRITE and process.vmas.has(page, SHARED):
                return -EIO
            if force_in(process, page, True) != 0:
                return -EIO
            look_up(process, page)
        _set_page_dirty(process, page)
    return 0


def _set_page_dirty(process: Process, page: int) -> None:
    frame = process.mm.pte[page].frame
    if process.shmem.is_file[frame]:
        process.files.written(frame)
    else:
        process.lazyfree.set_dirty(process.folios.folio(frame))
