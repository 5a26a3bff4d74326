"""3.9: release runs once: whoever takes the subscription off the list calls it.

That ends the race of two who unlink (B17 b), and opens the one of 3.6 again (B17 a): while release
runs, the list no longer has it. Source: commit 751efd8610d3; mm/mmu_notifier.c of 3.9.
"""

from __future__ import annotations

from shootdown.linux.notifiers import v3_7
from shootdown.linux.notifiers.subscription import Subscription


class Notifiers(v3_7.Notifiers):
    """Off the list first, under the lock."""

    since = (3, 9, 0)

    def unregister(self, subscription: Subscription) -> None:
        """Whoever finds it on the list."""
        with self.readers.read():
            self.unlink_and_release(subscription)
        self.readers.synchronize()

    def unhook(self) -> None:
        """One after the other, in one walk."""
        with self.readers.read():
            for each in self.subscriptions:
                self.unlink_and_release(each)

    def unlink_and_release(self, subscription: Subscription) -> None:
        """hlist_del_init_rcu(), and release if it was there."""
        with self.lock:
            found = subscription.hashed
            subscription.hashed = False
        if found and subscription in self.releases:
            self.call_release(subscription)
