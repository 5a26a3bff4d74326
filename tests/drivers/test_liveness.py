"""Every device gets through in the end: what is true of the shipped drivers, and broken ones."""

from __future__ import annotations

import pytest

import shootdown
from shootdown import Driver

from . import forever
from .table import COUNTED_OPERATIONS

WITHOUT_RETRY = {
    "write_fault": "replaced-page",
    **dict.fromkeys(("mmap", "munmap", "madvise_dontneed"), "freed-frame"),
    **dict.fromkeys(("mprotect", "fork"), "stale-permission"),
}
COUNTED = tuple(operation.name for operation in COUNTED_OPERATIONS)
ASKED = (
    "amd-iommu-v2", "naive-tlb", "invalidate-range", "sva", "kvm", "kvm-no-in-progress",
    "kvm-no-sequence", "test-hmm", "sgi-gru",
)  # fmt: skip
BROKEN = {
    "amd-iommu-v2": {"mmap": "freed-table", "munmap": "freed-table"},
    "naive-tlb": {
        "write_fault": "replaced-page",
        **dict.fromkeys(("mmap", "munmap", "madvise_dontneed"), "freed-frame"),
    },
    "kvm-no-in-progress": WITHOUT_RETRY,
    "kvm-no-sequence": WITHOUT_RETRY,
}
"""rules that shipped drivers break even so; none of them lets a device wait for ever"""


@pytest.mark.parametrize("name", ASKED)
def test_shipped_drivers(name: str) -> None:
    """A device that insists gets through, whoever else is busy. The device behind `amd-iommu-v2`
    does not fail when it may insist, since operations end; what breaks then comes later."""
    check = shootdown.check(name, operations=COUNTED, starvation=True)
    expected = {operation: BROKEN.get(name, {}).get(operation) for operation in COUNTED}
    assert {row.name: row.rule for row in check.scenarios} == expected
    assert all(row.liveness == "each" for row in check.scenarios if row.rule is None)


@pytest.mark.parametrize(
    ("driver", "operation", "devices", "steps", "loop"),
    [
        (forever.ForgetsTheEnd, "fork", 1, 21, 15),
        (forever.ForgetsTheEnd, "madvise_dontneed", 1, 56, 50),
        (forever.AlwaysSuccess, "read_fault", 1, 12, 7),
        (forever.KeepsTheBit, "mprotect", 1, 22, 21),
        (forever.FaultsInVain, "read_fault", 1, 17, 7),
        (forever.OneSlot, "read_fault", 2, 44, 16),
    ],
)
def test_storms(driver: type[Driver], operation: str, devices: int, steps: int, loop: int) -> None:
    """A driver that lets a device fault for ever is found, with a shortest way into the loop."""
    check = shootdown.check(driver, operations=operation, devices=devices, liveness=True)
    (row,) = check.scenarios
    assert (row.verdict, row.rule) == ("violated", "no-progress")
    assert row.counterexample is not None
    assert (len(row.counterexample.steps), row.counterexample.loop) == (steps, loop)


@pytest.mark.parametrize(
    ("driver", "operation"),
    [(forever.ForgetsTheEnd, "read_fault"), (forever.OneSlot, "read_fault")],
)
def test_no_storm(driver: type[Driver], operation: str) -> None:
    """The same drivers hold where their mistake does not matter."""
    check = shootdown.check(driver, operations=operation, starvation=True)
    assert check.verdict == "holds", str(check)


def test_a_fault_that_is_refused_takes_away_what_another_got() -> None:
    """The shipped kvm stores the empty entry of a write that is not allowed, over the mapping that
    a reader has just been given: a reader can fault for ever. Real KVM stores nothing then."""
    check = shootdown.check("kvm", operations="mprotect", devices=2, starvation=True)
    (row,) = check.scenarios
    assert (row.verdict, row.rule) == ("violated", "starvation")
    assert shootdown.check("kvm", operations="mprotect", starvation=True).verdict == "holds"


@pytest.mark.parametrize(
    ("driver", "operation"), [(forever.ForgetsTheEnd, "fork"), (forever.AlwaysSuccess, "fork")]
)
def test_the_plain_engine_finds_the_same(driver: type[Driver], operation: str) -> None:
    """Stem and loop are those of the native engine, step for step."""
    native, plain = (
        shootdown.check(driver, operations=operation, liveness=True, engine=engine)
        for engine in ("native", "python")
    )
    assert native.scenarios[0].counterexample == plain.scenarios[0].counterexample
    assert native.scenarios[0].rule == "no-progress"


@pytest.mark.parametrize("name", ["kvm", "sva", "amd-iommu-v2"])
def test_merging_does_not_matter(name: str) -> None:
    """Steps of one access each have the same loops."""
    merged, full = (
        shootdown.check(name, operations="munmap, madvise_dontneed", starvation=True, merge=merge)
        for merge in (True, False)
    )
    assert [row.rule for row in merged.scenarios] == [row.rule for row in full.scenarios]
    assert [row.verdict for row in merged.scenarios] == [row.verdict for row in full.scenarios]
    assert merged.scenarios[0].states < full.scenarios[0].states
