"""The mappings of a file in the order in which the kernel finds them: mapping->i_mmap.

An interval tree, sorted by the page of the file that a VMA begins with; those that begin with the
same one in the order in which they were put in (mm/interval_tree.c, include/linux/
interval_tree_generic.h: an equal start goes to the right). A VMA is taken out and put in again
whenever its ends change (vma_prepare(), vma_complete(), mm/vma.c).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shootdown.lang.declare import PageRange

if TYPE_CHECKING:
    from shootdown.linux.vma import Vmas

BEFORE_ALL = -1
"""an offset and an order before those of any VMA"""


def next_vma(vmas: Vmas, file: int, part: PageRange, offset: int, order: int) -> int:
    """vma_interval_tree_iter_first() and _next(): the first page of the VMA of the file that has
    pages of this part of the file and comes next after this offset and order; `vmas.pages` if there
    is none."""
    found = vmas.pages
    for page in vmas.used:
        if vmas.begins[page] and vmas.file[page] == file:
            if _is_behind(vmas, page, offset, order) and _meets(vmas, page, part):
                if found == vmas.pages or _is_behind(
                    vmas, found, vmas.offset[page], vmas.order[page]
                ):
                    found = page
    return found


def previous_vma(vmas: Vmas, file: int, part: PageRange, offset: int, order: int) -> int:
    """The same the other way round: the last one before this offset and order."""
    found = vmas.pages
    for page in vmas.used:
        if vmas.begins[page] and vmas.file[page] == file:
            if _is_before(vmas, page, offset, order) and _meets(vmas, page, part):
                if found == vmas.pages or _is_before(
                    vmas, found, vmas.offset[page], vmas.order[page]
                ):
                    found = page
    return found


def _is_behind(vmas: Vmas, page: int, offset: int, order: int) -> bool:
    if vmas.offset[page] != offset:
        return vmas.offset[page] > offset
    return vmas.order[page] > order


def _is_before(vmas: Vmas, page: int, offset: int, order: int) -> bool:
    if vmas.offset[page] != offset:
        return vmas.offset[page] < offset
    return vmas.order[page] < order


def _meets(vmas: Vmas, page: int, part: PageRange) -> bool:
    size = vmas.end_of(page) - page
    return vmas.offset[page] < part.end and vmas.offset[page] + size > part.start


def pages_of(vmas: Vmas, page: int, part: PageRange) -> PageRange:
    """Where the VMA that begins with this page maps this part of the file."""
    first = vmas.offset[page]
    start, end = page, vmas.end_of(page)
    if part.start > first:
        start = page + (part.start - first)
    if part.end < first + (end - page):
        end = page + (part.end - first)
    return PageRange(start, end)
