"""Which kernels a driver can run on."""

from __future__ import annotations

import pytest

from shootdown.drivers.catalogue import DRIVERS
from shootdown.drivers.driver import Driver
from shootdown.drivers.hardware_tlb import InvalidateRange, NaiveTlb, Sva
from shootdown.lang.declare import PageRange
from shootdown.linux.version import parse_version, show_version
from shootdown.scenarios.kernels import (
    callbacks_of,
    default_kernel,
    kernels_for,
    misfit,
)


def describe(driver: type[Driver]) -> str:
    """`3.19 to 6.5`"""
    span = kernels_for(driver)
    return " to ".join(map(show_version, span)) if span else "none"


class BothFamilies(Sva):
    def invalidate_range_start(self, range: PageRange) -> None:
        pass


class TwoEras(Sva):
    def invalidate_range(self, range: PageRange) -> None:
        pass


def test_spans_of_shipped_drivers() -> None:
    """Start and end go everywhere; the third callback had two names."""
    spans = {name: describe(driver) for name, driver in DRIVERS.items()}
    assert (
        spans.items()
        >= {
            "amd-iommu-v2": "2.6.27 to 6.19",
            "naive-tlb": "2.6.27 to 6.19",
            "invalidate-range": "3.19 to 6.5",
            "invalidate-range-3.19": "3.19 to 4.12",
            "sva": "6.6 to 6.19",
            "kvm": "2.6.27 to 6.19",
            "kvm-no-in-progress": "2.6.27 to 6.19",
            "kvm-no-sequence": "2.6.27 to 6.19",
            "kvm-2.6.27": "2.6.27 to 4.12",
            "kvm-late-flush": "2.6.27 to 4.12",
        }.items()
    )


@pytest.mark.parametrize(
    ("driver", "kernel", "reason"),
    [
        (InvalidateRange, "3.18", "kernel 3.18 never calls invalidate_range"),
        (InvalidateRange, "3.19", None),
        (InvalidateRange, "6.5", None),
        (InvalidateRange, "6.6", "kernel 6.6 never calls invalidate_range"),
        (Sva, "6.5", "kernel 6.5 never calls arch_invalidate_secondary_tlbs"),
        (Sva, "6.6", None),
        (NaiveTlb, "3.7", None),
        (NaiveTlb, "6.19", None),
        (
            BothFamilies,
            "6.6",
            "a kernel from 6.6 on refuses a driver with both families of callbacks",
        ),
        (TwoEras, "6.6", "kernel 6.6 never calls invalidate_range"),
    ],
)
def test_misfits(driver: type[Driver], kernel: str, reason: str | None) -> None:
    """A callback that a kernel never calls, or refuses, is a reason."""
    assert misfit(driver, parse_version(kernel)) == reason


@pytest.mark.parametrize("driver", [BothFamilies, TwoEras])
def test_a_driver_that_fits_nowhere(driver: type[Driver]) -> None:
    """There is no span and no default kernel."""
    assert kernels_for(driver) is None
    assert default_kernel(driver) is None


def test_the_default_is_the_newest() -> None:
    """Without a wish a driver runs on the newest kernel that has its callbacks, unless it says
    which kernel had it last."""
    found = {name: default_kernel(driver) for name, driver in DRIVERS.items()}
    shown = {name: show_version(kernel) for name, kernel in found.items() if kernel}
    assert (
        shown.items()
        >= {
            "amd-iommu-v2": "3.18",
            "naive-tlb": "3.18",
            "invalidate-range": "6.5",
            "invalidate-range-3.19": "4.12",
            "sva": "6.19",
            "kvm": "6.19",
            "kvm-no-in-progress": "6.19",
            "kvm-no-sequence": "6.19",
            "kvm-2.6.27": "4.12",
            "kvm-late-flush": "2.6.28",
        }.items()
    )


def test_callbacks_are_found_by_name() -> None:
    """Inherited ones count."""
    assert callbacks_of(BothFamilies) == {
        "arch_invalidate_secondary_tlbs",
        "invalidate_range_start",
        "release",
    }
