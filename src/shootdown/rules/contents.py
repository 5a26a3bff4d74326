"""Rules about what is in pages: a write must not be lost.

A page goes away when its contents are stored or copied. Who writes it afterwards through an old
translation writes into the void; and who writes it without leaving a dirty bit may as well, because
a page that looks clean is not stored.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shootdown.lang.declare import Pte, ghost, require
from shootdown.rules.rule import Rule

if TYPE_CHECKING:
    from shootdown.linux.mm import Mm


class LostWrite(Rule):
    """What was written to a page is still there when reclaim or migration gives the page up: no
    write lands after the contents were stored or copied (B5, B32; try_to_unmap_flush_dirty())."""

    name = "lost-write"
    sentence = "no write is lost when a page is stored, moved or merged and then given up"

    @ghost
    def judge(self, mm: Mm, page: int, pte: Pte, write: bool) -> None:
        """Notes the write; it is judged when the page is dropped (`Folios.drop`)."""
        if mm.folios is not None and write:
            mm.folios.note_written(pte.frame)


class LostDirtyBit(Rule):
    """A page that was written is known to be dirty, by the entry or by the page itself: write-back
    and reclaim ask nothing else (page_mkclean() and zap_pte_range(), commit 1cf35d47712d)."""

    name = "lost-dirty-bit"
    sentence = "a page that was written does not look clean"

    @ghost
    def judge(self, mm: Mm, page: int, pte: Pte, write: bool) -> None:
        """Judged when nobody is changing the page."""
        if mm.folios is None or mm.dirty_bits is None:
            return
        if write and mm.changing[page] == 0:
            require(mm.dirty_bits.dirty[page] or mm.folios.dirty[pte.frame], self)

    @ghost
    def judge_quiet(self, mm: Mm, page: int) -> None:
        """An operation on the page has ended: a page of the file with unsaved contents says so."""
        if mm.mapping is not None and mm.dirty_bits is not None and mm.folios is not None:
            frame = mm.mapping.folio[page]
            if mm.changing[page] == 0 and frame > 0 and mm.folios.unsaved[frame]:
                known = mm.folios.dirty[frame]
                if mm.pte[page].frame == frame and mm.dirty_bits.dirty[page]:
                    known = True
                if mm.nonlinear is not None and mm.nonlinear.may_tell(mm, frame):
                    known = True
                require(known, self)


LOST_WRITE, LOST_DIRTY_BIT = LostWrite(), LostDirtyBit()
