"""Rules about the contract between Linux and its subscribers, judged by an audit (`--audit`).

The rules about accesses say what must not come of it; these say who broke the agreement, also where
nothing comes of it in a small scenario. They cost states of their own, so they are judged when
asked.
"""

from __future__ import annotations

from shootdown.rules.rule import Rule


class UseWhileInvalidated(Rule):
    """D2: from the moment start has returned until end is called, a mirror has no entry and no TLB
    entry of the range, and makes none: whoever uses one has read it too early
    (include/linux/mmu_notifier.h, above invalidate_range_start). Not for pinned pages (D3), nor for
    hardware that walks the CPU's table, which nobody can keep from it (B1)."""

    name = "use-while-invalidated"
    sentence = "no use of a mirrored page between start and end"


class RangesDiffer(Rule):
    """M7: a start and its end name the same pages. Widened after start, or narrowed before end, the
    range leaves subscribers counting what never ends, or ends what never began."""

    name = "ranges-differ"
    sentence = "no end of pages that were not started, and no start without its end"


class UnbalancedCalls(Rule):
    """D8: when nothing is under way, every subscriber has heard an end for each start that it has
    agreed to, also after a refusal, and no range is counted for intervals. Broken by B23 (4.19 to
    5.11) and B23 b (5.5 to 6.19)."""

    name = "unbalanced-calls"
    sentence = "no subscriber is left with a start whose end never comes"


USE_WHILE_INVALIDATED, RANGES_DIFFER = UseWhileInvalidated(), RangesDiffer()
UNBALANCED_CALLS = UnbalancedCalls()
