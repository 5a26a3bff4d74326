"""What is mapped in a region of this process, and of what kind its pages are.

Looking sends no notification and changes nothing, and it is looked after every operation of a
program, so it takes as few calls and as little text as can be.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from functools import cache
from itertools import pairwise

from shootdown.live.memory import PAGE
from shootdown.live.pagemap import Category, PageFlag, Pagemap, pack_flags
from shootdown.live.programs import State

_LETTERS = (
    ("P", pack_flags(PageFlag.PRESENT)),
    ("F", pack_flags(PageFlag.FILE)),
    ("X", pack_flags(PageFlag.EXCLUSIVE)),
    ("D", pack_flags(PageFlag.SOFT_DIRTY)),
    ("S", pack_flags(PageFlag.SWAP)),
    ("G", pack_flags(PageFlag.GUARD)),
    ("U", pack_flags(PageFlag.UFFD_WP)),
)
_PRESENT = pack_flags(PageFlag.PRESENT)
_MARK_LETTERS = (("Z", Category.ZERO), ("H", Category.HUGE))
_NONE, _MARKS = Category(0), Category.ZERO | Category.HUGE


_KINDS = ((b"/memfd:", "memfd"), (b"/dev/zero", "shanon"), (b"/SYSV", "shm"))
"""of mappings with a file behind them, by the beginning of its name; others are of the disk"""


class RegionState:
    """Of `pages` pages at `base`; to be closed."""

    def __init__(self, base: int, pages: int) -> None:
        self.base, self.pages = base, pages
        self._pagemap = Pagemap()
        self._maps = os.open("/proc/self/maps", os.O_RDONLY | os.O_CLOEXEC)

    def close(self) -> None:
        self._pagemap.close()
        os.close(self._maps)

    def now(self) -> State:
        """VMAs and pages. Looking sends no notification."""
        return State(tuple(self._vmas()), tuple(self._flags()))

    def _vmas(self) -> Iterable[tuple[int, int, str, str, int]]:
        low, high = self.base, self.base + self.pages * PAGE
        for line in self._lines():
            span, permissions, offset, *rest = line.split(maxsplit=5)
            first, _, last = span.partition(b"-")
            start, end = int(first, 16), int(last, 16)
            if start >= high:
                return
            if end > low:
                place = self._page(start), self._page(end)
                kind = _kind(rest[1], rest[2] if len(rest) > 2 else b"")
                yield *place, permissions.decode(), kind, int(offset, 16) // PAGE

    def _lines(self) -> Iterable[bytes]:
        """Of /proc/self/maps, in the order of addresses; the kernel hands them out by the page, and
        no more of them than are asked for."""
        at, rest = 0, b""
        while part := os.pread(self._maps, PAGE, at):
            *lines, rest = (rest + part).split(b"\n")
            yield from lines
            at += len(part)

    def _flags(self) -> Iterable[tuple[int, int, str]]:
        """Pages in a row with the same flags."""
        runs = self._pagemap.runs(self.base, self.pages)
        if not any(code & _PRESENT for _, _, code in runs):
            return [(start, end, _letters(code)) for start, end, code in runs]
        low, high = (self.base + page * PAGE for page in (runs[0][0], runs[-1][1]))
        found = self._pagemap.scan(low, high, _NONE, _MARKS, any_of=_MARKS)
        marks = [(self._page(each.start), self._page(each.end), each.categories) for each in found]
        return _with_marks(runs, marks)

    def _page(self, address: int) -> int:
        return (address - self.base) // PAGE


def _with_marks(
    runs: Iterable[tuple[int, int, int]], marks: Sequence[tuple[int, int, Category]]
) -> Iterable[tuple[int, int, str]]:
    """Runs of pages with their flags, cut where a mark begins or ends, and joined where that makes
    no difference."""
    pieces: list[tuple[int, int, str]] = []
    for start, end, code in runs:
        inside = [mark for mark in marks if mark[0] < end and mark[1] > start]
        cuts = sorted({start, end, *(at for mark in inside for at in mark[:2] if start < at < end)})
        for first, last in pairwise(cuts):
            here = [mark for mark in inside if mark[0] <= first < mark[1]]
            letters = _letters(code) + "".join(_mark_letters(mark[2]) for mark in here)
            joins = bool(pieces) and pieces[-1][1:] == (first, letters)
            pieces.append((pieces.pop()[0] if joins else first, last, letters))
    return pieces


def _mark_letters(categories: Category) -> str:
    return "".join(letter for letter, category in _MARK_LETTERS if categories & category)


def _kind(inode: bytes, name: bytes) -> str:
    if inode == b"0":
        return "anon"
    return next((kind for start, kind in _KINDS if name.startswith(start)), "disk")


@cache
def _letters(code: int) -> str:
    """A guard marker is kept where swap entries are; it is not one."""
    text = "".join(letter for letter, flag in _LETTERS if code & flag)
    return text.replace("S", "") if "G" in text else text
