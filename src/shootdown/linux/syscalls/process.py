"""A process with everything that system calls look at."""

from __future__ import annotations

from shootdown.lang.part import Part
from shootdown.linux.markers import Markers
from shootdown.linux.mm import Mm
from shootdown.linux.task import Task
from shootdown.linux.vma import Vmas


class Process(Part):
    """A task whose address space has VMAs and markers."""

    def __init__(self, task: Task) -> None:
        self.label = "process"
        self.task = task
        self.mm: Mm = task.mm
        self.vmas = Vmas(self.mm)
        self.vmas.label = "vmas"
        self.markers = Markers(self.mm)
        self.markers.label = "markers"
        self.mm.vmas = self.vmas
        self.mm.markers = self.markers
