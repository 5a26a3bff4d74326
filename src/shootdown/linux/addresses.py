"""Ranges in bytes, as Linux passes them to drivers: their end is exclusive, and may be ULONG_MAX.

Models count pages, and most drivers need no more. Where a driver computes sizes from `start` and
`end` in bytes, as those of IOMMUs do, three things matter: a page has 4096 bytes, arithmetic wraps
at the width of an unsigned long, and a flush of the whole address space is (0, -1UL), whose end is
neither a multiple of the page size nor safe to add to (B19, B20).
"""

from __future__ import annotations

from dataclasses import dataclass

from shootdown.lang.declare import PageRange

PAGE_SHIFT = 12
PAGE_SIZE = 1 << PAGE_SHIFT
BITS_PER_LONG = 44
"""64 in Linux; here what holds the bytes of the largest address space, with room above it"""
ULONG_MAX = (1 << BITS_PER_LONG) - 1


@dataclass(frozen=True, slots=True)
class Everything(PageRange):
    """(0, -1UL): a range that a flush of the whole address space passes on.

    It has all pages of the address space, and so can be treated like any other range.
    """

    @property
    def is_everything(self) -> bool:
        """It is."""
        return True


def ulong(value: int) -> int:
    """What an unsigned long keeps of a number."""
    return value & ULONG_MAX


def start_address(range: PageRange) -> int:
    """The first byte."""
    return range.start << PAGE_SHIFT


def end_address(range: PageRange) -> int:
    """The byte after the last one; ULONG_MAX for a flush of everything."""
    if range.is_everything:
        return ULONG_MAX
    return range.end << PAGE_SHIFT
