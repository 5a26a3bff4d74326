"""Shipped drivers by the name used on the command line."""

from __future__ import annotations

from shootdown.drivers.amd_iommu_v2 import AmdIommuV2
from shootdown.drivers.driver import Driver
from shootdown.drivers.hardware_tlb import InvalidateRange, NaiveTlb, Sva
from shootdown.drivers.kvm import Kvm, KvmWithoutInProgress, KvmWithoutSequence
from shootdown.drivers.kvm_aging import KvmAging, KvmForgetsYoung

DRIVERS: dict[str, type[Driver]] = {
    "amd-iommu-v2": AmdIommuV2,
    "naive-tlb": NaiveTlb,
    "invalidate-range": InvalidateRange,
    "sva": Sva,
    "kvm": Kvm,
    "kvm-no-in-progress": KvmWithoutInProgress,
    "kvm-no-sequence": KvmWithoutSequence,
    "kvm-aging": KvmAging,
    "kvm-forgets-young": KvmForgetsYoung,
}

CORRECT = ("kvm", "invalidate-range", "sva")
"""drivers that hold on every kernel they fit, but for bugs of that kernel: one that mirrors, and
one behind an IOMMU for each way of flushing it"""
