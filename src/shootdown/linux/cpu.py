"""A CPU with its TLB, and a user program that reads and writes memory through it.

Absent entries are never cached. An access that the TLB entry does not allow walks again before it
faults (Intel SDM vol. 3A, 4.10.2.3 and 4.10.4.3; Power ISA 3.1B, 6.10.1.2), except on arm64
(`Architecture.caches_denials`). A user access is one step: the shootdown IPI is taken between
instructions, never inside one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shootdown.lang.declare import (
    EMPTY,
    PageRange,
    PerPage,
    Pte,
    choose,
    count,
    indivisible,
    progress,
    rest,
    wait_until,
)
from shootdown.lang.part import Part
from shootdown.rules.access import ACCESS_RULES

if TYPE_CHECKING:
    from shootdown.linux.mm import Mm


class Cpu(Part):
    """One CPU that runs user code of the address space."""

    goes_lazy = False
    """runs kernel threads too, and then keeps the address space (`linux.lazy_tlb`)"""

    def __init__(self, mm: Mm, number: int) -> None:
        self.mm = mm
        self.label = f"cpu{number}"
        self.tlb = PerPage(Pte)

    @indivisible
    def flush(self, range: PageRange) -> None:
        """The CPU drops its entries of the range: the handler of the IPI, or the local flush."""
        count("CPU TLB flushes")
        for page in range:
            self.tlb[page] = EMPTY

    def generation_raised(self) -> None:
        """inc_mm_tlb_gen(): only who is ever spared a flush has to know (`linux.lazy_tlb`)."""

    def flush_unless_lazy(self, range: PageRange) -> None:
        """The same for a flush that spares lazy CPUs: this one never is."""
        self.flush(range)

    def run(self) -> None:
        """A user program that reads and writes wherever it likes, for ever."""
        while True:
            page, write, done = self.try_any()
            if not done:
                self.mm.page_fault(page, write)
                if self.mm.arch.flushes_upgrades_locally:
                    self.flush(PageRange(page, page + 1))
            if self.mm.lifetime is not None:
                self.mm.lifetime.mmput()
            progress()

    @indivisible
    def try_any(self) -> tuple[int, bool, bool]:
        """One access to any page: what it was, and whether it went through. A thread is a user of
        its address space; here only while it is at work."""
        rest()
        if self.mm.lifetime is not None:
            wait_until(self.mm.lifetime.users > 0, idle=True)
            self.mm.lifetime.users += 1
        page = choose(PageRange(0, self.mm.pages))
        write = choose(False, True)
        return page, write, self.access(page, write)

    def access(self, page: int, write: bool) -> bool:
        """TLB, walk, access; False where hardware would raise a page fault."""
        pte = self.tlb[page]
        if self.must_walk(pte, write):
            pte = self.mm.hardware_walked(page, self.walk(page), write)
            if not self.may_keep(pte, write):
                return False
            self.tlb[page] = pte
            if self.mm.young is not None:
                self.mm.young.accessed[page] = True
        if self.mm.keeps_denials and not pte.allows(write):
            return False
        for rule in ACCESS_RULES:
            rule.judge(self.mm, page, pte, write)
        return True

    def must_walk(self, pte: Pte, write: bool) -> bool:
        """The entry is not good enough: there is none, or one that a walk may improve."""
        if self.mm.keeps_denials:
            return not pte.readable
        return not pte.allows(write)

    def may_keep(self, pte: Pte, write: bool) -> bool:
        """What a walk found goes into the TLB."""
        if self.mm.keeps_denials:
            return pte.readable
        return pte.allows(write)

    def walk(self, page: int) -> Pte:
        """What the page tables say now."""
        if self.mm.huge is not None:
            return self.mm.huge.walk(page)
        return self.mm.pte[page]

    @indivisible
    def touch(self, page: int, write: bool) -> bool:
        """One given access, for replay."""
        return self.access(page, write)
