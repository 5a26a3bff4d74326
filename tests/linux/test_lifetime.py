"""Subscriptions and address spaces come and go: the history of B17 and B22, release, D9, D11."""

from __future__ import annotations

import pytest

from shootdown.drivers.hmm_mirror import HmmMirror
from shootdown.drivers.kvm import Kvm
from shootdown.lang.declare import Mutex, PageRange
from shootdown.linux.mm import Mm
from shootdown.linux.notifiers.interval import MmuIntervalNotifier
from shootdown.linux.notifiers.range import MmuNotifierRange
from shootdown.machine.reductions import Reductions
from shootdown.scenarios.effort import Effort

from .lifetimes import check, verdict


@pytest.mark.parametrize(
    ("kernel", "truncated", "unregistered"),
    [
        ("2.6.27", "freed-frame", "holds"),
        ("3.6", "holds", "unlinked-twice"),
        ("3.9", "freed-frame", "holds"),
        ("3.10", "holds", "holds"),
        ("4.12", "holds", "holds"),
    ],
)
def test_release_against_truncate_and_unregister(
    kernel: str, truncated: str, unregistered: str
) -> None:
    """B17: unlinking before release loses truncations (a); release before unlinking unlinks twice
    (b); 3.9 brought (a) back; from 3.10 on both hold."""
    assert verdict("kvm-2.6.27", kernel, "mmput+unmap_mapping_range") == truncated
    assert verdict("kvm-2.6.27", kernel, "mmput+mmu_notifier_unregister") == unregistered


@pytest.mark.parametrize(
    ("driver", "kernel"), [("kvm", "4.13"), ("kvm", "6.19"), ("sva", "6.6"), ("sgi-gru", "6.19")]
)
@pytest.mark.parametrize(
    "operations",
    [
        "mmput",
        "mmput+unmap_mapping_range",
        "munmap+mmu_notifier_register",
        "unmap_mapping_range+mmu_notifier_register",
        "madvise_dontneed+mmu_notifier_unregister",
        "mmput+mmu_notifier_unregister",
    ],
)
def test_drivers_that_are_ready(driver: str, kernel: str, operations: str) -> None:
    """Shipped drivers register, unregister and end while operations go on."""
    assert verdict(driver, kernel, operations) == "holds"


@pytest.mark.parametrize("kernel", ["5.5", "5.18", "6.19"])
@pytest.mark.parametrize(
    "operations",
    ["mmput", "mmput+unmap_mapping_range", "madvise_dontneed+mmu_interval_notifier_insert"],
)
def test_intervals_come_and_go(kernel: str, operations: str) -> None:
    """Inserted while a range is under way, told of RELEASE and of the teardown."""
    assert verdict("test-hmm", kernel, operations) == "holds"


@pytest.mark.parametrize(
    ("kernel", "expected"),
    [("5.5", "callback-after-unregister"), ("5.17", "callback-after-unregister"),
     ("5.18", "holds"), ("6.19", "holds")],
)  # fmt: skip
def test_interval_removal(kernel: str, expected: str) -> None:
    """B22: a lockless look at the sequence lets remove return before it was removed."""
    operations = "madvise_dontneed+mmu_interval_notifier_remove"
    assert verdict("test-hmm", kernel, operations) == expected


def test_exit_against_removal() -> None:
    """The RELEASE of an interval and its removal at the same time."""
    assert verdict("test-hmm", "6.19", "mmput+mmu_interval_notifier_remove") == "holds"


def test_put() -> None:
    """5.4: freed by SRCU when every reader has left; release is not called."""
    assert verdict("kvm", "5.4", "munmap+mmu_notifier_put") == "holds"


def test_registration_needs_its_locks() -> None:
    """M7: without mm_take_all_locks() an end comes whose start was missed."""
    found = verdict("kvm", "6.19", "munmap+register_without_locks")
    assert found == "counter-underflow"


def test_unregister_has_to_wait() -> None:
    """D9: freed while a callback still runs."""
    found = verdict("kvm", "6.19", "munmap+unregister_without_waiting")
    assert found == "callback-after-unregister"


class ForgetsRelease(Kvm):
    """Release does nothing: the guest goes on with what is mapped."""

    def release(self) -> None:
        pass


class IgnoresRelease(HmmMirror):
    """The interval's RELEASE is taken for something that concerns nobody."""

    def invalidate(
        self, interval: MmuIntervalNotifier, range: MmuNotifierRange, cur_seq: int
    ) -> bool:
        return True


@pytest.mark.parametrize("driver", [ForgetsRelease, IgnoresRelease])
def test_access_after_release(driver: type[Kvm | HmmMirror]) -> None:
    """D9: the address space ends, and the device is still in it."""
    result = check(driver, "6.19", "mmput")
    assert (result.verdict, result.rule) == ("violated", "access-after-release")


def test_pinning_under_a_lock_of_start_deadlocks() -> None:
    """D10: start comes with mmap_lock and wants the mutex; the fault path has it, and wants
    mmap_lock."""
    assert verdict("hfi1-pins-under-mutex", "6.19", "munmap") == "deadlock"
    assert verdict("hfi1-sdma", "6.19", "munmap") == "holds"


class Locking(Kvm):
    """Start takes a mutex; `unregister_under_lock` of the tests knows it."""

    def __init__(self, mm: Mm) -> None:
        super().__init__(mm)
        self.outer = Mutex()

    def invalidate_range_start(self, range: PageRange) -> None:
        with self.outer:
            super().invalidate_range_start(range)

    def release(self) -> None:
        self.device.flush_all()


def test_unregistering_under_a_lock_of_callbacks_deadlocks() -> None:
    """D11: unregister waits for a callback, which waits for the lock that its caller holds."""
    assert verdict(Locking, "6.19", "madvise_dontneed+mmu_notifier_unregister") == "holds"
    assert verdict(Locking, "6.19", "madvise_dontneed+unregister_under_lock") == "deadlock"


@pytest.mark.parametrize(
    ("driver", "kernel", "operations", "audited"),
    [
        ("kvm-2.6.27", "3.6", "mmput+mmu_notifier_unregister", False),
        ("test-hmm", "5.17", "madvise_dontneed+mmu_interval_notifier_remove", False),
        ("sva", "6.19", "mmput", False),
        ("kvm", "6.19", "munmap", True),
        ("test-hmm", "6.19", "oom_reap_task_mm", True),
        ("kvm-beside-i915", "5.11", "oom_reap_task_mm", True),
    ],
)
def test_reductions_change_no_verdict(
    driver: str, kernel: str, operations: str, audited: bool
) -> None:
    """What comes and goes, and the books of an audit: every step apart, in every order."""
    everything = Reductions(merge=False, dead_variables=False, partial_order=False, symmetry=False)
    reduced = check(driver, kernel, operations, Effort(), audited)
    whole = check(driver, kernel, operations, Effort(reductions=everything), audited)
    assert (whole.verdict, whole.rule) == (reduced.verdict, reduced.rule)
    assert whole.states > reduced.states
