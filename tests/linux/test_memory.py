"""Page frames and mmu_gather."""

from __future__ import annotations

import numpy as np
import pytest

from shootdown.lang.compile import Entry, Start, compile_system
from shootdown.lang.declare import PageRange
from shootdown.lang.geometry import Geometry
from shootdown.lang.part import Part
from shootdown.lang.tables import Options
from shootdown.linux.gather import min_page
from shootdown.linux.memory import NO_FREE_FRAME, Memory
from shootdown.linux.operations.munmap import munmap
from shootdown.machine.runner import Runner

from .recording import Page, record
from .tasks import (
    allocate_four,
    count_references,
    flush_nothing,
    free_tables_of_half,
    gather_both_ends,
)


def test_frames_are_handed_out_in_order() -> None:
    """Allocation goes on where it stopped; what was freed meanwhile is not handed out again."""
    found = record("6.6", allocate_four, [Page(table=False)])
    assert found.text == "R5"
    assert found.state["memory.refcount"] == [1, 0, 0, 0, 1, 0, 1, 1]
    assert found.state["memory.cursor"] == [0]


def test_the_last_reference_frees() -> None:
    """A frame is free when its count comes to 0; the zero page is never counted."""
    found = record("6.6", count_references, [Page(1)])
    assert found.text == "R1"
    assert found.state["memory.refcount"][:2] == [1, 0]


class Hoarder(Part):
    """Takes `times` frames and gives none back."""

    def __init__(self, memory: Memory, times: int) -> None:
        self.memory = memory
        self.times = times

    def run(self) -> None:
        for _ in range(self.times):
            self.memory.alloc_page()


@pytest.mark.parametrize(("times", "without"), [(3, 0), (4, 1), (6, 3)])
def test_a_replay_wraps_and_counts_what_was_not_there(times: int, without: int) -> None:
    """Without checks the cursor comes round; an allocation that finds nothing free is counted."""
    geometry = Geometry(frames=4)
    memory = Memory(geometry, 9, recycles=True)
    memory.label = "memory"
    start = Start({(memory.refcount, 0): 1, (memory.cursor, 0): 1})
    options = Options(geometry, checked=False, counted=True)
    entry = Entry("hoarder", Hoarder(memory, times).run)
    runner = Runner(compile_system([entry], options, [start]), "python")
    space = runner.new_space()
    runner.drive(space, 0, np.zeros((1, 0), np.int64))
    assert runner.counters[NO_FREE_FRAME] == without
    assert runner.view(space, "memory.refcount")[1:].tolist() == [1, 1, 1]


def test_the_flush_covers_the_hull() -> None:
    """A gather flushes from the first page it holds to the last, and frees in reverse order."""
    pages = [Page(1), Page(), Page(2), Page(3)]
    found = record("6.6", gather_both_ends, pages)
    assert found.text == "[P-3] [P-0] C0-4 X0-4 R1 R3"
    assert found.state["memory.refcount"][:4] == [1, 0, 1, 0]


def test_an_empty_gather_does_not_flush() -> None:
    """Nothing gathered: no CPU and no device is bothered."""
    assert record("3.19", flush_nothing, [Page(1)]).text == ""


@pytest.mark.parametrize(
    ("gather", "expected"),
    [
        (1, "[P-0] C0-1 X0-1 R1 [P-1] C1-2 X1-2 R2 [P-2] C2-3 X2-3 R3 E0-3 [U0] [U1] C0-3 X0-3"),
        (2, "[P-0] [P-1] C0-2 X0-2 R2 R1 [P-2] E0-3 [U0] [U1] C0-3 X0-3 R3"),
        (3, "[P-0] [P-1] [P-2] C0-3 X0-3 R3 R2 R1 E0-3 [U0] [U1] C0-3 X0-3"),
        (4, "[P-0] [P-1] [P-2] E0-3 [U0] [U1] C0-3 X0-3 R3 R2 R1"),
    ],
)
def test_batches(gather: int, expected: str) -> None:
    """The batch decides when pages are freed; tables always wait for the flush at the end."""
    found = record("6.6", munmap, [Page(1), Page(2), Page(3)], gather=gather)
    assert found.text == f"S0-3 {expected} T0 T1"


def test_a_table_that_a_vma_needs_stays() -> None:
    """Three of four VMAs are gone: only the first table is freed."""
    found = record("6.6", free_tables_of_half, [Page(), Page(), Page(), Page()])
    assert found.text == "[U0] C0-2 X0-2 T0"
    assert found.state["mm.table"] == [0, 1]


def test_a_table_that_does_not_exist_is_not_freed() -> None:
    """Where nothing was ever populated there is nothing to unlink or flush."""
    pages = [Page(table=False), Page(table=False)]
    assert record("6.6", munmap, pages, range=PageRange(0, 2)).text == "S0-2 E0-2"


@pytest.mark.parametrize(("a", "b"), [(1, 2), (2, 1), (3, 3)])
def test_min_page(a: int, b: int) -> None:
    """The smaller of two, in Python as in the model."""
    assert min_page(a, b) == min(a, b)
