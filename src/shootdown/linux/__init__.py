"""Linux's memory management, as far as a device can tell.

`version`     kernel versions as they are written
`addresses`   ranges in bytes, and (0, -1UL)
`memory`      page frames and their reference counts
`cpu`         a CPU: its TLB, its flush, and a user program on it
`gup_fast`    a CPU that pins pages without a lock
`lazy_tlb`    a CPU that keeps an address space that it does not use, and is spared flushes
`mm`          an address space: VMAs, page tables, locks
`vma`         what a VMA says about a page
`faults`      page faults, copy-on-write
`huge_memory` transparent huge pages: entries above a table that map pages themselves
`khugepaged`  small pages become a huge one
`hugetlb`     memory that is huge from the start, in tables that are shared
`gup`         get_user_pages
`arch`        TLB flushes, one class per architecture
`gather`      mmu_gather: collect, flush, free
`task`        a thread that makes system calls
`start`       how an address space is before the first step
`operations`  one function per operation, named as in the kernel
`lifetime`    subscriptions and the address space come and go, where a scenario asks for it
`notifiers`   the mmu_notifier API, one class per generation

The granularity is that of a device: whatever a device walk, a flush or another task could come
between is a step of its own.
"""
