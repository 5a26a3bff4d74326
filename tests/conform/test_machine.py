"""The model that performs programs does what a kernel did, as recorded."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from shootdown.conform.compare import compare
from shootdown.conform.machine import Machine
from shootdown.conform.model import UnsupportedOperationError
from shootdown.conform.place import PlaceError
from shootdown.live.generate import BASE, GIGABYTE
from shootdown.live.programs import Observed, Operation, Program, Recording, read_programs

RECORDED = Path(__file__).parent.parent / "live" / "data" / "linux-6.18.jsonl"
BLOCK = 512
PAGE = 4096


@pytest.fixture(scope="module")
def machine() -> Machine:
    """Compiled once."""
    return Machine()


def recordings() -> Iterator[Recording]:
    """The 40 programs."""
    return read_programs(RECORDED)


def perform(machine: Machine, *operations: Operation, base: int = BASE) -> tuple[Observed, ...]:
    """On a region of two blocks of 2 MiB and a page."""
    return machine.perform(Program(0, "test", base, 2 * BLOCK + 1, operations))


def test_recorded_programs(machine: Machine) -> None:
    """Results, ranges in order with their sites, mappings and pages of all 40."""
    for recording in recordings():
        found = compare(recording.program, machine.perform(recording.program), recording.observed)
        assert found is None, found


def test_nothing_is_left_of_an_earlier_program(machine: Machine) -> None:
    """In any order, and again."""
    programs = [recording.program for recording in recordings()][:12]
    forwards = [machine.perform(program) for program in programs]
    backwards = [machine.perform(program) for program in reversed(programs)]
    assert forwards == backwards[::-1]


def test_vmas_split_and_merge_as_their_traits_say(machine: Machine) -> None:
    """mprotect back and forth joins what nobody wrote to; two anon_vmas stay two."""
    *_, last = perform(
        machine,
        ("mmap_anon", 0, 30, "rw"),
        ("mprotect", 10, 10, "r"),
        ("mprotect", 10, 10, "rw"),
    )
    assert [vma[:2] for vma in last.state.vmas] == [(0, 30)]
    *_, last = perform(
        machine,
        ("mmap_anon", 0, 10, "rw"),
        ("write", 0, 1),
        ("mmap_anon", 20, 10, "rw"),
        ("write", 20, 1),
        ("mmap_anon", 10, 10, "rw"),
    )
    assert [vma[:2] for vma in last.state.vmas] == [(0, 20), (20, 30)]


def test_a_boundary_inside_a_block_announces_the_block(machine: Machine) -> None:
    """live-kernel notes, section 4: even without a huge page, as soon as anything is mapped in the
    same 1 GiB; not before."""
    whole = ("mmap_anon", 0, 2 * BLOCK, "rw")
    cut = ("madvise", 10, 10, "DONTDUMP")
    assert perform(machine, whole, cut)[-1].ranges == ()
    touched = perform(machine, whole, ("write", BLOCK, 1), cut)[-1]
    assert touched.ranges == ((0, BLOCK),)
    assert touched.sites == ("__split_huge_pmd",)


def test_tables_of_a_gigabyte_come_and_go(machine: Machine) -> None:
    """mprotect is silent where nothing has a table, and again when all is unmapped."""
    base = BASE + GIGABYTE - BLOCK * PAGE
    found = perform(
        machine,
        ("mmap_anon", 0, 2 * BLOCK, "rw"),
        ("mprotect", 0, 2 * BLOCK, "r"),
        ("read", BLOCK + 3, 1),
        ("mprotect", 0, 2 * BLOCK, "rw"),
        ("munmap", BLOCK, BLOCK),
        ("mprotect", 0, BLOCK, "r"),
        base=base,
    )
    assert [each.ranges for each in found[1:]] == [
        (), (), ((BLOCK, 2 * BLOCK),), ((BLOCK, 2 * BLOCK),), (),
    ]  # fmt: skip


def test_a_child_shares_until_somebody_writes(machine: Machine) -> None:
    """The child's own copy tells the parent nothing; then the parent's page is exclusive again."""
    found = perform(
        machine,
        ("mmap_anon", 0, 2, "rw"),
        ("write", 0, 2),
        ("fork",),
        ("child_write", 0, 1),
        ("write", 0, 2),
        ("child_exit",),
        ("child_exit",),
    )
    assert found[2].ranges == ((0, 2),)
    assert found[3].ranges == ()
    assert found[3].state.pages == ((0, 1, "PX"), (1, 2, "P"))
    assert found[4].ranges == ((1, 2),)
    assert found[6].result == -3


def test_mappings_that_move_away_leave_nothing(machine: Machine) -> None:
    """Where the kernel chooses: the old range twice, and the page is seen no more."""
    found = perform(
        machine,
        ("mmap_anon", 0, 8, "rw"),
        ("write", 0, 8),
        ("mremap", 0, 4, 5, 1, -1),
    )[-1]
    assert found.ranges == ((0, 4), (0, 4))
    assert found.sites == ("move_page_tables", "unmap_vmas")
    assert found.state.pages == ((4, 8, "PX"),)


def test_what_is_not_modelled_is_said(machine: Machine) -> None:
    """With the number of the operation."""
    with pytest.raises(UnsupportedOperationError) as caught:
        perform(machine, ("mmap_anon", 0, 8, "rw"), ("no_such_call", 0, 8))
    assert caught.value.number == 1


@pytest.mark.parametrize("base", [BASE - PAGE, BASE + 1, BASE + 5 * GIGABYTE])
def test_regions_lie_where_the_model_has_pages(machine: Machine, base: int) -> None:
    """Near the beginning, or around the end of the first 1 GiB."""
    with pytest.raises(PlaceError):
        perform(machine, ("mmap_anon", 0, 8, "rw"), base=base)
