"""The users of the API: one short file each.

`driver`            the base class of all drivers, shipped or yours
`catalogue`         shipped drivers by name
`amd_iommu_v2`      AMD IOMMUv2 before 3.19: an empty page table between start and end
`hardware_tlb`      hardware that walks the CPU's table: flushed at start and end (wrong), by
                    invalidate_range (3.19), by arch_invalidate_secondary_tlbs (6.6)
`kvm`               sequence count, count of invalidations in progress, retry; and its two mistakes
`intel_svm`         VT-d's blocks of 2**n pages, right and wrong (B19, B21)
`smmu_v3`           SMMUv3's sizes, right and wrong (B20); devices with a TLB of their own
"""
