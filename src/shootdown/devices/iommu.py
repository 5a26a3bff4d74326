"""An IOMMU that walks the CPU's page table for a PASID, with page requests.

Two caches: translations (`tlb`) and pointers to page tables (`walk_cache`), as in the
paging-structure caches of VT-d (4.1, 6.2.4) and the page-walk caches of AMD IOMMU and SMMU. Nothing
that is not present is cached. Where the architecture's TLBs keep denials, this is an SMMU and keeps
them too.

A miss becomes a page request (PCIe 6.0, 10.4; AMD calls it PPR). Software answers SUCCESS, which
only means "try again", or INVALID, which ends the access. A device bounds how often it tries again:
with the limit reached it gives up for good and needs a reset, as Radeon did behind AMD IOMMUv2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shootdown.devices.device import Device
from shootdown.lang.declare import (
    EMPTY,
    Flag,
    Int,
    PageRange,
    PerTable,
    Pte,
    choose,
    count,
    ghost,
    indivisible,
    progress,
    require,
    wait_until,
)
from shootdown.rules.access import FREED_TABLE
from shootdown.rules.device import DEVICE_FAILURE, STALE_DENIAL

if TYPE_CHECKING:
    from shootdown.devices.driver_interface import DriverInterface
    from shootdown.linux.mm import Mm

SUCCESS, INVALID = 1, 2
"""answers to a page request; 0 while there is none"""

UNKNOWN, CACHED, DANGLING, UNLINKED = 0, 1, 2, 3
"""what the walk cache holds for a table: nothing, a pointer, a pointer to a freed table, one to a
table that is not used any more but not freed yet"""


RETRIES = 3
"""how often a device repeats one access, for each agent that can undo the work on its page"""


class Iommu(Device):
    """One device behind the IOMMU. Its walks set the accessed bit of entries, as those of
    first-level tables do (Intel VT-d 4.1, 3.6.2).

    `retries` is how often it repeats one access before it fails. SUCCESS promises nothing, so even
    with a correct driver another task, device or CPU can take the page away again, each a few
    times at most; the limit leaves room for that. What exceeds it is a fault that nobody handles.
    """

    def __init__(self, mm: Mm, driver: DriverInterface, number: int) -> None:
        super().__init__(mm, driver, number)
        geometry = mm.geometry
        self.number = number
        self.retries = RETRIES * (geometry.tasks + geometry.devices + geometry.cpus - 1)
        self.walk_cache = PerTable(Int(UNKNOWN, UNLINKED))
        self.empty_root = Flag()
        """the PASID's root (GCR3 on AMD) points to an empty table"""
        self.requested = Flag()
        """a page request waits for its answer"""
        self.page = Int(0, geometry.pages - 1)
        self.write = Flag()
        self.answer = Int(0, INVALID)
        self.caches_denials = mm.arch.caches_denials
        mm.walk_caches.append(self)
        if mm.arch.reaches_devices:
            mm.listeners.append(self)

    # --- walks --------------------------------------------------------------------------------

    def walk(self, page: int) -> Pte:
        """Root, table, entry; the pointer to the table is remembered. A walk of kernel addresses
        may come with it: a request that is refused, or one that was speculated."""
        if self.mm.kernel_tables is not None and choose(False, True):
            self.mm.kernel_tables.walk(self.number)
        if self.empty_root:
            return EMPTY
        table = page // self.mm.entries
        if self.walk_cache[table] == UNKNOWN:
            if self.finds_huge(page):
                return self.mm.pte[page]
            if not self.mm.table[table]:
                return EMPTY
            self.walk_cache[table] = CACHED
        require(self.walk_cache[table] != DANGLING, FREED_TABLE)
        if self.finds_huge(page) or self.knows_old_table(table):
            return EMPTY
        pte = self.mm.pte[page]
        if self.mm.young is not None and pte.readable:
            self.mm.young.accessed[page] = True
            self.mm.young.translated(page)
        return pte

    def noted(self, page: int, pte: Pte, write: bool) -> Pte:
        """Accessed and dirty bits are set as by a CPU (Intel VT-d 4.1, 3.6.2, first-stage)."""
        return self.mm.hardware_walked(page, pte, write)

    def finds_huge(self, page: int) -> bool:
        """The entry above is huge. A table remembered from before is empty then: collapse moves
        its entries before it installs the huge one (__collapse_huge_page_copy())."""
        return self.mm.huge is not None and self.mm.huge.leaf[page // self.mm.entries]

    def knows_old_table(self, table: int) -> bool:
        """The walk goes through a table that was emptied and unlinked (retract_page_tables())."""
        return self.mm.huge is not None and self.walk_cache[table] == UNLINKED

    def forget_walks(self, range: PageRange) -> None:
        """A ranged invalidation also drops the pointers that lead to the range."""
        entries = self.mm.entries
        for table in PageRange(range.start // entries, (range.end - 1) // entries + 1):
            self.walk_cache[table] = UNKNOWN
        if self.mm.kernel_tables is not None and len(range) == self.mm.pages:
            self.mm.kernel_tables.forget(self.number)

    def table_freed(self, table: int) -> None:
        """The page behind a pointer is somebody else's from now on; the hardware does not know."""
        if self.walk_cache[table] == CACHED:
            self.walk_cache[table] = DANGLING

    def table_unlinked(self, table: int) -> None:
        """The entry above does not lead there any more; another table may take its place before
        this one is freed."""
        if self.walk_cache[table] == CACHED:
            self.walk_cache[table] = UNLINKED

    def unlinked_table_freed(self, table: int) -> None:
        """That one is."""
        if self.walk_cache[table] == UNLINKED:
            self.walk_cache[table] = DANGLING

    def hear_tlbi(self, range: PageRange) -> None:
        """A CPU's broadcast reaches the IOTLB, and the CPU waits as it does for CPUs."""
        self.drop(range)
        wait_until(not self.draining)

    @indivisible
    def drop(self, range: PageRange) -> None:
        """What the broadcast does at once."""
        count("broadcasts heard")
        self.forget(range)

    # --- page requests ------------------------------------------------------------------------

    def fault(self, page: int, write: bool) -> None:
        """Request the page and repeat, until the access lands, is refused, or the device fails."""
        if self.endless or (self.caches_denials and not self.persists):
            self.insist(page, write)
            return
        for attempt in range(self.retries):
            self.request(page, write)
            if self.await_answer() == INVALID:
                progress()
                count("page requests refused")
                return
            pte = self.repeat(page, write)
            if pte.allows(write):
                self.land(page, pte, write)
                return
            self.judge_repeat(attempt)
        count("device failures")

    def insist(self, page: int, write: bool) -> None:
        """The same without ever failing: a transaction that an SMMU stalls (IHI 0070, 3.12.2) waits
        for software as long as it takes, and for an invalidation that is on its way."""
        while True:
            self.request(page, write)
            if self.await_answer() == INVALID:
                progress()
                count("page requests refused")
                return
            pte = self.repeat(page, write)
            if pte.allows(write):
                self.land(page, pte, write)
                return
            if self.caches_denials:
                self.judge_denial(page, write)

    @indivisible
    def request(self, page: int, write: bool) -> None:
        """Put a request into the queue and raise the interrupt."""
        count("device faults")
        count("interrupts")
        self.page = page
        self.write = write
        self.requested = True

    @indivisible
    def await_answer(self) -> int:
        """The answer to the request."""
        wait_until(self.answer != 0)
        answer = self.answer
        self.answer = 0
        return answer

    @ghost
    def judge_denial(self, page: int, write: bool) -> None:
        """The repeated access was refused: by what the page table says, or only by the TLB?"""
        STALE_DENIAL.judge(self.mm, page, self.tlb[page], write)

    @ghost
    def judge_repeat(self, attempt: int) -> None:
        """The access faulted again; after the last attempt the device gives up until a reset."""
        require(attempt + 1 < self.retries, DEVICE_FAILURE)

    def serve(self) -> None:
        """The worker that takes requests from the queue and has the driver resolve them."""
        while True:
            page, write = self.take_request()
            if self.mm.lifetime is None:
                self.respond(self.driver.device_fault(page, write))
            elif self.mm.lifetime.mmget_not_zero():
                answer = self.driver.device_fault(page, write)
                self.mm.lifetime.mmput()
                self.respond(answer)
            else:
                self.respond(INVALID)

    @indivisible
    def take_request(self) -> tuple[int, bool]:
        """The oldest request."""
        wait_until(self.requested, idle=True)
        self.requested = False
        page, write = self.page, self.write
        self.page = 0
        self.write = False
        return page, write

    @indivisible
    def respond(self, answer: int) -> None:
        """PRG response."""
        self.answer = answer

    @indivisible
    def set_empty_root(self, empty: bool) -> None:
        """Point the PASID at an empty table, or back at the process's own."""
        count("root table switches")
        self.empty_root = empty
