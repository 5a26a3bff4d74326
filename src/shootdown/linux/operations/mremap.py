"""mremap(2), the move: move_page_tables() and move_ptes(), mm/mremap.c.

S (old range), [[P- P+ C X]] with the locks of both page tables held, E (row 7); then munmap of the
old range announces and flushes it once more, unless MREMAP_DONTUNMAP keeps the VMA. The flush came
after the locks, and after E, until 4.19 (commit eb66ae030829): a page could be freed at its new
place, and used by others, while a TLB still had it at the old one.

The range is extended down to the edge of a page table where nothing is mapped on the way, so that
whole tables can be moved (try_realign_addr(), 6.8 on, commit af8ca1c149069).
"""

from __future__ import annotations

from shootdown.lang.declare import EMPTY, PageRange
from shootdown.linux.huge_memory import HugeMemory
from shootdown.linux.mm import Mm
from shootdown.linux.notifiers.range import Event, MmuNotifierRange
from shootdown.linux.task import Task


def move_page_tables(task: Task, announced: PageRange, old: PageRange, target: int) -> None:
    """Entries of `old` go to the pages from `target` on. `announced` is `old`, or begins before it.
    Caller holds mmap_lock for writing."""
    mm = task.mm
    range = MmuNotifierRange(announced.start, announced.end, Event.UNMAP, "move_page_tables")
    mm.notifiers.invalidate_range_start(range)
    if mm.huge is None:
        _move_entries(mm, old, target)
    else:
        _move_extents(mm, mm.huge, PageRange(announced.start, old.end), target - old.start)
    mm.notifiers.invalidate_range_end(range)


def _move_entries(mm: Mm, old: PageRange, target: int) -> None:
    """move_ptes()"""
    with mm.page_table_lock:
        mm.arch.flush_tlb_batched_pending()
        moved = False
        for page in old:
            if _move_pte(mm, page, target + (page - old.start)):
                moved = True
        if moved and mm.mremap_flushes_locked:
            mm.arch.flush_tlb_range(old)
    if moved and not mm.mremap_flushes_locked:
        mm.arch.flush_tlb_range(old)


def _move_extents(mm: Mm, huge: HugeMemory, old: PageRange, shift: int) -> None:
    """The loop of move_page_tables(): up to the next edge of a page table at either place."""
    entries = mm.entries
    page = old.start
    while page < old.end:
        end = page - page % entries + entries
        room = entries - (page + shift) % entries
        if end > page + room:
            end = page + room
        if end > old.end:
            end = old.end
        if huge.leaf[page // entries] or mm.table[page // entries]:
            _move_extent(mm, huge, PageRange(page, end), page + shift)
        page = end


def _move_extent(mm: Mm, huge: HugeMemory, old: PageRange, target: int) -> None:
    """A whole table or huge page at once, if nothing is at the new place (row 8); else a huge page
    is split, and entries move."""
    source, goal = old.start // mm.entries, target // mm.entries
    mm.populate_upper(target)
    if len(old) == mm.entries and not huge.leaf[goal] and not mm.table[goal]:
        if mm.markers is not None:
            mm.markers.move(old, target)
        huge.move(old, PageRange(target, target + mm.entries))
        return
    if huge.leaf[source]:
        huge.split(huge.block(old.start))
    _move_entries(mm, old, target)


def _move_pte(mm: Mm, page: int, target: int) -> bool:
    """Whether there was anything that a TLB can have."""
    if mm.table[page // mm.entries]:
        mm.populate_table(target)
    if mm.markers is not None:
        mm.markers.guard[target] = mm.markers.guard[page]
        mm.markers.guard[page] = False
    pte = mm.pte[page]
    if pte.present:
        mm.pte[page] = EMPTY
        mm.pte[target] = pte
    return pte.present
