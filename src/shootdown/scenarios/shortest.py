"""A shortest run to what is broken, also where partial order found some run.

A search with partial order decides whether anything is broken, but not at the end of a shortest
run (`program.independence`). So where it finds something broken, the search is made again without
that reduction. It ends as soon as it meets a broken rule, so it looks no deeper than the run that
is known already, and everything in the result but the time is what it is with `--no-partial-order`.

Where the first search finds that the machine is too small, it is not made again: the next size is
searched instead. So the size in a result may be larger than with `--no-partial-order`, which may
have met the broken rule first. At the largest size it is made again.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from shootdown.machine.reductions import Reductions
from shootdown.machine.result import Limits, SearchResult
from shootdown.scenarios.case import Case
from shootdown.scenarios.effort import Effort

NOT_SHORTEST = "there may be a shorter run: looking for it, "

Make = Callable[[Reductions, Limits], SearchResult]
"""makes a search of the program at hand"""


def find_shortest(case: Case, effort: Effort, reductions: Reductions, make: Make) -> SearchResult:
    """The result of a case, with a shortest run to what is broken if the limits allow it."""
    began = time.monotonic()
    found = make(reductions, effort.limits)
    if not reductions.partial_order or not _is_final(case, found):
        return found
    # not `found.seconds`: a search that was kept may have taken them long ago
    limits = effort.after(time.monotonic() - began).limits
    again = make(replace(reductions, partial_order=False), limits)
    seconds, memory = found.seconds + again.seconds, max(found.memory, again.memory)
    if again.cut is not None and found.verdict == "violated":
        reason = f"{NOT_SHORTEST}{again.reason}"
        return replace(found, seconds=seconds, memory=memory, reason=reason)
    return replace(again, seconds=seconds, memory=memory)


def _is_final(case: Case, found: SearchResult) -> bool:
    """Whether something is broken and no larger machine will be asked."""
    if found.verdict == "widen":
        return case.larger(found.rule or "") is None
    return found.verdict == "violated"
