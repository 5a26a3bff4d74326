"""Where the region of a program lies in the pages of the model."""

from __future__ import annotations

from dataclasses import dataclass

from shootdown.conform.system import BLOCK, REGION
from shootdown.live.generate import BASE, GIGABYTE, PAGE
from shootdown.live.programs import Program


class PlaceError(ValueError):
    """The model has no such place."""


@dataclass(frozen=True, slots=True)
class Place:
    """A region: the page of the model that is its page 0, and how many pages it has."""

    origin: int
    pages: int
    base: int = 0
    """address of page 0, in pages"""

    @property
    def end(self) -> int:
        """The page behind it."""
        return self.origin + self.pages

    def at(self, page: int) -> int:
        """A page of the region, or one nearby, in the model."""
        found = self.origin + page
        if not 0 <= found <= REGION:
            raise PlaceError(f"page {page} lies too far from the region")
        return found


def place_program(program: Program) -> Place:
    """Near the beginning of the first 1 GiB, or around its end: with the same edges of 2 MiB and
    of 1 GiB in reach.

    Raises:
        PlaceError: for a region that lies elsewhere.
    """
    first, remainder = divmod(program.base - BASE, PAGE)
    if remainder or first < 0:
        raise PlaceError(f"a region at {program.base:#x} is not modelled")
    origin = first if first < BLOCK // 2 else first - (GIGABYTE // PAGE - BLOCK)
    if not origin >= 0 or origin + 2 * program.pages >= REGION:
        raise PlaceError(f"a region of {program.pages} pages at {program.base:#x} is not modelled")
    return Place(origin, program.pages, program.base // PAGE)
