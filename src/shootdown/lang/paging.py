"""Page-table entries and ranges of pages: values that methods make and take apart.

Their methods are compiled like those of any model.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from shootdown.program import kind as kinds


class Pte:
    """A page-table entry: nothing, or a frame with rights.

    One integer, the rights in the two low bits and the frame above them (`program.kind`). The
    methods are compiled like those of any model.
    """

    __slots__ = ("value",)

    def __init__(self, frame: int, rights: int) -> None:
        self.value = kinds.make_pte(frame, rights) if rights else 0

    def __repr__(self) -> str:
        return kinds.show_pte(self.value)

    @property
    def frame(self) -> int:
        """The frame number, pte_pfn() in Linux."""
        return self.value >> kinds.RIGHTS_BITS

    @property
    def rights(self) -> int:
        """0 for an empty entry, else PROT_NONE, READ_ONLY or READ_WRITE."""
        return self.value & kinds.RIGHTS_MASK

    @property
    def present(self) -> bool:
        """pte_present(): the entry names a frame, even if nobody may use it (PROT_NONE)."""
        return self.rights != kinds.NO_RIGHTS

    @property
    def readable(self) -> bool:
        """Hardware may read through the entry."""
        return self.rights >= kinds.READ_ONLY

    @property
    def writable(self) -> bool:
        """pte_write()"""
        return self.rights == kinds.READ_WRITE

    def allows(self, write: bool) -> bool:
        """Whether hardware may use the entry for this access."""
        if write:
            return self.writable
        return self.readable

    def with_rights(self, rights: int) -> Pte:
        """The same frame with other rights: pte_modify()."""
        return Pte(self.frame, rights)


EMPTY = Pte(0, 0)
"""The entry that maps nothing: pte_none()."""


# --- ranges -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PageRange:
    """Pages from `start` up to but not including `end`, as every range of mmu_notifier."""

    start: int
    end: int

    def __iter__(self) -> Iterator[int]:
        return iter(range(self.start, self.end))

    def __len__(self) -> int:
        return max(0, self.end - self.start)

    def __contains__(self, page: int) -> bool:
        return self.start <= page < self.end

    @property
    def is_everything(self) -> bool:
        """Its end stands for no end at all: (0, -1UL) in Linux. Known before the machine starts."""
        return False
