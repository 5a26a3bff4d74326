"""Entries that are not present and not nothing: include/linux/swapops.h.

A page-table entry without the present bit may still say where the page is. What hardware can use
stays in `Mm.pte`, which is empty then; what software knows is here: of which kind the entry is, and
the frame and rights that it names. Both change under the page-table lock, as the entry itself does.

Who faults on such an entry comes to do_swap_page(). The part exists in scenarios with operations
that write such entries; `Mm.swap_entries` is None in all others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shootdown.lang.declare import EMPTY, Int, PerPage, Pte, ghost, wait_until
from shootdown.lang.part import Part
from shootdown.linux.notifiers.range import Event, MmuNotifierRange
from shootdown.program.kind import PROT_NONE, READ_ONLY

if TYPE_CHECKING:
    from shootdown.linux.mm import Mm

NONE, SWAP, MIGRATION, DEVICE_PRIVATE, DEVICE_EXCLUSIVE = range(5)
"""no such entry; the page is in swap space, or still in the swap cache (`linux.swap`); the page is
being moved, faults wait (SWP_MIGRATION_READ and _WRITE); it lies in memory that CPUs cannot reach
(SWP_DEVICE_READ, _WRITE; 4.14); a device has it for itself (SWP_DEVICE_EXCLUSIVE; 5.14)"""

KINDS = ("none", "swap", "migration", "device-private", "device-exclusive")


def remove_device_exclusive_entry(mm: Mm, page: int) -> None:
    """remove_device_exclusive_entry(), mm/memory.c (5.14): somebody else wants the page. S (CLEAR,
    no owner), [P+ the entry is present again], E (row 19); nothing to flush."""
    assert mm.swap_entries is not None
    range = MmuNotifierRange(page, page + 1, Event.CLEAR, "remove_device_exclusive_entry")
    mm.notifiers.invalidate_range_start(range)
    with mm.page_table_lock:
        if mm.swap_entries.kind[page] == DEVICE_EXCLUSIVE:
            mm.swap_entries.restore(page)
    mm.notifiers.invalidate_range_end(range)


class SwapEntries(Part):
    """What the entries of one address space are that are not present."""

    def __init__(self, mm: Mm) -> None:
        self.label = "swap_entries"
        self.mm = mm
        self.kind = PerPage(Int(NONE, DEVICE_EXCLUSIVE, names=KINDS))
        self.entry = PerPage(Pte)
        """the frame that the entry names, and whether a present entry in its place would be
        writable; an entry of a device keeps the reference of the page table, one of a page that is
        being moved or swapped does not"""
        mm.swap_entries = self

    def set(self, page: int, kind: int, entry: Pte) -> None:
        """Write such an entry where nothing is. Caller holds the page-table lock."""
        self.kind[page] = kind
        self.entry[page] = entry

    def clear(self, page: int) -> Pte:
        """Take it away again: what it named. Caller holds the page-table lock."""
        entry = self.entry[page]
        self.kind[page] = NONE
        self.entry[page] = EMPTY
        return entry

    def do_swap_page(self, page: int, write: bool) -> None:
        """do_swap_page(): somebody faulted on such an entry, and holds mmap_lock for reading. A
        page in swap space, or on a device, is brought back."""
        if self.mm.device_memory is not None:
            if self.kind[page] == DEVICE_PRIVATE:
                self.mm.device_memory.migrate_to_ram(page)
                return
            if self.kind[page] == DEVICE_EXCLUSIVE:
                remove_device_exclusive_entry(self.mm, page)
                return
        if self.mm.swap is not None:
            self.mm.swap.do_swap_page(page, write)
        else:
            self.migration_entry_wait(page)

    def migration_entry_wait(self, page: int) -> None:
        """migration_entry_wait(): until the page has been moved; the fault is then repeated."""
        wait_until(self.kind[page] != MIGRATION)

    def is_migration_of(self, page: int, frame: int) -> bool:
        """The page in this frame is on its way elsewhere. Caller holds the page-table lock."""
        return self.kind[page] == MIGRATION and self.entry[page].frame == frame

    def protect(self, page: int, rights: int) -> None:
        """change_pte_range(): what will be present again must not give back what is taken now. No
        hardware has such an entry cached, so nothing is flushed. Caller holds the page-table lock.
        """
        entry = self.entry[page]
        if entry.rights > rights:
            self.entry[page] = entry.with_rights(rights)
        elif entry.rights == PROT_NONE and rights > PROT_NONE:
            self.entry[page] = entry.with_rights(READ_ONLY)

    def restore(self, page: int) -> None:
        """A present entry of the same page in its place; nothing to flush, nobody caches what is
        not present. Caller holds the page-table lock."""
        self.mm.pte[page] = self.clear(page)

    @ghost
    def names(self, page: int, frame: int) -> bool:
        """A device may use this frame for this page although CPUs cannot: D1, the exception."""
        kind = self.kind[page]
        return kind >= DEVICE_PRIVATE and self.entry[page].frame == frame

    @ghost
    def lets_write(self, page: int) -> bool:
        """And write it."""
        return self.kind[page] >= DEVICE_PRIVATE and self.entry[page].writable

    @ghost
    def refers_to(self, page: int, frame: int) -> bool:
        """The entry is one for this page frame."""
        return self.kind[page] != NONE and self.entry[page].frame == frame
