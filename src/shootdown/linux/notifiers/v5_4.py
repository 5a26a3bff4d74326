"""5.4: one subscription for each driver and address space, counted, and freed later.

mmu_notifier_get() finds or makes it, mmu_notifier_put() gives it back; the last one takes it off
the list and frees it when all readers have left, without calling release. Both look at the list and
at the count under one lock, so that nobody finds what is about to be freed.

A module with such a subscription calls mmu_notifier_synchronize() before it goes. When that came
(3.17, b972216e27d1, for the predecessor mmu_notifier_call_srcu()) it was srcu_barrier(). Now it is
synchronize_srcu(), which queues a callback on its own CPU and waits for that: callbacks that other
CPUs have queued run on those, and may be later (from reading mm/mmu_notifier.c, and
__synchronize_srcu() and srcu_schedule_cbs_sdp(), kernel/rcu/srcutree.c; no report is known).
Source: commit 2c7933f53f6b (from memory); mm/mmu_notifier.c of 5.10 and 6.18.
"""

from __future__ import annotations

from shootdown.lang.declare import Flag, Ghost, Int, atomic_context, count, ghost, require
from shootdown.lang.work import Work, schedule_work
from shootdown.linux.notifiers import v5_2
from shootdown.linux.notifiers.subscriber import Subscriber
from shootdown.linux.notifiers.subscription import Subscription
from shootdown.rules.lifetime import CALLBACK_AFTER_EXIT, FREED_WHILE_HELD

MOST_USERS = 2
"""one that is there at the start, one that comes"""


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
        self.users = Int(0, MOST_USERS, 1)
        """of the one subscription that operations get and put"""
        self.holders = Ghost(Int(0, MOST_USERS, 1))
        """who has got it and has not begun to put it"""
        self.unloaded = Ghost(Flag())
        """the module with free_notifier is gone"""

    def get(self, subscription: Subscription) -> bool:
        """find_get_mmu_notifier(), mmap_lock held for writing: one user more of what is on the
        list. False: nothing is, and mmu_notifier_get_locked() makes a new one."""
        with self.lock:
            found = subscription.hashed
            if found:
                self.users += 1
                self.got(subscription)
        return found

    def put(self, subscription: Subscription) -> None:
        """mmu_notifier_put(): the last user takes it off the list, and it is freed later. release
        is not called, so the driver has stopped its hardware before."""
        self.no_longer_held()
        with self.lock:
            self.users -= 1
            is_last = self.users == 0
            if is_last:
                subscription.hashed = False
        if is_last:
            schedule_work(self.free_srcu)

    def mmu_notifier_free_rcu(self) -> None:
        """After the grace period."""
        self.readers.synchronize()
        subscription = self.subscriptions[0]
        self.judge_free()
        if subscription in self.frees:
            count("calls of free_notifier")
            self.tell_free(subscription.alive())
        subscription.free()

    def synchronize(self) -> None:
        """mmu_notifier_synchronize(): synchronize_srcu(), a grace period."""
        self.readers.synchronize()

    # --- rules -----------------------------------------------------------------------------------

    @ghost
    def got(self, subscription: Subscription) -> None:
        """One more has it."""
        subscription.judge_alive()
        self.holders += 1

    @ghost
    def no_longer_held(self) -> None:
        """One less uses it."""
        self.holders -= 1

    @ghost
    def unload(self) -> None:
        """The module is gone."""
        self.unloaded = True

    @ghost
    def judge_free(self) -> None:
        """free_notifier is about to be called."""
        require(self.holders == 0, FREED_WHILE_HELD)
        require(not self.unloaded, CALLBACK_AFTER_EXIT)

    @atomic_context
    def tell_free(self, subscriber: Subscriber) -> None:
        """In a callback of SRCU."""
        subscriber.free_notifier()
