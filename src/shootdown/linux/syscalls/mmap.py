"""mmap(2) with MAP_FIXED: __mmap_region(), mm/vma.c."""

from __future__ import annotations

from shootdown.lang.declare import PageRange
from shootdown.linux.syscalls.munmap import do_munmap
from shootdown.linux.syscalls.process import Process
from shootdown.linux.vma import ACCOUNT, ANONYMOUS, MEMFD, SHARED
from shootdown.linux.vma_merge import Origin, Traits, fresh_offset, insert_vma
from shootdown.program.kind import READ_WRITE


def mmap(
    process: Process, range: PageRange, rights: int, file: int, offset: int, *, shared: bool
) -> int:
    """Whatever is in the way goes first; then a new VMA, merged with its neighbours if possible."""
    with process.mm.mmap_lock.write():
        do_munmap(process, range)
        traits = Traits(rights, _flags(rights, shared), file)
        first = fresh_offset(range.start, file, offset)
        if file not in (ANONYMOUS, MEMFD):
            process.shmem.i_size[file] = len(range)
        insert_vma(process.vmas, range, traits, first, Origin())
    return 0


def _flags(rights: int, shared: bool) -> int:
    """accountable_mapping(), mm/vma.h: private writable memory is charged."""
    if shared:
        return SHARED
    if rights == READ_WRITE:
        return ACCOUNT
    return 0
