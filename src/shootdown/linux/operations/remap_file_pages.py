"""remap_file_pages(2): sys_remap_file_pages(), mm/fremap.c, until 3.19 (row 38).

Pages of a shared mapping show the file from another page on. S (one range, the whole request), for
each page [P- C, (X,) R of the entry's reference, file pte], E. mmap_lock is held for writing when
the VMA becomes nonlinear, and for reading if it is already: faults then find the page at its old or
its new place. zap_pte() flushes with ptep_clear_flush(), in 3.19 with ptep_clear_flush_notify()
(34ee645e83b6); E follows with another X there.

Since 4.0 (c8d78c1823f4, mm/mmap.c) the old mapping is unmapped, exactly as by munmap but with
mmap_lock held for writing all the time, and the file is mapped there from the other page on: S
(UNMAP), [P-], E, tables, C, X, R, T.

As with MAP_NONBLOCK nothing is faulted in afterwards: whoever accesses a page does. Files are taken
for those that do not account dirty pages (tmpfs); for others Linux mapped the file anew before 4.0
too (mapping_cap_account_dirty()). Mappings of hugetlb are refused, as before 4.0 (no remap_pages()
in their vm_operations_struct).
"""

from __future__ import annotations

from shootdown.lang.declare import PageRange
from shootdown.linux.filemap import Mapping
from shootdown.linux.mm import Mm
from shootdown.linux.nonlinear import EMULATED, Nonlinear
from shootdown.linux.notifiers.range import Event, MmuNotifierRange
from shootdown.linux.operations.munmap import unmap_region
from shootdown.linux.task import Task
from shootdown.linux.version import Version
from shootdown.linux.vma import NO_VMA

TELLS_AT_ONCE: Version = (3, 19, 0)
"""zap_pte() calls ptep_clear_flush_notify(): 34ee645e83b6"""


def remap_file_pages(task: Task, range: PageRange) -> None:
    """The first half of a shared mapping shows the pages of the second, or, if it does, its own."""
    mm, mapping, nonlinear = task.mm, task.mm.mapping, task.mm.nonlinear
    if mapping is None or nonlinear is None or mm.hugetlb is not None:
        return
    part = PageRange(range.start, range.start + len(range) // 2)
    if part:
        mm.begin(part)
        if mm.kernel >= EMULATED:
            _map_anew(task, mapping, nonlinear, part)
        else:
            _remap(mm, mapping, nonlinear, part)
        mm.end(part)


def _remap(mm: Mm, mapping: Mapping, nonlinear: Nonlinear, part: PageRange) -> None:
    """sys_remap_file_pages(), mm/fremap.c"""
    with mm.mmap_lock.read():
        shared = mapping.is_mapped_shared(part)
        ready = nonlinear.vm_nonlinear
        if shared and ready:
            populate_range(mm, mapping, nonlinear, part)
    if shared and not ready:
        with mm.mmap_lock.write():
            if mapping.is_mapped_shared(part):
                nonlinear.vm_nonlinear = True
                populate_range(mm, mapping, nonlinear, part)


def populate_range(mm: Mm, mapping: Mapping, nonlinear: Nonlinear, part: PageRange) -> None:
    """populate_range() (generic_file_remap_pages() since 3.7), and what announces it. The caller
    holds mmap_lock."""
    announced = MmuNotifierRange(part.start, part.end, Event.CLEAR, "remap_file_pages")
    mm.notifiers.invalidate_range_start(announced)
    ahead = shift(nonlinear, part)
    for page in part:
        with mm.page_table_lock:
            mm.populate_table(page)
            zap_pte(mm, page)
            nonlinear.ahead[page] = ahead
    mm.notifiers.invalidate_range_end(announced)


def zap_pte(mm: Mm, page: int) -> None:
    """zap_pte(): the page keeps the reference of the cache, so that nothing is freed here unless it
    was truncated. Caller holds the page-table lock."""
    pte = mm.pte[page]
    if pte.present:
        if mm.kernel >= TELLS_AT_ONCE:
            mm.ptep_clear_flush_notify(page)
        else:
            mm.arch.ptep_clear_flush(page)
        mm.cleared_dirty(page, pte.frame)
        mm.lets_go(page, pte.frame)
        mm.memory.put_page(pte.frame)
    elif mm.is_swap_pte(page):
        mm.zap_swap_entry(page)


def _map_anew(task: Task, mapping: Mapping, nonlinear: Nonlinear, part: PageRange) -> None:
    """sys_remap_file_pages(), mm/mmap.c: do_mmap() with MAP_SHARED and MAP_FIXED."""
    mm = task.mm
    with mm.mmap_lock.write():
        if mapping.is_mapped_shared(part):
            rights = mm.vma[part.start]
            for page in part:
                mm.vma[page] = NO_VMA
            unmap_region(task, part)
            ahead = shift(nonlinear, part)
            for page in part:
                nonlinear.ahead[page] = ahead
                mm.vma[page] = rights


def shift(nonlinear: Nonlinear, part: PageRange) -> int:
    """Where in the file the request is about, counted from the pages' own places."""
    if nonlinear.ahead[part.start] == 0:
        return len(part)
    return 0
