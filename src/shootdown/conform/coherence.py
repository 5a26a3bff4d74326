"""A real guest against the model: what it may see of its process's memory is what it saw.

The guest runs on the page tables that KVM keeps in step with the process (`live.guest`). Before and
after every call of a program each page is looked at, by the process and by the guest, and before it
each gets a new stamp, by turns from the one and from the other. The model follows
(`conform.foresight`) and says of each look and each stamp what comes of it.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from shootdown.conform.foresight import Foresight, Surprise
from shootdown.conform.machine import Machine
from shootdown.conform.place import Place
from shootdown.conform.rows import UnknownCallError
from shootdown.live.apart import apart
from shootdown.live.coherence import FIRST, MOST_PAGES, run
from shootdown.live.crew import do_all
from shootdown.live.generate import BASE
from shootdown.live.guest import PAGES, Guest
from shootdown.live.kvm import Kvm
from shootdown.live.programs import Program
from shootdown.live.region import Region

PROFILES = ("anon", "file", "cow")
"""whose programs fit into the memory of a guest"""


@dataclass(frozen=True, slots=True)
class Coherence:
    """What came of a program under a guest."""

    program: Program
    views: int
    """how many were compared"""
    surprises: tuple[Surprise, ...]
    unknown: str | None = None
    """the operation at which it ended, as the model does not know it"""


def foresee(program: Program, machine: Machine, kvm: Kvm) -> Coherence:
    """Run a program in this process, with a guest that looks at all of it.

    The region is part of the guest's memory, which lies at an address of its own; the program's
    `base` does not count. What the program leaves behind stays, so give it a process.

    Raises:
        ValueError: if the region is larger than the memory of a guest.
    """
    if program.pages > MOST_PAGES:
        raise ValueError(f"a region of {program.pages} pages is more than {MOST_PAGES}")
    life = machine.begin(Place(FIRST, program.pages))
    life.perform(("mmap_anon", -FIRST, PAGES, "rw"))
    life.perform(("madvise", -FIRST, PAGES, "NOHUGEPAGE"))
    foresight = Foresight(life)
    with Guest(kvm, BASE) as guest, Region(guest.page(FIRST), program.pages) as region:
        try:
            run(program, guest, region, foresight)
        except UnknownCallError as error:
            return Coherence(program, foresight.views, tuple(foresight.surprises), str(error))
    return Coherence(program, foresight.views, tuple(foresight.surprises))


def foresee_all(programs: Iterable[Program], workers: int = 1) -> Generator[Coherence, None, None]:
    """Every program, each in a process of its own, in order.

    Raises:
        MissingMeansError: if no virtual machine can be made.
        ApartError: if a process dies.
    """
    with Kvm() as kvm:
        kvm.create_vm().close()
    machine = Machine()
    machine.begin(Place(FIRST, 1))  # compiled once, before workers are forked
    return do_all(programs, partial(_foreseeing, machine), workers)


@contextmanager
def _foreseeing(machine: Machine) -> Iterator[Callable[[Program], Coherence]]:
    def foresee_here(program: Program) -> Coherence:
        with Kvm() as kvm:
            return foresee(program, machine, kvm)

    yield lambda program: apart(partial(foresee_here, program))
