"""What an invalidation has to do, shown by devices that do less."""

from __future__ import annotations

import pytest

from shootdown.drivers.driver import Driver
from shootdown.drivers.hardware_tlb import Sva
from shootdown.drivers.kvm import Kvm

from .checking import check, outcome
from .hardware import (
    FlushesEverything,
    FlushesFirstDevice,
    FlushesOnePage,
    HastyKvm,
    HastySva,
    KvmWithoutFlush,
    RememberingSva,
)


@pytest.mark.parametrize(
    ("driver", "operation", "expected"),
    [
        (HastySva, "munmap", ("freed-frame", 9)),
        (HastySva, "madvise_dontneed", ("freed-frame", 9)),
        (HastySva, "write_fault", ("replaced-page", 14)),
        (HastySva, "mprotect", ("stale-permission", 10)),
        (HastyKvm, "munmap", ("freed-frame", 17)),
        (HastyKvm, "fork", ("stale-permission", 20)),
    ],
)
def test_completion_waits_for_accesses_in_flight(
    driver: type[Driver], operation: str, expected: tuple[str, int]
) -> None:
    """Without that wait even correct drivers fail, in a dozen steps or two."""
    result = check(driver, operation)
    assert outcome(result) == expected
    assert result.counterexample is not None
    assert result.counterexample.steps[-1].actor == "device0"


@pytest.mark.parametrize("operation", ["munmap", "mprotect"])
def test_the_tlb_of_a_shadow_table_needs_its_flush(operation: str) -> None:
    """Clearing the table is not enough: the device caches what it walked."""
    rule = {"munmap": ("freed-frame", 16), "mprotect": ("stale-permission", 19)}[operation]
    assert outcome(check(KvmWithoutFlush, operation)) == rule


def test_a_range_is_all_of_its_pages() -> None:
    """A flush of the first page leaves the second one's translation, whose page is freed."""
    assert outcome(check(FlushesOnePage, "munmap", gather=2)) == ("narrow-flush", 11)


def test_walk_caches_are_part_of_an_invalidation() -> None:
    """B4: a flush that leaves pointers to page tables lets the walker use a freed one."""
    assert outcome(check(RememberingSva, "munmap", gather=4)) == ("freed-table", 17)
    assert outcome(check(RememberingSva, "madvise_dontneed", gather=4)) == (None, 11657)


def test_broader_is_safe() -> None:
    """Flushing everything holds too; it only costs more."""
    assert outcome(check(FlushesEverything, "munmap")) == (None, 3553)


@pytest.mark.parametrize(
    ("driver", "expected"),
    [(Sva, (None, 407332)), (FlushesFirstDevice, ("narrow-flush", 8)), (Kvm, (None, 470077))],
)
def test_two_devices(driver: type[Driver], expected: tuple[str | None, int]) -> None:
    """One command reaches every device of a driver; a driver that forgets one fails there."""
    result = check(driver, "munmap", devices=2)
    assert outcome(result) == expected
