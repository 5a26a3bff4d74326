"""get_user_pages_fast(): pages are taken from a page table that is read without any lock.

mm/gup.c, gup_fast_fallback() and gup_fast_pte_range() (lockless_pages_from_mm() and before 5.x
internal_get_user_pages_fast()). Interrupts are off from the first look at a table to the last, and
that is all that keeps page tables from being freed meanwhile: whoever frees one waits first for
every CPU to have had its interrupts on, by the IPI of the TLB flush (x86 up to 6.14) or by RCU and
tlb_remove_table_sync_one() (arm64, powerpc; x86 where IPIs do not reach a guest's CPUs, and
everywhere from 6.15 on). Nothing keeps entries from changing. So:

1. the entry is read;
2. a reference is taken, unless the page has none any more (try_grab_folio_fast());
3. the entry is read again, and the reference given back if it is another one.

CPUs that pin pages in this way replace the ones that only read and write.
"""

from __future__ import annotations

from shootdown.lang.declare import (
    EMPTY,
    Flag,
    Int,
    PageRange,
    PerTable,
    Pte,
    choose,
    count,
    indivisible,
    progress,
    require,
    rest,
    wait_until,
)
from shootdown.linux.cpu import Cpu
from shootdown.linux.mm import Mm
from shootdown.rules.access import FREED_TABLE

UNKNOWN, HELD, FREED = 0, 1, 2
"""what a walk has: no pointer to the table, one, one to a table that was freed"""


class PinningCpu(Cpu):
    """A CPU whose program pins pages and gives them back (O_DIRECT, RDMA), and touches memory."""

    def __init__(self, mm: Mm, number: int) -> None:
        super().__init__(mm, number)
        self.interrupts_off = Flag()
        self.pointer = PerTable(Int(UNKNOWN, FREED))
        mm.lockless.append(self)

    @indivisible
    def flush(self, range: PageRange) -> None:
        """The IPI is taken when interrupts are on again; a broadcast does not wait."""
        if self.mm.arch.flushes_by_ipi:
            wait_until(not self.interrupts_off)
        count("CPU TLB flushes")
        for page in range:
            self.tlb[page] = EMPTY

    def synchronize(self) -> None:
        """Whoever frees a table waits until no walk that could know it is under way."""
        wait_until(not self.interrupts_off)

    def table_freed(self, table: int) -> None:
        """The table belongs to somebody else now."""
        if self.pointer[table] == HELD:
            self.pointer[table] = FREED

    def run(self) -> None:
        """Pins any page for a moment, or touches one, for ever."""
        while True:
            page, write, pin = self.choose()
            if pin:
                self.pin(page, write)
            elif not self.touch(page, write):
                self.mm.page_fault(page, write)
            progress()

    @indivisible
    def choose(self) -> tuple[int, bool, bool]:
        """What next."""
        rest()
        return choose(PageRange(0, self.mm.pages)), choose(False, True), choose(False, True)

    def pin(self, page: int, write: bool) -> None:
        """get_user_pages_fast() for one page, and put_page()."""
        pte = self.get_user_pages_fast(page, write)
        if pte.present:
            self.mm.memory.put_page(pte.frame)

    def get_user_pages_fast(self, page: int, write: bool) -> Pte:
        """The entry, with a reference of its page; EMPTY for whom the slow way is."""
        self.interrupts_off = True
        pte = self.gup_fast_pte_range(page, write)
        self.leave()
        return pte

    def gup_fast_pte_range(self, page: int, write: bool) -> Pte:
        """Interrupts are off."""
        if not self.find_table(page // self.mm.entries):
            return EMPTY
        pte = self.read(page)
        if not pte.allows(write) or not self.try_grab(pte.frame):
            return EMPTY
        if self.read(page) != pte:
            self.mm.memory.put_page(pte.frame)
            return EMPTY
        return pte

    @indivisible
    def find_table(self, table: int) -> bool:
        """The entry above: whether it points to a table, which is known from here on."""
        if not self.mm.table[table]:
            return False
        self.pointer[table] = HELD
        return True

    @indivisible
    def read(self, page: int) -> Pte:
        """ptep_get_lockless() through the pointer."""
        require(self.pointer[page // self.mm.entries] != FREED, FREED_TABLE)
        return self.mm.pte[page]

    @indivisible
    def try_grab(self, frame: int) -> bool:
        """try_grab_folio_fast(): a reference more, if there is one."""
        if frame == 0:
            return False
        if self.mm.memory.refcount[frame] == 0:
            return False
        self.mm.memory.refcount[frame] += 1
        return True

    @indivisible
    def leave(self) -> None:
        """local_irq_restore()"""
        self.interrupts_off = False
        for table in range(self.mm.geometry.tables):
            self.pointer[table] = UNKNOWN
