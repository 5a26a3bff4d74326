"""Merging pages with the same contents: mm/ksm.c (rows 23 and 24).

ksmd has both pages by a reference. It write-protects them, compares them, and lets the entry of one
name the other: write_protect_page(), pages_identical(), replace_page(). Nobody may write between
the comparison and the end, neither CPUs nor devices; and what one process writes afterwards is
copied first, like after a fork.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shootdown.lang.declare import PageRange, Pte, count, indivisible
from shootdown.lang.part import Part
from shootdown.linux.dirty_bits import DirtyBits
from shootdown.linux.folio import Folios
from shootdown.linux.memory import ZERO_FRAME
from shootdown.linux.notifiers.range import Event, MmuNotifierRange
from shootdown.linux.rmap import takes
from shootdown.program.kind import READ_ONLY

if TYPE_CHECKING:
    from shootdown.linux.mm import Mm


class Ksm(Part):
    """What ksmd does to one address space."""

    def __init__(self, mm: Mm) -> None:
        self.label = "ksm"
        self.mm = mm
        self.folios = mm.folios or Folios(mm)
        self.bits = mm.dirty_bits or DirtyBits(mm)
        mm.ksm = self

    def merge(self, page: int, stable: int) -> None:
        """try_to_merge_two_pages(): `stable` becomes the page that both use. mmap_lock is held for
        reading."""
        kpage = self.get_mergeable_page(stable)
        old = self.get_mergeable_page(page)
        merged = False
        if ZERO_FRAME not in (kpage, old) and kpage != old:
            merged = self.try_to_merge(page, old, stable, kpage)
        self.mm.memory.put_page(kpage)
        if merged:
            self.folios.drop(old)
        else:
            self.mm.memory.put_page(old)

    def try_to_merge(self, page: int, old: int, stable: int, kpage: int) -> bool:
        """try_to_merge_one_page() for the one, which only write-protects it, then for the other.
        ksmd takes locks of pages only where it need not wait."""
        merged = False
        if self.folios.folio_trylock(kpage):
            protected = self.write_protect_page(stable, kpage)
            self.folios.folio_unlock(kpage)
            if protected and self.folios.folio_trylock(old):
                if self.write_protect_page(page, old):
                    if self.pages_identical(old, kpage):
                        merged = self.replace_page(page, old, kpage)
                self.folios.folio_unlock(old)
        return merged

    @indivisible
    def get_mergeable_page(self, page: int) -> int:
        """get_mergeable_page(): the page that is mapped there, with one reference more, if it is
        anonymous."""
        frame = self.mm.pte[page].frame
        if self.mm.is_file_page(page, frame) or not takes(self.mm, page):
            return ZERO_FRAME
        self.mm.memory.get_page(frame)
        return frame

    def write_protect_page(self, page: int, frame: int) -> bool:
        """write_protect_page(): S, [P-, C, X; look whether anybody has a reference that may be used
        to write; read-only and clean, or as it was], E."""
        announced = MmuNotifierRange(page, page + 1, Event.CLEAR, "write_protect_page")
        if self.mm.notifiers.copy_is_announced:
            self.mm.notifiers.invalidate_range_start(announced)
        with self.mm.page_table_lock:
            protected = self.protect_locked(page, frame)
        if self.mm.notifiers.copy_is_announced:
            self.mm.notifiers.invalidate_range_end(announced)
        return protected

    def protect_locked(self, page: int, frame: int) -> bool:
        """The page-table lock is held."""
        mm = self.mm
        pte = mm.pte[page]
        if not pte.present or pte.frame != frame:
            return False
        if not pte.writable and not self.bits.dirty[page]:
            return True
        mm.arch.ptep_clear_flush(page)
        mm.notifiers.pte_downgraded_and_flushed(PageRange(page, page + 1))
        if mm.memory.refcount[frame] != 2:
            mm.pte[page] = pte
            return False
        mm.cleared_dirty(page, frame)
        mm.set_pte_at_notify(page, pte.with_rights(READ_ONLY))
        return True

    @indivisible
    def pages_identical(self, old: int, kpage: int) -> bool:
        """pages_identical(): they are, from now on the contents of the one are those of the
        other."""
        self.folios.note_stored(old)
        return True

    def replace_page(self, page: int, old: int, kpage: int) -> bool:
        """replace_page(): S, [P-, C, X, P+, reference of the entry put], E; whether it was still
        there to be replaced."""
        mm = self.mm
        announced = MmuNotifierRange(page, page + 1, Event.CLEAR, "try_to_merge_one_page")
        if mm.notifiers.copy_is_announced:
            mm.notifiers.invalidate_range_start(announced)
        with mm.page_table_lock:
            pte = mm.pte[page]
            replaced = pte.frame == old and not pte.writable
            if replaced:
                mm.memory.get_page(kpage)
                mm.arch.ptep_clear_flush(page)
                mm.notifiers.pte_downgraded_and_flushed(PageRange(page, page + 1))
                mm.set_pte_at_notify(page, Pte(kpage, READ_ONLY))
                mm.memory.put_page(old)
                count("pages merged")
        if mm.notifiers.copy_is_announced:
            mm.notifiers.invalidate_range_end(announced)
        return replaced
