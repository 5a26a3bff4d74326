"""How an address space is before the first step.

VMAs are readable and writable, unless a condition says otherwise. Pages take turns in some
conditions; each such pattern is one alternative start of a scenario, and an operation says which
patterns it is interesting on. Devices and CPUs start empty: they fill themselves.

A condition writes down what a page is like: its entry, the frame behind it, and whatever else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shootdown.linux.memory import ZERO_FRAME
from shootdown.linux.mm import Mm
from shootdown.linux.swapops import DEVICE_EXCLUSIVE, DEVICE_PRIVATE
from shootdown.linux.vma import NO_VMA
from shootdown.program.kind import READ_ONLY, READ_WRITE, make_pte


class Opening:
    """The values that state has at the start, being written down."""

    def __init__(self, mm: Mm) -> None:
        self.mm = mm
        self._next = ZERO_FRAME + 1
        self._values: dict[tuple[Any, int], int] = {(mm.memory.refcount, ZERO_FRAME): 1}

    @property
    def values(self) -> Mapping[tuple[Any, int], int]:
        """By declaration and index; frames that are not in use come after those that are."""
        cursor = (self.mm.memory.cursor, 0)
        return {**self._values, cursor: self._next % self.mm.geometry.frames}

    def set(self, state: Any, index: int, value: int) -> None:
        """An element of an array, or a single value at index 0."""
        self._values[state, index] = value

    def new_frame(self, references: int = 1) -> int:
        """A frame in use."""
        frame = self._next
        self._next += 1
        self.set(self.mm.memory.refcount, frame, references)
        return frame

    def map(self, page: int, frame: int, rights: int) -> None:
        """An entry, and the table it is in. One that lets somebody write was made for a write."""
        self.set(self.mm.pte, page, make_pte(frame, rights))
        if rights == READ_WRITE and self.mm.soft_dirty is not None:
            self.set(self.mm.soft_dirty.dirty, page, 1)
        self.table(page)

    def table(self, page: int) -> None:
        """The table that the entry of a page is in."""
        self.set(self.mm.table, page // self.mm.entries, 1)

    def swap_entry(self, page: int, kind: int, frame: int) -> None:
        """An entry that is not present, and the table it is in."""
        entries = self.mm.swap_entries
        assert entries is not None
        self.set(entries.kind, page, kind)
        self.set(entries.entry, page, make_pte(frame, READ_WRITE))
        self.table(page)

    def map_huge(self, page: int, frame: int, rights: int) -> None:
        """What a huge entry maps; there is no table."""
        assert self.mm.huge is not None
        self.set(self.mm.pte, page, make_pte(frame, rights))
        self.set(self.mm.huge.leaf, page // self.mm.entries, 1)


@dataclass(frozen=True, slots=True)
class Condition:
    """A way for a page to be."""

    name: str
    write: Callable[[Opening, int], None]


def _private(opening: Opening, page: int) -> None:
    opening.map(page, opening.new_frame(), READ_WRITE)


def _shared(opening: Opening, page: int) -> None:
    opening.map(page, opening.new_frame(references=2), READ_ONLY)


def _absent(opening: Opening, page: int) -> None:
    pass


def _left(opening: Opening, page: int) -> None:
    opening.map(page, opening.new_frame(), READ_ONLY)


def _huge(references: int, rights: int) -> Callable[[Opening, int], None]:
    def write(opening: Opening, page: int) -> None:
        opening.map_huge(page, opening.new_frame(references), rights)

    return write


def _huge_zero(opening: Opening, page: int) -> None:
    opening.map_huge(page, ZERO_FRAME, READ_ONLY)


def _shared_table(opening: Opening, page: int) -> None:
    hugetlb = opening.mm.hugetlb
    assert hugetlb is not None
    opening.map(page, opening.new_frame(), READ_WRITE)
    opening.set(hugetlb.shared, page // opening.mm.entries, 1)


PRIVATE = Condition("private", _private)
"""one reference, mapped writable"""
SHARED = Condition("shared", _shared)
"""with a forked child: read-only, two references"""
ABSENT = Condition("absent", _absent)
"""nothing is there yet"""
LEFT = Condition("left", _left)
"""by a child that is gone: read-only still, one reference; a write only has to give the right back
"""


def _written(opening: Opening, page: int) -> None:
    """Mapped writable, and known to have been written: the bit stands in the entry."""
    _private(opening, page)
    opening.set(_part(opening.mm.soft_dirty).dirty, page, 1)


def _protected(opening: Opening, page: int) -> None:
    """The right to write is withheld by a userfaultfd."""
    opening.map(page, opening.new_frame(), READ_ONLY)
    opening.set(_part(opening.mm.userfaultfd).wp, page, 1)


def _on_device(opening: Opening, page: int) -> None:
    """It lies on a device, and may be written there."""
    opening.swap_entry(page, DEVICE_PRIVATE, opening.new_frame())


def _exclusive(opening: Opening, page: int) -> None:
    """It lies in memory, and a device has it for itself."""
    opening.swap_entry(page, DEVICE_EXCLUSIVE, opening.new_frame())


def _text(opening: Opening, page: int) -> None:
    """A page of a program's text: the file has it too, and nobody may write it."""
    opening.map(page, opening.new_frame(references=2), READ_ONLY)
    opening.set(opening.mm.vma, page, READ_ONLY)


def _part(part: Any) -> Any:
    """A part of the address space that the operation asked for."""
    assert part is not None
    return part


WRITTEN = Condition("written", _written)
"""private, with its soft-dirty bit"""
PROTECTED = Condition("protected", _protected)
"""private, write-protected by a userfaultfd"""
HUGE = Condition("huge", _huge(1, READ_WRITE))
"""under a huge entry, one reference, writable"""
HUGE_SHARED = Condition("huge-shared", _huge(2, READ_ONLY))
"""a huge page with a forked child"""
HUGE_FILE = Condition("huge-file", _huge(2, READ_WRITE))
"""a huge page of a file: the page cache refers to it too"""
HUGE_LEFT = Condition("huge-left", _huge(1, READ_ONLY))
"""a huge page whose child is gone"""
HUGE_ZERO = Condition("huge-zero", _huge_zero)
"""the huge zero page"""
HUGETLB_SHARED = Condition("hugetlb-shared", _shared_table)
"""a huge page of hugetlb in a table that another process maps too"""
FILE = Condition("file", lambda o, page: o.map(page, o.new_frame(2), READ_WRITE))
"""a page of a file, mapped by an entry of its own"""
NOTHING = Condition("nothing", lambda opening, page: opening.set(opening.mm.vma, page, NO_VMA))
"""no VMA"""
TABLE = Condition("table", Opening.table)
"""nothing, under a table that exists"""
MOVED = Condition("moved", _on_device)
"""in the memory of a device"""
CODE = Condition("code", _text)
"""text of a program"""
TAKEN = Condition("taken", _exclusive)
"""a device has exclusive access"""

Pattern = tuple[Condition, ...]
"""of pages 0, 1, 2, …, repeated over the address space"""

ANONYMOUS: tuple[Pattern, ...] = (
    (PRIVATE, SHARED, ABSENT),
    (PRIVATE, ABSENT, LEFT),
    (PRIVATE, LEFT, SHARED),
)
"""private anonymous memory"""

WATCHED: tuple[Pattern, ...] = ((WRITTEN, SHARED, ABSENT), (WRITTEN, ABSENT, LEFT))
"""memory of which is known what was written"""
ON_DEVICE: tuple[Pattern, ...] = ((MOVED, PRIVATE, ABSENT), (MOVED, MOVED, SHARED))
"""memory of which some lies on a device"""
EXCLUSIVE: tuple[Pattern, ...] = ((TAKEN, PRIVATE, ABSENT), (TAKEN, SHARED, TAKEN))
"""memory of which a device has some for itself"""
HALF_EMPTY: tuple[Pattern, ...] = ((PRIVATE, ABSENT), (SHARED, ABSENT), (PRIVATE, SHARED))
"""memory of which half could be moved to the other half"""
TEXT: tuple[Pattern, ...] = ((CODE, PRIVATE), (CODE, CODE))
"""text of a program, and data"""
GUARDED: tuple[Pattern, ...] = ((PRIVATE, PROTECTED, SHARED), (PROTECTED, ABSENT, LEFT))
"""memory with a userfaultfd that withholds the right to write"""


def open_with(mm: Mm, pattern: Sequence[Condition]) -> Mapping[tuple[Any, int], int]:
    """The values of an address space that starts in this pattern."""
    opening = Opening(mm)
    for page in range(mm.pages):
        opening.set(mm.vma, page, READ_WRITE)
        pattern[page % len(pattern)].write(opening, page)
    return opening.values
