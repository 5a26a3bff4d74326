"""What differs between processors: how TLBs are flushed, and who else hears of it.

`architecture`  what every architecture has, under the kernel's names
`batch`         one flush for many unmapped pages
`x86`           flushes by IPI; re-walks on a permission fault, so an upgrade needs no flush
`arm64`         broadcast TLBI; entries that forbid are kept; with an SMMU that listens, or not
`powerpc`       radix; upgrades are flushed only for coprocessors
`catalogue`     by name
"""
