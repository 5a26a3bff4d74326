"""Shipped drivers by the name used on the command line."""

from __future__ import annotations

from shootdown.drivers.amd_iommu_v2 import AmdIommuV2
from shootdown.drivers.driver import Driver
from shootdown.drivers.hardware_tlb import (
    InvalidateRange,
    InvalidateRangeAndPage,
    NaiveTlb,
    Sva,
)
from shootdown.drivers.kvm import (
    Kvm,
    KvmLateFlush,
    KvmPages,
    KvmWithoutInProgress,
    KvmWithoutSequence,
)
from shootdown.drivers.kvm_aging import KvmAging, KvmForgetsYoung

DRIVERS: dict[str, type[Driver]] = {
    "amd-iommu-v2": AmdIommuV2,
    "naive-tlb": NaiveTlb,
    "invalidate-range": InvalidateRange,
    "invalidate-range-3.19": InvalidateRangeAndPage,
    "sva": Sva,
    "kvm": Kvm,
    "kvm-no-in-progress": KvmWithoutInProgress,
    "kvm-no-sequence": KvmWithoutSequence,
    "kvm-aging": KvmAging,
    "kvm-forgets-young": KvmForgetsYoung,
    "kvm-2.6.27": KvmPages,
    "kvm-late-flush": KvmLateFlush,
}

CORRECT = ("kvm-2.6.27", "kvm", "invalidate-range-3.19", "invalidate-range", "sva")
"""drivers that hold on every kernel they are for, but for bugs of that kernel: one that mirrors,
and one behind an IOMMU for each way of flushing it"""
