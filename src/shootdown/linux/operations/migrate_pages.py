"""migrate_pages(), mm/migrate.c: compaction, move_pages(2), mbind(2), NUMA balancing (row 15).

S, [P- to a migration entry, C, X], E, copy, [P+ with the new page, which nobody is told], R of the
old page. From 6.3 on the C is put off until all pages of a batch are unmapped. See `linux.migrate`.
"""

from __future__ import annotations

from shootdown.lang.declare import PageRange, choose
from shootdown.linux.task import Task


def migrate_pages(task: Task, range: PageRange) -> None:
    """Move some page of the range to another frame."""
    mm = task.mm
    if mm.migration is not None:
        page = choose(range)
        mm.begin_rmap(PageRange(page, page + 1))
        mm.migration.migrate_page(task, page)
        mm.end_rmap(PageRange(page, page + 1))
