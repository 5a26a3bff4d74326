"""Operations that change VMAs do things in the order of rows 1, 3, 7 and 11, generation by
generation."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from shootdown.linux.markers import Markers
from shootdown.linux.memory import ZERO_FRAME
from shootdown.linux.operations.brk import brk
from shootdown.linux.operations.madvise_guard import madvise_guard_install, madvise_guard_remove
from shootdown.linux.operations.mlock import mlock
from shootdown.linux.operations.mremap import (
    mremap,
    mremap_dontunmap,
    mremap_grow,
    mremap_shrink,
)
from shootdown.program.kind import READ_ONLY

from .recording import Page, record

PRIVATE, SHARED, ABSENT = Page(1), Page(2, READ_ONLY, references=2), Page()
ZERO = Page(ZERO_FRAME, READ_ONLY)

MREMAP = {  # row 7, between row 1 for the new place and for the old one
    "3.1": "w S1-2 [P-1] E1-2 C1-2 S0-1 [P-0 C0-1 P+1] E0-1 S0-1 E0-1 .",
    "3.18": "w S1-2 [P-1] E1-2 C1-2 S0-1 [P-0 P+1] C0-1 E0-1 S0-1 E0-1 .",
    "4.18": "w S1-2 [P-1] X1-2 E1-2 C1-2 X1-2 S0-1 [P-0 P+1] C0-1 X0-1 E0-1 S0-1 X0-1 E0-1 .",
    "4.19": "w S1-2 [P-1] X1-2 E1-2 C1-2 X1-2 S0-1 [P-0 P+1 C0-1] X0-1 E0-1 S0-1 X0-1 E0-1 .",
    "6.18": "w S1-2 [P-1] E1-2 C1-2 X1-2 S0-1 [P-0 P+1 C0-1 X0-1] E0-1 S0-1 E0-1 .",
}
DONTUNMAP = {
    "6.1": "w S1-2 [P-1] X1-2 E1-2 C1-2 X1-2 S0-1 [P-0 P+1 C0-1] X0-1 E0-1 .",
    "6.18": "w S1-2 [P-1] E1-2 C1-2 X1-2 S0-1 [P-0 P+1 C0-1 X0-1] E0-1 .",
}
TAIL = {  # row 1
    "3.18": "w S1-2 [P-1] E1-2 C1-2",
    "4.19": "w S1-2 [P-1] X1-2 E1-2 C1-2 X1-2",
    "4.20": "w r S1-2 [P-1] X1-2 E1-2 C1-2 X1-2",
    "6.18": "w r S1-2 [P-1] E1-2 C1-2 X1-2",
}
SHRINK = {kernel: f"{text} ." for kernel, text in TAIL.items()}
BRK = {kernel: f"{text} . w ." for kernel, text in TAIL.items()}
GROW = {kernel: text.replace("w r", "w") for kernel, text in BRK.items()}


@pytest.mark.parametrize(
    ("function", "rows"),
    [
        (mremap, MREMAP),
        (mremap_dontunmap, DONTUNMAP),
        (mremap_shrink, SHRINK),
        (mremap_grow, GROW),
        (brk, BRK),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_rows_of_the_table(function: Callable[..., None], rows: dict[str, str]) -> None:
    """A private page, and a shared one where the first goes to or is cut off."""
    for kernel, expected in rows.items():
        assert record(kernel, function, [PRIVATE, SHARED], locks=True).text == expected, kernel


def test_a_page_keeps_its_frame_when_it_moves() -> None:
    """No reference is dropped but that of what was at the new place."""
    found = record("6.18", mremap, [PRIVATE, SHARED])
    assert found.state["memory.refcount"][1:3] == [1, 1]
    assert found.state["mm.pte"][0] == 0
    assert found.state["mm.vma"][0] == 0


def test_mlock_replaces_zero_pages_and_shared_ones() -> None:
    """Row 11 for each page, each under mmap_lock held for reading."""
    assert record("6.18", mlock, [ZERO, SHARED], locks=True).text == (
        "r S0-1 [P-0 C0-1 X0-1 P+0] E0-1 . r S1-2 [P-1 C1-2 X1-2 P+1] E1-2 ."
    )
    assert record("6.18", mlock, [PRIVATE, Page(vma=READ_ONLY)]).text == ""


def test_guard_markers_zap_only_what_is_there() -> None:
    """Row 3 for the whole range as soon as one page is there; nothing if none is."""
    parts = (Markers,)
    found = record("6.18", madvise_guard_install, [ABSENT, PRIVATE], parts=parts)
    assert found.text == "S0-2 [P-1] E0-2 C1-2 X1-2 R1"
    assert found.state["markers.guard"] == [1, 1]
    found = record("6.18", madvise_guard_install, [ABSENT, ABSENT], parts=parts)
    assert found.text == ""
    assert record("6.18", madvise_guard_remove, [ABSENT, PRIVATE], parts=parts).text == ""
