"""A process with everything that system calls look at."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shootdown.lang.declare import Array, Int, PageRange
from shootdown.lang.part import Part
from shootdown.linux.folios import Folios
from shootdown.linux.huge_memory import HugeMemory
from shootdown.linux.lazyfree import LazyFree
from shootdown.linux.markers import Markers
from shootdown.linux.mm import Mm
from shootdown.linux.shmem import FILE_PAGES, FILES, Shmem, ShmemFaults
from shootdown.linux.split_folio import FolioSplitter
from shootdown.linux.task import Task
from shootdown.linux.text import Text
from shootdown.linux.userfaultfd import Userfaultfd
from shootdown.linux.vma import Vmas

if TYPE_CHECKING:
    from shootdown.linux.syscalls.uprobe import Uprobes

HOLES = 256
"""holes that one call can punch"""


class Process(Part):
    """A task whose address space has VMAs and markers, in a machine that knows its lazyfree."""

    def __init__(self, task: Task) -> None:
        self.label = "process"
        self.task = task
        self.mm: Mm = task.mm
        self.vmas = Vmas(self.mm)
        self.vmas.label = "vmas"
        self.markers = Markers(self.mm)
        self.mm.vmas = self.vmas
        self.uffd = Userfaultfd(self.mm)
        self.mm.userfaultfd = None
        """faults are those without one: the system calls look before (`syscalls.userfaultfd`)"""
        self.lazyfree = LazyFree()
        self.lazyfree.label = "lazyfree"
        self.mm.memory.lazyfree = self.lazyfree
        self.huge = HugeMemory(self.mm)
        self.folios = Folios(self.mm.geometry)
        self.mm.memory.folios = self.folios
        self.splitter = FolioSplitter(self.mm, self.huge, self.folios, self.vmas, self.lazyfree)
        self.shmem = Shmem()
        self.mm.memory.shmem = self.shmem
        self.files = ShmemFaults(self.mm, self.vmas, self.shmem)
        self.text = Text()
        self.mm.memory.text = self.text
        self.uprobes: Uprobes | None = None
        """the breakpoints of the process, if it can have any"""
        self.hole_file = Array(Int(0, FILES), HOLES)
        self.hole_start = Array(Int(0, FILE_PAGES), HOLES)
        self.hole_end = Array(Int(0, 2 * FILE_PAGES), HOLES)
        self.holes = Int(0, HOLES)
        """what MADV_REMOVE has taken from files since it was last asked, for the other processes
        that map them"""

    def aged(self, part: PageRange, *, active: bool) -> None:
        """madvise_cold_or_pageout_pte_range(): what nobody else maps goes to the end of the
        inactive list; or back to the active one, as there is nowhere to write it to."""
        if self.uprobes is None or self.uprobes.count == 0:
            return
        for page in part:
            pte = self.mm.pte[page]
            if pte.present and self.mm.memory.refcount[pte.frame] == 1:
                self.text.referenced[pte.frame] = False
                self.text.active[pte.frame] = active

    def removed(self, file: int, hole: PageRange) -> None:
        """A hole was punched into a file."""
        at = self.holes
        self.hole_file[at] = file
        self.hole_start[at] = hole.start
        self.hole_end[at] = hole.end
        self.holes = at + 1
