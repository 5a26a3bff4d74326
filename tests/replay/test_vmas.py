"""The mappings of an address space, against one dictionary entry for each page."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from shootdown.program.kind import PROT_NONE, READ_ONLY, READ_WRITE
from shootdown.replay.vmas import Vma, Vmas

SIZE = 24


@dataclass(frozen=True)
class Step:
    """One change: map, unmap, or other rights."""

    what: str
    start: int
    end: int
    rights: int
    shared: bool
    written: bool


ranges = st.tuples(st.integers(0, SIZE), st.integers(0, SIZE)).filter(lambda r: r[0] < r[1])
steps = st.builds(
    lambda what, r, rights, shared, written: Step(what, r[0], r[1], rights, shared, written),
    st.sampled_from(["add", "remove", "change"]),
    ranges,
    st.sampled_from([PROT_NONE, READ_ONLY, READ_WRITE]),
    st.booleans(),
    st.booleans(),
)

Pages = dict[int, tuple[int, bool, bool]]


def apply(vmas: Vmas, step: Step) -> list[Vma]:
    """The change on the real thing."""
    if step.what == "add":
        vmas.add(Vma(step.start, step.end, step.rights, step.shared, step.written))
    elif step.what == "remove":
        vmas.remove(step.start, step.end)
    else:
        return vmas.change(step.start, step.end, step.rights, step.written)
    return []


def apply_naively(pages: Pages, step: Step) -> set[int]:
    """The change page by page, and the pages whose rights changed."""
    changed = set()
    for page in range(step.start, step.end):
        if step.what == "add":
            pages[page] = (step.rights, step.shared, step.written)
        elif step.what == "remove":
            pages.pop(page, None)
        elif page in pages and pages[page][0] != step.rights:
            _, shared, written = pages[page]
            pages[page] = (step.rights, shared, written or step.written)
            changed.add(page)
    return changed


def flat(vmas: Vmas) -> Pages:
    """Every page of every mapping."""
    return {
        page: (vma.rights, vma.shared, vma.written)
        for vma in vmas
        for page in range(vma.start, vma.end)
    }


@given(st.lists(steps, max_size=12), ranges)
def test_vmas_are_what_their_pages_are(changes: list[Step], window: tuple[int, int]) -> None:
    """Any sequence of changes: same pages, ordered, apart; clipping is exact; a copy is free."""
    vmas, pages = Vmas(), Pages()
    for step in changes:
        before, copy = list(vmas), vmas.copy()
        changed = {page for vma in apply(vmas, step) for page in range(vma.start, vma.end)}
        assert changed == apply_naively(pages, step)
        assert list(copy) == before
    assert flat(vmas) == pages
    rows = list(vmas)
    assert all(row.start < row.end for row in rows)
    assert all(a.end <= b.start for a, b in pairwise(rows))
    seen = {p for vma in vmas.overlapping(*window) for p in range(vma.start, vma.end)}
    assert seen == {page for page in pages if window[0] <= page < window[1]}


def test_change_says_what_rights_were() -> None:
    """The parts that changed, clipped, with the rights they had before."""
    vmas = Vmas()
    vmas.add(Vma(0, 4, READ_ONLY, False, False))
    vmas.add(Vma(4, 8, READ_WRITE, True, True))
    vmas.add(Vma(10, 12, PROT_NONE, False, False))
    assert vmas.change(2, 11, READ_WRITE, True) == [
        Vma(2, 4, READ_ONLY, False, False),
        Vma(10, 11, PROT_NONE, False, False),
    ]
    assert list(vmas) == [
        Vma(0, 2, READ_ONLY, False, False),
        Vma(2, 4, READ_WRITE, False, True),
        Vma(4, 8, READ_WRITE, True, True),
        Vma(10, 11, READ_WRITE, False, True),
        Vma(11, 12, PROT_NONE, False, False),
    ]
