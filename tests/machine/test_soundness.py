"""A sabotaged machine never says that a model holds which it has not seen to its end.

`docs/soundness.md` has the list of what could go wrong. Each sabotage here is one of them, made by
hand: either the result is the right one all the same, or there is none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

import pytest

from shootdown.machine.checkpoint import Checkpoint, CheckpointError
from shootdown.machine.native import bfs, control, emit, loops, phases, table, team
from shootdown.machine.native.bfs import Arrays
from shootdown.machine.native.compiled import Shape, Word, Words, compiled, inlined
from shootdown.machine.native.phases import Shared
from shootdown.machine.native.primitives import unsigned
from shootdown.machine.native.search import NativeSearch
from shootdown.machine.result import Limits, SearchResult, UnsoundError
from shootdown.machine.search import PythonSearch, search
from shootdown.program.operation import Arithmetic

from . import programs
from .test_team import without_cost

PROGRAM = programs.big(2, 2, 4)
STATES = 3633


@pytest.fixture
def fresh(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[pytest.MonkeyPatch]:
    """Compiled code is made anew from what the test has put in its place, and not kept."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    loops.load_loops.cache_clear()
    yield monkeypatch
    loops.load_loops.cache_clear()


def run(workers: int = 1, limits: Limits | None = None) -> SearchResult:
    """A search shared from the first level on."""
    with NativeSearch(PROGRAM, limits or Limits(), workers=workers, grain=1) as native:
        return native.run()


def assert_right(result: SearchResult) -> None:
    """What the reference says."""
    assert without_cost(result) == without_cost(PythonSearch(PROGRAM, Limits()).run())


# --- hash collisions, full tables ---------------------------------------------------------------


@inlined
def same_hash(state: int, shape: Shape) -> Word:
    """The worst of all hashes."""
    return unsigned(12345)


@pytest.mark.parametrize("workers", [1, 3])
def test_hash_collisions_change_nothing(fresh: pytest.MonkeyPatch, workers: int) -> None:
    """All states have the same hash: whole states are compared, so the set is exact."""
    for module in (table, bfs, phases, team):
        if hasattr(module, "hash_of"):
            fresh.setattr(module, "hash_of", same_hash)
    assert_right(run(workers))


@pytest.mark.parametrize("short", [0, 1])
def test_a_table_of_exactly_the_right_size(monkeypatch: pytest.MonkeyPatch, short: int) -> None:
    """Room for the last state, or for one less: then the limit on memory is met, and said."""
    monkeypatch.setattr("shootdown.machine.native.search.MOST_STATES", STATES - short)
    result = run()
    if short:
        assert (result.verdict, result.cut, result.states) == ("undecided", "memory", STATES - 1)
    else:
        assert_right(result)


# --- work that is not done ----------------------------------------------------------------------


@compiled
def survey_not_all(  # noqa: PLR0917 (as what it stands for)
    chunk: int, shape: Shape, most_found: int, c: Words, mine: Arrays, s: Shared, b: Words
) -> None:
    """Does nothing for one of the chunks."""
    if chunk != 1:
        honest_survey(chunk, shape, most_found, c, mine, s, b)


@compiled
def append_not_all(chunk: int, shape: Shape, a: Arrays, s: Shared, b: Words) -> None:
    """Does nothing for one of the chunks."""
    if chunk != 1:
        honest_append(chunk, shape, a, s, b)


honest_survey, honest_append = phases.survey, phases.append


def test_a_unit_that_nobody_surveyed(fresh: pytest.MonkeyPatch) -> None:
    """Its block is not plain, so the leader expands it alone."""
    fresh.setattr(team, "survey", survey_not_all)
    assert_right(run(workers=3))


def test_a_unit_that_nobody_appended(fresh: pytest.MonkeyPatch) -> None:
    """What was found and what got a place are counted apart."""
    fresh.setattr(team, "append", append_not_all)
    with pytest.raises(UnsoundError, match="have no place in the queue"):
        run(workers=3)


def test_nobody_is_woken(fresh: pytest.MonkeyPatch) -> None:
    """Every call to wake somebody is lost: sleeps are bounded, and who is awake does the work."""
    fresh.setattr(control, "wake", wake_nobody)
    assert_right(run(workers=3))


@inlined
def wake_nobody(system_call: int, number: int, address: int) -> None:
    """Not even one."""


# --- books that do not balance ------------------------------------------------------------------


def stop_early(native: NativeSearch) -> None:
    """Says that all is done while states are left."""
    native._board[bfs.HEAD] -= 1


def lose_a_level(native: NativeSearch) -> None:
    """Thinks that the last level ends before its end."""
    native._board[bfs.LEVEL_END] -= 1


def lose_an_entry(native: NativeSearch) -> None:
    """A state that was entered is not there any more."""
    entries = native._store.table.array
    place = next(n for n, entry in enumerate(entries) if entry)
    entries[place] = 0


def enter_twice(native: NativeSearch) -> None:
    """Two entries name the same state."""
    entries, low = native._store.table.array, native._store.low
    first, second = islice((n for n, entry in enumerate(entries) if entry), 2)
    entries[second] = entries[second] & ~low | entries[first] & low


@pytest.mark.parametrize(
    ("sabotage", "told"),
    [
        (stop_early, "3633 states were found, 3632 expanded"),
        (lose_a_level, "the last level is 3632"),
        (lose_an_entry, "of 3633 states the table holds 3632"),
        (enter_twice, "of 3633 states the table holds 3633, numbered to"),
    ],
)
def test_the_books_are_checked(
    sabotage: Callable[[NativeSearch], None], told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of them makes a search that held have no result."""
    honest = NativeSearch._audit

    def audit(native: NativeSearch, seconds: float) -> None:
        sabotage(native)
        honest(native, seconds)

    monkeypatch.setattr(NativeSearch, "_audit", audit)
    with pytest.raises(UnsoundError, match=told):
        run()


def test_compiled_code_that_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some operation is compiled to another one: the model that holds has no verdict then."""
    program = programs.wrapping_counter()
    assert search(program).verdict == "holds"
    monkeypatch.setitem(emit._SIMPLE, Arithmetic.ADD, "sub")
    with pytest.raises(UnsoundError, match="compiled code and interpreter disagree"):
        search(program)


# --- numbers that are too small -----------------------------------------------------------------


def test_a_wrapped_counter_is_no_answer() -> None:
    """A counter that would wrap asks for a wider one; it never goes on with a wrong value."""
    result = search(programs.wrapping_counter(bits=1, limit=2))
    assert (result.verdict, result.rule) == ("widen", "wide enough")


@pytest.mark.parametrize("limit", [1, 2, 1000, STATES - 1])
@pytest.mark.parametrize("workers", [1, 3])
def test_a_cut_search_never_holds(limit: int, workers: int) -> None:
    """One state too few is too few."""
    result = run(workers, Limits(states=limit))
    assert (result.verdict, result.cut, result.states) == ("undecided", "states", limit)


# --- the disk -----------------------------------------------------------------------------------


def test_every_byte_of_a_checkpoint_counts(tmp_path: Path) -> None:
    """Changed anywhere, it is refused, or (in its last record, torn) what was before holds."""
    program = programs.peterson()
    path = tmp_path / "file"
    assert search(program, Limits(states=10), checkpoint=Checkpoint(path)).cut == "states"
    data = path.read_bytes()
    for place in range(len(data)):
        path.write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
        with pytest.raises(CheckpointError):
            search(program, resume=path)
