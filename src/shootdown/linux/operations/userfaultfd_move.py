"""UFFDIO_MOVE: move_pages(), mm/userfaultfd.c; since 6.8. Row 44.

Pages that are nobody else's go from one place of the address space to another, where nothing was.
S (CLEAR, the source; the destination is not announced), [P- source, C, X, P+ destination] under
both page-table locks, E. Until 6.17 page by page; from 6.18 as many as lie in a row, with one flush
of the source after they have been moved, still under the locks.
"""

from __future__ import annotations

from shootdown.lang.declare import EMPTY, PageRange
from shootdown.linux.memory import ZERO_FRAME
from shootdown.linux.mm import Mm
from shootdown.linux.notifiers.range import Event, MmuNotifierRange
from shootdown.linux.task import Task
from shootdown.linux.version import Version

MOVES_IN_ROWS: Version = (6, 18, 0)
"""move_present_ptes() (commit "userfaultfd: opportunistic TLB-flush batching for present pages in
MOVE")"""


def userfaultfd_move(task: Task, range: PageRange) -> None:
    """Move the first half of the range into the second, as far as that is empty."""
    mm = task.mm
    half = len(range) // 2
    mm.begin(range)
    with mm.mmap_lock.read():
        move_pages(mm, PageRange(range.start, range.start + half), range.start + half)
    mm.end(range)


def move_pages(mm: Mm, source: PageRange, destination: int) -> int:
    """How many were moved: it ends at the first that cannot be. Caller holds mmap_lock."""
    moved = 0
    while moved < len(source):
        rest = PageRange(source.start + moved, source.end)
        if mm.kernel < MOVES_IN_ROWS:
            rest = PageRange(source.start + moved, source.start + moved + 1)
        step = move_pages_ptes(mm, rest, destination + moved)
        if step == 0:
            break
        moved += step
    return moved


def move_pages_ptes(mm: Mm, source: PageRange, destination: int) -> int:
    """One announcement, and what goes with it: how many pages."""
    announced = MmuNotifierRange(source.start, source.end, Event.CLEAR, "move_pages_ptes")
    mm.notifiers.invalidate_range_start(announced)
    with mm.page_table_lock:
        mm.populate_table(destination)
        if mm.kernel < MOVES_IN_ROWS:
            moved = _move_one(mm, source.start, destination)
        else:
            moved = _move_row(mm, source, destination)
    mm.notifiers.invalidate_range_end(announced)
    return moved


def _move_one(mm: Mm, source: int, destination: int) -> int:
    pte = mm.pte[source]
    if not _is_movable(mm, source, destination):
        return 0
    mm.arch.ptep_clear_flush(source)
    mm.pte[destination] = pte
    mm.made_dirty(destination)
    return 1


def _move_row(mm: Mm, source: PageRange, destination: int) -> int:
    """move_present_ptes(): as far as both page tables reach; the zero page goes alone, flushed
    before it is in its new place."""
    if mm.pte[source.start].frame == ZERO_FRAME:
        return _move_one(mm, source.start, destination)
    moved = 0
    for page in source:
        to = destination + (page - source.start)
        pte = mm.pte[page]
        if page // mm.entries != source.start // mm.entries:
            break
        if to // mm.entries != destination // mm.entries:
            break
        if pte.frame == ZERO_FRAME or not _is_movable(mm, page, to):
            break
        mm.pte[page] = EMPTY
        mm.made_dirty(to)
        mm.pte[to] = pte
        moved += 1
    if moved > 0:
        mm.arch.flush_tlb_range(PageRange(source.start, source.start + moved))
    return moved


def _is_movable(mm: Mm, source: int, destination: int) -> bool:
    """There is a page that is exclusive (PageAnonExclusive()), or the zero page, and nothing where
    it goes."""
    pte = mm.pte[source]
    if not pte.present or mm.pte[destination].present or mm.is_swap_pte(destination):
        return False
    return pte.frame == ZERO_FRAME or mm.memory.refcount[pte.frame] == 1
