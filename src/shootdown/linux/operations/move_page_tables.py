"""mremap(2) of whole tables and huge pages: move_normal_pmd() and move_huge_pmd(), mm/mremap.c.

S (the old range), [old entry cleared, new one set, C, X] for each entry above a table, E, then the
old range is unmapped as by munmap (rows 7 and 8). The new place gets no event. Tables have moved
since 4.20 (2c91bd4a4e2e), huge pages since 3.1.
"""

from __future__ import annotations

from shootdown.lang.declare import PageRange
from shootdown.linux.notifiers.range import Event, MmuNotifierRange
from shootdown.linux.operations.munmap import unmap_region
from shootdown.linux.task import Task
from shootdown.linux.vma import NO_VMA


def move_page_tables(task: Task, range: PageRange) -> None:
    """Move the first half of the range to the second, where nothing is mapped."""
    mm = task.mm
    half = len(range) // 2
    old = PageRange(range.start, range.start + half)
    new = PageRange(range.start + half, range.end)
    mm.begin(range)
    with mm.mmap_lock.write():
        for page in old:
            mm.vma[page - old.start + new.start] = mm.vma[page]
        _move(task, old, new)
        for page in old:
            mm.vma[page] = NO_VMA
        unmap_region(task, old)
    mm.end(range)


def _move(task: Task, old: PageRange, new: PageRange) -> None:
    mm = task.mm
    assert mm.huge is not None
    announced = MmuNotifierRange(old.start, old.end, Event.UNMAP, "move_page_tables")
    mm.notifiers.invalidate_range_start(announced)
    mm.huge.move(old, new)
    mm.notifiers.invalidate_range_end(announced)
