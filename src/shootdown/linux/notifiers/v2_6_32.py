"""2.6.32: change_pte, with KSM: a driver may replace its entry instead of dropping it.

set_pte_at_notify() writes the new entry and tells of it; whoever has no change_pte gets
invalidate_page instead. Copy-on-write now uses it too, and no longer invalidate_page. The new entry
is visible to CPUs before secondary MMUs hear of it. Source: commit 828502d30073; mm/mmu_notifier.c
before 3.7 (the version is from memory).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shootdown.lang.declare import PageRange, Pte, atomic_context, count
from shootdown.linux.notifiers import v2_6_27
from shootdown.linux.notifiers.subscriber import Subscriber
from shootdown.linux.notifiers.subscription import Subscription

if TYPE_CHECKING:
    from shootdown.linux.mm import Mm


class Notifiers(v2_6_27.Notifiers):
    """Adds change_pte."""

    since = (2, 6, 32)
    callbacks = (*v2_6_27.Notifiers.callbacks, "change_pte")

    def prepare(self) -> None:
        """Who has change_pte."""
        super().prepare()
        self.changes = self.having("change_pte")
        self.told_of_changes = self.changes + self.pages

    def pte_cleared_and_flushed(self, range: PageRange) -> None:
        """Nothing: set_pte_at_notify() follows."""

    def set_pte_at_notify(self, mm: Mm, page: int, pte: Pte) -> None:
        """First the entry, then the call."""
        mm.pte[page] = pte
        self.change_pte(page, pte)

    def change_pte(self, page: int, pte: Pte) -> None:
        """__mmu_notifier_change_pte(), or invalidate_page in its place."""
        if self.walks(self.told_of_changes):
            with self.readers.read():
                for each in self.subscriptions:
                    if each in self.changes and each.hashed:
                        self.call_change(each, page, pte)
                    elif each in self.pages and each.hashed:
                        self.call_page(each, page)

    def call_change(self, each: Subscription, page: int, pte: Pte) -> None:
        """One call."""
        count("calls of change_pte")
        self.tell_change(each.alive(), page, pte)
        each.judge_alive()

    @atomic_context
    def tell_change(self, subscriber: Subscriber, page: int, pte: Pte) -> None:
        """Under the page-table lock, in every generation."""
        subscriber.change_pte(page, pte)
