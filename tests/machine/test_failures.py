"""What a search does when something under it fails: it never says that a model holds."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from shootdown.machine import execution
from shootdown.machine.execution import EndlessStepError
from shootdown.machine.native import control, packed, store
from shootdown.machine.native.arena import Arena
from shootdown.machine.native.crew import Crew
from shootdown.machine.native.search import NativeSearch
from shootdown.machine.result import Engine, Limits, SearchResult, WorkerError
from shootdown.program.kind import integer
from shootdown.program.program import Program
from shootdown.program.wellformed import IllFormedError

from . import programs
from .searching import search

STATES = 3633


def run(workers: int = 3, limits: Limits | None = None) -> SearchResult:
    """A search shared from the first level on."""
    with NativeSearch(
        programs.big(2, 2, 4), limits or Limits(), workers=workers, grain=1
    ) as native:
        return native.run()


def test_a_worker_that_dies_at_once_is_our_bug(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether it had work or not, the result cannot be trusted."""

    def die(crew: Crew, worker: int) -> None:
        if worker:
            raise ZeroDivisionError("a bug")

    monkeypatch.setattr(Crew, "serve", die)
    with pytest.raises(WorkerError, match="a thread of the search died: ZeroDivisionError"):
        run()
    assert [t.name for t in threading.enumerate() if t.name.startswith("search")] == []


def test_a_worker_that_dies_with_work_is_our_bug(monkeypatch: pytest.MonkeyPatch) -> None:
    """The leader does not wait for ever for what the dead one had taken."""
    taken: list[int] = []

    def draw_and_die(crew: Crew, worker: int) -> None:
        while worker and not crew.control[control.STOP]:
            unit = crew.loops.draw(crew.control)
            if unit >= 0:
                taken.append(unit)
                raise MemoryError("no memory for worker")

    monkeypatch.setattr(Crew, "serve", draw_and_die)
    with (
        pytest.raises(WorkerError, match="no memory for worker"),
        NativeSearch(programs.big(3, 2, 6), Limits(), workers=2, grain=64) as native,
    ):
        native.run()
    assert len(taken) == 1


def test_threads_that_cannot_start_are_done_without(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fewer hands, the same result."""

    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    assert (run().verdict, run().states) == ("holds", STATES)


def test_no_memory_for_sharing_means_working_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """The arrays of a crew are refused: one thread goes on, with the same result."""

    def refuse(crew: Crew, length: int, kind: Any) -> int:
        raise OSError(12, "Cannot allocate memory")

    monkeypatch.setattr(Crew, "_take", refuse)
    assert (run().verdict, run().states) == ("holds", STATES)


@pytest.mark.parametrize("workers", [1, 3])
def test_no_memory_at_all_is_an_error(monkeypatch: pytest.MonkeyPatch, workers: int) -> None:
    """Not even a few states: there is no search."""

    def refuse(arena: Arena, length: int, kind: Any) -> None:
        raise OSError(12, "Cannot allocate memory")

    monkeypatch.setattr(Arena, "__init__", refuse)
    with pytest.raises(OSError, match="Cannot allocate memory"):
        run(workers)


@pytest.mark.parametrize("workers", [1, 3])
def test_a_full_table_is_our_bug(monkeypatch: pytest.MonkeyPatch, workers: int) -> None:
    """A table that says it has room when it has none: noticed, not looped over for ever."""
    monkeypatch.setattr(store, "FIRST_LINES", 1)
    monkeypatch.setattr(store, "fullest", lambda lines: 1 << 50)
    with pytest.raises(AssertionError, match="no line of the table has room"):
        run(workers)


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_memory_limits_are_kept(workers: int) -> None:
    """Whatever the limit, no more is used, and a search that was cut does not hold."""
    for limit in (200_000, 2_000_000, 13_000_000, 19_000_000, 40_000_000):
        result = run(workers, Limits(memory=limit))
        if result.verdict == "holds":
            assert (result.states, result.cut) == (STATES, None)
        else:
            assert (result.verdict, result.cut) == ("undecided", "memory")
        assert result.memory <= max(limit, 400_000)


def endless(engine_loops: bool = True) -> Program:
    """An actor whose second step goes round and round."""
    model = programs.Model()
    flag = model.variable("flag")
    code = model.code("spinner")
    seen = code.register("seen", integer(0, 1))
    code.point()
    code.store(flag, 1)
    code.point()
    code.load(seen, flag)
    code.label("again")
    if engine_loops:
        code.binary(seen, seen, "|", 1)
        code.branch(seen, "again", "out")
        code.label("out")
    code.halt()
    return model.build()


@pytest.mark.parametrize("engine", ["python", "native"])
def test_an_endless_step_is_our_bug(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither engine hangs in a step without a point."""
    for module in (execution, packed):
        monkeypatch.setattr(module, "FUEL", 1000)
    monkeypatch.setattr("shootdown.machine.interpreter.FUEL", 1000)
    with pytest.raises(EndlessStepError, match="a step of spinner never ends") as caught:
        search(endless(), engine=engine)
    assert isinstance(caught.value, IllFormedError)


def test_fuel_is_only_burnt_where_code_turns_back() -> None:
    """Steps without a loop contain nothing of it."""
    from shootdown.machine.native.packed import emit_packed
    from shootdown.program.layout import make_layout

    with_loop, without = endless(), endless(engine_loops=False)
    assert "back" in emit_packed(with_loop, make_layout(with_loop)).ir
    assert "back" not in emit_packed(without, make_layout(without)).ir


def test_a_search_needs_a_worker() -> None:
    """None is not a number of workers."""
    with pytest.raises(ValueError, match="needs a worker"):
        search(programs.peterson(), workers=0)
