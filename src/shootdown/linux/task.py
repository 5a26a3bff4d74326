"""A thread that makes system calls."""

from __future__ import annotations

from shootdown.lang.part import Part
from shootdown.linux.arch.batch import UnmapBatch
from shootdown.linux.gather import MmuGather
from shootdown.linux.mm import Mm


class Task(Part):
    """struct task_struct: the address space it works on, its mmu_gather, the flush it puts off."""

    def __init__(self, mm: Mm, number: int) -> None:
        self.label = f"task{number}"
        self.number = number
        self.mm = mm
        self.gather = MmuGather(mm)
        self.gather.label = f"{self.label}.gather"
        self.tlb_ubc = UnmapBatch(mm)
        self.tlb_ubc.label = f"{self.label}.tlb_ubc"
