"""Exclusive access of a device to a page, for atomic operations that the bus does not have:
make_device_exclusive(), mm/rmap.c (make_device_exclusive_range() before 6.14); since 5.14. Row 18;
row 19, when somebody else wants the page, is remove_device_exclusive_entry() in `linux.swapops`.

A write fault first, so that the page is nobody else's; S (EXCLUSIVE, with the owner, who may ignore
it), [P- if the entry is still the same; C, X; an entry that only the device may use], E; and again
if it was not. The page stays where it is. With mmap_lock held for reading.
"""

from __future__ import annotations

from shootdown.lang.declare import EMPTY, PageRange, Pte, choose
from shootdown.linux.faults import handle_mm_fault
from shootdown.linux.mm import Mm
from shootdown.linux.notifiers.range import Event, MmuNotifierRange
from shootdown.linux.swapops import DEVICE_EXCLUSIVE
from shootdown.linux.task import Task


def exclusive_to_somebody(task: Task, range: PageRange) -> None:
    """A device of somebody else's takes one page of the range for itself. It gives up if the entry
    has changed twice, as all did until 6.13: two that never give up may go on for ever."""
    mm = task.mm
    page = choose(range)
    with mm.mmap_lock.read():
        for _ in (1, 2):
            with mm.page_table_lock:
                pte = mm.pte[page]
            if not pte.writable:
                handle_mm_fault(mm, page, True)
                with mm.page_table_lock:
                    pte = mm.pte[page]
            if pte.writable and _convert(mm, page, pte, None):
                return


def remove_device_exclusive(task: Task, range: PageRange) -> None:
    """A CPU touches a page that a device has for itself, and ends that."""
    task.mm.page_fault(choose(range), choose(False, True))


def make_device_exclusive(mm: Mm, page: int, owner: object) -> Pte:
    """The entry that the device may use from now on, until it is told otherwise; EMPTY if the
    process may not write there. Does not give up (6.14 on)."""
    with mm.mmap_lock.read():
        while True:
            if not mm.permits(page, True):
                return EMPTY
            with mm.page_table_lock:
                pte = mm.pte[page]
            if pte.writable:
                if _convert(mm, page, pte, owner):
                    return pte
            else:
                handle_mm_fault(mm, page, True)


def _convert(mm: Mm, page: int, pte: Pte, owner: object) -> bool:
    """False if the entry is another one meanwhile."""
    assert mm.swap_entries is not None
    announced = MmuNotifierRange(
        page, page + 1, Event.EXCLUSIVE, "make_device_exclusive", owner=owner
    )
    mm.begin(announced)
    mm.notifiers.invalidate_range_start(announced)
    with mm.page_table_lock:
        same = mm.pte[page] == pte
        if same:
            mm.arch.ptep_clear_flush(page)
            mm.swap_entries.set(page, DEVICE_EXCLUSIVE, pte)
    mm.notifiers.invalidate_range_end(announced)
    mm.end(announced)
    return same
