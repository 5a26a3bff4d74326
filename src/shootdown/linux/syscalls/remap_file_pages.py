"""remap_file_pages(2), mm/mmap.c: since 4.0 it maps the file anew."""

from __future__ import annotations

from errno import EINVAL

from shootdown.lang.declare import PageRange
from shootdown.linux.syscalls.mmap import mmap_region
from shootdown.linux.syscalls.populate import mm_populate
from shootdown.linux.syscalls.process import Process
from shootdown.linux.vma import (
    ALL_FLAGS,
    ATTACHMENT,
    ATTACHMENTS,
    BOUND,
    LOCKED,
    MAYNOTWRITE,
    SHARED,
    Vmas,
)
from shootdown.linux.vma_merge import Traits

KEPT = SHARED | LOCKED | (ATTACHMENTS - 1) * ATTACHMENT
"""what do_mmap() makes of the old VMA: MAP_SHARED, MAP_LOCKED, and the same file"""


def remap_file_pages(process: Process, range: PageRange, offset: int) -> int:
    """Pages of one shared mapping, in VMAs that are alike and without a hole, show the file from
    another page on; they are faulted in (MAP_POPULATE)."""
    vmas, page = process.vmas, range.start
    with process.mm.mmap_lock.write():
        if not range or not vmas.is_mapped(page):
            return -EINVAL
        if vmas.flags[page] & (SHARED | MAYNOTWRITE) != SHARED:
            return -EINVAL
        if not all(_is_like(vmas, page, each) for each in range):
            return -EINVAL
        traits = Traits(process.mm.vma[page], vmas.flags[page] & KEPT, vmas.file[page])
        error = mmap_region(process, range, traits, offset)
    if error == 0:
        mm_populate(process, range)
    return error


def _is_like(vmas: Vmas, page: int, other: int) -> bool:
    """vm_flags and vm_file; policies may differ, guard markers may not."""
    return (
        vmas.is_mapped(other)
        and vmas.mm.vma[page] == vmas.mm.vma[other]
        and vmas.file[page] == vmas.file[other]
        and vmas.maybe_guard[page] == vmas.maybe_guard[other]
        and (vmas.flags[page] ^ vmas.flags[other]) & (ALL_FLAGS ^ BOUND) == 0
    )
