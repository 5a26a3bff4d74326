"""A device that walks the host's page table and caches what it finds, flushed by invalidate_range.

Tasks take pages away or move them to other frames, a bounded number of times: change the entry,
invalidate every device and wait until the access it had in flight has landed, and only then free
the frame. Devices access for ever; where they find no entry, a page request brings one in. No
access lands in a freed frame.

`hardware.pml` is the same for SPIN, with exactly as many states and, counting its way, one
transition more. `shadow` says what makes them equal; here the entries are what devices read
without the lock, so a section of the host's lock is three steps: take it, read, write.
"""

from __future__ import annotations

from benchmarks.protocols.host import Host, geometry
from shootdown.lang.compile import Entry, compile_system
from shootdown.lang.declare import (
    Flag,
    Int,
    PageRange,
    PerPage,
    choose,
    indivisible,
    rest,
    wait_until,
)
from shootdown.lang.geometry import Geometry
from shootdown.lang.part import Part
from shootdown.lang.tables import Options
from shootdown.program.program import Program


class Device(Part):
    """Walks the page table of the host and remembers what it found."""

    def __init__(self, host: Host, number: int, sizes: Geometry) -> None:
        self.host = host
        self.label = f"device{number}"
        self.pages = sizes.pages
        self.tlb = PerPage(Int(0, sizes.frames))
        self.in_flight = Flag()
        self.draining = Flag()

    def run(self) -> None:
        """Any page, for ever."""
        while True:
            page, entry = self.issue()
            if entry != 0:
                self.land(entry)
            else:
                self.host.fault_in(page)

    @indivisible
    def issue(self) -> tuple[int, int]:
        """Translate: TLB, then walk; from here on the access is in flight."""
        rest()
        page = choose(PageRange(0, self.pages))
        entry = self.tlb[page]
        if entry == 0:
            entry = self.host.entry[page]
            self.tlb[page] = entry
        if entry != 0:
            self.in_flight = True
        return page, entry

    @indivisible
    def land(self, entry: int) -> None:
        """The access reaches memory."""
        self.in_flight = False
        self.draining = False
        self.host.judge(entry)

    @indivisible
    def forget(self, page: int) -> None:
        """The invalidation command: lookups miss from now on; what is in flight has to land."""
        self.tlb[page] = 0
        if self.in_flight:
            self.draining = True


class CarelessDevice(Device):
    """With a mistake, so that there is something to find."""

    @indivisible
    def forget(self, page: int) -> None:
        """Nobody waits for the access in flight."""
        self.tlb[page] = 0


class Task(Part):
    """A thread of the process that takes pages away or moves them."""

    def __init__(
        self, host: Host, devices: list[Device], number: int, sizes: Geometry, operations: int
    ) -> None:
        self.host = host
        self.devices = devices
        self.label = f"task{number}"
        self.pages = sizes.pages
        self.operations = operations

    def run(self) -> None:
        """A bounded number of changes."""
        for _ in range(self.operations):
            page = choose(PageRange(0, self.pages))
            keep = choose(False, True)
            self.change(page, keep)

    def change(self, page: int, keep: bool) -> None:
        """Change the entry, flush, and only then free."""
        old = self.host.replace(page, keep)
        self.invalidate_range(page)
        if old != 0:
            self.host.release(old)

    def invalidate_range(self, page: int) -> None:
        """Flush every device, and wait until each has finished what it had begun."""
        for device in self.devices:
            device.forget(page)
            wait_until(not device.draining)


def build(pages: int, tasks: int, operations: int, devices: int, careless: bool = False) -> Program:
    """The program for these sizes."""
    sizes = geometry(pages, tasks, devices)
    host = Host(sizes)
    make = CarelessDevice if careless else Device
    units = [make(host, number, sizes) for number in range(devices)]
    workers = [Task(host, units, number, sizes, operations) for number in range(tasks)]
    entries = [
        *(Entry(worker.label, worker.run) for worker in workers),
        *(Entry(unit.label, unit.run, daemon=True) for unit in units),
    ]
    return compile_system(entries, Options(sizes))
