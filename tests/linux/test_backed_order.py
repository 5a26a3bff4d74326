"""Operations on pages of files, and on pages that reclaim, migration and KSM work on, do things in
the order of the call-site table, generation by generation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from shootdown.linux.filemap import PRIVATE, SHARED, Mapping
from shootdown.linux.ksm import Ksm
from shootdown.linux.migrate import Migration
from shootdown.linux.operations.fault import write_fault
from shootdown.linux.operations.ksm import ksm_merge, ksm_unmerge
from shootdown.linux.operations.mapping_dirty_helpers import wp_shared_mapping_range
from shootdown.linux.operations.migrate_pages import migrate_pages
from shootdown.linux.operations.munmap import munmap
from shootdown.linux.operations.reclaim import madvise_pageout, reclaim
from shootdown.linux.operations.swapoff import swapoff
from shootdown.linux.operations.truncate import punch_hole, truncate
from shootdown.linux.operations.writeback import fsync
from shootdown.linux.swapops import SWAP
from shootdown.linux.vmscan import Reclaim
from shootdown.program.kind import READ_ONLY, READ_WRITE, make_pte

from .recording import Page, record

KERNELS = ("2.6.27", "3.7", "3.19", "4.11", "4.13", "4.15", "6.3", "6.6", "6.18")


@dataclass(frozen=True)
class Case:
    """An operation, and the address space on which it is performed."""

    function: Callable[..., None]
    pages: list[Page]
    part: Callable[..., object]
    state: dict[str, list[int]] = field(default_factory=dict)
    choices: tuple[int, ...] = ()
    locks: bool = False

    def text(self, kernel: str) -> str:
        """What it does, in letters."""
        more: dict[str, Any] = {"parts": (self.part,), "state": self.state}
        found = record(
            kernel, self.function, self.pages, choices=self.choices, locks=self.locks, **more
        )
        return found.text


DIRTY, CLEAN = Page(1, references=2), Page(2, READ_ONLY, references=2)
FILE = {
    "mapping.kind": [SHARED, SHARED],
    "mapping.folio": [1, 2],
    "mapping.i_size": [2],
    "dirty_bits.dirty": [1, 0],
    "folios.dirty": [0, 1],
}
"""the first page dirty, the second clean"""
ENTRY = {"dirty_bits.dirty": [1]}
GIVEN_UP = {"folios.lazyfree": [0, 1]}
IN_SWAP = {"swap_entries.kind": [SWAP], "swap_entries.entry": [make_pte(0, READ_WRITE)]}
ONE = {"mapping.kind": [SHARED], "mapping.i_size": [1]}
COPIED = {"mapping.kind": [PRIVATE], "mapping.folio": [2], "mapping.i_size": [1]}

CASES = {
    "row 20, fsync": Case(fsync, [DIRTY, CLEAN], Mapping, FILE),
    "row 3, truncate": Case(truncate, [DIRTY, CLEAN], Mapping, FILE, (0,)),
    "row 3, punch_hole": Case(punch_hole, [DIRTY, CLEAN], Mapping, FILE),
    "row 1, munmap": Case(munmap, [DIRTY, CLEAN], Mapping, FILE),
    "row 13, reclaim": Case(reclaim, [Page(1)], Reclaim, ENTRY, (0,)),
    "row 14, clean": Case(reclaim, [Page(1)], Reclaim, GIVEN_UP, (0,)),
    "row 14, written": Case(reclaim, [Page(1)], Reclaim, {**GIVEN_UP, **ENTRY}, (0,)),
    "row 15, migrate_pages": Case(migrate_pages, [Page(1)], Migration, {}, (0,)),
    "rows 23 and 24, ksm_merge": Case(ksm_merge, [Page(1), Page(2)], Ksm, {}, (0,)),
    "row 11, ksm_unmerge": Case(ksm_unmerge, [Page(1, READ_ONLY, references=2)], Ksm),
    "row 11, private page": Case(
        write_fault, [Page(2, READ_ONLY, references=2)], Mapping, COPIED, (0,)
    ),
}
UNMAPPED = {
    "2.6.27": "[F0-1] [P-0 C0-1 I0] R1",
    "3.7": "[F0-1] [P-0 C0-1] I0 R1",
    "3.19": "[F0-1] [P-0 C0-1] I0 R1",
    "4.11": "[F0-1] [P-0 I0] C0-1 R1",
    "4.13": "[F0-1] S0-1 [P-0 X0-1] X0-1 E0-1 C0-1 R1",
    "4.15": "[F0-1] S0-1 [P-0 X0-1] X0-1 E0-1 C0-1 R1",
    "6.3": "[F0-1] S0-1 [P-0 X0-1] X0-1 E0-1 C0-1 R1",
    "6.6": "[F0-1] S0-1 [P-0 X0-1] E0-1 C0-1 R1",
    "6.18": "[F0-1] S0-1 [P-0 X0-1] E0-1 C0-1 R1",
}
"""by reclaim, whether the page leaves a swap entry or nothing"""
REPLACED = {
    "2.6.27": "[P-0 C0-1 I0 P+0]",
    "3.7": "S0-1 [P-0 C0-1 N0 P+0] E0-1",
    "3.19": "S0-1 [P-0 C0-1 X0-1 N0 P+0] X0-1 E0-1",
    "4.11": "S0-1 [P-0 C0-1 X0-1 N0 P+0] X0-1 E0-1",
    "4.13": "S0-1 [P-0 C0-1 X0-1 N0 P+0] X0-1 E0-1",
    "4.15": "S0-1 [P-0 C0-1 X0-1 N0 P+0] E0-1",
    "6.3": "S0-1 [P-0 C0-1 X0-1 N0 P+0] E0-1",
    "6.6": "S0-1 [P-0 C0-1 X0-1 N0 P+0] E0-1",
    "6.18": "S0-1 [P-0 C0-1 X0-1 P+0] E0-1",
}
"""copied on write, whatever the page was before"""
EXPECTED: dict[str, dict[str, str]] = {
    "row 20, fsync": {
        "2.6.27": "[P-0 C0-1 P+0 I0]",
        "3.7": "[P-0 C0-1 P+0] I0",
        "3.19": "[P-0 C0-1 P+0] I0",
        "4.11": "[P-0 C0-1 P+0 I0]",
        "4.13": "S0-1 [P-0 C0-1 P+0 X0-1] X0-1 E0-1",
        "4.15": "S0-1 [P-0 C0-1 P+0] X0-1 E0-1",
        "6.3": "S0-1 [P-0 C0-1 P+0] X0-1 E0-1",
        "6.6": "S0-1 [P-0 C0-1 X0-1 P+0] E0-1",
        "6.18": "S0-1 [P-0 C0-1 X0-1 P+0] E0-1",
    },
    "row 3, truncate": {
        "2.6.27": "S0-2 [P-0] [P-1] E0-2 C0-2 R1 R2 S0-2 E0-2",
        "3.7": "S0-2 [P-0] [P-1] E0-2 C0-2 R1 R2 S0-2 E0-2",
        "3.19": "S0-2 [P-0 C0-1 X0-1] [P-1] X0-2 E0-2 C1-2 X1-2 R1 R2 S0-2 X0-2 E0-2",
        "4.11": "S0-2 [P-0 C0-1 X0-1] [P-1] X0-2 E0-2 C1-2 X1-2 R1 R2 S0-2 X0-2 E0-2",
        "4.13": "S0-2 [P-0 C0-1 X0-1] [P-1] X0-2 E0-2 C1-2 X1-2 R1 R2 S0-2 X0-2 E0-2",
        "4.15": "S0-2 [P-0 C0-1 X0-1] [P-1] X0-2 E0-2 C1-2 X1-2 R1 R2 S0-2 X0-2 E0-2",
        "6.3": "S0-2 [P-0 C0-1 X0-1] [P-1] X0-2 E0-2 C1-2 X1-2 R1 R2 S0-2 X0-2 E0-2",
        "6.6": "S0-2 [P-0 C0-1 X0-1] [P-1] E0-2 C1-2 X1-2 R1 R2 S0-2 E0-2",
        "6.18": "S0-2 [P-0 C0-1 X0-1] [P-1] E0-2 C1-2 X1-2 R1 R2 S0-2 E0-2",
    },
    "row 3, punch_hole": {
        "2.6.27": "S0-1 [P-0] E0-1 C0-1 R1",
        "3.7": "S0-1 [P-0] E0-1 C0-1 R1",
        "3.19": "S0-1 [P-0 C0-1 X0-1] X0-1 E0-1 R1",
        "4.11": "S0-1 [P-0 C0-1 X0-1] X0-1 E0-1 R1",
        "4.13": "S0-1 [P-0 C0-1 X0-1] X0-1 E0-1 R1",
        "4.15": "S0-1 [P-0 C0-1 X0-1] X0-1 E0-1 R1",
        "6.3": "S0-1 [P-0 C0-1 X0-1] X0-1 E0-1 R1",
        "6.6": "S0-1 [P-0 C0-1 X0-1] E0-1 R1",
        "6.18": "S0-1 [P-0 C0-1 X0-1] E0-1 R1",
    },
    "row 1, munmap": {
        "2.6.27": "S0-2 [P-0] [P-1] E0-2 [U0] C0-2 T0",
        "3.7": "S0-2 [P-0] [P-1] E0-2 [U0] C0-2 T0",
        "3.19": "S0-2 [P-0 C0-1 X0-1] [P-1] X0-2 E0-2 [U0] C0-2 X0-2 T0",
        "4.11": "S0-2 [P-0 C0-1 X0-1] [P-1] X0-2 E0-2 [U0] C0-2 X0-2 T0",
        "4.13": "S0-2 [P-0 C0-1 X0-1] [P-1] X0-2 E0-2 [U0] C0-2 X0-2 T0",
        "4.15": "S0-2 [P-0 C0-1 X0-1] [P-1] X0-2 E0-2 [U0] C0-2 X0-2 T0",
        "6.3": "S0-2 [P-0 C0-1 X0-1] [P-1] X0-2 E0-2 [U0] C0-2 X0-2 T0",
        "6.6": "S0-2 [P-0 C0-1 X0-1] [P-1] E0-2 [U0] C0-2 X0-2 T0",
        "6.18": "S0-2 [P-0 C0-1 X0-1] [P-1] E0-2 [U0] C0-2 X0-2 T0",
    },
    "row 13, reclaim": UNMAPPED,
    "row 14, clean": UNMAPPED,
    "row 14, written": {
        "2.6.27": "[F0-1] [P-0 C0-1 P+0 I0]",
        "3.7": "[F0-1] [P-0 C0-1 P+0] I0",
        "3.19": "[F0-1] [P-0 C0-1 P+0] I0",
        "4.11": "[F0-1] [P-0 P+0 I0] C0-1",
        "4.13": "[F0-1] S0-1 [P-0 P+0 X0-1] X0-1 E0-1 C0-1",
        "4.15": "[F0-1] S0-1 [P-0 P+0 X0-1] X0-1 E0-1 C0-1",
        "6.3": "[F0-1] S0-1 [P-0 P+0 X0-1] X0-1 E0-1 C0-1",
        "6.6": "[F0-1] S0-1 [P-0 X0-1 P+0] E0-1 C0-1",
        "6.18": "[F0-1] S0-1 [P-0 X0-1 P+0] E0-1 C0-1",
    },
    "row 15, migrate_pages": {
        "2.6.27": "[P-0 C0-1 I0] [P+0] R1",
        "3.7": "[P-0 C0-1] I0 [P+0] R1",
        "3.19": "[P-0 C0-1] I0 [P+0] R1",
        "4.11": "[P-0 C0-1 I0] [P+0] R1",
        "4.13": "S0-1 [P-0 C0-1 X0-1] X0-1 E0-1 [P+0] R1",
        "4.15": "S0-1 [P-0 C0-1 X0-1] X0-1 E0-1 [P+0] R1",
        "6.3": "S0-1 [P-0 X0-1] X0-1 E0-1 C0-1 [P+0] R1",
        "6.6": "S0-1 [P-0 X0-1] E0-1 C0-1 [P+0] R1",
        "6.18": "S0-1 [P-0 X0-1] E0-1 C0-1 [P+0] R1",
    },
    "rows 23 and 24, ksm_merge": {
        "2.6.27": "[P-0 C0-1 P+0] [P-1 C1-2 P+1] [P-1 C1-2 P+1] R2",
        "3.7": (
            "S0-1 [P-0 C0-1 N0 P+0] E0-1 S1-2 [P-1 C1-2 N1 P+1] E1-2 S1-2 [P-1 C1-2 N1 P+1] E1-2 R2"
        ),
        "3.19": (
            "S0-1 [P-0 C0-1 X0-1 N0 P+0] X0-1 E0-1 "
            "S1-2 [P-1 C1-2 X1-2 N1 P+1] X1-2 E1-2 "
            "S1-2 [P-1 C1-2 X1-2 N1 P+1] X1-2 E1-2 R2"
        ),
        "4.11": (
            "S0-1 [P-0 C0-1 X0-1 N0 P+0] X0-1 E0-1 "
            "S1-2 [P-1 C1-2 X1-2 N1 P+1] X1-2 E1-2 "
            "S1-2 [P-1 C1-2 X1-2 N1 P+1] X1-2 E1-2 R2"
        ),
        "4.13": (
            "S0-1 [P-0 C0-1 X0-1 N0 P+0] X0-1 E0-1 "
            "S1-2 [P-1 C1-2 X1-2 N1 P+1] X1-2 E1-2 "
            "S1-2 [P-1 C1-2 X1-2 N1 P+1] X1-2 E1-2 R2"
        ),
        "4.15": (
            "S0-1 [P-0 C0-1 N0 P+0] X0-1 E0-1 "
            "S1-2 [P-1 C1-2 N1 P+1] X1-2 E1-2 "
            "S1-2 [P-1 C1-2 N1 P+1] X1-2 E1-2 R2"
        ),
        "6.3": (
            "S0-1 [P-0 C0-1 N0 P+0] X0-1 E0-1 "
            "S1-2 [P-1 C1-2 N1 P+1] X1-2 E1-2 "
            "S1-2 [P-1 C1-2 N1 P+1] X1-2 E1-2 R2"
        ),
        "6.6": (
            "S0-1 [P-0 C0-1 X0-1 N0 P+0] E0-1 "
            "S1-2 [P-1 C1-2 X1-2 N1 P+1] E1-2 "
            "S1-2 [P-1 C1-2 X1-2 N1 P+1] E1-2 R2"
        ),
        "6.18": (
            "S0-1 [P-0 C0-1 X0-1 P+0] E0-1 "
            "S1-2 [P-1 C1-2 X1-2 P+1] E1-2 "
            "S1-2 [P-1 C1-2 X1-2 P+1] E1-2 R2"
        ),
    },
    "row 11, ksm_unmerge": REPLACED,
    "row 11, private page": REPLACED,
}


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("name", CASES)
def test_rows_of_the_table(name: str, kernel: str) -> None:
    """Order, ranges and locks are those of the row."""
    assert CASES[name].text(kernel) == EXPECTED[name][kernel]


SILENT = {
    "row 12, page_mkwrite": (Case(write_fault, [DIRTY, CLEAN], Mapping, FILE, (1,)), "[P^1]"),
    "row 50, page of a file": (Case(write_fault, [Page()], Mapping, ONE, (0,)), "[P+0]"),
    "row 50, swap-in": (Case(write_fault, [Page()], Reclaim, IN_SWAP, (0,)), "[P+0]"),
    "row 50, swapoff": (Case(swapoff, [Page()], Reclaim, IN_SWAP), "[P+0]"),
    "beyond the end of the file": (
        Case(write_fault, [Page()], Mapping, {**ONE, "mapping.i_size": [0]}, (0,)),
        "",
    ),
}


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("name", SILENT)
def test_nobody_is_told(name: str, kernel: str) -> None:
    """Rows 12 and 50: what becomes present, or writable, is no news."""
    case, expected = SILENT[name]
    assert case.text(kernel) == expected


@pytest.mark.parametrize(
    ("kernel", "expected"),
    [("5.5", "S0-2 [P~0] C0-2 X0-2 X0-2 E0-2"), ("6.6", "S0-2 [P~0] C0-2 X0-2 E0-2")],
)
def test_dirty_helpers(kernel: str, expected: str) -> None:
    """Row 22: write-protected and flushed before the end."""
    assert Case(wp_shared_mapping_range, [DIRTY, CLEAN], Mapping, FILE).text(kernel) == expected


@pytest.mark.parametrize(
    ("function", "choices", "expected"),
    [
        (madvise_pageout, (), "r S0-1 [P-0 X0-1] E0-1 C0-1 R1 ."),
        (reclaim, (0,), "[F0-1] S0-1 [P-0 X0-1] E0-1 C0-1 R1"),
    ],
)
def test_who_holds_mmap_lock(
    function: Callable[..., None], choices: tuple[int, ...], expected: str
) -> None:
    """Rows 13 and 47: MADV_PAGEOUT for reading, and asks no device whether it used the page;
    reclaim does not hold it, and asks."""
    case = Case(function, [Page(1)], Reclaim, ENTRY, choices, locks=True)
    assert case.text("6.18") == expected


def test_an_entry_that_is_clean_already() -> None:
    """Row 20: start and end come before anybody looks at the entry; a clean one is left alone."""
    state = {**FILE, "dirty_bits.dirty": [0, 0], "folios.dirty": [0, 0, 1]}
    assert Case(fsync, [DIRTY, CLEAN], Mapping, state).text("6.18") == "S1-2 E1-2"
