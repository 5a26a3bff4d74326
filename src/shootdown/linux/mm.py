"""An address space: VMAs, page tables, and the locks.

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
    Array,
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
    ghost,
    indivisible,
)
from shootdown.lang.geometry import Geometry
from shootdown.lang.part import Part
from shootdown.linux import faults, gup
from shootdown.linux.addresses import Everything
from shootdown.linux.arch.architecture import Architecture
from shootdown.linux.arch.x86 import X86
from shootdown.linux.memory import Memory
from shootdown.linux.swapops import NONE
from shootdown.linux.version import Version
from shootdown.linux.vma import NO_VMA
from shootdown.program.kind import PROT_NONE, READ_ONLY, READ_WRITE
from shootdown.rules.contents import LOST_DIRTY_BIT

if TYPE_CHECKING:
    from shootdown.linux.cpu import Cpu
    from shootdown.linux.device_memory import DeviceMemory
    from shootdown.linux.dirty_bits import DirtyBits
    from shootdown.linux.filemap import FileFaults, Mapping
    from shootdown.linux.folio import Folios
    from shootdown.linux.huge_memory import HugeMemory
    from shootdown.linux.hugetlb import Hugetlb
    from shootdown.linux.kernel_tables import KernelTables
    from shootdown.linux.ksm import Ksm
    from shootdown.linux.lifetime import Lifetime
    from shootdown.linux.markers import Markers
    from shootdown.linux.migrate import Migration
    from shootdown.linux.nonlinear import Nonlinear
    from shootdown.linux.notifiers.v2_6_27 import Notifiers
    from shootdown.linux.soft_dirty import SoftDirty
    from shootdown.linux.split_folio import FolioSplitter
    from shootdown.linux.swap import Swap
    from shootdown.linux.swapops import SwapEntries
    from shootdown.linux.userfaultfd import Userfaultfd
    from shootdown.linux.vma import Vmas
    from shootdown.linux.vmscan import Reclaim
    from shootdown.linux.young import Young


class Watcher(Protocol):
    """A rule that looks at entries whenever an operation begins or ends (ghost)."""

    def look(self, range: PageRange) -> None:
        """At the entries of these pages."""


class WalkCache(Protocol):
    """Hardware that may remember where a page table lies."""

    def table_freed(self, table: int) -> None:
        """The page table goes back to the allocator now (ghost: hardware is not told)."""


class LocklessWalker(WalkCache, Protocol):
    """A CPU that walks page tables without a lock: for get_user_pages_fast(), or on a guess."""

    def synchronize(self) -> None:
        """Wait until no walk is under way that began before."""


class Listener(Protocol):
    """Hardware that a CPU's broadcast TLB maintenance reaches."""

    def hear_tlbi(self, range: PageRange) -> None:
        """Drop the range; returns when accesses translated before have landed."""


class Mm(Part):
    """struct mm_struct. Pages are numbered from 0 to `pages` - 1."""

    lifetime: Lifetime | None = None
    """how subscriptions, or the address space, come and go, where they do"""

    huge: HugeMemory | None = None
    """huge entries, in scenarios that have them"""
    hugetlb: Hugetlb | None = None
    """memory that is huge from the start, likewise"""
    splitter: FolioSplitter | None = None
    """large folios that are split, where that matters"""
    folios: Folios | None = None
    """flags of page frames, where somebody looks at them"""
    dirty_bits: DirtyBits | None = None
    """dirty bits of entries, likewise"""
    files: FileFaults | None = None
    """faults on files, if any are mapped"""
    mapping: Mapping | None = None
    """the file of a check, if there is one"""
    nonlinear: Nonlinear | None = None
    """which page of the file each page shows, where somebody changes that"""
    swap: Swap | None = None
    """swap space, if there is any"""
    reclaim: Reclaim | None = None
    """who needs memory, if anybody does"""
    migration: Migration | None = None
    """who moves pages"""
    ksm: Ksm | None = None
    """who merges them"""

    def __init__(
        self,
        memory: Memory,
        geometry: Geometry,
        kernel: Version,
        arch: type[Architecture] = X86,
    ) -> None:
        self.memory = memory
        self.geometry = geometry
        self.kernel = kernel
        self.munmap_downgrades = kernel >= (4, 20, 0)
        """munmap zaps with mmap_lock downgraded to reading (commit dd2283f2605e)"""
        self.mprotect_gathers = kernel >= (6, 1, 0)
        """change_protection() flushes through an mmu_gather (not in 5.15, in 6.1)"""
        self.mremap_flushes_each = kernel < (3, 2, 0)
        """mremap flushes page by page, not once (until commit 7b6efc2bc4f1)"""
        self.pages = geometry.pages
        self.entries = geometry.entries
        self.vmas: Vmas | None = None
        """which VMA every page belongs to, where that matters"""
        self.markers: Markers | None = None
        """entries that let accesses fail, where there are any"""
        self.cpus: list[Cpu] = []
        self.walk_caches: list[WalkCache] = []
        self.watchers: list[Watcher] = []
        self.listeners: list[Listener] = []
        self.lockless: list[LocklessWalker] = []
        self.arch = arch(self, kernel)
        self.notifiers: Notifiers
        self.mmap_lock = RwSemaphore()
        self.page_table_lock = Spinlock()
        self.vma = PerPage(Int(NO_VMA, READ_WRITE))
        self.pte = Atomic(PerPage(Pte))
        """set_pte() is WRITE_ONCE, ptep_get() READ_ONCE (arch/x86/include/asm/pgtable_64.h,
        include/linux/pgtable.h)"""
        self.table = Atomic(PerTable(Flag))
        """the entry above points to a page table"""
        self.upper = _upper_tables(geometry)
        """the entry two levels above points to a table of page tables (a PMD table, of 1 GiB);
        None where the geometry has none"""
        self.swap_entries: SwapEntries | None = None
        """entries that are not present and not nothing, where there are any"""
        self.device_memory: DeviceMemory | None = None
        """memory of devices, if there is any"""
        self.kernel_tables: KernelTables | None = None
        """page tables of the kernel's own addresses, where somebody changes them"""
        self.soft_dirty: SoftDirty | None = None
        self.userfaultfd: Userfaultfd | None = None
        self.young: Young | None = None
        """who is asked which pages were written, and used, where somebody asks"""
        self.numa_balancing = False
        """entries of accessible VMAs may be PROT_NONE, to see who faults"""
        self.changing = Ghost(PerPage(Int(0, geometry.tasks + geometry.devices + geometry.cpus)))
        """operations that are changing this page right now"""
        self.replaced = Ghost(PerPage(Pte))
        """the entry that an operation under way has replaced by one for another page"""
        self.reclaiming = Ghost(PerPage(Int(0, geometry.tasks)))
        """those of them that come from reclaim or migration, which change nothing about what the
        process may do"""

    @property
    def whole(self) -> PageRange:
        """All pages of the address space."""
        return PageRange(0, self.pages)

    @property
    def everything(self) -> Everything:
        """(0, -1UL): what flush_tlb_mm() passes on."""
        return Everything(0, self.pages)

    @property
    def keeps_denials(self) -> bool:
        """TLBs go on refusing by an entry that they have (`Architecture.caches_denials`). Where
        dirty bits are looked at, hardware sets them, and looks again before it refuses a write."""
        return self.arch.caches_denials and self.dirty_bits is None

    @ghost
    def begin(self, range: PageRange) -> None:
        """An operation on these pages begins."""
        for watcher in self.watchers:
            watcher.look(range)
        for page in range:
            self.changing[page] += 1

    @ghost
    def end(self, range: PageRange) -> None:
        """The operation returns to user space."""
        for page in range:
            self.changing[page] -= 1
            LOST_DIRTY_BIT.judge_quiet(self, page)
        for watcher in self.watchers:
            watcher.look(range)

    @ghost
    def replaces(self, page: int, old: Pte) -> None:
        """The next thing is an entry for a page with other contents in the place of this one, which
        was cleared and flushed under the same hold of the page-table lock."""
        self.replaced[page] = old

    @ghost
    def replaced_it(self, page: int) -> None:
        """The operation that did so ends: from here on the old page is a stale translation."""
        self.replaced[page] = EMPTY

    @ghost
    def begin_rmap(self, range: PageRange) -> None:
        """Reclaim or migration begins to change these pages."""
        self.begin(range)
        for page in range:
            self.reclaiming[page] += 1

    @ghost
    def end_rmap(self, range: PageRange) -> None:
        """It has ended."""
        for page in range:
            self.reclaiming[page] -= 1
        self.end(range)

    @ghost
    def lets_go(self, page: int, frame: int) -> None:
        """The process needs what is in this page no more: it has dropped it, or has copied it. The
        entry that named it is gone, its reference is not yet. Whoever finds the page unmapped,
        because it had taken a reference before, loses nothing with it (`LostWrite`), as long as no
        other entry names it and it is not a file's.

        Asked only where somebody drops pages for the process (`Folios.drop`), and has this one."""
        drops = self.reclaim is not None or self.migration is not None or self.ksm is not None
        if drops and self.folios is not None and self.memory.refcount[frame] > 1:
            wanted = self.is_file_page(page, frame) or self.is_mapped(frame)
            for each in self.whole:
                if self.swap_entries is not None and self.swap_entries.refers_to(each, frame):
                    wanted = True
            if not wanted:
                self.folios.note_unwanted(frame)

    # --- tables -------------------------------------------------------------------------------

    def populate_table(self, page: int) -> None:
        """pte_alloc(): the tables that an entry for this page needs."""
        if self.files is not None:
            self.files.table_comes(page)
        self.table[page // self.entries] = True
        self.populate_upper(page)

    def populate_upper(self, page: int) -> None:
        """pmd_alloc(): those above the last one."""
        if self.upper is not None:
            self.upper[page // self.upper_size] = True

    @property
    def upper_size(self) -> int:
        """Pages that an upper table covers: 1 GiB."""
        return self.entries * self.geometry.upper

    def upper_populated(self, page: int) -> bool:
        """mm_find_pmd(): there is a table that an entry for the page's table could be in."""
        if self.upper is not None:
            return self.upper[page // self.upper_size]
        if self.huge is not None and self.huge.leaf[page // self.entries]:
            return True
        return self.table[page // self.entries]

    # --- entries ------------------------------------------------------------------------------

    def ptep_clear_flush_notify(self, page: int) -> None:
        """Clear one entry and flush it everywhere, under the page-table lock."""
        self.arch.ptep_clear_flush(page)
        self.notifiers.pte_cleared_and_flushed(PageRange(page, page + 1))

    def set_pte_at_notify(self, page: int, pte: Pte) -> None:
        """set_pte_at_notify(): the new entry after that, told to those who have change_pte."""
        self.notifiers.set_pte_at_notify(self, page, pte)

    # --- faults -------------------------------------------------------------------------------

    def permits(self, page: int, write: bool) -> bool:
        """The VMA allows the access, and no guard marker is there. Caller holds mmap_lock."""
        if self.markers is not None and self.markers.guard[page]:
            return False
        return self.permits_by_vma(page, write)

    def permits_by_vma(self, page: int, write: bool) -> bool:
        """The VMA allows the access. Caller holds mmap_lock."""
        if write:
            return self.vma[page] == READ_WRITE
        return self.vma[page] >= READ_ONLY

    def page_fault(self, page: int, write: bool, allow_retry: bool = True) -> bool:
        """A CPU, or hardware that is answered like one, faulted; False means SIGSEGV, or that it
        would have to wait and may not (FAULT_FLAG_ALLOW_RETRY)."""
        return faults.page_fault(self, page, write, allow_retry)

    def fault_in(self, page: int, write: bool) -> Pte:
        """get_user_pages() for one page: the entry, EMPTY if the access is not allowed."""
        return gup.fault_in(self, page, write)

    def pin_user_page(self, page: int, write: bool) -> Pte:
        """pin_user_pages() for one page: the entry, EMPTY if the access is not allowed."""
        return gup.pin_user_page(self, page, write)

    def unpin_user_page(self, frame: int) -> None:
        """unpin_user_page(): by whoever pinned it; the frame may be free then."""
        self.memory.put_page(frame)

    # --- what entries are besides what hardware sees --------------------------------------------

    def is_swap_pte(self, page: int) -> bool:
        """is_swap_pte(): not present, and not nothing. Caller holds the page-table lock."""
        return self.swap_entries is not None and self.swap_entries.kind[page] != NONE

    def made_dirty(self, page: int) -> None:
        """pte_mkdirty() and pte_mkyoung(): a fault has made this entry for somebody who writes.
        Caller holds the page-table lock."""
        if self.soft_dirty is not None:
            self.soft_dirty.dirty[page] = True
        if self.dirty_bits is not None:
            self.dirty_bits.dirty[page] = True

    def folio_mark_accessed(self, page: int) -> None:
        """folio_mark_accessed(): a driver that drops its mapping says that it was used."""
        if self.young is not None:
            self.young.accessed[page] = True

    def made_young(self, page: int) -> None:
        """pte_mkyoung(): a fault has made this entry. Caller holds the page-table lock."""
        if self.young is not None:
            self.young.accessed[page] = True

    @indivisible
    def is_mapped(self, frame: int) -> bool:
        """folio_mapped(), as far as this address space goes: one counter in Linux. Caller holds the
        page-table lock."""
        for page in self.whole:
            if self.pte[page].frame == frame:
                return True
        return False

    def zap_swap_entry(self, page: int) -> None:
        """zap_nonpresent_ptes(): the entry goes, and what it alone refers to."""
        if self.swap is not None:
            self.swap.zap(page)
        if self.device_memory is not None:
            self.device_memory.zap(page)

    def is_file(self, page: int) -> bool:
        """A file is mapped there."""
        return self.files is not None and self.files.is_file(page)

    def is_private_copy(self, page: int) -> bool:
        """What is mapped there is no page of the file. Caller holds the page-table lock."""
        pte = self.pte[page]
        return self.files is not None and pte.present and self.files.is_copy(page, pte.frame)

    def is_file_page(self, page: int, frame: int) -> bool:
        """The frame is a page of the file, not a copy of it."""
        return self.files is not None and self.files.holds(page, frame)

    def cleared_dirty(self, page: int, frame: int) -> bool:
        """The dirty bit of an entry that was just cleared goes to the page: folio_mark_dirty().
        Caller holds the page-table lock."""
        if self.dirty_bits is not None and self.folios is not None:
            return self.dirty_bits.transfer(self.folios, page, frame)
        return False

    def got(self, page: int, pte: Pte, write: bool) -> Pte:
        """get_user_pages() gives this entry away, to somebody whose accesses set no dirty bit."""
        if self.dirty_bits is not None:
            return self.dirty_bits.got(page, pte, write)
        return pte

    def hardware_walked(self, page: int, pte: Pte, write: bool) -> Pte:
        """What of an entry hardware may cache after it has walked for this access."""
        if self.dirty_bits is not None:
            return self.dirty_bits.walked(page, pte, write)
        return pte

    # --- changing entries ---------------------------------------------------------------------

    def protect(self, page: int, rights: int) -> bool:
        """change_pte_range(): the entry loses rights it must not have; whether that is flushed.

        Rights are given back lazily by a write fault, except that an entry no longer PROT_NONE
        becomes readable. Caller holds the page-table lock.
        """
        if self.swap_entries is not None:
            self.swap_entries.protect(page, rights)
        pte = self.pte[page]
        if pte.rights > rights:
            self.set_rights(page, pte, rights)
            return True
        if pte.rights == PROT_NONE and rights > PROT_NONE:
            self.set_rights(page, pte, READ_ONLY)
            return self.arch.pte_needs_flush(pte, pte.with_rights(READ_ONLY))
        return False

    def set_rights(self, page: int, pte: Pte, rights: int) -> None:
        """pte_modify(), or pmd_modify() of the huge entry that the page is under."""
        if self.huge is not None and self.huge.leaf[page // self.entries]:
            self.huge.set_rights(self.huge.block(page), rights)
        else:
            self.pte[page] = pte.with_rights(rights)


def _upper_tables(geometry: Geometry) -> Array[bool] | None:
    if not geometry.upper:
        return None
    tables: Array[bool] = Array(Flag, -(-geometry.tables // geometry.upper))
    return Atomic(tables)
