"""Faulting in on request: populate_vma_page_range() and faultin_page_range(), mm/gup.c."""

from __future__ import annotations

from errno import EFAULT, EINVAL, ENOMEM

from shootdown.lang.declare import PageRange
from shootdown.linux.faults import handle_mm_fault
from shootdown.linux.syscalls.process import Process
from shootdown.linux.syscalls.userfaultfd import keeps_protection, refuses
from shootdown.linux.text import ZERO
from shootdown.linux.vma import LOCKED, LOCKONFAULT, SHARED
from shootdown.program.kind import PROT_NONE, READ_WRITE


def fault_in(process: Process, page: int, write: bool) -> int:
    """faultin_page() until the entry allows the access; -EFAULT where a CPU would get a signal.
    Caller holds mmap_lock, and has looked at the rights of the VMA."""
    mm = process.mm
    if process.markers.guard[page]:
        return -EFAULT
    if refuses(process, page, write):
        return -EFAULT
    old = 0
    if mm.pte[page].present:
        old = mm.pte[page].frame
    if not mm.pte[page].allows(write):
        if not handle_mm_fault(mm, page, write):
            return -EFAULT
        if keeps_protection(process, page) and write:
            return -EFAULT
    if write:
        process.lazyfree.written(process.folios.folio(mm.pte[page].frame))
        process.files.written(mm.pte[page].frame)
        process.text.owned(old, mm.pte[page].frame)
    return 0


def force_in(process: Process, page: int, write: bool) -> int:
    """faultin_page() with FOLL_FORCE: the rights of the VMA do not matter, unless it is shared. An
    entry without the right to write will do if the page is private and nobody else's
    (can_follow_write_pte()); a fault makes it so, and the entry then has no more rights than the
    VMA. Caller holds mmap_lock."""
    mm = process.mm
    rights = mm.vma[page]
    if mm.permits_by_vma(page, write):
        return fault_in(process, page, write)
    if process.markers.guard[page] or refuses(process, page, write):
        return -EFAULT
    old = 0
    if mm.pte[page].present:
        old = mm.pte[page].frame
    if write or not mm.pte[page].present:
        if not handle_mm_fault(mm, page, write):
            return -EFAULT
    mm.pte[page] = mm.pte[page].with_rights(rights)
    if write:
        process.text.owned(old, mm.pte[page].frame)
    return 0


def look_up(process: Process, page: int) -> None:
    """follow_page_pte() with FOLL_TOUCH: the kernel looks for the page that is mapped there."""
    if process.uprobes is not None:
        frame = process.mm.pte[page].frame
        process.text.mark_accessed(frame, process.vmas.has(page, LOCKED))


def touch(process: Process, page: int, write: bool) -> int:
    """A CPU accesses the page: -EFAULT if it may not. Caller holds no lock."""
    mm = process.mm
    with mm.mmap_lock.read():
        if not mm.permits(page, write):
            return -EFAULT
        error = fault_in(process, page, write)
        if write and error == 0:
            process.text.first[mm.pte[page].frame] = ZERO
        return error


def touch_all(process: Process, range: PageRange, write: bool) -> int:
    """A byte of every page, up to the first that cannot be touched."""
    for page in range:
        error = touch(process, page, write)
        if error != 0:
            return error
    return 0


def populate_vma(process: Process, part: PageRange) -> int:
    """populate_vma_page_range(): part of a VMA that is locked. Private writable memory is written
    to, so that zero pages are replaced (FOLL_WRITE)."""
    vmas, page = process.vmas, part.start
    rights = process.mm.vma[page]
    if vmas.has(page, LOCKONFAULT):
        return 0
    if rights == PROT_NONE:
        return -EFAULT
    write = rights == READ_WRITE and not vmas.has(page, SHARED)
    for each in part:
        error = fault_in(process, each, write)
        if error != 0:
            return error
        look_up(process, each)
    return 0


def mm_populate(process: Process, range: PageRange) -> int:
    """__mm_populate(): every VMA of the range; holes are left out."""
    vmas = process.vmas
    with process.mm.mmap_lock.read():
        page = vmas.first_in(range)
        while page < range.end:
            part = vmas.part_of(range, page)
            error = populate_vma(process, part)
            if error != 0:
                return error
            page = vmas.first_in(PageRange(part.end, range.end))
    return 0


def madvise_populate(process: Process, range: PageRange, write: bool) -> int:
    """MADV_POPULATE_READ and _WRITE, madvise_populate(), mm/madvise.c: unlike mlock it ends at a
    hole (-ENOMEM) and where the VMA does not allow it (-EINVAL)."""
    mm, error = process.mm, 0
    with mm.mmap_lock.read():
        for page in range:
            if not process.vmas.is_mapped(page):
                return -ENOMEM
            if not mm.permits_by_vma(page, write):
                return -EINVAL
            error = fault_in(process, page, write)
            if error != 0:
                return error
            look_up(process, page)
    return 0
