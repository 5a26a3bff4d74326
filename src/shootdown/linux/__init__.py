"""Linux's memory management, as far as a device can tell.

`version`     kernel versions as they are written
`memory`      page frames and their reference counts
`cpu`         a CPU: its TLB, its flush, and a user program on it
`mm`          an address space: VMAs, page tables, locks, the fault path
`gather`      mmu_gather: collect, flush, free
`task`        a thread that makes system calls
`operations`  one function per operation, named as in the kernel
`notifiers`   the mmu_notifier API, one class per generation

The granularity is that of a device: whatever a device walk, a flush or another task could come
between is a step of its own.
"""
