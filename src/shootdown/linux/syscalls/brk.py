"""brk(2), mm/mmap.c of 6.18, of a heap that begins with the region."""

from __future__ import annotations

from errno import ENOMEM

from shootdown.lang.declare import PageRange
from shootdown.linux.syscalls.mmap import map_flags
from shootdown.linux.syscalls.munmap import do_munmap
from shootdown.linux.syscalls.process import Process
from shootdown.linux.vma import ANONYMOUS
from shootdown.linux.vma_merge import Origin, Traits, insert_vma
from shootdown.program.kind import READ_WRITE


def brk(process: Process, before: int, after: int) -> int:
    """The end of the heap moves from one page to the other. The call tells where it is then, which
    a library makes -ENOMEM of if that is not where it should be."""
    with process.mm.mmap_lock.write():
        if after < before:
            return _shrink(process, PageRange(after, before))
        if after > before:
            return _grow(process, PageRange(before, after))
    return 0


def _shrink(process: Process, part: PageRange) -> int:
    """What is there goes, whatever it is; but there must be something."""
    if process.vmas.first_in(part) == part.end or do_munmap(process, part) != 0:
        return -ENOMEM
    return 0


def _grow(process: Process, part: PageRange) -> int:
    """do_brk_flags(): where nothing is, and nothing right behind. The VMA before extends if it is
    like a heap."""
    if process.vmas.first_in(PageRange(part.start, part.end + 1)) <= part.end:
        return -ENOMEM
    traits = Traits(READ_WRITE, map_flags(READ_WRITE, False), ANONYMOUS)
    insert_vma(process.vmas, part, traits, part.start, Origin())
    return 0
