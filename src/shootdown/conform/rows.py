"""Operations of a program as rows of digits for the model's calls."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from shootdown.conform.calls import WIDTH
from shootdown.conform.place import Place
from shootdown.linux.vma import ANONYMOUS, LOCKED, LOCKONFAULT
from shootdown.live.programs import Operation
from shootdown.program.kind import PROT_NONE, READ_ONLY, READ_WRITE

RIGHTS = {"none": PROT_NONE, "r": READ_ONLY, "rw": READ_WRITE}
MEMFD = 1
"""the number of the region's file"""


class UnknownCallError(Exception):
    """The model does not know a call, or this form of it."""


@dataclass(frozen=True, slots=True)
class Row:
    """A call and its numbers: first page, page behind the last, and what else it takes."""

    name: str
    numbers: tuple[int, ...] = ()

    @property
    def digits(self) -> tuple[int, ...]:
        """As many as an actor asks for."""
        return (*self.numbers, *(0,) * (WIDTH - len(self.numbers)))


def row_of(operation: Operation, place: Place, new_file: Callable[[], int]) -> Row:
    """The row of an operation of the process itself.

    Raises:
        UnknownCallError: if there is none.
    """
    match operation:
        case ("mmap_anon", int(page), int(count), str(rights)):
            return Row("mmap", (*_pages(place, page, count), RIGHTS[rights], ANONYMOUS))
        case ("mprotect", int(page), int(count), str(rights)):
            return Row("mprotect", (*_pages(place, page, count), RIGHTS[rights]))
        case ("munmap" | "read" | "write" | "munlock" as name, int(page), int(count)):
            return Row(name, _pages(place, page, count))
        case ("mlock", int(page), int(count)):
            return Row("mlock", (*_pages(place, page, count), LOCKED))
        case ("mlock_onfault", int(page), int(count)):
            return Row("mlock", (*_pages(place, page, count), LOCKED | LOCKONFAULT))
        case ("madvise", int(page), int(count), "POPULATE_READ"):
            return Row("populate_read", _pages(place, page, count))
        case ("madvise", int(page), int(count), "POPULATE_WRITE"):
            return Row("populate_write", _pages(place, page, count))
    raise UnknownCallError


def _pages(place: Place, page: int, count: int) -> tuple[int, int]:
    return place.at(page), place.at(page + count)
