"""2.6.38: test_young, with transparent huge pages: was a page used, without clearing anything.

Source: __mmu_notifier_test_young(), mm/mmu_notifier.c: the first that says yes is believed (the
version is from memory).
"""

from __future__ import annotations

from shootdown.lang.declare import atomic_context, count
from shootdown.linux.notifiers import v2_6_37
from shootdown.linux.notifiers.subscriber import Subscriber


class Notifiers(v2_6_37.Notifiers):
    """Adds test_young."""

    since = (2, 6, 38)
    callbacks = (*v2_6_37.Notifiers.callbacks, "test_young")

    def prepare(self) -> None:
        """Who has test_young."""
        super().prepare()
        self.test_youngs = self.having("test_young")

    def mmu_notifier_test_young(self, page: int) -> bool:
        """Stops at the first yes."""
        if self.walks(self.test_youngs):
            with self.readers.read():
                for each in self.test_youngs:
                    if each.hashed:
                        count("calls of test_young")
                        if self.ask_test_young(each.alive(), page):
                            return True
        return False

    @atomic_context
    def ask_test_young(self, subscriber: Subscriber, page: int) -> bool:
        """Under the page-table lock, in every generation."""
        return subscriber.test_young(page)
