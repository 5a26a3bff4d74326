"""5.4: one subscription for each driver and address space, counted, and freed later.

mmu_notifier_get() finds or makes it, mmu_notifier_put() gives it back; the last one takes it off
the list and frees it when all readers have left, without calling release. Source: commit
2c7933f53f6b (from memory); mm/mmu_notifier.c of 5.10.
"""

from __future__ import annotations

from shootdown.lang.declare import atomic_context, count
from shootdown.lang.work import Work, schedule_work
from shootdown.linux.notifiers import v5_2
from shootdown.linux.notifiers.subscriber import Subscriber
from shootdown.linux.notifiers.subscription import Subscription


class Notifiers(v5_2.Notifiers):
    """Adds free_notifier."""

    since = (5, 4, 0)
    callbacks = (*v5_2.Notifiers.callbacks, "free_notifier")

    def prepare(self) -> None:
        """Who is freed later, and by whom."""
        super().prepare()
        self.frees = self.having("free_notifier")
        self.free_srcu = Work(self.mmu_notifier_free_rcu)
        """call_srcu(): what runs once all readers have left"""

    def put(self, subscription: Subscription) -> None:
        """mmu_notifier_put() by the last user: off the list, and freed later. release is not
        called, so the driver has stopped its hardware before."""
        with self.lock:
            subscription.hashed = False
        schedule_work(self.free_srcu)

    def mmu_notifier_free_rcu(self) -> None:
        """After the grace period, for the one subscription that operations give up."""
        self.readers.synchronize()
        (subscription,) = self.subscriptions
        if subscription in self.frees:
            count("calls of free_notifier")
            self.tell_free(subscription.alive())
        subscription.free()

    @atomic_context
    def tell_free(self, subscriber: Subscriber) -> None:
        """In a callback of SRCU."""
        subscriber.free_notifier()
