"""6.10: change_pte and set_pte_at_notify() are removed, which had done nothing since 3.7 (B18).

mprotect looks for the first populated 1 GiB block instead of the first page table (mm/mprotect.c,
change_pud_range()). Source: commits f3b65bbaed7c, 5257de954cab, 997308f9ae72, f7842747d13d.
"""

from __future__ import annotations

from shootdown.lang.declare import Pte
from shootdown.linux.notifiers import v6_6


class Notifiers(v6_6.Notifiers):
    """One callback less."""

    since = (6, 10, 0)
    callbacks = tuple(c for c in v6_6.Notifiers.callbacks if c != "change_pte")
    mprotect_starts_at_pud = True

    def change_pte(self, page: int, pte: Pte) -> None:
        """Gone."""
