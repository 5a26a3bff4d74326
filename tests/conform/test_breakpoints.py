"""Breakpoints and the rarer ways of files: the model against recorded programs, and what each rule
of them says."""

from __future__ import annotations

from errno import EFAULT, EINVAL, EIO, ENOENT
from pathlib import Path

import pytest

from shootdown.conform.compare import compare
from shootdown.conform.machine import Machine
from shootdown.live.programs import read_programs

from .performing import perform, told

RECORDED = Path(__file__).parent / "data" / "breakpoints.jsonl"
TEXT = ("mmap_private", 0, 8, "r", 0)


@pytest.fixture(scope="module")
def machine() -> Machine:
    """Compiled once."""
    return Machine()


def test_recorded_programs(machine: Machine) -> None:
    """Everything of 24 programs of the profile `probe`, each performed to its end."""
    recordings = list(read_programs(RECORDED))
    assert len(recordings) == 24
    sites = {site for each in recordings for observed in each.observed for site in observed.sites}
    assert {"uprobe_write", "do_wp_page"} <= sites
    for recording in recordings:
        found = compare(recording.program, machine.perform(recording.program), recording.observed)
        assert found is None, found


def test_setting_one_breaks_copy_on_write(machine: Machine) -> None:
    """Where nothing was mapped there is nothing to announce; a page of the file is replaced."""
    *_, absent, _, _, present = perform(
        machine, TEXT, ("uprobe", 2), ("uprobe_end",), ("read", 4, 1), ("uprobe", 4)
    )
    assert absent.ranges == ()
    assert absent.state.pages == ((2, 3, "PX"),)
    assert told(present) == [(4, 5, "do_wp_page")]
    assert (4, 5, "PX") in present.state.pages


def test_taking_one_away_is_announced_and_the_page_may_stay(machine: Machine) -> None:
    """Its page waits to become active, so somebody refers to it; one that is locked does not."""
    *_, waiting = perform(machine, TEXT, ("uprobe", 2), ("uprobe_end",))
    assert told(waiting) == [(2, 3, "uprobe_write")]
    assert waiting.state.pages == ((2, 3, "PX"),)
    *_, locked = perform(machine, TEXT, ("uprobe", 2), ("mlock", 0, 8), ("uprobe_end",))
    assert told(locked) == [(2, 3, "uprobe_write")]
    assert locked.state.pages == ((0, 8, "PFX"),)


def test_a_page_that_differs_from_the_file_stays(machine: Machine) -> None:
    """A hole was punched under it: there is nothing to compare it with."""
    *_, done = perform(
        machine, TEXT, ("uprobe", 2), ("mlock", 0, 8), ("punch", 2, 1), ("uprobe_end",)
    )
    assert told(done) == [(2, 3, "uprobe_write")]
    assert (2, 3, "PX") in done.state.pages


def test_a_vma_with_new_ends_gets_it_again(machine: Machine) -> None:
    """uprobe_mmap(), where the VMA is split and what it maps has gone; before the range is
    unmapped, and in the part that goes as well."""
    *_, split = perform(
        machine, TEXT, ("uprobe", 2), ("madvise", 0, 8, "DONTNEED"), ("mprotect", 6, 1, "none")
    )
    assert (2, 3, "PX") in split.state.pages
    *_, unmapped = perform(
        machine,
        TEXT,
        ("uprobe", 2),
        ("madvise", 0, 8, "DONTNEED"),
        ("read", 2, 1),
        ("munmap", 1, 3),
    )
    assert told(unmapped) == [(2, 3, "do_wp_page"), (1, 4, "unmap_vmas")]


def test_every_mapping_gets_it_the_last_one_first(machine: Machine) -> None:
    """build_map_info() turns the order of i_mmap round; what may be written gets none."""
    *_, done = perform(
        machine,
        TEXT,
        ("mmap_private", 8, 4, "r", 1),
        ("mmap_private", 12, 3, "rw", 2),
        ("read", 0, 16),
        ("read", 8, 4),
        ("read", 12, 3),
        ("uprobe", 2),
    )
    assert told(done) == [(9, 10, "do_wp_page"), (2, 3, "do_wp_page")]


def test_what_fork_shared_is_copied_first(machine: Machine) -> None:
    """Even if nobody else has it any more, as it waits in a list."""
    *_, closed = perform(machine, TEXT, ("uprobe", 2), ("fork",), ("child_exit",), ("uprobe_end",))
    assert told(closed) == [
        (2, 3, "uprobe_write"),
        (2, 3, "do_wp_page"),
        (2, 3, "uprobe_write"),
    ]


def test_a_child_keeps_it(machine: Machine) -> None:
    """The event is a descriptor: closing it here does nothing while a child has it open."""
    *_, closed, mapped = perform(
        machine, TEXT, ("uprobe", 2), ("fork",), ("uprobe_end",), ("munmap", 1, 3)
    )
    assert (closed.result, closed.ranges) == (0, ())
    assert told(mapped) == [(2, 3, "do_wp_page"), (1, 4, "unmap_vmas")]


def test_each_split_looks_for_it(machine: Machine) -> None:
    """Twice, where both ends are inside: its page is active then, and nothing holds it."""
    *_, waiting = perform(
        machine, TEXT, ("uprobe", 2), ("madvise", 0, 8, "COLD"), ("mprotect", 2, 6, "none"),
        ("uprobe_end",),
    )  # fmt: skip
    assert (2, 3, "PX") in waiting.state.pages
    *_, active = perform(
        machine, TEXT, ("uprobe", 2), ("madvise", 0, 8, "COLD"), ("mprotect", 2, 1, "none"),
        ("uprobe_end",),
    )  # fmt: skip
    assert (2, 3, "PFX") in active.state.pages


def test_where_there_can_be_none(machine: Machine) -> None:
    """Behind the end of the file; at the end of it, if it is mapped; and none to take away."""
    *_, behind, at_end, none = perform(
        machine, TEXT, ("ftruncate", 4), ("uprobe", 5), ("uprobe", 4), ("uprobe_end",)
    )
    assert [behind.result, at_end.result, none.result] == [-EINVAL, -EIO, -ENOENT]


def test_behind_the_end_of_a_disk_file(machine: Machine) -> None:
    """A fault there maps the last page of the file around it only if there is a page table; and
    there is nothing to take away."""
    *_, without = perform(machine, ("mmap_disk_shared", 0, 8, "rw", 15), ("read", 1, 1))
    assert (without.result, without.state.pages) == (-EFAULT, ())
    *_, table = perform(
        machine,
        ("mmap_anon", 12, 1, "rw"),
        ("write", 12, 1),
        ("mmap_disk_shared", 0, 8, "rw", 15),
        ("read", 1, 1),
    )
    assert (table.result, table.state.pages) == (-EFAULT, ((0, 1, "PFX"), (12, 13, "PX")))
    *_, removed, nothing = perform(
        machine,
        ("mmap_disk_shared", 0, 8, "rw", 12),
        ("madvise", 0, 8, "REMOVE"),
        ("madvise", 4, 4, "REMOVE"),
    )
    assert told(removed) == [(0, 4, "zap_page_range_single_batched")]
    assert (nothing.result, nothing.ranges) == (0, ())
