"""Operations that watch who writes, or who uses what: the right ones hold, mistakes are found."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from shootdown.drivers.kvm import Kvm
from shootdown.lang.declare import PageRange, might_sleep
from shootdown.linux.notifiers.range import Event, MmuNotifierRange
from shootdown.linux.notifiers.v4_19 import EAGAIN
from shootdown.linux.operations.clear_refs import clear_soft_dirty
from shootdown.linux.operations.numa_balancing import prot_numa
from shootdown.linux.task import Task

from .trying import attempt, instead, outcome

BRANCHES = {
    "clear_refs_write": ("3.14", "3.19", "4.15", "5.8", "5.11", "6.6", "6.19"),
    "userfaultfd_writeprotect": ("5.7", "6.1", "6.6", "6.19"),
    "do_pagemap_scan": ("6.7", "6.19"),
    "folio_referenced_one": ("3.7", "3.19", "6.6", "6.19"),
    "page_idle_clear_pte_refs_one": ("4.3", "6.6", "6.19"),
    "damon_young": ("5.15", "6.6", "6.19"),
    "walk_pte_range": ("6.1", "6.14", "6.19"),
    "change_prot_numa": ("3.15", "3.19", "6.1", "6.6", "6.19"),
    "oom_reap_task_mm": ("4.14", "4.16", "4.19", "6.6", "6.19"),
}
"""kernels between which an operation changes, or what it calls"""


@pytest.mark.parametrize(
    ("operation", "kernel"), [(name, kernel) for name in BRANCHES for kernel in BRANCHES[name]]
)
def test_what_linux_does_holds(operation: str, kernel: str) -> None:
    """With KVM, and with hardware that walks the table, as far as the kernel has drivers of it."""
    version = tuple(int(part) for part in kernel.split("."))
    assert outcome(attempt("kvm", kernel, operation)) == ("holds", None)
    if version >= (6, 6):
        assert outcome(attempt("sva", kernel, operation)) == ("holds", None)
    elif version >= (3, 19):
        assert outcome(attempt("invalidate-range", kernel, operation)) == ("holds", None)


# --- who writes ---------------------------------------------------------------------------------


def clear_refs_without_notifier(task: Task, range: PageRange) -> None:
    """As in 3.11-rc: nobody is told."""
    mm = task.mm
    mm.begin(range)
    with mm.mmap_lock.read():
        with mm.page_table_lock:
            for page in mm.whole:
                clear_soft_dirty(mm, page)
        mm.arch.flush_tlb_mm()
    mm.end(range)


def protect_without_flush(task: Task, range: PageRange) -> None:
    """UFFDIO_WRITEPROTECT whose entries change and stay in every TLB."""
    mm = task.mm
    assert mm.userfaultfd is not None
    announced = MmuNotifierRange(range.start, range.end, Event.PROTECTION_VMA, "nowhere")
    mm.begin(range)
    with mm.mmap_lock.read():
        mm.notifiers.invalidate_range_start(announced)
        with mm.page_table_lock:
            for page in range:
                mm.userfaultfd.write_protect(page)
        mm.notifiers.invalidate_range_end(announced)
    mm.end(range)


def scan_ends_too_soon(task: Task, range: PageRange) -> None:
    """PAGEMAP_SCAN whose end comes before it has protected anything."""
    mm = task.mm
    assert mm.userfaultfd is not None
    announced = MmuNotifierRange(range.start, range.end, Event.PROTECTION_VMA, "nowhere")
    mm.begin(range)
    with mm.mmap_lock.read():
        mm.notifiers.invalidate_range_start(announced)
        mm.notifiers.invalidate_range_end(announced)
        with mm.page_table_lock:
            for page in range:
                mm.userfaultfd.write_protect(page)
            mm.arch.flush_tlb_range(range)
    mm.end(range)


def test_a_guest_that_is_not_told_writes_unseen() -> None:
    """B16: KVM keeps its writable entry; whoever saves the process misses the page."""
    broken = instead("clear_refs_write", clear_refs_without_notifier)
    assert outcome(attempt("kvm", "3.11", broken)) == ("violated", "unrecorded-write")
    assert outcome(attempt("sva", "6.6", broken)) == ("holds", None)


@pytest.mark.parametrize(
    ("kernel", "expected"),
    [
        ("5.5", ("holds", None)),
        ("5.6", ("violated", "unrecorded-write")),
        ("5.10", ("violated", "unrecorded-write")),
        ("5.11", ("holds", None)),
    ],
)
def test_cpus_that_are_not_flushed_write_unseen(
    kernel: str, expected: tuple[str, str | None]
) -> None:
    """From 5.6 to 5.10 clear_refs flushed no CPU (0758cd830494 to 912efa17e512)."""
    assert outcome(attempt("kvm", kernel, "clear_refs_write", cpus=1)) == expected


@pytest.mark.parametrize(
    ("function", "name", "driver"),
    [
        (protect_without_flush, "userfaultfd_writeprotect", "sva"),
        (protect_without_flush, "do_pagemap_scan", "sva"),
        (scan_ends_too_soon, "do_pagemap_scan", "kvm"),
    ],
)
def test_writes_past_a_protection(function: Callable[..., None], name: str, driver: str) -> None:
    """Without the flush hardware goes on writing; with an end too early KVM does."""
    found = attempt(driver, "6.18", instead(name, function))
    assert outcome(found) == ("violated", "unrecorded-write")


# --- who uses what ------------------------------------------------------------------------------

AGING = ("folio_referenced_one", "page_idle_clear_pte_refs_one", "damon_young", "walk_pte_range")


@pytest.mark.parametrize("operation", AGING)
def test_young_callbacks(operation: str) -> None:
    """Rows 48 and 49: what the guest used is found, unless the driver forgets it."""
    assert outcome(attempt("kvm-aging", "6.18", operation)) == ("holds", None)
    lost = attempt("kvm-forgets-young", "6.18", operation)
    assert outcome(lost) == ("violated", "lost-reference")


def test_the_first_multi_generational_lru_asked_nobody() -> None:
    """From 6.1 to 6.13 memory that only a guest uses looked idle to the walk."""
    assert outcome(attempt("kvm-aging", "6.13", "walk_pte_range")) == ("violated", "lost-reference")


def numa_hints_without_notifier(task: Task, range: PageRange) -> None:
    """Rights are taken, CPUs flushed, and no driver told."""
    mm = task.mm
    mm.begin(range)
    with mm.mmap_lock.read():
        with mm.page_table_lock:
            for page in range:
                prot_numa(mm, page)
        mm.arch.flush_tlb_range(range)
    mm.end(range)


def test_a_guest_that_hears_of_no_hint_is_never_seen() -> None:
    """Row 5: it goes on through an entry that the process does not have any more."""
    broken = instead("change_prot_numa", numa_hints_without_notifier)
    assert outcome(attempt("kvm", "6.18", broken)) == ("violated", "stale-translation")


# --- a start that may be refused ----------------------------------------------------------------


class Refuses(Kvm):
    """Refuses what may not block, and does nothing then; so it must not have an end."""

    def invalidate_range_start(self, range: MmuNotifierRange) -> Any:
        if not range.blockable:
            return EAGAIN
        super().invalidate_range_start(range)
        return 0

    def invalidate_range_end(self, range: MmuNotifierRange) -> None:
        if range.blockable:
            super().invalidate_range_end(range)


class Sleeps(Kvm):
    """Takes a lock that sleeps, whether it may or not (hfi1, read in 6.18)."""

    def invalidate_range_start(self, range: PageRange) -> None:
        might_sleep()
        super().invalidate_range_start(range)


def reaps_in_spite_of_refusal(task: Task, range: PageRange) -> None:
    """M3 forgotten: the answer is not looked at."""
    mm = task.mm
    announced = MmuNotifierRange(range.start, range.end, Event.UNMAP, "nowhere", blockable=False)
    mm.begin(range)
    with mm.mmap_lock.read():
        mm.notifiers.invalidate_range_start_nonblock(announced)
        task.gather.zap_page_range(range)
        mm.notifiers.invalidate_range_end(announced)
        task.gather.flush()
    mm.end(range)


def test_a_refused_reaper_touches_nothing() -> None:
    """Row 45, M3: refused, it leaves everything; if it did not, pages would be freed under the
    device. On 5.10: from 5.12 on who refuses must not have an end (`refuses-with-end`)."""
    assert outcome(attempt(Refuses, "5.10", "oom_reap_task_mm")) == ("holds", None)
    broken = instead("oom_reap_task_mm", reaps_in_spite_of_refusal)
    assert outcome(attempt(Refuses, "5.10", broken)) == ("violated", "freed-frame")


def test_a_start_that_may_not_block() -> None:
    """Row 45: a driver that sleeps all the same is found, from 4.19 on; before it is skipped."""
    sleeping = attempt(Sleeps, "6.18", "oom_reap_task_mm")
    assert outcome(sleeping) == ("violated", "sleep-in-atomic")
    assert outcome(attempt(Sleeps, "4.16", "oom_reap_task_mm")) == ("holds", None)
