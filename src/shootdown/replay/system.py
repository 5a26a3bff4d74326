"""The model as replay drives it: one task that obeys, one CPU, one device.

The parts are those of a check, at full scale: 512 entries a table, an mmu_gather of 10,000 pages,
and actors that take from a script what they choose freely when explored.
"""

from __future__ import annotations

from typing import Any

from shootdown.devices.iommu import Iommu
from shootdown.drivers.driver import Driver
from shootdown.lang.compile import Entry, Start, compile_system
from shootdown.lang.declare import PageRange, choose, indivisible, rest
from shootdown.lang.geometry import Geometry
from shootdown.lang.part import Part
from shootdown.lang.tables import Options
from shootdown.linux.arch.architecture import Architecture
from shootdown.linux.arch.x86 import X86
from shootdown.linux.cpu import Cpu
from shootdown.linux.memory import ZERO_FRAME, Memory
from shootdown.linux.mm import Mm
from shootdown.linux.notifiers.generations import generation_for
from shootdown.linux.operations.exit_mmap import exit_mmap
from shootdown.linux.operations.fork import copy_page_range
from shootdown.linux.operations.madvise_dontneed import madvise_dontneed
from shootdown.linux.operations.mmap import mmap
from shootdown.linux.operations.mprotect import mprotect
from shootdown.linux.operations.munmap import munmap
from shootdown.linux.task import Task
from shootdown.linux.version import Version
from shootdown.program.program import Program
from shootdown.replay.script import Operation

ENTRIES = 512
GATHER = 10_000
"""MAX_GATHER_BATCH_COUNT: what an mmu_gather holds before it flushes (include/asm-generic/tlb.h)"""
MOST_REFERENCES = (1 << 28) - 1
COUNTER_BITS = 30
RIGHTS = 4

TASK, CPU, DEVICE = 0, 1, 2
"""numbers of the actors that a replay drives"""

MMAP, MUNMAP, MPROTECT = int(Operation.MMAP), int(Operation.MUNMAP), int(Operation.MPROTECT)
DONTNEED, FORK = int(Operation.MADVISE_DONTNEED), int(Operation.FORK)
FORK_FLUSH = int(Operation.FORK_FLUSH)
OPERATIONS = len(Operation)


class ScriptedTask(Part):
    """Performs one operation for each row of digits: operation, start, end, rights."""

    def __init__(self, task: Task) -> None:
        self.task = task

    def run(self) -> None:
        """Obey for ever."""
        mm = self.task.mm
        while True:
            operation, start, end, rights = self.next()
            range = PageRange(start, end)
            if operation == MMAP:
                mmap(self.task, range, rights)
            elif operation == MUNMAP:
                munmap(self.task, range)
            elif operation == MPROTECT:
                mprotect(self.task, range, rights)
            elif operation == DONTNEED:
                madvise_dontneed(self.task, range)
            elif operation == FORK:
                with mm.mmap_lock.write():
                    copy_page_range(self.task, range)
            elif operation == FORK_FLUSH:
                mm.arch.flush_tlb_mm()
            else:
                exit_mmap(self.task)

    @indivisible
    def next(self) -> tuple[int, int, int, int]:
        """The next row."""
        rest()
        operation = choose(OPERATIONS)
        start = choose(self.task.mm.pages + 1)
        end = choose(self.task.mm.pages + 1)
        return operation, start, end, choose(RIGHTS)


class ReplaySystem:
    """The parts, and the program they make."""

    def __init__(
        self,
        driver: type[Driver],
        kernel: Version,
        pages: int,
        frames: int,
        arch: type[Architecture] = X86,
    ) -> None:
        geometry = Geometry(pages=pages, entries=ENTRIES, frames=frames, cpus=1, gather=GATHER)
        self.memory = Memory(geometry, MOST_REFERENCES, recycles=True)
        self.memory.label = "memory"
        self.mm = Mm(self.memory, geometry, kernel, arch)
        self.mm.label = "mm"
        self.cpu = Cpu(self.mm, 0)
        self.mm.cpus = [self.cpu]
        self.driver = driver(self.mm)
        subscribers: Any = [self.driver]
        self.mm.notifiers = generation_for(kernel)(subscribers)
        self.task = ScriptedTask(Task(self.mm, 0))
        (self.device,) = self.driver.device.units
        self.device.persists = True
        self.geometry = geometry

    def compile(self) -> Program:
        """The program; its actors in the order of `TASK`, `CPU`, `DEVICE`."""
        entries = [
            Entry("task0", self.task.run),
            Entry("cpu0", self.cpu.run, daemon=True),
            Entry("device0", self.device.run, daemon=True),
        ]
        if isinstance(self.device, Iommu):
            entries.append(Entry("worker0", self.device.serve, daemon=True))
        start = Start({(self.memory.refcount, ZERO_FRAME): 1, (self.memory.cursor, 0): 1})
        options = Options(self.geometry, COUNTER_BITS, checked=False, counted=True)
        return compile_system(entries, options, [start])
