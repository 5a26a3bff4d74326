"""A mapping whose pages are not in the order of the file: remap_file_pages(2).

Until 3.19 that is one nonlinear VMA (VM_NONLINEAR). Which page of the file belongs to an address
then stands in its entry: in a page that is mapped (page->index), and in a file pte, which is not
present, where nothing is (pgoff_to_pte(), do_nonlinear_fault()). Since 4.0 (c8d78c1823f4) it is
another VMA of the same file, with another vm_pgoff. Either way, it is a number that changes under
the page-table lock, or with mmap_lock held for writing.

The part exists in scenarios with an operation that remaps pages; `Mm.nonlinear` is None in all
others, and page n of the address space is page n of the file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shootdown.lang.declare import Flag, PageNumber, PerPage, ghost
from shootdown.lang.part import Part
from shootdown.linux.version import Version

if TYPE_CHECKING:
    from shootdown.linux.mm import Mm

EMULATED: Version = (4, 0, 0)
"""remap_file_pages() maps the file anew: c8d78c1823f4"""


class Nonlinear(Part):
    """Where in the file each page of the address space is."""

    def __init__(self, mm: Mm) -> None:
        self.label = "nonlinear"
        self.ahead = PerPage(PageNumber())
        """so many pages behind that of its own number"""
        self.vm_nonlinear = Flag()
        """VM_NONLINEAR of the VMA (until 3.19); it is never taken back"""
        assert mm.mapping is not None
        self.mapping = mm.mapping
        mm.nonlinear = self

    def names_another(self, page: int, frame: int) -> bool:
        """pte_same(): the entry is a file pte by now that names another page of the file than the
        one a fault has found. Caller holds the page-table lock."""
        return self.mapping.is_shared(page) and not self.mapping.holds(page, frame)

    @ghost
    def may_tell(self, mm: Mm, frame: int) -> bool:
        """Some entry of the page says that it is dirty, or is being changed and will."""
        known = False
        for each in mm.whole:
            if mm.changing[each] > 0:
                known = True
            elif mm.dirty_bits is not None and mm.dirty_bits.dirty[each]:
                if mm.pte[each].frame == frame:
                    known = True
        return known
