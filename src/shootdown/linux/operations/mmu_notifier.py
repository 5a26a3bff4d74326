"""Subscriptions that come and go: mm/mmu_notifier.c, called by drivers; and the end of the process.

Registering takes every lock that could protect an operation between start and end
(mm_take_all_locks(), mm/vma.c), so that nobody hears an end without its start (M7): mmap_lock for
writing, and here in place of all others a wait until nobody is between the two. No kernel ever
forgot the locks of VMAs (B42): eeff9a5d47f8 takes them, of the same series of 6.4 as 0bff0aaea03e,
which came after it and brought the first fault that holds nothing else.

A process that calls execve(2) gives up its address space as one that exits does (row 52): from
exec_mmap(), fs/exec.c, by mmput() of the old one, after de_thread() has ended the other threads. It
is the same call of the same function with no lock held, so there is no operation of its own for it.

Before a subscription is given up the driver has stopped its devices: see `linux/lifetime.py`.
"""

from __future__ import annotations

from typing import Any

from shootdown.lang.declare import PageRange
from shootdown.linux.lifetime import Lifetime, NotInserted, Unregistered
from shootdown.linux.mm import Mm
from shootdown.linux.operations.munmap import unmap_region
from shootdown.linux.operations.operation import KnownBug, LifetimeRole, Operation
from shootdown.linux.task import Task
from shootdown.linux.vma import NO_VMA


def mmu_notifier_register(task: Task, range: PageRange) -> None:
    """A driver registers, and lets its devices begin."""
    mm = task.mm
    with mm.mmap_lock.write():
        mm.notifiers.register(mm.notifiers.subscriptions[0])
    lifetime_of(mm).bind()


def mmu_notifier_unregister(task: Task, range: PageRange) -> None:
    """A driver is closed, unregisters, and frees what its callbacks use."""
    mm = task.mm
    subscription = mm.notifiers.subscriptions[0]
    lifetime_of(mm).unbind()
    mm.notifiers.unregister(subscription)
    subscription.free()


def mmu_notifier_put(task: Task, range: PageRange) -> None:
    """A driver is closed and gives up its counted subscription, which is freed later (5.4)."""
    mm = task.mm
    notifiers: Any = mm.notifiers
    lifetime_of(mm).unbind()
    notifiers.put(notifiers.subscriptions[0])


def mmu_notifier_get(task: Task, range: PageRange) -> None:
    """A driver is opened once more: it gets its counted subscription, and devices go on (5.4).

    If that has been put for good, a new one is made, which has nothing to do with the old one any
    more: that is `mmu_notifier_register`.
    """
    mm = task.mm
    notifiers: Any = mm.notifiers
    with mm.mmap_lock.write():
        found = notifiers.get(notifiers.subscriptions[0])
    if found:
        lifetime_of(mm).bind()


def mmu_notifier_synchronize(task: Task, range: PageRange) -> None:
    """The last user of a module gives up its subscription, and the module is unloaded (5.4)."""
    mm = task.mm
    notifiers: Any = mm.notifiers
    mmu_notifier_put(task, range)
    notifiers.synchronize()
    notifiers.unload()


def mmu_interval_notifier_insert(task: Task, range: PageRange) -> None:
    """A driver inserts an interval while anything may be under way, and begins (5.5)."""
    mm = task.mm
    notifiers: Any = mm.notifiers
    notifiers.mmu_interval_notifier_insert(notifiers.intervals[0])
    lifetime_of(mm).bind()


def mmu_interval_notifier_remove(task: Task, range: PageRange) -> None:
    """A driver is closed, removes its interval and frees it (5.5)."""
    mm = task.mm
    notifiers: Any = mm.notifiers
    interval = notifiers.intervals[0]
    lifetime_of(mm).unbind()
    notifiers.mmu_interval_notifier_remove(interval)
    interval.free()


def mmput(task: Task, range: PageRange) -> None:
    """The last user of the address space is gone, by exit or execve: __mmput(), exit_mmap().

    release, and the list is empty; S and E go to intervals only; [P-], E, C, R, T (row 2).
    """
    mm = task.mm
    lifetime_of(mm).last_user_leaves()
    mm.notifiers.release()
    lifetime_of(mm).release_returned()
    mm.begin(mm.whole)
    with mm.mmap_lock.write():
        for page in mm.whole:
            mm.vma[page] = NO_VMA
        unmap_region(task, mm.whole)


def lifetime_of(mm: Mm) -> Lifetime:
    """Operations of this file bring it."""
    assert mm.lifetime is not None
    return mm.lifetime


UNQUEUED = KnownBug(
    "callback-after-exit",
    "mmu_notifier_synchronize() waits for readers, not for queued callbacks (2c7933f53f6b)",
    since=(5, 4, 0),
)
"""open in 6.19 (`linux/notifiers/v5_4.py`)"""

LIFETIME = (
    Operation(
        "mmu_notifier_register",
        mmu_notifier_register,
        parts=(Unregistered,),
        needs=("release",),
        lifetime=LifetimeRole.BEGINS,
    ),
    Operation(
        "mmu_notifier_unregister",
        mmu_notifier_unregister,
        parts=(Lifetime,),
        needs=("release",),
        lifetime=LifetimeRole.ENDS,
        outside=True,
    ),
    Operation(
        "mmu_notifier_put",
        mmu_notifier_put,
        since=(5, 4, 0),
        parts=(Lifetime,),
        needs=("release",),
        lifetime=LifetimeRole.PUTS,
        outside=True,
    ),
    Operation(
        "mmu_notifier_get",
        mmu_notifier_get,
        since=(5, 4, 0),
        parts=(Lifetime,),
        needs=("release",),
        lifetime=LifetimeRole.SHARES,
    ),
    Operation(
        "mmu_notifier_synchronize",
        mmu_notifier_synchronize,
        since=(5, 4, 0),
        parts=(Lifetime,),
        needs=("free_notifier",),
        lifetime=LifetimeRole.ENDS,
        outside=True,
        known_bugs=(UNQUEUED,),
    ),
    Operation(
        "mmu_interval_notifier_insert",
        mmu_interval_notifier_insert,
        since=(5, 5, 0),
        parts=(NotInserted,),
        required="invalidate",
        lifetime=LifetimeRole.BEGINS,
    ),
    Operation(
        "mmu_interval_notifier_remove",
        mmu_interval_notifier_remove,
        since=(5, 5, 0),
        parts=(Lifetime,),
        required="invalidate",
        lifetime=LifetimeRole.ENDS,
        outside=True,
    ),
    Operation(
        "mmput",
        mmput,
        parts=(Lifetime,),
        needs=("release", "invalidate"),
        lifetime=LifetimeRole.EXITS,
        outside=True,
    ),
)
"""subscriptions, and the address space, come and go: for drivers that are ready for it"""
