"""ftruncate(2), fallocate(2) with FALLOC_FL_PUNCH_HOLE, pwrite(2) and MADV_REMOVE on files in
memory: shmem_setattr(), shmem_fallocate(), shmem_write_begin(), mm/shmem.c of 6.18.

What is taken from a file is taken from its mappings first, in the order of `linux.i_mmap`: each is
announced as far as it maps the part, whether anything is mapped there or not. Truncation does that
twice (a page may have been copied in between). Other processes that map the file do the same with
theirs, each for itself: `zap_file`.
"""

from __future__ import annotations

from errno import EACCES, EINVAL

from shootdown.lang.declare import PageRange
from shootdown.linux.i_mmap import BEFORE_ALL, next_vma, pages_of
from shootdown.linux.operations.truncate import zap_page_range_single
from shootdown.linux.shmem import FILE_PAGES
from shootdown.linux.syscalls.process import Process
from shootdown.linux.text import WRITTEN
from shootdown.linux.vma import ANONYMOUS, DISK, LOCKED, MAYNOTWRITE, SHARED


def unmap_mapping_range(process: Process, file: int, part: PageRange, *, even_cows: bool) -> None:
    """unmap_mapping_range(): every mapping of this part of the file. Private copies are left alone
    unless `even_cows`."""
    vmas = process.vmas
    offset, order = BEFORE_ALL, BEFORE_ALL
    page = next_vma(vmas, file, part, offset, order)
    while page < vmas.pages:
        zap_page_range_single(process.task, pages_of(vmas, page, part), even_cows)
        offset, order = vmas.offset[page], vmas.order[page]
        page = next_vma(vmas, file, part, offset, order)


def ftruncate(process: Process, file: int, size: int) -> int:
    """shmem_setattr(): the file becomes longer, and nothing else happens; or shorter."""
    shmem = process.shmem
    old = shmem.i_size[file]
    shmem.i_size[file] = size
    if size < old:
        cut = PageRange(size, FILE_PAGES)
        unmap_mapping_range(process, file, cut, even_cows=True)
        for index in PageRange(size, old):
            process.files.delete_folio(file, index)
        unmap_mapping_range(process, file, cut, even_cows=True)
    return 0


def punch_hole(process: Process, file: int, hole: PageRange) -> int:
    """shmem_fallocate(): whole pages. The file keeps its size, private copies stay."""
    unmap_mapping_range(process, file, hole, even_cows=False)
    for index in hole:
        if index < FILE_PAGES:
            process.files.delete_folio(file, index)
    return 0


def fallocate(process: Process, file: int, part: PageRange) -> int:
    """shmem_fallocate() without a mode: pages are put into the cache, and the file grows to have
    them."""
    shmem = process.shmem
    for index in part:
        if index >= shmem.i_size[file]:
            shmem.i_size[file] = index + 1
        process.files.fallocate(file, index)
    return 0


def pwrite(process: Process, file: int, index: int) -> int:
    """generic_perform_write(): one byte. The file grows to have it; mappings see it at once."""
    shmem = process.shmem
    if index >= shmem.i_size[file]:
        shmem.i_size[file] = index + 1
    frame = process.files.get_folio(file, index)
    process.files.written(frame)
    process.text.first[frame] = WRITTEN
    process.mm.memory.put_page(frame)
    return 0


def madvise_remove(process: Process, part: PageRange) -> int:
    """madvise_remove(): a hole in the file that is mapped, if it is mapped MAP_SHARED and may be
    written. Behind the end of the file of a disk there is nothing to punch (ext4_punch_hole())."""
    vmas, page = process.vmas, part.start
    if vmas.has(page, LOCKED) or vmas.file[page] == ANONYMOUS:
        return -EINVAL
    if vmas.flags[page] & (SHARED | MAYNOTWRITE) != SHARED:
        return -EACCES
    first, end = vmas.offset[page], vmas.offset[page] + len(part)
    if vmas.file[page] == DISK:
        end = min(end, process.shmem.i_size[DISK])
    hole = PageRange(first, end)
    if not hole:
        return 0
    process.removed(vmas.file[page], hole)
    return punch_hole(process, vmas.file[page], hole)
