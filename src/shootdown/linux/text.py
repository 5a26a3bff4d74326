"""What breakpoints look at in a page frame: the instruction it begins with, and what reclaim holds.

A breakpoint that is taken away takes its private page with it only if nobody else has a reference
(`folio_ref_count()`), and lists of reclaim have one for a while: a new page until its CPU puts it
on the list of its kind, a page that was asked for twice until it is moved to the active list
(folio_add_lru(), folio_mark_accessed(), mm/swap.c of 6.18). So this is kept of each frame, as far
as it can matter: for anonymous pages that the kernel itself looks up (get_user_pages()).
"""

from __future__ import annotations

from shootdown.lang.declare import Array, Flag, Int, PerFrame, indivisible
from shootdown.lang.part import Part
from shootdown.linux.shmem import FILE_PAGES

ZERO, WRITTEN, TRAP = range(3)
"""what a page begins with: nothing, something that was written to a file, an int3"""


NOT_HELD, NEW, WAITING = range(3)
"""no list refers to it; that of new pages (lru_add); it is on a list of reclaim, and waits for
another (lru_activate)"""


class Text(Part):
    """Of all frames; and the instructions that breakpoints stand for."""

    segment = "machine"

    def __init__(self) -> None:
        self.label = "text"
        self.first = PerFrame(Int(ZERO, TRAP, names=("zero", "written", "trap")))
        self.shared = PerFrame(Flag)
        """not PageAnonExclusive(): fork left it to two processes, and none has written since"""
        self.held = PerFrame(Int(NOT_HELD, WAITING))
        """a list of this CPU refers to it, until the next call (`live` has them emptied then)"""
        self.referenced = PerFrame(Flag)
        """PG_referenced"""
        self.active = PerFrame(Flag)
        """PG_active"""
        self.unevictable = PerFrame(Flag)
        """PG_unevictable: it is locked"""
        self.instruction = Array(Int(ZERO, WRITTEN), FILE_PAGES)
        """uprobe->arch.insn, of a breakpoint at the beginning of this page of the memfd"""
        self.copied = Array(Flag, FILE_PAGES)
        """UPROBE_COPY_INSN: it was read from the file"""

    def reset(self, frame: int) -> None:
        """The frame is handed out."""
        self.first[frame] = ZERO
        self.shared[frame] = False
        self.held[frame] = NEW
        self.referenced[frame] = False
        self.active[frame] = False
        self.unevictable[frame] = False

    @indivisible
    def owned(self, old: int, new: int) -> None:
        """A write fault is over: the page is nobody else's now, and a copy of the one that was
        there, if there was one (wp_page_copy())."""
        self.shared[new] = False
        if new != old:
            self.first[new] = self.first[old]

    @indivisible
    def mark_accessed(self, frame: int, locked: bool) -> None:
        """folio_mark_accessed() without multi-generational LRU: the second time it becomes active,
        unless it is unevictable, and waits in a list for that if it is on another already. A new
        page is that if its VMA is locked (mlock_new_folio())."""
        if locked and self.held[frame] == NEW:
            self.unevictable[frame] = True
        if not self.referenced[frame]:
            self.referenced[frame] = True
        elif not self.unevictable[frame] and not self.active[frame]:
            self.active[frame] = True
            self.referenced[frame] = False
            if self.held[frame] == NOT_HELD:
                self.held[frame] = WAITING
