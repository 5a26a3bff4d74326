"""A comparison finds every kind of mistake, at the operation where it is, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from shootdown.conform.compare import Disagreement, compare, name_of
from shootdown.live.programs import Observed, Program, State

PROGRAM = Program(
    7,
    "anon",
    0x200000000000,
    16,
    (("mmap_anon", 0, 16, "rw"), ("mremap", 0, 4, 4, 3, 8), ("madvise", 0, 16, "FREE")),
)
AT = 1
BEFORE = Observed(0, (), (), (), State(((0, 16, "rw-p", "anon", 0),), ((0, 4, "PX"),)))
DONE = Observed(
    0,
    ((8, 12), (0, 4), (0, 4)),
    ("unmap_vmas", "move_page_tables", "unmap_vmas"),
    (("age", 1, 2),),
    State(((4, 8, "rw-p", "anon", 0), (8, 12, "rw-p", "anon", 0)), ((8, 12, "PX"),)),
)
OBSERVED = (BEFORE, DONE, DONE)


def changed(**parts: object) -> Callable[[Observed], Observed]:
    return lambda each: replace(each, **parts)  # type: ignore[arg-type]


def state(**parts: object) -> Callable[[Observed], Observed]:
    return lambda each: replace(each, state=replace(each.state, **parts))  # type: ignore[arg-type]


MISTAKES = {
    "result": (changed(result=-22), ("result",)),
    "a range missing": (
        changed(ranges=DONE.ranges[:2], sites=DONE.sites[:2]), ("ranges", "sites"),
    ),
    "a range too many": (
        changed(ranges=((0, 512), *DONE.ranges), sites=("__split_huge_pmd", *DONE.sites)),
        ("ranges", "sites"),
    ),
    "ranges out of order": (
        changed(ranges=((0, 4), (8, 12), (0, 4)), sites=(DONE.sites[1], *DONE.sites[::2])),
        ("ranges", "sites"),
    ),
    "equal ranges out of order": (
        changed(sites=("unmap_vmas", "unmap_vmas", "move_page_tables")), ("sites",),
    ),
    "a range one page too long": (changed(ranges=((8, 13), (0, 4), (0, 4))), ("ranges",)),
    "another cause": (
        changed(sites=("unmap_vmas", "change_protection", "unmap_vmas")), ("sites",),
    ),
    "no age notification": (changed(young=()), ("young",)),
    "a VMA missing": (state(vmas=DONE.state.vmas[:1]), ("vmas",)),
    "VMAs merged": (state(vmas=((4, 12, "rw-p", "anon", 0),)), ("vmas",)),
    "other permissions": (
        state(vmas=((4, 8, "r--p", "anon", 0), DONE.state.vmas[1])), ("vmas",),
    ),
    "another kind": (state(vmas=((4, 8, "rw-p", "shanon", 0), DONE.state.vmas[1])), ("vmas",)),
    "another page of the file": (
        state(vmas=((4, 8, "rw-p", "anon", 1), DONE.state.vmas[1])), ("vmas",),
    ),
    "another flag of a page": (state(pages=((8, 12, "P"),)), ("pages",)),
    "a page that is not there": (state(pages=((8, 11, "PX"),)), ("pages",)),
    "all at once": (
        lambda each: Observed(-1, (), (), (), State((), ())),
        ("result", "ranges", "sites", "young", "vmas", "pages"),
    ),
}  # fmt: skip


def test_equal() -> None:
    """No disagreement."""
    assert compare(PROGRAM, OBSERVED, OBSERVED) is None


@pytest.mark.parametrize("name", MISTAKES)
def test_every_mistake_is_found(name: str) -> None:
    """At its operation, with all fields that differ, and the program up to there."""
    mistake, fields = MISTAKES[name]
    said = (BEFORE, mistake(DONE), mistake(DONE))
    found = compare(PROGRAM, said, OBSERVED)
    program = replace(PROGRAM, operations=PROGRAM.operations[: AT + 1])
    assert found == Disagreement(program, AT, fields, said[AT], DONE, BEFORE)
    assert (found.operation, found.kind) == (PROGRAM.operations[AT], ("mremap", fields[0]))


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes_in_the_last_operation(name: str) -> None:
    """There too."""
    mistake, fields = MISTAKES[name]
    found = compare(PROGRAM, (BEFORE, DONE, mistake(DONE)), OBSERVED)
    assert found is not None
    assert (found.number, found.fields, found.kind[0]) == (2, fields, "madvise FREE")


def test_what_is_missing_is_not_compared() -> None:
    """A prediction that ends early is for the caller to know."""
    assert compare(PROGRAM, (BEFORE,), OBSERVED) is None
    assert compare(PROGRAM, (), OBSERVED) is None


def test_names() -> None:
    """Operations are counted by name, madvise by advice."""
    assert name_of(("madvise", 0, 1, "COLD")) == "madvise COLD"
    assert name_of(("munmap", 0, 1)) == "munmap"
