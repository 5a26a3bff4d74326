"""madvise(MADV_DONTNEED): zap_page_range_single(), mm/memory.c.

S, [P-] with C, X, R whenever the batch is full, E, then C, X, R (row 3). Under mmap_lock held for
reading, so faults of the same pages run at the same time. Tables stay.
"""

from __future__ import annotations

from shootdown.lang.declare import PageRange
from shootdown.linux.notifiers.range import Event, MmuNotifierRange
from shootdown.linux.task import Task


def madvise_dontneed(task: Task, range: PageRange) -> None:
    """Drop the pages of the range; the next access finds zeroes."""
    mm = task.mm
    mm.begin(range)
    with mm.mmap_lock.read():
        zap_page_range_single(task, range)
    mm.end(range)


def zap_page_range_single(task: Task, range: PageRange) -> None:
    """zap_page_range_single(): the entries of a part of one VMA."""
    notifiers = task.mm.notifiers
    announced = MmuNotifierRange(
        range.start, range.end, Event.CLEAR, "zap_page_range_single_batched"
    )
    notifiers.invalidate_range_start(announced)
    task.gather.zap_page_range(range)
    notifiers.invalidate_range_end(announced)
    task.gather.flush()
