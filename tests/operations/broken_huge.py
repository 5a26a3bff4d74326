"""Operations on huge pages with one mistake each."""

from __future__ import annotations

from shootdown.lang.declare import PageRange
from shootdown.linux.notifiers.range import Event, MmuNotifierRange
from shootdown.linux.operations.catalogue import OPERATIONS, Operation
from shootdown.linux.operations.collapse import khugepaged
from shootdown.linux.operations.hugetlb import hugetlb
from shootdown.linux.operations.split_huge_pmd import huge_memory
from shootdown.linux.task import Task
from shootdown.linux.vma import NO_VMA


def split_file_narrow(task: Task, range: PageRange) -> None:
    """The whole entry goes; announced and flushed is its first page."""
    mm, huge = task.mm, huge_memory(task.mm)
    first = PageRange(range.start, range.start + 1)
    announced = MmuNotifierRange(first.start, first.end, Event.CLEAR, "__split_huge_pmd")
    mm.begin(range)
    mm.notifiers.invalidate_range_start(announced)
    with mm.page_table_lock:
        if huge.leaf[0]:
            huge.clear(range)
            mm.arch.flush_pmd_tlb_range(first)
    mm.notifiers.invalidate_range_end(announced)
    mm.end(range)


def split_file_unannounced(task: Task, range: PageRange) -> None:
    """Flushed, but no start and end."""
    mm, huge = task.mm, huge_memory(task.mm)
    mm.begin(range)
    with mm.page_table_lock:
        if huge.leaf[0]:
            huge.clear_flush(range)
    mm.end(range)


def split_through_none(task: Task, range: PageRange) -> None:
    """The entry is none between its two forms, and the lock is not held: a fault fills it."""
    mm, huge = task.mm, huge_memory(task.mm)
    announced = MmuNotifierRange(range.start, range.end, Event.CLEAR, "__split_huge_pmd")
    mm.begin(range)
    mm.notifiers.invalidate_range_start(announced)
    with mm.page_table_lock:
        was_huge = huge.leaf[0]
        first, second = mm.pte[0], mm.pte[1]
        if was_huge:
            huge.clear_flush(range)
    if was_huge:
        with mm.page_table_lock:
            mm.pte[0] = first
            mm.pte[1] = second
            huge.populate(range, first.rights)
    mm.notifiers.invalidate_range_end(announced)
    mm.end(range)


def unmap_huge_freeing_first(task: Task, range: PageRange) -> None:
    """munmap of a huge page that drops its pages before the flush."""
    mm, huge = task.mm, huge_memory(task.mm)
    announced = MmuNotifierRange(range.start, range.end, Event.UNMAP, "unmap_vmas")
    mm.begin(range)
    with mm.mmap_lock.write():
        for page in range:
            mm.vma[page] = NO_VMA
        mm.notifiers.invalidate_range_start(announced)
        with mm.page_table_lock:
            first, second, was_huge = mm.pte[0], mm.pte[1], huge.leaf[0]
            if was_huge:
                huge.clear(range)
                mm.memory.put_page(first.frame)
                mm.memory.put_page(second.frame)
        mm.arch.flush_pmd_tlb_range(range)
        mm.notifiers.invalidate_range_end(announced)
    mm.end(range)


def retract_freeing_first(task: Task, range: PageRange) -> None:
    """The table goes back to the allocator, and then the range is flushed."""
    mm, daemon = task.mm, khugepaged(task.mm)
    announced = MmuNotifierRange(range.start, range.end, Event.CLEAR, "retract_page_tables")
    mm.begin(range)
    mm.notifiers.invalidate_range_start(announced)
    with mm.page_table_lock:
        if not mm.pte[0].present and not mm.pte[1].present and not daemon.huge.leaf[0]:
            daemon.unlink(0)
            daemon.free(range)
    mm.arch.flush_pmd_tlb_range(range)
    mm.notifiers.invalidate_range_end(announced)
    mm.end(range)


def collapse_without_flush(task: Task, range: PageRange) -> None:
    """Pages are copied and dropped while translations of them are still in use."""
    mm, daemon = task.mm, khugepaged(task.mm)
    mm.begin(range)
    with mm.mmap_lock.write():
        with mm.page_table_lock:
            mm.table[0] = False
        for page in range:
            with mm.page_table_lock:
                old = mm.pte[page]
                if old.present:
                    daemon.huge.clear(PageRange(page, page + 1))
                    mm.memory.put_page(old.frame)
        with mm.page_table_lock:
            daemon.huge.install(range, True)
    mm.end(range)


def move_without_flush(task: Task, range: PageRange) -> None:
    """A huge page gets another address, and its old one is not flushed."""
    mm, huge = task.mm, huge_memory(task.mm)
    old, new = PageRange(0, 2), PageRange(2, 4)
    announced = MmuNotifierRange(old.start, old.end, Event.UNMAP, "move_page_tables")
    mm.begin(range)
    with mm.mmap_lock.write():
        mm.notifiers.invalidate_range_start(announced)
        with mm.page_table_lock:
            huge._move(old, new)
        mm.notifiers.invalidate_range_end(announced)
        for page in old:
            mm.vma[page] = NO_VMA
            mm.vma[page + 2] = 3
    mm.end(range)


def copy_run_narrow(task: Task, range: PageRange) -> None:
    """B12: the end of the flush is start + (size + number) where the loop went to start + size *
    number. Of a run of two entries that leaves out one."""
    mm = task.mm
    first = PageRange(range.start, range.start + 1)
    announced = MmuNotifierRange(range.start, range.end, Event.CLEAR, "hugetlb_wp")
    mm.begin(range)
    with mm.mmap_lock.read():
        mm.notifiers.invalidate_range_start(announced)
        with mm.page_table_lock:
            if not mm.pte[0].writable:
                mm.pte[0] = mm.pte[0].with_rights(1)
                mm.pte[1] = mm.pte[1].with_rights(1)
                mm.arch.flush_hugetlb_tlb_range(first)
        mm.notifiers.invalidate_range_end(announced)
    mm.end(range)


def unshare_narrow(task: Task, range: PageRange) -> None:
    """B25 on any kernel: one huge page is announced and flushed where all of a table go."""
    mm = task.mm
    first = PageRange(range.start, range.start + 1)
    announced = MmuNotifierRange(first.start, first.end, Event.CLEAR, "hugetlb_unshare_pmds")
    mm.begin(range)
    with mm.mmap_lock.write():
        mm.notifiers.invalidate_range_start(announced)
        with mm.page_table_lock:
            hugetlb(mm).huge_pmd_unshare(0)
        hugetlb(mm).flush(first)
        mm.notifiers.invalidate_range_end(announced)
    mm.end(range)


def like(name: str, function: object) -> Operation:
    """A mistake in place of the operation of that name, on the same address spaces."""
    right = OPERATIONS[name]
    return Operation(
        function.__name__,  # type: ignore[attr-defined]
        function,  # type: ignore[arg-type]
        patterns=right.patterns,
        parts=right.parts,
        tables=right.tables,
    )


SPLIT_FILE_NARROW = like("split_file_huge_pmd", split_file_narrow)
SPLIT_FILE_UNANNOUNCED = like("split_file_huge_pmd", split_file_unannounced)
SPLIT_THROUGH_NONE = like("split_huge_pmd", split_through_none)
UNMAP_HUGE_FREEING_FIRST = like("munmap_huge", unmap_huge_freeing_first)
RETRACT_FREEING_FIRST = like("retract_page_tables", retract_freeing_first)
COLLAPSE_WITHOUT_FLUSH = like("collapse_huge_page", collapse_without_flush)
MOVE_WITHOUT_FLUSH = like("move_huge_pmd", move_without_flush)
COPY_RUN_NARROW = like("hugetlb_wp_contiguous", copy_run_narrow)
UNSHARE_NARROW = like("hugetlb_unshare", unshare_narrow)
