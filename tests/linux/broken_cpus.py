"""CPUs that pin pages without a lock or go lazy, each with a mistake."""

from __future__ import annotations

from shootdown.lang.declare import PageRange, indivisible, require
from shootdown.linux.gup_fast import PinningCpu
from shootdown.linux.lazy_tlb import LazyCpu
from shootdown.rules.access import FREED_FRAME


class ForgetfulLazyCpu(LazyCpu):
    """Mistake: nobody compares generations."""

    @indivisible
    def catch_up(self) -> None:
        """Goes on with what it has."""
        for unseen in self.unseen:
            unseen.flushes = 0


class RangedLazyCpu(LazyCpu):
    """Mistake: a CPU that was left out once drops no more than the range of the next flush."""

    def flush_tlb_func(self, range: PageRange) -> None:
        """However many were missed."""
        self.drop(range)


class GrabbingCpu(PinningCpu):
    """Mistake: a reference of a page that may have none is a reference of nobody's page."""

    @indivisible
    def try_grab(self, frame: int) -> bool:
        """get_page() in the place of try_get_page()."""
        if frame == 0:
            return False
        require(self.mm.memory.refcount[frame] > 0, FREED_FRAME)
        self.mm.memory.refcount[frame] += 1
        return True
