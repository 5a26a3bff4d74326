"""Data races of the shipped drivers: what `shootdown check --races` finds, all of it."""

from __future__ import annotations

import pytest

import shootdown

RACES = {
    "kvm": {("driver.mmu_invalidate_seq", "self.mmu_invalidate_seq += 1",
             "seen = self.mmu_invalidate_seq")},
    "amd-iommu-v2": {("driver.notifier_count", "self.notifier_count += 1",
                      "if self.notifier_count > 0:"),
                     ("driver.notifier_count", "self.notifier_count -= 1",
                      "if self.notifier_count > 0:")},
    "invalidate-range": set(),
    "sva": set(),
}  # fmt: skip
"""Both are what Linux does: kvm_faultin_pfn() reads the sequence without mmu_lock (and without
READ_ONCE, but with a barrier after it), and the fault path of amd_iommu_v2 the count."""


@pytest.mark.parametrize("name", RACES)
def test_shipped_drivers(name: str) -> None:
    """Their own state only: page tables and hardware are made for it."""
    result = shootdown.check(name, operations="munmap, fork", races=True)
    found = {
        (race.what, race.first.text, race.second.text)
        for scenario in result.scenarios
        for race in scenario.races
    }
    assert found == RACES[name]
