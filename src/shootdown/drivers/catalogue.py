"""Shipped drivers by the name used on the command line."""

from __future__ import annotations

from shootdown.drivers.amd_iommu_v2 import AmdIommuV2
from shootdown.drivers.dmirror import (
    Dmirror,
    DmirrorGoesOn,
    DmirrorIgnoresEverybody,
    DmirrorKeepsNoCount,
    DmirrorMapsAtOnce,
)
from shootdown.drivers.driver import Driver
from shootdown.drivers.gpu_atomics import (
    GpuAtomics,
    GpuAtomicsShared,
    GpuAtomicsWithoutRetry,
)
from shootdown.drivers.hardware_tlb import (
    InvalidateRange,
    InvalidateRangeAndPage,
    NaiveTlb,
    Sva,
)
from shootdown.drivers.hmm_mirror import (
    HmmMirror,
    HmmReadsFirst,
    HmmRefuses,
    HmmSleeps,
    HmmWithoutRetry,
    HmmWithoutSetSeq,
)
from shootdown.drivers.intel_svm import IntelSva, IntelSvaOverflow, IntelSvmUnaligned
from shootdown.drivers.kvm import (
    Kvm,
    KvmChangePte,
    KvmLateFlush,
    KvmPages,
    KvmWithoutInProgress,
    KvmWithoutSequence,
)
from shootdown.drivers.kvm_aging import KvmAging, KvmForgetsYoung
from shootdown.drivers.kvm_beside_i915 import KvmBesideI915
from shootdown.drivers.nouveau_svm import NouveauSvm, NouveauWithoutInterval
from shootdown.drivers.sgi_gru import SgiGru, SgiGruWithoutHardware
from shootdown.drivers.smmu_v3 import (
    SmmuV3Sva,
    SmmuV3SvaInclusive,
    SvaAts,
    SvaAtsOnly,
    SvaAtsReversed,
)
from shootdown.drivers.start_only import (
    Hfi1PinsUnderMutex,
    Hfi1Sdma,
    Hfi1UnpinsFirst,
    StartOnly,
)
from shootdown.drivers.umem_odp import UmemOdp, UmemOdpCountsLate
from shootdown.drivers.witness import KvmPagesWitness, KvmWitness

DRIVERS: dict[str, type[Driver]] = {
    "amd-iommu-v2": AmdIommuV2,
    "naive-tlb": NaiveTlb,
    "invalidate-range": InvalidateRange,
    "invalidate-range-3.19": InvalidateRangeAndPage,
    "sva": Sva,
    "intel-sva": IntelSva,
    "intel-sva-6.6": IntelSvaOverflow,
    "intel-svm-5.17": IntelSvmUnaligned,
    "smmu-v3-sva": SmmuV3Sva,
    "smmu-v3-sva-5.17": SmmuV3SvaInclusive,
    "sva-ats": SvaAts,
    "sva-ats-reversed": SvaAtsReversed,
    "sva-ats-only": SvaAtsOnly,
    "kvm": Kvm,
    "kvm-no-in-progress": KvmWithoutInProgress,
    "kvm-no-sequence": KvmWithoutSequence,
    "kvm-witness": KvmWitness,
    "kvm-witness-2.6.27": KvmPagesWitness,
    "kvm-aging": KvmAging,
    "dmirror": Dmirror,
    "dmirror-ignores-everybody": DmirrorIgnoresEverybody,
    "dmirror-goes-on": DmirrorGoesOn,
    "dmirror-keeps-no-count": DmirrorKeepsNoCount,
    "dmirror-maps-at-once": DmirrorMapsAtOnce,
    "gpu-atomics": GpuAtomics,
    "gpu-atomics-no-retry": GpuAtomicsWithoutRetry,
    "gpu-atomics-shared": GpuAtomicsShared,
    "kvm-forgets-young": KvmForgetsYoung,
    "kvm-2.6.27": KvmPages,
    "kvm-change-pte": KvmChangePte,
    "kvm-late-flush": KvmLateFlush,
    "kvm-beside-i915": KvmBesideI915,
    "test-hmm": HmmMirror,
    "test-hmm-no-retry": HmmWithoutRetry,
    "test-hmm-no-set-seq": HmmWithoutSetSeq,
    "test-hmm-reads-first": HmmReadsFirst,
    "test-hmm-sleeps": HmmSleeps,
    "test-hmm-refuses": HmmRefuses,
    "umem-odp": UmemOdp,
    "umem-odp-counts-late": UmemOdpCountsLate,
    "start-only": StartOnly,
    "hfi1-sdma": Hfi1Sdma,
    "hfi1-unpins-first": Hfi1UnpinsFirst,
    "hfi1-pins-under-mutex": Hfi1PinsUnderMutex,
    "sgi-gru": SgiGru,
    "sgi-gru-no-hardware": SgiGruWithoutHardware,
    "nouveau-svm": NouveauSvm,
    "nouveau-no-interval": NouveauWithoutInterval,
}

CORRECT = (
    "kvm-2.6.27",
    "kvm",
    "invalidate-range-3.19",
    "invalidate-range",
    "sva",
    "smmu-v3-sva",
)
"""drivers that hold on every kernel and architecture they are for, but for bugs of that kernel: one
that mirrors, and one behind an IOMMU for each way of flushing it"""
