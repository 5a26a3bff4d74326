"""What the buffers of the model say, as a program's observations say it."""

from __future__ import annotations

from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from shootdown.conform.place import Place
from shootdown.conform.recorder import SITES
from shootdown.conform.system import ENTRIES, REGION
from shootdown.linux.memory import ZERO_FRAME
from shootdown.linux.vma import ANONYMOUS, DISK, MEMFD, NO_VMA, SEGMENT, SHARED
from shootdown.live.programs import Range, State
from shootdown.machine.runner import Runner, Space
from shootdown.program.kind import PROT_NONE, READ_ONLY, READ_WRITE, RIGHTS_BITS

_PERMISSIONS = {PROT_NONE: "---", READ_ONLY: "r--", READ_WRITE: "rw-"}

_KINDS = {ANONYMOUS: "anon", MEMFD: "memfd", SEGMENT: "shm", DISK: "disk"}

LAST_PAGE = 1 << 52
"""the page behind that of ULONG_MAX"""

Flags = NDArray[np.int32]
Where = NDArray[np.bool_]


def read_notifications(
    runner: Runner, space: Space, place: Place
) -> tuple[tuple[Range, ...], tuple[str, ...]]:
    """The ranges since the last time that touch the region, and where each comes from."""
    count = runner.view(space, "recorder.count")
    number, count[0] = int(count[0]), 0
    names = ("recorder.start", "recorder.end", "recorder.site")
    columns = [runner.view(space, name)[:number].tolist() for name in names]
    seen = [
        (_range(place, start, end, SITES[site]), SITES[site])
        for start, end, site in zip(*columns, strict=True)
        if start < place.end and end > place.origin
    ]
    return tuple(range for range, _ in seen), tuple(site for _, site in seen)


def _range(place: Place, start: int, end: int, site: str) -> Range:
    """As pages of the region; all that there is ends with the last byte."""
    if site == "clear_refs_write":
        return (-place.base, LAST_PAGE - place.base)
    return (start - place.origin, end - place.origin)


def read_state(runner: Runner, space: Space, place: Place) -> State:
    """Mappings and pages of the region."""
    return State(_vmas(runner, space, place), _pages(runner, space, place))


# --- mappings -----------------------------------------------------------------------------------


def _vmas(runner: Runner, space: Space, place: Place) -> tuple[tuple[int, int, str, str, int], ...]:
    """Whole, also where they reach out of the region."""
    rights = runner.view(space, "mm.vma")[:REGION]
    begins = np.flatnonzero(runner.view(space, "vmas.begins")[:REGION])
    first = np.searchsorted(begins, place.origin, "right") - 1
    found = []
    for start in begins[max(int(first), 0) :].tolist():
        if start >= place.end:
            break
        end = _end_of(start, rights, begins)
        if end > place.origin:
            found.append(_vma(runner, space, place, start, end))
    return tuple(found)


def _end_of(start: int, rights: Flags, begins: NDArray[np.int64]) -> int:
    """Up to the next VMA or the next page that is not mapped."""
    at = int(np.searchsorted(begins, start, "right"))
    limit = int(begins[at]) if at < len(begins) else len(rights)
    holes = np.flatnonzero(rights[start:limit] == NO_VMA)
    return start + int(holes[0]) if len(holes) else limit


def _vma(
    runner: Runner, space: Space, place: Place, start: int, end: int
) -> tuple[int, int, str, str, int]:
    flags, file, offset, rights = (
        int(runner.view(space, name)[start])
        for name in ("vmas.flags", "vmas.file", "vmas.offset", "mm.vma")
    )
    permissions = _PERMISSIONS[rights] + ("s" if flags & SHARED else "p")
    return (
        start - place.origin,
        end - place.origin,
        permissions,
        _KINDS.get(file, "shanon"),
        0 if file == ANONYMOUS else offset,
    )


# --- pages --------------------------------------------------------------------------------------


def _pages(runner: Runner, space: Space, place: Place) -> tuple[tuple[int, int, str], ...]:
    """Pages in a row with the same flags."""
    letters = _letters(runner, space, place).tolist()
    found, page = [], 0
    for bits, group in groupby(letters):
        count = len(list(group))
        if bits:
            found.append((page, page + count, _text(bits)))
        page += count
    return tuple(found)


_FLAGS = "PFXDSGUZH"


def _text(bits: int) -> str:
    return "".join(letter for number, letter in enumerate(_FLAGS) if bits >> number & 1)


def _letters(runner: Runner, space: Space, place: Place) -> Flags:
    """A bit for each flag of each page."""
    inside = slice(place.origin, place.end)
    entries = runner.view(space, "mm.pte")[inside]
    present = entries != 0
    frames = entries >> RIGHTS_BITS
    zero = present & (frames == ZERO_FRAME)
    file = present & (runner.view(space, "shmem.is_file")[frames] != 0)
    single = runner.view(space, "memory.refcount")[frames] - file == 1
    guard = runner.view(space, "markers.guard")[inside] != 0
    huge = present & np.repeat(runner.view(space, "huge.leaf") != 0, ENTRIES)[inside]
    exclusive = _as_first_of_huge(present & ~zero & single, huge, place)
    file_marker = ~present & (runner.view(space, "vmas.file")[inside] != ANONYMOUS)
    protected = (present | file_marker) & (runner.view(space, "userfaultfd.wp")[inside] != 0)
    bits = {"P": present, "F": file | zero & huge, "X": exclusive, "S": protected & ~present}
    bits |= {"G": guard, "U": protected, "Z": zero, "H": huge}
    total = np.zeros(place.pages, np.int32)
    for letter, where in bits.items():
        total |= where.astype(np.int32) << _FLAGS.index(letter)
    return total


def _as_first_of_huge(exclusive: Where, huge: Where, place: Place) -> Where:
    """pagemap_pmd_range(), fs/proc/task_mmu.c of 6.18, asks about the first page of a huge entry
    and says it of all; they differ where a child has split its own and copied some."""
    pages = np.arange(len(exclusive)) + place.origin
    first = np.maximum(pages - pages % ENTRIES - place.origin, 0)
    return np.where(huge, exclusive[first], exclusive)
