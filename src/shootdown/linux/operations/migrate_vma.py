"""Device migration: migrate_vma_setup(), migrate_vma_pages(), migrate_vma_finalize(),
mm/migrate_device.c (mm/migrate.c before 5.18); since 4.14. Rows 16 and 17.

A driver calls the three in turn, with mmap_lock held for reading, to move memory of a process onto
its device. The phases are those of `linux.device_memory`.
"""

from __future__ import annotations

from shootdown.lang.declare import PageRange, choose
from shootdown.linux.task import Task


def migrate_vma(task: Task, range: PageRange) -> None:
    """Move the range into the memory of a device, where only that can use it."""
    mm = task.mm
    memory = mm.device_memory
    assert memory is not None
    args = memory.migrations[task.number]
    mm.begin(range)
    with mm.mmap_lock.read():
        memory.collect(args, range)
        memory.unmap(args, range)
        memory.copy(args, range)
        memory.insert(args, range)
        memory.finalize(args, range)
    mm.end(range)


def migrate_to_ram(task: Task, range: PageRange) -> None:
    """A CPU touches memory that lies on a device, and it comes back."""
    task.mm.page_fault(choose(range), choose(False, True))
