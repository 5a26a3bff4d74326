"""exit_mmap(), mm/mmap.c: the last user of an address space is gone.

`release` runs first and unhooks every subscriber, so that the teardown sends nothing (row 2); a
running 6.18 kernel shows no range at exit, execve or kill. What is left is to drop the pages.
"""

from __future__ import annotations

from shootdown.lang.declare import EMPTY
from shootdown.linux.task import Task
from shootdown.linux.vma import NO_VMA


def exit_mmap(task: Task) -> None:
    """Free everything, with nobody listening."""
    mm = task.mm
    with mm.mmap_lock.write():
        for page in mm.whole:
            mm.vma[page] = NO_VMA
            with mm.page_table_lock:
                pte = mm.pte[page]
                if pte.present:
                    mm.pte[page] = EMPTY
                    mm.memory.put_page(pte.frame)
