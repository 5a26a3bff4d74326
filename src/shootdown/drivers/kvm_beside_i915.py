"""Two subscribers of one process: a KVM guest, and a GPU whose start refuses what may not block.

The guest counts its start. If the GPU then refuses, the OOM reaper gives up and calls no end: from
4.19 to 5.11 the guest's count stays for ever, and it never maps anything again (B23). From 5.12 on
everybody who has an end hears one. drivers/gpu/drm/i915/gem/i915_gem_userptr.c of 5.4,
userptr_mn_invalidate_range_start().
"""

from __future__ import annotations

from shootdown.drivers.kvm import Kvm
from shootdown.lang.part import Part
from shootdown.linux.mm import Mm
from shootdown.linux.notifiers.range import MmuNotifierRange
from shootdown.linux.notifiers.v4_19 import EAGAIN


class I915Userptr(Part):
    """Only its start, and of that only the answer: it has mapped nothing."""

    def invalidate_range_start(self, range: MmuNotifierRange) -> int:
        """It would have to wait for the GPU."""
        return 0 if range.blockable else EAGAIN


class KvmBesideI915(Kvm):
    """The guest is told first."""

    first_kernel = (4, 19, 0)

    def __init__(self, mm: Mm) -> None:
        super().__init__(mm)
        self.companions = [I915Userptr()]
