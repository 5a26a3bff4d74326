"""B5: from 3.7 to 4.10 invalidate_page came after the page-table lock, and a page that reclaim had
discarded could be replaced before those who used it heard of it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shootdown.drivers.catalogue import DRIVERS
from shootdown.lang.geometry import Geometry
from shootdown.linux.operations.catalogue import OPERATIONS
from shootdown.linux.start_backed import LAZYFREE
from shootdown.linux.version import parse_version
from shootdown.rules.access import DISCARDED_PAGE
from shootdown.scenarios.check import check_case
from shootdown.scenarios.effort import Effort
from shootdown.scenarios.system import Scenario
from shootdown.scenarios.verdict import ScenarioResult

from .checking import steps


def search(driver: str, kernel: str, *names: str, cpus: int = 0) -> ScenarioResult:
    """These at the same time, on one page that MADV_FREE gave up (on a private one before 4.5)."""
    operations = tuple(replace(OPERATIONS[name], patterns=((LAZYFREE,),)) for name in names)
    geometry = Geometry(pages=1, frames=5)
    version = parse_version(kernel)
    scenario = Scenario(DRIVERS[driver], version, operations, geometry, user_cpus=cpus)
    return check_case(scenario.sized, Effort())


@pytest.mark.parametrize(("driver", "length"), [("kvm-2.6.27", 26), ("invalidate-range-3.19", 21)])
@pytest.mark.parametrize("kernel", ["4.5", "4.10"])
def test_a_fault_comes_before_invalidate_page(driver: str, kernel: str, length: int) -> None:
    """A write fault maps a new page, and the device still reads the old one."""
    result = search(driver, kernel, "reclaim", "write_fault")
    assert (result.verdict, result.rule) == ("violated", DISCARDED_PAGE.name)
    assert steps(result) == length


@pytest.mark.parametrize("kernel", ["3.6", "4.4", "4.11", "4.12"])
def test_nothing_comes_between(kernel: str) -> None:
    """invalidate_page under the lock (up to 3.6, from 4.11 on) is in time; and from 3.7 to 4.4
    whatever reclaim unmaps is locked, so that a fault on it waits."""
    result = search("kvm-2.6.27", kernel, "reclaim", "write_fault")
    assert (result.verdict, DISCARDED_PAGE.name in result.covered.idle_rules) == ("holds", False)


@pytest.mark.parametrize(
    ("driver", "kernel"),
    [
        ("kvm", "4.13"),
        ("invalidate-range", "4.13"),
        ("invalidate-range", "6.5"),
        ("sva", "6.6"),
        ("kvm", "6.18"),
        ("sva", "6.18"),
    ],
)
def test_start_and_end_or_a_flush_under_the_lock(driver: str, kernel: str) -> None:
    """From 4.13 on, for those who mirror and for those behind an IOMMU."""
    assert search(driver, kernel, "reclaim", "write_fault").verdict == "holds"


@pytest.mark.parametrize("kernel", ["4.13", "6.18"])
def test_cpus_are_flushed_later(kernel: str) -> None:
    """A CPU may read the discarded page until the batch is flushed, as after MADV_DONTNEED."""
    assert search("kvm", kernel, "reclaim", cpus=1).verdict == "holds"
