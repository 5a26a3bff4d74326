"""Races of random programs: exactly those that trying everything by hand finds."""

from __future__ import annotations

from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import shootdown

from .race_oracle import Op, Race, races, source

SIMPLE = [
    Op("x = self.a", "read", "a"),
    Op("self.a = True", "write", "a", value=1),
    Op("self.a = False", "write", "a"),
    Op("x = READ_ONCE(self.a)", "marked read", "a"),
    Op("WRITE_ONCE(self.a, True)", "marked write", "a", value=1),
    Op("x = xchg(self.a, True)", "atomic", "a", value=1),
    Op("x = self.b", "read", "b"),
    Op("self.b = False", "write", "b"),
    Op("WRITE_ONCE(self.i, 1)", "marked write", "i", value=1),
    Op("self.i = 0", "write", "i"),
    Op("x = self.cells[0]", "read", "cells", 0),
    Op("self.cells[1] = True", "write", "cells", 1, 1),
    Op("x = self.at", "read", "at"),
    Op("self.at = True", "write", "at", value=1),
    Op("self.hardware()", "hardware"),
]
BLOCKS = {
    "mutex": "with self.mutex:",
    "rw read": "with self.rw.read():",
    "rw write": "with self.rw.write():",
}


def block(first: Op, body: list[list[Op]]) -> list[Op]:
    """An operation and the operations inside it."""
    inside = [op for ops in body for op in ops]
    return [Op(first.text, first.kind, first.name, skip=len(inside)), *inside]


def indexed(verb: str) -> list[Op]:
    """An index is read, then the element it names is touched."""
    read = Op("j = self.i", "read", "i")
    if verb == "read":
        return [read, Op("x = self.cells[j]", "read", "cells", None)]
    return [read, Op("self.cells[j] = True", "write", "cells", None, 1)]


flat = st.one_of(
    st.sampled_from(SIMPLE).map(lambda op: [op]), st.sampled_from(["read", "write"]).map(indexed)
)
condition = st.sampled_from([Op("if self.a:", "branch", "a"), Op("if self.b:", "branch", "b")])
branch = st.builds(block, condition, st.lists(flat, min_size=1, max_size=2))
locks = st.sampled_from([Op(text, kind) for kind, text in BLOCKS.items()])
locked = st.builds(block, locks, st.lists(st.one_of(flat, branch), min_size=1, max_size=2))
thread = st.lists(st.one_of(flat, flat, branch, locked), min_size=1, max_size=3).map(
    lambda blocks: [op for ops in blocks for op in ops]
)
_numbers = count()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Models have to stand in files."""
    return tmp_path_factory.mktemp("races")


def found(path: Path, **options: object) -> set[Race]:
    """The races that a check reports."""
    (scenario,) = shootdown.check(f"{path}:M", races=True, **options).scenarios
    assert scenario.races is not None
    return {
        (race.what.partition("[")[0], frozenset((race.first.line, race.second.line)))
        for race in scenario.races
    }


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(threads=st.lists(thread, min_size=2, max_size=3))
def test_random_programs(folder: Path, threads: list[list[Op]]) -> None:
    """The same races as by hand: merged and not, compiled and interpreted."""
    text, lines = source(threads)
    path = folder / f"model{next(_numbers)}.py"
    path.write_text(text, encoding="utf-8")
    expected = races(threads, lines)
    assert found(path) == expected
    assert found(path, engine="python", merge=False) == expected
