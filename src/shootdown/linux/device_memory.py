"""Memory that lies on a device and that CPUs cannot reach: struct dev_pagemap with
MEMORY_DEVICE_PRIVATE, and how pages get there and back (mm/migrate_device.c; include/linux/hmm.h).

A page in such memory has a frame like any other, but its entry is not present: only the device that
it lies on may use it. Whoever else wants it faults, and the driver moves it back (migrate_to_ram()
in dev_pagemap_ops).

Both ways have the same phases. *Collect*: entries become migration entries, which make everybody
who faults wait; a reference is taken, so that nothing is freed yet. *Unmap*: pages that others
refer to go back where they were. *Copy*: the driver stops its own device from using the old page,
allocates and copies. *Pages*: what was nothing, or the zero page, is filled. *Finalize*: migration
entries come to name the new page, and the old one is dropped.

Collecting is announced with the owner of the memory, so that its driver may ignore it: it sees to
its own device in the copy phase. If the driver in a scenario has no such memory, somebody else's
driver does, and that has no device here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from shootdown.lang.declare import EMPTY, Flag, FrameNumber, PageRange, PerPage, Pte, wait_until
from shootdown.lang.part import Part
from shootdown.linux.memory import ZERO_FRAME
from shootdown.linux.notifiers.range import Event, MmuNotifierRange
from shootdown.linux.swapops import DEVICE_EXCLUSIVE, DEVICE_PRIVATE, MIGRATION, NONE, SwapEntries
from shootdown.program.kind import READ_ONLY, READ_WRITE

if TYPE_CHECKING:
    from shootdown.linux.mm import Mm


class Pgmap(Protocol):
    """A driver with memory of its own, as far as moving pages concerns it."""

    def stop_using(self, page: int) -> None:
        """Its device does not access the page any more: copying begins."""

    def use(self, page: int, frame: int) -> None:
        """The page now lies in its memory, in this frame."""


class ForeignPgmap(Part):
    """Somebody else's, without a device in this scenario."""

    def stop_using(self, page: int) -> None:
        """There is none."""

    def use(self, page: int, frame: int) -> None:
        """There is none."""


class MigrateVma(Part):
    """struct migrate_vma of one task: what it has collected."""

    def __init__(self, number: int) -> None:
        self.label = f"migrate{number}"
        self.migrate = PerPage(Flag)
        """MIGRATE_PFN_MIGRATE: the page is to be moved"""
        self.src = PerPage(FrameNumber())
        """where it lies, 0 for nothing and for the zero page; with a reference"""
        self.dst = PerPage(FrameNumber())
        """where it goes"""


class DeviceMemory(Part):
    """The memory, the device that it belongs to, and pages on their way."""

    def __init__(self, mm: Mm) -> None:
        self.label = "device_memory"
        self.mm = mm
        self.pgmap: Pgmap = ForeignPgmap()
        self.entries = mm.swap_entries or SwapEntries(mm)
        self.locked = PerPage(Flag)
        """folio lock of a new page that is in the page table before its migration has ended"""
        self.migrations = [MigrateVma(number) for number in range(mm.geometry.tasks)]
        self.event = Event.MIGRATE if mm.kernel >= (5, 9, 0) else Event.CLEAR
        """MMU_NOTIFY_MIGRATE with an owner since 5.9 (998427b3ad2c)"""
        self.flushes_exclusive = mm.kernel >= (5, 19, 0)
        """ptep_clear_flush() of pages that are nobody else's (6c287605fd56)"""
        self.flushes_under_lock = mm.kernel >= (6, 1, 0)
        """the others are flushed before the page-table lock is given back (B32)"""
        mm.device_memory = self

    @property
    def owner(self) -> object:
        """What the announcement carries; nothing before 5.9."""
        return self.pgmap if self.event is Event.MIGRATE else None

    # --- there ----------------------------------------------------------------------------------

    def collect(self, args: MigrateVma, range: PageRange) -> None:
        """migrate_vma_collect(): S, [P- migration entries; C, X], E (row 16)."""
        mm = self.mm
        announced = MmuNotifierRange(
            range.start, range.end, self.event, "migrate_vma_setup", owner=self.owner
        )
        mm.notifiers.invalidate_range_start(announced)
        unmapped = False
        with mm.page_table_lock:
            for page in range:
                if self.collect_page(args, page):
                    unmapped = True
            if unmapped and self.flushes_under_lock:
                mm.arch.flush_tlb_range(range)
        if unmapped and not self.flushes_under_lock:
            mm.arch.flush_tlb_range(range)
        mm.notifiers.invalidate_range_end(announced)

    def collect_page(self, args: MigrateVma, page: int) -> bool:
        """One entry; whether the range has to be flushed for it."""
        mm = self.mm
        pte = mm.pte[page]
        args.src[page] = 0
        args.migrate[page] = self.entries.kind[page] == NONE
        if not pte.present or pte.frame == ZERO_FRAME:
            return False
        exclusive = mm.memory.refcount[pte.frame] == 1
        args.src[page] = pte.frame
        if exclusive and self.flushes_exclusive:
            mm.arch.ptep_clear_flush(page)
        else:
            mm.pte[page] = EMPTY
        self.entries.set(page, MIGRATION, pte)
        return not (exclusive and self.flushes_exclusive)

    def unmap(self, args: MigrateVma, range: PageRange) -> None:
        """migrate_vma_unmap(): pages that are not this address space's alone are restored. (Linux
        unmaps them elsewhere too, and restores only those that somebody has pinned.)"""
        for page in range:
            frame = args.src[page]
            if frame != 0 and self.mm.memory.refcount[frame] != 1:
                with self.mm.page_table_lock:
                    if self.entries.kind[page] == MIGRATION:
                        self.entries.restore(page)
                args.src[page] = 0
                args.migrate[page] = False

    def copy(self, args: MigrateVma, range: PageRange) -> None:
        """The driver's alloc_and_copy(): device pages for everything that moves."""
        for page in range:
            if args.migrate[page]:
                self.pgmap.stop_using(page)
                args.dst[page] = self.mm.memory.alloc_page()

    def insert(self, args: MigrateVma, range: PageRange) -> None:
        """migrate_vma_pages(): S before the first page that was nothing, up to the end of the
        range; [zero page: P-, C, X; the entry of the new page]; E (row 17). The rest has nothing to
        do with page tables."""
        first = range.end
        for page in range:
            if args.migrate[page] and args.src[page] == 0 and first == range.end:
                first = page
        if first == range.end:
            return
        announced = MmuNotifierRange(
            first, range.end, self.event, "migrate_vma_pages", owner=self.owner
        )
        self.mm.notifiers.invalidate_range_start(announced)
        for page in PageRange(first, range.end):
            if args.migrate[page] and args.src[page] == 0:
                args.migrate[page] = self._insert_page(page, args.dst[page])
                if not args.migrate[page]:
                    self.mm.memory.put_page(args.dst[page])
        self.mm.notifiers.invalidate_range_only_end(announced)

    def _insert_page(self, page: int, frame: int) -> bool:
        """migrate_vma_insert_page(): False if something else has appeared there meanwhile."""
        mm = self.mm
        with mm.page_table_lock:
            mm.populate_table(page)
            pte = mm.pte[page]
            if self.entries.kind[page] != NONE or (pte.present and pte.frame != ZERO_FRAME):
                return False
            if pte.present:
                mm.ptep_clear_flush_notify(page)
            self.entries.set(page, DEVICE_PRIVATE, Pte(frame, self._rights(page)))
            self.locked[page] = True
        return True

    def _rights(self, page: int) -> int:
        """make_writable_device_private_entry(), if the VMA may be written."""
        if self.mm.permits(page, True):
            return READ_WRITE
        return READ_ONLY

    def finalize(self, args: MigrateVma, range: PageRange) -> None:
        """The driver's finalize_and_map(), and migrate_vma_finalize(): [migration entries come to
        name the new pages], R. Nobody can move a page again before."""
        for page in range:
            if args.migrate[page]:
                self.pgmap.use(page, args.dst[page])
        for page in range:
            if args.migrate[page]:
                self._finalize_page(page, args.src[page], args.dst[page])
            args.migrate[page] = False
            args.src[page] = 0
            args.dst[page] = 0

    def _finalize_page(self, page: int, src: int, dst: int) -> None:
        unused = src
        with self.mm.page_table_lock:
            if src == 0:
                self.locked[page] = False
            elif self.entries.kind[page] == MIGRATION:
                self.entries.set(page, DEVICE_PRIVATE, Pte(dst, self.entries.entry[page].rights))
            else:
                unused = dst
        if src != 0:
            self.mm.memory.put_page(unused)

    def zap(self, page: int) -> None:
        """zap_nonpresent_ptes(): a page on a device, or with exclusive access, is dropped; one on
        its way belongs to whoever moves it. Caller holds the page-table lock."""
        kind = self.entries.kind[page]
        if kind in (DEVICE_PRIVATE, DEVICE_EXCLUSIVE):
            self.mm.memory.put_page(self.entries.clear(page).frame)
        elif kind == MIGRATION and self.mm.swap is None:
            self.entries.clear(page)

    # --- and back -------------------------------------------------------------------------------

    def migrate_to_ram(self, page: int) -> None:
        """The driver's migrate_to_ram(): somebody faulted on a page of the device. S, [the entry
        becomes a migration entry, and nothing is flushed], E, copy, [P+], R. Caller holds mmap_lock
        for reading."""
        mm = self.mm
        announced = MmuNotifierRange(
            page, page + 1, self.event, "migrate_vma_setup", owner=self.owner
        )
        src = ZERO_FRAME
        wait_until(not self.locked[page])
        mm.notifiers.invalidate_range_start(announced)
        with mm.page_table_lock:
            if self.entries.kind[page] == DEVICE_PRIVATE:
                entry = self.entries.entry[page]
                src = entry.frame
                self.entries.kind[page] = MIGRATION
        mm.notifiers.invalidate_range_end(announced)
        if src == ZERO_FRAME:
            return
        self.pgmap.stop_using(page)
        dst = mm.memory.alloc_page()
        with mm.page_table_lock:
            if self.entries.kind[page] == MIGRATION:
                rights = self.entries.clear(page).rights
                mm.pte[page] = Pte(dst, rights)
        mm.memory.put_page(src)
