"""What both protocols share: a page table, page frames, and how a frame changes hands.

An entry is a number: 0 maps nothing, n maps frame n - 1. Frames are handed out lowest first, so
that no free choice hides in the allocator. Every page and every task can own a frame at the same
time, so with `pages + tasks` frames there is always one left.
"""

from __future__ import annotations

from shootdown.lang.declare import Flag, Int, Mutex, PerFrame, PerPage, ghost, require
from shootdown.lang.geometry import Geometry
from shootdown.lang.part import Part
from shootdown.rules.rule import Rule


class FreedFrame(Rule):
    """The one thing that has to hold here."""

    name = "freed-frame"
    sentence = "no access to a freed page frame"


FREED_FRAME = FreedFrame()


def geometry(pages: int, tasks: int, devices: int) -> Geometry:
    """The machine for these sizes, with just enough frames."""
    return Geometry(pages=pages, frames=pages + tasks, tasks=tasks, devices=devices)


class Host(Part):
    """The page table of the process and the frames behind it, under one lock."""

    def __init__(self, sizes: Geometry) -> None:
        self.label = "host"
        self.frames = sizes.frames
        self.lock = Mutex()
        self.entry = PerPage(Int(0, sizes.frames))
        self.owned = PerFrame(Flag)

    def allocate(self) -> int:
        """The entry for the lowest free frame; called with the lock held."""
        found = 0
        for frame in range(self.frames):
            if not self.owned[frame]:
                found = frame + 1
                break
        self.owned[found - 1] = True
        return found

    def release(self, entry: int) -> None:
        """Give the frame of an entry back."""
        with self.lock:
            self.owned[entry - 1] = False

    def fault_in(self, page: int) -> int:
        """The entry of a page, with a fresh frame if there was none."""
        with self.lock:
            entry = self.entry[page]
            if entry == 0:
                entry = self.allocate()
                self.entry[page] = entry
        return entry

    def replace(self, page: int, keep: bool) -> int:
        """Take the entry away, or put one with a fresh frame in its place; the old entry."""
        with self.lock:
            old = self.entry[page]
            new = 0
            if keep:
                new = self.allocate()
            self.entry[page] = new
        return old

    @ghost
    def judge(self, entry: int) -> None:
        """An access through this entry reaches memory."""
        require(self.owned[entry - 1], FREED_FRAME)
