"""Breakpoints in files, as perf_event_open(2) sets them in one process: kernel/events/uprobes.c of
6.16 on.

A breakpoint is at a place of a file. Every private mapping of it that cannot be written gets a
page of its own with the instruction in it, when the breakpoint is registered, and whenever a VMA
that maps the place comes to be or gets other ends (uprobe_mmap(), called by vma_complete() and
mmap()). When it goes, every private mapping is looked at, and what is there is put back: twice, as
the event leaves and as the breakpoint does.

Several that a VMA has to get anew in one call come from low places to high here; in Linux that
depends on the shape of a tree which has the breakpoints of all processes (build_probe_list()).
"""

from __future__ import annotations

from errno import EFAULT, EINVAL, EIO

from shootdown.lang.declare import Array, Flag, Int, PageRange, Pte, indivisible
from shootdown.lang.part import Part
from shootdown.linux.faults import wp_page_copy
from shootdown.linux.filemap import NO_FOLIO
from shootdown.linux.i_mmap import previous_vma
from shootdown.linux.operations.uprobe import KEEP, NOT_YET, ZAP, rewrite_in_place, uprobe_write
from shootdown.linux.shmem import FILE_PAGES
from shootdown.linux.syscalls.populate import force_in, look_up
from shootdown.linux.syscalls.process import Process
from shootdown.linux.text import NOT_HELD, TRAP, WAITING
from shootdown.linux.vma import MEMFD, MOST_LINKS, SHARED
from shootdown.linux.vma_merge import anon_vma_prepare
from shootdown.program.kind import READ_WRITE

MOST_CONSUMERS = 64
"""breakpoints that a program can have at the same time"""


class Uprobes(Part):
    """mm->uprobes_state, and which breakpoints are there for this process."""

    def __init__(self, process: Process) -> None:
        self.label = "uprobes"
        self.process = process
        self.consumers = Array(Int(0, MOST_CONSUMERS), FILE_PAGES)
        """by page of the memfd; in a child none, as events are about the process that asked
        (uprobe_perf_filter())"""
        self.count = Int(0, MOST_CONSUMERS)
        self.has_uprobes = Flag()
        """MMF_HAS_UPROBES"""
        process.uprobes = self
        process.vmas.uprobes = self

    # --- where they belong ----------------------------------------------------------------------

    def is_valid(self, page: int, is_register: bool) -> bool:
        """valid_vma(): the page is mapped, from the memfd, by a private VMA; one that may be
        written gets no new breakpoints."""
        vmas = self.process.vmas
        if not vmas.is_mapped(page) or vmas.file[page] != MEMFD or vmas.has(page, SHARED):
            return False
        return not is_register or self.process.mm.vma[page] != READ_WRITE

    def mmap(self, first: PageRange, second: PageRange, third: PageRange) -> None:
        """uprobe_mmap() of one VMA after the other: what is missing of their breakpoints."""
        if self.count == 0:
            return
        for number in range(3):
            part = first
            if number == 1:
                part = second
            elif number == 2:
                part = third
            for page in part:
                if self.is_valid(page, True) and self.consumers[self.process.vmas.offset[page]]:
                    self.install_breakpoint(page)

    def install_breakpoint(self, page: int) -> int:
        """install_breakpoint(): a private page there if there is none, with an int3 in it."""
        process, text = self.process, self.process.text
        error = self._prepare(process.vmas.offset[page])
        if error == 0:
            error = self._fault_in_own(page)
        if error != 0:
            return error
        self.has_uprobes = True
        look_up(process, page)
        frame = process.mm.pte[page].frame
        if text.first[frame] != TRAP:
            rewrite_in_place(process.mm, page)
            text.first[frame] = TRAP
        return 0

    def _prepare(self, index: int) -> int:
        """prepare_uprobe(): the instruction is read once, from the cache of the file."""
        process, text = self.process, self.process.text
        if text.copied[index]:
            return 0
        if index >= process.shmem.i_size[MEMFD]:
            return -EIO
        frame = process.files.get_folio(MEMFD, index)
        text.instruction[index] = text.first[frame]
        text.copied[index] = True
        process.mm.memory.put_page(frame)
        return 0

    def _fault_in_own(self, page: int) -> int:
        """get_user_pages_remote() with FOLL_WRITE and FOLL_FORCE: what `force_in` does where no
        private page can have the right to write, which is little (calls are inlined, and this is
        part of many)."""
        process, mm, text = self.process, self.process.mm, self.process.text
        if process.markers.guard[page]:
            return -EFAULT
        old = mm.pte[page]
        if not old.present:
            mm.populate_upper(page)
            frame = process.files.get_folio(MEMFD, process.vmas.offset[page])
            if frame == NO_FOLIO:
                return -EFAULT
            mm.populate_table(page)
            anon_vma_prepare(process.vmas, page)
            mm.pte[page] = Pte(mm.memory.alloc_page(), mm.vma[page])
            mm.memory.put_page(frame)
        elif process.shmem.is_file[old.frame] or mm.memory.refcount[old.frame] != 1:
            wp_page_copy(mm, page, old)
            mm.pte[page] = mm.pte[page].with_rights(mm.vma[page])
        text.owned(old.frame, mm.pte[page].frame)
        return 0

    def dup_mmap(self) -> None:
        """uprobe_dup_mmap(), in the child: what was copied may have breakpoints."""
        self.count = 0
        for index in range(FILE_PAGES):
            self.consumers[index] = 0

    # --- coming and going -----------------------------------------------------------------------

    def register(self, index: int) -> int:
        """uprobe_perf_open(): uprobe_apply() puts it into every mapping; the first error ends it.
        (uprobe_register() comes before, and finds nobody who wants it.)"""
        vmas, error = self.process.vmas, 0
        if index > self.process.shmem.i_size[MEMFD]:
            return -EINVAL
        self.consumers[index] += 1
        self.count += 1
        this = PageRange(index, index + 1)
        first = previous_vma(vmas, MEMFD, this, FILE_PAGES, MOST_LINKS)
        while first < vmas.pages and error == 0:
            page = first + (index - vmas.offset[first])
            if self.is_valid(page, True):
                with self.process.mm.mmap_lock.write():
                    error = self.install_breakpoint(page)
            first = previous_vma(vmas, MEMFD, this, vmas.offset[first], vmas.order[first])
        return error

    @indivisible
    def forget(self, index: int) -> None:
        """trace_uprobe_filter_remove(): one event less wants it; with the last one the next
        breakpoint there reads the instruction again."""
        self.consumers[index] -= 1
        self.count -= 1
        if self.consumers[index] == 0:
            self.process.text.copied[index] = False

    def unregister(self, index: int) -> None:
        """register_for_each_vma() without a consumer: one round."""
        vmas = self.process.vmas
        if not self.has_uprobes or self.consumers[index] != 0:
            return
        this = PageRange(index, index + 1)
        first = previous_vma(vmas, MEMFD, this, FILE_PAGES, MOST_LINKS)
        while first < vmas.pages:
            page = first + (index - vmas.offset[first])
            if self.is_valid(page, False):
                with self.process.mm.mmap_lock.write():
                    self.remove_breakpoint(page)
            first = previous_vma(vmas, MEMFD, this, vmas.offset[first], vmas.order[first])

    def remove_breakpoint(self, page: int) -> None:
        """uprobe_write() for set_orig_insn(): looks the page up, which may fault in the page of the
        file, and writes if there is an int3. A page that fork has shared must be made the process's
        own first, and is copied even if nobody else has it any more while it waits in a list
        (wp_can_reuse_anon_folio() empties only that of new pages)."""
        mm, text = self.process.mm, self.process.text
        write, done = False, NOT_YET
        frame = mm.pte[page].frame
        while done == NOT_YET:
            waits = write and text.held[frame] == WAITING
            if waits:
                mm.memory.get_page(frame)
            error = force_in(self.process, page, write)
            if waits:
                mm.memory.put_page(frame)
            if error == 0:
                look_up(self.process, page)
            frame = mm.pte[page].frame
            if error != 0 or text.first[frame] != TRAP:
                done = KEEP
            else:
                done = self._outcome(page)
                uprobe_write(mm, page, done)
                if done != NOT_YET:
                    text.first[frame] = text.instruction[self.process.vmas.offset[page]]
                write = True

    def _outcome(self, page: int) -> int:
        """__uprobe_write(): the page goes if it is like that of the file, and nobody refers to
        it who does not map it."""
        process, text = self.process, self.process.text
        pte = process.mm.pte[page]
        if not pte.writable and text.shared[pte.frame]:
            return NOT_YET
        index = process.vmas.offset[page]
        cached = process.shmem.cached(MEMFD, index)
        if (
            text.held[pte.frame] != NOT_HELD
            or cached == NO_FOLIO
            or process.shmem.fallocated[cached]
        ):
            return KEEP
        if text.first[cached] != text.instruction[index]:
            return KEEP
        return ZAP


def register(process: Process, index: int, unused: int) -> int:
    """A breakpoint at the beginning of this page of the memfd, for this process."""
    assert process.uprobes is not None
    return process.uprobes.register(index)


def forget(process: Process, index: int, unused: int) -> int:
    """One breakpoint there is not wanted any more."""
    assert process.uprobes is not None
    process.uprobes.forget(index)
    return 0


def unregister(process: Process, index: int, unused: int) -> int:
    """What nobody wants is taken away."""
    assert process.uprobes is not None
    process.uprobes.unregister(index)
    return 0
