"""Rules about what the kernel believes was used."""

from __future__ import annotations

from shootdown.rules.rule import Rule


class LostReference(Rule):
    """A page that a device has translated since it was last asked for is not called idle: reclaim
    would take what is in use. The bit is a hint, and a TLB that is not flushed may keep an access
    from leaving it; but a walk that set it must be found (include/linux/mmu_notifier.h:
    clear_flush_young, clear_young and test_young answer for the secondary MMU)."""

    name = "lost-reference"
    sentence = "no page that a device has translated meanwhile is called idle"


LOST_REFERENCE = LostReference()
