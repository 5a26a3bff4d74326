"""4.3: clear_young: the accessed bit is cleared, and the secondary TLB may keep its entry.

For page_idle, and later DAMON and MGLRU: a page that looks idle for a while too long harms nobody.
Source: commit 1d7715c676a1 (from memory).
"""

from __future__ import annotations

from shootdown.lang.declare import PageRange, atomic_context, count
from shootdown.linux.notifiers import v3_19
from shootdown.linux.notifiers.subscriber import Subscriber


class Notifiers(v3_19.Notifiers):
    """Adds clear_young."""

    since = (4, 3, 0)
    callbacks = (*v3_19.Notifiers.callbacks, "clear_young")

    def prepare(self) -> None:
        """Who has clear_young."""
        super().prepare()
        self.clear_youngs = self.having("clear_young")

    def ptep_clear_young_notify(self, page: int) -> bool:
        """__mmu_notifier_clear_young(): every one is asked."""
        young = False
        if self.walks(self.clear_youngs):
            with self.readers.read():
                for each in self.clear_youngs:
                    if each.hashed:
                        count("calls of clear_young")
                        if self.ask_clear_young(each.alive(), PageRange(page, page + 1)):
                            young = True
        return young

    @atomic_context
    def ask_clear_young(self, subscriber: Subscriber, range: PageRange) -> bool:
        """Under the page-table lock, in every generation."""
        return subscriber.clear_young(range)
