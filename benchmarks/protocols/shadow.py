"""A device with page tables of its own, which a driver keeps in step with the host's.

The driver counts invalidations in progress and those that have ended. A fault reads the count, asks
the host without any lock of the driver, and installs the answer only if nothing is in progress
and nothing has ended since. Tasks take pages away or move them to other frames, a bounded number of
times, between start and end; devices access and fault for ever. No access lands in a freed frame.

`shadow.pml` is the same for SPIN. Both have exactly as many states, and SPIN counts one transition
more, because it counts the arrival at the start. What makes them equal:

* a step is one access to shared state, or all accesses under a lock that protects everything they
  touch; so the host's lock makes one step, while the sequence, which faults read without the
  driver's lock, splits the sections of that lock (`program.points` finds that by itself, in
  `shadow.pml` it is written down);
* a local that nobody reads any more is not part of a state here; there it is set to 0;
* who holds a lock follows from where everybody stands, so a bit is as good as a name;
* choosing is no access: it belongs to the step before the first lock.
"""

from __future__ import annotations

from benchmarks.protocols.host import Host, geometry
from shootdown.lang.compile import Entry, compile_system
from shootdown.lang.declare import (
    Flag,
    Int,
    Mutex,
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


class Mirror(Part):
    """The driver: the table the devices walk, and what keeps it in step with the host's."""

    def __init__(self, sizes: Geometry, operations: int) -> None:
        self.label = "mirror"
        self.devices: list[Device] = []
        self.lock = Mutex()
        self.sequence = Int(0, sizes.tasks * operations)
        self.in_progress = Int(0, sizes.tasks)
        self.shadow = PerPage(Int(0, sizes.frames))

    def start(self, page: int) -> None:
        """Before the host changes the page: nothing is installed, and nothing is in use."""
        with self.lock:
            self.in_progress += 1
            self.shadow[page] = 0
            for device in self.devices:
                device.drain()

    def end(self) -> None:
        """After the change."""
        with self.lock:
            self.sequence += 1
            self.in_progress -= 1

    def install(self, page: int, entry: int, seen: int) -> None:
        """Only if the entry, read since the sequence was `seen`, can still be right."""
        with self.lock:
            if self.is_quiet() and self.sequence == seen:
                self.shadow[page] = entry

    def is_quiet(self) -> bool:
        """Whether nothing is in progress; what has ended is the sequence's business."""
        return self.in_progress == 0


class CarelessMirror(Mirror):
    """With a mistake, so that there is something to find."""

    def is_quiet(self) -> bool:
        """Installs although the page is about to change."""
        return True


class Device(Part):
    """Walks the shadow table; an access is in flight from its translation until it lands."""

    def __init__(self, host: Host, mirror: Mirror, number: int, pages: int) -> None:
        self.host = host
        self.mirror = mirror
        self.label = f"device{number}"
        self.pages = pages
        self.in_flight = Flag()
        self.draining = Flag()

    def run(self) -> None:
        """Any page, for ever."""
        while True:
            page, entry = self.issue()
            if entry != 0:
                self.land(entry)
            else:
                self.fault(page)

    @indivisible
    def issue(self) -> tuple[int, int]:
        """Translate."""
        rest()
        page = choose(PageRange(0, self.pages))
        entry = self.mirror.shadow[page]
        if entry != 0:
            self.in_flight = True
        return page, entry

    @indivisible
    def land(self, entry: int) -> None:
        """The access reaches memory."""
        self.in_flight = False
        self.draining = False
        self.host.judge(entry)

    def drain(self) -> None:
        """Wait for the access that is in flight now."""
        self.mark()
        wait_until(not self.draining)

    @indivisible
    def mark(self) -> None:
        """The access in flight, if any, is the one to wait for."""
        if self.in_flight:
            self.draining = True

    def fault(self, page: int) -> None:
        """No translation: ask the host, and try to install the answer."""
        seen = self.mirror.sequence
        entry = self.host.fault_in(page)
        self.mirror.install(page, entry, seen)


class Task(Part):
    """A thread of the process that takes pages away or moves them."""

    def __init__(
        self, host: Host, mirror: Mirror, number: int, pages: int, operations: int
    ) -> None:
        self.host = host
        self.mirror = mirror
        self.label = f"task{number}"
        self.pages = pages
        self.operations = operations

    def run(self) -> None:
        """A bounded number of changes."""
        for _ in range(self.operations):
            page = choose(PageRange(0, self.pages))
            keep = choose(False, True)
            self.change(page, keep)

    def change(self, page: int, keep: bool) -> None:
        """start, change, free, end."""
        self.mirror.start(page)
        old = self.host.replace(page, keep)
        if old != 0:
            self.host.release(old)
        self.mirror.end()


def build(pages: int, tasks: int, operations: int, devices: int, careless: bool = False) -> Program:
    """The program for these sizes."""
    sizes = geometry(pages, tasks, devices)
    host = Host(sizes)
    mirror = (CarelessMirror if careless else Mirror)(sizes, operations)
    mirror.devices = [Device(host, mirror, n, pages) for n in range(devices)]
    workers = [Task(host, mirror, n, pages, operations) for n in range(tasks)]
    entries = [
        *(Entry(task.label, task.run) for task in workers),
        *(Entry(device.label, device.run, daemon=True) for device in mirror.devices),
    ]
    return compile_system(entries, Options(sizes))
