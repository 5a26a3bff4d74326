"""hugetlb, mm/hugetlb.c: rows 10, 13 and 33 to 37. The orders stand at the functions of
`linux.hugetlb`; here are the system calls that lead there.
"""

from __future__ import annotations

from shootdown.lang.declare import PageRange, choose
from shootdown.linux.hugetlb import Hugetlb
from shootdown.linux.mm import Mm
from shootdown.linux.task import Task
from shootdown.linux.vma import NO_VMA
from shootdown.program.kind import READ_ONLY


def hugetlb(mm: Mm) -> Hugetlb:
    """That of this address space."""
    assert mm.hugetlb is not None
    return mm.hugetlb


def hugetlb_unmap(task: Task, range: PageRange) -> None:
    """Unmap one huge page of the range, as hole punching does: without mmap_lock."""
    page = choose(range)
    tables = hugetlb(task.mm).tables(range)
    task.mm.begin(tables)
    hugetlb(task.mm).unmap(task, PageRange(page, page + 1))
    task.mm.end(tables)


def hugetlb_mprotect(task: Task, range: PageRange) -> None:
    """mprotect(PROT_READ) of one huge page of the range."""
    mm = task.mm
    page = choose(range)
    tables = hugetlb(mm).tables(range)
    mm.begin(tables)
    with mm.mmap_lock.write():
        mm.vma[page] = READ_ONLY
        hugetlb(mm).change_protection(PageRange(page, page + 1), READ_ONLY)
    mm.end(tables)


def hugetlb_unshare(task: Task, range: PageRange) -> None:
    """Give the range a page table of its own, as userfaultfd needs it."""
    mm = task.mm
    tables = hugetlb(mm).tables(range)
    mm.begin(tables)
    with mm.mmap_lock.write():
        hugetlb(mm).unshare(range)
    mm.end(tables)


def hugetlb_mremap(task: Task, range: PageRange) -> None:
    """Move the first huge page of the range to the last, where nothing is mapped."""
    mm = task.mm
    tables = hugetlb(mm).tables(range)
    mm.begin(tables)
    with mm.mmap_lock.write():
        mm.vma[range.start] = NO_VMA
        hugetlb(mm).move(range.start, range.end - 1)
    mm.end(tables)


def hugetlb_fork(task: Task, range: PageRange) -> None:
    """Share the huge pages of a private mapping with a child."""
    mm = task.mm
    mm.begin(range)
    with mm.mmap_lock.write():
        hugetlb(mm).copy_range(range, READ_ONLY)
        mm.arch.flush_tlb_mm()
    mm.end(range)


def hugetlb_wp(task: Task, range: PageRange) -> None:
    """Write to a huge page that is shared with a child: it is copied."""
    page = choose(range)
    hugetlb_wp_contiguous(task, PageRange(page, page + 1))


def hugetlb_wp_contiguous(task: Task, range: PageRange) -> None:
    """The same for a huge page of contiguous entries: all of the range."""
    mm = task.mm
    mm.begin(range)
    with mm.mmap_lock.read():
        hugetlb(mm).copy_on_write(range)
    mm.end(range)


def hugetlb_try_to_unmap(task: Task, range: PageRange) -> None:
    """Unmap a huge page of contiguous entries, found from the page: no mmap_lock is held."""
    mm = task.mm
    mm.begin(range)
    hugetlb(mm).try_to_unmap(range)
    mm.end(range)
