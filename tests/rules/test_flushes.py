"""Rules about flushes: enough is dropped, and it is dropped before another page is in the place."""

from __future__ import annotations

import pytest

from shootdown import api
from shootdown.drivers.driver import Driver
from shootdown.drivers.hardware_tlb import InvalidateRange, NaiveTlb, SharedTable, Sva
from shootdown.drivers.intel_svm import IntelSva, IntelSvaOverflow, IntelSvmUnaligned
from shootdown.drivers.kvm import Kvm
from shootdown.drivers.smmu_v3 import SmmuV3Sva, SmmuV3SvaInclusive
from shootdown.lang.declare import PageRange
from shootdown.lang.geometry import Geometry
from shootdown.linux.addresses import PAGE_SHIFT, PAGE_SIZE, end_address, start_address
from shootdown.linux.notifiers import v3_19
from shootdown.linux.operations.catalogue import Operation
from shootdown.linux.operations.munmap import munmap
from shootdown.linux.start import PRIVATE
from shootdown.linux.task import Task
from shootdown.linux.version import parse_version
from shootdown.scenarios.check import check_case
from shootdown.scenarios.effort import Effort
from shootdown.scenarios.system import Scenario
from shootdown.scenarios.verdict import ScenarioResult

from .checking import check, steps


def unmap_inner(task: Task, range: PageRange) -> None:
    """munmap() of the two pages in the middle of four: neither end is a multiple of two."""
    munmap(task, PageRange(1, 3))


UNMAP_INNER = Operation("unmap_inner", unmap_inner, patterns=((PRIVATE,) * 4,))


def check_inner(driver: type[Driver], kernel: str) -> ScenarioResult:
    """Both pages are gathered before the flush."""
    geometry = Geometry(pages=4, entries=4, frames=7, gather=3)
    scenario = Scenario(driver, parse_version(kernel), (UNMAP_INNER,), geometry)
    return check_case(scenario.sized, Effort())


class SumInsteadOfProduct(SharedTable):
    """B12, as proposed and not merged: the end is start + (size of a page + number of pages)."""

    def arch_invalidate_secondary_tlbs(self, range: PageRange) -> None:
        pages = (end_address(range) - start_address(range)) >> PAGE_SHIFT
        size = PAGE_SIZE + pages
        self.device.flush_pages(start_address(range), size >> PAGE_SHIFT)


# --- narrow-flush ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("driver", "kernel", "operation", "rule"),
    [
        (IntelSvaOverflow, "6.6", "fork", "narrow-flush"),
        (IntelSvaOverflow, "6.6", "munmap", None),
        (IntelSvaOverflow, "6.6", "mprotect", None),
        (IntelSva, "6.6", "fork", None),
        (IntelSva, "6.19", "munmap", None),
        (SmmuV3Sva, "6.19", "fork", None),
        (SumInsteadOfProduct, "6.6", "mprotect", "narrow-flush"),
        (SumInsteadOfProduct, "6.6", "write_fault", None),
    ],
)
def test_a_flush_of_less(
    driver: type[Driver], kernel: str, operation: str, rule: str | None
) -> None:
    """B19: everything is no page at all where sizes wrap, seen with fork, which flushes everything.
    B12: a sum in the place of a product reaches the first page of two. One page is right always."""
    assert check(driver, kernel, operation).rule == rule


@pytest.mark.parametrize(
    ("driver", "kernel", "rule"),
    [
        (IntelSvmUnaligned, "5.17", "narrow-flush"),
        (InvalidateRange, "5.17", None),
        (IntelSva, "6.19", None),
        (SmmuV3Sva, "6.19", None),
    ],
)
def test_a_block_that_is_not_aligned(driver: type[Driver], kernel: str, rule: str | None) -> None:
    """B21: a block as large as the range, rounded down by hardware, ends before the range does; one
    that grows until it covers, or a list of pages, does not."""
    assert check_inner(driver, kernel).rule == rule


def test_the_run_that_shows_it() -> None:
    """The device has the second page cached, and still has it when the callback returns."""
    found = check_inner(IntelSvmUnaligned, "5.17").counterexample
    assert found is not None
    assert found.sentence.startswith("no page that a flush callback was told to drop")
    assert found.steps[-1].actor == "task0"


@pytest.mark.parametrize("operation", ["munmap", "fork"])
def test_a_loop_that_never_ends(operation: str) -> None:
    """B20: with the end taken for the last byte, the loop over commands gets nowhere."""
    found = api.check(SmmuV3SvaInclusive, "5.17", [operation], liveness=True)
    assert found.scenarios[0].rule == "no-progress"


@pytest.mark.parametrize("kernel", ["6.6", "6.13", "6.19"])
def test_size_nothing_is_everything(kernel: str) -> None:
    """B30: the driver of SMMUv3 invalidates a whole ASID for an empty range, so arm64's mistake
    costs it time only."""
    found = api.check(SmmuV3Sva, kernel, ["munmap", "mprotect"], arch="arm64")
    assert found.verdict == "holds"


# --- replaced-page --------------------------------------------------------------------------------


class TellsAtEnd(v3_19.Notifiers):
    """3.19 without the call under the page-table lock: the end tells, and that is all (B14)."""

    def pte_cleared_and_flushed(self, range: PageRange) -> None:
        pass


def test_another_page_too_early(monkeypatch: pytest.MonkeyPatch) -> None:
    """A copied page is mapped while the device still reads the old one: later told, too late."""
    assert check(InvalidateRange, "4.14", "write_fault").rule is None
    monkeypatch.setattr("shootdown.scenarios.system.generation_for", lambda kernel: TellsAtEnd)
    result = check(InvalidateRange, "4.14", "write_fault")
    assert (result.rule, steps(result)) == ("replaced-page", 13)


@pytest.mark.parametrize(
    ("driver", "kernel", "rule"),
    [
        (NaiveTlb, "3.18", "replaced-page"),
        (InvalidateRange, "4.15", None),
        (Sva, "6.6", None),
        (Kvm, "3.18", None),
    ],
)
def test_who_flushes_before(driver: type[Driver], kernel: str, rule: str | None) -> None:
    """A flush at start comes before the device has walked once more."""
    assert check(driver, kernel, "write_fault").rule == rule
