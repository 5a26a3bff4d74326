"""Counterexamples drawn as races."""

from __future__ import annotations

from dataclasses import replace

from report.records import START, naive, step
from shootdown.report.paint import Paint
from shootdown.report.rows import Again, Row, make_rows
from shootdown.report.timeline import draw
from shootdown.report.words import Names, say_start
from shootdown.scenarios.verdict import Change, Counterexample, Reading

TWO_COLUMNS = """\
At the start page 0 maps pfn 1 rw; page 1 is not present.

task0: munmap                                      device0
-------------------------------------------------  -------------------------------------------------
invalidate_range_start()
self.device.flush(range)               naive.py:9
zap_page_range()
with self.mm.page_table_lock:        gather.py:45
  pte = self.mm.pte[page]            gather.py:51
      sees pte[0]: pfn 1 rw
                                                   page, write, pte = self.issue()      device.py:72
                                                       page = 0, write = 0
                                                       tlb[0]: none → pfn 1 rw
  self.mm.pte[page] = EMPTY          gather.py:53
      pte[0]: pfn 1 rw → none
      unlocks page_table_lock
flush()
self.mm.memory.put_page(self.frames… gather.py:96
    pfn 1: refcount 1 → 0, freed
                                                   self.land(page, pte, write)          device.py:74
                                                       in_flight: true → false

This breaks freed-frame: no access to a freed page frame.
    device0 held page = 0, pte = pfn 1 rw
"""

TURNS = """\
At the start page 0 maps pfn 1 rw; page 1 is not present.

[Time 1] task0: munmap
    invalidate_range_start()
    self.device.flush(range)                                                              naive.py:9
    zap_page_range()
    with self.mm.page_table_lock:                                                 linux/gather.py:45
      pte = self.mm.pte[page]                                                     linux/gather.py:51
          sees pte[0]: pfn 1 rw
[Time 2] device0
    page, write, pte = self.issue()                                             devices/device.py:72
        page = 0, write = 0
        tlb[0]: none → pfn 1 rw
[Time 3] task0: munmap
      self.mm.pte[page] = EMPTY                                                   linux/gather.py:53
          pte[0]: pfn 1 rw → none
          unlocks page_table_lock
    flush()
    self.mm.memory.put_page(self.frames[self.count])                              linux/gather.py:96
        pfn 1: refcount 1 → 0, freed
[Time 4] device1
    self.land(page, pte, write)                                                 devices/device.py:74
        in_flight: true → false

This breaks freed-frame: no access to a freed page frame.
    device1 held page = 0, pte = pfn 1 rw
"""


def text(counterexample: Counterexample, width: int = 100) -> str:
    return "\n".join(draw("munmap", counterexample, Paint(False, width))) + "\n"


def test_two_actors_stand_side_by_side() -> None:
    """Time goes down, one column each, changes below their source line."""
    assert text(naive()) == TWO_COLUMNS


def test_three_actors_take_turns() -> None:
    """Under [Time N], with the whole width and the whole path."""
    assert text(naive(worker="device1")) == TURNS


def test_a_narrow_terminal_gets_turns() -> None:
    """Two columns of less than 40 would cut the source."""
    shown = text(naive(), width=72)
    assert "[Time 1] task0: munmap" in shown
    assert max(map(len, shown.splitlines())) <= 72


def test_no_line_is_wider_than_the_paper() -> None:
    """What does not fit is cut, with a sign that it was."""
    long = step("task0", "a.py:1", "f", "x = " + "y" * 200, Change("z" * 200, "0", "1"))
    shown = text(replace(naive(), steps=(*naive().steps, long)))
    assert max(map(len, shown.splitlines())) == 100
    assert "…" in shown


def test_colour_adds_nothing_but_colour() -> None:
    """Without its escapes, the coloured text is the plain one."""
    import re

    coloured = "\n".join(draw("munmap", naive(), Paint(True, 100))) + "\n"
    assert "\x1b[" in coloured
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == TWO_COLUMNS


def test_deadlock_ends_with_who_waits() -> None:
    """Each waiting actor on a line of its own."""
    held = ("task0 waits for a (held by device0) at a.py:1", "device0 waits for b at a.py:2")
    shown = text(replace(naive(), rule="deadlock", sentence="nobody waits for ever", held=held))
    assert shown.endswith(
        "This breaks deadlock: nobody waits for ever.\n"
        "    task0 waits for a (held by device0) at a.py:1\n"
        "    device0 waits for b at a.py:2\n"
    )


def test_steps_of_one_line_are_one_row() -> None:
    """A read and a write of `n += 1`: what changed is what changed from first to last."""
    steps = (
        step("task0", "a.py:1", "f", "n += 1", Change("n", "0", "1"), reads=(Reading("n", "0"),)),
        step("task0", "a.py:1", "f", "n += 1", Change("n", "1", "2"), reads=(Reading("n", "1"),)),
    )
    [row] = make_rows(steps)
    assert isinstance(row, Row)
    assert row.step.changes == (Change("n", "0", "2"),)
    assert row.step.reads == (Reading("n", "0"),)


def test_repetition_is_told_once() -> None:
    """A retry that comes three times is two rows and a count."""
    retry = (step("device0", "a.py:1", "f", "a()"), step("worker0", "a.py:2", "g", "b()"))
    rows = make_rows(retry * 3)
    assert [row.step.text for row in rows if isinstance(row, Row)] == ["a()", "b()"]
    assert rows[-1] == Again(2, 2)
    shown = text(replace(naive(), steps=retry * 3))
    assert "... and the last 2 lines of source 2 more times" in shown


def test_names_that_two_parts_share_stay_whole() -> None:
    """`driver.table` is not `mm.table`."""
    both = replace(naive(), start=(*START, Change("driver.table[0]", "", "pfn 1 rw")))
    names = Names(both)
    assert names.short("driver.table[0]") == "driver.table[0]"
    assert names.short("mm.pte[0]") == "pte[0]"
    assert names.short("device0.tlb[1]", "device0") == "tlb[1]"


def test_start_says_what_each_page_maps() -> None:
    """Shared frames say so, VMAs only when they are unusual, anything else as it is."""
    start = (
        Change("mm.vma[0]", "", "ro"),
        Change("mm.vma[1]", "", "rw"),
        Change("mm.pte[0]", "", "pfn 2 ro"),
        Change("memory.refcount[2]", "", "2"),
        Change("device0.tlb[0]", "", "pfn 2 ro"),
    )
    names = Names(replace(naive(), start=start))
    assert list(say_start(names, start)) == [
        "page 0 maps pfn 2 ro, 2 references in a VMA that is ro",
        "page 1 is not present",
        "device0.tlb[0]: pfn 2 ro",
    ]
