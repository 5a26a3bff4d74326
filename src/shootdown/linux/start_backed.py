"""How pages of files, and pages that are in swap space, start (`linux.start` has the others)."""

from __future__ import annotations

from shootdown.linux import filemap
from shootdown.linux.start import (
    ABSENT,
    LEFT,
    PRIVATE,
    SHARED,
    Condition,
    Opening,
    Pattern,
)
from shootdown.linux.swapops import SWAP
from shootdown.linux.version import Version
from shootdown.program.kind import READ_ONLY, READ_WRITE

MADV_FREE: Version = (4, 5, 0)


def _in_file(opening: Opening, page: int, kind: int, references: int) -> int:
    """A page of the file in the cache, with this many references beside that of the cache."""
    mapping = opening.mm.mapping
    assert mapping is not None
    frame = opening.new_frame(1 + references)
    opening.set(mapping.kind, page, kind)
    opening.set(mapping.folio, page, frame)
    opening.set(mapping.i_size, 0, opening.mm.pages)
    return frame


def _dirty(opening: Opening, page: int) -> None:
    mapping = opening.mm.mapping
    assert mapping is not None
    frame = _in_file(opening, page, filemap.SHARED, 1)
    opening.map(page, frame, READ_WRITE)
    opening.set(mapping.bits.dirty, page, 1)
    opening.set(mapping.folios.dirty, frame, 1)


def _clean(opening: Opening, page: int) -> None:
    opening.map(page, _in_file(opening, page, filemap.SHARED, 1), READ_ONLY)


def _writable(opening: Opening, page: int) -> None:
    opening.map(page, _in_file(opening, page, filemap.SHARED, 1), READ_WRITE)


def _cached(opening: Opening, page: int) -> None:
    _in_file(opening, page, filemap.SHARED, 0)


def _nonlinear(opening: Opening, page: int) -> None:
    _in_file(opening, page, filemap.SHARED, 0)
    nonlinear, half = opening.mm.nonlinear, opening.mm.pages // 2
    assert nonlinear is not None
    if page < half:
        opening.table(page)
        opening.set(nonlinear.ahead, page, half)
        opening.set(nonlinear.vm_nonlinear, 0, 1)


def _private_file(opening: Opening, page: int) -> None:
    opening.map(page, _in_file(opening, page, filemap.PRIVATE, 1), READ_ONLY)


def _swapped(opening: Opening, page: int) -> None:
    opening.swap_entry(page, SWAP, 0)


def _lazyfree(opening: Opening, page: int) -> None:
    folios = opening.mm.folios
    assert folios is not None
    frame = opening.new_frame()
    opening.map(page, frame, READ_WRITE)
    if opening.mm.kernel >= MADV_FREE:
        opening.set(folios.lazyfree, frame, 1)


FILE_DIRTY = Condition("file-dirty", _dirty)
"""of a file, MAP_SHARED, mapped writable, entry and page dirty"""
FILE_CLEAN = Condition("file-clean", _clean)
"""of a file, MAP_SHARED, mapped read-only, clean"""
FILE_WRITABLE = Condition("file-writable", _writable)
"""of a file in memory, MAP_SHARED, mapped writable by a read fault and never written: file systems
that store nothing need not hear of the first write"""
FILE_CACHED = Condition("file-cached", _cached)
"""of a file, MAP_SHARED, in the cache and not mapped"""
FILE_NONLINEAR = Condition("file-nonlinear", _nonlinear)
"""of a file, MAP_SHARED, not mapped; the first half of the address space shows the pages of the
second"""
FILE_PRIVATE = Condition("file-private", _private_file)
"""of a file, MAP_PRIVATE, not yet copied"""
SWAPPED = Condition("swapped", _swapped)
"""anonymous memory in swap space"""
LAZYFREE = Condition("lazyfree", _lazyfree)
"""anonymous memory that MADV_FREE gave up: writable, clean; just clean before 4.5"""

SHARED_FILE: tuple[Pattern, ...] = (
    (FILE_DIRTY, FILE_CLEAN),
    (FILE_DIRTY, FILE_CACHED),
)
UNMAPPED_FILE: tuple[Pattern, ...] = (*SHARED_FILE, (FILE_WRITABLE, FILE_CLEAN))
FILE: tuple[Pattern, ...] = (*SHARED_FILE, (FILE_DIRTY, FILE_PRIVATE))
REMAPPED_FILE: tuple[Pattern, ...] = (
    (FILE_WRITABLE, FILE_CLEAN),
    (FILE_DIRTY, FILE_CACHED),
    (FILE_NONLINEAR, FILE_WRITABLE),
)
RECLAIMABLE: tuple[Pattern, ...] = ((PRIVATE, ABSENT), (LAZYFREE, PRIVATE))
FILE_RECLAIMABLE: tuple[Pattern, ...] = ((FILE_WRITABLE, FILE_CLEAN), (FILE_CLEAN, FILE_DIRTY))
SWAPPED_OUT: tuple[Pattern, ...] = ((SWAPPED, PRIVATE),)
MERGEABLE: tuple[Pattern, ...] = ((PRIVATE, PRIVATE), (PRIVATE, LEFT))
MERGED: tuple[Pattern, ...] = ((SHARED, PRIVATE),)
