"""Rules about the end of a subscription, judged where subscriptions come and go."""

from __future__ import annotations

from shootdown.rules.rule import Rule


class AccessAfterRelease(Rule):
    """D9: when release (or the RELEASE event of an interval) has returned, the secondary MMU of an
    address space that ends accesses nothing of it any more. Nobody will tell it of what follows:
    __mmu_notifier_release(), mm/mmu_notifier.c, empties the list before exit_mmap() frees."""

    name = "access-after-release"
    sentence = "no access to an address space whose release has returned"


class CallbackAfterUnregister(Rule):
    """D9: when unregister, remove or free_notifier has returned, the driver frees what callbacks
    use, so none runs any more. Linux: synchronize_srcu() in mmu_notifier_unregister(), and the wait
    of mmu_interval_notifier_remove(). Broken by B17 b (2.6.27 to 3.8) and B22 (5.5 to 5.17)."""

    name = "callback-after-unregister"
    sentence = "no callback, and no look at a subscription, after it was unregistered and freed"


class UnlinkedTwice(Rule):
    """B17 b: exit and unregister both took the node off the list, with hlist_del_rcu(), which
    leaves pointers behind: the second one follows them (commit 751efd8610d3)."""

    name = "unlinked-twice"
    sentence = "no subscription is taken off the list twice"


class FreedWhileHeld(Rule):
    """A subscription that mmu_notifier_get() has returned stays on the list, and is not freed,
    until whoever got it has called mmu_notifier_put() (comments of mmu_notifier_get_locked() and
    mmu_notifier_put(), mm/mmu_notifier.c, from 5.4 on)."""

    name = "freed-while-held"
    sentence = "no counted subscription is freed that somebody has got and not put"


class CallbackAfterExit(Rule):
    """free_notifier is code of a module: mmu_notifier_synchronize() in the module's exit function
    promises that it has been called for everything that was put (its comment in
    mm/mmu_notifier.c, from 5.4 on)."""

    name = "callback-after-exit"
    sentence = "no free_notifier is called after the module that has it is unloaded"


class RefusedBlockable(Rule):
    """M3, second half: only a start that may not block can be refused. Where it may, the caller
    goes on whatever the answer (WARN_ON_ONCE in mn_hlist_invalidate_range_start() and
    mn_itree_invalidate(), mm/mmu_notifier.c, from 4.19 on)."""

    name = "refused-blockable"
    sentence = "no start that may block is refused"


class RefusesWithEnd(Rule):
    """D8, from 5.12 on: after a refusal everybody who has an end hears one, so a driver whose start
    refuses cannot tell whether the end is for a start it had agreed to (WARN_ON() in
    mn_hlist_invalidate_range_start(), commit c2655835fd8c)."""

    name = "refuses-with-end"
    sentence = "no driver that has an end refuses a start"


ACCESS_AFTER_RELEASE, CALLBACK_AFTER_UNREGISTER = AccessAfterRelease(), CallbackAfterUnregister()
UNLINKED_TWICE, REFUSED_BLOCKABLE = UnlinkedTwice(), RefusedBlockable()
REFUSES_WITH_END = RefusesWithEnd()
FREED_WHILE_HELD, CALLBACK_AFTER_EXIT = FreedWhileHeld(), CallbackAfterExit()
