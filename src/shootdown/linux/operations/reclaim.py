"""Reclaim, as kswapd does it and as MADV_PAGEOUT asks for it: shrink_folio_list() (rows 13, 14).

S, [P-, then C, X, or the C put off and X at once], E, C before the page is stored if it was dirty,
C before it is freed, R (`linux.vmscan`, `linux.rmap`). kswapd holds no lock of the address space;
MADV_PAGEOUT holds mmap_lock for reading, and does not ask devices whether they used the page.
"""

from __future__ import annotations

from shootdown.lang.declare import PageRange, choose
from shootdown.linux.task import Task


def reclaim(task: Task, range: PageRange) -> None:
    """Take some page of the range away, because memory is short."""
    mm = task.mm
    if mm.reclaim is not None:
        page = choose(range)
        mm.begin_rmap(PageRange(page, page + 1))
        mm.reclaim.shrink_page(task, page)
        mm.end_rmap(PageRange(page, page + 1))


def madvise_pageout(task: Task, range: PageRange) -> None:
    """madvise(MADV_PAGEOUT): take the pages of the range away now."""
    mm = task.mm
    if mm.reclaim is not None:
        with mm.mmap_lock.read():
            for page in range:
                mm.begin_rmap(PageRange(page, page + 1))
                mm.reclaim.shrink_page(task, page, ages=False)
                mm.end_rmap(PageRange(page, page + 1))
