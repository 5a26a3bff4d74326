"""Every rule about drivers can be broken, by the mistake it is there for, and can hold."""

from __future__ import annotations

import pytest

from shootdown import api
from shootdown.drivers.driver import Driver
from shootdown.drivers.hardware_tlb import InvalidateRange, NaiveTlb, Sva
from shootdown.drivers.kvm import Kvm
from shootdown.rules.access import ACCESS_RULES, FREED_TABLE
from shootdown.rules.device import DEVICE_FAILURE
from shootdown.rules.rule import Rule

from .checking import check, counts, steps
from .drivers import (
    AnswersBlindly,
    EndsWithoutStart,
    FlushesAtEnd,
    NeverFlushes,
    OppositeLocks,
    RefusesAll,
    WaitsForFaults,
)


@pytest.mark.parametrize(
    ("driver", "operation", "gather", "length"),
    [
        (NaiveTlb, "munmap", 1, 10),
        (NaiveTlb, "munmap", 2, 13),
        (FlushesAtEnd, "munmap", 1, 8),
        (FlushesAtEnd, "munmap", 2, 11),
        (FlushesAtEnd, "madvise_dontneed", 1, 8),
        (NeverFlushes, "mmap", 1, 8),
        (NeverFlushes, "madvise_dontneed", 2, 10),
    ],
)
def test_freed_frame(driver: type[Driver], operation: str, gather: int, length: int) -> None:
    """An access through an entry of a page that was freed; later with a larger batch."""
    result = check(driver, "3.18", operation, gather=gather)
    assert (result.verdict, result.rule, steps(result)) == ("violated", "freed-frame", length)


@pytest.mark.parametrize(
    ("driver", "pages", "length"), [(NaiveTlb, 2, 23), (NaiveTlb, 3, 29), (FlushesAtEnd, 2, 21)]
)
def test_freed_table(driver: type[Driver], pages: int, length: int) -> None:
    """B4: with room in the batch frames outlive end, but the walk cache fills once more and then
    points to a table that free_pgtables gave away."""
    result = check(driver, "3.18", "munmap", pages=pages, gather=4)
    assert (result.verdict, result.rule, steps(result)) == ("violated", "freed-table", length)


@pytest.mark.parametrize(
    ("driver", "kernel", "expected"),
    [(InvalidateRange, "3.19", (2441, 4834, 43)), (Sva, "6.6", (3415, 7411, 53))],
)
def test_freed_table_holds(
    driver: type[Driver], kernel: str, expected: tuple[int, int, int]
) -> None:
    """The flush before tables are freed, which 3.19 brought, is enough."""
    result = check(driver, kernel, "munmap", gather=4)
    assert (result.verdict, counts(result)) == ("holds", expected)
    assert FREED_TABLE.name not in result.covered.idle_rules


def test_stale_translation() -> None:
    """A copied page is used through its old translation while the new one is mapped, and after the
    fault returned."""
    result = check(NeverFlushes, "3.18", "write_fault")
    assert (result.verdict, result.rule, steps(result)) == ("violated", "replaced-page", 13)
    found = api.check(NeverFlushes, "3.18", "write_fault", all_rules=True).scenarios[0].broken
    assert "stale-translation" in [run.rule for run in found]


@pytest.mark.parametrize("operation", ["mprotect", "fork"])
def test_stale_permission(operation: str) -> None:
    """A page is written through a right that was withdrawn."""
    result = check(NeverFlushes, "3.18", operation)
    assert (result.verdict, result.rule, steps(result)) == ("violated", "stale-permission", 9)


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        ("fork", (2401, 4403, 70)),
        ("mprotect", (1639, 3383, 39)),
    ],
)
def test_a_flush_at_end_is_enough_where_nothing_is_freed(
    operation: str, expected: tuple[int, int, int]
) -> None:
    """Stale translations and permissions are judged only when the operation has returned."""
    result = check(FlushesAtEnd, "3.18", operation)
    assert (result.verdict, counts(result)) == ("holds", expected)
    assert result.covered.idle_rules == ()


@pytest.mark.parametrize("operation", ["read_fault", "write_fault", "munmap", "mprotect", "fork"])
def test_device_failure(operation: str) -> None:
    """A driver that answers SUCCESS and does nothing wears out the device."""
    result = check(AnswersBlindly, "6.6", operation)
    assert (result.verdict, result.rule, steps(result)) == ("violated", "device-failure", 16)


def test_a_refused_request_is_no_failure() -> None:
    """INVALID ends the access at once: the device never repeats anything."""
    result = check(RefusesAll, "6.6", "munmap")
    assert (result.verdict, counts(result)) == ("holds", (1799, 4028, 24))
    assert result.covered.idle_rules == (DEVICE_FAILURE.name,)


@pytest.mark.parametrize(
    ("operation", "length"),
    [("write_fault", 11), ("mmap", 8), ("munmap", 8), ("mprotect", 9), ("fork", 8)],
)
def test_opposite_lock_orders_deadlock(operation: str, length: int) -> None:
    """Start holds one lock and wants the other; the fault path holds that and wants the first."""
    result = check(OppositeLocks, "6.6", operation)
    assert (result.verdict, result.rule, steps(result)) == ("violated", "deadlock", length)
    assert result.counterexample is not None
    assert [row.partition(" at ")[0] for row in result.counterexample.held] == [
        "task0 waits for driver.mmu_lock (held by device0)",
        "device0 waits for driver.outer (held by task0)",
    ]


@pytest.mark.parametrize(
    ("operation", "length", "waiting"),
    [
        ("read_fault", 8, ["device0 waits for driver.faulting (true, set by device0)"]),
        (
            "mmap",
            5,
            [
                "task0 waits for driver.faulting (true, set by device0)",
                "device0 waits for mm.mmap_lock (write-held by task0)",
            ],
        ),
        (
            "munmap",
            9,
            [
                "task0 waits for mm.mmap_lock (read-held by device0)",
                "device0 waits for driver.faulting (true, set by device0)",
            ],
        ),
    ],
)
def test_waiting_in_start_deadlocks(operation: str, length: int, waiting: list[str]) -> None:
    """Start waits for the fault path, which waits for the lock that the caller of start holds; or
    for itself, when its own copy-on-write calls start."""
    result = check(WaitsForFaults, "6.6", operation)
    assert (result.verdict, result.rule, steps(result)) == ("violated", "deadlock", length)
    assert result.counterexample is not None
    assert [row.partition(" at ")[0] for row in result.counterexample.held] == waiting


def test_an_end_without_a_start() -> None:
    """A counter that goes below zero says that begin and end do not balance."""
    result = check(EndsWithoutStart, "6.6", "munmap")
    assert (result.verdict, result.rule, steps(result)) == ("violated", "counter-underflow", 7)


def test_rules_say_what_they_are() -> None:
    """Names are those of reports, sentences begin with `no` or with the one who must not fail."""
    named = {rule.name: rule.sentence for rule in (*ACCESS_RULES, FREED_TABLE, DEVICE_FAILURE)}
    assert list(named) == [
        "lost-write",
        "freed-frame",
        "stale-translation",
        "replaced-page",
        "unrecorded-write",
        "stale-permission",
        "forbidden-access",
        "lost-dirty-bit",
        "freed-table",
        "device-failure",
    ]
    assert all(rule.verdict == "violated" for rule in ACCESS_RULES)
    assert {rule.name for rule in Rule.__subclasses__() if rule.verdict == "widen"} == {
        "out-of-frames"
    }
    assert named["freed-frame"] == "no access to a freed page frame"


@pytest.mark.parametrize("operation", ["write_fault", "mprotect", "fork", "madvise_dontneed"])
def test_all_access_rules_can_hold(operation: str) -> None:
    """Under a correct driver every rule about accesses is put to the test, and holds."""
    result = check(Kvm, "6.6", operation)
    assert (result.verdict, result.covered.idle_rules) == ("holds", ())
