"""fork(2): dup_mmap(), mm/mmap.c, on both sides."""

from __future__ import annotations

from shootdown.lang.declare import EMPTY, PageRange
from shootdown.linux.operations.fork import copy_page_range
from shootdown.linux.syscalls.process import Process
from shootdown.linux.vma import (
    ALL_FLAGS,
    DONTCOPY,
    LOCKED_MASK,
    NO_ANON_VMA,
    SHARED,
    UFFD_MODES,
    WIPEONFORK,
)


def fork(process: Process) -> int:
    """The parent: the pages of every VMA that has an anon_vma are shared with the child."""
    mm, vmas = process.mm, process.vmas
    with mm.mmap_lock.write():
        page, end = vmas.first_in(vmas.used), vmas.used.end
        while page < end:
            vma = vmas.find(page)
            if _is_copied(process, page):
                if vmas.has(page, SHARED):
                    copy_page_range(process.task, vma, is_cow=False)
                else:
                    copy_page_range(process.task, vma)
            page = vmas.first_in(PageRange(vma.end, end))
        mm.arch.flush_tlb_mm()
    return 0


def _is_copied(process: Process, page: int) -> bool:
    """vma_needs_copy(), mm/memory.c: whatever has an anon_vma, or had a guard marker. What is not
    copied can be faulted in again."""
    vmas = process.vmas
    needed = vmas.anon_vma[page] != NO_ANON_VMA or vmas.maybe_guard[page]
    return needed and not vmas.has(page, DONTCOPY | WIPEONFORK)


def become_child(process: Process) -> int:
    """The child, which begins as a copy of its parent: what it does not inherit goes."""
    mm, vmas = process.mm, process.vmas
    for page in vmas.used:
        if not _is_copied(process, page):
            mm.pte[page] = EMPTY
            process.huge.leaf[page // mm.entries] = False
            process.markers.guard[page] = False
            vmas.anon_vma[page] = NO_ANON_VMA
        if vmas.has(page, DONTCOPY):
            vmas.remove(PageRange(page, page + 1))
        vmas.flags[page] = vmas.flags[page] & (ALL_FLAGS ^ (LOCKED_MASK | UFFD_MODES))
        process.text.shared[mm.pte[page].frame] = True
    if process.uprobes is not None:
        process.uprobes.dup_mmap()
    return 0


def exit_mmap(process: Process) -> int:
    """exit_mmap(): everything goes, and nobody hears of it any more."""
    mm = process.mm
    for page in process.vmas.used:
        pte = mm.pte[page]
        if pte.present:
            mm.pte[page] = EMPTY
            mm.memory.put_page(pte.frame)
    return 0
