"""Hardware: what translates addresses by itself.

`device`   what all of it has: a TLB, accesses in flight, invalidation with completion
`iommu`    walks the CPU's page table; page requests, bounded retries, failure
`shadow`   walks page tables of its own, which a driver fills
`ats`      an IOMMU and a device TLB behind it, invalidated one after the other
`obligation`  what a device was told to drop and has not: for the rule `narrow-flush`
`atomic`   does nothing but atomic operations, over a bus that has none
`driver_interface`  what hardware expects of the driver above it
`group`    all devices of one driver, behind the commands the driver can give
"""
