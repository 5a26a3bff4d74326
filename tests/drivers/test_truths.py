"""What the table must say, whatever its numbers: the history of the API, told by its users."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from shootdown.drivers.catalogue import DRIVERS
from shootdown.linux.operations.catalogue import OPERATIONS
from shootdown.linux.version import parse_version, show_version
from shootdown.scenarios.check import check_case
from shootdown.scenarios.driver_request import Request
from shootdown.scenarios.effort import Effort
from shootdown.scenarios.kernels import callbacks_of, default_kernel
from shootdown.scenarios.verdict import ScenarioResult

CHANGES = ("write_fault", "mmap", "munmap", "madvise_dontneed", "mprotect", "fork")
"""operations that take something away"""


def check(driver: str, kernel: str, operation: str) -> ScenarioResult:
    """One operation on one kernel."""
    request = Request(
        DRIVERS[driver], driver, parse_version(kernel), operations=(OPERATIONS[operation],)
    )
    (scenario,) = request.cases
    return check_case(scenario, Effort())


@pytest.mark.parametrize("kernel", ["3.18", "6.19"])
@pytest.mark.parametrize("operation", ["munmap", "madvise_dontneed", "mmap"])
def test_flushing_at_start_and_end_corrupts_memory(operation: str, kernel: str) -> None:
    """B1 and B2: the device fills its TLB again after start, and the page is freed before end."""
    result = check("naive-tlb", kernel, operation)
    assert (result.verdict, result.rule) == ("violated", "freed-frame")
    assert result.counterexample is not None
    assert len(result.counterexample.steps) == 10
    last = result.counterexample.steps[-1]
    assert (last.actor, last.function) == ("device0", "Device.run")


@pytest.mark.parametrize("operation", CHANGES)
def test_an_empty_page_table_ends_in_device_failure(operation: str) -> None:
    """B3: on 3.18 the device behind AMD IOMMUv2 faults until it gives up, under every change."""
    result = check("amd-iommu-v2", "3.18", operation)
    assert (result.verdict, result.rule) == ("violated", "device-failure")


def test_a_device_that_gives_up_had_faulted_again_and_again() -> None:
    """Each of the three faults of one access is answered SUCCESS, and the third ends it."""
    result = check("amd-iommu-v2", "3.18", "munmap")
    assert result.counterexample is not None
    answers = [
        change.after
        for step in result.counterexample.steps
        for change in step.changes
        if change.what == "device0.answer" and change.after != "0"
    ]
    assert answers == ["1", "1", "1"]


INSIDE = (("kvm", "4.20"), ("invalidate-range", "6.1"), ("sva", "6.12"))
"""correct drivers on kernels inside a generation"""


def meetings() -> Iterator[tuple[str, str, str]]:
    """Every operation with one of them, in turn, of those that it is for."""
    for number, (name, operation) in enumerate(OPERATIONS.items()):
        fits = [
            (driver, kernel)
            for driver, kernel in INSIDE
            if operation.is_for(parse_version(kernel), callbacks_of(DRIVERS[driver]))
        ]
        if fits:
            yield *fits[number % len(fits)], name


@pytest.mark.parametrize(("driver", "kernel", "operation"), list(meetings()))
def test_correct_drivers_hold(driver: str, kernel: str, operation: str) -> None:
    """What Linux does today is safe, on kernels inside a generation too. `shootdown matrix` has all
    drivers under all operations, and `test_table.py` those whose counts are kept."""
    bugs = [
        bug.rule
        for bug in OPERATIONS[operation].known_bugs
        if bug.concerns(driver, parse_version(kernel), "x86")
    ]
    result = check(driver, kernel, operation)
    expected = ("violated", bugs[0], None) if bugs else ("holds", None, None)
    assert (result.verdict, result.rule, result.reason) == expected


EXPECTED = {
    "write_fault": "replaced-page",
    "mmap": "freed-frame",
    "munmap": "freed-frame",
    "madvise_dontneed": "freed-frame",
    "mprotect": "stale-permission",
    "fork": "stale-permission",
}


@pytest.mark.parametrize("operation", CHANGES)
@pytest.mark.parametrize("driver", ["kvm-no-in-progress", "kvm-no-sequence"])
def test_half_of_the_retry_is_not_enough(driver: str, operation: str) -> None:
    """Either question of mmu_invalidate_retry() left out breaks every operation that takes."""
    result = check(driver, "6.19", operation)
    assert (result.verdict, result.rule) == ("violated", EXPECTED[operation])


LOUD = ("hfi1-pins-under-mutex", "test-hmm-refuses")
"""whose mistake is in what they do, whatever happens: a deadlock, a refusal"""


@pytest.mark.parametrize("driver", DRIVERS)
def test_more_rights_harm_nobody(driver: str) -> None:
    """A read fault only adds a translation: even the broken drivers hold."""
    kernel = default_kernel(DRIVERS[driver])
    assert kernel is not None
    verdict = "violated" if driver in LOUD else "holds"
    assert check(driver, show_version(kernel), "read_fault").verdict == verdict
