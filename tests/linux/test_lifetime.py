"""Subscriptions and address spaces come and go: the history of B17 and B22, release, D9, D11; get
and put, the exit of a module, B42."""

from __future__ import annotations

import pytest

from shootdown.drivers.hmm_mirror import HmmMirror
from shootdown.drivers.kvm import Kvm
from shootdown.lang.declare import Flag, Mutex, PageRange
from shootdown.linux.lifetime import Lifetime
from shootdown.linux.mm import Mm
from shootdown.linux.notifiers.interval import MmuIntervalNotifier
from shootdown.linux.notifiers.range import MmuNotifierRange
from shootdown.linux.operations.catalogue import OPERATIONS
from shootdown.linux.operations.mmu_notifier import mmu_notifier_get
from shootdown.linux.version import parse_version
from shootdown.machine.reductions import Reductions
from shootdown.scenarios.effort import Effort

from .lifetimes import check, verdict
from .recording import Page, record


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


@pytest.mark.parametrize(
    ("driver", "kernel"),
    [
        ("kvm", "5.4"),
        ("kvm", "6.19"),
        ("sva", "6.6"),
        ("sgi-gru", "6.19"),
        ("kvm", "6.4+tlb_notifier"),
    ],
)
@pytest.mark.parametrize(
    "operations",
    [
        "mmu_notifier_get",
        "munmap+mmu_notifier_get",
        "mmu_notifier_get+mmu_notifier_put",
        "get_then_munmap+mmu_notifier_put",
        "mmput+mmu_notifier_put",
    ],
)
def test_counted_subscriptions(driver: str, kernel: str, operations: str) -> None:
    """One user comes while the last one goes: either the old subscription stays, and its devices
    are told, or it was off the list before anybody looked."""
    assert verdict(driver, kernel, operations) == "holds"


def test_two_subscribers_and_a_put() -> None:
    """The one beside the counted subscription stays."""
    assert verdict("kvm-beside-i915", "5.11", "mmu_notifier_put") == "holds"


@pytest.mark.parametrize(
    ("operations", "expected"),
    [
        ("get_without_lock+mmu_notifier_put", "freed-while-held"),
        ("mmu_notifier_get+put_in_two_sections", "freed-while-held"),
        ("get_unbooked+mmu_notifier_put", "freed-frame"),
    ],
)
def test_get_and_put_need_one_lock(operations: str, expected: str) -> None:
    """The list and the count are one thing: looked at apart, what is got is freed, and its devices
    are not told."""
    assert verdict("kvm", "6.19", operations) == expected


@pytest.mark.parametrize("kernel", ["5.4", "6.6", "6.19"])
def test_get_sends_nothing(kernel: str) -> None:
    """mmap_lock for writing, and no callback."""
    found = record(kernel, mmu_notifier_get, [Page()], locks=True, parts=(Lifetime,))
    assert found.text == "w ."
    assert found.state["lifetime.bound"] == [2]
    assert found.state["notifiers.users"] == [2]


class Counted(Kvm):
    """A driver with free_notifier, which is called once."""

    def __init__(self, mm: Mm) -> None:
        super().__init__(mm)
        self.freed = Flag()

    def free_notifier(self) -> None:
        assert not self.freed
        self.freed = True


@pytest.mark.parametrize("operations", ["mmu_notifier_put", "mmu_notifier_get+mmu_notifier_put"])
def test_freed_once(operations: str) -> None:
    """By the last put, if by any."""
    assert verdict(Counted, "6.19", operations) == "holds"


@pytest.mark.parametrize("kernel", ["5.4", "6.6", "6.19"])
def test_exit_of_a_module(kernel: str) -> None:
    """A grace period has passed, and the callback of another CPU has still not run; srcu_barrier()
    would wait for it."""
    (bug,) = OPERATIONS["mmu_notifier_synchronize"].known_bugs
    assert bug.concerns("kvm", parse_version(kernel), "x86")
    assert verdict(Counted, kernel, "mmu_notifier_synchronize") == bug.rule
    assert verdict(Counted, kernel, "exit_with_barrier") == "holds"
    assert verdict(Counted, kernel, "munmap+exit_with_barrier") == "holds"
    assert verdict(Counted, kernel, "exit_without_waiting") == "callback-after-exit"


def test_registration_needs_the_locks_of_vmas() -> None:
    """B42: a fault that copies holds nothing but the lock of its VMA (6.4)."""
    faulting = "write_fault_under_vma_lock"
    found = verdict("kvm", "6.4", f"{faulting}+register_without_vma_locks")
    assert found == "counter-underflow"
    assert verdict("kvm", "6.4", f"{faulting}+mmu_notifier_register") == "holds"
    assert verdict("kvm", "6.4", "write_fault+register_without_vma_locks") == "holds"


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
        ("sva", "6.19", "mmu_notifier_get+mmu_notifier_put", False),
        ("sva", "6.19", "mmu_notifier_get+put_in_two_sections", False),
        ("sva", "6.19", "mmu_notifier_synchronize", False),
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
