"""The users of the API: one short file each.

`driver`            the base class of all drivers, shipped or yours
`catalogue`         shipped drivers by name
`amd_iommu_v2`      AMD IOMMUv2 before 3.19: an empty page table between start and end
`hardware_tlb`      hardware that walks the CPU's table: flushed at start and end (wrong), by
                    invalidate_range (3.19), by arch_invalidate_secondary_tlbs (6.6)
`kvm`               sequence count, count of invalidations in progress, retry; and its two mistakes
`kvm_aging`         the same with accessed bits
`kvm_beside_i915`   a guest beside a GPU that refuses starts (B23)
`hmm_mirror`        interval notifiers and hmm_range_fault(), and each thing left out
`nouveau_svm`       a start on the list, an interval for faults (B23 b)
`umem_odp`          counters of InfiniBand's on-demand paging, before intervals
`sgi_gru`           no sequence: faults wait, and hardware ignores late entries
`start_only`        only a start: wrong without pins (B8), hfi1's cache with them
`dmirror`           device memory: a mirror that knows its own migrations
`gpu_atomics`       exclusive access
`witness`           KVM with a witness that every change was announced
`intel_svm`         VT-d's blocks of 2**n pages, right and wrong (B19, B21)
`smmu_v3`           SMMUv3's sizes, right and wrong (B20); devices with a TLB of their own
"""
