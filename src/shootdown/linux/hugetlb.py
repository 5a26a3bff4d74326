"""hugetlb: memory that is huge from the start, whose page tables several processes can share.

A page here is a huge page, its entry one of a PMD table, and that table may be shared: then the
entry above it points to a table of which there are other users, and huge_pmd_unshare() takes the
whole table away at once, which is every huge page it maps (1 GiB of them on x86).

Contiguous entries (arm64): a run of entries, here a whole table's, that one TLB entry may cover.
They are cleared one after the other and flushed as a run.

Source: mm/hugetlb.c of 2.6.28, 3.19, 4.15, 4.20, 5.15 and 6.18; arch/arm64/mm/hugetlbpage.c;
commits dff11abe280b and 017b1660df89 (4.19).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shootdown.lang.declare import EMPTY, Flag, PageRange, PerTable, Pte, indivisible
from shootdown.lang.part import Part
from shootdown.linux.memory import ZERO_FRAME
from shootdown.linux.moved_entries import move_entry_bits
from shootdown.linux.notifiers.range import Event, MmuNotifierRange
from shootdown.program.kind import READ_WRITE

if TYPE_CHECKING:
    from shootdown.linux.mm import Mm
    from shootdown.linux.task import Task


class Hugetlb(Part):
    """The hugetlb mappings of one address space."""

    def __init__(self, mm: Mm) -> None:
        self.label = "hugetlb"
        self.mm = mm
        mm.hugetlb = self
        self.shared = PerTable(Flag)
        """the table is mapped by another process too; changed under i_mmap_rwsem, which every
        operation here holds for writing"""
        self.widens = mm.arch.kernel >= (4, 19, 0)
        """adjust_range_if_pmd_sharing_possible() before start, and a flush as wide (B25)"""

    def affected(self, range: PageRange) -> PageRange:
        """What can change when something is done to this range: whole tables, as they may be
        shared; before 4.19 nobody thought of that."""
        if self.widens:
            return self.tables(range)
        return range

    def tables(self, range: PageRange) -> PageRange:
        """The range, widened to whole tables."""
        entries = self.mm.entries
        end = (range.end - 1) // entries * entries + entries
        if end > self.mm.pages:
            end = self.mm.pages
        return PageRange(range.start // entries * entries, end)

    def huge_pmd_unshare(self, page: int) -> bool:
        """Let go of the table above a page if it is shared. Caller holds the page-table lock."""
        if not self.shared[page // self.mm.entries]:
            return False
        self._unlink(page // self.mm.entries)
        return True

    @indivisible
    def _unlink(self, table: int) -> None:
        """pud_clear(): all that the table maps is gone at once. The other users' references, and
        the table, stay."""
        self.shared[table] = False
        self.mm.table[table] = False
        first = table * self.mm.entries
        for page in self.tables(PageRange(first, first + 1)):
            self.mm.pte[page] = EMPTY

    # --- operations ---------------------------------------------------------------------------

    def unmap(self, task: Task, range: PageRange) -> None:
        """__unmap_hugepage_range(): S, [P-], (unshared: C, X at once), E, C, X, R (row 33)."""
        affected = self.affected(range)
        announced = MmuNotifierRange(
            affected.start, affected.end, Event.CLEAR, "__unmap_hugepage_range"
        )
        self.mm.notifiers.invalidate_range_start(announced)
        unshared = False
        with self.mm.page_table_lock:
            for page in range:
                if self.huge_pmd_unshare(page):
                    unshared = True
        if unshared:
            self.flush(affected)
        task.gather.zap_page_range(range)
        self.mm.notifiers.invalidate_range_end(announced)
        task.gather.flush()

    def flush(self, range: PageRange) -> None:
        """flush_hugetlb_tlb_range(), and until 6.5 mmu_notifier_invalidate_range()."""
        self.mm.arch.flush_hugetlb_tlb_range(range)
        self.mm.notifiers.hugetlb_changed(range)

    def change_protection(self, range: PageRange, rights: int) -> None:
        """hugetlb_change_protection(): S, [P~, or unshared], C, X, E (row 35)."""
        affected = self.affected(range)
        announced = MmuNotifierRange(
            affected.start, affected.end, Event.PROTECTION_VMA, "hugetlb_change_protection"
        )
        self.mm.notifiers.invalidate_range_start(announced)
        with self.mm.page_table_lock:
            for page in range:
                if not self.huge_pmd_unshare(page):
                    self.mm.protect(page, rights)
        self.flush(affected)
        self.mm.notifiers.invalidate_range_end(announced)

    def unshare(self, range: PageRange) -> None:
        """hugetlb_unshare_pmds(): S, [unshared], C, X, E (row 36; 5.13 on)."""
        affected = self.tables(range)
        announced = MmuNotifierRange(
            affected.start, affected.end, Event.CLEAR, "hugetlb_unshare_pmds"
        )
        self.mm.notifiers.invalidate_range_start(announced)
        with self.mm.page_table_lock:
            for page in range:
                self.huge_pmd_unshare(page)
        self.flush(affected)
        self.mm.notifiers.invalidate_range_end(announced)

    def move(self, old: int, new: int) -> None:
        """move_hugetlb_page_tables(): S, [old P-, new P+], C, X, E (row 37; 5.16 on). An entry of a
        shared table is not moved but unshared."""
        affected = self.affected(PageRange(old, old + 1))
        announced = MmuNotifierRange(
            affected.start, affected.end, Event.CLEAR, "move_hugetlb_page_tables"
        )
        self.mm.notifiers.invalidate_range_start(announced)
        with self.mm.page_table_lock:
            if not self.huge_pmd_unshare(old):
                entry = self.mm.pte[old]
                self.mm.pte[old] = EMPTY
                self.mm.table[new // self.mm.entries] = True
                move_entry_bits(self.mm, old, new)
                self.mm.pte[new] = entry
        self.flush(affected)
        self.mm.notifiers.invalidate_range_end(announced)

    def copy_range(self, range: PageRange, rights: int) -> None:
        """copy_hugetlb_page_range(): S, [P~], E (row 10). Caller flushes at the end of fork."""
        announced = MmuNotifierRange(range.start, range.end, Event.CLEAR, "copy_hugetlb_page_range")
        if self.mm.notifiers.hugetlb_fork_is_announced:
            self.mm.notifiers.invalidate_range_start(announced)
        with self.mm.page_table_lock:
            for page in range:
                entry = self.mm.pte[page]
                if entry.present:
                    self.mm.memory.get_page(entry.frame)
                    if entry.rights > rights:
                        self.mm.pte[page] = entry.with_rights(rights)
        if self.mm.notifiers.hugetlb_fork_is_announced:
            self.mm.notifiers.invalidate_range_end(announced)

    def copy_on_write(self, run: PageRange) -> None:
        """hugetlb_wp() of a huge page of as many entries as the run has: S, [P- of all, C, X, P+ of
        all], E, R (row 34). More than one entry are contiguous ones."""
        announced = MmuNotifierRange(run.start, run.end, Event.CLEAR, "hugetlb_wp")
        if self.mm.notifiers.hugetlb_copy_is_announced:
            self.mm.notifiers.invalidate_range_start(announced)
        with self.mm.page_table_lock:
            frames = [self._frame(run, number) for number in range(self.mm.entries)]
            writable = self.mm.pte[run.start].writable
            if not writable:
                self.huge_ptep_clear_flush(run)
                for page in run:
                    self.mm.pte[page] = Pte(self.mm.memory.alloc_page(), READ_WRITE)
        if self.mm.notifiers.hugetlb_copy_is_announced:
            self.mm.notifiers.invalidate_range_end(announced)
        if not writable:
            for frame in frames:
                self.mm.memory.put_page(frame)

    def try_to_unmap(self, run: PageRange) -> None:
        """try_to_unmap_one() of a huge page, for migration or memory failure (row 13): (S), [P- of
        all, C, X], (E), R. Before 4.13 one call of invalidate_page tells of its first page (B7)."""
        announced = MmuNotifierRange(run.start, run.end, Event.CLEAR, "try_to_unmap_one")
        if self.mm.notifiers.rmap_is_announced:
            self.mm.notifiers.invalidate_range_start(announced)
        with self.mm.page_table_lock:
            frames = [self._frame(run, number) for number in range(self.mm.entries)]
            found = self.mm.pte[run.start].present
            if found:
                for page in run:
                    self.mm.pte[page] = EMPTY
                self.mm.arch.flush_hugetlb_tlb_range(run)
                self.mm.notifiers.huge_page_unmapped(run)
        if found:
            self.mm.notifiers.page_unlocked(run.start)
        if self.mm.notifiers.rmap_is_announced:
            self.mm.notifiers.invalidate_range_end(announced)
        if found:
            for frame in frames:
                self.mm.memory.put_page(frame)

    def _frame(self, run: PageRange, number: int) -> int:
        if run.start + number < run.end:
            return self.mm.pte[run.start + number].frame
        return ZERO_FRAME

    def huge_ptep_clear_flush(self, run: PageRange) -> None:
        """Clear every entry of the run, then flush what the run covers: get_clear_contig_flush().
        The end comes from the same expression as the loop (B12)."""
        for page in run:
            self.mm.pte[page] = EMPTY
        self.mm.arch.flush_hugetlb_tlb_range(run)
        self.mm.notifiers.hugetlb_changed(run)
