"""3.10: release for everybody first, then the list is emptied; unregister waits for all of it.

release may be called twice, also at the same time, and drivers have to bear that; nobody unlinks
without looking. So it is until today. Source: commit d34883d4e35c (B17 c); mm/mmu_notifier.c of
3.10 and 6.18.
"""

from __future__ import annotations

from shootdown.linux.notifiers import v3_9
from shootdown.linux.notifiers.subscription import Subscription


class Notifiers(v3_9.Notifiers):
    """As in 3.6, with hlist_del_init_rcu()."""

    since = (3, 10, 0)

    def unregister(self, subscription: Subscription) -> None:
        """release with the subscription on the list; readers are waited for in any case."""
        if subscription.hashed:
            with self.readers.read():
                if subscription in self.releases:
                    self.call_release(subscription)
            with self.lock:
                subscription.hashed = False
        self.readers.synchronize()

    def unhook(self) -> None:
        """As in 3.6, all of it as one reader."""
        with self.readers.read():
            for each in self.releases:
                if each.hashed:
                    self.call_release(each)
            with self.lock:
                for each in self.subscriptions:
                    each.hashed = False
