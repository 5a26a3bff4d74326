"""Operations on huge pages hold with the right drivers, and mistakes in them are found."""

from __future__ import annotations

import pytest

from shootdown.devices.iommu import Iommu
from shootdown.drivers.catalogue import DRIVERS
from shootdown.drivers.hardware_tlb import InvalidateRange
from shootdown.lang.declare import PageRange
from shootdown.linux.operations.catalogue import OPERATIONS, Operation
from shootdown.linux.operations.huge_pages import HUGE_PAGES
from shootdown.linux.version import parse_version
from shootdown.scenarios.check import check_case
from shootdown.scenarios.driver_request import Request
from shootdown.scenarios.effort import Effort
from shootdown.scenarios.verdict import ScenarioResult

from . import broken_huge as broken

SPOTS = (
    ("kvm", "3.15"), ("kvm", "6.0"), ("kvm", "6.18"), ("invalidate-range", "4.15"),
    ("invalidate-range", "6.1"), ("sva", "6.18"),
)  # fmt: skip


def check(driver: str, kernel: str, operation: Operation) -> ScenarioResult:
    """One device, one operation."""
    request = Request(DRIVERS[driver], driver, parse_version(kernel), (operation,))
    return check_case(request.cases[0], Effort())


@pytest.mark.parametrize(("driver", "kernel"), SPOTS)
@pytest.mark.parametrize("operation", HUGE_PAGES, ids=lambda operation: operation.name)
def test_right_drivers(driver: str, kernel: str, operation: Operation) -> None:
    """What the kernel does right holds; what it is known to do wrong breaks the rule named."""
    version = parse_version(kernel)
    if not operation.exists_in(version):
        return
    bugs = [b for b in operation.known_bugs if b.concerns(driver, version, "x86")]
    result = check(driver, kernel, operation)
    expected = ("violated", bugs[0].rule) if bugs else ("holds", None)
    assert (result.verdict, result.rule) == expected


@pytest.mark.parametrize(
    ("driver", "operation", "rule"),
    [
        ("kvm", broken.SPLIT_FILE_NARROW, "stale-translation"),
        ("sva", broken.SPLIT_FILE_NARROW, "stale-translation"),
        ("kvm", broken.SPLIT_FILE_UNANNOUNCED, "stale-translation"),
        ("sva", broken.SPLIT_THROUGH_NONE, "stale-translation"),
        ("sva", broken.UNMAP_HUGE_FREEING_FIRST, "freed-frame"),
        ("sva", broken.RETRACT_FREEING_FIRST, "freed-table"),
        ("kvm", broken.COLLAPSE_WITHOUT_FLUSH, "freed-frame"),
        ("sva", broken.COLLAPSE_WITHOUT_FLUSH, "freed-frame"),
        ("sva", broken.MOVE_WITHOUT_FLUSH, "stale-translation"),
        ("sva", broken.COPY_RUN_NARROW, "stale-translation"),
        ("kvm", broken.UNSHARE_NARROW, "stale-translation"),
        ("sva", broken.UNSHARE_NARROW, "stale-translation"),
    ],
    ids=lambda value: getattr(value, "name", value),
)
def test_mistakes(driver: str, operation: Operation, rule: str) -> None:
    """Too narrow, too late, not announced, seen as none: each breaks the rule it should."""
    result = check(driver, "6.18", operation)
    assert (result.verdict, result.rule) == ("violated", rule)


class PiecemealIommu(Iommu):
    """A flush of a part leaves the rest of a large entry."""

    def drop_large(self, range: PageRange) -> None:
        pass


class PiecemealTlb(InvalidateRange):
    hardware = PiecemealIommu


def test_a_small_flush_has_to_drop_a_large_entry() -> None:
    """4.15 splits without telling secondary TLBs, then flushes one page: hardware that keeps the
    rest of the large entry is still right, as each page is flushed when it changes."""
    request = Request(PiecemealTlb, "piecemeal", (4, 15, 0), (OPERATIONS["dontneed_part_of_huge"],))
    result = check_case(request.cases[0], Effort())
    assert result.verdict == "holds"
