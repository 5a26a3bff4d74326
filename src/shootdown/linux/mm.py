"""An address space: VMAs, page tables, the locks, and the fault path.

Locks, as in Documentation/mm/process_addrs.rst: `mmap_lock` guards VMAs (held for reading by
faults, madvise and get_user_pages; for writing by munmap, mprotect, fork); the page-table lock
guards leaf entries. The page-table lock is one per address space here, as in kernels built for
fewer than SPLIT_PTLOCK_CPUS (4) CPUs; VMA locks (6.4+) are not modelled, faults take `mmap_lock`.

Hardware (CPUs, devices that share the page table) takes no lock at all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from shootdown.lang.declare import (
    EMPTY,
    Atomic,
    Flag,
    Ghost,
    Int,
    PageRange,
    PerPage,
    PerTable,
    Pte,
    RwSemaphore,
    Spinlock,
    count,
    ghost,
)
from shootdown.lang.geometry import Geometry
from shootdown.lang.part import Part
from shootdown.linux.memory import ZERO_FRAME, Memory
from shootdown.linux.version import Version
from shootdown.program.kind import PROT_NONE, READ_ONLY, READ_WRITE

if TYPE_CHECKING:
    from shootdown.linux.cpu import Cpu
    from shootdown.linux.notifiers.v3_7 import Notifiers

NO_VMA = 0
"""value of `Mm.vma` where nothing is mapped; otherwise PROT_NONE, READ_ONLY or READ_WRITE"""


class WalkCache(Protocol):
    """Hardware that may remember where a page table lies."""

    def table_freed(self, table: int) -> None:
        """The page table goes back to the allocator now (ghost: hardware is not told)."""


class Mm(Part):
    """struct mm_struct. Pages are numbered from 0 to `pages` - 1."""

    def __init__(self, memory: Memory, geometry: Geometry, kernel: Version) -> None:
        self.memory = memory
        self.geometry = geometry
        self.munmap_downgrades = kernel >= (4, 20, 0)
        """munmap zaps with mmap_lock downgraded to reading (commit dd2283f2605e)"""
        self.mprotect_gathers = kernel >= (6, 1, 0)
        """change_protection() flushes through an mmu_gather (not in 5.15, in 6.1)"""
        self.pages = geometry.pages
        self.entries = geometry.entries
        self.cpus: list[Cpu] = []
        self.walk_caches: list[WalkCache] = []
        self.notifiers: Notifiers
        self.mmap_lock = RwSemaphore()
        self.page_table_lock = Spinlock()
        self.vma = PerPage(Int(NO_VMA, READ_WRITE))
        self.pte = Atomic(PerPage(Pte))
        """set_pte() is WRITE_ONCE, ptep_get() READ_ONCE (arch/x86/include/asm/pgtable_64.h,
        include/linux/pgtable.h)"""
        self.table = Atomic(PerTable(Flag))
        """the entry above points to a page table"""
        self.changing = Ghost(PerPage(Int(0, geometry.tasks + geometry.devices + geometry.cpus)))
        """operations that are changing this page right now"""

    @property
    def whole(self) -> PageRange:
        """The whole address space, (0, -1UL) in Linux."""
        return PageRange(0, self.pages)

    @ghost
    def begin(self, range: PageRange) -> None:
        """An operation on these pages begins."""
        for page in range:
            self.changing[page] += 1

    @ghost
    def end(self, range: PageRange) -> None:
        """The operation returns to user space."""
        for page in range:
            self.changing[page] -= 1

    # --- TLB flushes --------------------------------------------------------------------------

    def flush_tlb_range(self, range: PageRange) -> None:
        """flush_tlb_range(): returns when every CPU has dropped its entries; from 6.6 on the
        architecture's flush then calls the secondary TLBs (arch/x86/mm/tlb.c)."""
        for cpu in self.cpus:
            cpu.flush(range)
        self.notifiers.cpu_tlb_flushed(range)

    def ptep_clear_flush_notify(self, page: int) -> None:
        """Clear one entry and flush it everywhere, under the page-table lock."""
        self.pte[page] = EMPTY
        range = PageRange(page, page + 1)
        self.flush_tlb_range(range)
        self.notifiers.pte_cleared_and_flushed(range)

    # --- faults -------------------------------------------------------------------------------

    def permits(self, page: int, write: bool) -> bool:
        """The VMA allows the access. Caller holds mmap_lock."""
        if write:
            return self.vma[page] == READ_WRITE
        return self.vma[page] >= READ_ONLY

    def page_fault(self, page: int, write: bool) -> bool:
        """do_user_addr_fault(): a CPU faulted; False means SIGSEGV."""
        count("page faults")
        with self.mmap_lock.read():
            if not self.permits(page, write):
                return False
            self.handle_mm_fault(page, write)
        return True

    def handle_mm_fault(self, page: int, write: bool) -> None:
        """mm/memory.c, for private anonymous memory. The VMA allows the access; mmap_lock is held
        for reading. Like Linux it makes progress but promises nothing about the entry afterwards.
        """
        range = PageRange(page, page + 1)
        self.begin(range)
        self._handle_pte_fault(page, write)
        self.end(range)

    def _handle_pte_fault(self, page: int, write: bool) -> None:
        with self.page_table_lock:
            self.table[page // self.entries] = True
            old = self.pte[page]
            if not old.present:
                self._do_anonymous_page(page, write)
                return
            if not write or old.writable:
                return
            if old.frame != ZERO_FRAME and self.memory.refcount[old.frame] == 1:
                # wp_page_reuse(): more rights, no notification in any version
                self.pte[page] = old.with_rights(READ_WRITE)
                count("write faults, page reused")
                return
        self._wp_page_copy(page, old)

    def _do_anonymous_page(self, page: int, write: bool) -> None:
        if write:
            self.pte[page] = Pte(self.memory.alloc_page(), READ_WRITE)
        else:
            self.pte[page] = Pte(ZERO_FRAME, READ_ONLY)

    def _wp_page_copy(self, page: int, old: Pte) -> None:
        """Row 11 of the call-site table: S, [P-, C, X, P+], E, then the old page's reference."""
        range = PageRange(page, page + 1)
        unused = self.memory.alloc_page()
        self.notifiers.invalidate_range_start(range)
        with self.page_table_lock:
            if self.pte[page] == old:
                self.ptep_clear_flush_notify(page)
                self.pte[page] = Pte(unused, READ_WRITE)
                unused = old.frame
        self.notifiers.invalidate_range_only_end(range)
        self.memory.put_page(unused)
        count("write faults, page copied")

    def fault_in(self, page: int, write: bool) -> Pte:
        """get_user_pages() for one page: the entry, EMPTY if the access is not allowed.

        follow_page, and handle_mm_fault until that finds a page (mm/gup.c). Linux also takes a
        reference on the page, which the driver drops when it has installed its mapping; leaving
        the reference out allows more runs, never fewer.
        """
        with self.mmap_lock.read():
            while True:
                with self.page_table_lock:
                    pte = self.pte[page]
                if not self.permits(page, write):
                    return EMPTY
                if pte.allows(write):
                    return pte
                self.handle_mm_fault(page, write)

    # --- changing entries ---------------------------------------------------------------------

    def protect(self, page: int, rights: int) -> bool:
        """change_pte_range(): the entry loses rights it must not have; whether anything changed.

        Rights are given back lazily by a write fault, except that an entry no longer PROT_NONE
        becomes readable. Caller holds the page-table lock.
        """
        pte = self.pte[page]
        if pte.rights > rights:
            self.pte[page] = pte.with_rights(rights)
            return True
        if pte.rights == PROT_NONE and rights > PROT_NONE:
            self.pte[page] = pte.with_rights(READ_ONLY)
            return True
        return False
