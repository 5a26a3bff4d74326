"""mlock(2), mlock2(2), munlock(2): apply_vma_lock_flags() and mlock_fixup(), mm/mlock.c."""

from __future__ import annotations

from errno import ENOMEM

from shootdown.lang.declare import PageRange
from shootdown.linux.syscalls.populate import mm_populate
from shootdown.linux.syscalls.process import Process
from shootdown.linux.vma import ALL_FLAGS, LOCKED_MASK
from shootdown.linux.vma_merge import vma_modify


def mlock(process: Process, range: PageRange, flags: int) -> int:
    """LOCKED, or LOCKED | LOCKONFAULT: lock, then fault in."""
    error = _apply(process, range, flags)
    if error != 0:
        return error
    if mm_populate(process, range) != 0:
        return -ENOMEM
    return 0


def munlock(process: Process, range: PageRange) -> int:
    """No VMA of the range is locked any more."""
    return _apply(process, range, 0)


def _apply(process: Process, range: PageRange, locked: int) -> int:
    """VMA by VMA, up to the first hole."""
    vmas = process.vmas
    with process.mm.mmap_lock.write():
        page = range.start
        while page < range.end and vmas.is_mapped(page):
            flags = vmas.flags[page] & (ALL_FLAGS ^ LOCKED_MASK) | locked
            if flags != vmas.flags[page]:
                rights = process.mm.vma[page]
                vma_modify(vmas, vmas.find(page), vmas.part_of(range, page), rights, flags)
                _note_lock(process, vmas.part_of(range, page), locked != 0)
            page = vmas.end_of(page)
    if page < range.end:
        return -ENOMEM
    return 0


def _note_lock(process: Process, part: PageRange, locked: bool) -> None:
    """__mlock_folio(), __munlock_folio(): what becomes unevictable is not active any more."""
    if process.uprobes is None or process.uprobes.count == 0:
        return
    for page in part:
        frame = process.mm.pte[page].frame
        process.text.unevictable[frame] = locked
        if locked:
            process.text.active[frame] = False
