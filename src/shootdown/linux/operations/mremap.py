"""mremap(2), the move: move_page_tables() and move_ptes(), mm/mremap.c.

S (old range), [[P- P+ C X]] with the locks of both page tables held, E (row 7); then munmap of the
old range announces and flushes it once more, unless MREMAP_DONTUNMAP keeps the VMA. From 3.2 to
4.18 the flush came after the locks (commits 7b6efc2bc4f1, eb66ae030829): a page could be freed at
its new place, and used by others, while a TLB still had it at the old one. Before, every entry was
flushed by itself.

Growing in place only makes a VMA longer, and shrinking is a munmap of the tail.

The range is extended down to the edge of a page table where nothing is mapped on the way, so that
whole tables can be moved (try_realign_addr(), 6.8 on, commit af8ca1c149069).
"""

from __future__ import annotations

from shootdown.lang.declare import EMPTY, PageRange
from shootdown.linux.huge_memory import HugeMemory
from shootdown.linux.mm import Mm
from shootdown.linux.moved_entries import move_entry_bits
from shootdown.linux.notifiers.range import Event, MmuNotifierRange
from shootdown.linux.operations.munmap import unmap_region
from shootdown.linux.task import Task
from shootdown.linux.vma import NO_VMA


def mremap(task: Task, range: PageRange) -> None:
    """mremap(2) with MREMAP_FIXED: the first half of the range moves onto the second."""
    _move(task, range, dontunmap=False)


def mremap_dontunmap(task: Task, range: PageRange) -> None:
    """mremap(2) with MREMAP_DONTUNMAP (5.7): the old place stays mapped, and empty."""
    _move(task, range, dontunmap=True)


def mremap_shrink(task: Task, range: PageRange) -> None:
    """mremap(2) to half the size: the tail is unmapped, with mmap_lock downgraded since 4.20
    (commit 85a06835f6f1)."""
    mm = task.mm
    mm.begin(range)
    with mm.mmap_lock.write():
        tail = second_half(range)
        for page in tail:
            mm.vma[page] = NO_VMA
        if mm.munmap_downgrades:
            mm.mmap_lock.downgrade()
        unmap_region(task, tail)
    mm.end(range)


def mremap_grow(task: Task, range: PageRange) -> None:
    """mremap(2) in place to twice the size, after a munmap of what was there: vma_merge_extend().
    Nobody hears of the growing."""
    mm = task.mm
    mm.begin(range)
    with mm.mmap_lock.write():
        tail = second_half(range)
        for page in tail:
            mm.vma[page] = NO_VMA
        unmap_region(task, tail)
    with mm.mmap_lock.write():
        for page in tail:
            mm.vma[page] = mm.vma[range.start]
    mm.end(range)


def second_half(range: PageRange) -> PageRange:
    """Where the first half moves to, and what a mapping loses when it shrinks."""
    return PageRange(range.start + (range.end - range.start) // 2, range.end)


def _move(task: Task, range: PageRange, *, dontunmap: bool) -> None:
    """mremap_to(): what is at the new place goes first; then a VMA is made there, the page tables
    move, and the old place is unmapped as by munmap."""
    mm = task.mm
    mm.begin(range)
    with mm.mmap_lock.write():
        new = second_half(range)
        old = PageRange(range.start, range.start + (new.end - new.start))
        for page in new:
            mm.vma[page] = NO_VMA
        unmap_region(task, new)
        for page in old:
            mm.vma[page - old.start + new.start] = mm.vma[page]
        move_page_tables(task, old, old, new.start)
        if not dontunmap:
            for page in old:
                mm.vma[page] = NO_VMA
            unmap_region(task, old)
    mm.end(range)


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
        if moved and mm.notifiers.mremap_flushes_under_lock:
            mm.arch.flush_tlb_range(old)
    if moved and not mm.notifiers.mremap_flushes_under_lock:
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
    """Whether a TLB can still have what there was."""
    if mm.table[page // mm.entries]:
        mm.populate_table(target)
    if mm.markers is not None:
        mm.markers.guard[target] = mm.markers.guard[page]
        mm.markers.guard[page] = False
    pte = mm.pte[page]
    if pte.present or mm.is_swap_pte(page):
        if mm.mremap_flushes_each:
            mm.arch.ptep_clear_flush(page)
        else:
            mm.pte[page] = EMPTY
        move_entry_bits(mm, page, target)
        mm.pte[target] = pte
    return pte.present and not mm.mremap_flushes_each
