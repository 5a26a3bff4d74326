"""Flags of page frames: struct folio, as far as reverse mapping, write-back and reclaim look at it.

PG_locked is a lock that sleeps, one for each folio (folio_lock(), mm/filemap.c). Whoever moves a
page, writes it out, takes it away from a file or maps it from a file holds it. PG_dirty says that
the contents differ from what is stored: it is set by software, from the dirty bits of entries when
those are cleared, and cleared by whoever is about to store the contents.

The part exists in scenarios with operations that look at it; `Mm.folios` is None in all others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shootdown.lang.declare import (
    Flag,
    Ghost,
    PerFrame,
    ghost,
    indivisible,
    require,
    wait_until,
)
from shootdown.lang.part import Part
from shootdown.rules.contents import LOST_WRITE

if TYPE_CHECKING:
    from shootdown.linux.mm import Mm


class Folios(Part):
    """The flags, by frame. A folio is one page here."""

    segment = "machine"

    def __init__(self, mm: Mm) -> None:
        self.label = "folios"
        self.memory = mm.memory
        self.locked = PerFrame(Flag)
        self.dirty = PerFrame(Flag)
        self.lazyfree = PerFrame(Flag)
        """not PG_swapbacked: MADV_FREE gave it up, it need not be stored while it is clean"""
        self.unsaved = Ghost(PerFrame(Flag))
        """written since its contents were last stored or copied to where they are found now"""
        self.unwanted = Ghost(PerFrame(Flag))
        """nobody will miss what is written: the process has let go of the page (`Mm.lets_go`), or
        MADV_FREE is under way and the write may come before it, whatever its own time"""
        mm.folios = self

    @indivisible
    def folio_lock(self, frame: int) -> None:
        """folio_lock(): sleeps while somebody else has it."""
        wait_until(not self.locked[frame])
        self.locked[frame] = True

    @indivisible
    def folio_trylock(self, frame: int) -> bool:
        """folio_trylock()"""
        taken = self.locked[frame]
        self.locked[frame] = True
        return not taken

    @indivisible
    def folio_unlock(self, frame: int) -> None:
        """folio_unlock()"""
        self.locked[frame] = False

    @indivisible
    def folio_unlock_and_put(self, frame: int) -> None:
        """Both at once: nobody could tell, since whoever comes next has a reference of its own."""
        self.locked[frame] = False
        self.memory.put_page(frame)

    @indivisible
    def test_clear_dirty(self, frame: int) -> bool:
        """folio_test_clear_dirty(), in folio_clear_dirty_for_io(): was it dirty?"""
        was = self.dirty[frame]
        self.dirty[frame] = False
        return was

    @indivisible
    def store(self, frame: int) -> None:
        """What is in the page now is written to disk or swap space."""
        self.note_stored(frame)

    @indivisible
    def copy(self, old: int, new: int) -> None:
        """folio_copy(), and the flags (folio_migrate_flags())."""
        self.dirty[new] = self.dirty[old]
        self.dirty[old] = False
        self.note_copied(old, new)

    def drop(self, frame: int) -> None:
        """The last reference of a page whose contents must be somewhere else by now."""
        self.judge_dropped(frame)
        self.memory.put_page(frame)

    # --- for the rules ------------------------------------------------------------------------

    @ghost
    def note_stored(self, frame: int) -> None:
        """Nothing would be lost with the page."""
        self.unsaved[frame] = False

    @ghost
    def note_unwanted(self, frame: int, unwanted: bool = True) -> None:
        """What was written until now need not be kept; from now on it need not either, or what
        comes is wanted again (MADV_FREE has ended)."""
        self.unwanted[frame] = unwanted
        self.unsaved[frame] = False

    @ghost
    def note_copied(self, old: int, new: int) -> None:
        """What would be lost with the old page would now be lost with the new one."""
        self.unsaved[new] = self.unsaved[old]
        self.unsaved[old] = False

    @ghost
    def note_written(self, frame: int) -> None:
        """A write has landed."""
        if not self.unwanted[frame]:
            self.unsaved[frame] = True

    @ghost
    def judge_dropped(self, frame: int) -> None:
        """The page goes away."""
        require(not self.unsaved[frame], LOST_WRITE)
