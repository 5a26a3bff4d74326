"""Intel VT-d: one command drops 2**n pages that begin at a multiple of their number.

drivers/iommu/intel/svm.c and cache.c. A flush callback gets a range in bytes and has to find a
block that covers it: calculate_psi_aligned_address() takes one large enough for the pages, and a
larger one while its end lies beyond. Twice that went wrong, and each time translations outlived
their pages.
"""

from __future__ import annotations

from shootdown.drivers.hardware_tlb import SharedTable
from shootdown.lang.declare import PageRange
from shootdown.linux.addresses import (
    PAGE_SHIFT,
    PAGE_SIZE,
    ULONG_MAX,
    end_address,
    start_address,
    ulong,
)

ORDERS = tuple(reversed(range(6)))
"""powers of two of pages, the largest first: more than an address space that is explored has"""


class IntelSva(SharedTable):
    """6.7 on: everything is recognised, and a block grows until it covers (e7ad6c2a4b1a)."""

    first_kernel = (6, 7, 0)

    def arch_invalidate_secondary_tlbs(self, range: PageRange) -> None:
        """intel_arch_invalidate_secondary_tlbs()"""
        if start_address(range) == 0 and end_address(range) == ULONG_MAX:
            self.device.flush_all()
        else:
            self.flush_covering(range)

    def flush_covering(self, range: PageRange) -> None:
        """cache_tag_flush_range(): the smallest block with the first and the last page in it."""
        first = start_address(range) >> PAGE_SHIFT
        last = (end_address(range) - 1) >> PAGE_SHIFT
        order = 0
        for each in ORDERS:
            if first >> each == last >> each:
                order = each
        self.device.flush_block(start_address(range), order)


class IntelSvaOverflow(SharedTable):
    """6.6: the pages of (0, -1UL) are none, as their sum with the rounding wraps (B19, repaired by
    e7ad6c2a4b1a). A range is flushed in blocks from its start, rounded to a block."""

    first_kernel = (6, 6, 0)
    last_kernel = (6, 6, 0)

    def arch_invalidate_secondary_tlbs(self, range: PageRange) -> None:
        """intel_arch_invalidate_secondary_tlbs() of 6.6, intel_flush_svm_range()"""
        start, end = start_address(range), end_address(range)
        pages = ulong(end - start + PAGE_SIZE - 1) >> PAGE_SHIFT
        if pages > 0:
            self.device.flush_pages(start, pages)


class IntelSvmUnaligned(SharedTable):
    """Up to 5.17: the block is as large as the range, wherever that begins; hardware rounds its
    base down, and the end of the range is not in it (B21, repaired by 59bf3557cf2f)."""

    first_kernel = (4, 13, 0)
    last_kernel = (5, 17, 0)

    def invalidate_range(self, range: PageRange) -> None:
        """qi_flush_piotlb() with ilog2(__roundup_pow_of_two(npages))"""
        pages = (end_address(range) - start_address(range) + PAGE_SIZE - 1) >> PAGE_SHIFT
        order = 0
        for each in ORDERS:
            if 1 << each >= pages:
                order = each
        self.device.flush_block(start_address(range), order)
