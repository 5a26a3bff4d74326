"""The model of Linux as a sequential machine: the parts, and an actor for every kind of call.

The parts are those of a check, at full scale but for one thing: an upper table covers 8 page tables
instead of 512, so that the edge of a "1 GiB block" is a few thousand pages away from the beginning
and not 262,144. Pages 0 to REGION - 1 are where programs work; what a program moves where the
kernel likes goes to the pages behind.
"""

from __future__ import annotations

from typing import Any

from shootdown.conform.caller import Caller, Results
from shootdown.conform.calls import CALLS
from shootdown.conform.recorder import Recorder
from shootdown.lang.compile import Entry, Start, compile_system
from shootdown.lang.geometry import Geometry
from shootdown.lang.tables import Options
from shootdown.linux.memory import ZERO_FRAME, Memory
from shootdown.linux.mm import Mm
from shootdown.linux.notifiers.generations import generation_for
from shootdown.linux.syscalls.process import Process
from shootdown.linux.syscalls.uprobe import Uprobes
from shootdown.linux.task import Task
from shootdown.linux.version import Version
from shootdown.program.program import Program

ENTRIES = 512
UPPER = 8
BLOCK = ENTRIES * UPPER
"""pages of a "1 GiB block" here"""
REGION = 2 * BLOCK
"""pages of two such blocks: programs work on both sides of the edge between them"""
PAGES = 10 * BLOCK
FRAMES = 1 << 15
GATHER = 10_000
"""MAX_GATHER_BATCH_COUNT: what an mmu_gather holds before it flushes (include/asm-generic/tlb.h)"""
MOST_REFERENCES = (1 << 28) - 1
COUNTER_BITS = 30

KERNEL: Version = (6, 18, 0)

NAMES = tuple(CALLS)
"""of the actors, in order"""


class ProcessSystem:
    """One process, which other address spaces are copies of."""

    def __init__(self) -> None:
        geometry = Geometry(
            pages=PAGES, entries=ENTRIES, upper=UPPER, frames=FRAMES, cpus=0, gather=GATHER
        )
        self.geometry = geometry
        self.memory = Memory(geometry, MOST_REFERENCES, recycles=True)
        self.memory.label = "memory"
        self.mm = Mm(self.memory, geometry, KERNEL)
        self.mm.label = "mm"
        subscribers: Any = [Recorder()]
        self.mm.notifiers = generation_for(KERNEL)(subscribers)
        self.process = Process(Task(self.mm, 0))
        Uprobes(self.process)
        results = Results()
        self.callers = [Caller(self.process, results, call) for call in CALLS.values()]

    def compile(self) -> Program:
        """The program; its actors in the order of NAMES."""
        pairs = zip(NAMES, self.callers, strict=True)
        entries = [Entry(name, caller.run, daemon=True) for name, caller in pairs]
        values = {(self.memory.refcount, ZERO_FRAME): 1, (self.memory.cursor, 0): 1}
        start = Start({**values, (self.process.vmas.area, 0): REGION})
        options = Options(self.geometry, COUNTER_BITS, checked=False)
        return compile_system(entries, options, [start])
