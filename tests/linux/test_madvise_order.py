"""What madvise(2) does to pages that stay mapped, and MADV_REMOVE: the order of rows 3, 46 and 47,
generation by generation."""

from __future__ import annotations

import pytest

from shootdown.linux.filemap import PRIVATE, SHARED, Mapping
from shootdown.linux.mm import Mm
from shootdown.linux.operations.madvise_cold import madvise_cold
from shootdown.linux.operations.madvise_free import madvise_free
from shootdown.linux.operations.truncate import madvise_remove
from shootdown.linux.vmscan import Reclaim
from shootdown.linux.young import Young
from shootdown.program.kind import READ_ONLY

from .recording import Page, record

WRITTEN, SHARED_DIRTY = Page(1), Page(2, READ_ONLY, references=2)
FILE_PAGE = Page(1, references=2)
OF_THE_FILE = {"mapping.kind": [SHARED], "mapping.folio": [1], "mapping.i_size": [1]}


def young_and_reclaimed(mm: Mm) -> None:
    """The parts of MADV_COLD."""
    Young(mm)
    Reclaim(mm)


@pytest.mark.parametrize(
    ("kernel", "expected"),
    [
        ("4.5", "r S0-2 X0-2 E0-2 C0-1 X0-1 ."),
        ("4.13", "r S0-2 X0-2 E0-2 C0-1 X0-1 ."),
        ("4.15", "r S0-2 X0-2 E0-2 C0-1 X0-1 ."),
        ("6.5", "r S0-2 X0-2 E0-2 C0-1 X0-1 ."),
        ("6.6", "r S0-2 E0-2 C0-1 X0-1 ."),
        ("6.18", "r S0-2 E0-2 C0-1 X0-1 ."),
    ],
)
def test_madvise_free(kernel: str, expected: str) -> None:
    """Row 46: all of it is announced, and what has changed is flushed after the end. Entries keep
    page and rights and lose the dirty bit; a dirty page that somebody else maps is left alone."""
    state = {"dirty_bits.dirty": [1, 0], "folios.dirty": [0, 0, 1]}
    pages = [WRITTEN, SHARED_DIRTY]
    found = record(kernel, madvise_free, pages, parts=(Reclaim,), state=state, locks=True)
    assert found.text == expected
    assert found.state["dirty_bits.dirty"] == [0, 0]
    assert found.state["folios.lazyfree"][1:3] == [1, 0]


@pytest.mark.parametrize("kernel", ["4.5", "6.18"])
def test_madvise_free_of_what_cannot_be_freed(kernel: str) -> None:
    """Row 46: without an entry that has changed nothing is flushed."""
    state = {"folios.dirty": [0, 0, 1]}
    found = record(kernel, madvise_free, [SHARED_DIRTY, Page()], parts=(Reclaim,), state=state)
    assert found.text.split()[0] == "S0-2"
    assert "C" not in found.text


@pytest.mark.parametrize("kernel", ["5.4", "6.5", "6.6", "6.18"])
def test_madvise_cold(kernel: str) -> None:
    """Row 47: no start and no end; young entries of pages that nobody else maps are cleared, come
    back as they were, and are flushed."""
    found = record(
        kernel,
        madvise_cold,
        [WRITTEN, SHARED_DIRTY, Page(3)],
        parts=(young_and_reclaimed,),
        state={"young.accessed": [1, 1, 0], "dirty_bits.dirty": [1, 0, 0]},
        locks=True,
    )
    assert found.text == "r [P-0 P+0] C0-1 X0-1 ."
    assert found.state["young.accessed"] == [0, 1, 0]
    assert found.state["dirty_bits.dirty"] == [1, 0, 0]


@pytest.mark.parametrize("kernel", ["5.4", "6.18"])
def test_madvise_cold_of_old_pages(kernel: str) -> None:
    """Row 47: nothing is written, and nothing flushed."""
    parts = (young_and_reclaimed,)
    assert record(kernel, madvise_cold, [WRITTEN], parts=parts, locks=True).text == "r ."


@pytest.mark.parametrize(
    ("kernel", "expected"),
    [
        ("3.7", "r . S0-1 [P-0] E0-1 C0-1 R1"),
        ("3.19", "r . S0-1 [P-0] X0-1 E0-1 C0-1 X0-1 R1"),
        ("6.5", "r . S0-1 [P-0] X0-1 E0-1 C0-1 X0-1 R1"),
        ("6.6", "r . S0-1 [P-0] E0-1 C0-1 X0-1 R1"),
        ("6.18", "r . S0-1 [P-0] E0-1 C0-1 X0-1 R1"),
    ],
)
def test_madvise_remove(kernel: str, expected: str) -> None:
    """Row 3, as of a hole that is punched: mmap_lock is given back before."""
    found = record(
        kernel, madvise_remove, [FILE_PAGE], parts=(Mapping,), state=OF_THE_FILE, locks=True
    )
    assert found.text == expected


@pytest.mark.parametrize(
    ("kind", "page"),
    [(PRIVATE, FILE_PAGE), (SHARED, Page(1, READ_ONLY, references=2, vma=READ_ONLY))],
)
def test_madvise_remove_is_refused(kind: int, page: Page) -> None:
    """Through a private mapping, or one that cannot be written, no hole is punched."""
    state = {**OF_THE_FILE, "mapping.kind": [kind]}
    text = record("6.18", madvise_remove, [page], parts=(Mapping,), state=state, locks=True).text
    assert text == "r ."
