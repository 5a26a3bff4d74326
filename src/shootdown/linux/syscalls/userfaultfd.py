"""userfaultfd(2) of 6.18 with UFFD_USER_MODE_ONLY, which nobody reads: fs/userfaultfd.c,
mm/userfaultfd.c.

What a process does through its userfaultfd, and what its faults come to: they are faults of the
kernel on its behalf, for which such a userfaultfd does not wait; they fail. Files in memory are
protected by a marker where no page is mapped (UFFD_FEATURE_WP_HUGETLBFS_SHMEM), anonymous memory is
not protected there. A mapping that is moved, or inherited, has no userfaultfd any more.
"""

from __future__ import annotations

from errno import EAGAIN, EBUSY, EEXIST, EFAULT, EINVAL, ENOENT, EPERM

from shootdown.lang.declare import PageRange, Pte
from shootdown.linux.memory import ZERO_FRAME
from shootdown.linux.notifiers.range import Event, MmuNotifierRange
from shootdown.linux.operations.mprotect import first_populated
from shootdown.linux.operations.userfaultfd_move import move_pages_ptes
from shootdown.linux.syscalls.process import Process
from shootdown.linux.vma import (
    ALL_FLAGS,
    DISK,
    LOCKED,
    MAYNOTWRITE,
    SEGMENT,
    SHARED,
    UFFD_MISSING,
    UFFD_MODES,
    UFFD_WP,
)
from shootdown.linux.vma_merge import anon_vma_prepare, vma_modify
from shootdown.program.kind import READ_ONLY, READ_WRITE

# --- ranges ---------------------------------------------------------------------------------------


def register(process: Process, range: PageRange, modes: int) -> int:
    """UFFDIO_REGISTER: VMAs that have all of the modes stay as they are, others get these and no
    others. Holes are passed over."""
    vmas = process.vmas
    with process.mm.mmap_lock.write():
        error = _check(process, range, True)
        if error != 0:
            return error
        page = vmas.first_in(range)
        while page < range.end:
            flags = vmas.flags[page]
            if flags & modes != modes:
                part = vmas.part_of(range, page)
                if flags & UFFD_WP == 0:
                    _forget(process, part)
                new = flags & (ALL_FLAGS ^ UFFD_MODES) | modes
                vma_modify(vmas, vmas.find(page), part, process.mm.vma[page], new)
            page = _behind(process, range, page)
    return 0


def unregister(process: Process, range: PageRange) -> int:
    """UFFDIO_UNREGISTER: what is protected is given back first."""
    vmas = process.vmas
    with process.mm.mmap_lock.write():
        error = _check(process, range, False)
        if error != 0:
            return error
        page = vmas.first_in(range)
        while page < range.end:
            flags = vmas.flags[page]
            if flags & UFFD_MODES != 0:
                part = vmas.part_of(range, page)
                if flags & UFFD_WP != 0:
                    _uffd_wp_range(process, part, False)
                new = flags & (ALL_FLAGS ^ UFFD_MODES)
                vma_modify(vmas, vmas.find(page), part, process.mm.vma[page], new)
            page = _behind(process, range, page)
    return 0


def _check(process: Process, range: PageRange, registering: bool) -> int:
    """vma_can_userfault(): something is mapped, and all of it is anonymous memory or a file in
    memory, which may be written by somebody."""
    vmas = process.vmas
    if vmas.first_in(range) == range.end:
        return -EINVAL
    for page in range:
        if vmas.is_mapped(page):
            if vmas.file[page] in (SEGMENT, DISK):
                return -EINVAL
            if registering and vmas.has(page, MAYNOTWRITE):
                return -EPERM
    return 0


def _behind(process: Process, range: PageRange, page: int) -> int:
    """The next page of the range that is mapped, behind the VMA of this one."""
    end = process.vmas.end_of(page)
    if end >= range.end:
        return range.end
    return process.vmas.first_in(PageRange(end, range.end))


def _forget(process: Process, range: PageRange) -> None:
    for page in range:
        process.uffd.wp[page] = False


# --- protection -----------------------------------------------------------------------------------


def writeprotect(process: Process, range: PageRange, enable: bool) -> int:
    """mwriteprotect_range(): VMA by VMA, up to the first that is not registered for it; -ENOENT if
    there is such a one, or none at all."""
    vmas = process.vmas
    with process.mm.mmap_lock.read():
        page = vmas.first_in(range)
        if page == range.end:
            return -ENOENT
        while page < range.end:
            if not vmas.has(page, UFFD_WP):
                return -ENOENT
            _uffd_wp_range(process, vmas.part_of(range, page), enable)
            page = _behind(process, range, page)
    return 0


def _uffd_wp_range(process: Process, part: PageRange, enable: bool) -> None:
    """uffd_wp_range(), change_protection(): announced as by mprotect; where markers are needed,
    tables are made first (change_prepare())."""
    mm, page = process.mm, part.start
    markers = process.files.is_file(page)
    if enable and markers:
        for each in part:
            mm.populate_table(each)
    start = first_populated(mm, part)
    if start == part.end:
        return
    announced = MmuNotifierRange(start, part.end, Event.PROTECTION_VMA, "change_protection")
    mm.notifiers.invalidate_range_start(announced)
    for each in part:
        if not enable:
            process.uffd.resolve(each)
        elif mm.pte[each].present:
            process.uffd.write_protect(each)
        elif markers and not process.markers.guard[each]:
            process.uffd.wp[each] = True
    mm.notifiers.invalidate_range_end(announced)
    mm.arch.flush_tlb_range(part)


# --- faults ---------------------------------------------------------------------------------------


def refuses(process: Process, page: int, write: bool) -> bool:
    """handle_userfault() for a fault of the kernel: VM_FAULT_SIGBUS. On the way there tables were
    made, and before a page that is to be written an anon_vma."""
    mm, vmas = process.mm, process.vmas
    if not vmas.has(page, UFFD_MODES):
        process.uffd.wp[page] = mm.pte[page].present and process.uffd.wp[page]
        return False
    file, shared = process.files.is_file(page), vmas.has(page, SHARED)
    if mm.pte[page].present:
        return write and process.uffd.wp[page] and vmas.has(page, UFFD_WP)
    if not file:
        process.uffd.wp[page] = False
    if not vmas.has(page, UFFD_MISSING) or (file and _is_cached(process, page)):
        return False
    mm.populate_table(page)
    if write and not shared:
        anon_vma_prepare(vmas, page)
    return not file or process.files.is_within(page)


def keeps_protection(process: Process, page: int) -> bool:
    """pte_marker_handle_uffd_wp(): what has just been mapped over a marker is protected too."""
    if process.vmas.has(page, UFFD_WP) and process.uffd.wp[page]:
        pte = process.mm.pte[page]
        if pte.writable:
            process.mm.pte[page] = pte.with_rights(READ_ONLY)
        return True
    return False


def _is_cached(process: Process, page: int) -> bool:
    vmas = process.vmas
    return process.shmem.cached(vmas.file[page], vmas.offset[page]) != 0


# --- filling --------------------------------------------------------------------------------------


def copy(process: Process, range: PageRange) -> int:
    """UFFDIO_COPY"""
    return _fill(process, range, False)


def zeropage(process: Process, range: PageRange) -> int:
    """UFFDIO_ZEROPAGE"""
    return _fill(process, range, True)


def _fill(process: Process, range: PageRange, zero: bool) -> int:
    """mfill_atomic(): inside one registered VMA, up to the first page that is not empty; -EAGAIN
    if some were filled, but not all."""
    vmas, done = process.vmas, 0
    with process.mm.mmap_lock.read():
        if not vmas.is_mapped(range.start):
            return -ENOENT
        if not vmas.has(range.start, SHARED):
            anon_vma_prepare(vmas, range.start)
        if not vmas.has(range.start, UFFD_MODES) or vmas.end_of(range.start) < range.end:
            return -ENOENT
        for page in range:
            process.mm.populate_table(page)
            error = _fill_one(process, page, zero)
            if error != 0:
                if done != 0:
                    return -EAGAIN
                return error
            done += 1
    return 0


def _fill_one(process: Process, page: int, zero: bool) -> int:
    """mfill_atomic_pte()"""
    mm, vmas = process.mm, process.vmas
    if vmas.has(page, SHARED):
        return _fill_file(process, page)
    if process.files.is_file(page) and not process.files.is_within(page):
        return -EFAULT
    if mm.pte[page].present or (zero and _is_marked(process, page)):
        return -EEXIST
    process.uffd.wp[page] = False
    process.markers.guard[page] = False
    if zero:
        mm.pte[page] = Pte(ZERO_FRAME, READ_ONLY)
    else:
        mm.pte[page] = Pte(mm.memory.alloc_page(), mm.vma[page])
    return 0


def _is_marked(process: Process, page: int) -> bool:
    """The entry is a marker."""
    return process.markers.guard[page] or process.uffd.wp[page]


def _fill_file(process: Process, page: int) -> int:
    """shmem_mfill_atomic_pte(): a new page in the cache, mapped at once."""
    mm, vmas = process.mm, process.vmas
    if not process.files.is_within(page):
        return -EFAULT
    if _is_cached(process, page):
        return -EEXIST
    if mm.pte[page].present:
        return -EEXIST
    frame = process.files.get_folio(vmas.file[page], vmas.offset[page])
    process.files.written(frame)
    process.uffd.wp[page] = False
    process.markers.guard[page] = False
    mm.pte[page] = Pte(frame, mm.vma[page])
    return 0


# --- moving ---------------------------------------------------------------------------------------


def move(process: Process, source: PageRange, destination: int) -> int:
    """UFFDIO_MOVE: userfaultfd_move() and move_pages(); -EAGAIN if some were moved, but not all."""
    mm = process.mm
    target = PageRange(destination, destination + len(source))
    with mm.mmap_lock.read():
        error = _may_move(process, source, target)
        if error != 0:
            return error
        moved = 0
        while moved < len(source):
            if not mm.table[(source.start + moved) // mm.entries]:
                error = -ENOENT
                break
            rest = PageRange(source.start + moved, source.end)
            step = move_pages_ptes(mm, rest, destination + moved)
            if step == 0:
                error = _why_not(process, source.start + moved, destination + moved)
                break
            for page in PageRange(destination + moved, destination + moved + step):
                process.uffd.wp[page] = False
                if mm.pte[page].frame != ZERO_FRAME:
                    mm.pte[page] = mm.pte[page].with_rights(READ_WRITE)
            moved += step
    if error != 0 and moved != 0:
        return -EAGAIN
    return error


def _may_move(process: Process, source: PageRange, target: PageRange) -> int:
    """uffd_move_lock(), validate_move_areas()"""
    vmas = process.vmas
    if not vmas.is_mapped(target.start):
        return -ENOENT
    if not vmas.has(target.start, SHARED):
        anon_vma_prepare(vmas, target.start)
    if not vmas.is_mapped(source.start):
        return -ENOENT
    for range in (source, target):
        if vmas.has(range.start, SHARED) or vmas.end_of(range.start) < range.end:
            return -EINVAL
    one, other = vmas.flags[source.start], vmas.flags[target.start]
    if process.mm.vma[source.start] != READ_WRITE or process.mm.vma[target.start] != READ_WRITE:
        return -EINVAL
    if (one ^ other) & LOCKED != 0 or other & UFFD_MODES == 0:
        return -EINVAL
    if not vmas.is_anonymous(source.start) or not vmas.is_anonymous(target.start):
        return -EINVAL
    return 0


def _why_not(process: Process, source: int, destination: int) -> int:
    """move_pages_ptes(): the destination is looked at first."""
    mm = process.mm
    if mm.pte[destination].present or process.markers.guard[destination]:
        return -EEXIST
    if process.markers.guard[source]:
        return -EFAULT
    if not mm.pte[source].present:
        return -ENOENT
    return -EBUSY
