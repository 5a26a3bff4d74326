"""Addresses of a program to page numbers of the model.

A model's pages are numbered from 0 without gaps, a program's mappings lie anywhere in 2^47 bytes.
Only aligned 2 MiB blocks that some accessible mapping touches are given numbers, in address order
and 512 pages each. So everything that depends on page tables comes out as on hardware: neighbours
stay neighbours, and a page table of the model is a page table of the program. A range that leads
over blocks without numbers shrinks to the numbered ones in it: nothing can ever have been mapped
elsewhere.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass

from shootdown.lang.declare import PageRange

PAGE = 4096
ENTRIES = 512
BLOCK = PAGE * ENTRIES


def blocks_of(address: int, length: int) -> range:
    """The aligned 2 MiB blocks that a range touches."""
    return range(address // BLOCK, (address + length - 1) // BLOCK + 1) if length else range(0)


@dataclass(frozen=True, slots=True)
class AddressMap:
    """The numbered blocks of one program, ascending."""

    blocks: tuple[int, ...]

    @classmethod
    def of(cls, blocks: Iterable[int]) -> AddressMap:
        return cls(tuple(sorted(set(blocks))))

    @property
    def pages(self) -> int:
        """How many pages have numbers."""
        return len(self.blocks) * ENTRIES

    def page(self, address: int) -> int:
        """The number of the first numbered page at or after an address."""
        block, offset = divmod(address, BLOCK)
        position = bisect_left(self.blocks, block)
        if position < len(self.blocks) and self.blocks[position] == block:
            return position * ENTRIES + offset // PAGE
        return position * ENTRIES

    def range(self, address: int, length: int) -> PageRange:
        """The numbered pages of a range of addresses; a partial page counts, as in the kernel."""
        end = -(-(address + length) // PAGE) * PAGE
        return PageRange(self.page(address), self.page(end))
