"""Merging private accesses into the step before them is a reduction: no verdict may change."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shootdown.drivers.catalogue import DRIVERS
from shootdown.linux.operations.catalogue import OPERATIONS
from shootdown.machine.reductions import Reductions
from shootdown.scenarios.check import check_request
from shootdown.scenarios.driver_request import Request
from shootdown.scenarios.effort import Effort
from shootdown.scenarios.kernels import default_kernel

UNMERGED = replace(Reductions.none(), dead_variables=True)

# under madvise_dontneed
EXPECTED = {
    "amd-iommu-v2": ("violated", "device-failure"),
    "naive-tlb": ("violated", "freed-frame"),
    "invalidate-range": ("holds", None),
    "sva": ("holds", None),
    "kvm": ("holds", None),
    "kvm-no-in-progress": ("violated", "freed-frame"),
    "kvm-no-sequence": ("violated", "freed-frame"),
}


@pytest.mark.parametrize("name", EXPECTED)
def test_verdicts_without_merging(name: str) -> None:
    """Every operation has the same verdict and rule in the full search, which has more states."""
    kernel = default_kernel(DRIVERS[name])
    assert kernel is not None
    request = Request(DRIVERS[name], name, kernel)
    merged = list(check_request(request))
    full = list(check_request(replace(request, effort=Effort(reductions=Reductions(merge=False)))))
    assert [(r.name, r.verdict, r.rule) for r in merged] == [
        (r.name, r.verdict, r.rule) for r in full
    ]
    ended = [(a, b) for a, b in zip(merged, full, strict=True) if a.verdict == "holds"]
    assert all(a.states < b.states for a, b in ended)
    found = merged[list(OPERATIONS).index("madvise_dontneed")]
    assert (found.verdict, found.rule) == EXPECTED[name]


def test_pairs_without_merging() -> None:
    """Two operations at once, where locks are contended, agree too; the counts are exact."""
    wanted = (OPERATIONS["munmap"], OPERATIONS["write_fault"])
    request = Request(DRIVERS["kvm"], "kvm", (6, 6, 0), wanted, pairs=True)
    merged, full = (
        {
            r.name: (r.verdict, r.states)
            for r in check_request(replace(request, effort=Effort(reductions=reductions)))
        }
        for reductions in (replace(UNMERGED, merge=True), UNMERGED)
    )
    assert merged == {
        "munmap + munmap": ("holds", 19413),
        "munmap + write_fault": ("holds", 36607),
        "write_fault + write_fault": ("holds", 243666),
    }
    assert full == {
        "munmap + munmap": ("holds", 107942),
        "munmap + write_fault": ("holds", 211883),
        "write_fault + write_fault": ("holds", 843304),
    }
