"""Threads of a search have processors of their own, and nobody else is affected."""

from __future__ import annotations

import os
import threading

import pytest

from shootdown.machine.native import crew, places
from shootdown.machine.native.search import NativeSearch
from shootdown.machine.result import Limits

from . import programs

PAIRS = {0: "a", 1: "a", 2: "b", 3: "b"}
"""two cores of two processors"""


@pytest.mark.parametrize(
    ("workers", "among", "first", "chosen"),
    [
        (1, {0, 1, 2, 3}, 0, [0]),
        (2, {0, 1, 2, 3}, 0, [0, 2]),
        (2, {0, 1, 2, 3}, 3, [3, 0]),
        (3, {0, 1, 2, 3}, 1, [1, 2, 3]),
        (4, {0, 1, 2, 3}, 2, [2, 0, 3, 1]),
        (2, {1, 2}, 2, [2, 1]),
        (2, {0, 1}, 0, [0, 1]),
        (3, {1, 2}, 1, []),
        (2, {5, 7, 9}, 6, [7, 9]),
    ],
)
def test_cores_before_their_second_processors(
    workers: int, among: set[int], first: int, chosen: list[int]
) -> None:
    """From where the leader is; no processor twice; nothing where they do not suffice."""
    assert list(places.choose(workers, frozenset(among), first, PAIRS)) == chosen


def run() -> None:
    """A search shared from the first level on."""
    with NativeSearch(programs.big(2, 2, 4), Limits(), workers=2, grain=1) as native:
        assert native.run().states == 3633


@pytest.mark.skipif(len(places.allowed()) < 2, reason="one processor is not enough for two")
def test_everybody_is_tied_and_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two threads on two processors while the crew lives; afterwards the leader is as it was."""
    before = os.sched_getaffinity(0)
    ties: dict[str, set[int]] = {}

    def tie(to: places.Places) -> None:
        places.tie(to)
        ties.setdefault(threading.current_thread().name, set(os.sched_getaffinity(0)))

    monkeypatch.setattr(crew, "tie", tie)
    run()
    assert os.sched_getaffinity(0) == before
    one, two = ties.values()
    assert len(one) == len(two) == 1
    assert one != two


def test_a_system_that_forbids_it_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """The search goes on wherever the system puts it."""

    def forbid(*given: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "sched_setaffinity", forbid)
    run()
    monkeypatch.setattr(os, "sched_getaffinity", forbid)
    run()
