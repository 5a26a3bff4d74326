"""Splitting a huge entry, from wherever: __split_huge_pmd(), mm/huge_memory.c (row 25).

Anonymous memory: S, [present-invalid, C, X, table filled and linked], E: what was translated stays
translated. A file's: S, [P-, C, X, R], E: the entry stays none.
"""

from __future__ import annotations

from shootdown.lang.declare import PageRange, choose
from shootdown.linux.huge_memory import HugeMemory
from shootdown.linux.mm import Mm
from shootdown.linux.operations.madvise_dontneed import zap_page_range_single
from shootdown.linux.task import Task


def huge_memory(mm: Mm) -> HugeMemory:
    """The one of this address space."""
    assert mm.huge is not None
    return mm.huge


def split_huge_pmd(task: Task, range: PageRange) -> None:
    """Split the first huge entry of the range, as reclaim does under the lock of the reverse
    mapping alone."""
    huge = huge_memory(task.mm)
    block = huge.block(range.start)
    task.mm.begin(block)
    huge.split(block)
    task.mm.end(block)


def split_file_huge_pmd(task: Task, range: PageRange) -> None:
    """Split the first huge entry of the range, which maps a file."""
    huge = huge_memory(task.mm)
    block = huge.block(range.start)
    task.mm.begin(block)
    huge.split_file(block)
    task.mm.end(block)


def dontneed_part_of_huge(task: Task, range: PageRange) -> None:
    """madvise(MADV_DONTNEED) of one page: its huge entry is split between start and end."""
    page = choose(range)
    block = huge_memory(task.mm).block(page)
    task.mm.begin(block)
    with task.mm.mmap_lock.read():
        zap_page_range_single(task, PageRange(page, page + 1))
    task.mm.end(block)
