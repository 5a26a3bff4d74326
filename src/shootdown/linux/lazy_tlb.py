"""Lazy TLB mode: a CPU that runs a kernel thread keeps the address space it had.

arch/x86/mm/tlb.c, enter_lazy_tlb(), switch_mm_irqs_off(), flush_tlb_func() (from 4.14 with
generations, 94b1b03b519b; lazy CPUs are spared from 4.20 on, 145f573b89a6). CR3 still points to the
page table and the TLB still has its entries, though nobody uses them. So a flush spares the CPU the
interrupt; but

- the flush has raised the generation of the address space (mm->context.tlb_gen) before it looks
  who is lazy, and a CPU that comes back compares: with an older one it drops everything first;
- hardware may walk the table at any moment, on a guess. When page tables are freed lazy CPUs are
  interrupted like all others (`freed_tables` of struct flush_tlb_info).

A flush names the generation it makes. A CPU that is only that one behind drops the range; one that
has missed others, or knows that more are under way, drops everything; one that has caught up does
nothing. What matters of generations is thus whose flushes a CPU has not seen, and whether one or
more of each: `Unseen`.
"""

from __future__ import annotations

from shootdown.lang.declare import (
    EMPTY,
    Flag,
    Int,
    PageRange,
    PerTable,
    choose,
    count,
    indivisible,
    progress,
    require,
    rest,
    smp_processor_id,
)
from shootdown.lang.part import Part
from shootdown.linux.cpu import Cpu
from shootdown.linux.mm import Mm
from shootdown.rules.access import FREED_TABLE

MORE = 2
UNKNOWN, CACHED, DANGLING = 0, 1, 2
"""what the paging-structure cache has of a table"""


class Unseen(Part):
    """Flushes of one actor that a CPU has not taken part in."""

    def __init__(self, label: str) -> None:
        self.label = label
        self.flushes = Int(0, MORE)
        """two stands for any more"""


class LazyCpu(Cpu):
    """A CPU that runs the program, and kernel threads in between."""

    goes_lazy = True

    def __init__(self, mm: Mm, number: int) -> None:
        super().__init__(mm, number)
        self.lazy = Flag()
        """cpu_tlbstate_shared.is_lazy"""
        sizes = mm.geometry
        actors = 2 * (sizes.tasks + sizes.cpus + 2 * sizes.devices) + 8
        self.unseen = [Unseen(f"{self.label}.by{number}") for number in range(actors)]
        """by whom the generation was raised since this CPU has flushed"""
        self.walk_cache = PerTable(Int(UNKNOWN, DANGLING))
        mm.lockless.append(self)

    # --- flushes ------------------------------------------------------------------------------

    @indivisible
    def generation_raised(self) -> None:
        """inc_mm_tlb_gen(), seen from this CPU."""
        if self.unseen[smp_processor_id()].flushes < MORE:
            self.unseen[smp_processor_id()].flushes += 1

    @indivisible
    def flush_unless_lazy(self, range: PageRange) -> None:
        """tlb_is_not_lazy(): the IPI is only sent to those who are not."""
        if not self.lazy:
            self.flush_tlb_func(range)

    @indivisible
    def flush(self, range: PageRange) -> None:
        """The handler of the IPI."""
        self.flush_tlb_func(range)

    def flush_tlb_func(self, range: PageRange) -> None:
        """The range, if nothing else was missed; nothing, if this was not either."""
        if range.is_everything:
            self.drop(self.mm.whole)
        elif self.unseen[smp_processor_id()].flushes > 0:
            if self.behind() == 1:
                self.drop(range)
            else:
                self.drop(self.mm.whole)

    def behind(self) -> int:
        """How many generations it has not flushed for."""
        return sum([unseen.flushes for unseen in self.unseen])

    def drop(self, range: PageRange) -> None:
        """Inside a step. It also drops what is known of page tables."""
        count("CPU TLB flushes")
        for unseen in self.unseen:
            unseen.flushes = 0
        for page in range:
            self.tlb[page] = EMPTY
        for table in range_of_tables(self.mm, range):
            self.walk_cache[table] = UNKNOWN

    def table_freed(self, table: int) -> None:
        """The table belongs to somebody else now, and the CPU does not know."""
        if self.walk_cache[table] == CACHED:
            self.walk_cache[table] = DANGLING

    def synchronize(self) -> None:
        """Nothing to wait for: it reads no table with interrupts off."""

    # --- what it does -------------------------------------------------------------------------

    def run(self) -> None:
        """The program, a kernel thread, the program, for ever."""
        while True:
            if self.is_lazy_next():
                self.enter_lazy_tlb()
                self.guess()
                self.switch_mm_irqs_off()
            else:
                page, write, done = self.try_any()
                if not done:
                    self.mm.page_fault(page, write)
            progress()

    @indivisible
    def is_lazy_next(self) -> bool:
        """What the scheduler picks."""
        rest()
        lazy: bool = choose(False, True)
        return lazy

    def enter_lazy_tlb(self) -> None:
        """A kernel thread runs; nothing is switched."""
        self.lazy = True

    @indivisible
    def guess(self) -> None:
        """Hardware walks ahead of what the kernel thread does, or not."""
        rest()
        page = choose(PageRange(0, self.mm.pages))
        if choose(False, True):
            self.speculate(page)

    def speculate(self, page: int) -> None:
        """A walk that nobody has asked for, through a table that is remembered."""
        table = page // self.mm.entries
        if self.walk_cache[table] == UNKNOWN:
            if not self.mm.table[table]:
                return
            self.walk_cache[table] = CACHED
        require(self.walk_cache[table] != DANGLING, FREED_TABLE)
        pte = self.mm.hardware_walked(page, self.mm.pte[page], False)
        if pte.readable:
            self.tlb[page] = pte

    def switch_mm_irqs_off(self) -> None:
        """Back to the program: not lazy any more, then the generations are compared."""
        self.lazy = False
        self.catch_up()

    @indivisible
    def catch_up(self) -> None:
        """With an older generation everything is dropped."""
        if self.behind() > 0:
            self.drop(self.mm.whole)


def range_of_tables(mm: Mm, range: PageRange) -> PageRange:
    """The tables that cover a range."""
    return PageRange(range.start // mm.entries, (range.end - 1) // mm.entries + 1)
