"""Device migration and exclusive access: their order, generation by generation."""

from __future__ import annotations

import pytest

from shootdown.lang.declare import PageRange
from shootdown.linux.device_memory import DeviceMemory
from shootdown.linux.memory import ZERO_FRAME
from shootdown.linux.operations.device_exclusive import make_device_exclusive
from shootdown.linux.operations.fault import read_fault, write_fault
from shootdown.linux.operations.madvise_dontneed import madvise_dontneed
from shootdown.linux.operations.migrate_vma import migrate_vma
from shootdown.linux.swapops import DEVICE_EXCLUSIVE, DEVICE_PRIVATE
from shootdown.linux.task import Task
from shootdown.program.kind import READ_ONLY, READ_WRITE, make_pte

from .recording import Page, record

PRIVATE, SHARED = Page(1), Page(2, READ_ONLY, references=2)
ABSENT, ZERO = Page(), Page(ZERO_FRAME, READ_ONLY)


def take(task: Task, range: PageRange) -> None:
    """make_device_exclusive() of every page of the range"""
    for page in range:
        make_device_exclusive(task.mm, page, None)


@pytest.mark.parametrize(
    ("kernel", "expected"),
    [
        ("4.14", "S0-2 [P-0 P-1] C0-2 X0-2 E0-2 [P+1] R1"),
        ("5.18", "S0-2 [P-0 P-1] C0-2 X0-2 E0-2 [P+1] R1"),
        ("5.19", "S0-2 [P-0 C0-1 P-1] C0-2 X0-2 E0-2 [P+1] R1"),
        ("6.1", "S0-2 [P-0 C0-1 P-1 C0-2] X0-2 E0-2 [P+1] R1"),
        ("6.6", "S0-2 [P-0 C0-1 X0-1 P-1 C0-2 X0-2] E0-2 [P+1] R1"),
        ("6.19", "S0-2 [P-0 C0-1 X0-1 P-1 C0-2 X0-2] E0-2 [P+1] R1"),
    ],
)
def test_collect(kernel: str, expected: str) -> None:
    """Row 16: one range, flushed inside; an exclusive page at once from 5.19 on. What others have
    too is put back."""
    found = record(kernel, migrate_vma, [PRIVATE, SHARED], parts=(DeviceMemory,))
    assert found.text == expected
    assert found.state["swap_entries.kind"] == [DEVICE_PRIVATE, 0]
    assert found.state["swap_entries.entry"] == [make_pte(4, READ_WRITE), 0]


@pytest.mark.parametrize(
    ("kernel", "expected"),
    [
        ("4.14", "S0-3 X0-3 E0-3 S1-3 [P-2 C2-3 X2-3] X1-3 E1-3"),
        ("4.15", "S0-3 X0-3 E0-3 S1-3 [P-2 C2-3 X2-3] E1-3"),
        ("6.6", "S0-3 E0-3 S1-3 [P-2 C2-3 X2-3] E1-3"),
        ("6.19", "S0-3 E0-3 S1-3 [P-2 C2-3 X2-3] E1-3"),
    ],
)
def test_insert(kernel: str, expected: str) -> None:
    """Row 17: from the first page that was nothing to the end; the zero page is cleared and
    flushed first, and what is on a device already stays."""
    found = record(
        kernel,
        migrate_vma,
        [ABSENT, ABSENT, ZERO],
        parts=(DeviceMemory,),
        state={
            "swap_entries.kind": [DEVICE_PRIVATE, 0, 0],
            "swap_entries.entry": [make_pte(3, READ_WRITE), 0, 0],
        },
    )
    assert found.text == expected
    assert found.state["swap_entries.kind"] == [DEVICE_PRIVATE] * 3
    assert found.state["device_memory.locked"] == [0, 0, 0]


@pytest.mark.parametrize(
    ("kernel", "expected"),
    [("4.14", "S0-1 X0-1 E0-1 [P+0] R1"), ("6.6", "S0-1 E0-1 [P+0] R1")],
)
def test_back_to_memory(kernel: str, expected: str) -> None:
    """Row 16 for one page: nothing was present, so nothing is flushed."""
    for function in (read_fault, write_fault):
        found = record(
            kernel,
            function,
            [Page(1, references=1)],
            choices=(0,),
            parts=(DeviceMemory,),
            state={
                "swap_entries.kind": [DEVICE_PRIVATE],
                "swap_entries.entry": [make_pte(1, READ_WRITE)],
                "mm.pte": [0],
            },
        )
        assert found.text == expected
        assert found.state["mm.pte"] == [make_pte(4, READ_WRITE)]
        assert found.state["swap_entries.kind"] == [0]


@pytest.mark.parametrize(
    ("kernel", "expected"),
    [
        ("5.14", "S0-1 [P-0 C0-1] X0-1 E0-1"),
        ("6.6", "S0-1 [P-0 C0-1 X0-1] E0-1"),
        ("6.19", "S0-1 [P-0 C0-1 X0-1] E0-1"),
    ],
)
def test_exclusive(kernel: str, expected: str) -> None:
    """Row 18: one page, flushed under the lock; the page stays where it is."""
    found = record(kernel, take, [PRIVATE], parts=(DeviceMemory,))
    assert found.text == expected
    assert found.state["swap_entries.kind"] == [DEVICE_EXCLUSIVE]
    assert found.state["memory.refcount"][1] == 1


def test_exclusive_breaks_sharing_first() -> None:
    """Row 18: a page that others have is copied by a write fault."""
    found = record("6.18", take, [SHARED], parts=(DeviceMemory,))
    assert found.text == "S0-1 [P-0 C0-1 X0-1 P+0] E0-1 S0-1 [P-0 C0-1 X0-1] E0-1"


@pytest.mark.parametrize(
    ("kernel", "expected"), [("5.14", "S0-1 [P+0] X0-1 E0-1"), ("6.18", "S0-1 [P+0] E0-1")]
)
def test_no_longer_exclusive(kernel: str, expected: str) -> None:
    """Row 19: announced, though nothing is taken away from the page table."""
    found = record(
        kernel,
        read_fault,
        [Page(1)],
        choices=(0,),
        parts=(DeviceMemory,),
        state={
            "swap_entries.kind": [DEVICE_EXCLUSIVE],
            "swap_entries.entry": [make_pte(1, READ_WRITE)],
            "mm.pte": [0],
        },
    )
    assert found.text == expected


def test_zapping_what_is_not_present() -> None:
    """Row 3: pages of a device are dropped with the rest; there is nothing to flush."""
    found = record(
        "6.18",
        madvise_dontneed,
        [Page(1), Page(2)],
        parts=(DeviceMemory,),
        state={
            "swap_entries.kind": [DEVICE_PRIVATE, DEVICE_EXCLUSIVE],
            "swap_entries.entry": [make_pte(1, READ_WRITE), make_pte(2, READ_WRITE)],
            "mm.pte": [0, 0],
        },
    )
    assert found.text == "S0-2 [R1] [R2] E0-2"
