"""The mmu_notifier API, one class per generation, each inheriting from the one before.

Read the modules in order and you read the history (docs/notifiers.md has it as a table):

`v2_6_27`  start and end, invalidate_page under the page-table lock; nobody may sleep. All hooks
`v2_6_32`  change_pte
`v2_6_37`  hugetlb copy-on-write is no longer forgotten
`v2_6_38`  test_young
`v3_6`     change_pte before the entry; release before unlinking
`v3_7`     callbacks may sleep; invalidate_page after the page-table lock; copies in start and end
`v3_9`     whoever unlinks calls release: once
`v3_10`    release for all, then the list is emptied; unregister waits in any case
`v3_15`    mprotect tells only what is populated, and flushes CPU TLBs after end
`v3_17`    clear_flush_young of a range
`v3_19`    invalidate_range, for hardware that walks the CPU's page table
`v4_3`     clear_young
`v4_5`     splitting a huge page in start and end
`v4_11`    invalidate_page under the page-table lock again, by accident
`v4_13`    no invalidate_page; walks of the reverse mapping in start and end
`v4_14`    the OOM reaper keeps away
`v4_15`    an end without invalidate_range where it was already called
`v4_16`    the OOM reaper comes to those who never block
`v4_19`    a start that may not block can refuse
`v5_0`     struct mmu_notifier_range
`v5_2`     events
`v5_4`     get, put and free_notifier; what is waited for at the exit of a module
`v5_5`     interval notifiers
`v5_9`     MMU_NOTIFY_MIGRATE and owners
`v5_12`    a refused start is undone by ends
`v5_14`    MMU_NOTIFY_EXCLUSIVE
`v5_18`    removing an interval waits under the lock
`v6_1`     collapsing pages of a file in start and end
`v6_4`     registration locks VMAs
`v6_6`     arch_invalidate_secondary_tlbs, called where the architecture flushes CPU TLBs
`v6_10`    no change_pte
`v6_19`    the newest

`range`        struct mmu_notifier_range
`subscriber`   what a driver can have
`subscription` a driver on the list of an address space
`interval`     one part of it, in the tree of intervals
`generations`  which class a kernel version has
`audit`        judges who calls start and end

Proposals that never landed: `tlb_notifier` (secondary TLBs have a list of their own) and
`short_circuit` (no walk of a list for a callback that nobody on it has).
"""
