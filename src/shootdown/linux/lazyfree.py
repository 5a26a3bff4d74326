"""What Linux knows of the folio in a frame, beyond who refers to it.

Only where memory can be given up without writing it anywhere: MADV_FREE makes a private page lazily
freed, a write makes it an ordinary one again as soon as reclaim sees that it was written.
"""

from __future__ import annotations

from shootdown.lang.declare import Flag, Int, PerFrame, indivisible
from shootdown.lang.part import Part

SWAPBACKED, LAZYFREE, LAZYFREE_WRITTEN = 0, 1, 2
"""PG_swapbacked is set; it is not; it is not, but some entry of a page table is dirty again"""


class LazyFree(Part):
    """Of all frames."""

    segment = "machine"

    def __init__(self) -> None:
        self.lazy = PerFrame(Int(SWAPBACKED, LAZYFREE_WRITTEN))
        self.dirty = PerFrame(Flag)
        """PG_dirty: reclaim took the dirty bit over from an entry"""

    def reset(self, frame: int) -> None:
        """The frame is handed out."""
        self.lazy[frame] = SWAPBACKED
        self.dirty[frame] = False

    @indivisible
    def written(self, frame: int) -> None:
        """A CPU wrote through a writable entry, which is dirty now."""
        if self.lazy[frame] == LAZYFREE:
            self.lazy[frame] = LAZYFREE_WRITTEN

    @indivisible
    def set_dirty(self, frame: int) -> None:
        """folio_mark_dirty(): the kernel wrote to it through a reference of its own."""
        self.dirty[frame] = True
        if self.lazy[frame] == LAZYFREE:
            self.lazy[frame] = LAZYFREE_WRITTEN

    @indivisible
    def migrated(self, frame: int) -> None:
        """try_to_migrate_one() took the dirty bit over from the entry."""
        if self.lazy[frame] != LAZYFREE:
            self.dirty[frame] = True

    @indivisible
    def free_lazily(self, frame: int, exclusive: bool) -> None:
        """madvise_free_pte_range() and folio_mark_lazyfree(): a dirty folio only if nobody else
        maps it."""
        if self.dirty[frame]:
            if not exclusive:
                return
            self.dirty[frame] = False
        self.lazy[frame] = LAZYFREE

    @indivisible
    def keep(self, frame: int) -> None:
        """try_to_unmap_one() found it written: folio_set_swapbacked()."""
        self.lazy[frame] = SWAPBACKED
        self.dirty[frame] = True
