"""Whether a guest sees what its process has, after every operation of a program.

The pages of a program's region are memory of a guest. Before each operation every page gets a new
stamp, by turns from the process and from the guest, and the guest looks at all of them, so that its
secondary MMU holds an entry for each. After the operation the guest looks again: a page that it
sees otherwise than the process, or that only one of them can touch, was not invalidated in time.

No model is asked: the process itself says what is right.
"""

from __future__ import annotations

import errno
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from shootdown.live.guest import FIRST_FREE, LAST_FREE, Guest
from shootdown.live.kvm import Kvm
from shootdown.live.memory import PAGE, peek, touch_write
from shootdown.live.programs import Operation, Program
from shootdown.live.region import Region

FIRST = 64
"""page of the guest at which regions begin"""
MOST_PAGES = LAST_FREE - FIRST
assert FIRST > FIRST_FREE


@dataclass(frozen=True, slots=True)
class Difference:
    """After an operation a page was not the same for both. None: it could not be touched."""

    number: int
    """of the operation in the program"""
    operation: Operation
    page: int
    what: str
    """`read` or `write`"""
    process: int | None
    guest: int | None


def find_differences(program: Program, kvm: Kvm) -> list[Difference]:
    """What a guest saw otherwise than its process, in this process. There should be nothing.

    The program is moved to where the guest's memory is; `base` does not count.

    Raises:
        ValueError: if the region is larger than MOST_PAGES.
    """
    if program.pages > MOST_PAGES:
        raise ValueError(f"a region of {program.pages} pages is more than {MOST_PAGES}")
    with Guest(kvm) as guest, Region(guest.page(FIRST), program.pages) as region:
        return run(program, guest, region)


@dataclass(frozen=True, slots=True)
class View:
    """What the process and the guest saw of a page, or did to it, at the same moment."""

    number: int
    """of the operation"""
    page: int
    what: str
    """`write`: a new stamp, before the operation; `read`: before and after it"""
    stamp: int
    """what was to be written; 0 for a read"""
    process: int | None
    guest: int | None


class Watcher(Protocol):
    """Somebody who wants to know what is done, in order, such as a model."""

    def perform(self, operation: Operation) -> None:
        """The process has just done this."""

    def view(self, view: View) -> None:
        """This was seen."""


def run(
    program: Program, guest: Guest, region: Region, watcher: Watcher | None = None
) -> list[Difference]:
    """The operations on the region, compared with what the guest sees from FIRST on."""
    found: list[Difference] = []

    def note(view: View) -> None:
        if watcher:
            watcher.view(view)
        if view.process != view.guest:
            operation = program.operations[view.number]
            row = (view.page, view.what, view.process, view.guest)
            found.append(Difference(view.number, operation, *row))

    for number, operation in enumerate(program.operations):
        for page in range(region.pages):
            note(_stamp(guest, region, number, page))
            note(View(number, page, "read", 0, *_views(guest, region, page)))
        region.perform(operation)
        if watcher:
            watcher.perform(operation)
        for page in range(region.pages):
            note(View(number, page, "read", 0, *_views(guest, region, page)))
    return found


def _stamp(guest: Guest, region: Region, number: int, page: int) -> View:
    """Write a new stamp, by turns from the process and from the guest: who of them could. Who was
    not asked did as the other."""
    address = region.base + page * PAGE
    stamp = (number * region.pages + page) % 255 + 1

    def by_process() -> int:
        touch_write(address, stamp)
        return stamp

    def from_inside() -> int:
        guest.write(FIRST + page, stamp)
        return stamp

    if (number + page) % 2 == 0:
        written = _look(by_process)
        return View(number, page, "write", stamp, written, written)
    inside = _look(from_inside)
    return View(number, page, "write", stamp, _look(by_process), inside)


def _views(guest: Guest, region: Region, page: int) -> tuple[int | None, int | None]:
    """The first 8 bytes, as the process and as the guest sees them."""
    address = region.base + page * PAGE
    inside = _look(lambda: guest.read(FIRST + page))
    return _look(lambda: int.from_bytes(peek(address, 8), "little")), inside


def _look(action: Callable[[], int]) -> int | None:
    """What it returns; None if the memory cannot be touched so."""
    try:
        return action()
    except OSError as error:
        if error.errno != errno.EFAULT:
            raise
        return None
