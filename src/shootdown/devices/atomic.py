"""A device that does nothing but atomic operations, over a bus that has none.

A read, a change and a write are indivisible only if nobody else can reach the page meanwhile. So
its driver makes every page exclusive to it before it maps it, and the device may not use a mapping
any longer than that. (drivers/gpu/drm/nouveau/nouveau_svm.c, nouveau_atomic_range_fault().)
"""

from __future__ import annotations

from shootdown.devices.shadow import ShadowMmu
from shootdown.lang.declare import Pte, ghost, indivisible
from shootdown.rules.device import EXCLUSIVE_ACCESS


class AtomicMmu(ShadowMmu):
    """Page tables of its own, and accesses that must not meet any other."""

    @indivisible
    def land(self, page: int, pte: Pte, write: bool) -> None:
        """The operation is done in memory."""
        super().land(page, pte, write)
        self.judge_exclusive(page, pte)

    @ghost
    def judge_exclusive(self, page: int, pte: Pte) -> None:
        """While nobody changes the page, it is the device's own."""
        if self.mm.swap_entries is not None and self.mm.changing[page] == 0:
            EXCLUSIVE_ACCESS.judge(self.mm.swap_entries.names(page, pte.frame))
