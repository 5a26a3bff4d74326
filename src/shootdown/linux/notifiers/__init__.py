"""The mmu_notifier API, one class per generation, each inheriting from the one before.

Read the modules in order and you read the history:

`v3_7`   start and end, which may sleep; nothing else that the operations modelled here would send
`v3_15`  mprotect tells only what is populated, and flushes CPU TLBs after end
`v3_19`  invalidate_range, for hardware that walks the CPU's page table
`v4_15`  an end without invalidate_range where it was already called
`v6_6`   arch_invalidate_secondary_tlbs, called where the architecture flushes CPU TLBs
`generations`  which class a kernel version has
"""
