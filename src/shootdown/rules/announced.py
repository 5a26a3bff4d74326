"""The rule about what Linux owes its subscribers before it changes an entry."""

from __future__ import annotations

from shootdown.rules.rule import Rule


class AnnouncedChange(Rule):
    """M1: whatever clears an entry, takes rights from it or lets it name another page lies between
    a start and its end that cover the page (or, up to 4.12, is told by invalidate_page). More
    rights for the same page and a first page need not be told. Documentation/mm/mmu_notifier.rst,
    and the comments at mmu_notifier_ops, include/linux/mmu_notifier.h."""

    name = "announced-change"
    sentence = "no entry loses its page or rights outside of start and end"


ANNOUNCED_CHANGE = AnnouncedChange()
