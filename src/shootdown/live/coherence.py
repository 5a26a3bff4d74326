"""Whether a guest sees what its process has, after every operation of a program.

The pages of a program's region are memory of a guest. Before each operation every page gets a new
stamp, by turns from the process and from the guest, and the guest looks at all of them, so that its
secondary MMU holds an entry for each. After the operation the guest looks again: a page that it
sees otherwise than the process, or that only one of them can touch, was not invalidated in time.

No model is asked: the process itself says what is right.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator
from dataclasses import dataclass

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


def run(program: Program, guest: Guest, region: Region) -> list[Difference]:
    """The operations on the region, compared with what the guest sees from FIRST on."""
    found: list[Difference] = []
    for number, operation in enumerate(program.operations):
        rows = list(_prepare(guest, region, number))
        region.perform(operation)
        rows += [(page, "read", *_views(guest, region, page)) for page in range(region.pages)]
        found += [Difference(number, operation, *row) for row in rows if row[2] != row[3]]
    return found


Row = tuple[int, str, int | None, int | None]
"""a page, what was done with it, and with what outcome for the process and for the guest"""


def _prepare(guest: Guest, region: Region, number: int) -> Iterator[Row]:
    """New stamps, other ones before every operation; and an entry for each page."""
    for page in range(region.pages):
        stamp, by_guest = (number * region.pages + page) % 255 + 1, (number + page) % 2 == 1
        yield (page, "write", *_stamp(guest, region, page, stamp, by_guest))
        _views(guest, region, page)


def _stamp(
    guest: Guest, region: Region, page: int, stamp: int, by_guest: bool
) -> tuple[int | None, int | None]:
    """Write a page: who of the process and the guest could; who was not asked did as the other."""
    address = region.base + page * PAGE

    def by_process() -> int:
        touch_write(address, stamp)
        return stamp

    def from_inside() -> int:
        guest.write(FIRST + page, stamp)
        return stamp

    if not by_guest:
        written = _look(by_process)
        return written, written
    inside = _look(from_inside)
    return _look(by_process), inside


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
