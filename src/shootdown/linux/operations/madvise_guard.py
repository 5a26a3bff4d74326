"""madvise(MADV_GUARD_INSTALL): madvise_guard_install(), mm/madvise.c, 6.13 on.

Markers go where entries are empty, [P+] which nobody hears of. As soon as one is not empty the
whole range is zapped (row 3), and it begins again, since a page may have been faulted in meanwhile;
after some attempts the call is restarted. Under mmap_lock held for reading.
"""

from __future__ import annotations

from shootdown.lang.declare import PageRange
from shootdown.linux.markers import Markers
from shootdown.linux.operations.madvise_dontneed import zap_page_range_single
from shootdown.linux.task import Task

MOST_RETRIES = 2
"""MAX_MADVISE_GUARD_RETRIES is 3"""


def madvise_guard_install(task: Task, range: PageRange) -> None:
    """Let every access to the range fail from now on."""
    mm = task.mm
    assert mm.markers is not None
    mm.begin(range)
    with mm.mmap_lock.read():
        for _ in (1, MOST_RETRIES):
            if _install(task, mm.markers, range):
                break
            zap_page_range_single(task, range)
    mm.end(range)


def madvise_guard_remove(task: Task, range: PageRange) -> None:
    """MADV_GUARD_REMOVE: what it does can only make accesses possible."""
    mm = task.mm
    assert mm.markers is not None
    mm.begin(range)
    with mm.mmap_lock.read(), mm.page_table_lock:
        mm.markers.drop(range)
    mm.end(range)


def _install(task: Task, markers: Markers, range: PageRange) -> bool:
    """guard_install_walk_ops: False at the first entry that maps something."""
    mm = task.mm
    with mm.page_table_lock:
        for page in range:
            if mm.pte[page].present:
                return False
            mm.populate_table(page)
            markers.guard[page] = True
    return True
