"""Each operation does things in the order of the call-site table, generation by generation."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from shootdown.lang.declare import PageRange
from shootdown.linux.memory import ZERO_FRAME
from shootdown.linux.operations.fault import read_fault, write_fault
from shootdown.linux.operations.fork import fork
from shootdown.linux.operations.madvise_dontneed import madvise_dontneed
from shootdown.linux.operations.mmap import mmap
from shootdown.linux.operations.mprotect import mprotect
from shootdown.linux.operations.munmap import munmap
from shootdown.linux.vma import NO_VMA
from shootdown.program.kind import PROT_NONE, READ_ONLY

from .recording import Page, record
from .tasks import leave, map_read_only, protect_nothing, protect_writable

PRIVATE, SHARED = Page(1), Page(2, READ_ONLY, references=2)
ABSENT = Page()
UNMAPPED = Page(vma=NO_VMA, table=False)
KERNELS = ("2.6.27", "2.6.32", "3.6", "3.14", "3.18", "3.19", "4.15", "6.1", "6.6", "6.19")

MUNMAP = {  # row 1
    "2.6.27": "S0-2 [P-0] [P-1] E0-2 [U0] C0-2 R1 T0",
    "2.6.32": "S0-2 [P-0] [P-1] E0-2 [U0] C0-2 R1 T0",
    "3.6": "S0-2 [P-0] [P-1] E0-2 [U0] C0-2 R1 T0",
    "3.14": "S0-2 [P-0] [P-1] E0-2 [U0] C0-2 R1 T0",
    "3.18": "S0-2 [P-0] [P-1] E0-2 [U0] C0-2 R1 T0",
    "3.19": "S0-2 [P-0] [P-1] X0-2 E0-2 [U0] C0-2 X0-2 R1 T0",
    "4.15": "S0-2 [P-0] [P-1] X0-2 E0-2 [U0] C0-2 X0-2 R1 T0",
    "6.1": "S0-2 [P-0] [P-1] X0-2 E0-2 [U0] C0-2 X0-2 R1 T0",
    "6.6": "S0-2 [P-0] [P-1] E0-2 [U0] C0-2 X0-2 R1 T0",
    "6.19": "S0-2 [P-0] [P-1] E0-2 [U0] C0-2 X0-2 R1 T0",
}
MADVISE = {  # row 3
    "2.6.27": "S0-2 [P-0] [P-1] E0-2 C0-2 R1",
    "2.6.32": "S0-2 [P-0] [P-1] E0-2 C0-2 R1",
    "3.6": "S0-2 [P-0] [P-1] E0-2 C0-2 R1",
    "3.14": "S0-2 [P-0] [P-1] E0-2 C0-2 R1",
    "3.18": "S0-2 [P-0] [P-1] E0-2 C0-2 R1",
    "3.19": "S0-2 [P-0] [P-1] X0-2 E0-2 C0-2 X0-2 R1",
    "4.15": "S0-2 [P-0] [P-1] X0-2 E0-2 C0-2 X0-2 R1",
    "6.1": "S0-2 [P-0] [P-1] X0-2 E0-2 C0-2 X0-2 R1",
    "6.6": "S0-2 [P-0] [P-1] E0-2 C0-2 X0-2 R1",
    "6.19": "S0-2 [P-0] [P-1] E0-2 C0-2 X0-2 R1",
}
MPROTECT = {  # row 4
    "2.6.27": "S0-2 [P~0] C0-2 E0-2",
    "2.6.32": "S0-2 [P~0] C0-2 E0-2",
    "3.6": "S0-2 [P~0] C0-2 E0-2",
    "3.14": "S0-2 [P~0] C0-2 E0-2",
    "3.18": "S0-2 [P~0] E0-2 C0-2",
    "3.19": "S0-2 [P~0] X0-2 E0-2 C0-2",
    "4.15": "S0-2 [P~0] X0-2 E0-2 C0-2",
    "6.1": "S0-2 [P~0] X0-2 E0-2 C0-2 X0-2",
    "6.6": "S0-2 [P~0] E0-2 C0-2 X0-2",
    "6.19": "S0-2 [P~0] E0-2 C0-2 X0-2",
}
FORK = {  # row 9
    "2.6.27": "S0-2 [P~0] E0-2 C0-2",
    "2.6.32": "S0-2 [P~0] E0-2 C0-2",
    "3.6": "S0-2 [P~0] E0-2 C0-2",
    "3.14": "S0-2 [P~0] E0-2 C0-2",
    "3.18": "S0-2 [P~0] E0-2 C0-2",
    "3.19": "S0-2 [P~0] X0-2 E0-2 C0-2",
    "4.15": "S0-2 [P~0] X0-2 E0-2 C0-2",
    "6.1": "S0-2 [P~0] X0-2 E0-2 C0-2",
    "6.6": "S0-2 [P~0] E0-2 C0-2 X0-2",
    "6.19": "S0-2 [P~0] E0-2 C0-2 X0-2",
}
COPY = {  # row 11; change_pte is set_pte_at_notify()'s
    "2.6.27": "[P-1 C1-2 I1 P+1]",
    "2.6.32": "[P-1 C1-2 P+1 N1]",
    "3.6": "[P-1 C1-2 N1 P+1]",
    "3.14": "S1-2 [P-1 C1-2 N1 P+1] E1-2",
    "3.18": "S1-2 [P-1 C1-2 N1 P+1] E1-2",
    "3.19": "S1-2 [P-1 C1-2 X1-2 N1 P+1] X1-2 E1-2",
    "4.15": "S1-2 [P-1 C1-2 X1-2 N1 P+1] E1-2",
    "6.1": "S1-2 [P-1 C1-2 X1-2 N1 P+1] E1-2",
    "6.6": "S1-2 [P-1 C1-2 X1-2 N1 P+1] E1-2",
    "6.19": "S1-2 [P-1 C1-2 X1-2 P+1] E1-2",
}


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize(
    ("function", "expected"),
    [(munmap, MUNMAP), (mmap, MUNMAP), (madvise_dontneed, MADVISE), (mprotect, MPROTECT),
     (fork, FORK), (write_fault, COPY)],
    ids=lambda value: getattr(value, "__name__", ""),
)  # fmt: skip
def test_rows_of_the_table(
    function: Callable[..., None], expected: dict[str, str], kernel: str
) -> None:
    """A private and a shared page: order, ranges and locks are those of the row."""
    assert record(kernel, function, [PRIVATE, SHARED], choices=(1,)).text == expected[kernel]


@pytest.mark.parametrize(
    ("kernel", "expected"),
    [
        ("3.18", "S0-2 [P-0] C0-1 R1 [P-1] C1-2 E0-2 [U0] C0-2 T0"),
        ("3.19", "S0-2 [P-0] C0-1 X0-1 R1 [P-1] C1-2 X1-2 X0-2 E0-2 [U0] C0-2 X0-2 T0"),
        ("6.6", "S0-2 [P-0] C0-1 X0-1 R1 [P-1] C1-2 X1-2 E0-2 [U0] C0-2 X0-2 T0"),
    ],
)
def test_a_full_batch_is_freed_before_end(kernel: str, expected: str) -> None:
    """Rows 1 and 3: with room for one page the gather flushes and frees between start and end."""
    assert record(kernel, munmap, [PRIVATE, SHARED], gather=1).text == expected
    zap = expected[: expected.index(" [U0]")]
    assert record(kernel, madvise_dontneed, [PRIVATE, SHARED], gather=1).text == zap


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("pages", [[ABSENT], [Page(ZERO_FRAME, READ_ONLY)], [PRIVATE], [SHARED]])
def test_a_read_fault_sends_nothing(kernel: str, pages: list[Page]) -> None:
    """Row 50: an absent entry becomes present; a present one stays as it is."""
    text = record(kernel, read_fault, pages, choices=(0,)).text
    assert text == ("[P+0]" if pages == [ABSENT] else "")


@pytest.mark.parametrize("kernel", KERNELS)
def test_a_reused_page_sends_nothing(kernel: str) -> None:
    """Row 12: the sole owner of a read-only page gets the right, and nobody hears of it."""
    found = record(kernel, write_fault, [Page(1, READ_ONLY)], choices=(0,))
    assert found.text == "[P^0]"


@pytest.mark.parametrize("kernel", KERNELS)
def test_a_write_fault_on_nothing_sends_nothing(kernel: str) -> None:
    """Row 50: a fresh page appears under the lock."""
    assert record(kernel, write_fault, [ABSENT], choices=(0,)).text == "[P+0]"


def test_the_zero_page_is_copied_and_never_freed() -> None:
    """Row 11 for the zero page: no reference of it is dropped, whatever the count."""
    found = record("6.6", write_fault, [Page(ZERO_FRAME, READ_ONLY)], choices=(0,))
    assert found.text == "S0-1 [P-0 C0-1 X0-1 N0 P+0] E0-1"
    assert found.state["memory.refcount"][:5] == [1, 0, 0, 0, 1]


def test_a_copied_page_is_dropped_after_end() -> None:
    """Row 11: the old page loses its reference last; it stays if somebody else holds one."""
    found = record("6.6", write_fault, [SHARED], choices=(0,))
    assert found.state["memory.refcount"] == [1, 0, 1, 0, 1, 0, 0, 0]


@pytest.mark.parametrize("function", [read_fault, write_fault])
def test_a_forbidden_access_changes_nothing(function: Callable[..., None]) -> None:
    """A fault where no VMA is, or a write to a read-only VMA, ends in SIGSEGV."""
    assert record("6.6", function, [UNMAPPED], choices=(0,)).text == ""
    page = Page(1, READ_ONLY, vma=READ_ONLY)
    assert record("6.6", function, [page], choices=(0,)).text == ""


@pytest.mark.parametrize("kernel", KERNELS)
def test_mmap_into_free_space_sends_nothing(kernel: str) -> None:
    """A new mapping only makes a VMA."""
    found = record(kernel, map_read_only, [UNMAPPED, UNMAPPED])
    assert found.text == ""
    assert found.state["mm.vma"] == [READ_ONLY, READ_ONLY]


@pytest.mark.parametrize("kernel", ["3.14", "3.18", "6.6"])
def test_an_unpopulated_range_is_announced_up_to_3_14(kernel: str) -> None:
    """Row 4: mprotect where no page table exists says nothing from 3.15 on."""
    nobody = Page(table=False)
    text = record(kernel, mprotect, [nobody, nobody]).text
    assert text == ("S0-2 E0-2" if kernel == "3.14" else "")


@pytest.mark.parametrize(
    ("kernel", "expected"),
    [
        ("3.14", "S0-6 E0-6"),
        ("3.15", "S2-6 E2-6"),
        ("3.19", "S2-6 X2-6 E2-6"),
        ("6.6", "S2-6 E2-6"),
    ],
)
def test_an_unpopulated_first_table_is_not_announced(kernel: str, expected: str) -> None:
    """Row 4: from 3.15 on mprotect announces from the first page table that exists to the end of
    the range, whatever is missing in between; the whole range up to 3.14."""
    nobody = Page(table=False)
    pages = [nobody, nobody, ABSENT, ABSENT, nobody, nobody]
    assert record(kernel, mprotect, pages).text == expected
    assert record(kernel, mprotect, pages, range=PageRange(3, 6)).text == expected.replace(
        expected[1], "3"
    )


@pytest.mark.parametrize(
    ("kernel", "expected"),
    [("3.14", "S0-2 E0-2"), ("3.19", "S0-2 X0-2 E0-2"), ("6.6", "S0-2 E0-2")],
)
def test_empty_entries_are_announced_but_not_flushed(kernel: str, expected: str) -> None:
    """B11: with a page table but no entry nothing is flushed, yet 3.19's end calls X."""
    assert record(kernel, mprotect, [ABSENT, ABSENT]).text == expected
    assert record(kernel, madvise_dontneed, [ABSENT, ABSENT]).text == expected


def test_mprotect_takes_rights_at_once_and_gives_them_lazily() -> None:
    """PROT_NONE takes all rights; PROT_WRITE gives none back, a write fault does."""
    assert record("6.6", protect_nothing, [PRIVATE]).text == "S0-1 [P~0] E0-1 C0-1 X0-1"
    found = record("6.6", protect_writable, [Page(1, READ_ONLY, vma=READ_ONLY)])
    assert found.text == "S0-1 E0-1"
    assert found.state["mm.vma"] == [3]


def test_an_entry_of_prot_none_becomes_readable() -> None:
    """mprotect back from PROT_NONE makes the entry readable, and counts as a change; from 5.19 on
    x86 knows that nobody can have it cached."""
    found = record("5.18", protect_writable, [Page(1, PROT_NONE, vma=PROT_NONE)])
    assert found.text == "S0-1 [P^0] X0-1 E0-1 C0-1"
    found = record("6.6", protect_writable, [Page(1, PROT_NONE, vma=PROT_NONE)])
    assert found.text == "S0-1 [P^0] E0-1"


@pytest.mark.parametrize("kernel", KERNELS)
def test_exit_sends_nothing(kernel: str) -> None:
    """Row 2: release has unhooked everybody; what is left is to drop the pages."""
    found = record(kernel, leave, [PRIVATE, SHARED])
    assert found.text == "[P-0 R1] [P-1]"
    assert found.state["mm.vma"] == [0, 0]


@pytest.mark.parametrize(
    ("function", "kernel", "expected"),
    [
        (munmap, "4.19", "w S0-1 P-0 E0-1 U0 C0-1 X0-1 R1 T0 ."),
        (munmap, "4.20", "w r S0-1 P-0 E0-1 U0 C0-1 X0-1 R1 T0 ."),
        (munmap, "6.6", "w r S0-1 P-0 E0-1 U0 C0-1 X0-1 R1 T0 ."),
        (mmap, "6.6", "w S0-1 P-0 E0-1 U0 C0-1 X0-1 R1 T0 ."),
        (madvise_dontneed, "6.6", "r S0-1 P-0 E0-1 C0-1 X0-1 R1 ."),
        (mprotect, "6.6", "w S0-1 P~0 E0-1 C0-1 X0-1 ."),
        (fork, "6.6", "w S0-1 P~0 E0-1 C0-1 X0-1 ."),
        (read_fault, "6.6", "r ."),
        (leave, "6.6", "w P-0 R1 ."),
    ],
)
def test_mmap_lock(function: Callable[..., None], kernel: str, expected: str) -> None:
    """Column `Locks at S`: munmap zaps with the lock downgraded from 4.20 on, and not before."""
    text = record(kernel, function, [PRIVATE], choices=(0,), locks=True).text
    if kernel == "4.19":
        expected = expected.replace("E0-1", "X0-1 E0-1")
    if kernel == "4.20":
        expected = expected.replace("E0-1", "X0-1 E0-1")
    assert text.replace("[", "").replace("]", "") == expected


@pytest.mark.parametrize(
    ("kernel", "expected"),
    [
        ("6.4", "S1-2 [P-1 C1-2 X1-2 N1 P+1] E1-2"),
        ("6.4+short_circuit", "S1-2 [P-1 C1-2 X1-2 N1 P+1] E1-2"),
        ("6.4+tlb_notifier", "S1-2 [P-1 C1-2 X1-2 N1 P+1] E1-2"),
    ],
)
def test_proposals_and_copies(kernel: str, expected: str) -> None:
    """Row 11 is the same; under tlb_notifier X comes from the architecture's flush."""
    assert record(kernel, write_fault, [PRIVATE, SHARED], choices=(1,)).text == expected


@pytest.mark.parametrize(
    ("kernel", "expected"),
    [
        ("6.4", "S0-2 [P-0] [P-1] X0-2 E0-2 [U0] C0-2 X0-2 R1 T0"),
        ("6.4+tlb_notifier", "S0-2 [P-0] [P-1] E0-2 [U0] C0-2 X0-2 R1 T0"),
    ],
)
def test_tlb_notifier_has_no_flush_point_at_end(kernel: str, expected: str) -> None:
    """B11 is gone: one X for each C, as in 6.6."""
    assert record(kernel, munmap, [PRIVATE, SHARED]).text == expected


def test_part_of_an_address_space() -> None:
    """An operation on a range leaves the rest, and the table somebody still needs."""
    pages = [Page(1), Page(2), Page(3)]
    found = record("6.6", munmap, pages, range=PageRange(1, 3))
    assert found.text == "S1-3 [P-1] [P-2] E1-3 [U1] C1-3 X1-3 R3 R2 T1"
    assert found.state["mm.table"] == [1, 0]
