"""What a device was told to drop and has not dropped yet: ghost state of the rule `narrow-flush`.

A flush callback may run on many CPUs at the same time, so each CPU has a note of its own of the
pages that it was asked about. A command that the call gives strikes pages out; what is left when it
returns must not be cached any more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shootdown.lang.declare import (
    Flag,
    Ghost,
    PageRange,
    PerPage,
    ghost,
    require,
    smp_processor_id,
)
from shootdown.lang.part import Part
from shootdown.rules.device import NARROW_FLUSH

if TYPE_CHECKING:
    from shootdown.devices.device import Device

MOST_PAGES = 16
"""the largest address space that is explored; a replay judges nothing"""


class Note(Part):
    """Of one CPU."""

    def __init__(self, label: str) -> None:
        self.label = label
        self.owed = Ghost(PerPage(Flag))


class Obligation(Part):
    """Of one device."""

    def __init__(self, device: Device) -> None:
        self.device = device
        self.label = device.label
        geometry = device.mm.geometry
        self.judged = geometry.pages <= MOST_PAGES and not device.mm.arch.reaches_devices
        """an SMMU that hears the CPUs may leave the rest to them"""
        actors = 2 * (geometry.tasks + geometry.cpus + 2 * geometry.devices) + 8
        self.notes = [Note(f"{device.label}.cpu{number}") for number in range(actors)]

    @ghost
    def ask(self, range: PageRange) -> None:
        """A callback begins that is told to drop this range."""
        if self.judged:
            for page in range:
                self.notes[smp_processor_id()].owed[page] = True

    @ghost
    def strike(self, range: PageRange) -> None:
        """The device drops it, by a command of this CPU."""
        if self.judged:
            for page in range:
                self.notes[smp_processor_id()].owed[page] = False

    @ghost
    def judge(self, range: PageRange) -> None:
        """The callback returns."""
        if self.judged:
            for page in range:
                owed = self.notes[smp_processor_id()].owed[page]
                require(not (owed and self.device.tlb[page].readable), NARROW_FLUSH)
                self.notes[smp_processor_id()].owed[page] = False
