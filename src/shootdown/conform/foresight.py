"""What a process and its guest may see of their memory, according to the model.

The model has entries and frames, but no contents. Contents follow from what happens to frames: a
stamp is written into one, a fresh one has zeroes or is a copy of what it replaces, and one that is
moved or shared keeps what it has. So the model is asked, page by page, whether an access goes
through and which frame it reaches, and that frame's contents are what has to be seen.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shootdown.conform.machine import Life
from shootdown.linux.memory import ZERO_FRAME
from shootdown.linux.shmem import FILE_PAGES
from shootdown.linux.vma import ANONYMOUS, MEMFD
from shootdown.live.coherence import View
from shootdown.live.programs import Operation
from shootdown.machine.runner import Space
from shootdown.program.kind import RIGHTS_BITS

PWRITTEN = ord("x")
"""the byte that `pwrite` writes"""


@dataclass(frozen=True, slots=True)
class Surprise:
    """Something was seen that the model rules out. None: the page could not be touched."""

    number: int
    """of the operation"""
    page: int
    what: str
    foreseen: int | None
    process: int | None
    guest: int | None


class Foresight:
    """Follows a program on the model while it runs on the kernel (`live.coherence.Watcher`)."""

    def __init__(self, life: Life) -> None:
        self._life = life
        self._contents: dict[int, int] = {}
        """of frames; those that are not named hold zeroes"""
        self.surprises: list[Surprise] = []
        self.views = 0
        """how many were compared"""

    # --- what happens ---------------------------------------------------------------------------

    def view(self, view: View) -> None:
        """Compare what was seen with what the model says, which changes with it: touching a page
        maps it."""
        self.views += 1
        if view.what == "write":
            foreseen = self._write(self._life.space, "write", view.page, view.stamp)
        else:
            foreseen = self._read(view.page)
        if not foreseen == view.process == view.guest:
            row = (view.number, view.page, view.what, foreseen, view.process, view.guest)
            self.surprises.append(Surprise(*row))

    def perform(self, operation: Operation) -> None:
        """The process, or a child of it, did this."""
        match operation:
            case ("write", int(page), int(count)):
                self._write_all(self._life.space, "write", page, count)
            case ("child_write", int(page), int(count)) if self._life.children:
                self._write_all(self._life.children[-1], "child_write", page, count)
            case ("pwrite", int(offset)):
                self._do(self._life.space, operation)
                self._contents[self._cached(MEMFD, offset)] = PWRITTEN
            case _:
                self._do(self._life.space, operation)

    # --- on the model ---------------------------------------------------------------------------

    def _write_all(self, space: Space, name: str, page: int, count: int) -> None:
        """A zero into each page, up to the first that cannot be written."""
        for at in range(page, page + count):
            if self._write(space, name, at, 0) is None:
                return

    def _write(self, space: Space, name: str, page: int, stamp: int) -> int | None:
        if self._do(space, (name, page, 1)) < 0:
            return None
        self._contents[self._frames(space)[page]] = stamp
        return stamp

    def _read(self, page: int) -> int | None:
        space = self._life.space
        if self._do(space, ("read", page, 1)) < 0:
            return None
        return self._contents.get(self._frames(space)[page], 0)

    def _do(self, space: Space, operation: Operation) -> int:
        """One call of the process in this space, and what becomes of contents."""
        references = self._life.runner.view(space, "memory.refcount")
        free = references == 0
        before = self._frames(space)
        result = self._life.perform(operation)
        fresh = np.flatnonzero(free & (references != 0)).tolist()
        if fresh:
            self._fill(space, fresh, before)
        return result

    def _fill(self, space: Space, fresh: list[int], before: list[int]) -> None:
        """Frames that were free a moment ago: copies of what they replace, else zeroes."""
        for frame in fresh:
            self._contents.pop(frame, None)
        for page, frame in enumerate(self._frames(space)):
            if frame in fresh:
                source = before[page] or self._cached(*self._backing(space, page))
                if source not in fresh and source in self._contents:
                    self._contents[frame] = self._contents[source]

    # --- what the buffers say -------------------------------------------------------------------

    def _frames(self, space: Space) -> list[int]:
        """Of the region's pages; 0, the zero page, where there is none."""
        place = self._life.place
        entries = self._life.runner.view(space, "mm.pte")[place.origin : place.end]
        frames: list[int] = (entries >> RIGHTS_BITS).tolist()
        return frames

    def _backing(self, space: Space, page: int) -> tuple[int, int]:
        """The file that a page is mapped from, and its page there."""
        at = self._life.place.at(page)
        view = self._life.runner.view
        return int(view(space, "vmas.file")[at]), int(view(space, "vmas.offset")[at])

    def _cached(self, file: int, offset: int) -> int:
        """The frame of a page of a file; the zero page if there is none."""
        if file == ANONYMOUS or offset >= FILE_PAGES:
            return ZERO_FRAME
        folios: NDArray[np.int32] = self._life.runner.view(self._life.space, "shmem.folio")
        return int(folios[file * FILE_PAGES + offset])
