"""3.7: callbacks run under SRCU and may sleep.

For that invalidate_page moves out from under the page-table lock, to where another thread may
already have mapped a new page (B5; the rule `discarded-page` shows it from 4.5 on). Copy-on-write
and KSM are wrapped in start and end, and change_pte, which stays under the lock, is no longer
replaced by invalidate_page. From now on start has removed the entry before change_pte comes: it
finds nothing, until its removal in 6.10 (B18).
Source: commits 21a92735f660 (SRCU), 6bdb913f0a70 (start and end around copy-on-write), 2ec74c3ef2d8
(invalidate_page outside; id from memory); mm/mmu_notifier.c and mm/rmap.c of 3.10 and 3.16.
"""

from __future__ import annotations

from typing import Any

from shootdown.lang.declare import Pte, might_sleep
from shootdown.lang.sections import Srcu
from shootdown.linux.notifiers import v3_6
from shootdown.linux.notifiers.range import MmuNotifierRange
from shootdown.linux.notifiers.subscriber import Subscriber


class Notifiers(v3_6.Notifiers):
    """Sleeping is allowed, except in change_pte and the young callbacks."""

    since = (3, 7, 0)
    copy_is_announced = True
    hugetlb_fork_is_announced = True
    """seen in 3.10 (which release brought it is not known here)"""

    def new_readers(self) -> Any:
        """One srcu_struct for all address spaces."""
        return Srcu()

    def invalidate_range_start(self, range: MmuNotifierRange) -> None:
        """Called where the caller may sleep."""
        might_sleep()
        super().invalidate_range_start(range)

    def invalidate_range_end(self, range: MmuNotifierRange) -> None:
        """Called where the caller may sleep."""
        might_sleep()
        super().invalidate_range_end(range)

    def page_unmapped(self, page: int) -> None:
        """Too early: the lock is held."""

    def page_cleaned(self, page: int) -> None:
        """Too early: the lock is held."""

    def page_unlocked(self, page: int) -> None:
        """mmu_notifier_invalidate_page(), after pte_unmap_unlock()."""
        self.invalidate_page(page)

    def change_pte(self, page: int, pte: Pte) -> None:
        """Nobody else is told: start has already been called."""
        if self.walks(self.changes):
            with self.readers.read():
                for each in self.changes:
                    if each.hashed:
                        self.call_change(each, page, pte)

    def tell_start(self, subscriber: Subscriber, range: MmuNotifierRange) -> None:
        """Under srcu_read_lock()."""
        subscriber.invalidate_range_start(range)

    def tell_end(self, subscriber: Subscriber, range: MmuNotifierRange) -> None:
        """Under srcu_read_lock()."""
        subscriber.invalidate_range_end(range)

    def tell_page(self, subscriber: Subscriber, page: int) -> None:
        """Under srcu_read_lock(); until 4.11 not under the page-table lock."""
        subscriber.invalidate_page(page)

    def tell_release(self, subscriber: Subscriber) -> None:
        """Under srcu_read_lock()."""
        subscriber.release()
