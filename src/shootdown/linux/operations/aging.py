"""Who looks at accessed bits, and asks secondary MMUs for theirs (rows 48 and 49).

All of them work through the reverse mapping or walk the table, entry by entry, under the page-table
lock and without start and end: an access lost to a TLB that still has the entry only makes reclaim
choose worse. What a device with page tables of its own used, only the young callbacks know.

`folio_referenced_one`  reclaim (mm/rmap.c): clear_flush_young
`page_idle_clear_pte_refs_one`  /sys/kernel/mm/page_idle (mm/page_idle.c, 4.3): clear_young
`damon_young`  DAMON (mm/damon/vaddr.c, 5.15): clear_young, and some time later test_young
`walk_pte_range`  multi-generational LRU (mm/vmscan.c, 6.1): until 6.13 it asked nobody
"""

from __future__ import annotations

from shootdown.lang.declare import PageRange, test_and_clear_bit
from shootdown.linux.mm import Mm
from shootdown.linux.task import Task
from shootdown.linux.version import Version

MGLRU_ASKS: Version = (6, 14, 0)
"""ptep_clear_young_notify() in walk_pte_range() (commit 1d4832becdc2; version from memory)"""


def folio_referenced_one(task: Task, range: PageRange) -> None:
    """Reclaim asks whether pages were used, and starts anew."""
    mm = task.mm
    assert mm.young is not None
    for page in range:
        with mm.page_table_lock:
            if mm.pte[page].present:
                young = mm.arch.ptep_clear_flush_young(mm.young.accessed, page)
                if mm.notifiers.ptep_clear_flush_young_notify(page):
                    young = True
                mm.young.judge(page, young)


def page_idle_clear_pte_refs_one(task: Task, range: PageRange) -> None:
    """Idle page tracking asks the same; TLBs may keep their entries."""
    for page in range:
        _clear_young_notify(task.mm, page)


def damon_young(task: Task, range: PageRange) -> None:
    """DAMON makes pages old, and later looks which of them are young again."""
    mm = task.mm
    for page in range:
        _clear_young_notify(mm, page)
    assert mm.young is not None
    for page in range:
        with mm.page_table_lock:
            if mm.pte[page].present:
                young = mm.young.accessed[page]
                if mm.notifiers.mmu_notifier_test_young(page):
                    young = True
                mm.young.judge(page, young)


def walk_pte_range(task: Task, range: PageRange) -> None:
    """The aging of the multi-generational LRU walks a table."""
    mm = task.mm
    assert mm.young is not None
    for page in range:
        if mm.kernel >= MGLRU_ASKS:
            _clear_young_notify(mm, page)
        else:
            with mm.page_table_lock:
                if mm.pte[page].present:
                    mm.young.judge(page, test_and_clear_bit(0, mm.young.accessed[page]))


def _clear_young_notify(mm: Mm, page: int) -> None:
    """ptep_clear_young_notify()"""
    assert mm.young is not None
    with mm.page_table_lock:
        if mm.pte[page].present:
            young = test_and_clear_bit(0, mm.young.accessed[page])
            if mm.notifiers.ptep_clear_young_notify(page):
                young = True
            mm.young.judge(page, young)
