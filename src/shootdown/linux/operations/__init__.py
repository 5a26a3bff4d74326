"""What a task can do to its address space: one function per operation.

Each module holds one operation, named as in the kernel, and says which kernel function it models
and in which order that one notifies, changes entries, flushes and frees. The letters are those of
the call-site table: S start, E end, P- entry cleared, P~ entry changed, C CPU flush, X secondary
flush, R reference dropped, T table freed; brackets: under the page-table lock.

`catalogue` lists them by name, with the rows of `special` (who watches and who uses pages, devices,
the rest), `huge_pages` and `mmu_notifier`; `operation` says what a row is.
"""
