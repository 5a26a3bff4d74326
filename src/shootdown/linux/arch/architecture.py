"""What every architecture has: the flush functions that operations call, under the kernel's names.

A flush returns when no CPU uses the old translations any more. From 6.6 on it is also where
secondary TLBs are told (6bbd42e2df8f), so its order against the CPU's flush and the range it passes
on are part of what an architecture is (section 5 of the facts).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shootdown.lang.declare import EMPTY, PageRange, Pte
from shootdown.lang.part import Part

if TYPE_CHECKING:
    from shootdown.linux.mm import Mm


class Architecture(Part):
    """One address space as its processors see it."""

    title: str = ""
    """as `--arch` takes it"""

    def __init__(self, mm: Mm) -> None:
        self.mm = mm

    # --- flushes ------------------------------------------------------------------------------

    def flush_tlb_range(self, range: PageRange) -> None:
        """flush_tlb_range(): when it returns, every CPU has dropped its entries of the range."""
        raise NotImplementedError

    def flush_tlb_mm(self) -> None:
        """flush_tlb_mm(): the whole address space."""
        raise NotImplementedError

    def flush_tlb_page(self, page: int) -> None:
        """flush_tlb_page()"""
        self.flush_tlb_range(PageRange(page, page + 1))

    # --- entries that change and are flushed, under the page-table lock ------------------------

    def ptep_clear_flush(self, page: int) -> None:
        """ptep_clear_flush(): clear one entry and flush it everywhere (mm/pgtable-generic.c)."""
        self.mm.pte[page] = EMPTY
        self.flush_tlb_page(page)

    def ptep_set_access_flags(self, page: int, pte: Pte) -> None:
        """ptep_set_access_flags(): the entry gets more rights, or becomes dirty or young."""
        self.mm.pte[page] = pte
