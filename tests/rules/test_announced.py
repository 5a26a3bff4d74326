"""M1: whatever takes a page or a right from an entry is announced, before and after."""

from __future__ import annotations

import pytest

from shootdown.drivers.catalogue import DRIVERS
from shootdown.drivers.driver import Driver
from shootdown.lang.declare import PageRange
from shootdown.lang.geometry import Geometry
from shootdown.linux.notifiers.range import Event, MmuNotifierRange
from shootdown.linux.operations.catalogue import OPERATIONS, Operation
from shootdown.linux.task import Task
from shootdown.linux.version import parse_version
from shootdown.program.kind import READ_ONLY
from shootdown.scenarios.check import check_case
from shootdown.scenarios.effort import Effort
from shootdown.scenarios.system import Scenario

RULE = "announced-change"


def zap_without_a_word(task: Task, range: PageRange) -> None:
    """Clears entries, flushes CPUs, frees, and tells nobody."""
    task.mm.begin(range)
    with task.mm.mmap_lock.read():
        task.gather.zap_page_range(range)
        task.gather.flush()
    task.mm.end(range)


def zap_after_end(task: Task, range: PageRange) -> None:
    """Tells everybody, and then does it."""
    mm = task.mm
    mm.begin(range)
    with mm.mmap_lock.read():
        announced = MmuNotifierRange(range.start, range.end, Event.CLEAR, "zap_page_range_single")
        mm.notifiers.invalidate_range_start(announced)
        mm.notifiers.invalidate_range_end(announced)
        task.gather.zap_page_range(range)
        task.gather.flush()
    mm.end(range)


def protect_more_than_announced(task: Task, range: PageRange) -> None:
    """Announces a page less than it makes read-only."""
    mm = task.mm
    mm.begin(range)
    with mm.mmap_lock.write():
        for page in range:
            mm.vma[page] = READ_ONLY
        announced = MmuNotifierRange(
            range.start, range.end - 1, Event.PROTECTION_VMA, "change_protection"
        )
        mm.notifiers.invalidate_range_start(announced)
        with mm.page_table_lock:
            for page in range:
                mm.protect(page, READ_ONLY)
        mm.notifiers.invalidate_range_end(announced)
        mm.arch.flush_tlb_range(range)
    mm.end(range)


def broken_rule(driver: type[Driver], kernel: str, operation: Operation) -> str | None:
    """The rule that one operation breaks; None if it holds."""
    scenario = Scenario(driver, parse_version(kernel), (operation,), Geometry(frames=5))
    result = check_case(scenario.sized, Effort())
    assert result.verdict in ("holds", "violated")
    found = result.counterexample
    return found.rule if found is not None else None


@pytest.mark.parametrize(
    "function", [zap_without_a_word, zap_after_end, protect_more_than_announced]
)
@pytest.mark.parametrize("kernel", ["4.12", "6.18"])
def test_what_was_not_announced_is_found(function: object, kernel: str) -> None:
    """Broken operations, whether or not a device would come to grief."""
    name = "kvm-witness" if kernel == "6.18" else "kvm-witness-2.6.27"
    operation = Operation("broken", function)  # type: ignore[arg-type]
    assert broken_rule(DRIVERS[name], kernel, operation) == RULE


@pytest.mark.parametrize("kernel", ["2.6.27", "4.12"])
@pytest.mark.parametrize("name", ["write_fault", "munmap", "mremap"])
def test_single_pages_were_told_by_invalidate_page(name: str, kernel: str) -> None:
    """Up to 4.12 a copy in a fault, and others, change one entry and tell of it at once."""
    assert broken_rule(DRIVERS["kvm-witness-2.6.27"], kernel, OPERATIONS[name]) is None


@pytest.mark.parametrize("name", ["write_fault", "madvise_dontneed", "mprotect"])
def test_operations_announce_what_they_do(name: str) -> None:
    """On the newest kernel."""
    assert broken_rule(DRIVERS["kvm-witness"], "6.18", OPERATIONS[name]) is None
