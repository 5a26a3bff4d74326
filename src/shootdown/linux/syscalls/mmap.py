"""mmap(2) with MAP_FIXED: __mmap_region(), mm/vma.c."""

from __future__ import annotations

from errno import EEXIST

from shootdown.lang.declare import PageRange
from shootdown.linux.syscalls.munmap import do_munmap
from shootdown.linux.syscalls.populate import mm_populate
from shootdown.linux.syscalls.process import Process
from shootdown.linux.vma import ACCOUNT, ANONYMOUS, DISK, NOWHERE, SHARED
from shootdown.linux.vma_merge import Origin, Traits, fresh_offset, insert_vma
from shootdown.program.kind import READ_WRITE


def mmap(
    process: Process, range: PageRange, rights: int, file: int, offset: int, *, shared: bool
) -> int:
    """Memory or a file; shared anonymous memory is a file that has just been made."""
    with process.mm.mmap_lock.write():
        if file > DISK:
            process.shmem.i_size[file] = len(range)
        traits = Traits(rights, map_flags(rights, shared), file)
        return mmap_region(process, range, traits, offset)


def mmap_region(process: Process, range: PageRange, traits: Traits, offset: int) -> int:
    """Whatever is in the way goes first; then a new VMA, merged with its neighbours if possible.
    Breakpoints are looked for once it has been merged (vma_complete()), and in the end in any case
    (__mmap_complete()). Caller holds mmap_lock for writing."""
    error = do_munmap(process, range)
    if error == 0:
        first = fresh_offset(range.start, traits.file, offset)
        insert_vma(process.vmas, range, traits, first, Origin())
        whole, again = process.vmas.find(range.start), NOWHERE
        if whole != range:
            again = whole
        process.vmas.uprobe_mmap(whole, again)
    return error


def mmap_populate(process: Process, range: PageRange, rights: int, flags: int) -> int:
    """MAP_POPULATE, or MAP_LOCKED if `flags` is LOCKED: vm_mmap_pgoff() faults in all that it can,
    and says nothing of what it cannot."""
    with process.mm.mmap_lock.write():
        traits = Traits(rights, map_flags(rights, False) | flags, ANONYMOUS)
        error = mmap_region(process, range, traits, 0)
    if error == 0:
        mm_populate(process, range)
    return error


def mmap_noreplace(process: Process, range: PageRange, rights: int) -> int:
    """MAP_FIXED_NOREPLACE: only where nothing is."""
    with process.mm.mmap_lock.write():
        if process.vmas.first_in(range) != range.end:
            return -EEXIST
        return mmap_region(process, range, Traits(rights, map_flags(rights, False), ANONYMOUS), 0)


def map_flags(rights: int, shared: bool) -> int:
    """accountable_mapping(), mm/vma.h: private writable memory is charged."""
    if shared:
        return SHARED
    if rights == READ_WRITE:
        return ACCOUNT
    return 0
