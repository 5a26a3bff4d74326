"""munmap(2): do_vmi_munmap(), mm/vma.c."""

from __future__ import annotations

from shootdown.lang.declare import PageRange
from shootdown.linux.operations.munmap import unmap_region
from shootdown.linux.syscalls.process import Process
from shootdown.linux.vma_merge import split_vma


def munmap(process: Process, range: PageRange) -> int:
    """Where nothing is mapped nothing happens, and that is no error."""
    with process.mm.mmap_lock.write():
        do_munmap(process, range)
    return 0


def do_munmap(process: Process, range: PageRange) -> None:
    """do_vmi_align_munmap(): split at both ends, take the VMAs out, unmap the whole request.

    The request is announced as it is, not clipped to VMAs. Caller holds mmap_lock for writing.
    """
    vmas = process.vmas
    if vmas.first_in(range) == range.end:
        return
    split_at_ends(process, range)
    vmas.remove(range)
    process.markers.drop(range)
    unmap_region(process.task, range)


def split_at_ends(process: Process, range: PageRange) -> None:
    """vms_gather_munmap_vmas(): no VMA reaches across either end."""
    vmas = process.vmas
    for page in (range.start, range.end):
        if vmas.is_mapped(page - 1) and vmas.is_mapped(page) and not vmas.begins[page]:
            split_vma(vmas, vmas.find(page), page)
