"""Cores are shared out: scenarios to processes, what is left to threads; results stay the same."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shootdown.drivers.catalogue import DRIVERS
from shootdown.linux.operations.catalogue import OPERATIONS
from shootdown.machine.native import search as native
from shootdown.machine.search import search
from shootdown.program.program import Program
from shootdown.scenarios import check, pool
from shootdown.scenarios.driver_request import Request
from shootdown.scenarios.pool import _Shares, check_on_cores
from shootdown.scenarios.verdict import ScenarioResult


def request(*names: str) -> Request:
    """KVM on 6.6 under some operations."""
    operations = tuple(OPERATIONS[name] for name in names)
    return Request(DRIVERS["kvm"], "kvm", (6, 6, 0), operations=operations)


def found(question: Request, cores: int) -> list[ScenarioResult]:
    """What does not depend on how it was searched."""
    rows = check_on_cores(question, cores)
    return [replace(row, seconds=0.0, memory=0) for row in rows]


@given(st.integers(1, 40), st.integers(1, 40))
def test_shares_are_fair_and_only_grow(cores: int, workers: int) -> None:
    """All cores are given away, nobody has two more than another, and when somebody is done nobody
    else gets less."""
    workers = min(workers, cores)
    shares = _Shares(cores, workers)
    places = list(range(workers))
    before = [0] * workers
    while places:
        shares.divide(places)
        now = [shares.of(place) for place in range(workers)]
        given = [now[place] for place in places]
        assert sum(given) == cores
        assert max(given) - min(given) <= 1
        assert all(now[place] >= before[place] for place in places)
        before = now
        places.pop(len(places) // 3)


@pytest.mark.parametrize("cores", [1, 2, 3, 7])
def test_any_number_of_cores_finds_the_same(cores: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fewer than scenarios, or more: states, transitions, coverage and order are those of one, with
    threads in every search."""
    monkeypatch.setattr(native, "GRAIN", 1)
    monkeypatch.setattr(native, "FIRST_BUDGET", 64)
    question = request("munmap", "fork", "mprotect")
    assert found(question, cores) == found(question, 1)


def test_one_scenario_needs_no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """All cores are threads of its search."""
    threads: list[int] = []

    def watch(*given: Any, **options: Any) -> Any:
        threads.append(options["workers"])
        return search(*given, **options)

    monkeypatch.setattr(check, "search", watch)
    monkeypatch.setattr(pool, "_Pool", None)
    assert [row.verdict for row in check_on_cores(request("munmap"), 4)] == ["holds"]
    assert set(threads) == {4}


def test_cores_of_finished_scenarios_help_the_others(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The last search under way ends up with all cores."""

    def watch(program: Any, *given: Any, **options: Any) -> Any:
        end = time.monotonic() + 30
        while calls_munmap(program) and options["hands"]() < 4 and time.monotonic() < end:
            time.sleep(0.01)
        (tmp_path / str(options["hands"]())).touch()
        return search(program, *given, **options)

    monkeypatch.setattr(check, "search", watch)
    assert len(found(request("munmap", "fork"), 4)) == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["2", "4"]


def calls_munmap(program: Program) -> bool:
    """Whether this is the scenario of that operation."""
    code = program.actors[0].code
    return any(place.function.endswith("munmap") for op in code for place in op.where.chain)


def test_a_worker_that_dies_gives_its_cores_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its scenario is undecided, never forgotten; the other one is as ever."""

    def die(program: Any, *given: Any, **options: Any) -> Any:
        if len(program.initials) > 1 and options["workers"] == 2:
            os.kill(os.getpid(), signal.SIGKILL)
        return search(program, *given, **options)

    monkeypatch.setattr(check, "search", die)
    rows = list(check_on_cores(request("munmap", "fork"), 2))
    assert [row.name for row in rows] == ["munmap", "fork"]
    for row in rows:
        assert row.verdict == "undecided"
        assert row.reason is not None and "killed by SIGKILL" in row.reason


FORGETFUL = """
import time
from shootdown.scenarios import check
from shootdown.scenarios.pool import check_on_cores
from shootdown.scenarios.question import Settings, ask
from shootdown.scenarios.target import find_targets

check.search = lambda *given, **options: time.sleep(1000)
list(check_on_cores(ask(*find_targets("kvm")[0], Settings()), 2))
"""


def test_workers_end_with_their_parent() -> None:
    """A parent that is killed leaves nobody behind, not even one that never reports."""
    source = str(Path(pool.__file__).parents[2])
    parent = subprocess.Popen(
        [sys.executable, "-c", FORGETFUL], env={**os.environ, "PYTHONPATH": source}
    )
    children: list[str] = []
    while len(children) < 2:
        time.sleep(0.02)
        assert parent.poll() is None
        children = Path(f"/proc/{parent.pid}/task/{parent.pid}/children").read_text().split()
    parent.kill()
    parent.wait()
    deadline = time.monotonic() + 30
    while any(is_running(child) for child in children):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def is_running(pid: str) -> bool:
    """A process that ended and was not waited for is none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
