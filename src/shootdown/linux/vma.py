"""VMAs: what a process has mapped where, kept page by page.

`Mm.vma` says with which rights a page is mapped, which is all that most scenarios need. Where it
matters which VMA a page belongs to, an address space also has `Vmas`: a VMA is a row of pages, the
first of which is marked, and each page carries what its VMA says of it. Two VMAs that are alike
stay two until Linux merges them, which it does only at certain moments (`vma_merge`).

Written under `mmap_lock` held for writing; only the anon_vma is set under mmap_lock held for
reading (vmf_anon_prepare(), mm/memory.c).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shootdown.lang.declare import Flag, Int, PageNumber, PageRange, PerPage
from shootdown.lang.part import Part

if TYPE_CHECKING:
    from shootdown.linux.mm import Mm
    from shootdown.linux.syscalls.uprobe import Uprobes

NOWHERE = PageRange(0, 0)

NO_VMA = 0
"""value of `Mm.vma` where nothing is mapped; otherwise PROT_NONE, READ_ONLY or READ_WRITE"""

SHARED = 1 << 0
LOCKED = 1 << 1
LOCKONFAULT = 1 << 2
DONTCOPY = 1 << 3
WIPEONFORK = 1 << 4
DONTDUMP = 1 << 5
HUGEPAGE = 1 << 6
NOHUGEPAGE = 1 << 7
SEQ_READ = 1 << 8
RAND_READ = 1 << 9
MERGEABLE = 1 << 10
ACCOUNT = 1 << 11
SEALED = 1 << 12
MAYNOTWRITE = 1 << 13
"""not VM_MAYWRITE: of a file that was opened for reading"""
BOUND = 1 << 14
"""vm_policy is MPOL_BIND, not the default; it keeps VMAs apart like a flag (is_mergeable_vma())"""
ATTACHMENT = 1 << 15
"""the lowest bit of a number of the shmat() that made the VMA, 0 for others: each opens a file of
its own, which keeps VMAs apart too"""
ATTACHMENTS = 16
"""VM_SHARED and so on, include/linux/mm.h; the bits are ours. VM_READ and VM_WRITE are the rights
in `Mm.vma`, VM_SOFTDIRTY never keeps VMAs apart. SHARED is VM_MAYSHARE: with MAYNOTWRITE it goes
without VM_SHARED"""
UFFD_MISSING = ATTACHMENT << 4
UFFD_WP = UFFD_MISSING << 1
"""VM_UFFD_MISSING and VM_UFFD_WP, with the one userfaultfd that there is (vm_userfaultfd_ctx)"""
UFFD_MODES = UFFD_MISSING | UFFD_WP
ALL_FLAGS = (UFFD_WP << 1) - 1
LOCKED_MASK = LOCKED | LOCKONFAULT

ANONYMOUS = 0
"""value of `Vmas.file` for private anonymous memory; the others are numbers of files, shared
anonymous memory has one of its own for each mmap() (shmem_zero_setup(), mm/shmem.c)"""
MEMFD = 1
"""the file that a program has a descriptor of"""
SEGMENT = 2
"""the segment of System V"""
DISK = 3
"""the file of a disk; what comes after it is shared anonymous memory"""
MOST_FILES = 1 << 10
MOST_ANON_VMAS = 1 << 16
NO_ANON_VMA = 0
MOST_LINKS = 1 << 20


class Vmas(Part):
    """The VMAs of an address space, in the order of their pages."""

    def __init__(self, mm: Mm) -> None:
        self.mm = mm
        self.pages = mm.pages
        self.begins = PerPage(Flag)
        """a VMA begins with this page"""
        self.flags = PerPage(Int(0, ALL_FLAGS))
        self.file = PerPage(Int(ANONYMOUS, MOST_FILES))
        self.offset = PerPage(Int(0, 2 * mm.pages))
        """the page of the file; for anonymous memory where the page was before any move
        (linear_page_index()): VMAs only merge where these go on"""
        self.anon_vma = PerPage(Int(NO_ANON_VMA, MOST_ANON_VMAS))
        """which anon_vma the VMA has, if any page of it was ever written"""
        self.order = PerPage(Int(0, MOST_LINKS))
        """when the VMA was last put among the mappings of its file (`linux.i_mmap`)"""
        self.links = Int(0, MOST_LINKS)
        """how often that has happened"""
        self.maybe_guard = PerPage(Flag)
        """VM_MAYBE_GUARD: a guard marker was put somewhere into the VMA, once. It never goes, keeps
        no VMAs apart, and whatever is merged from several has it if one had (VM_STICKY)"""
        self.anon_vmas = Int(NO_ANON_VMA, MOST_ANON_VMAS)
        """how many anon_vmas there have been"""

        self.uprobes: Uprobes | None = None
        """who has to hear of VMAs that are new, or have new ends"""
        self.area = PageNumber()
        """where the next mapping goes that may go anywhere: pages from here on were never used"""

    @property
    def used(self) -> PageRange:
        """Pages on which anything can be."""
        return PageRange(0, self.area)

    def unmapped_area(self, page: int, size: int) -> int:
        """get_unmapped_area() without a wish: at another place in its page table than this page,
        as an address that Linux chooses nearly always is; but what could be huge pages is aligned
        like them (thp_get_unmapped_area_vmflags(), 6.7 on)."""
        found = self.area
        if size % self.mm.entries == 0:
            found += self.mm.entries - found % self.mm.entries
        elif found % self.mm.entries == page % self.mm.entries:
            found += 1
        self.area = found + size + 1
        return found

    # --- finding them -------------------------------------------------------------------------

    def is_mapped(self, page: int) -> bool:
        """Some VMA covers the page."""
        return 0 <= page < self.pages and self.mm.vma[page] != NO_VMA

    def start_of(self, page: int) -> int:
        """vm_start of the VMA that covers the page."""
        for back in range(page + 1):
            if self.begins[page - back]:
                return page - back
        return 0

    def end_of(self, page: int) -> int:
        """vm_end of the VMA that covers the page."""
        for at in range(page + 1, self.pages):
            if self.begins[at] or self.mm.vma[at] == NO_VMA:
                return at
        return self.pages

    def find(self, page: int) -> PageRange:
        """vma_lookup(): the VMA that covers the page."""
        return PageRange(self.start_of(page), self.end_of(page))

    def first_in(self, range: PageRange) -> int:
        """The first page of the range that is mapped; its end if none is."""
        for page in range:
            if self.mm.vma[page] != NO_VMA:
                return page
        return range.end

    def gap_in(self, range: PageRange) -> int:
        """The first page of the range that is not mapped; its end if all are."""
        for page in range:
            if self.mm.vma[page] == NO_VMA:
                return page
        return range.end

    def part_of(self, range: PageRange, page: int) -> PageRange:
        """What the VMA at this page has of the range, from the page on."""
        end = self.end_of(page)
        if end > range.end:
            end = range.end
        return PageRange(page, end)

    # --- what they say ------------------------------------------------------------------------

    def has(self, page: int, flags: int) -> bool:
        """Any of the flags is set."""
        return self.flags[page] & flags != 0

    def is_anonymous(self, page: int) -> bool:
        """vma_is_anonymous(): private memory without a file."""
        return self.file[page] == ANONYMOUS

    def set_anon_vma(self, range: PageRange, anon_vma: int) -> None:
        """Of all pages of a VMA."""
        for page in range:
            self.anon_vma[page] = anon_vma

    def link_file(self, page: int) -> None:
        """vma_link_file(), vma_complete(): the VMA at this page goes behind its likes in i_mmap."""
        if self.file[page] != ANONYMOUS:
            self.links += 1
            for each in self.find(page):
                self.order[each] = self.links

    def uprobe_mmap(
        self, first: PageRange, second: PageRange = NOWHERE, third: PageRange = NOWHERE
    ) -> None:
        """uprobe_mmap() of one VMA after the other, if there are breakpoints at all."""
        if self.uprobes is not None:
            self.uprobes.mmap(first, second, third)

    def unite(self, range: PageRange, anon_vma: int) -> None:
        """The range is one VMA now: it has one anon_vma, and sticky flags if a part of it had."""
        guarded = any(self.maybe_guard[page] for page in range)
        for page in range:
            self.anon_vma[page] = anon_vma
            self.maybe_guard[page] = guarded

    def set_maybe_guard(self, page: int) -> None:
        """vma_set_atomic_flag(VM_MAYBE_GUARD) of the VMA that covers the page."""
        for each in self.find(page):
            self.maybe_guard[each] = True

    def remove(self, range: PageRange) -> None:
        """The VMAs of the range are gone; no VMA reaches across its ends any more."""
        for page in range:
            self.mm.vma[page] = NO_VMA
            self.begins[page] = False
            self.flags[page] = 0
            self.file[page] = ANONYMOUS
            self.offset[page] = 0
            self.anon_vma[page] = NO_ANON_VMA
            self.maybe_guard[page] = False
