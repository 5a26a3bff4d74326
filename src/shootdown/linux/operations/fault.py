"""Page faults of a CPU: do_user_addr_fault() and handle_mm_fault(), mm/memory.c.

A read of nothing maps the zero page; a write of nothing maps a new page; a write to a page that is
shared copies it: S, [P-, C, X, P+], E, R (row 11); a write to a page that is not shared any more
just gives it the right (row 12, no notification). Other faults send nothing.
"""

from __future__ import annotations

from shootdown.lang.declare import PageRange, choose
from shootdown.linux.task import Task


def read_fault(task: Task, range: PageRange) -> None:
    """The task reads one page of the range, and faults."""
    task.mm.page_fault(choose(range), False)


def write_fault(task: Task, range: PageRange) -> None:
    """The task writes one page of the range, and faults."""
    task.mm.page_fault(choose(range), True)
