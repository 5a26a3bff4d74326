"""A subscriber that writes down every range that it is told of."""

from __future__ import annotations

from shootdown.lang.declare import Array, Int, PageNumber
from shootdown.lang.part import Part
from shootdown.linux.notifiers.range import MmuNotifierRange

SITES = (
    "unmap_vmas", "change_protection", "zap_page_range_single_batched", "do_wp_page",
    "copy_page_range", "move_page_tables", "__split_huge_pmd", "try_to_unmap_one",
    "try_to_migrate_one", "do_huge_pmd_wp_page", "collapse_huge_page", "collapse_file",
    "retract_page_tables", "madvise_free_single_vma", "page_vma_mkclean_one",
    "hugetlb_wp", "zap_page_range_single", "clear_refs_write", "do_pagemap_scan",
    "move_pages_ptes", "uprobe_write",
)  # fmt: skip
"""the kernel functions that announce something, as call chains of 6.18 show them"""

CAPACITY = 1 << 14
"""ranges that one system call may send"""


class Recorder(Part):
    """Ranges in order, each with its place."""

    def __init__(self) -> None:
        self.label = "recorder"
        self.count = Int(0, CAPACITY)
        self.start = Array(PageNumber(), CAPACITY)
        self.end = Array(PageNumber(), CAPACITY)
        self.site = Array(Int(0, len(SITES)), CAPACITY)

    def invalidate_range_start(self, range: MmuNotifierRange) -> None:
        """Write it down."""
        at = self.count
        self.start[at] = range.start
        self.end[at] = range.end
        for number, site in enumerate(SITES):
            if site == range.site:
                self.site[at] = number
        self.count = at + 1
