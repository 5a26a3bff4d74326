"""pagemap: which pages are there, and of what kind."""

from __future__ import annotations

import os
import struct
import sys

import pytest

from shootdown.live.errors import MissingMeansError
from shootdown.live.memory import (
    MADV_NOHUGEPAGE,
    MAP_SHARED,
    PAGE,
    READ_WRITE,
    load,
    madvise,
    mmap,
    munmap,
    store,
)
from shootdown.live.pagemap import (
    Category,
    PageFlag,
    Pagemap,
    Region,
    decode_entry,
    pack_flags,
)

from .unprivileged import run_as_nobody


@pytest.fixture
def touched(region: int) -> int:
    """Page 1 read, pages 3 and 4 written."""
    madvise(region, 512 * PAGE, MADV_NOHUGEPAGE)
    load(region + PAGE, 1)
    store(region + 3 * PAGE, b"x")
    store(region + 4 * PAGE, b"x")
    return region


def test_entries(touched: int) -> None:
    """Present where touched, exclusive where written, and nothing where never touched."""
    with Pagemap() as pagemap:
        entries = pagemap.entries(touched, 6)
    assert [entry.present for entry in entries] == [False, True, False, True, True, False]
    assert [PageFlag.EXCLUSIVE in entry.flags for entry in entries] == [
        False, False, False, True, True, False,
    ]  # fmt: skip
    assert all(PageFlag.FILE not in entry.flags for entry in entries)


def test_frames(touched: int) -> None:
    """Written pages have frames of their own, for those who may know."""
    with Pagemap() as pagemap:
        frames = [entry.frame for entry in pagemap.entries(touched, 6)]
    assert frames[0] == frames[2] == frames[5] == 0
    there = {frames[1], frames[3], frames[4]}
    assert len(there) == 3 or there == {0}


def test_shared_memory_is_a_file(region: int) -> None:
    """A page of a memfd is one of a file."""
    fd = os.memfd_create("pages")
    os.ftruncate(fd, PAGE)
    address = mmap(0, PAGE, READ_WRITE, MAP_SHARED, fd)
    store(address, b"x")
    with Pagemap() as pagemap:
        (entry,) = pagemap.entries(address, 1)
    assert PageFlag.FILE in entry.flags
    munmap(address, PAGE)
    os.close(fd)


def test_scan(touched: int) -> None:
    """Regions by category: the zero page apart from pages of one's own."""
    page = [touched + number * PAGE for number in range(7)]
    with Pagemap() as pagemap:
        try:
            found = pagemap.scan(touched, page[6])
            zeros = pagemap.scan(touched, page[6], Category.ZERO)
        except MissingMeansError as error:
            pytest.skip(str(error))
    assert found == [
        Region(page[1], page[2], Category.PRESENT | Category.ZERO),
        Region(page[3], page[5], Category.PRESENT),
    ]
    assert zeros == found[:1]


def test_scan_of_many_regions(region: int) -> None:
    """More regions than one call returns are all found, once."""
    madvise(region, 1536 * PAGE, MADV_NOHUGEPAGE)
    pages = range(0, 1400, 2)
    for number in pages:
        store(region + number * PAGE, b"x")
    with Pagemap() as pagemap:
        try:
            found = pagemap.scan(region, region + 1536 * PAGE)
        except MissingMeansError as error:
            pytest.skip(str(error))
    assert [one.start for one in found] == [region + number * PAGE for number in pages]
    assert {one.end - one.start for one in found} == {PAGE}


def test_decode() -> None:
    """Flags apart from the frame; of a page that is not there the number is none."""
    entry = decode_entry(1 << 63 | 1 << 56 | 0x1234)
    assert (entry.flags, entry.frame) == (PageFlag.PRESENT | PageFlag.EXCLUSIVE, 0x1234)
    assert decode_entry(1 << 62 | 0x1234).frame == 0
    assert decode_entry(0).flags == PageFlag(0)


def test_other_processes() -> None:
    """Those one may look at; what is missing is said of the others."""
    with pytest.raises(ProcessLookupError):
        Pagemap(2**22 + 1)
    told = run_as_nobody(
        "from shootdown.live.pagemap import Pagemap\n"
        "from shootdown.live.errors import MissingMeansError\n\n"
        "try: Pagemap(1)\n"
        "except MissingMeansError as error: print(error)\n"
    )
    assert "the right to look at process 1 (CAP_SYS_PTRACE)" in told
    with Pagemap(os.getpid()) as pagemap:
        assert len(pagemap.entries(id(sys) // PAGE * PAGE, 1)) == 1


def test_runs(touched: int) -> None:
    """Pages in a row with the same flags, which are those of the entries."""
    present, exclusive = pack_flags(PageFlag.PRESENT), pack_flags(PageFlag.EXCLUSIVE)
    with Pagemap() as pagemap:
        assert pagemap.runs(touched, 6) == [(1, 2, present), (3, 5, present | exclusive)]
        assert pagemap.runs(touched + 3 * PAGE, 1) == [(0, 1, present | exclusive)]
        assert pagemap.runs(touched + 6 * PAGE, 1000) == []


def test_runs_with_every_flag(monkeypatch: pytest.MonkeyPatch) -> None:
    """Frames do not show in them, each flag does."""
    values = [flag | frame for flag in PageFlag for frame in (0, (1 << 55) - 1)]
    data = struct.pack(f"={len(values)}Q", *values)
    monkeypatch.setattr("shootdown.live.pagemap.os.pread", lambda fd, count, at: data)
    with Pagemap() as pagemap:
        found = pagemap.runs(0, len(values))
    assert found == [(2 * n, 2 * n + 2, pack_flags(flag)) for n, flag in enumerate(PageFlag)]
    assert len({code for _, _, code in found}) == len(PageFlag) == 7
