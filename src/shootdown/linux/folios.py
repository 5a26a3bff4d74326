"""Large folios: pages that were allocated together stay one folio until it is split.

A huge entry that is split leaves a large folio mapped page by page; what reclaim and madvise do
depends on whether all of it is mapped, and by whom. Only where that matters: every frame then knows
the first frame of its folio. Source: include/linux/mm_types.h, mm/rmap.c and mm/huge_memory.c of
6.18.
"""

from __future__ import annotations

from shootdown.lang.declare import Flag, FrameNumber, Int, PageNumber, PerFrame
from shootdown.lang.geometry import Geometry
from shootdown.lang.part import Part
from shootdown.linux.vma import MOST_ANON_VMAS, NO_ANON_VMA

SMALL = 0
"""value of `Folios.head` for a page by itself"""
MOST_REFERENCES = (1 << 28) - 1


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
        self.exclusive = PerFrame(Flag)
        """PageAnonExclusive: known to belong to one address space alone"""
        self.mapcount = PerFrame(Int(0, MOST_REFERENCES))
        """of the first: how often pages of the folio are mapped, each page of a huge entry for
        itself"""
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
        self.exclusive[frame] = True
        if number == 0:
            self.mapcount[head] = 0
        self.mapcount[head] += 1

    def shared(self, frame: int) -> None:
        """folio_try_dup_anon_rmap_pte(): a child has it too."""
        self.exclusive[frame] = False

    def mapped(self, frame: int) -> None:
        """One more entry maps the page."""
        if self.head[frame] != SMALL:
            self.mapcount[self.head[frame]] += 1

    def unmapped(self, frame: int) -> None:
        """One less."""
        if self.head[frame] != SMALL:
            self.mapcount[self.head[frame]] -= 1

    def is_held(self, frame: int) -> bool:
        """It belongs to a large folio of which something is mapped, and is freed with that."""
        return self.head[frame] != SMALL and self.mapcount[self.head[frame]] > 0

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
