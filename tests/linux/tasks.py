"""What tests have a task do: the operations with arguments, and pieces of them."""

from __future__ import annotations

from shootdown.lang.declare import PageRange
from shootdown.linux.operations.exit_mmap import exit_mmap
from shootdown.linux.operations.mmap import mmap
from shootdown.linux.operations.mprotect import mprotect
from shootdown.linux.task import Task
from shootdown.linux.vma import NO_VMA
from shootdown.program.kind import PROT_NONE, READ_ONLY, READ_WRITE


def protect_nothing(task: Task, range: PageRange) -> None:
    """mprotect(PROT_NONE)"""
    mprotect(task, range, PROT_NONE)


def protect_writable(task: Task, range: PageRange) -> None:
    """mprotect(PROT_READ | PROT_WRITE)"""
    mprotect(task, range, READ_WRITE)


def map_read_only(task: Task, range: PageRange) -> None:
    """mmap(PROT_READ)"""
    mmap(task, range, READ_ONLY)


def leave(task: Task, range: PageRange) -> None:
    """exit_mmap() of the whole address space"""
    exit_mmap(task)


def allocate_four(task: Task, range: PageRange) -> None:
    """Four pages, the second given back at once."""
    memory = task.mm.memory
    memory.alloc_page()
    second = memory.alloc_page()
    memory.put_page(second)
    memory.alloc_page()
    memory.alloc_page()


def count_references(task: Task, range: PageRange) -> None:
    """Frame 1 is taken once more and dropped twice, the zero page likewise."""
    memory = task.mm.memory
    memory.get_page(1)
    memory.put_page(1)
    memory.put_page(1)
    memory.get_page(0)
    memory.put_page(0)
    memory.put_page(0)


def gather_both_ends(task: Task, range: PageRange) -> None:
    """Zap the first page, then the last, in that order backwards, and flush once."""
    end = range.end
    task.gather.zap_page_range(PageRange(end - 1, end))
    task.gather.zap_page_range(PageRange(0, 1))
    task.gather.flush()


def flush_nothing(task: Task, range: PageRange) -> None:
    """Flush a gather into which nothing went."""
    task.gather.flush()


def free_tables_of_half(task: Task, range: PageRange) -> None:
    """Remove the VMAs of the first three pages, and free the tables nobody needs any more."""
    for page in PageRange(0, 3):
        task.mm.vma[page] = NO_VMA
    task.gather.free_pgtables(PageRange(0, 3))
    task.gather.flush()
