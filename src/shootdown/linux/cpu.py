"""A CPU with its TLB, and a user program that reads and writes memory through it.

x86 behaviour: an access that the TLB entry does not allow walks again before it faults, and absent
entries are never cached (Intel SDM vol. 3A, 4.10.2.3 and 4.10.4.3). A user access is one step:
the shootdown IPI is taken between instructions, never inside one.
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
)
from shootdown.lang.part import Part
from shootdown.rules.access import ACCESS_RULES

if TYPE_CHECKING:
    from shootdown.linux.mm import Mm


class Cpu(Part):
    """One CPU that runs user code of the address space."""

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

    def run(self) -> None:
        """A user program that reads and writes wherever it likes, for ever."""
        while True:
            page, write, done = self.try_any()
            if not done:
                self.mm.page_fault(page, write)
            progress()

    @indivisible
    def try_any(self) -> tuple[int, bool, bool]:
        """One access to any page: what it was, and whether it went through."""
        rest()
        page = choose(PageRange(0, self.mm.pages))
        write = choose(False, True)
        return page, write, self.access(page, write)

    def access(self, page: int, write: bool) -> bool:
        """TLB, walk, access; False where hardware would raise a page fault."""
        pte = self.tlb[page]
        if not pte.allows(write):
            pte = self.mm.hardware_walked(page, self.mm.pte[page], write)
            if not pte.allows(write):
                return False
            self.tlb[page] = pte
            if self.mm.young is not None:
                self.mm.young.accessed[page] = True
        for rule in ACCESS_RULES:
            rule.judge(self.mm, page, pte, write)
        return True

    @indivisible
    def touch(self, page: int, write: bool) -> bool:
        """One given access, for replay."""
        return self.access(page, write)
