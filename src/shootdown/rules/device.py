"""Rules about what happens to a device."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shootdown.lang.declare import Pte, ghost, require
from shootdown.rules.rule import Rule

if TYPE_CHECKING:
    from shootdown.linux.mm import Mm


class DeviceFailure(Rule):
    """D7: a device that bounds its retries is not answered SUCCESS without progress. The Radeon
    behind AMD IOMMUv2 gave up and needed a reset (lkml 2014, motivation for invalidate_range; B3).
    """

    name = "device-failure"
    sentence = "a device does not give up after repeated faults on one access"


class StaleDenial(Rule):
    """D6: after an upgrade was flushed, a retried access succeeds. Hardware may keep an entry that
    forbids an access until it is told (SMMUv3, IHI 0070, 3.21); who gives rights back has to tell
    it. Linux on arm64 up to 6.5 did not (B10; fixed by 6bbd42e2df8f)."""

    name = "stale-denial"
    sentence = "no access is refused by a cached entry after the right was given and announced"

    @ghost
    def judge(self, mm: Mm, page: int, cached: Pte, write: bool) -> None:
        """Called when an access is refused again after its fault was handled."""
        if mm.changing[page] == 0 and cached.readable:
            require(not mm.pte[page].allows(write), self)


class ExclusiveAccess(Rule):
    """A device that makes a page its own, for an atomic operation, has it to itself: nobody else
    has an entry for it when the operation is done (make_device_exclusive(), mm/rmap.c, 5.14)."""

    name = "exclusive-access"
    sentence = "no atomic operation of a device on a page that others can reach"

    @ghost
    def judge(self, exclusive: bool) -> None:
        """Called when the operation lands, with whether the page table says so."""
        require(exclusive, self)


class NarrowFlush(Rule):
    """D12: who implements a flush callback drops at least the range that it was given, however that
    comes: one page, a base that is not aligned, everything with ULONG_MAX as its end. More is
    allowed, less is a translation that outlives its page (B12, B19, B21; e7ad6c2a4b1a,
    59bf3557cf2f). A page that was never dropped and is not cached does no harm."""

    name = "narrow-flush"
    sentence = "no page that a flush callback was told to drop is still cached when it returns"


DEVICE_FAILURE, STALE_DENIAL = DeviceFailure(), StaleDenial()
EXCLUSIVE_ACCESS, NARROW_FLUSH = ExclusiveAccess(), NarrowFlush()
