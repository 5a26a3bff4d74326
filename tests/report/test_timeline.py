"""Counterexamples drawn as races."""

from __future__ import annotations

from dataclasses import replace

import pytest

from report.records import START, naive, step
from shootdown.report.paint import Paint
from shootdown.report.rows import Again, Aside, Row, make_rows
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


def aside(*relevant: bool) -> Counterexample:
    """The run of `naive`, with steps 1 to n mattering or not; the rest matters."""
    steps = list(naive().steps)
    for number, matters in enumerate(relevant, 1):
        steps[number] = replace(steps[number], relevant=matters)
    return replace(naive(), steps=tuple(steps))


def test_steps_that_do_not_matter_are_counted() -> None:
    """Two or more in a row become one line in the column of their actor."""
    shown = text(aside(False, False, False))
    assert "... 3 steps of task0 that do not matter\n" in shown
    assert "self.device.flush" not in shown
    assert "zap_page_range()" not in shown
    assert "self.mm.pte[page] = EMPTY" in shown
    turns = "\n".join(draw("munmap", aside(False, False, False), Paint(False, 72)))
    assert "    ... 3 steps of task0 that do not matter\n[Time 2] device0\n" in turns


def test_all_steps_on_demand() -> None:
    """Nothing is left out, and it is the picture of a run in which all steps matter."""
    lines = draw("munmap", aside(False, False, False), Paint(False, 100), every_step=True)
    assert "\n".join(lines) + "\n" == TWO_COLUMNS


@pytest.mark.parametrize(
    ("relevant", "asides"),
    [
        ((True, True, True), []),
        ((True, False, True), []),
        ((False, False, True), [Aside("task0", 2)]),
        ((True, True, True, False, True), []),
        ((False, True, False), []),
    ],
)
def test_a_line_is_only_traded_for_more_than_one(
    relevant: tuple[bool, ...], asides: list[Aside]
) -> None:
    """A single row stays; what matters never goes."""
    rows = make_rows(aside(*relevant).steps)
    assert [row for row in rows if isinstance(row, Aside)] == asides
    shown = [row.step for row in rows if isinstance(row, Row)]
    assert [s for s in aside(*relevant).steps[1:] if s.relevant and s not in shown] == []


def test_a_line_matters_if_one_of_its_steps_does() -> None:
    """Rows are made before they are judged."""
    first = replace(step("task0", "a.py:1", "f", "n += 1"), relevant=False)
    second = step("task0", "a.py:1", "f", "n += 1", Change("n", "0", "1"))
    [row] = make_rows((first, second))
    assert isinstance(row, Row)
    assert (row.steps, row.step.relevant) == (2, True)


def test_what_was_written_in_vain() -> None:
    """Shown where nothing changed; neighbours share a line; a lock that is dropped is no change."""
    vain = (Reading("device0.tlb[0]", "none"), Reading("device0.tlb[1]", "none"))
    flush = replace(step("task0", "a.py:1", "f", "flush(range)"), unchanged=vain)
    drop = replace(flush, changes=(Change("mm.lock", "held by task0", "free"),))
    fill = replace(flush, changes=(Change("mm.n", "0", "1"),))
    for only, told in ((flush, True), (drop, True), (fill, False)):
        shown = text(replace(naive(), steps=(only, *naive().steps[4:])))
        assert ("device0.tlb[0..1]: none (unchanged)\n" in shown) is told


def test_what_a_line_changed_was_not_in_vain() -> None:
    """Two steps at one line: what the second changed is left out of what the first did not."""
    vain = (Reading("n", "0"), Reading("m", "0"))
    first = replace(step("task0", "a.py:1", "f", "n += 1"), unchanged=vain)
    second = step("task0", "a.py:1", "f", "n += 1", Change("n", "0", "1"))
    [row] = make_rows((first, second))
    assert isinstance(row, Row)
    assert row.step.unchanged == (Reading("m", "0"),)


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
