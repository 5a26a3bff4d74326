"""Which pages were written since somebody asked: the soft-dirty bit of entries.

_PAGE_SOFT_DIRTY, set by every fault that lets somebody write (pte_mkdirty()), cleared by writing 4
to /proc/PID/clear_refs, which takes the right to write away so that the next write faults
(Documentation/admin-guide/mm/soft-dirty.rst; CONFIG_MEM_SOFT_DIRTY, 3.11). Saving a process with
CRIU rests on it. The bit changes under the page-table lock, with the entry that it is in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shootdown.lang.declare import Flag, PerPage
from shootdown.lang.part import Part

if TYPE_CHECKING:
    from shootdown.linux.mm import Mm


class SoftDirty(Part):
    """The bit of every entry."""

    def __init__(self, mm: Mm) -> None:
        self.label = "soft_dirty"
        self.dirty = PerPage(Flag)
        mm.soft_dirty = self
