"""swapoff(2): try_to_unuse() and unuse_mm(), mm/swapfile.c (row 50).

Every page that is in swap space comes back: [P+]. Nothing was present, so nobody is told and
nothing is flushed. mmap_lock is held for reading, and faults do the same meanwhile.
"""

from __future__ import annotations

from shootdown.lang.declare import PageRange
from shootdown.linux.swapops import SWAP
from shootdown.linux.task import Task


def swapoff(task: Task, range: PageRange) -> None:
    """Bring the swapped pages of the range back."""
    mm = task.mm
    if mm.swap is not None:
        with mm.mmap_lock.read():
            for page in range:
                with mm.page_table_lock:
                    swapped = mm.swap.entries.kind[page] == SWAP
                if swapped:
                    mm.swap.swap_in(page, False)
