"""What differs between processors: how TLBs are flushed, and who else hears of it.

`architecture`  what every architecture has, under the kernel's names
`batch`         one flush for many unmapped pages
`x86`           flushes by IPI; re-walks on a permission fault, so an upgrade needs no flush
"""
