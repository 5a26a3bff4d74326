"""Small random traces: engines agree, mappings are right page by page, nothing leaks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shootdown.drivers.catalogue import DRIVERS
from shootdown.lang.declare import PageRange
from shootdown.linux.memory import ZERO_FRAME
from shootdown.linux.version import parse_version
from shootdown.program.kind import PROT_NONE as NO_ACCESS
from shootdown.program.kind import READ_ONLY, READ_WRITE
from shootdown.replay.policy import Policy
from shootdown.replay.run import _Run
from shootdown.replay.script import Command, Operation
from shootdown.traces import Call

from .calls import NONE, READ, SHARED, WRITE, mapped, moved, row, script_of

PLACES = (
    ("amd-iommu-v2", "3.18"),
    ("naive-tlb", "3.14"),
    ("invalidate-range", "4.15"),
    ("sva", "6.6"),
    ("kvm", "6.19"),
)
RIGHTS = {NONE: NO_ACCESS, READ: READ_ONLY, WRITE: READ_WRITE}
PAGES = 12
Space = dict[int, int]


@dataclass
class World:
    """A trace that makes sense, and what every page of every space allows after it."""

    calls: list[Call] = field(default_factory=list)
    spaces: dict[int, Space] = field(default_factory=lambda: {1: {}})
    born: int = 1

    def act(self, what: str, who: int, start: int, size: int, protection: int) -> None:
        """One call of one of the processes alive."""
        if not self.spaces:
            return
        pid = sorted(self.spaces)[who % len(self.spaces)]
        pages = range(start, start + size)
        getattr(self, f"_{what}")(pid, pages, protection)

    def _add(self, call: Call, pid: int) -> None:
        self.calls.append(call._replace(pid=pid, tid=pid))

    def _map(self, pid: int, pages: range, protection: int, flags: int = 2) -> None:
        self._add(mapped(pages.start, len(pages), protection, flags), pid)
        self.spaces[pid].update(dict.fromkeys(pages, RIGHTS[protection]))

    def _share(self, pid: int, pages: range, protection: int) -> None:
        self._map(pid, pages, protection, SHARED)

    def _unmap(self, pid: int, pages: range, protection: int) -> None:
        self._add(row("munmap", pages.start, len(pages)), pid)
        for page in pages:
            self.spaces[pid].pop(page, None)

    def _protect(self, pid: int, pages: range, protection: int) -> None:
        self._add(row("mprotect", pages.start, len(pages), protection=protection), pid)
        known = self.spaces[pid].keys() & set(pages)
        self.spaces[pid].update(dict.fromkeys(known, RIGHTS[protection]))

    def _drop(self, pid: int, pages: range, protection: int) -> None:
        self._add(row("madvise", pages.start, len(pages), advice=4), pid)

    def _move(self, pid: int, pages: range, protection: int) -> None:
        """To above everything else; the new place has the rights of the first page."""
        space = self.spaces[pid]
        target = 2 * PAGES + pages.start
        self._add(moved((pages.start, len(pages)), (target, len(pages))), pid)
        first = next((space[page] for page in pages if page in space), READ_WRITE)
        for page in pages:
            space.pop(page, None)
        space.update(dict.fromkeys(range(target, target + len(pages)), first))

    def _fork(self, pid: int, pages: range, protection: int) -> None:
        self.born += 1
        self._add(row("fork", child=self.born), pid)
        self.spaces[self.born] = dict(self.spaces[pid])

    def _exit(self, pid: int, pages: range, protection: int) -> None:
        self._add(row("exit_mmap"), pid)
        del self.spaces[pid]


ACTIONS = ("map", "map", "share", "unmap", "protect", "drop", "move", "fork", "exit")
actions = st.tuples(
    st.sampled_from(ACTIONS),
    st.integers(0, 3),
    st.integers(0, PAGES - 1),
    st.integers(1, 4),
    st.sampled_from([NONE, READ, WRITE, WRITE]),
)


def world_of(rows: Sequence[tuple[str, int, int, int, int]]) -> World:
    """The trace of these actions, after a first mapping."""
    world = World()
    world.act("map", 0, 0, 4, WRITE)
    for action in rows:
        world.act(*action)
    return world


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(actions, max_size=12), st.sampled_from(PLACES), st.integers(0, 3))
def test_random_scripts(
    rows: list[tuple[str, int, int, int, int]], place: tuple[str, str], working_set: int
) -> None:
    """Counts are the same in both engines, rights are those of a page-by-page model, and after
    the last exit every frame is free."""
    world = world_of(rows)
    driver, kernel = DRIVERS[place[0]], parse_version(place[1])
    policy = Policy(working_set=working_set)
    script = script_of(world.calls)
    native = _Run(script, driver, kernel, policy, "native")
    python = _Run(script, driver, kernel, policy, "python")
    for run in (native, python):
        run.all(None)
    assert native.accounts == python.accounts
    for pid, space in world.spaces.items():
        rights = native.runner.view(native.lives[pid].space, "mm.vma")
        assert {int(page): int(rights[page]) for page in np.flatnonzero(rights)} == space
        native.one(Command(pid, Operation.EXIT_MMAP, PageRange(0, 0)))
    references = native.runner.view(native.pristine, "memory.refcount")
    assert np.flatnonzero(references).tolist() == [ZERO_FRAME]
