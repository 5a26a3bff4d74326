"""mprotect(2): do_mprotect_pkey() and mprotect_fixup(), mm/mprotect.c."""

from __future__ import annotations

from errno import EACCES, ENOMEM, EPERM

from shootdown.lang.declare import PageRange
from shootdown.linux.operations.mprotect import change_protection
from shootdown.linux.syscalls.populate import populate_vma
from shootdown.linux.syscalls.process import Process
from shootdown.linux.vma import ACCOUNT, LOCKED, MAYNOTWRITE, NO_ANON_VMA, SEALED, SHARED
from shootdown.linux.vma_merge import vma_modify
from shootdown.program.kind import READ_WRITE


def mprotect(process: Process, range: PageRange, rights: int) -> int:
    """VMA by VMA; at a hole or an error it ends, and what came before is done."""
    vmas, error = process.vmas, 0
    with process.mm.mmap_lock.write():
        page = range.start
        while page < range.end and error == 0 and vmas.is_mapped(page):
            error = _may_change(process, page, rights)
            if error == 0:
                _fixup(process, vmas.part_of(range, page), rights)
                page = vmas.end_of(page)
    if error == 0 and page < range.end:
        return -ENOMEM
    return error


def _may_change(process: Process, page: int, rights: int) -> int:
    """A file that was opened for reading (VM_MAYWRITE), a VMA that is sealed; in this order."""
    if rights == READ_WRITE and process.vmas.has(page, MAYNOTWRITE):
        return -EACCES
    if process.vmas.has(page, SEALED):
        return -EPERM
    return 0


def _fixup(process: Process, part: PageRange, rights: int) -> None:
    """mprotect_fixup(): a part of one VMA."""
    vmas, page = process.vmas, part.start
    old, flags = process.mm.vma[page], vmas.flags[page]
    if old == rights:
        return
    vma_modify(vmas, vmas.find(page), part, rights, _charged(process, page, rights))
    change_protection(process.mm, part, rights)
    if flags & (LOCKED | SHARED) == LOCKED and old != READ_WRITE and rights == READ_WRITE:
        populate_vma(process, part)


def _charged(process: Process, page: int, rights: int) -> int:
    """The flags after it: private memory is charged once it is writable, and no more if it stops
    being so before anything was written (since 6.10)."""
    vmas = process.vmas
    flags = vmas.flags[page]
    if rights == READ_WRITE:
        if flags & (ACCOUNT | SHARED) == 0:
            return flags | ACCOUNT
        return flags
    if vmas.is_anonymous(page) and vmas.anon_vma[page] == NO_ANON_VMA and flags & ACCOUNT != 0:
        return flags ^ ACCOUNT
    return flags
