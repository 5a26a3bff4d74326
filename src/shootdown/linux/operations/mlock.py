"""mlock(2): mlock_fixup() and __mm_populate(), mm/mlock.c, mm/gup.c.

The VMA gets a flag, of which nobody hears. Then every page is faulted in, for writing where the
process may write: so a zero page is replaced and a shared page copied, each with its own start and
end (row 11), under mmap_lock held for reading.
"""

from __future__ import annotations

from shootdown.lang.declare import PageRange
from shootdown.linux.faults import handle_mm_fault
from shootdown.linux.task import Task


def mlock(task: Task, range: PageRange) -> None:
    """Fault in all pages of the range, and keep them."""
    mm = task.mm
    for page in range:
        with mm.mmap_lock.read():
            if mm.permits(page, True):
                handle_mm_fault(mm, page, True)
