"""Large folios: pages that were allocated together stay one folio until it is split.

A huge entry that is split leaves a large folio mapped page by page; what reclaim and madvise do
depends on whether all of it is mapped, and by whom. Only where that matters: every frame then knows
the first frame of its folio. Source: include/linux/mm_types.h, mm/rmap.c and mm/huge_memory.c of
6.18.
"""

from __future__ import annotations

from shootdown.lang.declare import FrameNumber, Int, PageNumber, PerFrame
from shootdown.lang.geometry import Geometry
from shootdown.lang.part import Part
from shootdown.linux.vma import MOST_ANON_VMAS, NO_ANON_VMA

SMALL = 0
"""value of `Folios.head` for a page by itself"""


class Folios(Part):
    """Of all frames."""

    segment = "machine"

    def __init__(self, geometry: Geometry) -> None:
        self.label = "folios"
        self.frames = geometry.frames
        self.head = PerFrame(FrameNumber())
        """the first frame of a large folio"""
        self.number = PerFrame(Int(0, geometry.entries))
        """which page of its folio this is: folio_page_idx()"""
        self.index = PerFrame(PageNumber())
        """of the first: folio->index, where VMAs have it"""
        self.anon_vma = PerFrame(Int(NO_ANON_VMA, MOST_ANON_VMAS))
        """of the first: folio->mapping"""

    def reset(self, frame: int) -> None:
        """The frame is handed out by itself."""
        self.head[frame] = SMALL

    def join(self, frame: int, head: int, number: int) -> None:
        """It becomes a page of a large folio."""
        self.head[frame] = head
        self.number[frame] = number

    def is_large(self, frame: int) -> bool:
        """folio_test_large()"""
        return self.head[frame] != SMALL

    def folio(self, frame: int) -> int:
        """page_folio(): the frame that speaks for all of them."""
        if self.head[frame] != SMALL:
            return self.head[frame]
        return frame

    def dissolve(self, head: int) -> None:
        """Its pages are folios of their own from now on."""
        for frame in range(self.frames):
            if self.head[frame] == head:
                self.head[frame] = SMALL
