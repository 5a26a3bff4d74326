"""Starts that may not block, and sleeping: B5, B6, B23 and B23 b, M2, D12."""

from __future__ import annotations

import pytest

from shootdown.drivers.hmm_mirror import HmmMirror
from shootdown.drivers.kvm import Kvm
from shootdown.lang.declare import Mutex, PageRange, Spinlock
from shootdown.linux.mm import Mm
from shootdown.linux.notifiers.range import MmuNotifierRange
from shootdown.linux.notifiers.v4_19 import EAGAIN

from .lifetimes import verdict


@pytest.mark.parametrize(
    ("kernel", "expected"),
    [
        ("3.19", "holds"),
        ("4.10", "holds"),
        ("4.11", "sleep-in-atomic"),
        ("4.12", "sleep-in-atomic"),
    ],
)
def test_sleeping_in_invalidate_page(kernel: str, expected: str) -> None:
    """B6: the mutex of umem-odp was right until invalidate_page came under the page-table lock."""
    assert verdict("umem-odp", kernel, "unmap_one") == expected


@pytest.mark.parametrize("kernel", ["2.6.27", "2.6.32", "3.6", "3.7", "4.10", "4.11", "4.12"])
def test_kvm_hears_of_single_pages(kernel: str) -> None:
    """invalidate_page is enough, wherever it stands, for who counts it as start and end."""
    assert verdict("kvm-2.6.27", kernel, "unmap_one") == "holds"


@pytest.mark.parametrize(
    ("kernel", "expected"), [("3.7", "freed-frame"), ("4.12", "freed-frame"), ("4.13", "holds")]
)
def test_who_has_no_invalidate_page(kernel: str, expected: str) -> None:
    """Up to 4.12 reclaim announces nothing else; from 4.13 on start and end are enough."""
    assert verdict("kvm", kernel, "unmap_one") == expected


class Sleepy(Kvm):
    """A mutex in every callback of a range."""

    def __init__(self, mm: Mm) -> None:
        super().__init__(mm)
        self.outer = Mutex()

    def invalidate_range_start(self, range: PageRange) -> None:
        with self.outer:
            pass
        super().invalidate_range_start(range)


@pytest.mark.parametrize(("kernel", "expected"), [("3.6", "sleep-in-atomic"), ("3.7", "holds")])
def test_nobody_may_sleep_before_srcu(kernel: str, expected: str) -> None:
    """Up to 3.6 callbacks are called by an RCU reader."""
    assert verdict(Sleepy, kernel, "munmap") == expected


@pytest.mark.parametrize("driver", ["test-hmm-sleeps", Sleepy])
def test_a_start_that_may_not_block(driver: str | type[Kvm]) -> None:
    """A mutex in a start of the OOM reaper."""
    assert verdict(driver, "6.19", "oom_reap_task_mm") == "sleep-in-atomic"
    assert verdict("test-hmm", "6.19", "oom_reap_task_mm") == "holds"


def test_a_start_that_may_block_is_not_refused() -> None:
    """M3: -EAGAIN is legal only where blocking is not."""
    assert verdict("test-hmm-refuses", "6.19", "munmap") == "refused-blockable"
    assert verdict(RefusesAlways, "6.19", "munmap") == "refused-blockable"


class RefusesAlways(Kvm):
    """-EAGAIN whatever is asked, and an end."""

    def invalidate_range_start(self, range: MmuNotifierRange) -> int:  # type: ignore[override]
        return EAGAIN


class RefusesIfAsked(Kvm):
    """-EAGAIN if it may not block; with an end it cannot know what that end is for."""

    def invalidate_range_start(self, range: MmuNotifierRange) -> int:  # type: ignore[override]
        if not range.blockable:
            return EAGAIN
        super().invalidate_range_start(range)
        return 0


@pytest.mark.parametrize(
    ("kernel", "expected"), [("4.19", "holds"), ("5.11", "holds"), ("5.12", "refuses-with-end")]
)
def test_who_refuses_has_no_end(kernel: str, expected: str) -> None:
    """D8: from 5.12 on an end follows every refusal."""
    assert verdict(RefusesIfAsked, kernel, "oom_reap_task_mm") == expected


@pytest.mark.parametrize("kernel", ["5.5", "5.12", "6.18", "6.19"])
def test_a_refusal_after_an_interval_agreed(kernel: str) -> None:
    """B23 b: nothing takes back the count of ranges under way; the next fault waits for ever."""
    assert verdict("nouveau-svm", kernel, "oom_reap_task_mm") == "deadlock"


class SleepsInFlush(HmmMirror):
    """A mutex at a flush point."""

    def arch_invalidate_secondary_tlbs(self, range: PageRange) -> None:
        with self.mutex:
            pass


class SpinsInFlush(HmmMirror):
    """A spinlock there."""

    def __init__(self, mm: Mm) -> None:
        super().__init__(mm)
        self.spinlock = Spinlock()

    def arch_invalidate_secondary_tlbs(self, range: PageRange) -> None:
        with self.spinlock:
            pass


@pytest.mark.parametrize(
    ("driver", "expected"), [(SleepsInFlush, "sleep-in-atomic"), (SpinsInFlush, "holds")]
)
def test_flush_points_may_not_sleep(driver: type[HmmMirror], expected: str) -> None:
    """D12, wherever the flush comes from: here without the page-table lock."""
    assert verdict(driver, "6.6", "munmap") == expected
