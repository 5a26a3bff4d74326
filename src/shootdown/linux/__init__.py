"""Linux's memory management, as far as a device can tell.

The ground:
`version`     kernel versions as they are written
`addresses`   ranges in bytes, and (0, -1UL)
`memory`      page frames and their reference counts
`mm`          an address space: VMAs, page tables, locks
`vma`         what a VMA says about a page
`vma_merge`   VMAs are split and merged
`task`        a thread that makes system calls
`arch`        TLB flushes, one class per architecture
`notifiers`   the mmu_notifier API, one class per generation
`lifetime`    subscriptions and the address space come and go, where a scenario asks for it
`witness`     what a subscriber knows of the page table if it believes what it is told

Processors:
`cpu`         a CPU: its TLB, its flush, and a user program on it
`gup_fast`    a CPU that pins pages without a lock
`lazy_tlb`    a CPU that keeps an address space that it does not use, and is spared flushes

Pages come and go:
`faults`      page faults, copy-on-write
`gup`         get_user_pages
`gather`      mmu_gather: collect, flush, free
`rmap`        from a page to its mappings
`vmscan`      reclaim
`migrate`     migration
`ksm`         pages with the same contents are merged
`swap`        swap space and its cache
`swapops`     entries that are not present and not nothing
`moved_entries`  what goes with an entry that moves
`markers`     guard markers
`lazyfree`    what MADV_FREE gave up, and other things known of a folio
`device_memory`  memory that lies on a device
`kernel_tables`  page tables of the kernel's own addresses

Pages of files:
`filemap`     the file of a check, and its page cache
`nonlinear`   its pages out of order: remap_file_pages()
`shmem`       files of programs: memfd, shared anonymous memory, a file of a disk
`text`        what breakpoints look at in a page of it
`i_mmap`      the mappings of a file in the kernel's order

Huge pages:
`huge_memory` transparent ones: entries above a table that map pages themselves
`khugepaged`  small pages become a huge one
`hugetlb`     memory that is huge from the start, in tables that are shared
`folios`      large folios
`split_folio` which become small ones

Who wrote, who used:
`folio`       flags of page frames
`dirty_bits`  the dirty bit of entries
`soft_dirty`  the soft-dirty bit
`young`       the accessed bit
`userfaultfd` write protection by a userfaultfd, and PAGEMAP_SCAN

What is performed:
`start`       how an address space is before the first step
`start_backed`  the same for pages of files, and pages in swap space
`operations`  one function per operation, named as in the kernel
`syscalls`    system calls as a process makes them, around those functions

The granularity is that of a device: whatever a device walk, a flush or another task could come
between is a step of its own.
"""
