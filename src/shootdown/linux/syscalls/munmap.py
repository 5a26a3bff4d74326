"""munmap(2): do_vmi_munmap(), mm/vma.c."""

from __future__ import annotations

from errno import EPERM

from shootdown.lang.declare import PageRange
from shootdown.linux.operations.munmap import unmap_region
from shootdown.linux.syscalls.process import Process
from shootdown.linux.vma import SEALED, Vmas
from shootdown.linux.vma_merge import split_vma


def munmap(process: Process, range: PageRange) -> int:
    """Where nothing is mapped nothing happens, and that is no error."""
    with process.mm.mmap_lock.write():
        return do_munmap(process, range)


def do_munmap(process: Process, range: PageRange) -> int:
    """do_vmi_align_munmap(): split at both ends, take the VMAs out, unmap the whole request.

    The request is announced as it is, not clipped to VMAs. -EPERM if any of it is sealed: what was
    split until then stays so. Caller holds mmap_lock for writing.
    """
    vmas = process.vmas
    if vmas.first_in(range) == range.end:
        return 0
    error = split_at_ends(process, range)
    if error != 0:
        return error
    vmas.remove(range)
    process.markers.drop(range)
    for page in range:
        process.uffd.wp[page] = False
    unmap_region(process.task, range)
    return 0


def split_at_ends(process: Process, range: PageRange) -> int:
    """vms_gather_munmap_vmas(): no VMA reaches across either end, unless one of them is sealed; the
    first is looked at before it is split, the others then, up to the last, which is split last."""
    vmas = process.vmas
    first = vmas.find(range.start)
    at_start, at_end = False, False
    if not vmas.has(range.start, SEALED):
        at_start = _split_at(process, range.start)
    sealed = any(vmas.has(page, SEALED) for page in range)
    if not sealed:
        at_end = _split_at(process, range.end)
    if at_start or at_end:
        _complete(vmas, first, range, at_start, at_end)
    if sealed:
        return -EPERM
    return 0


def _complete(vmas: Vmas, first: PageRange, range: PageRange, at_start: bool, at_end: bool) -> None:
    """vma_complete() of one split or both: breakpoints are looked for in the VMA that was there,
    then in the new one, which at the start is the lower one, at the end the upper."""
    nothing = PageRange(range.start, range.start)
    above, below, last = nothing, nothing, nothing
    if at_start:
        above = PageRange(range.start, first.end)
        below = PageRange(first.start, range.start)
    if at_end:
        last = PageRange(vmas.start_of(range.end - 1), vmas.end_of(range.end))
    vmas.uprobe_mmap(above, below, last)


def _split_at(process: Process, page: int) -> bool:
    """Whether a VMA reached across."""
    vmas = process.vmas
    if vmas.is_mapped(page - 1) and vmas.is_mapped(page) and not vmas.begins[page]:
        split_vma(vmas, vmas.find(page), page)
        return True
    return False
