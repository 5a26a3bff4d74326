"""Users of the API as in Linux, and each of them with its mistake, on the kernel it is for."""

from __future__ import annotations

import pytest

import shootdown
from shootdown.scenarios.verdict import CheckResult

TAKING = ("write_fault", "munmap", "mprotect", "madvise_dontneed")
CORRECT = (
    ("kvm-2.6.27", "2.6.27"), ("kvm-2.6.27", "3.6"), ("kvm-2.6.27", "4.12"),
    ("invalidate-range-3.19", "3.19"), ("umem-odp", "4.10"), ("test-hmm", "5.5"),
    ("test-hmm", "6.19"), ("sgi-gru", "3.7"), ("sgi-gru", "6.19"), ("nouveau-svm", "6.19"),
    ("hfi1-sdma", "6.19"), ("sva", "6.4+tlb_notifier"), ("sva", "6.6+short_circuit"),
    ("kvm", "4.14+short_circuit"), ("kvm", "6.4+tlb_notifier"),
)  # fmt: skip


def check(driver: str, kernel: str, operations: str, pairs: bool = False) -> CheckResult:
    """As from the command line."""
    return shootdown.check(driver, kernel=kernel, operations=operations, pairs=pairs)


@pytest.mark.parametrize(("driver", "kernel"), CORRECT)
def test_right_forms(driver: str, kernel: str) -> None:
    """They hold whatever is taken away, also under proposals that never landed."""
    result = check(driver, kernel, ",".join(TAKING))
    assert {row.name: row.rule for row in result.scenarios} == dict.fromkeys(TAKING)
    assert result.verdict == "holds"


@pytest.mark.parametrize(
    ("driver", "kernel", "operation", "rule"),
    [
        ("umem-odp-counts-late", "4.10", "munmap", "freed-frame"),
        ("start-only", "4.12", "munmap", "freed-frame"),
        ("start-only", "4.12", "mprotect", "stale-permission"),
        ("test-hmm-no-retry", "6.19", "munmap", "freed-frame"),
        ("test-hmm-no-set-seq", "6.19", "mprotect", "stale-permission"),
        ("test-hmm-reads-first", "6.19", "munmap", "freed-frame"),
        ("test-hmm-sleeps", "6.19", "oom_reap_task_mm", "sleep-in-atomic"),
        ("test-hmm-refuses", "6.19", "munmap", "refused-blockable"),
        ("sgi-gru-no-hardware", "6.19", "munmap", "freed-frame"),
        ("nouveau-no-interval", "6.19", "munmap", "freed-frame"),
        ("hfi1-pins-under-mutex", "6.19", "munmap", "deadlock"),
    ],
)
def test_mistakes(driver: str, kernel: str, operation: str, rule: str) -> None:
    """Each mistake breaks the rule that is there for it."""
    result = check(driver, kernel, operation)
    assert (result.verdict, result.scenarios[0].rule) == ("violated", rule)


def test_a_late_flush_takes_two() -> None:
    """B34: one munmap has emptied the table and not flushed yet, another finds nothing to flush."""
    (row,) = (
        row
        for row in check("kvm-late-flush", "2.6.28", "munmap,mprotect", pairs=True).scenarios
        if row.name == "munmap + mprotect"
    )
    assert (row.verdict, row.rule) == ("violated", "freed-frame")


@pytest.mark.parametrize("driver", ["kvm-change-pte", "kvm-2.6.27"])
@pytest.mark.parametrize(
    ("kernel", "rule"),
    [("2.6.32", "replaced-page"), ("3.5", "replaced-page"), ("3.6", None), ("3.7", None)],
)
def test_who_changes_first(driver: str, kernel: str, rule: str | None) -> None:
    """Up to 3.5 a CPU writes the new page while the guest reads the old one (48af0d7cb3c8)."""
    assert check(driver, kernel, "write_fault").scenarios[0].rule == rule


@pytest.mark.parametrize(("kernel", "reached"), [("3.6", True), ("3.7", False), ("4.12", False)])
def test_change_pte_does_nothing(kernel: str, reached: bool) -> None:
    """B18: from 3.7 on start has dropped the entry, and there is none to change."""
    result = check("kvm-change-pte", kernel, "write_fault")
    unreached = [line for line in result.covered.never if "READ_ONLY" in line.text]
    assert (not unreached) == reached
