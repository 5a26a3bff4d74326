"""The contract between Linux and subscribers: M2, M3, M7, D2, D3, D8, D13, broken and holding."""

from __future__ import annotations

import pytest

from shootdown.drivers.catalogue import DRIVERS
from shootdown.drivers.driver import Driver
from shootdown.linux.operations.catalogue import OPERATIONS
from shootdown.linux.version import parse_version
from shootdown.scenarios.check import check_case
from shootdown.scenarios.driver_request import Request
from shootdown.scenarios.effort import Effort

from .contracts import OWN, ExpectsOwnPages, OwnInterval

MIRRORS = ("kvm", "test-hmm", "sgi-gru")


def verdict(driver: str | type[Driver], kernel: str, operations: str, audited: bool = True) -> str:
    """`holds`, or the rule that breaks."""
    cls = DRIVERS[driver] if isinstance(driver, str) else driver
    found = tuple(OWN.get(name) or OPERATIONS[name] for name in operations.split("+"))
    request = Request(
        cls, cls.__name__, parse_version(kernel), found, len(found) > 1, audited=audited
    )
    case = next(each for each in request.cases if each.operations == found)
    result = check_case(case, Effort())
    return result.rule or result.verdict


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        ("as_it_should_be", "holds"),
        ("end_too_narrow", "ranges-differ"),
        ("end_too_wide", "ranges-differ"),
        ("end_without_start", "ranges-differ"),
    ],
)
@pytest.mark.parametrize(
    ("driver", "kernel"), [("kvm", "4.14"), ("kvm", "6.19"), ("test-hmm", "6.19"), ("sva", "6.19")]
)
def test_ranges_of_start_and_end(driver: str, kernel: str, operation: str, expected: str) -> None:
    """M7: whoever subscribes, the end is that of the start."""
    assert verdict(driver, kernel, operation) == expected


@pytest.mark.parametrize("operation", ["start_under_lock", "end_under_lock"])
def test_start_and_end_where_one_may_sleep(operation: str) -> None:
    """M2, without an audit: whatever the driver does, its callbacks may sleep."""
    assert verdict("kvm", "6.19", operation, audited=False) == "sleep-in-atomic"
    assert verdict("sva", "6.19", operation, audited=False) == "sleep-in-atomic"
    assert verdict("kvm-2.6.27", "3.6", operation, audited=False) == "holds"


def test_nothing_changes_after_a_refusal() -> None:
    """M3, first half: entries that go in spite of -EAGAIN are still mirrored."""
    assert verdict("test-hmm", "6.19", "reaps_anyway", audited=False) == "freed-frame"
    assert verdict("test-hmm", "6.19", "oom_reap_task_mm") == "holds"


def test_no_end_after_a_refusal() -> None:
    """M3, second half."""
    assert verdict("test-hmm", "6.19", "ends_after_refusal", audited=False) == "counter-underflow"
    assert verdict("kvm-beside-i915", "6.19", "ends_after_refusal") == "ranges-differ"


@pytest.mark.parametrize("driver", MIRRORS)
@pytest.mark.parametrize("operation", ["write_fault", "munmap", "madvise_dontneed", "mprotect"])
def test_mirrors_wait_until_end(driver: str, operation: str) -> None:
    """D2 holds for all three protocols."""
    assert verdict(driver, "6.19", operation) == "holds"


@pytest.mark.parametrize(
    "driver",
    ["kvm-no-in-progress", "start-only", "test-hmm-no-retry", "test-hmm-no-set-seq",
     "sgi-gru-no-hardware", "nouveau-no-interval", "umem-odp-counts-late"],
)  # fmt: skip
def test_a_mirror_that_does_not_wait(driver: str) -> None:
    """D2 tells before anything was freed."""
    kernel = "4.10" if driver == "umem-odp-counts-late" else "6.19"
    assert verdict(driver, kernel, "mprotect") == "use-while-invalidated"
    assert verdict(driver, kernel, "mprotect", audited=False) == "stale-permission"


def test_pinned_pages_may_be_old() -> None:
    """D3: hfi1 may use what it has pinned, also between start and end; not what is unpinned."""
    for operation in ("write_fault", "munmap", "mprotect"):
        assert verdict("hfi1-sdma", "6.19", operation) == "holds"
    assert verdict("hfi1-sdma", "6.19", "madvise_dontneed+munmap", audited=False) == "holds"
    assert verdict("hfi1-unpins-first", "6.19", "madvise_dontneed+munmap", audited=False) == (
        "freed-frame"
    )


@pytest.mark.parametrize(
    ("driver", "kernel", "expected"),
    [
        ("kvm-beside-i915", "4.19", "unbalanced-calls"),
        ("kvm-beside-i915", "5.11", "unbalanced-calls"),
        ("kvm-beside-i915", "5.12", "holds"),
        ("kvm-beside-i915", "6.19", "holds"),
        ("nouveau-svm", "5.5", "unbalanced-calls"),
        ("nouveau-svm", "6.19", "unbalanced-calls"),
        ("test-hmm", "5.5", "holds"),
    ],
)
def test_calls_balance_after_a_refusal(driver: str, kernel: str, expected: str) -> None:
    """D8: B23 was repaired in 5.12; B23 b, between intervals and the list, is open in 6.19."""
    assert verdict(driver, kernel, "oom_reap_task_mm") == expected


@pytest.mark.parametrize(
    ("driver", "expected"), [(ExpectsOwnPages, "assertion"), (OwnInterval, "holds")]
)
def test_who_hears_of_what(driver: type[Driver], expected: str) -> None:
    """D13: the list hears of the whole address space; an interval of what touches it."""
    assert verdict(driver, "6.19", "write_fault") == expected
