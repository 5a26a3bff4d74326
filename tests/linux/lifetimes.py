"""Operations that tests run beside subscriptions that come and go, and how they are searched."""

from __future__ import annotations

from typing import Any

from shootdown.drivers.catalogue import DRIVERS
from shootdown.drivers.driver import Driver
from shootdown.lang.declare import READ_ONCE, PageRange, choose
from shootdown.lang.work import flush_work, schedule_work
from shootdown.linux.faults import handle_mm_fault
from shootdown.linux.lifetime import Lifetime, Unregistered
from shootdown.linux.notifiers.range import Event, MmuNotifierRange
from shootdown.linux.operations.catalogue import OPERATIONS
from shootdown.linux.operations.mmu_notifier import (
    lifetime_of,
    mmu_notifier_get,
    mmu_notifier_put,
)
from shootdown.linux.operations.munmap import munmap
from shootdown.linux.operations.operation import LifetimeRole, Operation
from shootdown.linux.task import Task
from shootdown.linux.version import parse_version
from shootdown.scenarios.check import check_case
from shootdown.scenarios.driver_request import Request
from shootdown.scenarios.effort import Effort
from shootdown.scenarios.verdict import ScenarioResult


def unmap_mapping_range(task: Task, range: PageRange) -> None:
    """unmap_mapping_range() as by another process that shortens a file: without mmap_lock, whoever
    still uses the address space (row 3)."""
    mm = task.mm
    announced = MmuNotifierRange(range.start, range.end, Event.CLEAR, "zap_page_range_single")
    mm.begin(range)
    mm.notifiers.invalidate_range_start(announced)
    task.gather.zap_page_range(range)
    mm.notifiers.invalidate_range_end(announced)
    task.gather.flush()
    mm.end(range)


def unmap_one(task: Task, range: PageRange) -> None:
    """try_to_unmap_one() of page 0, reduced to its calls: the entry goes, the page stays."""
    mm = task.mm
    announced = MmuNotifierRange(0, 1, Event.CLEAR, "try_to_unmap_one")
    mm.begin(PageRange(0, 1))
    if mm.notifiers.rmap_is_announced:
        mm.notifiers.invalidate_range_start(announced)
    with mm.page_table_lock:
        old = mm.pte[0]
        if old.present:
            mm.arch.ptep_clear_flush(0)
            mm.notifiers.page_unmapped(0)
    if old.present:
        mm.notifiers.page_unlocked(0)
    if mm.notifiers.rmap_is_announced:
        mm.notifiers.invalidate_range_end(announced)
    if old.present:
        mm.memory.put_page(old.frame)
    mm.end(PageRange(0, 1))


def register_without_locks(task: Task, range: PageRange) -> None:
    """Registration that does not take mmap_lock, nor any other: an operation may be under way."""
    mm = task.mm
    with mm.notifiers.lock:
        mm.notifiers.subscriptions[0].hashed = True
    lifetime_of(mm).bind()


def register_without_vma_locks(task: Task, range: PageRange) -> None:
    """With mmap_lock alone, which a fault under the lock of its VMA does not have (B42)."""
    mm = task.mm
    with mm.mmap_lock.write(), mm.notifiers.lock:
        mm.notifiers.subscriptions[0].hashed = True
    lifetime_of(mm).bind()


def write_fault_under_vma_lock(task: Task, range: PageRange) -> None:
    """do_user_addr_fault() from 6.4 on: lock_vma_under_rcu(), and no mmap_lock. The lock of the VMA
    itself is left out: nobody changes VMAs here, and registration has to wait for what it means."""
    page = choose(range)
    if task.mm.permits(page, True):
        handle_mm_fault(task.mm, page, True)


def unregister_without_waiting(task: Task, range: PageRange) -> None:
    """Off the list, and freed at once: a callback may still be running."""
    mm = task.mm
    subscription = mm.notifiers.subscriptions[0]
    lifetime_of(mm).unbind()
    with mm.notifiers.lock:
        subscription.hashed = False
    subscription.free()


def unregister_under_lock(task: Task, range: PageRange) -> None:
    """With the lock held that callbacks of the driver take."""
    mm = task.mm
    subscription = mm.notifiers.subscriptions[0]
    driver: Any = subscription.subscriber
    lifetime_of(mm).unbind()
    with driver.outer:
        mm.notifiers.unregister(subscription)
    subscription.free()


def get_then_munmap(task: Task, range: PageRange) -> None:
    """A second user comes, and the process unmaps what its devices use."""
    mmu_notifier_get(task, range)
    munmap(task, range)


def get_unbooked(task: Task, range: PageRange) -> None:
    """What is seen on the list may be put before it is used; nobody keeps books of who has it."""
    mm = task.mm
    notifiers: Any = mm.notifiers
    subscription = notifiers.subscriptions[0]
    with mm.mmap_lock.write():
        found = READ_ONCE(subscription.hashed)
    if found:
        lifetime_of(mm).bind()
    munmap(task, range)


def get_without_lock(task: Task, range: PageRange) -> None:
    """What is seen on the list may be put before it is counted."""
    mm = task.mm
    notifiers: Any = mm.notifiers
    subscription = notifiers.subscriptions[0]
    with mm.mmap_lock.write():
        found = READ_ONCE(subscription.hashed)
        if found:
            with notifiers.lock:
                notifiers.users += 1
                notifiers.got(subscription)


def put_in_two_sections(task: Task, range: PageRange) -> None:
    """Counted down under the lock, and taken off the list under it, but not in one go: somebody
    may get it in between."""
    mm = task.mm
    notifiers: Any = mm.notifiers
    subscription = notifiers.subscriptions[0]
    lifetime_of(mm).unbind()
    notifiers.no_longer_held()
    with notifiers.lock:
        notifiers.users -= 1
        is_last = notifiers.users == 0
    if is_last:
        with notifiers.lock:
            subscription.hashed = False
        schedule_work(notifiers.free_srcu)


def exit_without_waiting(task: Task, range: PageRange) -> None:
    """A module that is unloaded at once."""
    notifiers: Any = task.mm.notifiers
    mmu_notifier_put(task, range)
    notifiers.unload()


def exit_with_barrier(task: Task, range: PageRange) -> None:
    """One that waits for callbacks: srcu_barrier()."""
    notifiers: Any = task.mm.notifiers
    mmu_notifier_put(task, range)
    flush_work(notifiers.free_srcu)
    notifiers.unload()


OWN = {
    operation.name: operation
    for operation in (
        Operation("unmap_mapping_range", unmap_mapping_range, outside=True),
        Operation("unmap_one", unmap_one, outside=True),
        Operation(
            "register_without_locks",
            register_without_locks,
            parts=(Unregistered,),
            lifetime=LifetimeRole.BEGINS,
        ),
        Operation(
            "register_without_vma_locks",
            register_without_vma_locks,
            parts=(Unregistered,),
            lifetime=LifetimeRole.BEGINS,
        ),
        Operation("write_fault_under_vma_lock", write_fault_under_vma_lock),
        Operation(
            "unregister_without_waiting",
            unregister_without_waiting,
            parts=(Lifetime,),
            lifetime=LifetimeRole.ENDS,
            outside=True,
        ),
        Operation(
            "unregister_under_lock",
            unregister_under_lock,
            parts=(Lifetime,),
            lifetime=LifetimeRole.ENDS,
            outside=True,
        ),
        *(
            Operation(each.__name__, each, parts=(Lifetime,), lifetime=LifetimeRole.SHARES)
            for each in (get_then_munmap, get_unbooked, get_without_lock)
        ),
        *(
            Operation(each.__name__, each, parts=(Lifetime,), lifetime=role, outside=True)
            for each, role in (
                (put_in_two_sections, LifetimeRole.PUTS),
                (exit_without_waiting, LifetimeRole.ENDS),
                (exit_with_barrier, LifetimeRole.ENDS),
            )
        ),
    )
}


def check(
    driver: str | type[Driver],
    kernel: str,
    operations: str,
    effort: Effort | None = None,
    audited: bool = False,
) -> ScenarioResult:
    """Search one scenario: a shipped driver or a class, operations joined by `+`."""
    cls = DRIVERS[driver] if isinstance(driver, str) else driver
    found = tuple(OWN.get(name) or OPERATIONS[name] for name in operations.split("+"))
    chosen = effort or Effort()
    request = Request(
        cls,
        cls.__name__,
        parse_version(kernel),
        found,
        pairs=len(found) > 1,
        effort=chosen,
        audited=audited,
    )
    case = next(each for each in request.cases if each.operations == found)
    return check_case(case, chosen)


def verdict(driver: str | type[Driver], kernel: str, operations: str) -> str:
    """`holds`, or the rule that breaks."""
    result = check(driver, kernel, operations)
    return result.rule or result.verdict
