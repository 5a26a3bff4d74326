"""Page frames.

A frame is free while its reference count is 0. Allocation goes round (next fit). When a model is
explored it must not come round: a frame that was freed is never handed out again, so it simply
stays free, and touching it is visible at once, however late. A scenario whose cursor would come
round is checked again with more frames (`rules.machine`), so no run is lost. Replay lets it come
round, past the frames that are in use.

Handing out frames in turn loses no run either: which number a frame has means nothing, as long as
nobody else has it. A search that knows this tells no two states apart by it (`program.frames`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shootdown.lang.declare import (
    FrameNumber,
    Int,
    PerFrame,
    count,
    indivisible,
    require,
)
from shootdown.lang.geometry import Geometry
from shootdown.lang.part import Part
from shootdown.linux.folios import Folios
from shootdown.linux.lazyfree import LazyFree
from shootdown.rules.machine import OUT_OF_FRAMES

if TYPE_CHECKING:
    from shootdown.linux.shmem import Shmem
    from shootdown.linux.text import Text

ZERO_FRAME = 0
"""The zero page (ZERO_PAGE in Linux): mapped read-only by read faults, never counted or freed."""


NO_FREE_FRAME = "allocations without a free frame"
"""a replay that counts one of these has too small a machine"""


class Memory(Part):
    """All page frames of the machine; every address space uses the same one."""

    segment = "machine"

    def __init__(self, geometry: Geometry, references: int, recycles: bool = False) -> None:
        self.frames = geometry.frames
        self.recycles = recycles
        """frames that were freed are allocated again: for replay"""
        self.refcount = PerFrame(Int(0, references))
        """references by page tables, of this and of other address spaces"""
        self.cursor = FrameNumber()
        self.shmem: Shmem | None = None
        """files in memory, where programs have some"""
        self.lazyfree: LazyFree | None = None
        """what is known of pages beyond their references, where that matters"""
        self.folios: Folios | None = None
        """which of them are one folio"""
        self.text: Text | None = None
        """what breakpoints look at"""

    @indivisible
    def alloc_page(self) -> int:
        """alloc_page(): a free frame, with one reference. Rare failure is not modelled."""
        frame = self.cursor
        require(frame != ZERO_FRAME, OUT_OF_FRAMES)
        if self.recycles:
            frame = self._next_free(frame)
        self.refcount[frame] = 1
        if self.lazyfree is not None:
            self.lazyfree.reset(frame)
        if self.folios is not None:
            self.folios.reset(frame)
        if self.shmem is not None:
            self.shmem.is_file[frame] = False
        if self.text is not None:
            self.text.reset(frame)
        self.cursor = (frame + 1) % self.frames
        count("pages allocated")
        return frame

    def _next_free(self, frame: int) -> int:
        """The first free frame from this one on."""
        for _ in range(self.frames):
            if self._is_free(frame):
                break
            frame = (frame + 1) % self.frames
        if not self._is_free(frame):
            count(NO_FREE_FRAME)
        return frame

    def _is_free(self, frame: int) -> bool:
        """No entry refers to it, or to any other page of its folio."""
        if self.folios is not None and self.folios.is_held(frame):
            return False
        return self.refcount[frame] == 0

    @indivisible
    def get_page(self, frame: int) -> None:
        """get_page(): one more reference."""
        if frame != ZERO_FRAME:
            self.refcount[frame] += 1
            if self.folios is not None:
                self.folios.mapped(frame)

    @indivisible
    def put_page(self, frame: int) -> None:
        """put_page(): one reference less; with the last one the frame is free."""
        if frame != ZERO_FRAME:
            self.refcount[frame] -= 1
            if self.folios is not None:
                self.folios.unmapped(frame)
            if self.refcount[frame] == 0:
                count("pages freed")
