"""mremap(2): do_mremap(), mm/mremap.c of 6.18.

Shrinking unmaps the tail; growing happens in place if the VMA ends there and nothing is behind it;
otherwise a VMA like the old one is made at the new place, the page tables move, and the old place
is unmapped. Since 6.17 a move to a given place with no change of size takes all VMAs of the range
along, one after the other.
"""

from __future__ import annotations

from dataclasses import dataclass
from errno import EFAULT, EINVAL, ENOMEM, EPERM

from shootdown.lang.declare import PageRange
from shootdown.linux.operations.mremap import move_page_tables
from shootdown.linux.syscalls.munmap import do_munmap
from shootdown.linux.syscalls.populate import mm_populate
from shootdown.linux.syscalls.process import Process
from shootdown.linux.vma import (
    ALL_FLAGS,
    ANONYMOUS,
    LOCKED,
    LOCKED_MASK,
    NO_ANON_VMA,
    SEALED,
    SEGMENT,
    SHARED,
    UFFD_MODES,
)
from shootdown.linux.vma_merge import Origin, Traits, insert_vma

MAYMOVE, FIXED, DONTUNMAP = 1, 2, 4
"""include/uapi/linux/mman.h"""


@dataclass(frozen=True, slots=True)
class Remap:
    """struct vma_remap_struct: what is asked for."""

    page: int
    old: int
    new: int
    """lengths in pages"""
    flags: int
    target: int
    """only with FIXED"""

    @property
    def fixed(self) -> bool:
        """The caller says where to."""
        return self.flags & FIXED != 0

    @property
    def implies_move(self) -> bool:
        """vrm_implies_new_addr()"""
        return self.flags & (FIXED | DONTUNMAP) != 0


def mremap(process: Process, asked: Remap) -> int:
    """Check, do it with mmap_lock held for writing, fault in what a locked VMA grew by."""
    if not _is_valid(asked):
        return -EINVAL
    with process.mm.mmap_lock.write():
        error, start, grown = _remap_all(process, asked)
    if grown != 0:
        mm_populate(process, PageRange(start + asked.old, start + asked.new))
    return error


def _remap_all(process: Process, asked: Remap) -> tuple[int, int, int]:
    """Every VMA of the range if they only move (remap_move()), with the gaps between them as they
    are, unless one has a userfaultfd (vma_multi_allowed()); else the one at the beginning. The
    error, where that one is then, and by how many pages it has grown and must be faulted in."""
    vmas, all_of_them = process.vmas, asked.fixed and asked.old == asked.new
    page, end, error, start, grown = asked.page, asked.page + asked.old, 0, 0, 0
    if not vmas.is_mapped(page):
        return -EFAULT, 0, 0
    going_on = True
    while going_on:
        old, new = asked.old, asked.new
        if all_of_them and vmas.has(page, UFFD_MODES):
            if page != asked.page or vmas.end_of(page) < end:
                return -EFAULT, 0, 0
        if all_of_them:
            old = vmas.end_of(page) - page
            if page + old > end:
                old = end - page
            new = old
        one = Remap(page, old, new, asked.flags, asked.target + page - asked.page)
        error = _check(process, one)
        if all_of_them and not _may_be_among_others(process, asked, page):
            error = -EFAULT
        if error == 0 and new > old and vmas.has(page, LOCKED):
            grown = new - old
        if error == 0:
            error, start = _remap(process, one)
        page = vmas.first_in(PageRange(page + old, end))
        going_on = all_of_them and error == 0 and page < end
    if error != 0:
        return error, 0, 0
    return 0, start, grown


def _may_be_among_others(process: Process, asked: Remap, page: int) -> bool:
    """vma_multi_allowed(): a segment, which has an opinion on where it is mapped
    (shm_get_unmapped_area()), moves only if the request concerns nothing else."""
    if process.vmas.file[page] != SEGMENT:
        return True
    return page == asked.page and process.vmas.end_of(page) >= asked.page + asked.old


def _is_valid(asked: Remap) -> bool:
    """check_mremap_params()"""
    if asked.new == 0:
        return False
    if not asked.implies_move:
        return True
    if asked.flags & MAYMOVE == 0:
        return False
    if asked.flags & DONTUNMAP != 0 and asked.old != asked.new:
        return False
    return not asked.fixed or not _overlaps(asked)


def _overlaps(asked: Remap) -> bool:
    """vrm_overlaps()"""
    return asked.page + asked.old > asked.target and asked.target + asked.new > asked.page


def _check(process: Process, asked: Remap) -> int:
    """check_prep_vma()"""
    vmas, page = process.vmas, asked.page
    if not vmas.is_mapped(page):
        return -EFAULT
    if vmas.has(page, SEALED):
        return -EPERM
    if asked.new <= asked.old and not asked.implies_move:
        return 0
    if asked.old == 0 and not vmas.has(page, SHARED):
        return -EINVAL
    size = asked.old
    if asked.new < asked.old:
        size = asked.new
    if size > vmas.end_of(page) - page:
        return -EFAULT
    return 0


def _remap(process: Process, asked: Remap) -> tuple[int, int]:
    """mremap_to() and mremap_at(): what is at the new place goes, then the tail; then the mapping
    stays, grows, or moves. The error, and where it is then."""
    page, old, target = asked.page, asked.old, asked.target
    if asked.fixed:
        error = do_munmap(process, PageRange(target, target + asked.new))
        if error != 0:
            return error, page
        if not process.vmas.is_mapped(page):
            return -EFAULT, page
    if asked.new < old:
        error = do_munmap(process, PageRange(page + asked.new, page + old))
        if error != 0:
            return error, page
        old = asked.new
    if not asked.implies_move:
        if old == asked.new:
            return 0, page
        if _can_expand_in_place(process, asked):
            _expand_in_place(process, PageRange(page + old, page + asked.new))
            return 0, page
        if asked.flags & MAYMOVE == 0:
            return -ENOMEM, page
    if not asked.fixed:
        target = process.vmas.unmapped_area(page, asked.new)
    keep = asked.flags & DONTUNMAP != 0
    _move_vma(process, PageRange(page, page + old), target, asked.new, keep)
    return 0, target


def _can_expand_in_place(process: Process, asked: Remap) -> bool:
    """vrm_can_expand_in_place(): up to the end of its VMA, and nothing is mapped behind."""
    end = asked.page + asked.old
    if process.vmas.end_of(asked.page) != end:
        return False
    room = PageRange(end, asked.page + asked.new)
    return process.vmas.first_in(room) == room.end


def _expand_in_place(process: Process, room: PageRange) -> None:
    """vma_merge_extend()"""
    vmas, last = process.vmas, room.start - 1
    traits = Traits(process.mm.vma[last], vmas.flags[last], vmas.file[last])
    insert_vma(vmas, room, traits, vmas.offset[last] + 1, _origin(process, last))
    vmas.uprobe_mmap(vmas.find(last))


def _move_vma(process: Process, old: PageRange, target: int, size: int, keep: bool) -> None:
    """move_vma()"""
    _copy_vma(process, old, target, size)
    move_page_tables(process.task, _realigned(process, old, target), old, target)
    if keep:
        _dontunmap_complete(process, old, target)
    else:
        do_munmap(process, old)


def _copy_vma(process: Process, old: PageRange, target: int, size: int) -> None:
    """copy_vma(): anonymous memory that was never written counts its offset anew. A userfaultfd
    stays behind (userfaultfd_reset_ctx())."""
    vmas, page = process.vmas, old.start
    traits = Traits(process.mm.vma[page], vmas.flags[page], vmas.file[page])
    offset, origin = vmas.offset[page], _origin(process, page)
    if traits.file == ANONYMOUS and origin.anon_vma == NO_ANON_VMA:
        offset = target
    insert_vma(vmas, PageRange(target, target + size), traits, offset, origin)
    if vmas.has(target, UFFD_MODES):
        for each in vmas.find(target):
            vmas.flags[each] = vmas.flags[each] & (ALL_FLAGS ^ UFFD_MODES)


def _origin(process: Process, page: int) -> Origin:
    return Origin(process.vmas.anon_vma[page], process.vmas.maybe_guard[page])


def _realigned(process: Process, old: PageRange, target: int) -> PageRange:
    """try_realign_addr(): down to the edge of the page table if both places allow it."""
    entries = process.mm.entries
    inside = old.start % entries
    reaches = old.end - old.start >= entries - inside
    if inside != 0 and target % entries == inside and reaches:
        if _can_align_down(process, old.start) and _can_align_down(process, target):
            return PageRange(old.start - inside, old.end)
    return PageRange(old.start, old.end)


def _can_align_down(process: Process, page: int) -> bool:
    """can_align_down(): a VMA begins here, and nothing is mapped below it in this table."""
    vmas, first = process.vmas, page - page % process.mm.entries
    return vmas.begins[page] and vmas.first_in(PageRange(first, page)) == page


def _dontunmap_complete(process: Process, old: PageRange, target: int) -> None:
    """dontunmap_complete(): the VMA stays, without its pages; it is not locked any more. If all of
    it was moved it has no anon_vma any more either."""
    vmas = process.vmas
    vma = vmas.find(old.start)
    for page in vma:
        vmas.flags[page] = vmas.flags[page] & (ALL_FLAGS ^ LOCKED_MASK)
    whole = old.start == vma.start and old.end == vma.end
    if whole and target not in vma:
        vmas.set_anon_vma(vma, NO_ANON_VMA)
