"""A mapped file and its page cache: struct address_space, mm/filemap.c.

A page of the file is in the cache or is not. A fault finds or reads it, locks it, looks again
whether it still belongs to the file (truncation may have come in between), and maps it while it is
locked. Truncation and hole punching first unmap, then lock and remove page by page; so a fault that
comes late finds nothing, or is undone by the second unmap (unmap_mapping_folio(), or the second
unmap_mapping_range() of truncate_pagecache()).

`FileFaults` is what faults do, whatever the file; `Mapping` is one file that `check` explores: page
n of the address space is page n of it where it is mapped at all (unless `linux.nonlinear` says
otherwise), and mappings of other processes are present as references. The files of programs are in
`linux.shmem`. `Mm.mapping` is None in scenarios without files.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shootdown.lang.declare import (
    EMPTY,
    FrameNumber,
    Int,
    PageNumber,
    PageRange,
    PerPage,
    Pte,
    RwSemaphore,
    count,
    indivisible,
)
from shootdown.lang.part import Part
from shootdown.linux.dirty_bits import DirtyBits
from shootdown.linux.folio import Folios
from shootdown.linux.vma import NO_VMA
from shootdown.program.kind import READ_ONLY, READ_WRITE

if TYPE_CHECKING:
    from shootdown.linux.mm import Mm

ANONYMOUS, SHARED, PRIVATE = range(3)
"""what a page is mapped from: no file; the file, MAP_SHARED; the file, MAP_PRIVATE"""

NO_FOLIO = 0
"""where the cache has nothing"""


class FileFaults(Part):
    """Faults on pages of files: do_fault() and wp_page_shared(), mm/memory.c."""

    def __init__(self, mm: Mm) -> None:
        self.label = "mapping"
        self.mm = mm
        self.folios = mm.folios or Folios(mm)

    # --- what the files decide ----------------------------------------------------------------

    def is_file(self, page: int) -> bool:
        """A file is mapped there."""
        raise NotImplementedError

    def is_shared(self, page: int) -> bool:
        """And with MAP_SHARED."""
        raise NotImplementedError

    def holds(self, page: int, frame: int) -> bool:
        """The frame is the page of the file that is mapped there, not a private copy."""
        raise NotImplementedError

    def is_copy(self, page: int, frame: int) -> bool:
        """The frame is a private copy."""
        return not self.holds(page, frame)

    def find_folio(self, page: int) -> int:
        """The page of the file that is mapped there, with one reference more, read from disk if
        the cache has none; NO_FOLIO beyond the end of the file."""
        raise NotImplementedError

    def is_within(self, page: int) -> bool:
        """The file is that long."""
        raise NotImplementedError

    def anon_prepare(self, page: int) -> None:
        """vmf_anon_prepare(), where there are VMAs."""

    def table_comes(self, page: int) -> None:
        """A fault needs the page table of this page, which is there already or not."""

    def map_pages(self, page: int) -> bool:
        """do_fault_around(): map what is in the cache around the page of a read fault; whether that
        was the page. Not done here: whoever faults there does it."""
        return False

    def protection(self, page: int) -> int:
        """vm_page_prot: the rights of an entry that a read fault makes. Without the right to write
        if the file system wants to hear of the first write (vma_wants_writenotify())."""
        return READ_ONLY

    # --- faults -------------------------------------------------------------------------------

    def faults_on(self, page: int, old: Pte) -> bool:
        """A fault here is the file's business: nothing is mapped, or a page that is mapped
        MAP_SHARED. A private page is copied like anonymous memory."""
        if not self.is_file(page):
            return False
        return not old.present or self.is_shared(page)

    def do_fault(self, page: int, old: Pte, write: bool) -> bool:
        """do_fault() where nothing is mapped, wp_page_shared() where the right to write is missing.
        False is SIGBUS."""
        copies = write and not self.is_shared(page)
        if copies:
            self.anon_prepare(page)
        if not write and self.map_pages(page):
            return True
        frame = self.filemap_fault(page)
        if frame == NO_FOLIO:
            return False
        if copies:
            self.do_cow_fault(page)
        elif write:
            self.finish_mkwrite_fault(page, old, frame)
        else:
            self.set_pte(page, old, Pte(frame, self.protection(page)))
        self.folios.folio_unlock_and_put(frame)
        return True

    def filemap_fault(self, page: int) -> int:
        """filemap_fault(): the page of the file, locked; NO_FOLIO is VM_FAULT_SIGBUS."""
        while True:
            frame = self.find_folio(page)
            if frame == NO_FOLIO:
                return NO_FOLIO
            self.folios.folio_lock(frame)
            if self.holds(page, frame) and self.is_within(page):
                return frame
            self.folios.folio_unlock_and_put(frame)

    def do_cow_fault(self, page: int) -> None:
        """A copy of the file's page, where nothing was mapped: nobody has to hear of it."""
        new = self.mm.memory.alloc_page()
        self.set_pte(page, EMPTY, Pte(new, READ_WRITE))
        self.mm.memory.put_page(new)

    def finish_mkwrite_fault(self, page: int, old: Pte, frame: int) -> None:
        """do_shared_fault(), wp_page_shared(): the file system hears that the page becomes dirty
        (page_mkwrite()), then it is mapped writable, then it is dirty (fault_dirty_shared_page());
        all under the folio's lock, so that write-back comes before or after (row 12)."""
        self.folios.dirty[frame] = True
        if old.present:
            with self.mm.page_table_lock:
                if self.mm.pte[page] == old:
                    self.mm.made_dirty(page)
                    self.mm.arch.ptep_set_access_flags(page, old.with_rights(READ_WRITE))
        else:
            self.set_pte(page, old, Pte(frame, READ_WRITE))
        self.folios.dirty[frame] = True
        count("write faults, page of a file")

    def set_pte(self, page: int, old: Pte, new: Pte) -> None:
        """finish_fault(): if nothing else has been mapped meanwhile, and no file pte names another
        page by now. The entry has a reference of its own."""
        with self.mm.page_table_lock:
            if self.mm.nonlinear is not None and self.mm.nonlinear.names_another(page, new.frame):
                return
            if self.mm.pte[page] == old and not self.mm.is_swap_pte(page):
                self.mm.memory.get_page(new.frame)
                if new.writable:
                    self.mm.made_dirty(page)
                self.mm.pte[page] = new


class Mapping(FileFaults):
    """struct address_space of the one file."""

    def __init__(self, mm: Mm) -> None:
        super().__init__(mm)
        self.bits = mm.dirty_bits or DirtyBits(mm)
        self.i_mmap_rwsem = RwSemaphore()
        self.kind = PerPage(Int(ANONYMOUS, PRIVATE, names=("anonymous", "shared", "private")))
        self.folio = PerPage(FrameNumber())
        """i_pages"""
        self.i_size = PageNumber()
        mm.mapping = self
        mm.files = self

    # --- the cache ----------------------------------------------------------------------------

    @indivisible
    def find_folio(self, page: int) -> int:
        """__filemap_get_folio()"""
        index = self.index(page)
        if index >= self.i_size:
            return NO_FOLIO
        frame = self.folio[index]
        if frame == NO_FOLIO:
            frame = self.mm.memory.alloc_page()
            self.folio[index] = frame
        self.mm.memory.get_page(frame)
        return frame

    @indivisible
    def cached_folio(self, page: int) -> int:
        """filemap_get_folio(): the same, of the cache alone."""
        frame = self.folio[page]
        if frame != NO_FOLIO:
            self.mm.memory.get_page(frame)
        return frame

    @indivisible
    def delete_folio(self, page: int) -> None:
        """filemap_remove_folio(): out of the cache, whose reference goes. Folio locked."""
        frame = self.folio[page]
        self.folio[page] = NO_FOLIO
        self.mm.memory.put_page(frame)

    def is_within(self, page: int) -> bool:
        """i_size_read()"""
        return self.index(page) < self.i_size

    def holds(self, page: int, frame: int) -> bool:
        """folio->mapping and index"""
        if self.mm.nonlinear is not None:
            return self.folio[self.index(page)] == frame
        return self.folio[page] == frame

    def index(self, page: int) -> int:
        """linear_page_index(), pte_to_pgoff(): which page of the file an address shows."""
        if self.mm.nonlinear is not None:
            return page + self.mm.nonlinear.ahead[page]
        return page

    # --- what is mapped -----------------------------------------------------------------------

    def is_shared(self, page: int) -> bool:
        """The page of the file is mapped at its place with MAP_SHARED."""
        return self.kind[page] == SHARED

    def is_file(self, page: int) -> bool:
        """Something of the file is mapped there."""
        return self.kind[page] != ANONYMOUS

    def is_mapped_in(self, range: PageRange) -> bool:
        """mapping_mapped(), for a part of the file."""
        for page in range:
            if self.kind[page] != ANONYMOUS:
                return True
        return False

    def is_mapped_shared(self, range: PageRange) -> bool:
        """The range lies in mappings of the file with MAP_SHARED. Caller holds mmap_lock."""
        for page in range:
            if self.kind[page] != SHARED or self.mm.vma[page] == NO_VMA:
                return False
        return True
