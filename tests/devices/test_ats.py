"""A device TLB behind an IOTLB: two caches, two invalidations, one right order."""

from __future__ import annotations

import pytest

from shootdown import api


@pytest.mark.parametrize(
    ("driver", "arch", "operation", "rule"),
    [
        ("sva-ats", "x86", "munmap", None),
        ("sva-ats", "x86", "write_fault", None),
        ("sva-ats", "arm64", "write_fault", None),
        ("sva-ats-reversed", "x86", "munmap", "freed-frame"),
        ("sva-ats-reversed", "x86", "mprotect", "stale-permission"),
        ("sva-ats-only", "x86", "munmap", "freed-frame"),
        ("sva-ats-only", "arm64", "fork", "stale-permission"),
    ],
)
def test_the_order(driver: str, arch: str, operation: str, rule: str | None) -> None:
    """IOTLB, then ATC. The other way round the ATC fills up again from the IOTLB; with the ATC
    alone the IOTLB stays as it is."""
    assert api.check(driver, "6.19", [operation], arch=arch).scenarios[0].rule == rule


@pytest.mark.parametrize(
    ("kernel", "operation", "rule"),
    [
        ("6.10", "fork", None),
        ("6.10", "mprotect", None),
        ("6.10", "write_fault", "replaced-page"),
        ("6.19", "write_fault", "stale-denial"),
    ],
)
def test_an_iommu_that_hears_the_cpus(kernel: str, operation: str, rule: str | None) -> None:
    """Where the broadcast reaches the IOTLB the ATC alone is enough after the DSB, as for a flush
    of everything; the callback for a page comes before it, and the ATC fills up again."""
    found = api.check("sva-ats-only", kernel, [operation], arch="arm64-btm")
    assert found.scenarios[0].rule == rule
