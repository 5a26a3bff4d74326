"""What is asked for through files below /proc/PID: clear_refs and pagemap, fs/proc/task_mmu.c."""

from __future__ import annotations

from shootdown.lang.declare import PageRange
from shootdown.linux.notifiers.range import Event, MmuNotifierRange
from shootdown.linux.syscalls.process import Process

SOFT_DIRTY = 4
"""CLEAR_REFS_SOFT_DIRTY"""


def clear_refs(process: Process, what: int) -> int:
    """clear_refs_write() on a kernel without soft-dirty bits: 4 announces the whole address space
    and changes nothing; the others clear accessed bits and tell nobody."""
    mm = process.mm
    if what == SOFT_DIRTY:
        with mm.mmap_lock.write():
            announced = MmuNotifierRange(0, mm.pages, Event.SOFT_DIRTY, "clear_refs_write")
            mm.notifiers.invalidate_range_start(announced)
            mm.notifiers.invalidate_range_end(announced)
            mm.arch.flush_tlb_mm()
    return 0


def pagemap_scan_wp(process: Process, range: PageRange) -> int:
    """PAGEMAP_SCAN with PM_SCAN_WP_MATCHING: VMAs without an asynchronous userfaultfd are passed
    over (pagemap_scan_test_walk()), but the whole request is announced."""
    mm = process.mm
    with mm.mmap_lock.read():
        announced = MmuNotifierRange(
            range.start, range.end, Event.PROTECTION_VMA, "do_pagemap_scan"
        )
        mm.notifiers.invalidate_range_start(announced)
        mm.notifiers.invalidate_range_end(announced)
    return 0
