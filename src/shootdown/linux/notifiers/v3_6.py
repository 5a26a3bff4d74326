"""3.6: two orders repaired: release before unlinking, change_pte before the entry.

release used to run for a subscription that was already off the list, so that a truncation at the
same time told nobody while mappings were still alive (B17 a; commit 3ad3d901bbcf). And
set_pte_at_notify() let CPUs write the new page while secondary MMUs still read the old one (commit
48af0d7cb3c8; 3.6-rc, the version is from memory).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shootdown.lang.declare import Pte, require
from shootdown.linux.notifiers import v2_6_38
from shootdown.linux.notifiers.subscription import Subscription
from shootdown.rules.lifetime import UNLINKED_TWICE

if TYPE_CHECKING:
    from shootdown.linux.mm import Mm


class Notifiers(v2_6_38.Notifiers):
    """The secondary MMU changes first."""

    since = (3, 6, 0)

    def unregister(self, subscription: Subscription) -> None:
        """release while it is still on the list; then it is taken off, whoever did so before (B17
        b): hlist_del_rcu() without a look."""
        if subscription.hashed:
            with self.readers.read():
                if subscription in self.releases:
                    self.call_release(subscription)
            with self.lock:
                require(subscription.hashed, UNLINKED_TWICE)
                subscription.hashed = False
        self.readers.synchronize()

    def unhook(self) -> None:
        """First release for everybody, with the list as it is; then it is emptied."""
        with self.readers.read():
            for each in self.releases:
                if each.hashed:
                    self.call_release(each)
        with self.lock:
            for each in self.subscriptions:
                each.hashed = False

    def set_pte_at_notify(self, mm: Mm, page: int, pte: Pte) -> None:
        """First the call, then the entry: the page-table lock keeps everybody else out."""
        self.change_pte(page, pte)
        mm.pte[page] = pte
