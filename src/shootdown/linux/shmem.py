"""Files in memory: memfd_create(2) and shared anonymous memory, mm/shmem.c of 6.18; and the cache
of a file of a disk, mm/filemap.c.

All files of the machine, and the cache of each. A page comes into the cache when it is read,
written or faulted on for the first time; it leaves it by truncation, by a hole, or by reclaim if
nothing was ever written to it (without swap space a dirty page stays).

Faults are those of `linux.filemap`, with two things of shmem: file systems that keep nothing behind
them need not hear of the first write (no page_mkwrite(), so entries of shared writable mappings
are writable at once), and a read fault maps what is in the cache around it (do_fault_around(),
filemap_map_pages()).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shootdown.lang.declare import (
    Array,
    Flag,
    FrameNumber,
    Int,
    PageRange,
    PerFrame,
    Pte,
    indivisible,
)
from shootdown.lang.part import Part
from shootdown.linux.filemap import NO_FOLIO, FileFaults
from shootdown.linux.vma import ANONYMOUS, DISK, RAND_READ, SEGMENT, SEQ_READ, SHARED, UFFD_WP
from shootdown.linux.vma_merge import anon_vma_prepare
from shootdown.program.kind import PROT_NONE, READ_ONLY

if TYPE_CHECKING:
    from shootdown.linux.mm import Mm
    from shootdown.linux.vma import Vmas

FILES = 64
"""files that a program can have, counted from 1"""
FILE_PAGES = 1 << 9
"""pages of a file"""
FAULT_AROUND = 16
"""fault_around_bytes, 64 KiB (mm/memory.c)"""
RA_PAGES = 1 << 11
"""pages that are read from a disk at once, read_ahead_kb of it: 8 MiB where the model was compared
(the default is 128 KiB)"""


class Shmem(Part):
    """All files: sizes, caches, and which frames are theirs."""

    segment = "machine"

    def __init__(self) -> None:
        self.label = "shmem"
        self.folio: Array[int] = Array(FrameNumber(), FILES * FILE_PAGES)
        self.i_size: Array[int] = Array(Int(0, FILE_PAGES), FILES)
        self.is_file = PerFrame(Flag)
        """not folio_test_anon(): a page of a file, not a private copy"""
        self.dirty = PerFrame(Flag)
        """PG_dirty, or the bit of an entry: it was written"""
        self.fallocated = PerFrame(Flag)
        """not PG_uptodate: fallocate() has made it, and nobody used it since"""

    def cached(self, file: int, index: int) -> int:
        """The page in the cache; NO_FOLIO if there is none."""
        if index >= self.i_size[file]:
            return NO_FOLIO
        return self.folio[file * FILE_PAGES + index]

    def add(self, file: int, index: int, frame: int) -> None:
        """shmem_add_to_page_cache()"""
        self.folio[file * FILE_PAGES + index] = frame
        self.is_file[frame] = True
        self.dirty[frame] = False
        self.fallocated[frame] = False


class ShmemFaults(FileFaults):
    """Faults of one address space on these files."""

    def __init__(self, mm: Mm, vmas: Vmas, shmem: Shmem) -> None:
        super().__init__(mm)
        self.vmas = vmas
        self.shmem = shmem
        self.had_table = Flag()
        """there was a page table before the fault"""
        mm.files = self

    # --- the cache ----------------------------------------------------------------------------

    @indivisible
    def get_folio(self, file: int, index: int) -> int:
        """shmem_get_folio(SGP_CACHE): the page, zeroed and put into the cache if need be."""
        memory, shmem = self.mm.memory, self.shmem
        if index >= shmem.i_size[file]:
            return NO_FOLIO
        frame = shmem.cached(file, index)
        if frame == NO_FOLIO:
            frame = memory.alloc_page()
            shmem.add(file, index, frame)
        shmem.fallocated[frame] = False
        memory.get_page(frame)
        return frame

    def make_disk(self, size: int) -> None:
        """The file of the disk was written and synced: all of it is in the cache, and clean."""
        self.shmem.i_size[DISK] = size
        self.read(PageRange(0, size))

    @indivisible
    def read(self, part: PageRange) -> None:
        """do_page_cache_ra(): what is missing of this part of the file of the disk."""
        shmem = self.shmem
        for index in part:
            if index < shmem.i_size[DISK] and shmem.cached(DISK, index) == NO_FOLIO:
                shmem.add(DISK, index, self.mm.memory.alloc_page())

    def readahead(self, page: int) -> None:
        """do_sync_mmap_readahead(): a fault misses the cache. Pages around it are read; behind it
        if accesses are said to be sequential, none but the page if they are said to be random."""
        index = self.vmas.offset[page]
        start, end = index, index + 1
        if self.vmas.has(page, SEQ_READ):
            end = index + RA_PAGES
        elif not self.vmas.has(page, RAND_READ):
            start = index - RA_PAGES // 2
            if start < 0:
                start = 0
            end = start + RA_PAGES
        if end > self.shmem.i_size[DISK]:
            end = self.shmem.i_size[DISK]
        self.read(PageRange(start, end))

    def readahead_if_missing(self, page: int) -> None:
        """Of the file of the disk; what is only in memory cannot be read from anywhere."""
        index = self.vmas.offset[page]
        if self.vmas.file[page] == DISK and self.is_within(page):
            if self.shmem.cached(DISK, index) == NO_FOLIO:
                self.readahead(page)

    @indivisible
    def fallocate(self, file: int, index: int) -> None:
        """shmem_get_folio(SGP_FALLOC): a new page is not zeroed yet, an old one is at the latest
        now; it is dirty, so that it stays."""
        shmem = self.shmem
        frame = shmem.cached(file, index)
        if frame == NO_FOLIO:
            frame = self.mm.memory.alloc_page()
            shmem.add(file, index, frame)
            shmem.fallocated[frame] = True
        else:
            shmem.fallocated[frame] = False
        shmem.dirty[frame] = True

    @indivisible
    def delete_folio(self, file: int, index: int) -> None:
        """filemap_remove_folio(): out of the cache, whose reference goes."""
        frame = self.shmem.folio[file * FILE_PAGES + index]
        if frame != NO_FOLIO:
            self.shmem.folio[file * FILE_PAGES + index] = NO_FOLIO
            self.mm.memory.put_page(frame)

    def written(self, frame: int) -> None:
        """A page was written through an entry."""
        self.shmem.dirty[frame] = True

    # --- what is mapped -----------------------------------------------------------------------

    def is_file(self, page: int) -> bool:
        """vm_file"""
        return self.vmas.file[page] != ANONYMOUS

    def is_shared(self, page: int) -> bool:
        """VM_SHARED"""
        return self.vmas.has(page, SHARED)

    def holds(self, page: int, frame: int) -> bool:
        """Of two pages of the same file and index one is in the cache."""
        return self.shmem.cached(self.vmas.file[page], self.vmas.offset[page]) == frame

    def is_copy(self, page: int, frame: int) -> bool:
        """folio_test_anon()"""
        return not self.shmem.is_file[frame]

    def is_within(self, page: int) -> bool:
        """i_size_read()"""
        return self.vmas.offset[page] < self.shmem.i_size[self.vmas.file[page]]

    def find_folio(self, page: int) -> int:
        """shmem_fault(), filemap_fault()"""
        self.readahead_if_missing(page)
        return self.get_folio(self.vmas.file[page], self.vmas.offset[page])

    # --- faults -------------------------------------------------------------------------------

    def anon_prepare(self, page: int) -> None:
        """vmf_anon_prepare()"""
        anon_vma_prepare(self.vmas, page)

    def protection(self, page: int) -> int:
        """Of a shared mapping what the VMA allows; but the disk wants to hear of writes."""
        if self.mm.vma[page] == PROT_NONE:
            return PROT_NONE
        if self.vmas.has(page, SHARED) and self.vmas.file[page] != DISK:
            return self.mm.vma[page]
        return READ_ONLY

    def map_pages(self, page: int) -> bool:
        """do_fault_around(): 16 pages, aligned, but no more than the VMA and the page table have;
        where the VMA begins later they begin with it. Those that are in the cache, and where
        nothing is mapped yet, are mapped. A fault that has to read from a disk lets go of mmap_lock
        and begins anew (maybe_unlock_mmap_for_io()), so it finds what was read around it, too."""
        self.readahead_if_missing(page)
        around = self.around(page)
        if self.is_mappable(page, around):
            for each in around:
                self.map_page(each)
        return self.mm.pte[page].present

    def table_comes(self, page: int) -> None:
        """pmd_none()"""
        self.had_table = self.mm.table[page // self.mm.entries]

    def is_mappable(self, page: int, around: PageRange) -> bool:
        """filemap_map_pages() of 6.18 counts on filemap_map_pmd() to put a page table where there
        is none, but does not ask it if the first page that it finds is the last one of the file
        (can_map_large, so that no huge page reaches beyond the end); files in memory are exempt."""
        if self.had_table or self.vmas.file[page] != DISK:
            return True
        last = self.shmem.i_size[DISK] - 1
        for each in around:
            if self.shmem.cached(DISK, self.vmas.offset[each]) != NO_FOLIO:
                return self.vmas.offset[each] < last
        return True

    def around(self, page: int) -> PageRange:
        """Which pages these are; none where a userfaultfd protects
        (uffd_disable_fault_around())."""
        if self.vmas.has(page, UFFD_WP):
            return PageRange(page, page)
        entries = self.mm.entries
        if self.vmas.file[page] == SEGMENT:
            return PageRange(page, page + 1)
        vma = self.vmas.find(page)
        start = page - page % FAULT_AROUND
        if start < vma.start:
            start = vma.start
        end = start + FAULT_AROUND
        edge = page - page % entries + entries
        if end > edge:
            end = edge
        if end > vma.end:
            end = vma.end
        return PageRange(start, end)

    def map_page(self, page: int) -> None:
        """filemap_map_order0_folio()"""
        frame = self.shmem.cached(self.vmas.file[page], self.vmas.offset[page])
        markers = self.mm.markers
        guarded = markers is not None and markers.guard[page]
        usable = frame != NO_FOLIO and not self.shmem.fallocated[frame]
        if usable and not guarded and not self.mm.pte[page].present:
            self.mm.memory.get_page(frame)
            self.mm.pte[page] = Pte(frame, self.protection(page))
