"""madvise(2): madvise_walk_vmas() and what it does to each VMA, mm/madvise.c."""

from __future__ import annotations

from collections.abc import Callable
from errno import EINVAL, ENOMEM, EPERM

from shootdown.lang.declare import PageRange
from shootdown.linux.operations.madvise_dontneed import zap_page_range_single
from shootdown.linux.operations.madvise_free import madvise_free_single_vma
from shootdown.linux.syscalls.files import madvise_remove
from shootdown.linux.syscalls.huge import try_to_free_pte
from shootdown.linux.syscalls.pageout import pageout
from shootdown.linux.syscalls.process import Process
from shootdown.linux.vma import ALL_FLAGS, DISK, LOCKED, SEALED, SHARED
from shootdown.linux.vma_merge import anon_vma_prepare, vma_modify
from shootdown.program.kind import READ_WRITE

Visit = Callable[[Process, PageRange], int]


def walk_vmas(process: Process, range: PageRange, visit: Visit, discards: bool = False) -> int:
    """madvise_walk_vmas(): VMA by VMA. Holes are passed over and told at the end, an error ends it.
    Caller holds mmap_lock."""
    vmas, missing = process.vmas, 0
    page = range.start
    while page < range.end:
        at = vmas.first_in(PageRange(page, range.end))
        if at != page:
            missing = -ENOMEM
        page = at
        if at < range.end:
            part = vmas.part_of(range, at)
            if discards and not can_madvise_modify(process, at):
                return -EPERM
            error = visit(process, part)
            if error != 0:
                return error
            page = part.end
    return missing


def madvise(process: Process, range: PageRange, visit: Visit, discards: bool = False) -> int:
    """An advice that changes no VMA; one that `discards` what is there is refused by some."""
    with process.mm.mmap_lock.read():
        return walk_vmas(process, range, visit, discards)


def can_madvise_modify(process: Process, page: int) -> bool:
    """can_madvise_modify(): nothing is taken from a sealed VMA that is anonymous and that the
    process could not overwrite anyway (is_discard())."""
    vmas = process.vmas
    if not vmas.has(page, SEALED) or not vmas.is_anonymous(page):
        return True
    return process.mm.vma[page] == READ_WRITE


# --- advice about VMAs --------------------------------------------------------------------------


ANONYMOUS_ONLY, DISCARDS, PRIVATE_ONLY = 1, 2, 4
"""conditions of an advice: an error elsewhere; refused by what is sealed; not for shared memory,
which is left alone"""


def madvise_flags(process: Process, range: PageRange, on: int, off: int, conditions: int) -> int:
    """madvise_update_vma(): flags of VMAs; WIPEONFORK is for private anonymous memory only,
    MERGEABLE for private memory (ksm_madvise(), mm/ksm.c)."""
    vmas, missing = process.vmas, 0
    with process.mm.mmap_lock.write():
        page = range.start
        while page < range.end:
            at = vmas.first_in(PageRange(page, range.end))
            if at != page:
                missing = -ENOMEM
            page = at
            if at < range.end:
                if conditions & DISCARDS != 0 and not can_madvise_modify(process, at):
                    return -EPERM
                if conditions & ANONYMOUS_ONLY != 0 and not vmas.is_anonymous(at):
                    return -EINVAL
                part = vmas.part_of(range, at)
                if conditions & PRIVATE_ONLY == 0 or not vmas.has(at, SHARED):
                    _set_flags(process, part, vmas.flags[at] & (ALL_FLAGS ^ off) | on)
                page = part.end
    return missing


def _set_flags(process: Process, part: PageRange, flags: int) -> None:
    vmas, page = process.vmas, part.start
    if flags != vmas.flags[page]:
        vma_modify(vmas, vmas.find(page), part, process.mm.vma[page], flags)


# --- advice about pages -------------------------------------------------------------------------


def dontneed(process: Process, part: PageRange) -> int:
    """MADV_DONTNEED. Guard markers stay."""
    if process.vmas.has(part.start, LOCKED):
        return -EINVAL
    return dontneed_locked(process, part)


def dontneed_locked(process: Process, part: PageRange) -> int:
    """MADV_DONTNEED_LOCKED."""
    zap_page_range_single(process.task, part)
    try_to_free_pte(process, part)
    return 0


def free(process: Process, part: PageRange) -> int:
    """MADV_FREE."""
    if process.vmas.has(part.start, LOCKED) or not process.vmas.is_anonymous(part.start):
        return -EINVAL
    madvise_free_single_vma(process.task, process.lazyfree, part)
    return 0


def cold(process: Process, part: PageRange) -> int:
    """MADV_COLD: pages move on lists of reclaim, which no observation shows, and accessed bits of
    CPUs go (`operations.madvise_cold`). Nobody is told of either."""
    if process.vmas.has(part.start, LOCKED):
        return -EINVAL
    process.splitter.split_partly_covered(part)
    process.aged(part, active=False)
    return 0


def reclaim(process: Process, part: PageRange) -> int:
    """MADV_PAGEOUT."""
    if process.vmas.has(part.start, LOCKED):
        return -EINVAL
    pageout(process, part)
    process.aged(part, active=True)
    return 0


def willneed(process: Process, part: PageRange) -> int:
    """MADV_WILLNEED: reads ahead, which of memory that is never swapped out is nothing."""
    vmas, page = process.vmas, part.start
    if vmas.file[page] == DISK:
        first = vmas.offset[page]
        process.files.read(PageRange(first, first + len(part)))
    return 0


def remove(process: Process, part: PageRange) -> int:
    """MADV_REMOVE is for files."""
    return madvise_remove(process, part)


def guard_install(process: Process, part: PageRange) -> int:
    """MADV_GUARD_INSTALL: madvise_guard_install(). Tables are made for all of it, what is mapped
    goes first. So that fork copies the markers the VMA remembers that it may have some, and gets an
    anon_vma if it is anonymous. (In mainline 6.18 every VMA gets an anon_vma; the running kernel
    does as 6.19 does.)"""
    mm, vmas = process.mm, process.vmas
    if vmas.has(part.start, LOCKED):
        return -EINVAL
    vmas.set_maybe_guard(part.start)
    if vmas.is_anonymous(part.start):
        anon_vma_prepare(vmas, part.start)
    if any(mm.pte[page].present for page in part):
        zap_page_range_single(process.task, part)
    for page in part:
        mm.populate_table(page)
        process.markers.guard[page] = True
    return 0


def guard_remove(process: Process, part: PageRange) -> int:
    """MADV_GUARD_REMOVE: the markers go, which only makes accesses possible."""
    process.markers.drop(part)
    return 0
