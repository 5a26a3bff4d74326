"""An audit of who calls start and end: ghost state that judges the rules of `rules.contract`.

`pairs` counts operations between the call of start and the return of end; while it is 0 nobody is
in the middle of anything, and all books must be closed. Everything here is ghost: it changes
nothing about what Linux or drivers do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shootdown.lang.declare import Ghost, Int, PageRange, PerPage, ghost, require
from shootdown.lang.part import Part
from shootdown.rules.contract import RANGES_DIFFER, UNBALANCED_CALLS, USE_WHILE_INVALIDATED

if TYPE_CHECKING:
    from shootdown.linux.mm import Mm
    from shootdown.linux.notifiers.subscription import Subscription


class Audit(Part):
    """The books of one address space."""

    def __init__(self, mm: Mm) -> None:
        self.label = "audit"
        self.mm = mm
        geometry = mm.geometry
        most = 2 * (geometry.tasks + geometry.devices + geometry.cpus)
        self.pairs = Ghost(Int(0, most))
        self.announced = Ghost(PerPage(Int(0, most)))
        """pairs whose start has returned and whose end was not called"""

    @ghost
    def start_called(self) -> None:
        """One more under way."""
        self.pairs += 1

    @ghost
    def start_returned(self, range: PageRange) -> None:
        """From now on mirrors must not use these pages."""
        for page in range:
            self.announced[page] += 1

    @ghost
    def end_called(self, range: PageRange) -> None:
        """From now on they may again."""
        require(self.pairs > 0, RANGES_DIFFER)
        for page in range:
            require(self.announced[page] > 0, RANGES_DIFFER)
            self.announced[page] -= 1

    @ghost
    def over(self) -> None:
        """End has returned, or start was refused: one less; with the last, the books are closed."""
        self.pairs -= 1
        if self.pairs == 0:
            for page in PageRange(0, self.mm.pages):
                require(self.announced[page] == 0, RANGES_DIFFER)
            self.judge_calls()

    @ghost
    def judge_calls(self) -> None:
        """Every start that was agreed to has had its end."""
        notifiers: Any = self.mm.notifiers
        for each in notifiers.subscriptions:
            if each in notifiers.starts and each in notifiers.ends:
                require(each.started == 0, UNBALANCED_CALLS)
        if hasattr(notifiers, "intervals") and notifiers.intervals:
            require(notifiers.active_invalidate_ranges == 0, UNBALANCED_CALLS)

    @ghost
    def heard_start(self, subscription: Subscription) -> None:
        """A subscriber was told, and agreed."""
        subscription.started += 1

    @ghost
    def heard_end(self, subscription: Subscription) -> None:
        """A subscriber was told."""
        if subscription.started > 0:
            subscription.started -= 1

    @ghost
    def judge_use(self, page: int) -> None:
        """A device uses an entry of a mirror."""
        require(self.announced[page] == 0, USE_WHILE_INVALIDATED)
