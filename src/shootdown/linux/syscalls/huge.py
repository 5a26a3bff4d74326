"""What madvise(2) does to huge pages, mm/madvise.c and mm/khugepaged.c of 6.18."""

from __future__ import annotations

from errno import EINVAL

from shootdown.lang.declare import PageRange
from shootdown.linux.syscalls.process import Process
from shootdown.linux.vma import NO_ANON_VMA, NOHUGEPAGE


def try_to_free_pte(process: Process, part: PageRange) -> None:
    """try_get_and_clear_pmd(), mm/pt_reclaim.c (6.14 on, x86): MADV_DONTNEED of all that a page
    table covers takes the table too, if nothing is left in it; its next fault can be huge."""
    mm, entries = process.mm, process.mm.entries
    for table in PageRange((part.start + entries - 1) // entries, part.end // entries):
        if mm.table[table] and _is_empty(
            process, PageRange(table * entries, (table + 1) * entries)
        ):
            mm.table[table] = False


def _is_empty(process: Process, block: PageRange) -> bool:
    for page in block:
        if process.mm.pte[page].present or process.markers.guard[page]:
            return False
    return True


# --- MADV_COLLAPSE ------------------------------------------------------------------------------


def collapse(process: Process, part: PageRange) -> int:
    """madvise_collapse(): every aligned block of the part; it ends at the first that has no page
    table. Shared memory is not modelled. Caller holds mmap_lock for writing."""
    entries = process.mm.entries
    if not _may_collapse(process, part.start):
        return -EINVAL
    page = (part.start + entries - 1) // entries * entries
    end = part.end // entries * entries
    if page > end:
        return -EINVAL
    result = 0
    while page < end:
        block = PageRange(page, page + entries)
        if not process.mm.upper_populated(page):
            result = -EINVAL
        elif not _collapse(process, block):
            return -EINVAL
        page = block.end
    return result


def _may_collapse(process: Process, page: int) -> bool:
    """thp_vma_allowable_order() of a forced collapse: something was written, and the VMA has room
    for a huge page at its end."""
    vmas, entries = process.vmas, process.mm.entries
    if vmas.has(page, NOHUGEPAGE) or not vmas.is_anonymous(page):
        return False
    if vmas.anon_vma[page] == NO_ANON_VMA:
        return False
    vma = vmas.find(page)
    last = vma.end - entries
    return last >= 0 and last - last % entries >= vma.start


def _collapse(process: Process, block: PageRange) -> bool:
    """hpage_collapse_scan_pmd() and collapse_huge_page(); False ends the whole call: no page table
    (SCAN_PMD_NONE), or a guard marker, at which __collapse_huge_page_swapin() fails."""
    mm = process.mm
    table = block.start // mm.entries
    if process.huge.leaf[table]:
        return True
    if not mm.table[table] or any(process.markers.guard[page] for page in block):
        return False
    process.huge.khugepaged.collapse_huge_page(block)
    return True
