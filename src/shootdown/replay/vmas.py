"""The mappings of an address space while a trace is read.

The model keeps rights by page. What a system call announces depends on whole VMAs, though: munmap
sends one range whatever lies in it, mprotect and madvise one for each VMA they touch, fork one for
each private VMA that was ever written (observed on 6.18 and read in mm/). So the reader of a trace
keeps the list of VMAs, by address.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Vma:
    """A mapping from `start` to `end` (bytes). `rights` are those of a page-table entry."""

    start: int
    end: int
    rights: int
    shared: bool
    written: bool
    """a page of it was written once, so that it has an anon_vma"""


class Vmas:
    """Mappings in address order; they never overlap."""

    def __init__(self, rows: list[Vma] | None = None) -> None:
        self.rows: list[Vma] = rows or []

    def copy(self) -> Vmas:
        """The child's, after a fork."""
        return Vmas(list(self.rows))

    def __iter__(self) -> Iterator[Vma]:
        return iter(self.rows)

    def overlapping(self, start: int, end: int) -> list[Vma]:
        """What of the mappings lies in a range, clipped to it."""
        return [
            replace(row, start=max(row.start, start), end=min(row.end, end))
            for row in self.rows[self._first(start) :]
            if row.start < end and row.end > start
        ]

    def _first(self, start: int) -> int:
        """The position of the first mapping that can reach beyond `start`."""
        return max(bisect_right(self.rows, start, key=lambda row: row.start) - 1, 0)

    def remove(self, start: int, end: int) -> None:
        """Unmap a range; a mapping that reaches out of it is cut."""
        kept: list[Vma] = []
        for row in self.rows:
            if row.end <= start or row.start >= end:
                kept.append(row)
                continue
            if row.start < start:
                kept.append(replace(row, end=start))
            if row.end > end:
                kept.append(replace(row, start=end))
        self.rows = kept

    def add(self, vma: Vma) -> None:
        """Map a range, in place of whatever was there."""
        self.remove(vma.start, vma.end)
        position = bisect_right(self.rows, vma.start, key=lambda row: row.start)
        self.rows.insert(position, vma)

    def change(self, start: int, end: int, rights: int, written: bool) -> list[Vma]:
        """Give a range these rights; the parts of mappings that had others before."""
        changed = [row for row in self.overlapping(start, end) if row.rights != rights]
        for row in changed:
            self.add(replace(row, rights=rights, written=row.written or written))
        return changed
